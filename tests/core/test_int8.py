"""8-bit integers: rows that do not know of each other, accuracy on real weights, the file of weights, and refusals."""

import io
import os
import re
import sys
from pathlib import Path
from shutil import copytree

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from rapidembed import (
    DeviceError,
    LateInteractionTextEmbedding,
    SparseTextEmbedding,
    TextCrossEncoder,
    TextEmbedding,
    UnsupportedModelError,
)
from rapidembed.graph import Program
from rapidembed.graph.built import Rounded
from rapidembed.graph.linears import ExactLinears, IntegerLinears, ObservedLinears
from rapidembed.graph.numbers.compensation import Compensation
from rapidembed.graph.numbers.rounding import round_weights
from rapidembed.graph.weights import Weights
from rapidembed.graph.writer import GraphWriter
from rapidembed.hub import resolve
from rapidembed.runtime import cpu
from rapidembed.runtime.backends import onnxruntime
from rapidembed.runtime.device import Placement
from rapidembed.runtime.observation import observe
from rapidembed.runtime.onnx_runtime import ort
from rapidembed.runtime.sample import sample
from rapidembed.runtime.tokenizer import Tokenizer
from rapidembed.tasks.arithmetic import arithmetic_on
from safetensors.numpy import load_file, save_file

from tests.fakes.compare import is_mapped
from tests.golden import static_variants
from tests.golden.heads import (
    COLBERTS,
    DOCUMENTS,
    PAIRS,
    RERANKERS,
    SPLADES,
    assemble_colbert,
    assemble_reranker,
    assemble_splade,
)
from tests.golden.variants import write_safetensors

BASE = Path(__file__).parents[1] / "golden" / "base"
TEXTS = [*DOCUMENTS[:5], "hello", "the lazy dog", "hello world", "a fox, a dog"]
SENTENCES = [
    "How do I sort a list of words by their length?",
    "The parser reads the file line by line and keeps what it could not understand for the error message.",
    "storm warnings were lifted on Tuesday morning",
    "x",
    "Photosynthesis turns light, water and carbon dioxide into sugar and oxygen. " * 8,
    "SELECT name FROM users WHERE id = 3;",
]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RAPIDEMBED_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "graphs"


def encode(model, text="hello world", **options):
    with TextEmbedding(str(model), precision="int8", **options) as loaded:
        return loaded.encode(text)


# Rows


@pytest.mark.parametrize("threads", [1, 2])
def test_a_vector_does_not_depend_on_its_neighbours(minilm, threads):
    """Bit by bit: a difference in the last place would become one step of 255."""
    texts = [f"{sentence} {word}" for sentence in SENTENCES for word in ("one", "two")]
    with TextEmbedding(minilm, precision="int8", threads=threads) as model:
        together = model.encode(texts)
        np.testing.assert_array_equal(model.encode(texts[::-1])[::-1], together)
        np.testing.assert_array_equal(model.encode(texts, batch_size=2), together)
        np.testing.assert_array_equal(np.stack([model.encode([text])[0] for text in texts]), together)
        np.testing.assert_array_equal(np.stack([model.encode(text) for text in texts]), together)


def test_real_weights_stay_close_to_fp32(minilm):
    with TextEmbedding(minilm) as exact, TextEmbedding(minilm, precision="int8") as model:
        cosines = np.einsum("ij,ij->i", exact.encode(SENTENCES), model.encode(SENTENCES))
        assert cosines.min() > 0.998
        assert np.median(cosines) > 0.9993
        assert cosines.max() < 0.99999, "it computes in float32"
        assert (exact.info.precision, model.info.precision) == ("fp32", "int8")
        assert exact.fingerprint != model.fingerprint


def one_step(found, exact):
    """Tiny random models have no accuracy to speak of; what they give is near, and not the same."""
    for one, other in zip(found, exact, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, atol=0.1 * np.abs(other).max())
    assert any((one != other).any() for one, other in zip(found, exact, strict=True))


def test_token_vectors(tmp_path):
    folder = assemble_colbert(next(iter(COLBERTS.values())), tmp_path / "m")
    with LateInteractionTextEmbedding(folder) as exact, LateInteractionTextEmbedding(folder, precision="int8") as model:
        one_step(model.encode_document(TEXTS), exact.encode_document(TEXTS))
        for text, vectors in zip(TEXTS, model.encode_document(TEXTS), strict=True):
            np.testing.assert_array_equal(model.encode_document(text), vectors)


@pytest.mark.filterwarnings("ignore::rapidembed.TruncationWarning")
def test_scores(tmp_path):
    folder = assemble_reranker(next(iter(RERANKERS.values())), tmp_path / "model")
    with TextCrossEncoder(folder) as exact, TextCrossEncoder(folder, precision="int8") as model:
        one_step([model.score_pairs(PAIRS)], [exact.score_pairs(PAIRS)])
        np.testing.assert_allclose(model.score_pairs(PAIRS[2:3]), model.score_pairs(PAIRS)[2:3], rtol=1e-6)


def test_sparse_weights(tmp_path):
    folder = assemble_splade(next(iter(SPLADES.values())), tmp_path / "model")
    with SparseTextEmbedding(folder) as exact, SparseTextEmbedding(folder, precision="int8") as model:

        def dense(found):
            rows = np.zeros((len(found), exact.info.dimensions), np.float32)
            for row, vector in zip(rows, found, strict=True):
                row[vector.indices] = vector.values
            return rows

        one_step([dense(model.encode_document(TEXTS))], [dense(exact.encode_document(TEXTS))])
        assert model.encode_document("the lazy dog") == model.encode_document(TEXTS)[TEXTS.index("the lazy dog")]


# The arithmetic


def product(x, weight, *, bits=8, floor=None, normalized=False, fine=False):
    """``x @ weight.T`` as the graph does it."""
    folder = Path(os.environ["RAPIDEMBED_CACHE_DIR"])
    save_file({"w": weight}, folder / "w.safetensors")
    weights = Weights([("", folder / "w.safetensors")])
    rounding = IntegerLinears()
    writer = GraphWriter(weights, ("",), "w", rounding, tables_as_inputs=False)
    given = writer.input("x", ["rows", x.shape[1]], "float32")
    writer.describe(given, floor=floor, normalized=normalized)
    y = rounding.linear(writer, given, writer.weight("w", weight.shape), None, fine=fine)
    model = writer.finish(y, ["rows", len(weight)])
    options = ort.SessionOptions()
    given = round_weights(weights, rounding.rounded, [("w", x.T @ x)], bits=bits)
    options.add_external_initializers(list(given), [ort.OrtValue.ortvalue_from_numpy(v) for v in given.values()])
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


@pytest.fixture
def operands():
    random = np.random.default_rng(0)
    return random.standard_normal((7, 64), np.float32), random.standard_normal((24, 64), np.float32)


def error(found, x, weight):
    exact = x.astype(np.float64) @ weight.T
    return float(np.linalg.norm(found - exact) / np.linalg.norm(exact))


@pytest.mark.parametrize(("bits", "most"), [(8, 0.01), (7, 0.015)])
def test_rows_of_any_size_are_rounded_alike(operands, bits, most):
    x, weight = operands
    sizes = np.logspace(-6, 6, len(x), dtype=np.float32)[:, None]
    found = product(x * sizes, weight, bits=bits) / sizes
    assert error(found, x, weight) < most
    assert error(found, x, weight) > most / 20


def test_a_large_channel_does_not_cost_the_others_their_range(operands):
    x, weight = operands
    x = x * np.where(np.arange(64) == 5, 100, 1).astype(np.float32)
    weight = weight * np.where(np.arange(64) == 5, 0.01, 1).astype(np.float32)
    assert error(product(x, weight, normalized=True), x, weight) < 0.3 * error(product(x, weight), x, weight)


def test_activations_with_a_floor_use_the_range_above_it(operands):
    x, weight = operands
    x = np.maximum(x, -0.17)
    assert error(product(x, weight, floor=0.17), x, weight) < 0.8 * error(product(x, weight), x, weight)
    low = np.full_like(x, -0.17)
    assert error(product(low, weight, floor=0.17), low, weight) < 0.05, "what is below zero is not cut off"


@pytest.mark.parametrize("floor", [None, 0.17])
def test_fine_activations_leave_the_error_of_weights_only(operands, floor):
    x, weight = operands
    x, weight = np.maximum(x, -0.17), np.rint(127 * weight / np.abs(weight).max(axis=1, keepdims=True))
    assert error(product(x, weight, floor=floor), x, weight) > 3e-3
    assert error(product(x, weight, floor=floor, fine=True), x, weight) < 3e-5


@pytest.mark.parametrize("floor", [None, 0.0, 0.17])
def test_a_row_of_zeros_stays_one(operands, floor):
    x, weight = operands
    x[3] = 0
    found = product(np.abs(x), weight, floor=floor)
    assert (found[3] == 0).all()
    assert error(found, np.abs(x), weight) < 0.02


def saturated(x, weight):
    """The sums of x86 CPUs without VNNI: products of 8-bit numbers are added in pairs, in 16 bits (vpmaddubsw)."""
    pairs = (x.astype(np.int32)[:, None, :] * weight.T.astype(np.int32)[None]).reshape(len(x), weight.shape[1], -1, 2)
    return np.clip(pairs.sum(axis=-1), -(2**15), 2**15 - 1).sum(axis=-1)


@pytest.mark.parametrize(("bits", "overflows"), [(7, False), (8, True)])
def test_seven_bits_do_not_overflow_where_sums_are_narrow(tmp_path, bits, overflows):
    random = np.random.default_rng(0)
    save_file({"w": random.choice([-1.0, 0.99, 0.3], (16, 64)).astype(np.float32)}, tmp_path / "w.safetensors")
    entry = Rounded("w", 0, 16, "w", smoothed=False)
    weights, unrelated = Weights([("", tmp_path / "w.safetensors")]), np.eye(64, dtype=np.float32)
    matrix = round_weights(weights, [entry], [("w", unrelated)], bits=bits)[entry.matrix]
    x = np.full((3, 64), 255, np.uint8)
    assert (saturated(x, matrix) != x.astype(np.int32) @ matrix.astype(np.int32)).any() == overflows


@pytest.mark.parametrize(
    ("machine", "features", "kind"),
    [
        ("x86_64", ["AVX2", "AVX-512 VNNI"], "x86-64-vnni"),
        ("AMD64", ["AVX2", "AVX-VNNI"], "x86-64-vnni"),
        ("x86_64", ["AVX2", "AVX-512"], "x86-64"),
        ("AMD64", None, "x86-64"),
        ("arm64", None, "arm64"),
        ("aarch64", ["NEON"], "aarch64"),
    ],
)
def test_the_kind_of_integers(monkeypatch, machine, features, kind):
    monkeypatch.setattr(cpu.platform, "machine", lambda: machine)
    monkeypatch.setattr(cpu, "describe", lambda: ("", features))
    assert cpu.integer_kind() == kind


def test_narrow_sums_get_a_file_of_their_own(cache, monkeypatch):
    eight = encode(BASE)
    monkeypatch.setattr(onnxruntime, "integer_kind", lambda: cpu.NARROW_SUMS)
    seven = encode(BASE)
    assert 0 < np.abs(seven - eight).max() < 0.1
    most = sorted(
        max(np.abs(t).max() for n, t in load_file(f).items() if n.endswith("int8")) for f in weight_files(cache)
    )
    assert most == [63, 127]


# Rounding that makes up for itself


def gptq(matrix, gram, most):
    """The algorithm as its paper (https://arxiv.org/abs/2210.17323) writes it down, with the inverse, in float64."""
    order = np.argsort(-gram.diagonal(), kind="stable")
    damped = gram[np.ix_(order, order)].astype(np.float64)
    damped += 0.1 * gram.diagonal().mean() * np.eye(len(gram))
    upper = np.linalg.cholesky(np.linalg.inv(damped)).T
    left, rounded = matrix[order].astype(np.float64), np.zeros(matrix.shape)
    for row in range(len(left)):
        rounded[order[row]] = nearest = np.clip(np.rint(left[row]), -most, most)
        left[row:] -= np.outer(upper[row, row:], (left[row] - nearest) / upper[row, row])
    return rounded


@pytest.mark.parametrize("width", [3, 64, 150])
def test_rounding_equals_gptq(width):
    random = np.random.default_rng(0)
    x = random.standard_normal((500, width)) @ random.standard_normal((width, width))
    matrix = 127 * random.uniform(-1, 1, (width, 10))
    found = Compensation(x.T @ x).round(matrix, 127)
    np.testing.assert_array_equal(found, gptq(matrix, x.T @ x, 127))
    assert np.abs(found).max() <= 127


def test_what_rounding_costs_the_products_is_made_up_for():
    random = np.random.default_rng(0)
    x = (random.standard_normal((1000, 8)) @ random.standard_normal((8, 100))).astype(np.float32)
    x += 0.1 * random.standard_normal(x.shape, dtype=np.float32)
    matrix = 20 * random.standard_normal((100, 30), dtype=np.float32)
    lost = np.linalg.norm(x @ (np.rint(matrix) - matrix))
    assert np.linalg.norm(x @ (Compensation(x.T @ x).round(matrix, 127) - matrix)) < 0.5 * lost


def test_activations_that_were_never_observed_cost_nothing_but_the_compensation():
    matrix = np.random.default_rng(0).uniform(-99, 99, (70, 5)).astype(np.float32)
    found = Compensation(np.zeros((70, 70), np.float32)).round(matrix, 127)
    np.testing.assert_array_equal(found, np.rint(matrix))


def test_observations_are_sums_over_rows_and_layers(tmp_path):
    random = np.random.default_rng(0)
    w = random.standard_normal((4, 4), np.float32)
    save_file({"w": w}, tmp_path / "w.safetensors")
    linears = ObservedLinears()
    writer = GraphWriter(Weights([("", tmp_path / "w.safetensors")]), ("",), "w", linears, tables_as_inputs=False)
    weight = writer.weight("w", (4, 4))
    x = writer.node("Cast", writer.input("input_ids", ["rows", 4]), to=TensorProto.FLOAT)
    y = linears.linear(writer, x, weight, None, fine=False)
    assert linears.linear(writer, x, weight, None, fine=False) != y, "two products of one activation"
    z = linears.linear(writer, y, weight, None, fine=False)
    model = writer.finish(z, ["rows", 4], dict(linears.observed.values()))
    program = Program(model=model, weight_bytes=0, masked=False, pooling=("none",), folder=tmp_path)
    texts = [random.integers(-5, 5, (rows, 4)) for rows in (3, 6)]
    ((_, found),) = observe(program, [{"input_ids": ids} for ids in texts])
    x = np.concatenate(texts).astype(np.float32)
    np.testing.assert_allclose(found, x.T @ x + (x @ w.T).T @ (x @ w.T), rtol=1e-5)


def test_no_more_observations_are_held_than_fit(monkeypatch):
    expected = encode(BASE, TEXTS)
    monkeypatch.setattr("rapidembed.runtime.observation._AT_ONCE", 1)
    monkeypatch.setenv("RAPIDEMBED_CACHE_DIR", os.environ["RAPIDEMBED_CACHE_DIR"] + "/other")
    np.testing.assert_array_equal(encode(BASE, TEXTS), expected)


def test_a_terminal_sees_how_far_rounding_is(monkeypatch, cache):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr("rapidembed.runtime.observation._SHOWN_AFTER", 0)
    monkeypatch.setattr(sys, "stderr", Terminal())
    encode(BASE)
    assert re.search(r"Rounding the weights: 100%.* (\d+)/\1 ", sys.stderr.getvalue())
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setenv("RAPIDEMBED_CACHE_DIR", str(cache / "other"))
    encode(BASE)
    assert not sys.stderr.getvalue(), "there is no bar in a log"


@pytest.mark.parametrize("limit", [None, 50, 5])
def test_the_sample_fills_batches_of_one_length(minilm, limit):
    batches = sample(Tokenizer.of(resolve(minilm, buildable=frozenset({"bert"}))), limit)
    lengths = [batch.shape[1] for batch in batches]
    assert lengths == {None: [96, 48, 24, 12, 6], 50: [48, 24, 12, 6], 5: []}[limit]
    ends = {tuple(row[[0, -1]]) for batch in batches for row in batch}
    assert ends <= {(101, 102)}, "every text has its special tokens"
    if limit is None:
        assert sum(len(batch) for batch in batches) > 90


# The file of weights


def weight_files(cache):
    return sorted(cache.glob("*.weights"))


def test_a_second_start_builds_nothing_and_reads_the_file_where_it_lies(cache, monkeypatch):
    expected = encode(BASE)
    (file,) = weight_files(cache)
    before = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    monkeypatch.setattr("rapidembed.graph.build.build", pytest.fail)
    monkeypatch.setattr("rapidembed.runtime.observation.observe", pytest.fail)
    with TextEmbedding(str(BASE), precision="int8") as model:
        np.testing.assert_array_equal(model.encode("hello world"), expected)
        given = model._model.engine._engine._sessions.program.given
        assert all(map(is_mapped, given.values()))
    assert {path: path.stat().st_mtime_ns for path in cache.iterdir()} == before
    assert file.stat().st_size < 0.4 * (BASE / "model.safetensors").stat().st_size


def test_other_weights_of_the_same_layout_are_not_mixed_up(cache, tmp_path):
    mine = encode(BASE)
    other = copytree(BASE, tmp_path / "other")
    tensors = load_file(other / "model.safetensors")
    save_file({name: tensor[::-1].copy() for name, tensor in tensors.items()}, other / "model.safetensors")
    assert np.abs(encode(other) - mine).max() > 0.01
    assert len(weight_files(cache)) == 2
    np.testing.assert_array_equal(encode(BASE), mine)


@pytest.mark.parametrize("stored", ["F16", "BF16"])
def test_weights_of_16_bits_are_rounded_from_their_values(tmp_path, stored):
    half = copytree(BASE, tmp_path / "half")
    write_safetensors(half / "model.safetensors", load_file(BASE / "model.safetensors"), stored)
    single = copytree(BASE, tmp_path / "single")
    weights = Weights([("", half / "model.safetensors")])
    save_file({name: weights.float32(name).copy() for name in weights.names}, single / "model.safetensors")
    np.testing.assert_array_equal(encode(half, TEXTS), encode(single, TEXTS))


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda _: b"garbage"])
def test_a_damaged_file_is_made_anew(cache, caplog, damage):
    expected = encode(BASE)
    (file,) = weight_files(cache)
    good = file.read_bytes()
    file.write_bytes(damage(good))
    np.testing.assert_array_equal(encode(BASE), expected)
    assert "Rounding the weights anew: " in caplog.text
    assert file.read_bytes() == good


def test_a_foreign_file_is_made_anew(cache, caplog):
    expected = encode(BASE)
    save_file({"other": np.zeros(3)}, weight_files(cache)[0])
    np.testing.assert_array_equal(encode(BASE), expected)
    assert "holds other tensors" in caplog.text


def test_a_cache_that_cannot_be_written_costs_a_warning(tmp_path, monkeypatch, caplog):
    expected = encode(BASE)
    (tmp_path / "file").write_text("a file where the folder should be")
    monkeypatch.setenv("RAPIDEMBED_CACHE_DIR", str(tmp_path / "file"))
    np.testing.assert_array_equal(encode(BASE), expected)
    said = [record.message for record in caplog.records if "graph cache cannot be written" in record.message]
    assert any("`rapidembed compile MODEL --precision int8 --out DIR`" in message for message in said)


# Graphs


def test_only_what_is_read_is_in_the_graph(tmp_path):
    save_file({"w": np.ones((4, 3), np.float32)}, tmp_path / "w.safetensors")
    weights = Weights([("", tmp_path / "w.safetensors")])
    for linears, operators in ((ExactLinears(), {"Gemm", "Identity"}), (ObservedLinears(), {"Gemm", "Identity"})):
        writer = GraphWriter(weights, ("",), "w", linears, tables_as_inputs=False)
        x = writer.input("x", ["rows", 3], "float32")
        y = linears.linear(writer, x, writer.weight("w", (4, 3)), None, fine=False)
        graph = onnx.load_from_string(writer.finish(y, ["rows", 4])).graph
        assert {node.op_type for node in graph.node} == operators
        assert [tensor.name for tensor in graph.initializer] == ["w"]


# Refusals


def test_static_models_have_one_precision(tmp_path):
    folder = static_variants.assemble(static_variants.VARIANTS["float32"], tmp_path / "float32")
    with pytest.raises(UnsupportedModelError, match=r"is a static model.*leave precision and backend out"):
        TextEmbedding(folder, precision="int8")


def test_onnx_files_have_one_precision(tmp_path):
    ids = [helper.make_tensor_value_info(n, TensorProto.INT64, ["b", "t"]) for n in ("input_ids", "attention_mask")]
    hidden = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["b", "t", 32])
    table = numpy_helper.from_array(np.ones((256, 32), np.float32), "table")
    node = helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])
    model = copytree(BASE, tmp_path / "model")
    (model / "model.safetensors").unlink()
    (model / "onnx").mkdir()
    onnx.save(helper.make_model(helper.make_graph([node], "g", ids, [hidden], [table])), model / "onnx" / "model.onnx")
    with pytest.raises(UnsupportedModelError, match="runs its own ONNX file, whose precision is fixed"):
        TextEmbedding(str(model), precision="int8")


def test_it_is_the_cpus(minilm):
    with TextEmbedding(minilm, precision="int8", lazy_load=True) as model:
        placement = Placement("cuda", ((("CUDAExecutionProvider", {"device_id": 0}),),))
        checkpoint = resolve(str(BASE), buildable=frozenset({"bert"}))
        with pytest.raises(DeviceError, match='"int8" is for the CPU, but the device is cuda:0'):
            arithmetic_on(model._options, placement, checkpoint)
