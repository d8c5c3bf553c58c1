# SPDX-License-Identifier: BSD-3-Clause
"""What a chip offers to look into it layer by layer, and to correct what was found.

The layers are computed in order, each on everything that reaches it; the chip itself never
changes. Equations of the corrections: ``imperfect._network.corrections``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, cast

from imperfect import _core
from imperfect._arrays import as_seed
from imperfect._checks import check_instance
from imperfect._layers.calibration import report_rows, report_table
from imperfect._layers.costed import Costed
from imperfect._network import corrections
from imperfect._network.batch import Input
from imperfect._network.programmed import Layer
from imperfect._network.stream import LayerVisit, traverse
from imperfect._optional import require

if TYPE_CHECKING:
    import pandas as pd

    from imperfect._network.chip import AnalogNetwork
    from imperfect._network.network import Network


class Measured(Costed):
    """The part of a chip that measures its layers."""

    network: Network
    chunk: int | None

    @property
    def layers(self) -> Mapping[str, Layer]:
        """The analog layers by the names of their nodes, in the order of the network."""
        raise NotImplementedError

    def walk(self, x: Input, *, read: int = 0) -> Iterator[LayerVisit]:
        """Take samples through the chip, stopping at every analog layer.

        Whoever iterates sees what reaches each layer, and may put another layer in its place
        (``visit.layer = …``): what follows then sees the output of that one. The chip itself
        does not change. The activations alive at one stage are held for all samples at once.

        Parameters
        ----------
        x, read
            As for a call.

        Yields
        ------
        LayerVisit
            One per layer, in the order of computation.

        Raises
        ------
        ValueError, TypeError
            As for a call, or if a layer that was put in the place of another is none, or has
            other weights than fit there.
        """
        require_calibrated(self.layers)
        return _checked_visits(self._walk(x, read))

    def _walk(self, x: Input, read: int) -> Iterator[LayerVisit]:
        net, layers = self.network, self.layers
        batch = net._batch(x)
        if not batch.count:
            raise ValueError("x: has no samples")
        plan = net._plan(net._graph.output_names, layers.keys())
        schedule = net._schedule(batch, self.chunk)
        return traverse(plan, layers, batch, schedule, as_seed("read", read))

    def calibration_report(self, x: Input, *, read: int = 0) -> pd.DataFrame:
        """How well the converters' ranges fit these samples, layer by layer and slice by slice.

        Each layer is looked at without read noise, on what the layers before it give with theirs.

        Parameters
        ----------
        x, read
            As for a call. All samples are held at once, with the activations alive at one stage.

        Returns
        -------
        pandas.DataFrame
            The tables of ``layers.AnalogLinear.calibration_report``, one below the other in the
            order of computation, with the name of the layer's node as first column, ``layer``; the
            arrays of a recurrent layer each have their own, "name/forward.input".

        Raises
        ------
        ValueError, TypeError
            As for a call.
        ImportError
            If the extra ``study`` is not installed.
        """
        require("pandas")
        return report_table(
            {"layer": name} | row
            for name, report in self._conversions(x, read)
            for row in report_rows(report)
        )

    def _conversions(
        self, x: Input, read: int = 0
    ) -> Iterator[tuple[str, _core.CalibrationReport]]:
        for visit in self.walk(x, read=read):
            for part, report in visit.layer._reports(visit.x, **visit.others):
                yield f"{visit.name}/{part}" if part else visit.name, report

    def reestimate_batch_norm(self, x: Input, *, read: int = 0) -> AnalogNetwork:
        """Return the same chip with batch normalisation measured on the chip itself.

        Mean and variance of every absorbed batch normalisation become those of what its arrays
        give for ``x``, layer by layer, each on what the corrected layers before it give. A rival
        of refitting. Batch normalisations that were not absorbed, because they do not directly
        follow an analog layer, are left alone.

        Parameters
        ----------
        x
            Training samples, as for a call; they are held at once, with the activations alive
            at one stage.
        read
            As for a call.

        Returns
        -------
        AnalogNetwork
            Another view of the same cells.
        """
        return corrections.reestimate_batch_norm(cast("AnalogNetwork", self), x, read)

    def affine_corrected(
        self, x: Input, reference: Network | None = None, *, read: int = 0
    ) -> AnalogNetwork:
        """Return the same chip with a gain and an offset for every output of every layer.

        Recurrent layers, whose outputs are bounded states, keep what they give. Gain and offset
        are those of least squares between what the layer gives before its Relu or Clip on
        the chip and in the float network, layer by layer, each on what the corrected layers
        before it give. A rival of refitting.

        Parameters
        ----------
        x, read
            As for ``reestimate_batch_norm``.
        reference
            The float network; None is the chip's own. It must have layers of the same names and
            shapes.

        Returns
        -------
        AnalogNetwork
            Another view of the same cells.
        """
        return corrections.affine_corrected(cast("AnalogNetwork", self), x, reference, read)

    def layer_outputs(
        self, x: Input, reference: Network | None = None, *, read: int = 0
    ) -> Iterator[corrections.LayerOutputs]:
        """Give the outputs of every layer, on the chip and in the float network.

        Parameters
        ----------
        x, reference, read
            As for ``affine_corrected``.

        Yields
        ------
        LayerOutputs
            One per layer, in the order of computation.
        """
        return corrections.layer_outputs(cast("AnalogNetwork", self), x, reference, read)


def require_calibrated(layers: Mapping[str, Layer]) -> None:
    """Refuse to compute while ranges are open."""
    waiting = [name for name, layer in layers.items() if layer.needs_calibration]
    if waiting:
        raise ValueError(f"call calibrate(x) first: layers {waiting} take ranges from data")


def _checked_visits(visits: Iterator[LayerVisit]) -> Iterator[LayerVisit]:
    """The visits, with a look at the layer that the caller leaves in each place."""
    for visit in visits:
        before = visit.layer
        yield visit
        field = f"layer of the visit to {visit.name!r}"
        check_instance(field, visit.layer, type(before), f"an {type(before).__name__}")
        if visit.layer.weight.shape != before.weight.shape:
            shapes = f"{visit.layer.weight.shape}: must be {before.weight.shape}"
            raise ValueError(f"{field} has weights of shape {shapes}")
