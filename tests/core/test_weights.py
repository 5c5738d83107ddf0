"""Safetensors files as arrays, and what is said of damaged ones."""

import json
import mmap
import struct
import sys
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
from rapidembed import IntegrityError, TextEmbedding, UnsupportedModelError
from rapidembed.graph.weights import Weights
from safetensors.numpy import load_file, save_file

BASE = Path(__file__).parents[1] / "golden" / "base"


def damage(kind: str, data: bytes) -> bytes:
    size = struct.unpack("<Q", data[:8])[0]
    return {
        "empty": b"",
        "four bytes": data[:4],
        "header cut": data[: 8 + size // 2],
        "data cut": data[:-1],
        "data added": data + b"\0",
        "garbage": b"\x7fELF" * 1000,
        "huge header": struct.pack("<Q", 1 << 62) + data[8:],
        "header not JSON": data[:8] + b"x" * size + data[8 + size :],
        "text": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 99\n",
    }[kind]


KINDS = [
    "empty",
    "four bytes",
    "header cut",
    "data cut",
    "data added",
    "garbage",
    "huge header",
    "header not JSON",
    "text",
]


@pytest.fixture
def model(tmp_path):
    return copytree(BASE, tmp_path / "tiny-model")


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_named(kind, model):
    path = model / "model.safetensors"
    path.write_bytes(damage(kind, path.read_bytes()))
    found = "is a Git LFS pointer" if kind == "text" else "is not a complete safetensors file"
    with pytest.raises(IntegrityError, match=rf"tiny-model.model\.safetensors {found}"):
        TextEmbedding(str(model))


def test_overlapping_tensors_are_damage(tmp_path):
    header = {name: {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} for name in ("a", "b")}
    text = json.dumps(header).encode()
    path = tmp_path / "overlap.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(8))
    with pytest.raises(IntegrityError, match=r"overlap\.safetensors"):
        Weights([("", path)])


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(IntegrityError, match=r"gone\.safetensors does not exist"):
        Weights([("", tmp_path / "gone.safetensors")])


def test_float32_is_a_read_only_view_of_the_file():
    weights = Weights([("", BASE / "model.safetensors")])
    stored = load_file(BASE / "model.safetensors")
    assert weights.names == stored.keys()
    for name, expected in stored.items():
        tensor = weights.float32(name)
        assert weights.shape(name) == expected.shape
        assert not tensor.flags.owndata
        assert not tensor.flags.writeable
        np.testing.assert_array_equal(tensor, expected)


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux what is in memory")
def test_what_is_released_leaves_memory_and_comes_back(tmp_path):
    values = {name: np.full((1024, 1024), number, np.float32) for number, name in enumerate(("a", "b", "c"))}
    save_file(values, tmp_path / "model.safetensors")
    weights = Weights([("", tmp_path / "model.safetensors")])
    seen = {name: weights.float32(name) for name in values}
    totals, before = [int(view.sum()) for view in seen.values()], resident()
    weights.release("b")
    assert before - resident() > 3 << 20
    assert [int(view.sum()) for view in seen.values()] == totals


def resident():
    return int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]) * mmap.PAGESIZE


def test_float16_is_widened_exactly(tmp_path):
    values = np.array([0, -0.0, 1, 65504, 6e-8, -3.25], dtype=np.float16)
    save_file({"x": values}, tmp_path / "half.safetensors")
    tensor = Weights([("", tmp_path / "half.safetensors")]).float32("x")
    assert tensor.dtype == np.float32
    np.testing.assert_array_equal(tensor, values.astype(np.float32))


def test_bfloat16_is_widened_exactly(tmp_path):
    # Upper halves of the float32 values 1, -2, 3.140625 and infinity.
    bits = np.array([0x3F80, 0xC000, 0x4049, 0x7F80], dtype="<u2")
    text = json.dumps({"x": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8]}}).encode()
    path = tmp_path / "brain.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + bits.tobytes())
    np.testing.assert_array_equal(Weights([("", path)]).float32("x"), [[1, -2], [3.140625, np.inf]])


def test_other_types_are_refused_by_name(tmp_path):
    save_file({"scale": np.ones(2, dtype=np.int8)}, tmp_path / "int8.safetensors")
    weights = Weights([("", tmp_path / "int8.safetensors")])
    with pytest.raises(UnsupportedModelError, match=r"int8\.safetensors: tensor 'scale' has type I8"):
        weights.float32("scale")


def test_files_of_modules_are_prefixed(tmp_path):
    save_file({"x": np.ones(1, np.float32)}, tmp_path / "a.safetensors")
    save_file({"x": np.zeros(1, np.float32)}, tmp_path / "b.safetensors")
    weights = Weights([("", tmp_path / "a.safetensors"), ("2_Dense/", tmp_path / "b.safetensors")])
    assert weights.names == {"x", "2_Dense/x"}
    assert weights.float32("x") == 1
    assert weights.float32("2_Dense/x") == 0


def test_layout_depends_on_names_and_types_not_on_values(tmp_path):
    def layout(**tensors):
        save_file(tensors, tmp_path / "x.safetensors")
        return Weights([("", tmp_path / "x.safetensors")]).layout

    ones = np.ones(3, np.float32)
    assert layout(x=ones) == layout(x=2 * ones)
    assert len({layout(x=ones), layout(y=ones), layout(x=ones[:2]), layout(x=ones.astype(np.float16))}) == 4


def test_locations_point_at_the_values():
    weights = Weights([("", BASE / "model.safetensors")])
    for name in weights.names:
        place = weights.location(name)
        data = (weights.folder / place.file).read_bytes()[place.offset : place.offset + place.length]
        np.testing.assert_array_equal(
            np.frombuffer(data, np.float32).reshape(weights.shape(name)), weights.float32(name)
        )
