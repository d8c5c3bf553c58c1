# SPDX-License-Identifier: BSD-3-Clause
"""Energy, latency and area of a machine, from exact counts and sourced components.

``chip.cost(X)`` and ``layer.cost(x)`` count what arrays, converters and the digital side do for the
inputs given (``Counts``), charge every event with an entry of a library (``Components``, data
files that say where each number comes from), and lay it out in time (``Schedule``). An entry that
is missing, or holds for other converters, reads "not modelled", and totals say what they leave
out. Energies in joule, times in second, areas in square metre.
"""

from __future__ import annotations

from typing import Any

from imperfect._checks import check_instance, choice
from imperfect._cost.components import EVENTS as _EVENTS
from imperfect._cost.components import NOT_MODELLED as _NOT_MODELLED
from imperfect._cost.components import Component, survey_energy
from imperfect._cost.counts import Counts
from imperfect._cost.library import LIBRARIES as _LIBRARIES
from imperfect._cost.library import Components, components
from imperfect._cost.result import Cost, make_cost
from imperfect._cost.schedule import Schedule
from imperfect._cost.work import count_samples, layer_work, network_work
from imperfect.layers import AnalogLayer, AnalogRecurrent

__all__ = [
    "EVENTS",
    "LIBRARIES",
    "NOT_MODELLED",
    "Component",
    "Components",
    "Cost",
    "Counts",
    "Schedule",
    "components",
    "cost",
    "survey_energy",
]

# Why named again here: the documentation takes what is said of a constant from its own module.
#: Names of the libraries of components that come with the package.
LIBRARIES = _LIBRARIES

#: What each kind of component is charged for, and what its area is counted by: fields of
#: ``Counts``; empty where nothing counts the area.
EVENTS = _EVENTS

#: What stands in place of a number that is not known, alone or before a colon and the reason.
NOT_MODELLED = _NOT_MODELLED

# Why: pickles and documentation name the place that users import from.
for _class in (Component, Components, Cost, Counts, Schedule):
    _class.__module__ = __name__


def cost(
    machine: Any,
    x: Any,
    components: Components | str | None = None,
    schedule: Schedule | None = None,
    **others: Any,
) -> Cost:
    """What a layer or a chip costs for a batch; the same as its method ``cost``.

    Parameters
    ----------
    machine : layer or AnalogNetwork
        Calibrated, if its hardware needs that.
    x
        Inputs as in a call, one sample or more.
    components : Components, name or None
        What components cost; a name is that of a library of the package, None "generic".
    schedule : Schedule or None
        When arrays are read; None: layers one after the other, all arrays of a layer at once.
    **others
        What else a recurrent layer is called with.

    Returns
    -------
    Cost

    Raises
    ------
    ValueError, TypeError
        If ``x`` is empty or does not fit, the machine has to be calibrated first, or an argument
        has a wrong type.

    Examples
    --------
    >>> import numpy as np
    >>> import imperfect as im
    >>> array, dac = im.Array(rows=128, cols=128), im.DAC(bits=8, slice_bits=1, range=1.0)
    >>> hardware = im.Hardware(weight_bits=8, cell=im.Cell(bits=2), array=array, dac=dac,
    ...                        adc=im.ADC(bits=8))
    >>> layer = im.AnalogLinear(np.ones((32, 128)), hardware=hardware)
    >>> layer.calibrate(np.ones((1, 128)))
    >>> found = im.cost.cost(layer, np.ones((1, 128)))
    >>> found.totals.adc_conversions == 32 * 4 * 8
    True
    >>> found.left_out["energy"]
    ('word_line (needs Cell.v_read)', 'array (needs Cell.g_max and Cell.v_read)')
    """
    library = as_components(components)
    if schedule is not None:
        check_instance("schedule", schedule, Schedule, "a Schedule or None")
    chosen = Schedule() if schedule is None else schedule
    if isinstance(machine, AnalogLayer | AnalogRecurrent):
        works = layer_work(machine, x, **others)
        samples = count_samples(machine, x)
    else:
        from imperfect.network import AnalogNetwork

        check_instance("machine", machine, AnalogNetwork, "a layer or an AnalogNetwork")
        works, samples = network_work(machine, x)
    return make_cost(works, samples, library, chosen)


def as_components(value: Any) -> Components:
    """A library given as such, by its name, or left open."""
    if value is None:
        return components()
    if isinstance(value, str):
        choice("components", value, LIBRARIES)
        return components(value)
    check_instance("components", value, Components, "Components, the name of a library, or None")
    found: Components = value
    return found
