# SPDX-License-Identifier: BSD-3-Clause
"""What imperfect hardware does to a trained network, and what refitting its last layer restores.

Mohammadi Rad & Sojodishijani (2020, doi 10.3906/elk-1911-77) claim that imprecise parameters stop
a trained network, while its features still hold enough for a refitted last layer to work. Here
that is measured chip by chip, beside the controls without which recovery means nothing. Which
hardware, and logistic regression as the new head, are choices of this package, not of theirs.
A trial is one programmed chip; its images are not independent, so spreads are over trials.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from imperfect._arrays import as_seed
from imperfect._checks import integer
from imperfect._optional import require
from imperfect._study.heads import default_head
from imperfect._study.input import check_progress, checked_study
from imperfect._study.points import points_of
from imperfect._study.recovered import recovered
from imperfect._study.run import METHODS as _METHODS
from imperfect._study.run import MOST_CHIPS, chip_seeds, measure_points
from imperfect.hardware import Hardware
from imperfect.network import Network

if TYPE_CHECKING:
    import pandas as pd

    from imperfect.images import Images

__all__ = ["METHODS", "collapse_and_recover", "default_head", "recovered"]

# Why named again here: the documentation takes what is said of a constant from its own module.
#: What a study measures: the float network; a chip with the network's own head (collapsed) and with
#: a refitted one; rivals of refitting (bn_reestimated, affine); controls without a trained network
#: (shuffled) and without any (pixels).
METHODS = _METHODS


def collapse_and_recover(
    network: Network,
    X_train: ArrayLike | Images,
    y_train: ArrayLike,
    X_test: ArrayLike | Images,
    y_test: ArrayLike,
    hardware: Hardware,
    vary: Mapping[str, Sequence[Any]] | None = None,
    chips: int = 5,
    seed: int = 0,
    head: Any = None,
    *,
    transfer: bool = False,
    cache: str | os.PathLike[str] | None = None,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Measure what chips of a network still do, and what comes back when the head is refitted.

    Per trial, the accuracy on the test images of

    - ``float``: the network itself;
    - ``collapsed``: the chip with the network's own head;
    - ``refitted``: the chip with a head fitted on the features that this chip gives;
    - ``bn_reestimated``, ``affine``: rivals of refitting, with the network's own head: batch
      normalisation measured on the chip, and a gain and an offset per output (see
      ``AnalogNetwork``); no ``bn_reestimated`` where no layer has a batch normalisation;
    - ``shuffled``: control: a head fitted on the features of a chip of the same hardware and
      seed, whose network has its weights permuted and its batch normalisation measured anew;
    - ``pixels``: control: a head fitted on the inputs themselves, images larger than 64 × 64
      averaged to that size.

    Recovery means something where ``refitted`` is above both controls.

    Parameters
    ----------
    network
        The trained network: one input, one output of shape (n, classes), whose columns stand for
        the sorted labels. Features are the input of the last layer that can be analog.
    X_train, X_test : array of shape (n, …), or images.Images
        Images as the network takes them; finite; kept as float32. ``Images`` are read piece by
        piece.
    y_train, y_test : array of shape (n,)
        Labels: whole numbers or strings.
    hardware
        The machine.
    vary
        Values to try by the path of a field, as in ``Hardware.with_field``; each field is
        varied alone. None measures the hardware as given, in rows of the knob "hardware".
    chips
        Chips per value, 1 to 10,000. They differ much: fewer than 5 tell little.
    seed
        Chip c has the same seed for every value, drawn from ``seed`` and c.
    head
        Any scikit-learn classifier; clones of it are fitted for ``refitted``, ``shuffled`` and
        ``pixels``. None is ``default_head()``. One that names a tensor of the network as its
        ``output``, as ``torch.LastLayers`` does, is given that tensor in place of the features,
        and ``default_head()`` stands for it at ``pixels``.
    transfer
        Whether the classes are others than the network's. A head fitted on the float network's
        features then stands for the network's own wherever that is named above.
    cache
        A folder for features and scores, made if it is not there: what was measured before, with
        the same network, data, hardware, seed, head and SIMD level, is read from it. A study that
        was stopped goes on where it was, and another head needs no chip again. It takes 4 bytes
        per feature of all images, three times, for each chip.
    jobs
        Processes, each with one thread. Results do not depend on it.
    progress
        Called after each finished task with the numbers of finished tasks and of all: two for
        each chip, the trained network and the shuffled one, and one for the raw inputs.

    Returns
    -------
    pandas.DataFrame
        Columns knob, value, chip, seed (the chip's own), method, accuracy (0 to 1), n_train,
        n_test; one row per trial and method. ``float`` and ``pixels`` repeat in each trial. A
        value that is not a number stands as text.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit; it is named.
    OSError
        If the cache cannot be written.
    ImportError
        If the extra ``study`` is not installed.

    Notes
    -----
    Batch normalisation is measured and gains are fitted on 256 training images, converters are
    calibrated on 64, but each on at most half of them, at even distances. Where converters take
    their ranges from data, both are done twice in turn, because each changes what the other sees.
    Nothing is chosen by test images.

    Each process holds the features of all images, the inputs of ``pixels``, and the largest
    activations of 256 images; at most 32 MiB of ``Images`` are floats at once.

    Examples
    --------
    >>> import imperfect as im
    >>> from imperfect import data
    >>> X_train, y_train, X_test, y_test = data.scattered_fashion()
    >>> hw = im.Hardware(cell=im.Cell(programming=im.device.Gaussian(0.02)))
    >>> results = collapse_and_recover(
    ...     data.scattered_mobilenet(), X_train[:100], y_train[:100], X_test[:100], y_test[:100],
    ...     hw, vary={"cell.programming.sigma": [0.0]}, chips=1,
    ... )
    >>> accuracy = results.set_index("method").accuracy
    >>> bool(accuracy["collapsed"] == accuracy["float"])
    True
    """
    require("pandas")
    check_progress(progress)
    study = checked_study(network, X_train, y_train, X_test, y_test, head, transfer)
    points = points_of(hardware, vary)
    seed = as_seed("seed", seed)
    integer("chips", chips, 1, MOST_CHIPS)
    integer("jobs", jobs, 1)
    seeds = chip_seeds(seed, chips)
    return measure_points(
        study, points, seeds, transfer=transfer, cache=cache, jobs=jobs, progress=progress
    )
