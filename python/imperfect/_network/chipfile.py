# SPDX-License-Identifier: BSD-3-Clause
"""Stores a chip in one ``.npz`` file and reads it back, without pickle.

Members, each a NumPy array stored uncompressed: ``chip`` (JSON text as bytes: format, version,
seed, chunk, hardware, the layers), ``network`` (the ONNX model as bytes), ``<i>.<key>`` (state of
layer i: cells and calibrated ranges), ``<i>.scale`` and ``<i>.shift`` (its epilogue), and
``sha256`` over all of them. The digest finds damage and careless edits; it proves no origin. A
reader trusts nothing: sizes are compared with the file before an array is made, and the network
passes the same checks as any ONNX file.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imperfect._arrays import as_seed
from imperfect._network.network import Network
from imperfect._network.programmed import Layer, build_layer, with_affine
from imperfect.hardware import Hardware

if TYPE_CHECKING:
    from imperfect._network.chip import AnalogNetwork

FORMAT, VERSION = "imperfect chip", 1
# Why: what zipfile, json and NumPy raise for content that they cannot read.
UNREADABLE = (
    zipfile.BadZipFile, AttributeError, EOFError, IndexError, KeyError, OverflowError,
    RuntimeError, TypeError, ValueError,
)  # fmt: skip
Arrays = dict[str, NDArray[Any]]
Parts = tuple[Network, Hardware, int, int | None, dict[str, Layer]]


def save(chip: AnalogNetwork, path: str | os.PathLike[str]) -> None:
    """Write the chip; the file appears complete or not at all."""
    arrays: Arrays = {}
    infos = []
    for index, (name, layer) in enumerate(chip.layers.items()):
        state = layer.state()
        arrays |= {f"{index}.{key}": values for key, values in state.items()}
        affine = {"scale": layer.epilogue.scale, "shift": layer.epilogue.shift}
        has_epilogue = layer.epilogue.scale is not None
        arrays |= {f"{index}.{k}": values for k, values in affine.items() if values is not None}
        infos.append(
            {
                "name": name,
                "seed": layer.seed,
                "hardware": layer.hardware.to_dict(),
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
    }
    arrays["chip"] = _bytes_array(json.dumps(about, sort_keys=True).encode())
    arrays["network"] = _bytes_array(chip.network._graph.model.SerializeToString())
    arrays["sha256"] = _bytes_array(_digest(arrays))
    _write(Path(path), arrays)


def _write(path: Path, arrays: Arrays) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load(path: str | os.PathLike[str]) -> Parts:
    """Read what ``save`` wrote: network, hardware, seed, chunk and layers."""
    try:
        return _build(_read(Path(path)))
    except UNREADABLE as error:
        what = f"has no {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{path}: is not a usable chip file: {what}") from error


def _read(path: Path) -> Arrays:
    """All arrays of the file, checked against its digest."""
    arrays: Arrays = {}
    with zipfile.ZipFile(path) as file:
        for info in file.infolist():
            if info.compress_type != zipfile.ZIP_STORED or not info.filename.endswith(".npy"):
                raise ValueError(f"member {info.filename!r} is not a stored array")
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
    about = json.loads(arrays["chip"].tobytes())
    if about["format"] != FORMAT or about["version"] != VERSION:
        raise ValueError(f"format {about['format']!r}, version {about['version']}: unknown")
    network = Network.from_onnx(arrays["network"].tobytes())
    layers: dict[str, Layer] = {}
    for index, info in enumerate(about["layers"]):
        spec = network._specs[info["name"]]
        layer = build_layer(spec, Hardware.from_dict(info["hardware"]), info["seed"])
        layer.restore({key: arrays[f"{index}.{key}"] for key in info["state"]})
        if info["epilogue"]:
            affine = arrays[f"{index}.scale"], arrays[f"{index}.shift"]
            layer = with_affine(spec, layer, affine)
        layers[spec.name] = layer
    hardware = Hardware.from_dict(about["hardware"])
    return network, hardware, as_seed("seed", about["seed"]), about["chunk"], layers


def _bytes_array(content: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(content, np.uint8)


def _digest(arrays: Arrays) -> bytes:
    sha = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        header = f"{name} {array.dtype.str} {array.shape}".encode()
        sha.update(len(header).to_bytes(8, "little") + header + array.tobytes())
    return sha.digest()
