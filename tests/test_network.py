# SPDX-License-Identifier: BSD-3-Clause
"""Networks in float and on arrays: ideal hardware against ONNX Runtime, splitting, corrections.

The reference is always a session of the unchanged model, not the package's own float network.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

import imperfect as im
import networks
import odd_networks
from chips import NOISY, noisy_chip, small
from imperfect._optional import require
from imperfect.network import AnalogNetwork, Network

Arrays = dict[str, NDArray[Any]]


def reference(model: onnx.ModelProto, feeds: networks.Feeds, fixed: int | None = None) -> Arrays:
    """ONNX Runtime's own answer, in runs of a fixed number of samples if the network wants it."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    names = [value.name for value in session.get_outputs()]
    count = len(feeds["x"])
    step = fixed or count
    parts = [
        session.run(names, {k: v[i : i + step] if fixed else v for k, v in feeds.items()})
        for i in range(0, count, step)
    ]
    if not fixed:
        return dict(zip(names, parts[0], strict=True))
    columns = zip(*parts, strict=True)
    return {name: np.concatenate(part) for name, part in zip(names, columns, strict=True)}


def as_dict(net: Network, output: Any) -> Arrays:
    return output if isinstance(output, dict) else {net.outputs[0].name: output}


@pytest.mark.parametrize("case", odd_networks.ALL_CASES)
def test_ideal_hardware_reproduces_onnx_runtime(case: str) -> None:
    model, feeds = odd_networks.ALL_CASES[case]()
    net = Network.from_onnx(model)
    x = feeds if len(net.inputs) > 1 else feeds["x"]
    wanted = reference(model, feeds, net._graph.batch)
    for run in (net, AnalogNetwork(net), AnalogNetwork(net, chunk=2)):
        got = as_dict(net, run(x))
        assert got.keys() == wanted.keys()
        for name, values in got.items():
            np.testing.assert_allclose(values, wanted[name], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("case", ["residual", "matmul sequence", "matmul left", "opset 17", "if"])
def test_every_tensor_can_be_asked_for(case: str) -> None:
    model, feeds = networks.CASES[case]()
    net = Network.from_onnx(model)
    chip = AnalogNetwork(net)
    exposed = onnx.ModelProto()
    exposed.CopyFrom(onnx.shape_inference.infer_shapes(model))
    known = list(exposed.graph.value_info)
    exposed.graph.output.extend(known)
    wanted = reference(exposed, feeds)
    asked = 0
    for name, values in wanted.items():
        if values.shape[:1] == (5,) and name in net._graph.tensor_names():
            for run in (net, chip):
                got = run.features(feeds["x"], name)
                np.testing.assert_allclose(got, values, rtol=1e-4, atol=1e-4)
            asked += 1
    assert asked >= 3


def test_features_by_default_feed_the_last_layer() -> None:
    net, x = small()
    chip = AnalogNetwork(net)
    np.testing.assert_array_equal(net.features(x), net.features(x, "pool"))
    np.testing.assert_array_equal(chip.features(x), chip.features(x, "pool"))
    np.testing.assert_array_equal(chip.features(x, "x"), x)


def test_unknown_tensors_are_refused_with_close_names() -> None:
    net, x = small()
    for run in (net, AnalogNetwork(net)):
        with pytest.raises(ValueError, match=r"no tensor 'poool'; close: \['pool'"):
            run.features(x, "poool")
        with pytest.raises(ValueError, match="no tensor 'w1'"):
            run.features(x, "w1")


def test_batches_split_and_chunked_give_the_same_bits() -> None:
    chip, x = noisy_chip()
    whole = chip(x)
    parts = [chip(x[:7]), chip(x[7:], first_sample=7)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    for chunk in (1, 3, 64):
        other = chip._assemble(chip.network, chip.hardware, chip.seed, chunk, chip.layers)
        np.testing.assert_array_equal(whole, other(x))


def test_threads_do_not_change_a_bit() -> None:
    net, x = small()
    chip = AnalogNetwork(net, NOISY, chunk=4)
    chip.calibrate(x)
    try:
        results = []
        for count in (1, 2, 5):
            im.set_num_threads(count)
            results.append(chip(x))
    finally:
        im.set_num_threads(0)
    with ThreadPoolExecutor(4) as pool:
        results += list(pool.map(chip, [x] * 8))
    for result in results[1:]:
        np.testing.assert_array_equal(results[0], result)


class Spy:
    """Stands for a layer: remembers which samples each call was told to compute."""

    def __init__(self, layer: Any) -> None:
        self.layer = layer
        self.calls: list[tuple[int, NDArray[Any]]] = []

    needs_calibration = False

    def __call__(self, x: NDArray[Any], **places: Any) -> Any:
        self.calls.append((places["first_sample"], x))
        assert places["read"] == 3
        return self.layer(x, **places)


@pytest.mark.parametrize(
    ("case", "layer", "rows"),
    [
        ("opset 17", "stem", 1),
        ("matmul sequence", "query", 7),
        ("time first", "fc", 7),
        ("matmul left", "left", 7),
        ("gemm transA", "fc", 1),
        ("merged axes", "fc", 7),
    ],
)
def test_layers_are_told_which_samples_they_compute(case: str, layer: str, rows: int) -> None:
    model, feeds = odd_networks.ALL_CASES[case]()
    chip = AnalogNetwork(Network.from_onnx(model))
    spies = {name: Spy(item) for name, item in chip.layers.items()}
    spied = chip._assemble(chip.network, chip.hardware, 0, 2, spies)  # type: ignore[arg-type]
    wanted = chip(feeds["x"])
    np.testing.assert_allclose(spied(feeds["x"], first_sample=10, read=3), wanted, atol=1e-5)
    calls = sorted(spies[layer].calls, key=lambda call: call[0])
    assert [first for first, _ in calls] == [10 * rows, 12 * rows, 14 * rows]
    whole = chip._assemble(chip.network, chip.hardware, 0, 5, spies)  # type: ignore[arg-type]
    spies[layer].calls.clear()
    whole(feeds["x"], read=3)
    np.testing.assert_array_equal(np.concatenate([x for _, x in calls]), spies[layer].calls[0][1])


NAN = np.zeros((3, 3, 8, 8), np.float32)
NAN[2, 1, 0, 5] = np.nan
INFINITE = np.zeros((3, 3, 8, 8), np.float32)
INFINITE[0, 2, 7, 1] = np.inf
HUGE = np.zeros((3, 3, 8, 8))
HUGE[1, 0, 0, 0] = 1e300


@pytest.mark.parametrize(
    ("x", "error", "reason"),
    [
        (np.zeros((2, 3, 8)), ValueError, r"'x': shape \(2, 3, 8\) does not fit \(n, 3, 8, 8\)"),
        (np.zeros((2, 3, 8, 9)), ValueError, "does not fit"),
        (np.zeros(()), ValueError, "does not fit"),
        (3, ValueError, r"shape \(\) does not fit"),
        (None, TypeError, "x=None: must be an array of numbers, .* not NoneType"),
        ("a", TypeError, "x='a': must be an array of numbers"),
        ({1.0, 2.0}, TypeError, "x={1.0, 2.0}: must be an array"),
        ({"x": None}, TypeError, r"x\['x'\]=None: must be an array"),
        ([[1.0], [1.0, 2.0]], ValueError, "x is not an array"),
        (NAN, ValueError, r"value nan at index \(2, 1, 0, 5\)"),
        (-INFINITE, ValueError, r"value -inf at index \(0, 2, 7, 1\)"),
        (HUGE, ValueError, r"value 1e\+300 at index \(1, 0, 0, 0\) must be finite in float32"),
        (np.zeros((2, 3, 8, 8), complex), TypeError, "must be real numbers, not complex128"),
        (np.full((2, 3, 8, 8), "a"), TypeError, "must be real numbers"),
        ({"y": np.zeros((2, 3, 8, 8))}, ValueError, r"missing \['x'\], unknown \['y'\]"),
        ({}, ValueError, r"missing \['x'\]"),
    ],
)
def test_bad_inputs(x: Any, error: type[Exception], reason: str) -> None:
    net, _ = small()
    for run in (net, AnalogNetwork(net, chunk=2)):
        with pytest.raises(error, match=reason):
            run(x)


@pytest.mark.parametrize(
    ("model", "error", "reason"),
    [
        (None, TypeError, "model=None: .*Network.from_onnx"),
        (b"onnx", TypeError, "model=b'onnx': .*Network.from_onnx"),
        ("net.onnx", TypeError, "model='net.onnx': .*Network.from_onnx"),
        (onnx.ModelProto(), ValueError, "model: is empty, .*Network.from_onnx"),
        (networks.residual()[0], ValueError, "model: .*not in normal form; Network.from_onnx"),
    ],
)
def test_networks_are_made_of_checked_models(
    model: Any, error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        Network(model)


def test_bad_inputs_of_several_names() -> None:
    model, feeds = networks.several_inputs()
    net = Network.from_onnx(model)
    with pytest.raises(ValueError, match="give a dictionary"):
        net(feeds["x"])
    with pytest.raises(ValueError, match="different numbers of samples"):
        net(feeds | {"v": feeds["v"][:3]})
    with pytest.raises(ValueError, match=r"'gain': shape \(5, 6\) does not fit \(1, 6\)"):
        net(feeds | {"gain": np.ones((5, 6))})


def test_integer_inputs_keep_their_values() -> None:
    nodes = [
        onnx.helper.make_node("Gather", ["table", "x"], ["e"]),
        onnx.helper.make_node("MatMul", ["e", "w"], ["y"]),
    ]
    constants = {"table": networks.draw(9, 4), "w": networks.draw(4, 2)}
    model = networks.model(nodes, {"x": ["n", 3]}, {"y": ["n", 3, 2]}, constants)
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.INT32
    net = Network.from_onnx(model)
    x = np.array([[0, 1, 8], [2, 2, 3]])
    wanted = constants["table"][x] @ constants["w"]
    np.testing.assert_allclose(AnalogNetwork(net)(x), wanted, atol=1e-5)
    with pytest.raises(TypeError, match="must be integers, not float64"):
        net(x * 1.0)
    with pytest.raises(
        ValueError, match=r"value 8589934592 at index \(1, 2\) must be within int32"
    ):
        net(np.array([[0, 1, 8], [2, 2, 2**33]]))


@pytest.mark.parametrize("kind", [np.float64, np.float16, np.uint8, np.int64, np.bool_])
def test_other_numbers_are_converted(kind: type) -> None:
    net, x = small()
    values = (np.abs(x) * 2).astype(kind)
    chip = AnalogNetwork(net)
    np.testing.assert_array_equal(chip(values), chip(values.astype(np.float32)))
    np.testing.assert_array_equal(chip(values[:, :, ::-1]), chip(values[:, :, ::-1].copy()))
    np.testing.assert_array_equal(chip(values.tolist()), chip(values.astype(np.float32)))


def test_no_samples_give_no_answers() -> None:
    net, x = small()
    chip, _ = noisy_chip()
    for run in (net, chip):
        assert run(x[:0]).shape == (0, 4)
        assert run.features(x[:0], "r1").shape == (0, 8, 4, 4)
    with pytest.raises(ValueError, match="no samples"):
        chip.calibrate(x[:0])


def test_fixed_batches_take_multiples() -> None:
    net = Network.from_onnx(networks.small_cnn(batch=3))
    assert net(np.zeros((0, 3, 8, 8))).shape == (0, 4)
    with pytest.raises(ValueError, match="7 samples: the network computes 3 at a time"):
        net(networks.images(7, height=8)["x"])


def test_answers_that_are_no_numbers_are_refused() -> None:
    nodes = [
        onnx.helper.make_node("MatMul", ["x", "w"], ["a"]),
        onnx.helper.make_node("Log", ["a"], ["y"]),
    ]
    constants = {"w": np.eye(3, dtype=np.float32)}
    net = Network.from_onnx(networks.model(nodes, {"x": ["n", 3]}, {"y": ["n", 3]}, constants))
    x = np.ones((6, 3))
    x[4] = -1
    with pytest.raises(ValueError, match="'y' is not a number for sample 4"):
        AnalogNetwork(net, chunk=2)(x)


def test_tensors_without_samples_are_refused() -> None:
    model, feeds = networks.time_first()
    with pytest.raises(ValueError, match=r"'m' has shape \(7, .* does not count samples"):
        Network.from_onnx(model).features(feeds["x"], "m")


def test_sizes_that_onnx_runtime_refuses() -> None:
    model, _ = networks.convolution((4, 3, 4, 4), free=True)()
    net = Network.from_onnx(model)
    with pytest.raises(ValueError, match="ONNX Runtime cannot compute"):
        net(np.zeros((1, 3, 2, 2)))


PEAK = """
import resource, sys
sys.path.insert(0, {folder!r})
import networks, numpy as np, imperfect as im
from imperfect.network import AnalogNetwork, Network
chip = AnalogNetwork(Network.from_onnx(networks.small_cnn(size=64)), chunk=8)
x = np.ones(({count}, 3, 64, 64), np.float32)
chip(x[:64]), chip.features(x[:64], "r1")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
y, f = chip(x), chip.features(x, "r1")
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) * 1024, y.nbytes + f.nbytes)
"""


def peak_growth(count: int) -> tuple[int, int]:
    """Growth of the peak memory during two calls, and the bytes of their results."""
    code = PEAK.format(folder=str(Path(__file__).parent), count=count)
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    growth, outputs = result.stdout.split()
    return int(growth), int(outputs)


def test_memory_grows_with_inputs_and_outputs_only() -> None:
    growth, outputs = peak_growth(1024)
    assert growth <= outputs + 4 * 2**20


def test_sessions_can_have_their_own_arenas() -> None:
    code = "from imperfect._network.cut import _register_arena; print(_register_arena())"
    for value, answer in (("0", "False"), ("1", "True")):
        result = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "IMPERFECT_SHARED_ARENA": value},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert result.stdout.strip() == answer


def test_a_missing_package_names_its_extra() -> None:
    with pytest.raises(ImportError, match=r"nothing_of_this_name is not installed: pip install"):
        require("nothing_of_this_name.part")
    with pytest.raises(ImportError, match=r'"imperfect-cim\[sweep\]"'):
        require("nothing_of_this_name", "sweep")


def test_networks_import_without_onnx() -> None:
    code = (
        "import sys, imperfect.network\n"
        "assert not {'onnx', 'onnxruntime', 'sklearn', 'pandas'} & set(sys.modules)\n"
        "sys.modules['onnx'] = None\n"
        "try: imperfect.network.Network.from_onnx(b'x')\n"
        "except ImportError as error: print(error)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert 'pip install "imperfect-cim[study]"' in result.stdout
