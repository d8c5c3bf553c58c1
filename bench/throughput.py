# SPDX-License-Identifier: BSD-3-Clause
"""Images per second of whole networks at each fidelity, as a table in Markdown.

The float network runs in ONNX Runtime on one thread, in the same batches and in turn with the
chips. Example: python bench/throughput.py --threads 1
"""

from __future__ import annotations

import argparse
from statistics import median

from case import seconds
from hardware import fidelities
from network_cases import SOURCES, programmed

import imperfect as im
import networks

IMAGES = 256


def rates(name: str, repeat: int) -> dict[str, tuple[float, float]]:
    """Images per second, and the time relative to the float network, by fidelity."""
    model, images = SOURCES[name]()
    x, network, session = images[:IMAGES], im.Network.from_onnx(model), networks.session(model)
    feed = session.get_inputs()[0].name
    calls = {"float network in ONNX Runtime": lambda: session.run(None, {feed: x})}
    for fidelity, hardware in fidelities().items():
        chip = programmed(network, hardware, x[:64])
        calls[fidelity] = lambda chip=chip: chip(x)
    for call in calls.values():
        call()
    rounds = [[seconds(call) for call in calls.values()] for _ in range(repeat)]
    result = {}
    for place, label in enumerate(calls):
        times = [times[place] for times in rounds]
        result[label] = len(x) / median(times), median(t[place] / t[0] for t in rounds)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeat", type=int, default=5, help="rounds (default 5)")
    parser.add_argument("--threads", type=int, default=1, help="threads of the chips (default 1)")
    arguments = parser.parse_args()
    im.set_num_threads(arguments.threads)
    found = {name: rates(name, arguments.repeat) for name in SOURCES}
    print("| images per second (× time of the float network) | " + " | ".join(found) + " |")
    print("| --- |" + " --- |" * len(found))
    for fidelity in next(iter(found.values())):
        cells = [f"{of[fidelity][0]:,.0f} ({of[fidelity][1]:.1f})" for of in found.values()]
        print(f"| {fidelity} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
