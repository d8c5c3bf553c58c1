# SPDX-License-Identifier: BSD-3-Clause
"""Exports small networks of scikit-learn, PyTorch and Keras: the files of this folder.

``python make.py sklearn`` (with skl2onnx), ``python make.py torch`` (with onnxscript) or
``python make.py keras`` (with tensorflow and tf2onnx) writes its files, each in an environment
that has these packages. Weights are random or trained on the irises; seeds are fixed, so that
another version of an exporter changes the graph at most. ``tests/test_exports.py`` reads them.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent


def make_sklearn() -> None:
    from skl2onnx import to_onnx
    from sklearn.datasets import load_iris
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, kinds = load_iris(return_X_y=True)
    x, names = x.astype(np.float32), np.array(["setosa", "versicolor", "virginica"])[kinds]
    pipeline = make_pipeline(StandardScaler(), PCA(3), LogisticRegression())
    both = np.c_[kinds, kinds == 1]
    models = {
        "sklearn_logistic_opset12": (LogisticRegression(), kinds, 12, True),
        "sklearn_binary_opset18": (LogisticRegression(), names == "setosa", 18, False),
        "sklearn_pipeline_opset15": (pipeline, names, 15, True),
        "sklearn_regression_opset21": (LinearRegression(), both, 21, False),
        "sklearn_mlp_opset21": (MLPClassifier((8,), max_iter=80, random_state=0), kinds, 21, True),
    }
    for name, (model, target, opset, dictionaries) in models.items():
        model.fit(x, target)
        options = {} if dictionaries or not hasattr(model, "classes_") else {"zipmap": False}
        opsets = {"": opset, "ai.onnx.ml": 3}
        found = to_onnx(model, x[:1], target_opset=opsets, options=options or None)
        (HERE / f"{name}.onnx").write_bytes(found.SerializeToString())


def make_torch() -> None:
    import torch
    from torch import nn

    class Attention(nn.Module):
        """The samples' own axis comes second inside: (steps, samples, features)."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x: torch.Tensor, y: torch.Tensor | None = None) -> torch.Tensor:
            y = x if y is None else y
            return self.inner(x, y, y, need_weights=False)[0]

    torch.manual_seed(0)
    images, steps, others = torch.randn(2, 2, 12, 12), torch.randn(3, 5, 8), torch.randn(3, 4, 8)
    cnn = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(),
        nn.Conv2d(4, 4, 3, groups=2, dilation=2, padding=(2, 1), stride=2, bias=False),
        nn.ZeroPad2d((1, 0, 2, 1)), nn.Conv2d(4, 3, (2, 3)), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(3, 5), nn.LogSoftmax(1),
    )  # fmt: skip
    signals = nn.Sequential(
        nn.ConstantPad1d((2, 0), 0.0), nn.Conv1d(2, 4, 3), nn.GELU(), nn.Conv1d(4, 4, 2, groups=4),
        nn.Flatten(), nn.Linear(28, 3),
    )  # fmt: skip
    block = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    cases = [
        ("cnn", cnn, (images,), 9, False),
        ("cnn", cnn, (images,), 18, True),
        ("signals", signals, (torch.randn(2, 2, 8),), 11, False),
        ("cross_attention", Attention(), (steps, others), 14, False),
        ("attention", Attention(), (steps,), 17, False),
        ("cross_attention", Attention(), (steps, others), 20, True),
        ("transformer", block, (steps,), 18, True),
        ("transformer", block, (steps,), 24, True),
    ]
    for case in cases:
        export_torch(*case)


def export_torch(
    name: str, module: Any, example: tuple[Any, ...], opset: int, dynamo: bool
) -> None:
    """One file of one of PyTorch's two exporters; the number of samples is free."""
    import torch

    exporter = "dynamo" if dynamo else "script"
    path = HERE / f"torch_{name}_{exporter}_opset{opset}.onnx"
    inputs = [f"x{place}" for place in range(len(example))]
    free: dict[str, object] = {"dynamic_axes": {name: {0: "n"} for name in inputs}}
    if dynamo:
        sizes = tuple({0: torch.export.Dim.DYNAMIC} for _ in example)
        free = {"dynamic_shapes": sizes, "external_data": False}
    torch.onnx.export(
        module.eval(), example, path, dynamo=dynamo, opset_version=opset, input_names=inputs,
        output_names=["y"], **free,
    )  # fmt: skip
    strip(path)


def strip(path: Path) -> None:
    """Drop what the exporter tells about the source, paths of this machine among it."""
    import onnx

    model = onnx.load(path)
    graph = model.graph
    for item in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info):
        del item.metadata_props[:]
        item.ClearField("doc_string")
    for item in (*model.functions, *graph.initializer):
        del item.metadata_props[:]
        item.ClearField("doc_string")
    onnx.save(model, path)


def make_keras() -> None:
    import keras
    import tensorflow as tf
    import tf2onnx
    from keras import layers as part

    keras.utils.set_random_seed(0)
    cnn = keras.Sequential([
        keras.Input((12, 12, 2)), part.Conv2D(4, 3, padding="same", strides=2),
        part.BatchNormalization(), part.ReLU(), part.DepthwiseConv2D(3, padding="same"),
        part.SeparableConv2D(4, 3, dilation_rate=2, padding="same"),
        part.GlobalAveragePooling2D(), part.Dense(3),
    ])  # fmt: skip
    mlp = keras.Sequential([
        keras.Input((6,)), part.Dense(8, activation="relu"), part.BatchNormalization(),
        part.Dense(3, activation="softmax"),
    ])  # fmt: skip
    x = keras.Input((5, 8))
    y = part.MultiHeadAttention(2, 4)(x, x)
    attention = keras.Model(x, part.Dense(3)(part.LayerNormalization()(part.Add()([x, y]))))
    for name, model, opset in (("cnn", cnn, 9), ("cnn", cnn, 18), ("attention", attention, 18)):
        signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)]
        call = tf.function(lambda x, model=model: model(x, training=False), signature)
        path = str(HERE / f"keras_{name}_tf2onnx_opset{opset}.onnx")
        tf2onnx.convert.from_function(call, signature, opset=opset, output_path=path)
    mlp(np.zeros((1, 6), np.float32))
    path = str(HERE / "keras_mlp_export_opset15.onnx")
    mlp.export(path, format="onnx", opset_version=15, verbose=False)


MAKERS = {"sklearn": make_sklearn, "torch": make_torch, "keras": make_keras}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("exporter", choices=MAKERS)
    MAKERS[parser.parse_args().exporter]()
