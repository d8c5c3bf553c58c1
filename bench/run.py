# SPDX-License-Identifier: BSD-3-Clause
"""Time every case against its baseline and print the ratios; see bench/README.md.

Example: python bench/run.py --only conv --repeat 9 --json results.json
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import time
from pathlib import Path
from statistics import median
from typing import Any

from cases import Call, Case, all_cases

import imperfect as im


def seconds(call: Call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def measure(case: Case, repeat: int) -> dict[str, Any]:
    """Medians over pairs of calls in turn, after one of each to warm up."""
    case.check()
    case.ours(), case.baseline()
    pairs = [(seconds(case.ours), seconds(case.baseline)) for _ in range(repeat)]
    ours, baseline = (median(times) for times in zip(*pairs, strict=True))
    return {
        "case": case.name,
        "ratio": median(a / b for a, b in pairs),
        "ours_ms": 1e3 * ours,
        "baseline_ms": 1e3 * baseline,
        "gmac_per_s": case.multiply_adds / ours / 1e9,
    }


def environment() -> dict[str, Any]:
    """What the figures depend on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    git = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False,
        cwd=Path(__file__).parent,
    )  # fmt: skip
    return {
        "cpu": models[0] if models else platform.processor(),
        "simd": im.simd_level(),
        "threads": 1,
        "version": im.__version__,
        "commit": git.stdout.strip(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="run the cases whose name contains this")
    parser.add_argument("--repeat", type=int, default=7, help="pairs of calls (default 7)")
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    arguments = parser.parse_args()
    about = environment()
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    print(f"{'case':55} {'ratio':>6} {'ours':>9} {'baseline':>9}   rate")
    rows = []
    for case in all_cases():
        if arguments.only not in case.name:
            continue
        row = measure(case, arguments.repeat)
        rows.append(row)
        print(
            f"{row['case']:55} {row['ratio']:6.2f} {row['ours_ms']:6.1f} ms "
            f"{row['baseline_ms']:6.1f} ms   {row['gmac_per_s']:.1f} GMAC/s",
            flush=True,
        )
    if arguments.json:
        arguments.json.write_text(json.dumps({"environment": about, "results": rows}, indent=2))


if __name__ == "__main__":
    main()
