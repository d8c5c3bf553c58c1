# SPDX-License-Identifier: BSD-3-Clause
"""Make the two files that stand beside this script: a trained network and its images.

This is the script that made ``scattered_mobilenet.onnx`` and ``scattered_fashion.npz`` from the
Debian package ``dataset-fashion-mnist``. It needs NumPy, PyTorch and onnx, which the package
itself does not; nothing in the package imports it. It is kept so that the files can be
questioned and made again.

The images are "scattered Fashion-MNIST": every 28x28 item is scaled, rotated and placed anywhere
on a 48x48 canvas, so that a classifier of raw pixels fails and a convolutional network does not.
The training items that are shipped are held out of the network's own training, so that a
classifier refitted on the network's features meets images that the network has never seen.
"""

from __future__ import annotations

import argparse
import gzip
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

Bytes = NDArray[np.uint8]
Indices = NDArray[np.intp]
Reals = NDArray[np.float64]

CLASSES = [
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
]  # fmt: skip

ITEM, CANVAS = 28, 48
SMALLEST, LARGEST = 0.7, 1.1
LARGEST_ANGLE = 25.0
TRAIN_PER_CLASS, TEST_PER_CLASS = 200, 100

# One number for each use of random numbers, so that a change to one leaves the others alone.
SPLIT_SEED, SHIPPED_SEED, TEST_SEED, EPOCH_SEED, WEIGHT_SEED = 1, 2, 3, 4, 5

STEM = 16
# Input channels, expanded channels, output channels, stride. The first block leaves 24x24 at
# once, because a channel costs four times as many multiply-adds there as at 12x12.
BLOCKS = [
    (16, 16, 28, 2),
    (28, 56, 28, 1),
    (28, 56, 28, 1),
    (28, 84, 44, 2),
    (44, 88, 44, 1),
    (44, 88, 44, 1),
    (44, 88, 44, 1),
]
HEAD = 128

BATCH = 256
PEAK_RATE = 0.3
WEIGHT_DECAY = 5e-5
LABEL_SMOOTHING = 0.05


def read_idx(path: Path) -> Bytes:
    """Read one gzipped IDX file of bytes.

    Parameters
    ----------
    path
        The file, whose header gives the shape.
    """
    content = gzip.decompress(path.read_bytes())
    dimensions = content[3]
    shape = np.frombuffer(content, ">i4", count=dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def read_items(folder: Path, part: str) -> tuple[Bytes, Bytes]:
    """Read the images and labels of one part of Fashion-MNIST.

    Parameters
    ----------
    folder
        Where the Debian package put the four files.
    part
        ``"train"`` or ``"t10k"``.
    """
    images = read_idx(folder / f"{part}-images-idx3-ubyte.gz")
    return images, read_idx(folder / f"{part}-labels-idx1-ubyte.gz")


def scatter(images: Bytes, rng: np.random.Generator) -> Bytes:
    """Scale, rotate and place every item somewhere on its own empty canvas.

    The place is drawn such that the whole item, with its empty border, lies on the canvas.

    Parameters
    ----------
    images
        Items of shape (n, 28, 28).
    rng
        The source of the scales, angles and places.
    """
    count = len(images)
    scale = rng.uniform(SMALLEST, LARGEST, count)
    angle = np.deg2rad(rng.uniform(-LARGEST_ANGLE, LARGEST_ANGLE, count))
    half = ITEM / 2 * scale * (np.cos(angle) + np.abs(np.sin(angle)))
    centre = rng.uniform(half, CANVAS - half, (2, count))
    canvases = np.empty((count, CANVAS, CANVAS), np.uint8)
    for start in range(0, count, 500):  # in pieces that fit a processor's cache
        part = slice(start, start + 500)
        canvases[part] = draw(images[part], scale[part], angle[part], centre[:, part])
    return canvases


def draw(images: Bytes, scale: Reals, angle: Reals, centre: Reals) -> Bytes:
    """Draw items on canvases, by bilinear interpolation.

    Parameters
    ----------
    images
        Items of shape (n, 28, 28).
    scale, angle, centre
        Size, rotation in radians, and row and column of the centre on the canvas, for each item.
    """
    count = len(images)
    cosine, sine = ((f(angle) / scale).astype(np.float32)[:, None, None] for f in (np.cos, np.sin))
    pixel = np.arange(CANVAS, dtype=np.float32) + 0.5
    down = (pixel - centre[0].astype(np.float32)[:, None])[:, :, None]
    right = (pixel - centre[1].astype(np.float32)[:, None])[:, None, :]
    # An empty border of one pixel lets every place outside the item read a zero.
    side = ITEM + 2
    flat = np.pad(images, ((0, 0), (1, 1), (1, 1))).astype(np.float32).ravel()
    row = np.clip(cosine * down - sine * right + (side / 2 - 0.5), 0, side - 1.001)
    column = np.clip(sine * down + cosine * right + (side / 2 - 0.5), 0, side - 1.001)
    top, left = row.astype(np.int32), column.astype(np.int32)
    row -= top
    column -= left
    first = np.arange(count, dtype=np.int32)[:, None, None] * side**2 + top * side + left
    above = flat[first] * (1 - column) + flat[first + 1] * column
    below = flat[first + side] * (1 - column) + flat[first + side + 1] * column
    value: Bytes = (above * (1 - row) + below * row + 0.5).astype(np.uint8)
    return value


def choose(labels: Bytes, per_class: int, rng: np.random.Generator) -> Indices:
    """Choose the same number of items of every class.

    Parameters
    ----------
    labels
        The labels to choose among.
    per_class
        How many of each class.
    rng
        The source of the choice, and of the order of the indices returned.
    """
    chosen = [rng.choice(np.flatnonzero(labels == c), per_class, False) for c in range(10)]
    return rng.permutation(np.concatenate(chosen))


class Unit(nn.Module):
    """A convolution, its batch normalisation and, unless it ends a block, a ReLU6."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1,
        active: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, 1, groups, bias=False)
        self.batchnorm = nn.BatchNorm2d(outputs)
        self.active = active

    def forward(self, x: Tensor) -> Tensor:
        """Apply the unit."""
        y: Tensor = self.batchnorm(self.conv(x))
        return nn.functional.relu6(y) if self.active else y


class Block(nn.Module):
    """An inverted residual: expand (1x1), depthwise (3x3), project (1x1, no ReLU6)."""

    def __init__(self, inputs: int, expanded: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.units = nn.ModuleDict()
        if expanded != inputs:
            self.units["expand"] = Unit(inputs, expanded, 1)
        self.units["depthwise"] = Unit(expanded, expanded, 3, stride, expanded)
        self.units["project"] = Unit(expanded, outputs, 1, active=False)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        y = x
        for unit in self.units.values():
            y = unit(y)
        return x + y if self.residual else y


class Network(nn.Module):
    """Stem, blocks, head, global average pool and a linear classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Unit(1, STEM, 3, 2)
        self.blocks = nn.ModuleList(Block(*block) for block in BLOCKS)
        self.head = Unit(BLOCKS[-1][2], HEAD, 1)
        self.classifier = nn.Linear(HEAD, len(CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of images of shape (n, 1, 48, 48) with values from 0 to 1."""
        y = self.stem(x)
        for block in self.blocks:
            y = block(y)
        logits: Tensor = self.classifier(self.head(y).mean((2, 3)))
        return logits


def convolutions(network: Network) -> list[nn.Conv2d]:
    """Return the convolutions in the order in which they are applied."""
    return [module for module in network.modules() if isinstance(module, nn.Conv2d)]


def to_input(images: Bytes) -> Tensor:
    """Turn bytes of shape (n, 48, 48) into what the network reads."""
    return torch.from_numpy(images[:, None].astype(np.float32) / 255)


def train(images: Bytes, labels: Bytes, epochs: int) -> Network:
    """Train a network, with the items scattered afresh in every epoch.

    Parameters
    ----------
    images, labels
        Items of shape (n, 28, 28) and their labels.
    epochs
        How often every item is seen.
    """
    torch.manual_seed(WEIGHT_SEED)
    torch.set_num_threads(1)  # sums then do not depend on the number of cores
    network = Network()
    # Depthwise convolutions run faster in this memory layout, which PyTorch's types leave out.
    layout: dict[str, Any] = {"memory_format": torch.channels_last}
    network.to(**layout)
    batches = len(images) // BATCH
    optimiser = torch.optim.SGD(
        network.parameters(), PEAK_RATE, 0.9, weight_decay=WEIGHT_DECAY, nesterov=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, PEAK_RATE, epochs * batches)
    loss_of = nn.CrossEntropyLoss(label_smoothing=LABEL_SMOOTHING)
    begun = time.monotonic()
    for epoch in range(epochs):
        rng = np.random.default_rng([EPOCH_SEED, epoch])
        canvases, order, total = scatter(images, rng), rng.permutation(len(images)), 0.0
        for batch in np.split(order[: batches * BATCH], batches):
            logits = network(to_input(canvases[batch]))
            loss = loss_of(logits, torch.from_numpy(labels[batch].astype(np.int64)))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += float(loss.detach())
        spent = (time.monotonic() - begun) / 60
        print(f"epoch {epoch + 1}: loss {total / batches:.4f}, {spent:.1f} minutes", flush=True)
    return network


def accuracy(network: Network, images: Bytes, labels: Bytes) -> float:
    """Return the share of canvases that the network names correctly."""
    network.eval()
    with torch.no_grad():
        parts = [network(to_input(part)).argmax(1) for part in np.array_split(images, 20)]
    return float((torch.cat(parts).numpy() == labels).mean())


def count(network: Network) -> tuple[int, int, int]:
    """Return the numbers of parameters, multiply-adds per image and convolutions."""
    side, multiply_adds = CANVAS, network.classifier.weight.numel()
    for convolution in convolutions(network):
        side //= convolution.stride[0]
        multiply_adds += side * side * convolution.weight.numel()
    parameters = sum(p.numel() for p in network.parameters())
    return parameters, multiply_adds, len(convolutions(network))


class Graph:
    """The nodes and constants of an ONNX graph, gathered by hand.

    PyTorch's exporters merge batch normalisation into the convolutions. Here it must stay
    apart, because imperfect hardware computes the convolution and not what follows it.
    """

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: Tensor) -> str:
        """Add a constant and return its name."""
        array = value.detach().numpy().astype(np.float32)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def node(self, kind: str, inputs: list[str], name: str, **attributes: Any) -> str:
        """Add a node and return the name of its output, which is the node's own name."""
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def unit(self, unit: Unit, x: str, name: str) -> str:
        """Add a unit's two or three nodes and return the last one's output."""
        conv, norm = unit.conv, unit.batchnorm
        weight = self.constant(f"{name}/conv/weight", conv.weight)
        x = self.node(
            "Conv", [x, weight], f"{name}/conv", kernel_shape=conv.kernel_size,
            strides=conv.stride, pads=2 * conv.padding, group=conv.groups, dilations=[1, 1],
        )  # fmt: skip
        assert norm.running_mean is not None and norm.running_var is not None
        parts = (norm.weight, norm.bias, norm.running_mean, norm.running_var)
        named = zip(("scale", "bias", "mean", "variance"), parts, strict=True)
        statistics = [self.constant(f"{name}/batchnorm/{n}", part) for n, part in named]
        x = self.node("BatchNormalization", [x, *statistics], f"{name}/batchnorm", epsilon=norm.eps)
        return self.node("Clip", [x, "zero", "six"], f"{name}/relu6") if unit.active else x


def to_onnx(network: Network) -> onnx.ModelProto:
    """Write the network as a checked ONNX model, ``image`` to ``logits``."""
    graph = Graph()
    graph.constant("zero", torch.tensor(0.0))
    graph.constant("six", torch.tensor(6.0))
    x = graph.unit(network.stem, "image", "stem")
    for number, block in enumerate(network.blocks, 1):
        assert isinstance(block, Block)
        y = x
        for name, unit in block.units.items():
            assert isinstance(unit, Unit)
            y = graph.unit(unit, y, f"block{number}/{name}")
        x = graph.node("Add", [x, y], f"block{number}/add") if block.residual else y
    x = graph.unit(network.head, x, "head")
    x = graph.node("Flatten", [graph.node("GlobalAveragePool", [x], "pool")], "features")
    weight = graph.constant("classifier/weight", network.classifier.weight)
    bias = graph.constant("classifier/bias", network.classifier.bias)
    graph.node("Gemm", [x, weight, bias], "classifier", transB=1)
    graph.nodes[-1].output[0] = "logits"
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, CANVAS, CANVAS])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(CLASSES)])
    model = helper.make_model(
        helper.make_graph(graph.nodes, "scattered_mobilenet", [image], [logits], graph.constants),
        opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="imperfect",
    )  # fmt: skip
    onnx.checker.check_model(model, full_check=True)
    return model


def main() -> None:
    """Make both files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--source", type=Path, default=Path("/usr/share/datasets/fashion-mnist"),
        help="folder of the Debian package's four files (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--target", type=Path, default=Path(__file__).parent,
        help="folder to write both files to (default: this script's)",
    )  # fmt: skip
    parser.add_argument("--epochs", type=int, default=55, help="(default: %(default)s)")
    options = parser.parse_args()

    items, labels = read_items(options.source, "train")
    test_items, test_labels = read_items(options.source, "t10k")
    rng = np.random.default_rng(SPLIT_SEED)
    held_out = choose(labels, TRAIN_PER_CLASS, rng)
    shipped = choose(test_labels, TEST_PER_CLASS, rng)
    x_train = scatter(items[held_out], np.random.default_rng(SHIPPED_SEED))
    tests = scatter(test_items, np.random.default_rng(TEST_SEED))
    images = options.target / "scattered_fashion.npz"
    np.savez_compressed(
        images, x_train=x_train, y_train=labels[held_out],
        x_test=tests[shipped], y_test=test_labels[shipped], classes=np.array(CLASSES),
    )  # fmt: skip
    print(f"{images.name}: {images.stat().st_size} bytes")

    seen = np.delete(np.arange(len(labels)), held_out)
    network = train(items[seen], labels[seen], options.epochs)
    model = options.target / "scattered_mobilenet.onnx"
    onnx.save(to_onnx(network), model)
    print(f"{model.name}: {model.stat().st_size} bytes")
    print("parameters {}, multiply-adds {}, convolutions {}".format(*count(network)))
    print(f"accuracy on the 10,000 test images: {accuracy(network, tests, test_labels):.4f}")
    share = accuracy(network, tests[shipped], test_labels[shipped])
    print(f"accuracy on the shipped 1,000 of them: {share:.4f}")
    print(f"accuracy on the 2,000 held out: {accuracy(network, x_train, labels[held_out]):.4f}")


if __name__ == "__main__":
    main()
