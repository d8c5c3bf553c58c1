# SPDX-License-Identifier: BSD-3-Clause
"""A sweep that is written in a TOML file: the question, the machines, what is measured on them.

The format is described in ``docs/sweep-files.md``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

from imperfect._checks import check_instance, choice, integer
from imperfect._cost.library import LIBRARIES
from imperfect.hardware import Hardware
from imperfect.sweep._measures import Measure, as_measures, measure
from imperfect.sweep._problem import Problem
from imperfect.sweep._sources import BUNDLED, SOURCE, ZOO, problem_of
from imperfect.sweep._space import Space
from imperfect.sweep._spec_file import SpecFile
from imperfect.sweep._spec_lines import Place
from imperfect.sweep._spec_machines import hardware_of, spaces_of
from imperfect.sweep._stop import MOST_TRIALS, Stop
from imperfect.sweep._task import Task, tasks

TABLES = ("question", "problem", "hardware", "space", "measure", "run")
# Numbers that measures of the package give, which rules may look at.
NUMBERS = {
    "accuracy": ("float", "collapsed", "refitted"),
    "controls": ("shuffled", "pixels"),
    "rivals": ("bn_reestimated", "affine"),
    "logit_error": ("logit_error",),
    "cost": ("arrays", "energy", "latency", "area", "tops_per_watt", "tops_per_mm2"),
}


class Group(NamedTuple):
    """Tasks that measure the same, one for each machine, and when they have enough trials."""

    tasks: Sequence[Task]
    stop: Stop


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Spec:
    """A sweep as a TOML file says it, checked: everything that can be wrong is found on loading.

    Made by ``load``; the format is described in ``docs/sweep-files.md``.

    Attributes
    ----------
    question : str
        What is to be found out; empty if the file does not say.
    text : str
        The file.
    spaces : list of Space
        The machines, as the tables ``space`` of the file have them.
    groups : list of Group
        Pairs (tasks, stop) for ``sweep.run``, as the tables ``measure`` have them: the tasks of all
        machines, in the order of the spaces.

    Examples
    --------
    >>> import imperfect as im, tempfile
    >>> from pathlib import Path
    >>> text = '''
    ... question = "How many bits?"
    ... [problem]
    ... network = "bundled"
    ... data = "bundled"
    ... n_train = 100
    ... n_test = 50
    ... [[space]]
    ... kind = "grid"
    ... vary = { "cell.bits" = [2, 4], "weight_bits" = [8] }
    ... [[measure]]
    ... names = ["accuracy"]
    ... chips = 2
    ... '''
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "bits.toml").write_text(text)
    ...     spec = im.sweep.Spec.load(f"{folder}/bits.toml")
    >>> spec
    Spec('How many bits?': 2 machines, 2 tasks)
    >>> [task.name for task in spec.groups[0].tasks], spec.groups[0].stop.trials
    (['cell.bits=2, weight_bits=8', 'cell.bits=4, weight_bits=8'], 2)
    """

    question: str
    text: str
    spaces: Sequence[Space]
    groups: Sequence[Group]

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Spec:
        """Read a file, with the network and the images that it names.

        Parameters
        ----------
        path
            A TOML file; files that it names are looked for beside it.

        Returns
        -------
        Spec

        Raises
        ------
        ValueError
            If something does not fit: ``FILE:LINE: field: what is allowed``.
        OSError
            If the file cannot be read.
        ImportError
            If a package is needed that is not installed; it is named.
        """
        check_instance("path", path, (str, os.PathLike), "the path of a TOML file")
        try:
            text = Path(path).read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: not TOML: {error}") from None
        file = SpecFile(text, os.fspath(path), Path(path).parent)
        file.table((), TABLES, needed=("problem", "space", "measure"))
        question = file.get(("question",)) or ""
        with file.at("question"):
            check_instance("question", question, str, "a text")
        spaces = spaces_of(file, hardware_of(file, ("hardware",), Hardware()))
        machines = Space([machine for space in spaces for machine in space])
        # Why: images are read last, which may take long.
        measured = _measured(file)
        problem, seeds = _problem(file), file.table(("run",), ("seed", "seeds"))
        _check_rules(file, measured, problem)
        with file.at("run"):
            groups = [Group(tasks(machines, problem, own, **seeds), stop) for own, stop in measured]
        return cls(question, text, spaces, groups)

    def __repr__(self) -> str:
        count = sum(len(group.tasks) for group in self.groups)
        machines = sum(map(len, self.spaces))
        return f"Spec({self.question!r}: {machines} machines, {count} tasks)"


def _problem(file: SpecFile) -> Problem:
    place = ("problem",)
    source = file.table(place, SOURCE, needed=("network", "data"))
    for name, known in (("network", (BUNDLED, *ZOO)), ("data", (BUNDLED,))):
        # Why: a store has to find them from any folder.
        if isinstance(source[name], str) and source[name] not in known:
            source[name] = file.path(source[name])
    with file.at(*place):
        return problem_of(source)


def _measured(file: SpecFile) -> list[tuple[tuple[Measure, ...], Stop]]:
    """What is measured together, and on how many chips."""
    groups: list[tuple[tuple[Measure, ...], Stop]] = []
    for place in file.tables(("measure",)):
        table = file.table(place, ("names", "components", "chips", "stop"), needed=["names"])
        names = table["names"]
        with file.at(*place, "names"):
            check_instance("names", names, list, "a list of names of measures")
            own = as_measures([_named(name) for name in names])
            before = {measure.name for group, _ in groups for measure in group}
            for item in own:
                if item.name in before:
                    raise ValueError(f"{item.name!r} is in an earlier [[measure]] as well")
        if "components" in table:
            own = _with_components(file, place, own, table["components"])
        groups.append((own, _stop(file, place, table)))
    return groups


def _check_rules(
    file: SpecFile, measured: Sequence[tuple[tuple[Measure, ...], Stop]], problem: Problem
) -> None:
    """Refuse rules about a result that none of their measures gives."""
    given = {"layer_errors": [f"error of {layer}" for layer in problem._analog], **NUMBERS}
    for number, (measures, stop) in enumerate(measured):
        if stop.measure is not None:
            with file.at("measure", number, "stop", "measure"):
                known = [result for item in measures for result in given[item.name]]
                choice("measure", stop.measure, known)


def _named(name: Any) -> Measure:
    check_instance("names", name, str, "a list of names of measures")
    return measure(name)


def _with_components(
    file: SpecFile, place: Place, measures: tuple[Measure, ...], given: Any
) -> tuple[Measure, ...]:
    """The same measures, the cost with a library of components: a name or a file."""
    with file.at(*place, "components"):
        if "cost" not in {item.name for item in measures}:
            raise ValueError("is for the measure 'cost', which names does not have")
        is_file = isinstance(given, str) and given not in LIBRARIES
        cost = measure("cost", components=file.path(given) if is_file else given)
    return tuple(cost if item.name == "cost" else item for item in measures)


def _stop(file: SpecFile, place: Place, table: dict[str, Any]) -> Stop:
    if "chips" in table and "stop" in table:
        raise file.error((*place, "chips"), "must be in the table stop, as trials")
    if "chips" in table:
        with file.at(*place, "chips"):
            return Stop(trials=integer("chips", table["chips"], 1, MOST_TRIALS) or 1)
    inner = (*place, "stop")
    rules = file.table(inner, [field.name for field in fields(Stop)])
    with file.at(*inner):
        return Stop(**rules)
