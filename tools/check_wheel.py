# SPDX-License-Identifier: BSD-3-Clause
"""Checks what a wheel holds: every file that belongs into it, nothing else, and sane binaries.

Run from the source tree that the wheel was built from: ``python tools/check_wheel.py WHEEL...``.
The package must hold the files of ``python/imperfect``, the public headers, the static library, the
files for CMake, and the licences. A compiled file may not name a folder of the machine that built
it, may need only libraries that every Linux has (or that lie in the wheel), and may export only
what Python calls. pyelftools reads the ELF files; of other systems only the files are checked.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path, PurePosixPath

from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

ROOT = Path(__file__).resolve().parents[1]
LARGEST = 5_000_000  # bytes, of a wheel that does not carry libraries of others
SYSTEM_LIBRARIES = {
    "libc.so.6", "libm.so.6", "libpthread.so.0", "libstdc++.so.6", "libgcc_s.so.1",
    "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1",
}  # fmt: skip
CMAKE_FILES = {
    "imperfectConfig.cmake",
    "imperfectConfigVersion.cmake",
    "imperfectTargets.cmake",
    "imperfectTargets-release.cmake",
}
# A path that starts at the root: in text after a blank or a quote, in binaries a source file's.
PATH_IN_TEXT = re.compile(rb'(?<=["\s;=])/[\w.+-]+/[\w./+-]+')
PATH_IN_BINARY = re.compile(rb"/[\w.+-]+/[\w./+-]*\.(?:cpp|hpp|cc|hh|[cho])\b")
ORIGIN = re.compile(r"\$ORIGIN(/\.\.)?/[\w.]+\.libs")


def expected_files() -> set[str]:
    """What the package must hold beside its compiled files, relative to it."""
    package, headers = ROOT / "python" / "imperfect", ROOT / "src" / "cpp" / "include"
    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".so"
    }
    found |= {f"include/{p.relative_to(headers).as_posix()}" for p in headers.rglob("*.h*")}
    return found | {f"lib/cmake/imperfect/{name}" for name in CMAKE_FILES}


def check_files(names: list[str], libraries: set[str]) -> Iterator[str]:
    """Mistakes in the list of files; ``libraries`` are those that the repair put in."""
    package = {name.removeprefix("imperfect/") for name in names if name.startswith("imperfect/")}
    # Some systems call the folder of libraries lib64.
    package = {re.sub(r"^lib64/", "lib/", name) for name in package}
    extension = {name for name in package if re.fullmatch(r"_core\.[\w.-]+\.(so|pyd)", name)}
    archive = package & {"lib/libimperfect.a", "lib/imperfect.lib"}
    for what, found in (("extension module", extension), ("static library", archive)):
        if len(found) != 1:
            yield f"must have one {what}, has {sorted(found)}"
    expected = expected_files()
    if missing := sorted(expected - package):
        yield f"lacks {missing}"
    if unexpected := sorted(package - expected - extension - archive):
        yield f"has files that do not belong there: {unexpected}"
    others = {name for name in names if not name.startswith("imperfect/")} - libraries
    if outside := sorted(name for name in others if ".dist-info/" not in name):
        yield f"has files outside of the package: {outside}"


def check_metadata(names: list[str], metadata: str) -> Iterator[str]:
    """Mistakes in name, version and licences."""
    header = (ROOT / "src/cpp/include/imperfect/version.hpp").read_text()
    version = re.findall(r'IMPERFECT_VERSION "([^"]+)"', header)[0]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    fields = Parser().parsestr(metadata)
    wanted = {
        "Name": project["name"],
        "Version": version,
        "License-Expression": project["license"],
        "Requires-Python": project["requires-python"],
    }
    for name, value in wanted.items():
        if fields[name] != value:
            yield f"its {name} is {fields[name]!r}, must be {value!r}"
    licences = {p.relative_to(ROOT) for p in [ROOT / "LICENSE", *(ROOT / "LICENSES").iterdir()]}
    folder = f"imperfect_cim-{version}.dist-info/licenses"
    if missing := [p.as_posix() for p in licences if f"{folder}/{p.as_posix()}" not in names]:
        yield f"lacks the licences {missing}"


def check_paths(name: str, content: bytes) -> Iterator[str]:
    """Folders of the machine that built a compiled file or a file for CMake."""
    pattern = {".cmake": PATH_IN_TEXT, ".so": PATH_IN_BINARY, ".a": PATH_IN_BINARY}.get(
        PurePosixPath(name).suffix
    )
    found = set(pattern.findall(content)) if pattern else set()
    if found:
        yield f"{name}: names places of the build machine: {sorted(found)[:5]}"


def dynamic_strings(elf: ELFFile) -> dict[str, list[str]]:
    """Needed libraries and search paths of a shared library, by the name of their tags."""
    found: dict[str, list[str]] = {"DT_NEEDED": [], "DT_RPATH": [], "DT_RUNPATH": []}
    for section in elf.iter_sections():
        if isinstance(section, DynamicSection):
            for tag in section.iter_tags():
                if (kind := tag.entry.d_tag) in found:
                    text = {"DT_NEEDED": "needed", "DT_RPATH": "rpath", "DT_RUNPATH": "runpath"}
                    found[kind].append(getattr(tag, text[kind]))
    return found


def exported(elf: ELFFile) -> set[str]:
    """Names of the symbols that other files can bind to."""
    table = elf.get_section_by_name(".dynsym")
    return {
        symbol.name
        for symbol in table.iter_symbols()
        if symbol["st_shndx"] != "SHN_UNDEF" and symbol["st_info"]["bind"] != "STB_LOCAL"
        if symbol["st_other"]["visibility"] == "STV_DEFAULT"
    }


def newest_versions(elf: ELFFile) -> dict[str, str]:
    """The newest symbol version needed of each system library, such as GLIBC 2.17."""
    newest: dict[str, str] = {}
    for section in elf.iter_sections():
        if isinstance(section, GNUVerNeedSection):
            for _, needed in section.iter_versions():
                for version in needed:
                    family, _, number = version.name.partition("_")
                    newest[family] = max(newest.get(family, "0"), number, key=_as_numbers)
    return newest


def _as_numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def check_extension(name: str, content: bytes, libraries: set[str]) -> Iterator[str]:
    """Mistakes in what the extension module needs, searches and exports."""
    elf = ELFFile(io.BytesIO(content))
    dynamic = dynamic_strings(elf)
    carried = {PurePosixPath(library).name for library in libraries}
    # Without repair the module needs the OpenMP runtime of the machine that built it.
    allowed = SYSTEM_LIBRARIES | (carried or {"libgomp.so.1"})
    if unknown := sorted(set(dynamic["DT_NEEDED"]) - allowed):
        yield f"{name}: needs {unknown}"
    for path in dynamic["DT_RPATH"] + dynamic["DT_RUNPATH"]:
        if not (carried and ORIGIN.fullmatch(path)):
            yield f"{name}: searches for libraries in {path!r}"
    if others := sorted(exported(elf) - {"PyInit__core"}):
        yield f"{name}: exports {others[:5]}, {len(others)} symbols beside PyInit__core"
    versions = newest_versions(elf)
    print(f"  {name}: needs " + ", ".join(f"{k} {v}" for k, v in sorted(versions.items())))


def check_wheel(path: Path) -> list[str]:
    """All mistakes of a wheel; prints what is good to know."""
    with zipfile.ZipFile(path) as wheel:
        names = [name for name in wheel.namelist() if not name.endswith("/")]
        content = {name: wheel.read(name) for name in names}
    libraries = {n for n in names if re.match(r"imperfect_cim\.libs/|imperfect/\.dylibs/", n)}
    print(f"{path.name}: {path.stat().st_size:,} bytes, {len(names)} files")
    if libraries:
        print(f"  carries {', '.join(PurePosixPath(name).name for name in sorted(libraries))}")
    mistakes = list(check_files(names, libraries))
    metadata = [name for name in names if name.endswith(".dist-info/METADATA")]
    mistakes += (
        check_metadata(names, content[metadata[0]].decode()) if metadata else ["no METADATA"]
    )
    if not libraries and path.stat().st_size > LARGEST:
        mistakes.append(f"is larger than {LARGEST:,} bytes")
    for name in names:
        mistakes += check_paths(name, content[name]) if name not in libraries else []
        if re.fullmatch(r"imperfect/_core.*\.so", name) and content[name][:4] == b"\x7fELF":
            mistakes += check_extension(name, content[name], libraries)
    return mistakes


def main() -> int:
    """Check the wheels that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("wheels", nargs="+", type=Path, metavar="WHEEL")
    failed = False
    for path in parser.parse_args().wheels:
        if not zipfile.is_zipfile(path):
            parser.error(f"{path}: is no wheel")
        for mistake in check_wheel(path):
            print(f"{path.name}: {mistake}", file=sys.stderr)
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
