# SPDX-License-Identifier: BSD-3-Clause
"""``python -m imperfect``: the same as the command ``imperfect``."""

from __future__ import annotations

import sys

from imperfect.cli import main

if __name__ == "__main__":
    sys.exit(main())
