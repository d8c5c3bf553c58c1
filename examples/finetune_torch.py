# SPDX-License-Identifier: BSD-3-Clause
"""Fine-tune a last layer with the hardware in the loop: python examples/finetune_torch.py

Chips of the bundled network have cells that are written wrong by 3 % of g_max, and so lose much of
their accuracy. Three ways back, all on the features that the same chip gives for 2,000 training
images:

- refitted: a new head by logistic regression, computed digitally, as in `im.study`;
- refitted, written: the same head written into cells of the same kind;
- fine-tuned: that head trained further by PyTorch in such cells: the forward pass is the
  hardware's, every step writes the cells anew with new errors, and the accuracy is that of the
  cells as they were last written.

The script prints the accuracy on 1,000 test images, which decide nothing.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

import imperfect as im
from imperfect.study import default_head

HARDWARE = im.Hardware(cell=im.Cell(programming=im.device.Gaussian(0.03)))
EPOCHS, BATCH, RATE = 20, 100, 3e-3


def last_layer(features: Any, hardware: im.Hardware, seed: int) -> nn.Sequential:
    """Digital standardisation of the features, then a linear layer on the hardware."""
    torch.manual_seed(seed)
    scale = nn.BatchNorm1d(features.shape[1], affine=False, momentum=None)
    scale(features)
    layers = nn.Sequential(scale, nn.Linear(features.shape[1], 10)).eval()
    layers = im.torch.to_analog(layers, hardware, seed=seed)
    im.torch.calibrate(layers, features)
    return layers


def fine_tune(layers: nn.Module, features: Any, labels: Any) -> None:
    """Adam on the cross-entropy, the rate falling to zero along a cosine."""
    optimizer = torch.optim.Adam(layers.parameters(), RATE)
    steps = EPOCHS * -(-len(features) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(features)).split(BATCH):
            loss = nn.functional.cross_entropy(layers(features[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()


def write(head: Any, layers: nn.Sequential, features: Any) -> None:
    """Put a refitted head, which is an affine map, into the linear layer."""
    inputs = layers[0].running_mean + torch.eye(features.shape[1]) * torch.sqrt(
        layers[0].running_var
    )
    bias = head.decision_function(layers[0].running_mean[None].numpy())
    with torch.no_grad():
        layers[1].weight.copy_(torch.from_numpy((head.decision_function(inputs) - bias).T))
        layers[1].bias.copy_(torch.from_numpy(bias[0]))


def measure(seed: int, hardware: im.Hardware = HARDWARE) -> dict[str, np.ndarray]:
    """Which test images each way gets right on one chip."""
    x_train, y_train, x_test, y_test = im.data.scattered_fashion()
    chip = im.AnalogNetwork(im.data.scattered_mobilenet(), hardware, seed=seed)
    chip.calibrate(x_train[:200])
    train, test = (chip.features(x).reshape(len(x), -1) for x in (x_train, x_test))
    head = default_head().fit(train, y_train)
    features, labels, tests = (torch.from_numpy(a) for a in (train, y_train, test))
    tuned, written = (last_layer(features, hardware, seed) for _ in range(2))
    for layers in (tuned, written):
        write(head, layers, features)
    fine_tune(tuned, features, labels)
    with torch.no_grad():
        answers = {
            "collapsed": chip(x_test),
            "refitted": head.decision_function(test),
            "refitted, written": written(tests).numpy(),
            "fine-tuned": tuned(tests).numpy(),
        }
    return {name: values.argmax(axis=1) == y_test for name, values in answers.items()}


def main(chips: int = 5) -> dict[str, np.ndarray]:
    """Print the table; returns what is right, as arrays of shape (chips, images)."""
    rights = [measure(seed) for seed in range(chips)]
    found = {name: np.array([right[name] for right in rights]) for name in rights[0]}
    table = pd.DataFrame({name: right.mean(axis=1) for name, right in found.items()})
    table.loc["mean"] = table.mean()
    table.index.name = "chip"
    print(table.round(3).to_string())
    # Why: chips share the test images, so images are what is independent.
    ahead = (found["fine-tuned"].astype(float) - found["refitted"]).mean(axis=0)
    error = ahead.std(ddof=1) / np.sqrt(len(ahead))
    print(f"fine-tuned - refitted: {ahead.mean():+.4f} ± {error:.4f} (standard error over images)")
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
