# SPDX-License-Identifier: BSD-3-Clause
"""Forward on the arrays, backward through the layer they stand for: the straight-through estimator.

Forward, y = analog(x): the core reads the tensor's own memory and writes into that of the result.
Backward, for y ~ W x + b, as if converters and read noise were not there (Bengio, Leonard &
Courville 2013, arXiv:1308.3432):

    grad_x = W'^T grad_y      W' = what the programmed cells stand for (``effective_weight``)
    grad_W = grad_y x^T       a change of a weight is taken to change its cells by as much
    grad_b = sum of grad_y

Without converters and read noise the cells are linear, so grad_x is exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

if TYPE_CHECKING:
    from imperfect._torch.modules import AnalogModule


class StraightThrough(torch.autograd.Function):
    """Computes a module's layer; gradients of the input, the weights and the bias."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, module: AnalogModule
    ) -> Tensor:
        layer = module._layer
        x = x.contiguous()
        ctx.module, ctx.layer, ctx.shape = module, layer, x.shape
        ctx.save_for_backward(x if ctx.needs_input_grad[1] else None)
        values = x.detach().numpy()
        y = torch.empty(module._output_shape(values))
        samples = module._row_numbers(values)
        layer(values, read=module._next_read(), samples=samples, out=y.numpy())
        return y

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator, unused-ignore]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (x,) = ctx.saved_tensors
        module, needed = ctx.module, ctx.needs_input_grad
        grad_x = grad_w = grad_b = None
        if needed[0]:
            effective = module._effective_weight(ctx.layer)
            grad_x = module._input_gradient(ctx.shape, effective, grad)
        if needed[1]:
            grad_w = module._weight_gradient(x, grad)
        if needed[2]:
            grad_b = module._bias_gradient(grad)
        return grad_x, grad_w, grad_b, None


def padded(x: Tensor, pairs: tuple[tuple[int, int], ...]) -> tuple[Tensor, tuple[int, ...]]:
    """``x`` and the padding that torch's functions still have to add: the same at both ends."""
    if all(before == after for before, after in pairs):
        return x, tuple(before for before, _ in pairs)
    flat = [size for pair in reversed(pairs) for size in pair]
    return functional.pad(x, flat), (0,) * len(pairs)


def unpadded(x: Tensor, pairs: tuple[tuple[int, int], ...]) -> Tensor:
    """The inner part of a gradient with respect to a padded input."""
    for axis, (before, after) in enumerate(pairs, 2):
        x = x.narrow(axis, before, x.shape[axis] - before - after)
    return x
