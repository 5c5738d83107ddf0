"""Inputs that are not text: a class of ready inputs, its feeder and its steps, and the engine as it is."""

from dataclasses import dataclass, replace
from importlib.util import find_spec

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from rapidembed import IntegrityError, ModelSpec, UnsupportedModelError
from rapidembed.hub import Checkpoint
from rapidembed.runtime import stream
from rapidembed.runtime.backends import Numbers
from rapidembed.runtime.device import Placement, place
from rapidembed.runtime.engine import EngineKey
from rapidembed.runtime.feeder import FEEDERS, Feeder
from rapidembed.runtime.feeds import feeds
from rapidembed.runtime.lease import open_engine
from rapidembed.runtime.sinks import ListSink, VectorSink
from rapidembed.runtime.stream import run_windows
from rapidembed.runtime.tokenizer import TokenIds

PATCHES, SIZE = 16, 8
SPEC = ModelSpec(name="eye", dim=3, architecture="eye", pooling=("mean",), normalize=False)
BACKENDS = ["onnxruntime", pytest.param("openvino", marks=pytest.mark.skipif(not find_spec("openvino"), reason=""))]


@dataclass(frozen=True, slots=True)
class Pixels:
    """A picture of three colours, float32 (3, SIZE, SIZE)."""

    values: np.ndarray

    @property
    def length(self) -> int:
        return PATCHES


class PixelFeeder(Feeder[Pixels]):
    def __init__(self, checkpoint: Checkpoint) -> None:
        self.hidden = checkpoint.spec.dim
        self.rows: list[int] = []

    def feeds(self, names, inputs, length, extra):
        self.rows.append(len(inputs))
        return {name: np.stack([item.values for item in inputs]) for name in names}


class PixelSteps:
    def prepare(self, item: np.ndarray, index: int | None) -> np.ndarray:
        if item.shape != (3, SIZE, SIZE):
            raise ValueError(f"pictures[{index}] must be of shape (3, {SIZE}, {SIZE}), got {item.shape}.")
        return item

    def ready(self, items: list[np.ndarray]) -> list[Pixels]:
        return [Pixels(item.astype(np.float32) / 255) for item in items]

    def inspect(self, item: Pixels, index: int) -> None:
        pass


def write_patches(path, output: list[str | int]) -> None:
    """A graph that averages patches of 2 x 2 pixels: (batch, PATCHES, 3)."""
    nodes = [
        helper.make_node("AveragePool", ["pixel_values"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Reshape", ["pooled", "shape"], ["flat"]),
        helper.make_node("Transpose", ["flat"], ["patches"], perm=[0, 2, 1]),
    ]
    graph = helper.make_graph(
        nodes,
        "patches",
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("patches", TensorProto.FLOAT, output)],
        [helper.make_tensor("shape", TensorProto.INT64, [3], [0, 3, PATCHES])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), path)


@pytest.fixture(params=BACKENDS)
def engine(request, tmp_path, monkeypatch):
    monkeypatch.setitem(FEEDERS, SPEC.architecture, PixelFeeder)
    write_patches(tmp_path / "model.onnx", ["batch", PATCHES, 3])
    checkpoint = Checkpoint(SPEC, tmp_path, ("model.onnx",))
    placement = place(available=["CPUExecutionProvider"], device="cpu")
    return open_engine(EngineKey(checkpoint, placement, None, checkpoint.stamp(), Numbers("fp32", request.param)))


PICTURES = np.random.default_rng(0).integers(0, 256, (41, 3, SIZE, SIZE), dtype=np.uint8)
COLOURS = PICTURES.mean(axis=(2, 3), dtype=np.float64) / 255


def test_pictures_run_in_batches_of_rows(engine):
    windows = run_windows(engine, iter(PICTURES), PixelSteps(), VectorSink(3), first=20, batch_size=8, workers=None)
    np.testing.assert_allclose(np.concatenate(list(windows)), COLOURS, atol=1e-6)
    assert sum(engine._engine._feeder.rows) == len(PICTURES)
    assert 1 < max(engine._engine._feeder.rows) <= 8


def test_a_source_that_takes_its_time_gives_small_windows(engine, monkeypatch):
    """So that somebody sees results before thousands of inputs have come."""
    monkeypatch.setattr(stream, "_WINDOW_SECONDS", 0.0)
    windows = run_windows(engine, iter(PICTURES[:4]), PixelSteps(), VectorSink(3), first=20, batch_size=8, workers=1)
    assert [len(window) for window in windows] == [1, 1, 1, 1]


def test_an_accelerator_gets_rows_of_a_graph_without_a_mask_one_by_one_unless_nothing_is_padded(engine, monkeypatch):
    inner = engine._engine
    cuda = Placement("cuda", (("CUDAExecutionProvider", {}),))
    monkeypatch.setattr(inner, "key", replace(inner.key, placement=cuda))
    items = PixelSteps().ready(list(PICTURES[:3]))
    assert [batch.rows for batch in inner.plan(items, 8)] == [(0,), (1,), (2,)]
    monkeypatch.setattr(inner._feeder, "pads", False)
    assert [batch.rows for batch in inner.plan(items, 8)] == [(0, 1, 2)]


def test_what_is_loaded_ahead(engine, monkeypatch):
    loaded = []
    for name in ("load_wide", "start_bulk"):
        monkeypatch.setattr(engine._engine._sessions, name, lambda name=name: loaded.append(name))
    engine.load()
    engine.load(bulk=True)
    assert loaded == ["load_wide", "start_bulk"]


def test_an_input_that_nothing_is_known_for_is_named():
    with pytest.raises(IntegrityError, match=r"an input that this version cannot fill: bbox\."):
        feeds(frozenset({"bbox"}), [TokenIds([1, 2], False)], 2, pad_id=0, extra={})


def test_a_lone_picture_and_results_of_any_kind(engine):
    (item,) = PixelSteps().ready([PICTURES[0]])
    np.testing.assert_allclose(engine.run_one(item), COLOURS[:1], atol=1e-6)
    sink = ListSink(lambda pixels, colours: (pixels.values.max(), int(colours.argmax())))
    (window,) = run_windows(engine, PICTURES[:5], PixelSteps(), sink, first=9, batch_size=8, workers=1)
    assert window == [(p.max() / np.float32(255), p.mean(axis=(1, 2)).argmax()) for p in PICTURES[:5]]


def test_a_window_of_one_is_a_lone_input(engine, monkeypatch):
    lone = []
    run_one = type(engine).run_one
    monkeypatch.setattr(type(engine), "run_one", lambda *given: (lone.append(1), run_one(*given))[1])
    for workers, count in ((None, 1), (2, 0)):  # who says how many cores a call may have gets no more
        windows = run_windows(engine, PICTURES[:1], PixelSteps(), VectorSink(3), first=9, batch_size=8, workers=workers)
        np.testing.assert_allclose(np.concatenate(list(windows)), COLOURS[:1], atol=1e-6)
        assert lone.count(1) == count
        lone.clear()
    with pytest.raises(ValueError, match=r"pictures\[0\] must be of shape"):
        list(run_windows(engine, [PICTURES[0, 0]], PixelSteps(), VectorSink(3), first=9, batch_size=8, workers=None))


def test_bad_pictures_and_texts_are_refused(engine):
    windows = run_windows(
        engine, [PICTURES[0], PICTURES[0, 0]], PixelSteps(), VectorSink(3), first=9, batch_size=8, workers=1
    )
    assert len(next(windows)) == 1
    with pytest.raises(ValueError, match=r"pictures\[1\] must be of shape"):
        next(windows)
    with pytest.raises(UnsupportedModelError, match="eye reads no texts"):
        _ = engine.tokenizer
