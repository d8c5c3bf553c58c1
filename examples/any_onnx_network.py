# SPDX-License-Identifier: BSD-3-Clause
"""Any ONNX network on arrays: what can be analog, and what 1 % of error on its weights does.

``python examples/any_onnx_network.py FILE.onnx [--size 64]`` reads a file as it is, prints its
summary, the largest difference between ideal hardware and ONNX Runtime relative to the largest
output, and the error of the first output (relative L2 distance from the float network) where
every weight is off by 1 % of its layer's range (``WeightGaussian``), for five chips. Inputs are
random numbers, or images of a word: without data there is no accuracy to lose.

Without a file it does so for networks that packages ship, wherever the package is installed:
``pip install --no-deps magika rapidocr-onnxruntime nudenet openwakeword==0.4.0``. Nothing is
downloaded when it runs, and none of the packages' code runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from PIL import Image, ImageDraw, ImageFont

import imperfect as im

SAMPLES, CHIPS = 4, 5


@dataclass(frozen=True)
class Packaged:
    """A network in a package: where, how long its free axes are, and what it is for."""

    module: str
    file: str
    sizes: int
    purpose: str

    @property
    def path(self) -> Path | None:
        """Where the file is, without running the package; None if it is not installed."""
        found = find_spec(self.module)
        folders = found.submodule_search_locations if found else None
        path = Path(folders[0]) / self.file if folders else None
        return path if path and path.exists() else None


PACKAGED = [
    Packaged("magika", "models/standard_v3_3/model.onnx", 0, "type of a file from its bytes"),
    Packaged("rapidocr_onnxruntime", "models/ch_PP-OCRv4_det_infer.onnx", 96, "text in images"),
    Packaged("rapidocr_onnxruntime", "models/ch_PP-OCRv4_rec_infer.onnx", 64, "reading text"),
    Packaged("rapidocr_onnxruntime", "models/ch_ppocr_mobile_v2.0_cls_infer.onnx", 48,
             "text upside down"),
    Packaged("nudenet", "320n.onnx", 128, "object detection (YOLOv8)"),
    Packaged("openwakeword", "resources/models/embedding_model.onnx", 0, "speech embedding"),
    Packaged("openwakeword", "resources/models/alexa_v0.1.onnx", 0, "wake word"),
]  # fmt: skip


def random_inputs(network: im.Network, size: int) -> dict[str, Any]:
    """Numbers for every input: ``SAMPLES`` samples, free axes of length ``size``."""
    rng = np.random.default_rng(0)
    inputs: dict[str, Any] = {}
    for info in network.inputs:
        shape = [side if isinstance(side, int) else size for side in info.shape or ()]
        if info.per_sample:
            # Why: a network for a fixed number of samples takes multiples of it.
            shape[0] = SAMPLES * (shape[0] if isinstance((info.shape or ("n",))[0], int) else 1)
        if info.dtype == "float32":
            inputs[info.name] = rng.standard_normal(shape, np.float32)
            if len(shape) == 4 and shape[1] == 3:
                inputs[info.name] = texts(shape)
        else:
            inputs[info.name] = rng.integers(0, 2 if info.dtype == "bool" else 100, shape)
    return inputs


def texts(shape: list[int]) -> np.ndarray:
    """Images with a black word on white: in plain noise a network for images sees nothing."""
    count, _, height, width = shape
    images = np.empty((count, 1, height, width), np.float32)
    for place in range(count):
        image = Image.new("L", (width, height), 255)
        font = ImageFont.load_default(0.5 * min(height, width))
        ImageDraw.Draw(image).text((2, height // 5), f"a{place}R", 0, font)
        images[place, 0] = np.asarray(image) / 127.5 - 1
    return np.ascontiguousarray(np.broadcast_to(images, shape))


def by_onnx_runtime(path: Path, network: im.Network, inputs: dict[str, Any]) -> dict[str, Any]:
    """ONNX Runtime's answers for the file, as many samples at a time as the network takes."""
    options: Any = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    first = network.inputs[0]
    total = len(inputs[first.name])
    step = first.shape[0] if first.shape and isinstance(first.shape[0], int) else total
    parts = []
    for start in range(0, total, step):
        feeds = {
            info.name: inputs[info.name][start : start + step].astype(info.dtype)
            if info.per_sample
            else inputs[info.name].astype(info.dtype)
            for info in network.inputs
        }
        parts.append(session.run(None, feeds))
    names = [info.name for info in session.get_outputs()]
    return {name: np.concatenate([p[k] for p in parts]) for k, name in enumerate(names)}


def as_dict(network: im.Network, answer: Any) -> dict[str, Any]:
    return answer if isinstance(answer, dict) else {network.outputs[0].name: answer}


def difference(path: Path, network: im.Network, inputs: dict[str, Any]) -> float:
    """Largest difference of ideal hardware from ONNX Runtime, relative to the largest output."""
    answer = as_dict(network, im.AnalogNetwork(network)(inputs))
    worst = 0.0
    for name, expected in by_onnx_runtime(path, network, inputs).items():
        scale = max(float(np.abs(expected).max()), 1e-30)
        worst = max(worst, float(np.abs(answer[name] - expected).max()) / scale)
    return worst


def errors(network: im.Network, inputs: dict[str, Any], sigma: float = 0.01) -> Iterator[float]:
    """Relative L2 error of the first output, chip by chip."""
    name = network.outputs[0].name
    expected = as_dict(network, network(inputs))[name]
    law = im.device.WeightGaussian(sigma)
    noisy = im.Hardware(cell=im.Cell(programming=law))
    for seed in range(CHIPS):
        chip = im.AnalogNetwork(network, noisy, seed=seed)
        answer = as_dict(network, chip(inputs))[name]
        yield float(np.linalg.norm(answer - expected) / np.linalg.norm(expected))


def report(path: Path, size: int, *, summary: bool) -> str:
    """One line on the network, after its summary if wanted."""
    network = im.Network.from_onnx(path)
    inputs = random_inputs(network, size)
    if summary:
        print(network.summary())
    low, *_, high = sorted(errors(network, inputs))
    analog = f"{len(network.layers)} analog layers"
    gap = f"ideal hardware differs by {difference(path, network, inputs):.1e}"
    return f"{analog}; {gap}; 1 % of error on weights: {low:.1%} to {high:.1%} of the output"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, help="an ONNX file; default: packages'")
    parser.add_argument("--size", type=int, default=64, help="length of free axes")
    given = parser.parse_args()
    if given.file is not None:
        print(report(given.file, given.size, summary=True))
        return
    for item in PACKAGED:
        name = f"{item.module}/{Path(item.file).name} ({item.purpose})"
        if item.path is None:
            print(f"{name}: not installed")
        else:
            print(f"{name}: {report(item.path, item.sizes, summary=False)}", flush=True)


if __name__ == "__main__":
    main()
