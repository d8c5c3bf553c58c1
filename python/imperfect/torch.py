# SPDX-License-Identifier: BSD-3-Clause
"""Networks of PyTorch on imperfect hardware, trainable with the hardware in the loop.

``to_analog`` replaces linear and convolutional layers by analog ones, in a copy or in place. They
compute on the CPU, in the memory of the tensors themselves, and have straight-through gradients,
so that any optimizer of torch trains any of their weights. Nothing is compiled against torch:
tensors and arrays share memory through ``Tensor.numpy``.

Why: a chip that came out wrong may still be taught. A new last layer is one way, and
``imperfect.study`` measures it; training with the chip's own errors in the forward pass is another.
``LastLayers`` trains the last few layers of a ``Network`` again, on the features of a chip.
"""

from imperfect._optional import require

require("torch", "torch")

from imperfect._torch.last_layers import LastLayers  # noqa: E402
from imperfect._torch.modules import AnalogConv1d, AnalogConv2d, AnalogLinear  # noqa: E402
from imperfect._torch.replace import calibrate, summary, to_analog  # noqa: E402

__all__ = [
    "AnalogConv1d",
    "AnalogConv2d",
    "AnalogLinear",
    "LastLayers",
    "calibrate",
    "summary",
    "to_analog",
]
