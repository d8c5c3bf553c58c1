# SPDX-License-Identifier: BSD-3-Clause
"""Replaces the layers of a PyTorch network by analog ones, calibrates them, and tells what stayed.

A layer is replaced where its class is exactly ``nn.Linear``, ``nn.Conv1d`` or ``nn.Conv2d``:
subclasses may compute something else. Draws of a layer are keyed by its dotted name, so they do
not depend on which other layers are analog.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from imperfect._arrays import as_seed
from imperfect._checks import check_instance, flag, refusal
from imperfect._network.selection import as_hardware, matching
from imperfect._torch.modules import ANALOG, AnalogModule
from imperfect.hardware import Hardware

Choice = Sequence[str] | Callable[[str, nn.Module], bool] | None

# Why: they compute with the weights of the modules inside them without calling these.
WITHOUT_CALLS = (nn.MultiheadAttention, nn.TransformerEncoderLayer)


def to_analog(
    module: nn.Module,
    hardware: Hardware | None = None,
    *,
    include: Choice = None,
    exclude: Choice = None,
    inplace: bool = False,
    seed: int = 0,
    rewrite: Literal["next", "same", "manual"] = "next",
    precision: Literal["float32", "fixed16"] = "float32",
) -> nn.Module:
    """Replace the linear and convolutional layers of a network by analog ones.

    Parameters
    ----------
    module : nn.Module
        The network, in float32 on the CPU.
    hardware : Hardware or None
        The machine of every layer that is replaced; None is ideal. Call again with another
        ``include`` to give other layers another one.
    include, exclude : list of patterns of dotted names, function of (name, module), or None
        Which layers to replace, and which of them not; patterns have the syntax of ``fnmatch``.
        None includes all that can be, and excludes none.
    inplace : bool
        Whether to change ``module`` itself; otherwise it stays, parameters included.
    seed : int
        Decides all random draws.
    rewrite, precision
        As in ``AnalogLinear``.

    Returns
    -------
    nn.Module
        The network with analog layers; ``summary`` tells what they are.

    Raises
    ------
    ValueError
        If nothing is replaced, a pattern fits no layer, or a layer that is named in ``include``
        cannot be analog.
    TypeError
        If an argument has a wrong type, or a layer is not float32 on the CPU.

    Examples
    --------
    >>> import torch
    >>> import imperfect as im
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    >>> hardware = im.Hardware(cell=im.Cell(programming=im.device.Gaussian(0.02)))
    >>> chip = im.torch.to_analog(net, hardware, include=["2"])
    >>> print(im.torch.summary(chip))
    name  kind          analog  reason
    0     Linear        no      was not chosen
    2     AnalogLinear  yes
    """
    kinds = "a torch.nn.Module"
    check_instance("module", module, nn.Module, kinds)
    machine = as_hardware("hardware", hardware)
    seed = as_seed("seed", seed)
    chosen = _chosen(module, include, exclude)
    if flag("inplace", inplace) and "" in chosen:
        raise ValueError("inplace=True: module itself is a layer; use what inplace=False returns")
    if not inplace:
        module = copy.deepcopy(module)
        old = dict(module.named_modules())
        chosen = {name: old[name] for name in chosen}
    settings: dict[str, Any] = {"seed": seed, "rewrite": rewrite, "precision": precision}
    # Why: all are built before any is replaced, so an error leaves the network as it was.
    built = {id(layer): build(name, layer, machine, settings) for name, layer in chosen.items()}
    return exchanged(module, built)


def build(
    name: str, layer: nn.Module, hardware: Hardware, settings: dict[str, Any]
) -> AnalogModule:
    """The analog module that stands for a layer; errors name the layer."""
    kind = next(kind for kind in ANALOG if kind._replaces is type(layer))
    try:
        return kind(layer, hardware, layer_id=name, **settings)
    except (TypeError, ValueError) as error:
        raise type(error)(f"layer {name!r}: {error}") from error


def exchanged(module: nn.Module, built: dict[int, AnalogModule]) -> nn.Module:
    """A network with analog modules in the places of those whose ``id`` they are built for."""
    if id(module) in built:
        return built[id(module)]
    # Why: a module may stand in several places; each of them gets the same analog one.
    for parent in list(module.modules()):
        for name, child in list(parent._modules.items()):
            if id(child) in built:
                parent._modules[name] = built[id(child)]
    return module


def _chosen(module: nn.Module, include: Choice, exclude: Choice) -> dict[str, nn.Module]:
    """The layers to replace, by name."""
    reasons = {name: reason for name, _, reason in _layers(module) if reason is not None}
    found = dict(module.named_modules())
    fitting = [name for name, reason in reasons.items() if not reason]
    if isinstance(include, str) or isinstance(exclude, str):
        raise TypeError("include, exclude: must be lists of patterns or functions, not one string")
    named = set(fitting) if include is None else _named("include", include, found, reasons)
    for name in named:
        if reasons[name]:
            raise ValueError(f"include: {name!r} cannot be analog: {reasons[name]}")
    left = set() if exclude is None else _named("exclude", exclude, found, reasons)
    chosen = {name: found[name] for name in fitting if name in named - left}
    if not chosen:
        raise ValueError(f"module: no layer is left to replace; those that can be are {fitting}")
    return chosen


def _named(
    field: str, choice: Any, found: dict[str, nn.Module], reasons: dict[str, str]
) -> set[str]:
    if callable(choice):
        return {
            name for name, reason in reasons.items() if not reason and choice(name, found[name])
        }
    if not isinstance(choice, Iterable):
        allowed = "a list of patterns, a function of (name, module), or None"
        raise TypeError(f"{refusal(field, choice, allowed)}, not {type(choice).__name__}")
    return {name for pattern in choice for name in matching(field, pattern, list(reasons))}


def _layers(module: nn.Module) -> Iterator[tuple[str, nn.Module, str | None]]:
    """Modules with parameters of their own: why they cannot be replaced, "" if they can.

    The reason is None for those that are analog already.
    """
    inside: dict[int, nn.Module] = {}
    for parent in module.modules():
        if isinstance(parent, WITHOUT_CALLS):
            inside |= {id(child): parent for child in parent.modules() if child is not parent}
    for name, layer in module.named_modules():
        if isinstance(layer, AnalogModule):
            yield name, layer, None
        elif next(layer.parameters(recurse=False), None) is not None:
            yield name, layer, _reason(layer, inside.get(id(layer)))


def _reason(layer: nn.Module, owner: nn.Module | None) -> str:
    kinds = [kind for kind in ANALOG if kind._replaces is type(layer)]
    if not kinds:
        return f"no analog layer for {type(layer).__name__}"
    if owner is not None:
        return f"{type(owner).__name__} uses its weights without calling it"
    return kinds[0].refusal(layer)


def summary(module: nn.Module) -> str:
    """A table of the layers with parameters: which are analog, and why the others are not.

    Examples
    --------
    >>> import torch
    >>> import imperfect as im
    >>> net = torch.nn.Sequential(torch.nn.Conv3d(1, 1, 3), torch.nn.Linear(4, 8))
    >>> print(im.torch.summary(im.torch.to_analog(net)))
    name  kind          analog  reason
    0     Conv3d        no      no analog layer for Conv3d
    1     AnalogLinear  yes
    """
    check_instance("module", module, nn.Module, "a torch.nn.Module")
    rows = [("name", "kind", "analog", "reason")]
    for name, layer, reason in _layers(module):
        is_analog, why = ("yes", "") if reason is None else ("no", reason or "was not chosen")
        rows.append((name, type(layer).__name__, is_analog, why))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = ("  ".join([*map(str.ljust, row[:3], widths), row[3]]).rstrip() for row in rows)
    return "\n".join(lines)


def calibrate(module: nn.Module, batches: Any) -> None:
    """Set the converters' ranges of every analog layer, each on what those before it give.

    One pass without gradients, in evaluation mode: each layer is calibrated on the inputs of its
    first call and then computes with its new ranges. Nothing else in the network changes.

    Parameters
    ----------
    module : nn.Module
        A network with analog layers.
    batches : Tensor, or list of tensors or of tuples of tensors
        Typical inputs, some tens to hundreds. Batches are joined along their first axis and held
        at once; a tuple is what the network takes as its arguments.

    Raises
    ------
    ValueError
        If there is no analog layer or no batch, or a value is not finite. Ranges stay as they
        were.
    TypeError
        If a batch is no tensor.

    Examples
    --------
    >>> import torch
    >>> import imperfect as im
    >>> hardware = im.Hardware(dac=im.DAC(bits=8), adc=im.ADC(bits=8, range="calibrated"))
    >>> chip = im.torch.to_analog(torch.nn.Linear(4, 8), hardware)
    >>> im.torch.calibrate(chip, torch.randn(100, 4))
    >>> chip(torch.randn(2, 4)).shape
    torch.Size([2, 8])
    """
    check_instance("module", module, nn.Module, "a torch.nn.Module")
    analog = [layer for layer in module.modules() if isinstance(layer, AnalogModule)]
    if not analog:
        raise ValueError("module: has no analog layer; to_analog makes them")
    arguments = _joined(batches)
    before = [(layer, layer._layer, layer.read) for layer in analog]
    training = [(part, part.training) for part in module.modules()]
    handles = [layer.register_forward_pre_hook(_once()) for layer in analog]
    try:
        with torch.no_grad():
            module.eval()(*arguments)
    except BaseException:
        for layer, old, _ in before:
            layer._layer = old
        raise
    finally:
        for handle in handles:
            handle.remove()
        for layer, _, read in before:
            layer.read = read
        for part, was in training:
            part.training = was


def _once() -> Callable[[Any, tuple[Any, ...]], None]:
    """A hook that calibrates a layer the first time it is called."""
    seen = False

    def hook(layer: AnalogModule, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if not seen:
            layer.calibrate(arguments[0])
        seen = True

    return hook


def _joined(batches: Any) -> tuple[Tensor, ...]:
    """The network's arguments, of all batches together."""
    if isinstance(batches, Tensor):
        return (batches,)
    if not isinstance(batches, Iterable) or isinstance(batches, str | bytes | dict):
        allowed = "a tensor, or a list of tensors or of tuples of them"
        raise TypeError(f"batches: must be {allowed}, not {type(batches).__name__}")
    rows = [batch if isinstance(batch, tuple | list) else (batch,) for batch in batches]
    if not rows:
        raise ValueError("batches: has no batch")
    for row in rows:
        for tensor in row:
            check_instance("batches", tensor, Tensor, "a torch.Tensor each")
    if len({len(row) for row in rows}) > 1:
        raise ValueError("batches: have different numbers of tensors")
    return tuple(torch.cat(column) for column in zip(*rows, strict=True))
