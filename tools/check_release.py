# SPDX-License-Identifier: BSD-3-Clause
"""Builds what a release consists of, as far as this machine can, and checks it.

``python tools/check_release.py OUT`` makes the source distribution; from it, unpacked in OUT, a
wheel for every Python found (named on PATH, or installed by pyenv); repairs each with auditwheel;
checks what they hold; installs each into an environment with nothing but the dependencies, without
compiler and headers; and runs ``python -m imperfect.test`` there at every SIMD level. Then it
installs the oldest allowed versions of all dependencies (``tests/minimum-versions.txt``) with the
oldest Python and runs part of the tests. Needs the extra ``release``, a compiler, CMake and Ninja;
ccache, where there is one, makes all builds but the first quick.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
OLDEST = (3, 11)
START = time.monotonic()
# The tests that use other packages most: tables, figures, effects, estimators, files.
MINIMUM_TESTS = (
    "test_calibration_report.py",
    "test_chipfile.py",
    "test_compat.py",
    "test_estimators.py",
    "test_plot_sweeps.py",
    "test_sweep_effects.py",
)


def say(text: str) -> None:
    """Print a line with the seconds since the start."""
    print(f"[{time.monotonic() - START:4.0f} s] {text}", flush=True)


def run(*command: str | Path, cwd: Path | None = None, **environment: str) -> str:
    """Output of a command; what it printed is shown if it fails."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | {"PATH": path} | environment, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{done.stdout}\nFAILED: {' '.join(map(str, command))}")
    return done.stdout


def find_pythons() -> dict[tuple[int, int], Path]:
    """Interpreters that the package supports and that can build extensions, by their version."""
    folders = [Path(folder) for folder in os.environ["PATH"].split(os.pathsep)]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    folders += sorted(pyenv.glob("versions/*/bin"))
    question = (
        "import os, sys, sysconfig; print(*sys.version_info[:2],"
        " os.path.exists(os.path.join(sysconfig.get_paths()['include'], 'Python.h')))"
    )
    found: dict[tuple[int, int], Path] = {}
    for path in [Path(sys.executable), *(p for f in folders for p in sorted(f.glob("python3.*")))]:
        if not re.fullmatch(r"python3(\.\d+)?", path.name) or not os.access(path, os.X_OK):
            continue
        done = subprocess.run([path, "-c", question], capture_output=True, text=True, check=False)
        answer = done.stdout.split()
        if done.returncode or answer[2:] != ["True"]:
            continue
        version = int(answer[0]), int(answer[1])
        if version >= OLDEST:
            found.setdefault(version, path)
    return dict(sorted(found.items()))


def make_environment(python: Path, folder: Path, *requirements: str | Path, **extra: str) -> Path:
    """A new virtual environment without pip; its interpreter."""
    run(python, "-m", "venv", "--clear", "--without-pip", folder)
    inside = folder / "bin" / "python"
    install = (sys.executable, "-m", "pip", "--python", inside, "install", "-q")
    run(*install, *requirements, **extra)
    return inside


def make_sdist(out: Path) -> Path:
    """Build and check the source distribution; the folder into which it is unpacked."""
    run(sys.executable, "-m", "build", "--sdist", "-o", out, ROOT)
    (path,) = out.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
        archive.extractall(out, filter="data")
    files = {name for name in names if name}
    listed = set(run("git", "ls-files", cwd=ROOT).splitlines())
    excluded = PROJECT["tool"]["scikit-build"]["sdist"]["exclude"]
    left_out = tuple(pattern.strip("/").removesuffix("*") for pattern in excluded)
    wanted = {name for name in listed if not name.startswith(left_out)} | {"PKG-INFO"}
    if missing := sorted(wanted - files):
        sys.exit(f"{path.name} lacks {missing}")
    if surplus := sorted(files - wanted):
        sys.exit(f"{path.name} has files that the repository does not track: {surplus}")
    say(f"{path.name}: {path.stat().st_size:,} bytes, {len(files)} files")
    return out / path.name.removesuffix(".tar.gz")


def build_wheel(python: Path, source: Path, out: Path, eigen: Path | None) -> tuple[Path, Path]:
    """A wheel without the system's Eigen, and where its Eigen was.

    ``eigen`` is where an earlier build had it: a compiler cache knows files by their places.
    """
    inside = make_environment(python, out / "build", *PROJECT["build-system"]["requires"])
    options = ["-Ccmake.define.IMPERFECT_SYSTEM_EIGEN=OFF"]
    if eigen is not None:
        options.append(f"-Ccmake.define.Eigen3_DIR={eigen}")
    wheel = ("pip", "--python", str(inside), "wheel", "-q", "--no-build-isolation", "--no-deps")
    run(sys.executable, "-m", *wheel, "-w", out / "built", *options, source)
    (path,) = (out / "built").glob("*.whl")
    places = [*(out / "build").glob("lib/*/site-packages/cmeel.prefix/share/eigen3/cmake")]
    return path, eigen or places[0]


def repair(wheel: Path, out: Path) -> Path:
    """The wheel with the libraries it needs, for as many systems as its symbols allow."""
    run(sys.executable, "-m", "auditwheel", "repair", "-w", out, wheel)
    (path,) = out.glob("*.whl")
    print(run(sys.executable, ROOT / "tools" / "check_wheel.py", wheel, path), end="")
    return path


def try_wheel(python: Path, wheel: Path, out: Path) -> None:
    """Install a wheel where there is nothing else, and run its own test at every SIMD level."""
    inside = make_environment(python, out / "bare", wheel)
    done = subprocess.run(
        [inside, "-m", "imperfect.test"], cwd=out, env={"PATH": str(inside.parent)},
        text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    print("  " + done.stdout.strip().replace("\n", "\n  "))
    if done.returncode:
        sys.exit(f"FAILED: {wheel.name} in an environment with nothing but its dependencies")


def try_minimum(python: Path, source: Path, out: Path) -> None:
    """Run some tests with the oldest versions that pyproject.toml allows."""
    constraints = str(source / "tests" / "minimum-versions.txt")
    # Newer versions of pip have a name of its own for what constrains requirements of builds.
    limits = {"PIP_CONSTRAINT": constraints, "PIP_BUILD_CONSTRAINT": constraints}
    wanted = (f"{source}[sweep]", "pytest", "hypothesis", "pillow", "pyelftools")
    inside = make_environment(python, out / "minimum", *wanted, **limits)
    say(f"minimum versions are installed, Python {python}")
    tests = [source / "tests" / name for name in MINIMUM_TESTS]
    # Old packages use what new versions of those that they need deprecate.
    options = ("-q", "-p", "no:cacheprovider", "-W", "ignore::DeprecationWarning")
    print(run(inside, "-m", "pytest", *options, *tests, cwd=source).strip().splitlines()[-1])


def main() -> int:
    """Build and check everything."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path, metavar="OUT", help="an empty or new folder")
    out = parser.parse_args().out.resolve()
    if out.exists() and any(out.iterdir()):
        parser.error(f"{out}: is not empty")
    out.mkdir(parents=True, exist_ok=True)
    if shutil.which("ccache"):
        os.environ["CMAKE_C_COMPILER_LAUNCHER"] = os.environ["CMAKE_CXX_COMPILER_LAUNCHER"] = (
            "ccache"
        )
    pythons = find_pythons()
    say("Pythons: " + ", ".join(f"{path}" for path in pythons.values()))
    source, eigen = make_sdist(out), None
    for version, python in pythons.items():
        folder = out / ".".join(map(str, version))
        wheel, eigen = build_wheel(python, source, folder, eigen)
        say(f"built {wheel.name}")
        repaired = repair(wheel, folder / "repaired")
        try_wheel(python, repaired, folder)
        say(f"{repaired.name} works")
    if OLDEST in pythons:
        try_minimum(pythons[OLDEST], source, out)
        say("minimum versions pass")
    else:
        say(f"minimum versions are not tried: there is no Python {OLDEST[0]}.{OLDEST[1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
