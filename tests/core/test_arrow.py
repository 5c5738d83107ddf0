"""Columns of Arrow data in, columns of vectors out: the numbers of the other methods, by types known beforehand."""

import gc
import os
import pickle
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from rapidembed import (
    EmbedColumn,
    HybridTextEmbedding,
    ImageEmbedding,
    LateInteractionTextEmbedding,
    MissingExtraError,
    SparseTextEmbedding,
    TextCrossEncoder,
    TextEmbedding,
    UnsupportedModelError,
    shared,
)
from rapidembed.tasks import shared as shared_module
from rapidembed.toolkit.vectors import Ranges, quantize

from tests.fakes.engines import engines
from tests.fakes.spread.facade import SpreadEmbedding
from tests.golden import hybrid
from tests.golden.heads import COLBERTS, RERANKERS, SPLADES, assemble_colbert, assemble_reranker, assemble_splade
from tests.golden.variants import BASE

TEXTS = ["hello world", "", "the quick brown fox", "a", "hello world"]
COLUMN = pa.array([TEXTS[0], None, *TEXTS[2:]])
VALID = [0, 2, 3, 4]


@pytest.fixture(scope="module")
def model():
    with TextEmbedding(BASE) as model:
        yield model


def rows(array):
    """Dense vectors as numpy has them, those of nulls too."""
    return array.values.to_numpy().reshape(len(array), -1)


@pytest.mark.parametrize(
    "column",
    [
        COLUMN,
        pa.chunked_array([COLUMN[:1], COLUMN[1:1], COLUMN[1:4], COLUMN[4:]]),
        COLUMN.dictionary_encode(),
        COLUMN.cast(pa.large_string()),
        COLUMN.cast(pa.string_view()),
        pa.concat_arrays([pa.array(["other"]), COLUMN]).slice(1),
        pa.ExtensionArray.from_storage(pa.json_(), COLUMN),
        pa.DictionaryArray.from_arrays(pa.array([0, None, 1, 2, 0]), pa.array([TEXTS[0], TEXTS[2], TEXTS[3]])),
        pa.DictionaryArray.from_arrays(pa.array([0, 3, 1, 2, 0]), pa.array([TEXTS[0], TEXTS[2], TEXTS[3], None])),
    ],
    ids=["array", "chunked", "dictionary", "large", "view", "slice", "extension", "null index", "null value"],
)
def test_columns_of_every_kind_become_the_same_vectors(model, column):
    vectors = model.embed_arrow(column)
    vectors.validate(full=True)
    assert isinstance(vectors, pa.FixedSizeListArray)
    assert vectors.type == model.arrow_type() == pa.list_(pa.float32(), model.embedding_size)
    assert vectors.is_valid().to_pylist() == [True, False, True, True, True]
    np.testing.assert_array_equal(rows(vectors)[VALID], model.encode_document(TEXTS)[VALID])
    assert not rows(vectors)[1].any()


def token_rows(scalar):
    """The same of a row's tokens."""
    return scalar.values.flatten().to_numpy().reshape(len(scalar.values), -1)


class Stranger:
    """Another library's series."""

    def __arrow_c_stream__(self, requested_schema=None):
        return pa.chunked_array([COLUMN]).__arrow_c_stream__(requested_schema)


class StrangersTable(Stranger):
    columns = ("nr", "text")

    def __arrow_c_stream__(self, requested_schema=None):
        return pa.table({"nr": range(5), "text": COLUMN}).__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize(
    ("data", "column"),
    [
        (pa.table({"nr": range(5), "text": COLUMN}), "text"),
        (pa.record_batch({"nr": pa.array(range(5)), "text": COLUMN}), "text"),
        (pa.table({"text": COLUMN}), None),
        (Stranger(), None),
        (StrangersTable(), "text"),
    ],
)
def test_a_column_of_a_table(model, data, column):
    assert model.embed_arrow(data, column).equals(model.embed_arrow(COLUMN))


def test_nothing_and_nothing_but_nulls(model):
    for empty in (pa.array([], pa.string()), pa.chunked_array([], pa.string())):
        assert model.embed_arrow(empty).equals(pa.array([], model.arrow_type()))
    assert model.embed_arrow(pa.nulls(3)).equals(pa.array([None] * 3, model.arrow_type()))


def test_roles_have_their_prompts():
    with TextEmbedding(BASE, prompts={"query": "fox ", "document": "dog "}) as model:
        for role, encode in (
            ("plain", model.encode),
            ("query", model.encode_query),
            ("document", model.encode_document),
        ):
            np.testing.assert_array_equal(rows(model.embed_arrow(pa.array(TEXTS), role=role)), encode(TEXTS))
        assert model.embed_arrow(COLUMN).equals(model.embed_arrow(COLUMN, role="document"))


@pytest.mark.parametrize("dtype", ["float16", "int8", "uint8", "binary", "ubinary"])
def test_fewer_bytes_are_those_of_the_toolkit(model, dtype):
    plain = model.encode_document(TEXTS)
    ranges = Ranges.of(plain) if "int" in dtype else None
    packed = model.embed_arrow(COLUMN, dtype=dtype, ranges=ranges)
    assert packed.type == model.arrow_type(dtype)
    expected = plain.astype(np.float16) if dtype == "float16" else quantize(plain, dtype, ranges=ranges)
    assert rows(packed).dtype == expected.dtype
    np.testing.assert_array_equal(rows(packed)[VALID], expected[VALID])


def test_the_type_is_known_before_anything_is_loaded():
    known = TextEmbedding("BAAI/bge-small-en-v1.5", lazy_load=True, local_files_only=True)
    assert known.arrow_type() == pa.list_(pa.float32(), 384)
    assert known.arrow_type("ubinary") == pa.list_(pa.uint8(), 48)
    cut = TextEmbedding("BAAI/bge-small-en-v1.5", lazy_load=True, local_files_only=True, dimensions=20)
    assert (cut.embedding_size, cut.arrow_type("binary")) == (20, pa.list_(pa.int8(), 3))
    with pytest.raises(ValueError, match="at most 384"):
        TextEmbedding("BAAI/bge-small-en-v1.5", lazy_load=True, dimensions=385).arrow_type()


def test_sparse_vectors(tmp_path):
    with (
        SparseTextEmbedding("Qdrant/bm25") as bm25,
        SparseTextEmbedding(assemble_splade(SPLADES["splade"], tmp_path / "model")) as splade,
    ):
        for model in (bm25, splade):
            array = model.embed_arrow(COLUMN)
            array.validate(full=True)
            assert array.type == model.arrow_type()
            assert array.is_valid().to_pylist() == [True, False, True, True, True]
            for place, expected in zip(VALID, model.encode_document([TEXTS[i] for i in VALID]), strict=True):
                assert array[place]["indices"].as_py() == expected.indices.tolist()
                assert array[place]["values"].as_py() == expected.values.tolist()
    with pytest.raises(ValueError, match="float32 only"):
        bm25.embed_arrow(COLUMN, dtype="int8")


def test_token_vectors(tmp_path):
    with LateInteractionTextEmbedding(assemble_colbert(COLBERTS["fixed"], tmp_path / "model")) as model:
        array = model.embed_arrow(COLUMN)
        array.validate(full=True)
        assert array.type == model.arrow_type() == pa.list_(pa.list_(pa.float32(), 8))
        expected = model.encode_document(TEXTS)
        assert array[1].as_py() is None
        for place in VALID:
            np.testing.assert_array_equal(token_rows(array[place]), expected[place])
        half = model.embed_arrow(COLUMN, role="query", dtype="float16")
        np.testing.assert_array_equal(token_rows(half[0]), model.encode_query(TEXTS[0]).astype(np.float16))


def test_all_kinds_at_once(tmp_path):
    with HybridTextEmbedding(hybrid.assemble(tmp_path / "model")) as model:
        array = model.embed_arrow(COLUMN)
        array.validate(full=True)
        assert array.type == model.arrow_type()
        expected = model.encode_document(TEXTS)
        for place in VALID:
            found = array[place]
            np.testing.assert_array_equal(found["dense"].values.to_numpy(), expected[place].dense)
            assert found["sparse"]["indices"].as_py() == expected[place].sparse.indices.tolist()
            np.testing.assert_array_equal(token_rows(found["token_vectors"]), expected[place].token_vectors)
        assert not array[1].is_valid
        assert model.embed_arrow(pa.array([], pa.string())).equals(pa.array([], model.arrow_type()))


def test_scores(tmp_path):
    with TextCrossEncoder(assemble_reranker(RERANKERS["plain"], tmp_path / "model")) as model:
        table = pa.table({"q": ["a", "b", None, "d", "e"], "text": COLUMN})
        expected = model.score_pairs([("a", TEXTS[0]), ("d", TEXTS[3]), ("e", TEXTS[4])])
        scores = model.score_arrow(table, "text", query_column="q")
        assert scores.type == model.arrow_type() == pa.float32()
        assert scores.is_null().to_pylist() == [False, True, True, False, False]
        np.testing.assert_allclose(scores.drop_null().to_numpy(), expected, atol=1e-6)
        one = model.score_arrow(COLUMN, query="fox", activation="sigmoid")
        np.testing.assert_allclose(
            one.drop_null().to_numpy(), model.score("fox", [TEXTS[i] for i in VALID], activation="sigmoid"), atol=1e-6
        )
        for wrong in ({}, {"query": "a", "query_column": "q"}):
            with pytest.raises(ValueError, match="either query or query_column"):
                model.score_arrow(table, "text", **wrong)


def test_pictures(tmp_path):
    image = pytest.importorskip("PIL.Image")
    arrays = np.random.default_rng(0).integers(0, 255, (2, 24, 32, 3), dtype=np.uint8)
    paths = [tmp_path / f"{i}.png" for i in range(2)]
    for path, array in zip(paths, arrays, strict=True):
        image.fromarray(array).save(path)
    content = [path.read_bytes() for path in paths]
    struct = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    rows_of_both = [{"bytes": content[0], "path": "lost"}, None, {"bytes": None, "path": str(paths[1])}]
    with ImageEmbedding("builtin:image") as model:
        expected = model.encode(list(arrays))
        for column in (
            pa.array([content[0], None, content[1]]),
            pa.array([content[0], None, content[1]]).cast(pa.binary_view()),
            pa.array([str(paths[0]), None, str(paths[1])]),
            pa.array(rows_of_both, struct),
        ):
            vectors = model.embed_arrow(column)
            assert vectors.type == model.arrow_type() == pa.list_(pa.float32(), 1280)
            assert vectors.is_null().to_pylist() == [False, True, False]
            np.testing.assert_allclose(rows(vectors)[[0, 2]], expected, atol=1e-5)
        tensors = pa.FixedShapeTensorArray.from_numpy_ndarray(arrays)
        np.testing.assert_array_equal(rows(model.embed_arrow(tensors)), expected)
        with pytest.raises(TypeError, match="column of pictures"):
            model.embed_arrow(pa.array([1]))


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ([["a"]], {}, TypeError, r"got list. pyarrow.array"),
        ([pa.array([1])], {}, TypeError, "a column of strings, got one of int64"),
        ([pa.array([b"a"])], {}, TypeError, "a column of strings, got one of binary"),
        ([COLUMN, "text"], {}, TypeError, "column='text' is for batches and tables"),
        ([pa.table({"a": COLUMN, "b": COLUMN})], {}, ValueError, "column must be one of 'a', 'b'"),
        ([pa.table({"a": COLUMN}), "c"], {}, ValueError, "'c' is no column; data has 'a'"),
        ([pa.table([COLUMN, COLUMN], ["a", "a"]), "a"], {}, ValueError, "name of 2 columns"),
        ([COLUMN], {"role": "passage"}, ValueError, "role must be one of plain, query, document"),
        ([COLUMN], {"dtype": "double"}, ValueError, "dtype must be one of float32"),
        ([COLUMN], {"dtype": "int8"}, ValueError, "needs ranges="),
        (
            [COLUMN],
            {"dtype": "int8", "ranges": Ranges.of(np.eye(3, dtype=np.float32))},
            ValueError,
            "ranges are of 3 dimensions",
        ),
        ([COLUMN], {"batch_size": 0}, ValueError, "batch_size must be a positive"),
    ],
)
def test_what_is_wrong_is_said(model, arguments, options, error, message):
    with pytest.raises(error, match=message):
        model.embed_arrow(*arguments, **options)


def test_an_error_names_the_row():
    with TextEmbedding(BASE, max_tokens=4, truncate=False) as model, pytest.raises(ValueError, match=r"texts\[2\]"):
        model.embed_arrow(COLUMN)


def test_without_pyarrow(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"rapidembed\[arrow\]"):
        model.embed_arrow(COLUMN)


def test_a_task_of_somebody_elses_has_no_columns():
    with (
        SpreadEmbedding(BASE) as model,
        pytest.raises(UnsupportedModelError, match=r"SpreadEmbedding does not say.*other methods"),
    ):
        model.embed_arrow(COLUMN)


@pytest.fixture
def nothing_kept():
    shared_module._kept.clear()
    yield
    shared_module._kept.clear()
    gc.collect()


@pytest.mark.usefixtures("nothing_kept")
def test_a_process_keeps_one_model_for_all_copies(tmp_path: Path):
    spec = pickle.dumps(TextEmbedding(BASE, lazy_load=True, threads=1, cache_dir=tmp_path))
    first = shared(pickle.loads(spec))
    expected = first.encode("a")
    for _ in range(3):
        copy = pickle.loads(spec)
        assert shared(copy) is first
        del copy
        gc.collect()
    assert first.encode("a").tolist() == expected.tolist()
    assert shared(TextEmbedding(BASE, lazy_load=True, threads=2)) is not first
    first.close()
    assert shared(pickle.loads(spec)).encode("a").tolist() == expected.tolist()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork here")
@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_that_was_forked_meanwhile_has_models_too():
    spec = TextEmbedding(BASE, lazy_load=True, threads=1)
    with shared_module._lock:  # as another thread may at that moment
        child = os.fork()
        if child == 0:
            threading.Thread(target=lambda: (time.sleep(20), os._exit(2)), daemon=True).start()
            os._exit(0 if len(shared(spec).encode("a")) == spec.embedding_size else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.usefixtures("nothing_kept")
def test_few_models_are_kept():
    models = [TextEmbedding(BASE, lazy_load=True, max_tokens=count) for count in range(5, 15)]
    before = sum(engines().values())
    for model in models:
        shared(model).encode("a")
    assert len(shared_module._kept) == 4
    assert sum(engines().values()) == before + 4


@pytest.mark.usefixtures("nothing_kept")
def test_a_function_for_tables():
    table = pa.table({"nr": range(5), "text": COLUMN})
    embed = pickle.loads(pickle.dumps(EmbedColumn(TextEmbedding(BASE), "text", dtype="float16")))
    assert not shared_module._kept  # not loaded yet
    schema = embed.schema(table.schema)
    for made in (embed(table), pa.Table.from_batches(map(embed, table.to_batches(2)))):
        assert made.schema == schema
        assert made.column_names == ["nr", "text", "embedding"]
    with TextEmbedding(BASE) as model:
        assert made["embedding"].combine_chunks().equals(model.embed_arrow(COLUMN, dtype="float16"))
    assert embed(made).schema == schema  # replaced
    assert EmbedColumn(embed.model, "text", "vector").field.name == "vector"


def test_a_function_is_checked_when_it_is_made(model):
    with pytest.raises(TypeError, match="facades, got str"):
        EmbedColumn("BAAI/bge-small-en-v1.5", "text")
    with pytest.raises(TypeError, match="dtpye"):
        EmbedColumn(model, "text", dtpye="int8")


@pytest.mark.usefixtures("nothing_kept")
def test_a_function_scores(tmp_path):
    folder = assemble_reranker(RERANKERS["plain"], tmp_path / "model")
    score = EmbedColumn(TextCrossEncoder(folder, lazy_load=True), "text", query="fox")
    assert score(pa.table({"text": COLUMN}))["score"].null_count == 1
