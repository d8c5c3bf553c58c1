# SPDX-License-Identifier: BSD-3-Clause
# Written by tools/make_stubs.py.
"""
Compiled core of imperfect. Private: use the classes of the package.
"""

from __future__ import annotations

import collections.abc
import typing

import numpy
import numpy.typing

__all__: list[str] = [
    "CalibrationReport",
    "ConverterUse",
    "Layer",
    "LayerShape",
    "RecurrentCell",
    "StopFlag",
    "array_blocks",
    "array_counts",
    "available_simd_levels",
    "has_openmp",
    "normals",
    "num_threads",
    "philox",
    "read_currents",
    "set_num_threads",
    "simd_level",
    "stream_key",
    "transfer_matrices",
    "trial_seed",
    "uniforms",
]

class StopFlag:
    """
    Set, it ends with KeyboardInterrupt what threads compute that entered it.
    """
    def __enter__(self) -> None: ...
    def __exit__(self, kind: typing.Any, error: typing.Any, traceback: typing.Any) -> None: ...
    def __init__(self) -> None: ...
    def set(self) -> None: ...
    @property
    def is_set(self) -> bool: ...

class ConverterUse:
    @property
    def bin_width(self) -> float: ...
    @property
    def clipped_high(self) -> int: ...
    @property
    def clipped_low(self) -> int: ...
    @property
    def codes(self) -> numpy.typing.NDArray[numpy.uint64]: ...
    @property
    def conversions(self) -> int: ...
    @property
    def currents(self) -> numpy.typing.NDArray[numpy.uint64]: ...
    @property
    def high(self) -> float: ...
    @property
    def limited_lines(self) -> int: ...
    @property
    def line_reads(self) -> int: ...
    @property
    def low(self) -> float: ...
    @property
    def lsb(self) -> float: ...
    @property
    def mean(self) -> float: ...
    @property
    def polarity(self) -> int: ...
    @property
    def sigma(self) -> float: ...
    @property
    def slice(self) -> int: ...

class CalibrationReport:
    @property
    def converters(self) -> list[ConverterUse]: ...
    @property
    def full_scale(self) -> float: ...
    @property
    def inputs_clipped(self) -> float: ...

class LayerShape:
    def __init__(
        self,
        in_channels: typing.SupportsInt | typing.SupportsIndex,
        out_channels: typing.SupportsInt | typing.SupportsIndex,
        groups: typing.SupportsInt | typing.SupportsIndex = 1,
        kernel: typing.Annotated[
            collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(3)"
        ] = [1, 1, 1],
        stride: typing.Annotated[
            collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(3)"
        ] = [1, 1, 1],
        dilation: typing.Annotated[
            collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(3)"
        ] = [1, 1, 1],
        pad_begin: typing.Annotated[
            collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(3)"
        ] = [0, 0, 0],
        pad_end: typing.Annotated[
            collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(3)"
        ] = [0, 0, 0],
        is_transposed: bool = False,
        output_padding: typing.Annotated[
            collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(3)"
        ] = [0, 0, 0],
    ) -> None: ...

class Layer:
    def __init__(
        self,
        shape: LayerShape,
        weight: numpy.ndarray,
        bias: numpy.ndarray | None,
        hardware: typing.Any,
        seed: typing.SupportsInt | typing.SupportsIndex,
        layer_id: typing.SupportsInt | typing.SupportsIndex,
        fixed16: bool = False,
    ) -> None: ...
    def at(self, seconds: typing.SupportsFloat | typing.SupportsIndex) -> Layer: ...
    def calibrate(self, x: numpy.ndarray) -> None: ...
    def calibration_report(self, x: numpy.ndarray) -> CalibrationReport: ...
    def clipping_rates(self, x: numpy.ndarray) -> tuple[float, list[float]]: ...
    def conductances(self) -> numpy.typing.NDArray[numpy.float32]: ...
    def copy(self) -> Layer: ...
    def effective_weight(self) -> numpy.typing.NDArray[numpy.float32]: ...
    def forward(
        self,
        x: numpy.ndarray,
        out: numpy.ndarray | None,
        num_threads: typing.SupportsInt | typing.SupportsIndex,
        first_sample: typing.SupportsInt | typing.SupportsIndex = 0,
        read: typing.SupportsInt | typing.SupportsIndex = 0,
        samples: typing.Annotated[numpy.typing.ArrayLike, numpy.uint64] | None = None,
    ) -> numpy.typing.NDArray[numpy.float32]: ...
    def output_shape(self, x: numpy.ndarray) -> list[int]: ...
    def program(
        self,
        seed: typing.SupportsInt | typing.SupportsIndex,
        write: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    def pulses(self) -> numpy.typing.NDArray[numpy.uint32]: ...
    def read_activity(self, x: numpy.ndarray) -> tuple[int, int, float]: ...
    def set_calibration(
        self,
        full_scale: typing.SupportsFloat | typing.SupportsIndex,
        is_signed: bool,
        ranges: collections.abc.Sequence[
            tuple[
                typing.SupportsFloat | typing.SupportsIndex,
                typing.SupportsFloat | typing.SupportsIndex,
            ]
        ],
    ) -> None: ...
    def set_cells(
        self,
        weights: numpy.ndarray,
        units: numpy.ndarray,
        off_block: numpy.ndarray,
        seed: typing.SupportsInt | typing.SupportsIndex,
        write: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    def set_readout_inputs(self, x: numpy.ndarray) -> None: ...
    def with_epilogue(
        self,
        scale: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex],
        shift: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex],
        low: typing.SupportsFloat | typing.SupportsIndex,
        high: typing.SupportsFloat | typing.SupportsIndex,
    ) -> Layer: ...
    @property
    def array_counts(self) -> tuple[int, int, int, int, int]: ...
    @property
    def calibration(self) -> tuple[float, bool, list[tuple[float, float]]] | None: ...
    @property
    def cells(
        self,
    ) -> tuple[
        numpy.typing.NDArray[numpy.float32],
        numpy.typing.NDArray[numpy.float32],
        numpy.typing.NDArray[numpy.float32],
    ]: ...
    @property
    def matrix(self) -> tuple[int, int, int]: ...
    @property
    def needs_calibration(self) -> bool: ...
    @property
    def plan(self) -> dict[str, typing.Any]: ...
    @property
    def readout_inputs(self) -> numpy.typing.NDArray[numpy.float32] | None: ...
    @property
    def seconds(self) -> float: ...
    @property
    def seed(self) -> int: ...
    @property
    def uses_calibration(self) -> bool: ...
    @property
    def write(self) -> int: ...

class RecurrentCell:
    def __init__(
        self,
        kind: str,
        hidden: typing.SupportsInt | typing.SupportsIndex,
        clip: typing.SupportsFloat | typing.SupportsIndex,
        is_coupled: bool,
    ) -> None: ...
    def run(
        self,
        directions: collections.abc.Sequence[
            tuple[Layer, Layer, Layer | None, numpy.ndarray | None, bool]
        ],
        x: numpy.ndarray,
        lengths: typing.Annotated[numpy.typing.ArrayLike, numpy.int32] | None,
        h: numpy.ndarray,
        c: numpy.ndarray,
        traces: bool,
        num_threads: typing.SupportsInt | typing.SupportsIndex,
        first_sample: typing.SupportsInt | typing.SupportsIndex,
        read: typing.SupportsInt | typing.SupportsIndex,
        samples: typing.Annotated[numpy.typing.ArrayLike, numpy.uint64] | None,
    ) -> tuple[
        numpy.typing.NDArray[numpy.float32],
        numpy.typing.NDArray[numpy.float32],
        numpy.typing.NDArray[numpy.float32],
        numpy.typing.NDArray[numpy.float32],
        numpy.typing.NDArray[numpy.float32],
    ]: ...

def array_blocks(
    hardware: typing.Any,
    num_groups: typing.SupportsInt | typing.SupportsIndex,
    outputs_per_group: typing.SupportsInt | typing.SupportsIndex,
    rows_per_group: typing.SupportsInt | typing.SupportsIndex,
) -> numpy.typing.NDArray[numpy.int64]: ...
def array_counts(
    hardware: typing.Any,
    num_groups: typing.SupportsInt | typing.SupportsIndex,
    outputs_per_group: typing.SupportsInt | typing.SupportsIndex,
    rows_per_group: typing.SupportsInt | typing.SupportsIndex,
) -> tuple[int, int, int, int, int]: ...
def available_simd_levels() -> str:
    """
    Levels this machine can run, lowest first, separated by spaces.
    """

def normals(
    key: typing.Annotated[
        collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(2)"
    ],
    first: typing.SupportsInt | typing.SupportsIndex,
    count: typing.SupportsInt | typing.SupportsIndex,
    write: typing.SupportsInt | typing.SupportsIndex = 0,
    slot: typing.SupportsInt | typing.SupportsIndex = 0,
) -> numpy.typing.NDArray[numpy.float32]:
    """
    Standard normal draws of consecutive items, float32.
    """

def num_threads() -> int:
    """
    Threads used when a call does not say.
    """

def philox(
    counter: typing.Annotated[
        collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(4)"
    ],
    key: typing.Annotated[
        collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(2)"
    ],
) -> typing.Annotated[list[int], "FixedSize(4)"]:
    """
    Philox4x32-10: four words for a counter and a key.
    """

def read_currents(
    g: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
    v: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
    r_row: typing.SupportsFloat | typing.SupportsIndex,
    r_col: typing.SupportsFloat | typing.SupportsIndex,
    r_driver: typing.SupportsFloat | typing.SupportsIndex,
    r_sense: typing.SupportsFloat | typing.SupportsIndex,
    corner: str,
    gated: bool,
    a2: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None,
    a3: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None,
    num_threads: typing.SupportsInt | typing.SupportsIndex,
) -> tuple[numpy.typing.NDArray[numpy.float64], numpy.typing.NDArray[numpy.float64]]:
    """
    Currents and power of one array with wires for many drives, gated or with curved cells.
    """

def set_num_threads(count: typing.SupportsInt | typing.SupportsIndex) -> None:
    """
    Sets the default; 0 returns to OpenMP's.
    """

def simd_level() -> str:
    """
    Name of the SIMD level in use.
    """

def stream_key(
    seed: typing.SupportsInt | typing.SupportsIndex,
    kind: typing.SupportsInt | typing.SupportsIndex,
    layer: typing.SupportsInt | typing.SupportsIndex,
) -> typing.Annotated[list[int], "FixedSize(2)"]:
    """
    Key of one kind of draw in one layer.
    """

def transfer_matrices(
    g: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
    r_row: typing.SupportsFloat | typing.SupportsIndex,
    r_col: typing.SupportsFloat | typing.SupportsIndex,
    r_driver: typing.SupportsFloat | typing.SupportsIndex,
    r_sense: typing.SupportsFloat | typing.SupportsIndex,
    corner: str,
    want_drivers: bool,
    num_threads: typing.SupportsInt | typing.SupportsIndex,
) -> tuple[numpy.typing.NDArray[numpy.float64], numpy.typing.NDArray[numpy.float64] | None]:
    """
    Transfer matrices of arrays with wires and, if wanted, the admittances between drivers.
    """

def trial_seed(
    seed: typing.SupportsInt | typing.SupportsIndex,
    trial: typing.SupportsInt | typing.SupportsIndex,
) -> int:
    """
    Seed of one trial under a base seed.
    """

def uniforms(
    key: typing.Annotated[
        collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(2)"
    ],
    first: typing.SupportsInt | typing.SupportsIndex,
    count: typing.SupportsInt | typing.SupportsIndex,
    write: typing.SupportsInt | typing.SupportsIndex = 0,
    slot: typing.SupportsInt | typing.SupportsIndex = 0,
) -> numpy.typing.NDArray[numpy.float32]:
    """
    Uniform draws in (0, 1) of consecutive items, float32.
    """

has_openmp: bool = True
__version__: str
