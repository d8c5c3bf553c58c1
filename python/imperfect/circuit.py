# SPDX-License-Identifier: BSD-3-Clause
"""Arrays with resistive wires (IR drop), for circuit designers.

Where cells are linear, the currents at the grounded ends of the bit lines are linear in the
voltages of the drivers: I = Tᵀ V, with one matrix T (word lines x bit lines) for each programmed
array. It is computed exactly, in float64, by joining blocks of cells that keep only the ports on
their boundary. Curved cells, and arrays whose idle word lines are disconnected, are solved for
each V. Siemens, ohm, volt, ampere and watt throughout.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imperfect import _core
from imperfect._arrays import as_float64, threads_of
from imperfect._checks import choice, flag, nonnegative
from imperfect._hardware.array import CORNERS, RESISTANCES

__all__ = ["CORNERS", "read_currents", "read_power", "transfer_matrix"]


def transfer_matrix(
    g: ArrayLike,
    r_row: float,
    r_col: float,
    *,
    r_driver: float = 0.0,
    r_sense: float = 0.0,
    corner: str = "left_bottom",
    num_threads: int | None = None,
) -> NDArray[np.float64]:
    """Solve arrays with wires: the matrix T of I = Tᵀ V.

    Parameters
    ----------
    g : array of shape (word lines, bit lines) or (arrays, word lines, bit lines)
        Conductances of the cells in siemens; 0 is an open cell.
    r_row, r_col : float
        Resistance in ohm of one wire segment: before each cell on its word line, seen from the
        driver, and after each cell on its bit line, seen towards ground. 0: no resistance.
    r_driver, r_sense : float
        Resistance in ohm in series with each driver and with each grounded end.
    corner : {"left_bottom", "left_top", "right_bottom", "right_top"}
        Where the drivers are, at the first or the last column, and where bit lines are grounded,
        after the last or before the first row.
    num_threads : int, optional
        Threads for several arrays; by default what :func:`imperfect.set_num_threads` set.

    Returns
    -------
    float64 array shaped like ``g``
        T in siemens. ``v @ T`` are the currents in ampere into the grounded ends of the bit lines
        for voltages ``v`` of the word lines' drivers. Without wires T is ``g``.

    Raises
    ------
    ValueError, TypeError
        If ``g`` has another number of dimensions or an empty side, or if a conductance or a
        resistance is negative, not finite, or neither 0 nor between 1e-30 and 1e30.

    Notes
    -----
    Nested dissection (George, SIAM J. Numer. Anal. 10, 1973) of the array's nodal equations; only
    sums of conductances of equal sign are formed (Grassmann, Taksar & Heyman, Oper. Res. 33,
    1985), so that T is exact to rounding however small the resistances are. An array of
    n x n cells takes work of order n³ and memory of order n².

    Examples
    --------
    >>> import numpy as np
    >>> from imperfect import circuit
    >>> g = np.full((64, 64), 1e-4)
    >>> T = circuit.transfer_matrix(g, r_row=1.0, r_col=1.0)
    >>> currents = np.full(64, 0.2) @ T
    >>> print(f"{currents[0]:.3e} {currents[-1]:.3e}")  # ampere; without wires 1.28e-03
    1.121e-03 9.473e-04
    """
    return _solve(g, (r_row, r_col, r_driver, r_sense), corner, num_threads, False)[0]


def read_power(
    g: ArrayLike,
    v: ArrayLike,
    r_row: float,
    r_col: float,
    *,
    r_driver: float = 0.0,
    r_sense: float = 0.0,
    corner: str = "left_bottom",
    num_threads: int | None = None,
) -> NDArray[np.float64]:
    """Power that arrays take while they are read: cells, wires, drivers and sense ends together.

    Parameters
    ----------
    g, r_row, r_col, r_driver, r_sense, corner, num_threads
        The arrays and their wires, as in :func:`transfer_matrix`.
    v : array of shape (word lines,) or (inputs, word lines)
        Voltages of the drivers; the same for all arrays.

    Returns
    -------
    float64 array of shape ([arrays,] [inputs])
        Vᵀ Y V in watt for each array and each input, Y the admittances between the drivers; one
        number for one array and one input.

    Raises
    ------
    ValueError, TypeError
        As :func:`transfer_matrix`; also if ``v`` does not fit ``g`` or is not finite.

    Examples
    --------
    >>> from imperfect import circuit
    >>> print(f"{circuit.read_power([[1e-4]], [0.5], r_row=0, r_col=0):.2e}")
    2.50e-05
    """
    inputs = as_float64("v", v)
    if inputs.ndim not in (1, 2):
        raise ValueError(f"v has shape {inputs.shape}: must be ([inputs,] word lines)")
    if not np.isfinite(inputs).all():
        raise ValueError("v holds numbers that are not finite")
    cells = as_float64("g", g)
    if cells.ndim in (2, 3) and inputs.shape[-1] != cells.shape[-2]:
        raise ValueError(
            f"v has shape {inputs.shape} and g has shape {cells.shape}: v must have one voltage "
            f"for each of {cells.shape[-2]} word lines"
        )
    drivers = _solve(cells, (r_row, r_col, r_driver, r_sense), corner, num_threads, True)[1]
    # The operands of einsum are (inputs, word lines) and ([arrays,] word lines, word lines).
    power = np.einsum("...i,...ik,...k->...", inputs, drivers[..., None, :, :], inputs)
    result: NDArray[np.float64] = power if inputs.ndim == 2 else power[..., 0]
    return result


def read_currents(
    g: ArrayLike,
    v: ArrayLike,
    r_row: float,
    r_col: float,
    *,
    r_driver: float = 0.0,
    r_sense: float = 0.0,
    corner: str = "left_bottom",
    gated: bool = False,
    a2: ArrayLike | None = None,
    a3: ArrayLike | None = None,
    num_threads: int | None = None,
) -> NDArray[np.float64]:
    """Solve one array with wires for given voltages: gated word lines, curved cells or both.

    Parameters
    ----------
    g : array of shape (word lines, bit lines)
        Conductances of the cells in siemens; 0 is an open cell.
    v : array of shape (..., word lines)
        Voltages of the drivers.
    r_row, r_col, r_driver, r_sense, corner
        The wires, as in :func:`transfer_matrix`.
    gated : bool
        Whether a word line whose voltage is exactly 0 disconnects its cells from the bit lines, as
        select transistors (1T1R) do. Otherwise its driver holds it at 0 V.
    a2, a3 : array shaped like g, optional
        The curve of each cell, I(u) = g u + a2 u² + a3 u³ for u volt across it, word line positive:
        a2 in A/V², a3 in A/V³. 0 by default.
    num_threads : int, optional
        Threads for groups of eight drives; by default what :func:`imperfect.set_num_threads` set.

    Returns
    -------
    float64 array of shape (..., bit lines)
        Currents in ampere into the grounded ends of the bit lines; their error is below 1e-10 of
        the largest one of each drive. Each drive's result is the same in any batch.

    Raises
    ------
    ValueError, TypeError
        As :func:`transfer_matrix`; if ``v``, ``a2`` or ``a3`` does not fit ``g`` or is not finite;
        if a cell's differential conductance dI/du is negative at its voltage; or if the currents
        are not found in a bounded number of steps.

    Notes
    -----
    Word lines are eliminated, one tridiagonal system each. The system of the bit lines' nodes that
    is left is solved by conjugate gradients, preconditioned by the bit lines' own tridiagonal
    matrices (Hestenes & Stiefel, J. Res. Natl. Bur. Stand. 49, 1952), inside inexact Newton steps
    for curved cells (Dembo, Eisenstat & Steihaug, SIAM J. Numer. Anal. 19, 1982). Lines without
    resistance are single nodes. Linear arrays that are not gated are served faster by
    :func:`transfer_matrix`.

    Examples
    --------
    >>> import numpy as np
    >>> from imperfect import circuit
    >>> g, v = np.full((64, 64), 1e-4), np.where(np.arange(64) < 32, 0.2, 0.0)
    >>> for gated in (False, True):
    ...     currents = circuit.read_currents(g, v, r_row=1.0, r_col=1.0, gated=gated)
    ...     print(f"{currents[0]:.3e} {currents[-1]:.3e}")  # ampere; without wires 6.40e-04
    5.331e-04 4.545e-04
    5.596e-04 4.732e-04
    """
    cells, inputs = as_float64("g", g), as_float64("v", v)
    if cells.ndim != 2 or 0 in cells.shape:
        allowed = "(word lines, bit lines), one or more of each"
        raise ValueError(f"g has shape {cells.shape}: must be {allowed}")
    if inputs.ndim == 0 or inputs.shape[-1] != cells.shape[0]:
        raise ValueError(f"v has shape {inputs.shape}: must be (..., {cells.shape[0]})")
    curves = {"a2": a2, "a3": a3}
    terms = [None if a is None else as_float64(name, a) for name, a in curves.items()]
    for name, term in zip(curves, terms, strict=True):
        if term is not None and term.shape != cells.shape:
            raise ValueError(f"{name} has shape {term.shape}: must be {cells.shape} like g")
    currents, _ = _core.read_currents(
        cells,
        inputs.reshape(-1, cells.shape[0]),
        *_wires((r_row, r_col, r_driver, r_sense), corner),
        bool(flag("gated", gated)),
        terms[0],
        terms[1],
        threads_of(num_threads),
    )
    return currents.reshape(*inputs.shape[:-1], cells.shape[1])


def _solve(
    g: ArrayLike,
    wires: tuple[Any, Any, Any, Any],
    corner: str,
    num_threads: int | None,
    want_drivers: bool,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """T, and the admittances between drivers if wanted."""
    cells = as_float64("g", g)
    if cells.ndim not in (2, 3) or 0 in cells.shape:
        allowed = "([arrays,] word lines, bit lines), one or more of each"
        raise ValueError(f"g has shape {cells.shape}: must be {allowed}")
    batch = cells.reshape(-1, *cells.shape[-2:])
    transfer, drivers = _core.transfer_matrices(
        batch, *_wires(wires, corner), want_drivers, threads_of(num_threads)
    )
    rows, square = cells.shape[:-1], cells.shape[-2]
    return transfer.reshape(cells.shape), (
        np.empty(0) if drivers is None else drivers.reshape(*rows, square)
    )


def _wires(ohms: tuple[Any, Any, Any, Any], corner: str) -> tuple[float, float, float, float, str]:
    """The wires, checked, in the order that the core takes them."""
    r = [nonnegative(name, value, "ohm") for name, value in zip(RESISTANCES, ohms, strict=True)]
    return r[0], r[1], r[2], r[3], choice("corner", corner, CORNERS)
