# SPDX-License-Identifier: BSD-3-Clause
"""Reading ONNX files: what is refused, and what a network in normal form looks like."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from onnx import helper as h

import networks
import onnx_edits as edits
from imperfect.network import Network

BROKEN: dict[str, tuple[edits.Change, str]] = {
    "no graph": (edits.no_graph, "no graph"),
    "no outputs": (edits.no_outputs, "no outputs"),
    "no inputs": (edits.no_inputs, "no inputs"),
    "negative dims": (edits.set_dims(8, 3, -3, -3), "negative size"),
    "absurd dims": (edits.set_dims(10**6, 10**6, 3, 3), "the file holds 864"),
    "dims whose product overflows": (edits.set_dims(2**32, 2**32, 1, 1), "the file holds 864"),
    "dims too large": (edits.set_dims(8, 3, 3, 4), "needs 1152 bytes, the file holds 864"),
    "too many bytes": (edits.longer_raw_data, "needs 864 bytes, the file holds 868"),
    "too few entries": (edits.drop_raw_data, "needs 216 entries, the file holds 5"),
    "unknown tensor type": (edits.unknown_type, "unknown type 99"),
    "type mismatch": (edits.integer_weight, "ONNX Runtime cannot run it|not a valid"),
    "missing initializer": (edits.missing_initializer, "w1"),
    "cycle": (edits.cycle, "sorted|not a valid"),
    "unknown operator": (edits.unknown_operator, "Relu7"),
    "custom operator": (edits.custom_domain, "my.company"),
    "unknown attribute": (edits.bad_attribute, "speed"),
    "NaN weight": (edits.set_values("w1", np.nan), "'w1' holds NaN"),
    "NaN bias": (edits.set_values("b4", np.nan), "'b4' holds NaN"),
    "infinite weight": (edits.set_values("w1", np.inf), "weights of 'stem' are not finite"),
    "infinite bias": (edits.set_values("b1", -np.inf), "bias of 'stem' are not finite"),
    "float64 input": (edits.set_input(TensorProto.DOUBLE, ["n", 3, 8, 8]), "double: must be"),
    "float16 input": (edits.set_input(TensorProto.FLOAT16, ["n", 3, 8, 8]), "float16: must be"),
    "string input": (edits.set_input(TensorProto.STRING, ["n", 3, 8, 8]), "string: must be"),
    "input of unknown rank": (edits.set_input(TensorProto.FLOAT, None), "shape"),
    "input of negative size": (edits.set_input(TensorProto.FLOAT, ["n", 3, -8, 8]), "size -8"),
    "scalar input": (edits.set_input(TensorProto.FLOAT, []), "no sample axis|rank|not a valid"),
    "sequence input": (edits.sequence_input, "'s' is not a tensor"),
    "opset too old": (edits.set_opset(6), "opset 6"),
    "opset too new": (edits.set_opset(999), "opset 999"),
    "sparse weight": (edits.sparse_weight, "sparse"),
    "channels do not fit": (edits.wrong_channels, "8, 5, 3, 3.* does not fit 3 input channels"),
    "groups do not fit": (edits.wrong_groups, "groups"),
    "huge tensor": (edits.huge_tensor, "would take"),
    "weight beyond float32": (
        edits.huge_alpha,
        "'head.fc': weight times 3e\\+38 is beyond float32",
    ),
    "batch norm in training": (edits.batch_norm_in_training, "'bn1' is in training mode"),
    "dropout in training": (edits.dropout_in_training, "'drop' is in training mode"),
    "output without samples": (
        edits.output_without_samples,
        "'loss'.*first axis must count samples",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_models_are_refused(case: str, tmp_path: Path) -> None:
    change, reason = BROKEN[case]
    model = networks.small_cnn()
    change(model)
    path = tmp_path / "broken.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ValueError, match=f"(?s)broken.onnx.*({reason})"):
        Network.from_onnx(path)


@pytest.mark.parametrize("content", [b"", b"PNG\r\n" * 100, bytes(1000), b"not a model at all"])
def test_files_of_other_kinds_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "photo.onnx"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"photo\.onnx"):
        Network.from_onnx(path)


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    content = networks.small_cnn().SerializeToString()
    for length in np.linspace(1, len(content) - 1, 60).astype(int):
        with pytest.raises(ValueError, match="ONNX model"):
            Network.from_onnx(content[:length])


def test_damaged_bytes_never_crash() -> None:
    content = bytearray(networks.small_cnn().SerializeToString())
    rng = np.random.default_rng(0)
    for _ in range(150):
        place, old = int(rng.integers(len(content))), 0
        old, content[place] = content[place], int(rng.integers(256))
        with suppress(ValueError):
            Network.from_onnx(bytes(content))
        content[place] = old


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Network.from_onnx(tmp_path / "none.onnx")


def test_source_of_another_type() -> None:
    with pytest.raises(TypeError, match="source: must be a path"):
        Network.from_onnx(3)  # type: ignore[arg-type]


@pytest.fixture
def external(tmp_path: Path) -> Path:
    """A model whose weights are in ``weights.bin`` beside it."""
    path = tmp_path / "inner" / "model.onnx"
    path.parent.mkdir()
    onnx.save(
        networks.small_cnn(), path,
        save_as_external_data=True, location="weights.bin", size_threshold=0,
    )  # fmt: skip
    return path


def set_external(path: Path, key: str, value: str | None) -> None:
    """Change one entry of the first tensor in the file."""
    model = onnx.load(path, load_external_data=False)
    entries = edits.initializer(model).external_data
    for entry in [entry for entry in entries if entry.key == key]:
        entries.remove(entry)
    if value is not None:
        entries.add(key=key, value=value)
    path.write_bytes(model.SerializeToString())


def test_external_data_is_read(external: Path) -> None:
    inline = Network.from_onnx(networks.small_cnn())
    assert Network.from_onnx(external).digest() == inline.digest()


def test_external_data_without_a_length_is_read(external: Path) -> None:
    set_external(external, "length", None)
    inline = Network.from_onnx(networks.small_cnn())
    assert Network.from_onnx(external).digest() == inline.digest()


@pytest.mark.parametrize(
    "location", ["../secret.bin", "/etc/passwd", "deeper/../../secret.bin", ".", "", "none.bin"]
)
def test_external_data_stays_in_its_folder(external: Path, location: str) -> None:
    (external.parent / "weights.bin").rename(external.parent.parent / "secret.bin")
    set_external(external, "location", location)
    with pytest.raises(ValueError, match=r"model.onnx: tensor 'w1'"):
        Network.from_onnx(external)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("length", "863", "863 external bytes, but shape .* needs 864"),
        ("length", "-1", "needs 864"),
        ("length", str(2**60), "needs 864"),
        ("offset", str(10**9), "w1"),
        ("offset", "-4", "w1"),
        ("offset", "many", "w1"),
    ],
)
def test_external_data_of_a_wrong_size(external: Path, key: str, value: str, reason: str) -> None:
    set_external(external, key, value)
    with pytest.raises(ValueError, match=f"model.onnx: tensor 'w1'.*{reason}|model.onnx.*{reason}"):
        Network.from_onnx(external)


def test_external_data_cut_short(external: Path) -> None:
    with (external.parent / "weights.bin").open("r+b") as file:
        file.truncate(100)
    with pytest.raises(ValueError, match=r"model.onnx: tensor"):
        Network.from_onnx(external)


@pytest.mark.parametrize("make_link", [os.symlink, os.link])
def test_external_data_that_is_a_link(external: Path, make_link: Callable[..., None]) -> None:
    weights = external.parent / "weights.bin"
    weights.rename(external.parent.parent / "secret.bin")
    make_link(external.parent.parent / "secret.bin", weights)
    with pytest.raises(ValueError, match=r"model.onnx: tensor 'w1'.*link"):
        Network.from_onnx(external)


def test_external_data_needs_a_path(external: Path) -> None:
    with pytest.raises(ValueError, match="load the model by its path"):
        Network.from_onnx(external.read_bytes())


def test_a_time_axis_is_not_a_sample_axis() -> None:
    constants = {"wx": networks.draw(1, 20, 4), "wr": networks.draw(1, 20, 5)}
    nodes = [h.make_node("LSTM", ["x", "wx", "wr"], ["y"], hidden_size=5)]
    model = networks.model(nodes, {"x": ["t", 7, 4]}, {"y": ["t", 1, 7, 5]}, constants)
    with pytest.raises(ValueError, match="takes samples for time steps"):
        Network.from_onnx(model)


def test_sources_agree(tmp_path: Path) -> None:
    model = networks.small_cnn()
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    content = model.SerializeToString()
    digests = {Network.from_onnx(source).digest() for source in (path, str(path), content, model)}
    assert len(digests) == 1
    assert model.SerializeToString() == content
