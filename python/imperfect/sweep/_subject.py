# SPDX-License-Identifier: BSD-3-Clause
"""One programmed chip, as measures see it; what it shares with the chip before is done once."""

from __future__ import annotations

from functools import cached_property

from imperfect._study.cache import Arrays
from imperfect._study.trial import later
from imperfect.hardware import Hardware
from imperfect.network import AnalogNetwork
from imperfect.sweep._problem import Problem


class Subject:
    """One programmed chip, as measures see it.

    Attributes
    ----------
    hardware, time, problem, seed, trial
        The machine, the seconds since it was written, what it works on (None if the task has
        none), the chip's seed and its number.
    """

    def __init__(
        self,
        hardware: Hardware,
        problem: Problem | None,
        seed: int,
        trial: int,
        time: float = 0.0,
        before: Subject | None = None,
    ) -> None:
        self.hardware, self._problem, self.seed, self.trial = hardware, problem, seed, trial
        self.time = time
        # Why: weights are mapped already on the chip before.
        self._written: AnalogNetwork | None = None if before is None else before._written
        if before is not None and draws_nothing(hardware):
            for name in ("_tail", "features"):
                if name in vars(before):
                    vars(self)[name] = vars(before)[name]

    @property
    def problem(self) -> Problem:
        """What the chip works on."""
        if self._problem is None:
            raise ValueError("problem=None: this measure needs a Problem; give one to tasks()")
        return self._problem

    @cached_property
    def chip(self) -> AnalogNetwork:
        """The chip, programmed, calibrated, and as old as ``time`` says."""
        whole, tail = self.problem.whole.network, self._tail
        if tail.network is whole:
            return tail
        return AnalogNetwork._assemble(whole, self.hardware, tail.seed, tail.chunk, tail.layers)

    @cached_property
    def _tail(self) -> AnalogNetwork:
        """The chip without what is the same on all of them."""
        study = self.problem.study
        if self._written is None:
            self._written = study.program(study.network, self.hardware, self.seed)
        elif self._written.seed != self.seed:
            self._written.program(self.seed)
            study.calibrated(self._written)
        return later(self._written, self.time)

    @cached_property
    def features(self) -> Arrays:
        """Features ("train", "test") and the network's outputs on the test images ("outputs")."""
        study = self.problem.study
        train = study.tensors(self._tail, study.x_train, (study.feature,))[study.feature]
        output = study.network.outputs[0].name
        names = (study.feature, output)
        test = study.tensors(self._tail, study.x_test, names, len(study.x_train))
        return {"train": train, "test": test[study.feature], "outputs": test[output]}


def draws_nothing(hardware: Hardware) -> bool:
    """Whether all chips of a machine are equal: nothing of it is drawn at random.

    Examples
    --------
    >>> import imperfect as im
    >>> from imperfect.sweep._subject import draws_nothing
    >>> draws_nothing(im.Hardware(weight_bits=8))
    True
    >>> draws_nothing(im.Hardware(adc=im.ADC(bits=8, noise=0.1)))
    False
    """
    cell, adc = hardware.cell, hardware.adc
    laws = ("programming", "faults", "drift", "read_noise")
    deviations = (
        cell.g_min_sigma, cell.g_max_sigma, adc.gain_sigma, adc.offset_sigma, adc.noise
    )  # fmt: skip
    return not any(cell._laws(role) for role in laws) and adc.inl is None and not any(deviations)
