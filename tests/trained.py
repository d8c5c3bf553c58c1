# SPDX-License-Identifier: BSD-3-Clause
"""Labelled rows for the tests of estimators, and a network trained on them."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

import networks
from imperfect.network import Network
from networks import draw, h, model

LABELS = np.array(["ash", "beech", "cedar", "date"])


@cache
def trained(classes: int = 3) -> tuple[Network, NDArray[np.float32], NDArray[np.str_]]:
    """A hidden layer of random weights and a head trained on it, with its rows and labels."""
    rng = np.random.default_rng(5)
    y = np.arange(240) % classes
    X = (2 * draw(classes, 10, seed=3)[y] * np.sqrt(10) + rng.normal(size=(240, 10))).astype("f4")
    w1 = draw(10, 24, seed=8)
    head = LogisticRegression(max_iter=1000).fit(np.maximum(X @ w1, 0), y)
    constants = {"w1": w1, "w2": head.coef_.T.astype("f4"), "b2": head.intercept_.astype("f4")}
    if classes == 2:
        constants["w2"] = np.hstack([-constants["w2"], constants["w2"]]) / 2
        constants["b2"] = np.hstack([-constants["b2"], constants["b2"]]) / 2
    nodes = [
        h.make_node("MatMul", ["x", "w1"], ["a"], name="hidden"),
        h.make_node("Relu", ["a"], ["r"]),
        h.make_node("Gemm", ["r", "w2", "b2"], ["y"], name="head"),
    ]
    proto = model(nodes, {"x": ["n", 10]}, {"y": ["n", classes]}, constants)
    return Network.from_onnx(proto), X, LABELS[y]


def labelled_images(count: int = 24) -> tuple[NDArray[np.float32], NDArray[np.int_]]:
    return networks.images(count, height=8)["x"], np.arange(count) % 4
