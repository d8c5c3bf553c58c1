# SPDX-License-Identifier: BSD-3-Clause
"""Draw the pictures of examples/README.md: python tools/make_gallery.py [NAME …]

Every example of the gallery runs in full; its figure, made small, goes to docs/images.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
WIDTH = 560  # pixels of the widest figures
MOST_BYTES = 60_000


def shrink(source: Path, target: Path) -> None:
    """Make a figure small, with no more colours than fit."""
    with Image.open(source) as image:
        # Why: figures of one column keep their lettering as large as those of two.
        width = WIDTH if image.width > 1000 else WIDTH * 5 // 8
        size = width, image.height * width // image.width
        small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    for colors in (256, 64, 32):
        small.quantize(colors, dither=Image.Dither.NONE).save(target, optimize=True)
        if target.stat().st_size < MOST_BYTES:
            return
    raise SystemExit(f"{target}: more than {MOST_BYTES} bytes")


def main(names: list[str]) -> None:
    scripts = (path for path in (ROOT / "examples").glob("*.py"))
    gallery = sorted(path for path in scripts if "from common import" in path.read_text())
    for path in gallery:
        if names and path.stem not in names:
            continue
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, str(path), "--out", folder], check=True)
            target = ROOT / "docs" / "images" / f"example_{path.stem}.png"
            shrink(Path(folder) / f"{path.stem}.png", target)


if __name__ == "__main__":
    main(sys.argv[1:])
