# SPDX-License-Identifier: BSD-3-Clause
"""What is measured on a chip: accuracies, errors, cost, or whatever a user's function gives."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from imperfect._checks import check_instance, check_known, integer, refusal
from imperfect._cost.components import NOT_MODELLED
from imperfect._cost.library import Components
from imperfect._study.trial import Trial as StudyTrial
from imperfect.sweep._subject import Subject

Values = dict[str, float | int | str]
GENERIC = "generic"  # the library of components where none is named
COSTED, REPORTED = 16, 32  # images whose inputs are charged, and whose layers are compared


@dataclass(frozen=True, slots=True)
class Measure:
    """A function of a chip, known by a name and a version.

    Parameters
    ----------
    name : str
        What it is called; part of the ids of tasks.
    version : int
        Raised whenever the function gives other numbers: results of another version are not its
        results.
    fn : callable
        Called with a ``Subject`` and the options; gives a dictionary from names to finite numbers
        or text. It has to depend on nothing else, and has to be picklable by cloudpickle for runs
        in several processes.
    options : mapping
        Plain values handed to the function by name; part of the ids of tasks.

    Raises
    ------
    ValueError, TypeError
        If a field does not fit.

    Examples
    --------
    >>> import imperfect as im
    >>> def largest(subject):
    ...     return {"seed modulo 10": subject.seed % 10}
    >>> im.sweep.Measure("largest", 1, largest).name
    'largest'
    """

    name: str
    version: int
    fn: Callable[..., Mapping[str, Any]]
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_instance("Measure.name", self.name, str, "a string")
        if not self.name:
            raise ValueError(refusal("Measure.name", self.name, "a string that is not empty"))
        if self.fn is not BUILT_IN.get(self.name, (0, self.fn))[1]:
            own = f"a name of your own; {', '.join(BUILT_IN)} are measures of the package"
            raise ValueError(refusal("Measure.name", self.name, own))
        object.__setattr__(self, "version", integer("Measure.version", self.version, 0))
        if not callable(self.fn):
            raise TypeError(refusal("Measure.fn", self.fn, "a function of a Subject"))
        check_instance("Measure.options", self.options, Mapping, "a dictionary of plain values")
        try:
            json.dumps(dict(self.options), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"Measure.options={dict(self.options)!r}: {error}") from None

    def identity(self) -> list[Any]:
        """What ids of tasks hold of it."""
        return [self.name, self.version, dict(self.options)]

    def __call__(self, subject: Subject) -> Values:
        """Measure, and check what comes out."""
        found = self.fn(subject, **self.options)
        if not isinstance(found, Mapping):
            kind = type(found).__name__
            raise ValueError(f"measure {self.name!r}: gave {kind}, must give a dictionary")
        return {self._key(key): self._value(key, value) for key, value in found.items()}

    def _key(self, key: Any) -> str:
        if not isinstance(key, str) or not key:
            raise ValueError(f"measure {self.name!r}: names a result {key!r}, must be text")
        return as_text(f"measure {self.name!r}: the name of a result", key)

    def _value(self, key: str, value: Any) -> float | int | str:
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, str):
            return as_text(f"measure {self.name!r}: {key}", value)
        if isinstance(value, int) and abs(value) < 2**63:
            return int(value)
        if isinstance(value, float) and math.isfinite(value):
            return value
        allowed = "a finite number (whole ones below 2**63) or text"
        raise ValueError(f"measure {self.name!r}: {refusal(key, value, allowed)}")


def as_text(field: str, text: str) -> str:
    """Refuse text that no file can hold (half of a character of two)."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{refusal(field, text, 'Unicode text')}: {error.reason}") from None
    return text


def _accuracy(subject: Subject) -> Values:
    scores: Values = dict(subject.problem.float_scores)
    study, arrays = subject.problem.study, subject.features
    if study.own_head is None:
        answers = np.unique(study.y_train)[arrays["outputs"].argmax(axis=1)]
    else:
        answers = study.own_head.predict(arrays["test"])
    scores["collapsed"] = study.accuracy(answers)
    scores["refitted"] = study.fitted_accuracy(arrays["train"], arrays["test"])
    return scores


def _controls(subject: Subject) -> Values:
    # Why: in the control all layers are shuffled, also those that are the same on every chip.
    trial = StudyTrial(subject.problem.whole, subject.hardware, subject.seed, subject.time)
    return dict(trial.control_scores() | subject.problem.pixel_scores)


def _rivals(subject: Subject) -> Values:
    trial = StudyTrial(subject.problem.study, subject.hardware, subject.seed, subject.time)
    trial.chip = subject._tail
    return dict(trial.rival_scores())


def _logit_error(subject: Subject) -> Values:
    """Root mean square of the error of the outputs, in units of that of the float outputs."""
    exact = subject.problem.float_outputs
    error = subject.features["outputs"] - exact
    return {"logit_error": float(np.sqrt(np.mean(error**2) / np.mean(exact**2)))}


def _layer_errors(subject: Subject) -> Values:
    from imperfect.diagnosis import layer_report

    report = layer_report(subject._tail, subject.problem.study.spread(REPORTED))
    pairs = zip(report["layer"], report["relative_error"], strict=True)
    return {f"error of {layer}": float(error) for layer, error in pairs}


def _cost(subject: Subject, components: str = GENERIC) -> Values:
    library = _parsed(components) if "\n" in components else components
    found = subject.chip.cost(subject.problem.whole.spread(COSTED), library)
    values: Values = {"arrays": found.arrays}
    for name in ("energy", "latency", "area", "tops_per_watt", "tops_per_mm2"):
        value = getattr(found, name)
        if value is not None:
            values[name] = float(value)
    for total in found.left_out:
        missing = ", ".join(found.missing(total))
        values[f"{total}_without"] = missing if total in values else NOT_MODELLED
    return values


# Raised when what a measure gives changes.
BUILT_IN: dict[str, tuple[int, Callable[..., Values]]] = {
    "accuracy": (1, _accuracy),
    "controls": (1, _controls),
    "rivals": (1, _rivals),
    "logit_error": (1, _logit_error),
    "layer_errors": (1, _layer_errors),
    "cost": (1, _cost),
}


def measure(name: str, **options: Any) -> Measure:
    """A measure of the package, with options.

    Parameters
    ----------
    name : {"accuracy", "controls", "rivals", "logit_error", "layer_errors", "cost"}
        "accuracy" gives float, collapsed and refitted; "controls" shuffled and pixels; "rivals"
        bn_reestimated and affine, all as ``study.collapse_and_recover`` has them;
        "logit_error" the error of the outputs in units of the float outputs (root mean squares);
        "layer_errors" the relative error of each layer (``diagnosis.layer_report``); "cost" energy,
        latency, area and arrays (``chip.cost``).
    **options
        Of "cost": ``components``, the name of a library or of a TOML file, whose text then is the
        option.

    Raises
    ------
    ValueError, TypeError
        If there is no such measure, or it has no such option.

    Examples
    --------
    >>> import imperfect as im
    >>> im.sweep.measure("cost", components="isaac").options
    {'components': 'isaac'}
    """
    check_known("sweep.measure", name, BUILT_IN)
    version, function = BUILT_IN[name]
    for option in options:
        check_known(f"measure {name!r}", option, ["components"] if name == "cost" else [])
    if "components" in options:
        options["components"] = _library(options["components"])
        if options["components"] == GENERIC:
            # Why: what is written out and what is left out have the same id.
            del options["components"]
    return Measure(name, version, function, options)


def _library(given: str) -> str:
    """The name of a library of components, or the text of a file of them."""
    from imperfect.cost import LIBRARIES

    names = ", ".join(LIBRARIES)
    allowed = f"the name of a TOML file, or one of {names}"
    check_instance("components", given, str, allowed)
    if given in LIBRARIES:
        return given
    text = given
    if "\n" not in given:
        if not Path(given).is_file():
            raise ValueError(refusal("components", given, allowed))
        text = Path(given).read_text(encoding="utf-8")
    _parsed(text)
    return text


def _parsed(text: str) -> Components:
    return Components._parse(text, "components")


def as_measures(values: Any) -> tuple[Measure, ...]:
    """Measures given as such or by name, sorted by name."""
    allowed = "names of measures, or Measure objects"
    if isinstance(values, str | Measure):
        values = [values]
    if not np.iterable(values):
        raise TypeError(f"{refusal('measures', values, allowed)}, not {type(values).__name__}")
    found: dict[str, Measure] = {}
    for value in values:
        check_instance("measures", value, (str, Measure), allowed)
        own = measure(value) if isinstance(value, str) else value
        if own.name in found:
            raise ValueError(f"measures: {own.name!r} is given twice")
        found[own.name] = own
    if not found:
        raise ValueError("measures: is empty; must be " + allowed)
    return tuple(found[name] for name in sorted(found))
