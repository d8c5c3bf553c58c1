# SPDX-License-Identifier: BSD-3-Clause
"""The time of ``imperfect demo`` over that of its float forward passes and head fits alone.

The demo runs in this process, on one core. While it does, images that go through chips and the
seconds that heads take to fit are counted. The float network in ONNX Runtime on one thread then
computes a batch of images, before and after the demo; how long it would take for all of them,
plus the fits, is what the demo's time is divided by. Example: python bench/demo.py --quick
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import numpy as np
from case import seconds

import imperfect as im
import networks
from imperfect import cli
from imperfect._network import chip, network
from imperfect._study.trial import Study

LIMIT = 2.5
BATCH = 32


class Counts:
    """What the demo did: images through a network, seconds of fitting heads."""

    def __init__(self) -> None:
        self.images = 0
        self.fitting = 0.0

    def counting(self, function: Any) -> Any:
        """``function``, whose third argument is a batch, counting its images."""

        def call(plan: Any, layers: Any, batch: Any, *rest: Any) -> Any:
            self.images += batch.count
            return function(plan, layers, batch, *rest)

        return call

    def timing(self, function: Any) -> Any:
        """``function``, its seconds counted as fitting."""

        def call(*arguments: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*arguments)
            finally:
                self.fitting += time.perf_counter() - start

        return call


@contextmanager
def counted() -> Iterator[Counts]:
    """Count what happens meanwhile in this process."""
    counts = Counts()
    with ExitStack() as stack:
        for owner, name, wrap in (
            (network, "run", counts.counting),
            (chip, "traverse", counts.counting),
            (Study, "fitted_accuracy", counts.timing),
        ):
            stack.enter_context(patch.object(owner, name, wrap(getattr(owner, name))))
        yield counts


def float_seconds() -> float:
    """Seconds per image of the float network."""
    session = networks.session(im.data.scattered_mobilenet()._graph.model)
    x = np.ascontiguousarray(im.data.scattered_fashion()[0][:BATCH])
    feed = {session.get_inputs()[0].name: x}
    return median(seconds(lambda: session.run(None, feed)) for _ in range(30)) / BATCH


def measure(options: list[str]) -> dict[str, Any]:
    before = float_seconds()
    with tempfile.TemporaryDirectory() as folder, counted() as counts:
        start = time.perf_counter()
        code = cli.main(["demo", "--jobs", "1", "--out", folder, *options])
        total = time.perf_counter() - start
    assert code == 0, f"the demo ended with code {code}"
    per_image = (before + float_seconds()) / 2
    floats = counts.images * per_image
    return {
        "case": "imperfect demo / its float passes and head fits",
        "ratio": total / (floats + counts.fitting),
        "limit": LIMIT,
        "demo_s": total,
        "images": counts.images,
        "float_s": floats,
        "fitting_s": counts.fitting,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="the demo's own --quick")
    parser.add_argument("--json", type=Path, help="also write the result to this file")
    arguments = parser.parse_args()
    row = measure(["--quick"] if arguments.quick else [])
    print(
        f"{row['case']}: {row['ratio']:.2f} (limit {LIMIT}): {row['demo_s']:.1f} s / "
        f"({row['images']} images: {row['float_s']:.1f} s + fits: {row['fitting_s']:.1f} s)"
    )
    if arguments.json:
        arguments.json.write_text(json.dumps(row, indent=2))


if __name__ == "__main__":
    main()
