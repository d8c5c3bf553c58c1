# SPDX-License-Identifier: BSD-3-Clause
"""One of the Python targets as a libFuzzer program, by atheris; run.py starts it."""

from __future__ import annotations

import random
import sys
import time
import warnings

import atheris

with atheris.instrument_imports(include=["imperfect"]):
    import targets
import mutators

SECONDS = 5  # of processor time for one input, however busy the machine is

if __name__ == "__main__":
    name = sys.argv[1]
    # Why: libFuzzer starts itself again to merge corpora, by what it takes for its name.
    sys.argv[:2] = [f"{sys.executable} {__file__} {name}"]
    mutate = mutators.MUTATORS[name]

    def mutated(content: bytes, largest: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if rng.random() < 0.5:
            return atheris.Mutate(content, len(content))
        try:
            with warnings.catch_warnings(action="ignore"):
                changed = mutate(content, rng)
        except UnicodeDecodeError:  # a name in an ONNX model that is no text
            return content
        return changed if len(changed) <= largest else content

    def timed(content: bytes) -> None:
        start = time.process_time()
        targets.TARGETS[name](content)
        spent = time.process_time() - start
        assert spent < SECONDS, f"took {spent} s"

    warnings.simplefilter("error")
    atheris.Setup(sys.argv, timed, custom_mutator=mutated)
    atheris.Fuzz()
