# SPDX-License-Identifier: BSD-3-Clause
"""ResNet-20 in the form for 32 × 32 images (He et al. 2016, section 4.2), with random weights.

One convolution, three stages of three blocks with 16, 32 and 64 channels, shortcuts without
parameters (every second pixel, missing channels zero), mean over the image, a classifier. Weights
are drawn with variance 2 / (inputs of a sum); the statistics of every batch normalisation are those
of random images, so that activations are scaled and as often zero as in a trained network. The
speed of a network does not depend on what it has learned.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

NORM_PARAMETERS = ("gamma", "beta", "mean", "variance")


class Builder:
    """Adds nodes one after another; every layer's weights come from one stream of numbers."""

    def __init__(self, seed: int, statistics: dict[str, Any] | None) -> None:
        self.random = np.random.default_rng(seed)
        self.statistics = statistics  # None: measure them
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def constant(self, name: str, values: Any) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def node(self, kind: str, name: str, *inputs: str, **attributes: Any) -> str:
        measured = [f"{name}.{part}" for part in attributes.pop("also", ())]
        self.nodes.append(helper.make_node(kind, inputs, [name, *measured], name, **attributes))
        return name

    def conv(self, name: str, x: str, inputs: int, outputs: int, stride: int = 1) -> str:
        """A 3 × 3 convolution without bias, and its batch normalisation."""
        spread = np.sqrt(2 / (9 * inputs))
        weight = self.random.normal(0, spread, (outputs, inputs, 3, 3)).astype(np.float32)
        y = self.node(
            "Conv", f"{name}.conv", x, self.constant(f"{name}.weight", weight),
            pads=[1] * 4, strides=[stride] * 2,
        )  # fmt: skip
        one, zero = np.ones(outputs, np.float32), np.zeros(outputs, np.float32)
        known = self.statistics or {f"{name}.mean": zero, f"{name}.variance": one}
        values = one, zero, known[f"{name}.mean"], known[f"{name}.variance"]
        names = [
            self.constant(f"{name}.{part}_", value)
            for part, value in zip(NORM_PARAMETERS, values, strict=True)
        ]
        training = {} if self.statistics else {
            "training_mode": 1, "momentum": 0.0, "also": NORM_PARAMETERS[2:],
        }  # fmt: skip
        return self.node("BatchNormalization", name, y, *names, **training)

    def block(self, name: str, x: str, inputs: int, outputs: int) -> str:
        stride = outputs // inputs
        y = self.node("Relu", f"{name}.relu1", self.conv(f"{name}.1", x, inputs, outputs, stride))
        y = self.conv(f"{name}.2", y, outputs, outputs)
        if stride > 1:
            ends = (np.array(values) for values in ([0, 0], [32, 32], [2, 3], [2, 2]))
            parts = zip(("from", "to", "axes", "steps"), ends, strict=True)
            names = [self.constant(f"{name}.{part}", values) for part, values in parts]
            x = self.node("Slice", f"{name}.slice", x, *names)
            missing = np.array([0, (outputs - inputs) // 2, 0, 0] * 2)
            x = self.node("Pad", f"{name}.pad", x, self.constant(f"{name}.missing", missing))
        return self.node("Relu", f"{name}.out", self.node("Add", f"{name}.add", x, y))

    def model(self) -> ModelProto:
        x = self.node("Relu", "stem.relu", self.conv("stem", "image", 3, 16))
        channels = 16
        for stage, width in enumerate((16, 32, 64), 1):
            for block in range(1, 4):
                x = self.block(f"stage{stage}.{block}", x, channels, width)
                channels = width
        x = self.node("Flatten", "flat", self.node("GlobalAveragePool", "pool", x))
        weight = self.random.normal(0, np.sqrt(1 / 64), (10, 64)).astype(np.float32)
        names = self.constant("fc.weight", weight), self.constant("fc.bias", weight[:, 0] * 0)
        self.node("Gemm", "logits", x, *names, transB=1)
        values = helper.make_tensor_value_info
        image = values("image", 1, ["n", 3, 32, 32])
        measured = [name for node in self.nodes for name in node.output[1:]]
        outputs = [values("logits", 1, ["n", 10]), *(values(name, 1, None) for name in measured)]
        graph = helper.make_graph(self.nodes, "resnet20", [image], outputs, self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def images(count: int, seed: int = 1) -> Any:
    """Random images of mean 0 and variance 1, smooth as photographs are."""
    coarse = np.random.default_rng(seed).normal(size=(count, 3, 8, 8))
    return np.kron(coarse, np.ones((4, 4))).astype(np.float32)


def resnet20(seed: int = 0) -> ModelProto:
    """The network; its statistics are measured on 64 images in one run in training mode."""
    measuring = session(Builder(seed, None).model())
    names = [value.name for value in measuring.get_outputs()[1:]]
    values = measuring.run(names, {"image": images(64)})
    return Builder(seed, dict(zip(names, values, strict=True))).model()


def session(model: ModelProto) -> Any:
    """ONNX Runtime on one thread, all optimisations on."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options)
