# SPDX-License-Identifier: BSD-3-Clause
"""Stores a chip in one ``.npz`` file and reads it back, without pickle.

Members, each a NumPy array stored uncompressed: ``chip`` (JSON text as bytes: format, version,
seed, chunk, hardware, the layers, the names of those that stay digital), ``network`` (the ONNX
model as bytes), ``<i>.<key>`` (state of layer i: cells and calibrated ranges), ``<i>.scale`` and
``<i>.shift`` (its epilogue), and ``sha256`` over all of them. The digest finds damage and careless
edits; it proves no origin. A reader trusts nothing: sizes are compared with the file before an
array is made, and the network passes the same checks as any ONNX file.
"""

from __future__ import annotations

import copy
import hashlib
import io
import json
import math
import os
import tokenize
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imperfect._arrays import as_seed
from imperfect._checks import check_instance, check_version, flag, refusal
from imperfect._json import parse_json
from imperfect._network.network import Network
from imperfect._network.programmed import (
    Layer,
    as_chunk,
    build_layer,
    epilogue_of,
    with_affine,
)
from imperfect._npz import write_npz
from imperfect.hardware import Hardware

if TYPE_CHECKING:
    from imperfect._network.chip import AnalogNetwork

FORMAT, VERSION = "imperfect chip", 2
AFFINE = ("scale", "shift")
# Why: what zipfile, json and NumPy raise for content that they cannot read.
UNREADABLE = (
    zipfile.BadZipFile, AttributeError, EOFError, IndexError, KeyError, OverflowError,
    RuntimeError, SyntaxError, TypeError, ValueError, tokenize.TokenError,
)  # fmt: skip
Arrays = dict[str, NDArray[Any]]
Parts = tuple[Network, Hardware, int, int | None, dict[str, Layer]]


def save(chip: AnalogNetwork, path: str | os.PathLike[str]) -> None:
    """Write the chip; the file appears complete or not at all."""
    place = _as_path(path)
    chip = copy.copy(chip)  # as it is now, whatever is programmed meanwhile
    arrays: Arrays = {}
    infos = []
    for index, (name, layer) in enumerate(chip.layers.items()):
        state = layer.state()
        arrays |= {f"{index}.{key}": values for key, values in state.items()}
        epilogue = epilogue_of(layer)
        affine = {"scale": epilogue.scale, "shift": epilogue.shift}
        has_epilogue = epilogue.scale is not None
        arrays |= {f"{index}.{k}": values for k, values in affine.items() if values is not None}
        infos.append(
            {
                "name": name,
                "seed": layer.seed,
                "hardware": layer.hardware.to_dict(),
                "precision": layer.precision,
                "state": list(state),
                "epilogue": has_epilogue,
            }
        )
    about = {
        "format": FORMAT,
        "version": VERSION,
        "seed": chip.seed,
        "chunk": chip.chunk,
        "hardware": chip.hardware.to_dict(),
        "layers": infos,
        "digital": [name for name in chip.network._specs if name not in chip.layers],
    }
    arrays["chip"] = _bytes_array(json.dumps(about, sort_keys=True).encode())
    arrays["network"] = _bytes_array(chip.network._graph.model.SerializeToString())
    arrays["sha256"] = _bytes_array(_digest(arrays))
    write_npz(place, arrays)


def _as_path(path: Any) -> Path:
    check_instance("path", path, (str, os.PathLike), "the path of a file, as str or os.PathLike")
    text = os.fspath(path)
    if not isinstance(text, str) or not Path(text).name or "\0" in text:
        raise ValueError(refusal("path", path, "the path of a file"))
    return Path(text)


def load(path: str | os.PathLike[str]) -> Parts:
    """Read what ``save`` wrote: network, hardware, seed, chunk and layers."""
    place = _as_path(path)
    try:
        return _build(_read(place))
    except UNREADABLE as error:
        what = f"has no {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{path}: is not a usable chip file: {what}") from error


def _read(path: Path) -> Arrays:
    """All arrays of the file, checked against its digest."""
    arrays: Arrays = {}
    with zipfile.ZipFile(path) as file:
        # Why: a small file may list one large member many times.
        if len(file.infolist()) > len(names := set(file.namelist())):
            raise ValueError(f"has more members than names: {sorted(names)[:10]}")
        for info in file.infolist():
            if info.compress_type != zipfile.ZIP_STORED or not info.filename.endswith(".npy"):
                raise ValueError(f"member {info.filename!r} is not a stored array")
            if info.header_offset < 0:
                raise ValueError(f"member {info.filename!r} begins before the file")
            # Why: a stored member is never larger than the file, whatever its header claims.
            arrays[info.filename.removesuffix(".npy")] = _parse_array(file.read(info))
    if arrays["sha256"].tobytes() != _digest({k: v for k, v in arrays.items() if k != "sha256"}):
        raise ValueError("its content does not match its SHA-256")
    return arrays


def _parse_array(content: bytes) -> NDArray[Any]:
    """One array in NumPy's format, no larger than the bytes that are there."""
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(f"array format {version} is not supported")
    shape, _, dtype = readers[version](stream)
    size = len(content) - stream.tell()
    if dtype.hasobject or math.prod(shape) * dtype.itemsize != size:
        raise ValueError(f"an array of shape {shape} and type {dtype} does not fill {size} bytes")
    stream.seek(0)
    array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
    return array


def _build(arrays: Arrays) -> Parts:
    about = parse_json("the chip", arrays["chip"].tobytes())
    check_instance("chip", about, dict, "a dictionary")
    if about["format"] != FORMAT:
        raise ValueError(refusal("format", about["format"], repr(FORMAT)))
    check_version(about["version"], VERSION)
    network = Network.from_onnx(arrays["network"].tobytes())
    _check_names(network, about)
    layers: dict[str, Layer] = {}
    used = {"chip", "network", "sha256"}
    for index, info in enumerate(about["layers"]):
        own = _arrays_of_layer(arrays, index, info)
        layers[info["name"]] = _build_layer(network, info, own)
        used |= {f"{index}.{key}" for key in own}
    if unknown := sorted(arrays.keys() - used):
        raise ValueError(f"has members that no layer needs: {unknown}")
    hardware = Hardware.from_dict(about["hardware"])
    in_order = {name: layers[name] for name in network._specs if name in layers}
    return network, hardware, as_seed("seed", about["seed"]), as_chunk(about["chunk"]), in_order


def _check_names(network: Network, about: dict[str, Any]) -> None:
    """Every layer of the network that can be analog is either stored or said to be digital."""
    check_instance("layers", about["layers"], list, "a list of dictionaries")
    check_instance("digital", about["digital"], list, "a list of names")
    for info in about["layers"]:
        check_instance("layers", info, dict, "a list of dictionaries")
    listed = [info["name"] for info in about["layers"]] + about["digital"]
    for name in listed:
        check_instance("name of a layer", name, str, "a string")
    names = list(network._specs)
    if sorted(listed) != sorted(names):
        raise ValueError(f"stores or calls digital the layers {listed}, its network has {names}")


def _arrays_of_layer(arrays: Arrays, index: int, info: dict[str, Any]) -> Arrays:
    """State and epilogue of one layer by key, all of them finite."""
    keys, name = info["state"], info["name"]
    check_instance("state", keys, list, "a list of names")
    flag("epilogue", info["epilogue"])
    own = {}
    for key in [*keys, *AFFINE * info["epilogue"]]:
        values = own[key] = arrays[f"{index}.{key}"]
        if values.dtype.kind not in "biuf":
            raise ValueError(f"layer {name!r}: {key} is of {values.dtype}, must be of real numbers")
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ValueError(f"layer {name!r}: {key} holds NaN or infinity")
    ranges = own.get("output_ranges", np.empty((0, 2)))
    if ranges.ndim == 2 and (ranges[:, :1] >= ranges[:, 1:]).any():
        raise ValueError(f"layer {name!r}: output_ranges={ranges.tolist()}: must be (lo, hi) pairs")
    return own


def _build_layer(network: Network, info: dict[str, Any], own: Arrays) -> Layer:
    """One layer with the cells, the calibration and the epilogue that were stored."""
    spec = network._specs[info["name"]]
    hardware, seed = Hardware.from_dict(info["hardware"]), info["seed"]
    layer = build_layer(spec, hardware, seed, info["precision"])
    layer.restore({key: own[key] for key in info["state"]})
    return with_affine(spec, layer, (own["scale"], own["shift"])) if info["epilogue"] else layer


def _bytes_array(content: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(content, np.uint8)


def _digest(arrays: Arrays) -> bytes:
    sha = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        header = f"{name} {array.dtype.str} {array.shape}".encode()
        sha.update(len(header).to_bytes(8, "little") + header + array.tobytes())
    return sha.digest()
