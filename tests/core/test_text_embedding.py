"""What TextEmbedding gives, on real weights."""

import itertools
import random

import numpy as np
import pytest
from rapidembed import ModelNotFoundError, TextEmbedding, TruncationWarning

SENTENCES = [
    "hello world",
    "A cat sat on the mat.",
    "Ein Satz auf Deutsch mit Umlauten: äöü.",
    "日本語のテキスト",
    "",
    "x",
    " ".join(f"word{i}" for i in range(60)),
    "The quick brown fox jumps over the lazy dog. " * 8,
    "emoji 👩‍👩‍👧‍👦 and combining e\u0301",
]


@pytest.fixture(scope="module")
def model(minilm: str) -> TextEmbedding:
    return TextEmbedding(minilm)


def test_published_values(model: TextEmbedding) -> None:
    vector = model.encode("hello world")
    assert vector.dtype == np.float32
    np.testing.assert_allclose(vector[:5], [-0.034478, 0.03102, 0.00673, 0.02611, -0.039362], atol=1e-4)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)


def test_tokens_of_a_generator_are_counted(model: TextEmbedding) -> None:
    assert model.token_count(text for text in SENTENCES) == model.token_count(SENTENCES)


async def test_async_warnings_point_at_the_caller(model: TextEmbedding) -> None:
    for texts in ("word " * 600, ["word " * 600]):
        with pytest.warns(TruncationWarning, match="1 of 1 texts") as caught:
            await model.aencode(texts)
        assert caught[0].filename == __file__


def test_shapes(model: TextEmbedding) -> None:
    assert model.encode("x").shape == (384,)
    assert model.encode(["x"]).shape == (1, 384)
    assert model.encode([]).shape == (0, 384)
    assert model.encode(iter([])).shape == (0, 384)
    assert model.encode(text for text in ("a", "b")).shape == (2, 384)
    assert model.encode(np.array(["a", "b"])).shape == (2, 384)
    assert [v.shape for v in model.embed("x")] == [(384,)]
    assert list(model.embed([])) == []


def test_a_vector_does_not_depend_on_its_neighbours(model: TextEmbedding) -> None:
    texts = SENTENCES * 3
    alone = np.stack([model.encode(text) for text in SENTENCES])
    expected = np.concatenate([alone] * 3)
    for batch_size in (1, 7, 256):
        assert np.abs(model.encode(texts, batch_size=batch_size) - expected).max() < 1e-6
        assert np.abs(np.stack(list(model.embed(iter(texts), batch_size=batch_size))) - expected).max() < 1e-6
    order = random.Random(0).sample(range(len(texts)), len(texts))
    shuffled = model.encode([texts[i] for i in order])
    assert np.abs(shuffled - expected[order]).max() < 1e-6


@pytest.mark.parametrize("parallel", [None, 0, 1, 2, 64])
def test_parallel_changes_nothing_but_speed(model: TextEmbedding, parallel: int | None) -> None:
    np.testing.assert_allclose(model.encode(SENTENCES, parallel=parallel), model.encode(SENTENCES), atol=1e-6)


def test_rows_are_copies(model: TextEmbedding) -> None:
    rows = list(model.embed(SENTENCES))
    assert all(row.base is None for row in rows)


def test_fastembed_methods_equal_ours(minilm: str) -> None:
    model = TextEmbedding(minilm, prompts={"query": "query: ", "document": "passage: "})
    pairs = [
        (model.embed, model.encode, ""),
        (model.query_embed, model.encode_query, "query: "),
        (model.passage_embed, model.encode_document, "passage: "),
    ]
    for iterate, encode, prompt in pairs:
        expected = model.encode([prompt + text for text in SENTENCES])
        np.testing.assert_allclose(np.stack(list(iterate(SENTENCES))), expected, atol=1e-6)
        np.testing.assert_allclose(encode(SENTENCES), expected, atol=1e-6)
        np.testing.assert_allclose(next(iterate(SENTENCES[1])), expected[1], atol=1e-6)


async def test_async_methods_equal_sync(minilm: str) -> None:
    model = TextEmbedding(minilm, prompts={"query": "query: ", "document": "passage: "})
    np.testing.assert_allclose(await model.aencode(SENTENCES), model.encode(SENTENCES), atol=1e-6)
    np.testing.assert_allclose(await model.aencode_query("x"), model.encode_query("x"), atol=1e-6)
    np.testing.assert_allclose(await model.aencode_document(SENTENCES), model.encode_document(SENTENCES), atol=1e-6)


def test_dimensions_cuts_then_normalizes(minilm: str, model: TextEmbedding) -> None:
    cut = model.encode(SENTENCES)[:, :64]
    expected = cut / np.linalg.norm(cut, axis=1, keepdims=True)
    small = TextEmbedding(minilm, dimensions=64)
    assert small.embedding_size == 64
    np.testing.assert_allclose(small.encode(SENTENCES), expected, atol=1e-6)
    assert small.encode([]).shape == (0, 64)


def test_normalize_can_be_switched_off(minilm: str, model: TextEmbedding) -> None:
    raw = TextEmbedding(minilm, normalize=False).encode(SENTENCES)
    norms = np.linalg.norm(raw, axis=1, keepdims=True)
    assert np.abs(norms - 1).min() > 0.1
    np.testing.assert_allclose(raw / norms, model.encode(SENTENCES), atol=1e-6)


def test_long_texts_are_cut_with_one_warning_per_call(minilm: str) -> None:
    model = TextEmbedding(minilm, max_tokens=16)
    long = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    with pytest.warns(TruncationWarning, match="2 of 3 texts had more than 16 tokens") as caught:
        cut = model.encode([long, "short", long])
    assert caught[0].message.indices == (0, 2)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    kept = " ".join(long.split()[:14])  # 14 words of one token each, [CLS] and [SEP]
    np.testing.assert_allclose(cut[0], model.encode(kept), atol=1e-6)
    with pytest.warns(TruncationWarning) as caught:
        list(model.embed([long]))
    assert caught[0].filename == __file__


def test_truncate_false_names_the_text(minilm: str) -> None:
    model = TextEmbedding(minilm, max_tokens=8, truncate=False)
    with pytest.raises(ValueError, match=r"texts\[1\] has more than 8 tokens"):
        model.encode(["short", "a text of quite a few more words than that"])
    received: list[np.ndarray] = []
    with pytest.raises(ValueError, match=r"texts\[2\]"):
        received.extend(model.embed(iter(["short", "brief", "a text of quite a few more words than that", "short"])))
    assert len(received) == 2  # what came before is not lost


def test_max_tokens_may_go_up_to_the_positions(minilm: str) -> None:
    assert TextEmbedding(minilm).info.max_tokens == 256
    assert TextEmbedding(minilm, max_tokens=512).info.max_tokens == 512
    with pytest.raises(ValueError, match="max_tokens must be at most 512"):
        TextEmbedding(minilm, max_tokens=513)
    with pytest.raises(ValueError, match="room beside 2 special tokens"):
        TextEmbedding(minilm, max_tokens=2)


def test_token_count(minilm: str, model: TextEmbedding) -> None:
    assert model.token_count("hello world") == 4
    assert model.token_count(["hello world", ""]) == 6
    assert model.token_count(iter(["hello world"] * 5), batch_size=2) == 20
    assert TextEmbedding(minilm, max_tokens=10).token_count("word " * 100) == 10


def test_info_and_fingerprint(minilm: str, model: TextEmbedding) -> None:
    info = model.info
    assert (info.dimensions, info.pooling, info.normalize, info.device) == (384, ("mean",), True, "cpu")
    assert info.weights.name == "model.safetensors"
    assert model.fingerprint == TextEmbedding(minilm).fingerprint
    others = [
        TextEmbedding(minilm, **options).fingerprint
        for options in ({"dimensions": 64}, {"normalize": False}, {"max_tokens": 128}, {"prompts": {"query": "q: "}})
    ]
    assert len({model.fingerprint, *others}) == 5


def test_progress_bar_counts_texts(model: TextEmbedding, capsys: pytest.CaptureFixture[str]) -> None:
    model.encode(SENTENCES, show_progress=True)
    assert f"{len(SENTENCES)}/{len(SENTENCES)}" in capsys.readouterr().err
    model.encode(SENTENCES)
    assert capsys.readouterr().err == ""


def test_streams_are_read_as_they_are_needed(model: TextEmbedding) -> None:
    pulled = itertools.count()
    read = []

    def source():
        for i in range(100_000):
            read.append(next(pulled))
            yield f"text {i}"

    vectors = model.embed(source(), batch_size=16)
    next(vectors)
    vectors.close()
    assert len(read) <= 16 * (1 + 8)


def test_curated_names() -> None:
    models = TextEmbedding.list_supported_models()
    assert {"model", "dim", "sources", "model_file", "license", "size_in_GB", "additional_files"} <= models[0].keys()
    models[0].pop("model")
    assert "model" in TextEmbedding.list_supported_models()[0]
    assert TextEmbedding.get_embedding_size("baai/BGE-small-en-v1.5") == 384
    with pytest.raises(ModelNotFoundError, match="nosuch"):
        TextEmbedding.get_embedding_size("nosuch")
