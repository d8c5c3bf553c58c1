# SPDX-License-Identifier: BSD-3-Clause
"""Imports a package that only some users need, when it is first needed.

The core needs NumPy alone. Networks, studies and figures need packages that are installed by an
extra; where one is missing the error is one line that says which extra to install.
"""

from __future__ import annotations

import importlib
from typing import Any


def require(module: str, extra: str = "study") -> Any:
    """Return ``module``, imported.

    Parameters
    ----------
    module
        Dotted name of the module.
    extra
        The extra of ``imperfect-cim`` that installs it.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    ImportError
        If the package is not installed.

    Examples
    --------
    >>> require("numpy").__name__
    'numpy'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name != package:
            raise
        raise ImportError(
            f'{package} is not installed: pip install "imperfect-cim[{extra}]"', name=package
        ) from None
