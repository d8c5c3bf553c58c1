# SPDX-License-Identifier: BSD-3-Clause
"""Fuzzes one target and adds what was done to record.json: python fuzz/run.py TARGET --runs N.

Targets are those of targets.py, with atheris, and "capi" and "state", C++ programs built by Clang
with libFuzzer and the address and undefined-behaviour sanitizers. A run begins with the corpus of
the target (by default with fresh seeds as well), grows a copy of it in --work, and ends after N
executions or the given seconds. An input that ends it is left in --work, as libFuzzer names it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
RECORD = HERE / "record.json"
PYTHON = ("network", "hardware", "spec", "store", "chip", "readings")
CORE = ("capi", "state")
MEGABYTES = 1024  # of the process
MOST_KEPT, MOST_FILES = 30_000, 100  # bytes and inputs of a corpus
FOUND = "found-"  # what inputs are called that once failed
FLAGS = "-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all"


def build(name: str, folder: Path) -> Path:
    """The program of a C++ target."""
    compilers = [f"-DCMAKE_CXX_COMPILER={os.environ.get('CXX', 'clang++')}",
                 f"-DCMAKE_C_COMPILER={os.environ.get('CC', 'clang')}"]  # fmt: skip
    flags = [f"-DCMAKE_CXX_FLAGS={FLAGS}", f"-DCMAKE_C_FLAGS={FLAGS}"]
    options = ["-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DIMPERFECT_OPENMP=OFF",
               "-DIMPERFECT_TESTS=ON", "-DIMPERFECT_FUZZ=ON"]  # fmt: skip
    configure = ["cmake", "-S", str(HERE.parent), "-B", str(folder), *options, *compilers, *flags]
    subprocess.run(configure, check=True, stdout=subprocess.DEVNULL)
    program = f"fuzz_{name}"
    subprocess.run(["cmake", "--build", str(folder), "--target", program], check=True)
    return folder / "fuzz" / program


def command(name: str, build_folder: Path) -> list[str]:
    if name in CORE:
        return [str(build(name, build_folder))]
    return [sys.executable, str(HERE / "python_target.py"), name]


def run(name: str, options: argparse.Namespace) -> tuple[int, float, int, bool]:
    """Executions, seconds, edges covered, and whether an input failed."""
    grown = options.work / name
    grown.mkdir(parents=True, exist_ok=True)
    limits = [f"-timeout={options.timeout}", f"-rss_limit_mb={MEGABYTES}", f"-runs={options.runs}",
              f"-max_total_time={options.seconds}", f"-max_len={options.max_len}"]  # fmt: skip
    output = ["-print_final_stats=1", f"-artifact_prefix={options.work}/{name}-"]
    kept = HERE / "corpus" / name
    folders = [str(folder) for folder in (grown, kept, *options.seeds) if folder.is_dir()]
    start = time.monotonic()
    with subprocess.Popen(
        [*command(name, options.build), *limits, *output, *folders],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
    ) as process:  # fmt: skip
        executed = edges = 0
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.match(r"#(\d+)\s.* cov: (\d+)", line):
                executed, edges = max(executed, int(found[1])), max(edges, int(found[2]))
            if found := re.match(r"stat::number_of_executed_units:\s+(\d+)", line):
                executed = int(found[1])
            if not line.startswith("#") or options.verbose:
                print(line, end="", flush=True)
    return executed, time.monotonic() - start, edges, process.returncode != 0


def record(name: str, executions: int, seconds: float, edges: int, failed: bool) -> None:
    """Add to the totals of the target."""
    totals = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    old = totals.get(name, {"executions": 0, "seconds": 0, "edges": 0, "failed_inputs": 0})
    totals[name] = {
        "executions": old["executions"] + executions,
        "seconds": old["seconds"] + round(seconds),
        "edges": max(old["edges"], edges),
        "failed_inputs": old["failed_inputs"] + failed,
    }
    RECORD.write_text(json.dumps(totals, indent=2, sort_keys=True) + "\n")
    print(name, totals[name])


def minimise(name: str, options: argparse.Namespace) -> None:
    """Make the corpus anew: inputs that cover much, and those that once failed."""
    kept = HERE / "corpus" / name
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as merged:
        folders = [merged, *map(str, (options.work / name, kept, *options.seeds))]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        start = [*command(name, options.build), "-set_cover_merge=1", "-timeout=60"]
        subprocess.run([*start, *folders], check=True, **quiet)
        for path in kept.iterdir():
            if not path.name.startswith(FOUND):
                path.unlink()
        left = MOST_KEPT
        for number, content in enumerate(_best_first(Path(merged))):
            left -= len(content)
            if left < 0 or number >= MOST_FILES:
                break
            (kept / f"{number:03}").write_bytes(content)
    print(name, len(list(kept.iterdir())), "inputs")


def _best_first(folder: Path) -> list[bytes]:
    """Inputs that leave room for twenty, the largest first, as they cover most; then the others."""
    inputs = sorted((path.read_bytes() for path in folder.iterdir()), key=len)
    small = sum(len(content) <= MOST_KEPT // 20 for content in inputs)
    return inputs[:small][::-1] + inputs[small:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=(*CORE, *PYTHON))
    parser.add_argument("--runs", type=int, default=1_000_000, help="executions, at most")
    parser.add_argument(
        "--seconds", type=int, default=0, help="at most; 0: until the runs are done"
    )
    parser.add_argument("--timeout", type=int, default=5, help="seconds of one input, at most")
    parser.add_argument("--max-len", type=int, default=16384, help="bytes of an input")
    parser.add_argument(
        "--work", type=Path, default=Path("fuzz-work"), help="grown corpora, failures"
    )
    parser.add_argument(
        "--build", type=Path, default=Path("fuzz-build"), help="build of C++ targets"
    )
    parser.add_argument("--seeds", type=Path, nargs="*", default=(), help="more folders of inputs")
    parser.add_argument("--verbose", action="store_true", help="show every line of libFuzzer")
    parser.add_argument("--minimise", action="store_true", help="only make the corpus anew")
    options = parser.parse_args()
    if options.minimise:
        return minimise(options.target, options)
    executions, seconds, edges, failed = run(options.target, options)
    record(options.target, executions, seconds, edges, failed)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
