# SPDX-License-Identifier: BSD-3-Clause
"""Does the C interface still look as recorded?  python tools/check_abi.py [--library FILE]

Layouts of structs, values of enums and types of functions, as the C compiler sees them in
imperfect.h, must equal tests/abi/layout.txt; the symbols that the shared library FILE exports must
equal tests/abi/symbols.txt. ``--update`` writes both files anew, but refuses what breaks programs
that are built already unless the major or minor version has changed: within one, fields and
functions are only added, fields at the end of their struct.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
RECORDED = ROOT / "tests" / "abi"
HEADER = Path("imperfect") / "imperfect.h"
VERSION = Path("imperfect") / "version.hpp"


def preprocess(include: Path) -> str:
    """The header as the compiler sees it, in one line and without what it includes."""
    command = ["cc", "-E", "-DIMPERFECT_STATIC", "-include", "stddef.h", "-"]
    source = f'#include "{include / HEADER}"\n'
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=True)
    kept, own = [], False
    for line in done.stdout.splitlines():
        if line.startswith("# "):
            own = "/imperfect/imperfect.h" in line
        elif own:
            kept.append(line)
    return " ".join(" ".join(kept).split())


def enums(text: str) -> list[tuple[str, str]]:
    """Pairs of an enum and one of its names."""
    found = re.findall(r"typedef enum \w+ \{([^}]*)\} (\w+);", text)
    return [(name, item.split("=")[0].strip()) for body, name in found for item in body.split(",")]


def fields(text: str) -> list[tuple[str, str, str]]:
    """Struct, type and name of every field."""
    found = []
    for body, name in re.findall(r"typedef struct \w+ \{([^}]*)\} (\w+);", text):
        for declaration in filter(None, map(str.strip, body.split(";"))):
            matched = re.fullmatch(r"((?:const )?\w+)([ *][^()]*)", declaration)
            if matched is None:
                raise SystemExit(f"{HEADER}: cannot read the field '{declaration}' of {name}")
            for declarator in matched[2].split(","):
                parts = re.fullmatch(r"\s*(\**)\s*(\w+)(\[\d+\])?\s*", declarator)
                if parts is None:
                    raise SystemExit(f"{HEADER}: cannot read the field '{declaration}' of {name}")
                found.append((name, matched[1] + parts[1] + (parts[3] or ""), parts[2]))
    return found


def functions(text: str) -> list[str]:
    """Types and names of functions that the library defines, without names of arguments."""
    text = re.sub(r"\{[^{}]*\}", "{}", text)
    text = re.sub(r"static inline [^;{]*\{\}", "", text)
    found = []
    for result, name, arguments in re.findall(r"([\w ]+[ *]+)(imperfect_\w+)\(([^)]*)\);", text):
        types = [
            re.sub(r" ?\b\w+$", "", one.strip()) or one.strip() for one in arguments.split(",")
        ]
        found.append(f"{result.strip()} {name}({', '.join(types)})".replace(" *", "*"))
    return found


def measure(include: Path) -> list[str]:
    """The lines of layout.txt after the first."""
    text = preprocess(include)
    own_fields = fields(text)
    prints = [f'printf("enum {e} {n} %d\\n", (int){n});' for e, n in enums(text)]
    for struct in dict.fromkeys(name for name, _, _ in own_fields):
        sizes = f"sizeof({struct}), _Alignof({struct})"
        prints.append(f'printf("struct {struct} size %zu align %zu\\n", {sizes});')
    for struct, kind, name in own_fields:
        prints.append(
            f'printf("field {struct} {name} {kind} offset %zu size %zu\\n", '
            f"offsetof({struct}, {name}), sizeof((({struct}*)0)->{name}));"
        )
    return [*run_c(include, prints), *(f"function {line}" for line in functions(text))]


def run_c(include: Path, statements: list[str]) -> list[str]:
    body = "\n  ".join(statements)
    source = (
        f"#include <{HEADER}>\n#include <stdio.h>\nint main(void) {{\n  {body}\n  return 0;\n}}\n"
    )
    # What inline functions of the header call is not needed to look at types.
    source += "void imperfect_init_options(imperfect_options* o, size_t n) { (void)o; (void)n; }\n"
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "layout"
        command = ["cc", "-std=c11", "-DIMPERFECT_STATIC", f"-I{include}", "-x", "c", "-"]
        subprocess.run([*command, "-o", str(program)], input=source, text=True, check=True)
        return subprocess.run(
            [str(program)], capture_output=True, text=True, check=True
        ).stdout.splitlines()


def exported(library: Path) -> list[str]:
    """Names that a shared library defines for others."""
    command = ["nm", "-D", "--defined-only", "--format=posix", str(library)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return sorted(line.split()[0] for line in done.stdout.splitlines())


def read_version(include: Path) -> str:
    """Programs run with any library of the same major and minor version."""
    text = (include / VERSION).read_text()
    found = [re.search(rf"VERSION_{part} (\d+)", text) for part in ("MAJOR", "MINOR")]
    return ".".join(part[1] for part in found if part)


def breaks(old: list[str], new: list[str]) -> list[str]:
    """What programs that are built already would trip over, going from old lines to new ones."""
    sizes = {line.split()[1]: int(line.split()[3]) for line in old if line.startswith("struct ")}
    kept = [line for line in old if not line.startswith("struct ")]
    found = [f"gone or changed: {line}" for line in kept if line not in new]
    for line in new:
        words = line.split()
        if line in old or words[0] != "field" or words[1] not in sizes:
            continue
        # Why: what an older program leaves in the padding of its struct must not become a field.
        if int(words[words.index("offset") + 1]) < sizes[words[1]]:
            found.append(f"not after the recorded {sizes[words[1]]} bytes: {line}")
    return found


def compare(name: str, old: list[str], new: list[str]) -> list[str]:
    """Differences from a recorded file, in words."""
    lines = [f"{name}: gone: {line}" for line in old if line not in new]
    lines += [f"{name}: new: {line}" for line in new if line not in old]
    if not lines and old != new:
        lines = [f"{name}: in another order"]
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", type=Path, help="shared library whose symbols are checked")
    parser.add_argument("--include", type=Path, default=ROOT / "src/cpp/include")
    parser.add_argument("--recorded", type=Path, default=RECORDED)
    parser.add_argument("--update", action="store_true", help="record what is found")
    given = parser.parse_args()
    layout = [f"version {read_version(given.include)}", *measure(given.include)]
    found = {"layout.txt": layout}
    if given.library is not None:
        found["symbols.txt"] = exported(given.library)
    paths = {name: given.recorded / name for name in found}
    old = {n: p.read_text().splitlines() if p.exists() else [] for n, p in paths.items()}
    same_version = old["layout.txt"][:1] == layout[:1]
    broken = [line for n in found for line in breaks(old[n], found[n])] if same_version else []
    if given.update and not broken:
        for name, path in paths.items():
            path.write_text("\n".join(found[name]) + "\n")
        return 0
    different = [line for name in found for line in compare(name, old[name], found[name])]
    for line in different:
        print(line)
    if broken:
        print(
            f"programs built for version {layout[0].split()[1]} would break:", *broken, sep="\n  "
        )
    elif different:
        print("nothing breaks; record it by: python tools/check_abi.py --update --library FILE")
    return 1 if different or broken else 0


if __name__ == "__main__":
    sys.exit(main())
