"""Texts beyond the limit: where they are cut, and what becomes of the parts, against sentence-transformers."""

import copy
import json
import pickle
import warnings
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidembed import ModelSpec, TextEmbedding, TruncationWarning, UnsupportedModelError
from rapidembed.hub import Checkpoint
from rapidembed.tasks.text.parts import token_vectors_of
from rapidembed.tasks.text.splitting import split
from rapidembed.tasks.unit import unit_rows

from tests.golden import make_long as golden

EXPECTED = json.loads(golden.PATH.read_text(encoding="utf-8"))
SENTENCES = [f"Sentence {i} of this text is about {w}." for i, w in enumerate(["cats", "rivers", "taxes", "bread"] * 8)]
LONG = " ".join(SENTENCES)


@pytest.fixture(scope="module", autouse=True)
def kept(minilm: str) -> Iterator[None]:
    """The network in memory for all these tests, each of which opens the model anew."""
    with TextEmbedding(minilm):
        yield


def words(text: str) -> list[tuple[int, int]]:
    """Offsets of tokens: words, long ones in two halves."""
    found, place = [], 0
    for word in text.split(" "):
        halves = [(0, len(word))] if len(word) < 6 else [(0, 4), (4, len(word))]
        found += [(place + a, place + b) for a, b in halves if b > a]
        place += len(word) + 1
    return found


# Splitting


def test_runs_end_where_sentences_do() -> None:
    text = "one two three. four five six seven. eight nine ten"
    offsets = words(text)
    shown = [text[offsets[a][0] : offsets[b - 1][1]] for a, b in split(text, offsets, 6)]
    assert shown == ["one two three.", "four five six seven.", "eight nine ten"]
    shown = [text[offsets[a][0] : offsets[b - 1][1]] for a, b in split(text, offsets, 9, overlap=4)]
    assert shown[0] == "one two three. four five six seven."
    assert shown[1].endswith("eight nine ten")
    assert shown[1].split()[0] in ("five", "six", "seven.", "four")


def test_without_sentences_words_stay_whole() -> None:
    text = " ".join(["abcdefgh"] * 10)  # two tokens each
    assert split(text, words(text), 5) == [(0, 4), (4, 8), (8, 12), (12, 16), (16, 20)]
    assert split("a" * 9, [(i, i + 1) for i in range(9)], 4) == [(0, 4), (4, 8), (8, 9)]
    assert split("", [], 4) == []


@given(
    st.lists(st.text(alphabet="ab. \n", min_size=1, max_size=12), max_size=40).map(" ".join),
    st.integers(1, 12),
    st.integers(0, 11),
)
def test_runs_cover_everything_and_fit(text: str, most: int, overlap: int) -> None:
    offsets, overlap = words(text.replace("\n", " ")), min(overlap, most - 1)
    runs = split(text, offsets, most, overlap)
    assert all(0 < end - start <= most for start, end in runs)
    assert sorted({i for run in runs for i in range(*run)}) == list(range(len(offsets)))
    for (_, end), (start, _) in pairwise(runs):
        assert end - overlap <= start <= end


def test_chunks_have_places(minilm: str) -> None:
    with TextEmbedding(minilm) as model:
        chunks = model.chunks(LONG, max_tokens=50, overlap=15)
        assert all(LONG[chunk.start : chunk.end] == chunk.text for chunk in chunks)
        assert all(chunk.text.endswith(".") and chunk.text.startswith("Sentence") for chunk in chunks)
        assert all(0 <= a.end - b.start <= 60 for a, b in pairwise(chunks) if a.end > b.start)
        assert [model.token_count([c.text]) for c in chunks] == [c.tokens + 2 for c in chunks]
        assert model.chunks("") == []
        (only,) = model.chunks("hello world")
        assert (only.text, only.start, only.end, only.tokens) == ("hello world", 0, 11, 2)
    with TextEmbedding("builtin:static-en") as model:
        chunks = model.chunks(LONG, max_tokens=30)
        assert "".join(c.text.replace(" ", "") for c in chunks) == LONG.replace(" ", "")


# One vector


@pytest.mark.parametrize("how", ["mean", "weighted", "max"])
def test_parts_become_one_vector(minilm: str, how: str) -> None:
    texts = ["hello world", LONG, "", LONG[:300]]
    with TextEmbedding(minilm, max_tokens=64) as plain, TextEmbedding(minilm, max_tokens=64, long_text=how) as model:
        chunks = plain.chunks(LONG)
        parts = plain.encode([chunk.text for chunk in chunks])
        weights = [chunk.tokens for chunk in chunks]
        wanted = {"mean": parts.mean(0), "max": parts.max(0), "weighted": np.average(parts, axis=0, weights=weights)}
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # nothing is cut
            vectors = model.encode(texts)
            np.testing.assert_allclose(model.encode(LONG), vectors[1], atol=1e-6)
            np.testing.assert_allclose(list(model.embed(iter(texts), batch_size=1)), vectors, atol=1e-6)
        np.testing.assert_allclose(vectors[1], unit_rows(wanted[how][None])[0], atol=1e-5)
        np.testing.assert_allclose(vectors[[0, 2]], plain.encode([texts[0], texts[2]]), atol=1e-6)
        assert model.token_count([LONG]) == sum(weights) + 2 * len(weights)


def test_prompts_stand_before_every_part(minilm: str) -> None:
    prompts = {"query": "query: ", "document": "passage: "}
    options = {"max_tokens": 40, "prompts": prompts}
    with TextEmbedding(minilm, **options) as plain, TextEmbedding(minilm, long_text="mean", **options) as model:
        chunks = plain.chunks(LONG)
        assert all(chunk.tokens <= 36 for chunk in chunks)
        wanted = plain.encode_document([chunk.text for chunk in chunks])
        np.testing.assert_allclose(model.encode_document(LONG), unit_rows(wanted.mean(0)[None])[0], atol=1e-5)
        found, vectors = model.encode_chunks(LONG)
        assert found == chunks
        np.testing.assert_allclose(vectors, wanted, atol=1e-5)


# Late chunking


def test_late_chunks_are_means_of_token_vectors(minilm: str) -> None:
    with TextEmbedding(minilm, long_text="late", normalize=False) as model:
        chunks, vectors = model.encode_chunks(golden.TEXT, max_tokens=max(EXPECTED["tokens"]))
        assert [chunk.tokens for chunk in chunks] == EXPECTED["tokens"]
        np.testing.assert_allclose(vectors[:, :48], EXPECTED["chunks"], atol=1e-4)
        np.testing.assert_allclose(model.encode(golden.TEXT)[:48], EXPECTED["whole"], atol=1e-4)


def test_windows_of_late_chunking_hold_every_token_once(minilm: str) -> None:
    texts = [LONG, "hello world"]
    with TextEmbedding(minilm, long_text="late", max_tokens=60, normalize=False) as model:
        vectors = model.encode(texts)
        chunks, parts = model.encode_chunks(LONG, max_tokens=25)
        weights = [chunk.tokens for chunk in chunks]
        np.testing.assert_allclose(np.average(parts, axis=0, weights=weights), vectors[0], atol=1e-5)
        np.testing.assert_allclose(model.encode(LONG), vectors[0], atol=1e-5)
        # A chunk longer than a window is several windows' tokens.
        (whole,), vector = model.encode_chunks(LONG, max_tokens=10_000)
        assert whole.text == LONG
        np.testing.assert_allclose(vector[0], vectors[0], atol=1e-5)
    with TextEmbedding(minilm, normalize=False) as plain:
        np.testing.assert_allclose(plain.encode(texts[1]), vectors[1], atol=1e-5)


def test_context_reaches_late_chunks(minilm: str) -> None:
    """The third sentence names no city; only what stands before it does."""
    with TextEmbedding(minilm, long_text="late") as late, TextEmbedding(minilm) as plain:
        chunks, vectors = late.encode_chunks(golden.TEXT, max_tokens=12)
        _, alone = plain.encode_chunks(golden.TEXT, max_tokens=12)
        query = plain.encode_query("Berlin")
        assert "Berlin" not in chunks[1].text
        assert vectors[1] @ query > alone[1] @ query + 0.1


def test_models_that_late_chunking_is_not_for(minilm: str) -> None:
    with pytest.raises(UnsupportedModelError, match=r'whose tokens have no context. Take long_text="weighted"'):
        TextEmbedding("builtin:static-en", long_text="late")
    cls = ModelSpec(name="my/cls", dim=384, pooling=("cls",), normalize=True, source=minilm)
    with pytest.raises(UnsupportedModelError, match="needs the mean over all tokens, which my/cls is not"):
        token_vectors_of(Checkpoint(cls, Path("nowhere"), (), None))


# Options


def test_the_option_is_known_everywhere(minilm: str) -> None:
    prints = set()
    for how in ("truncate", "mean", "late"):
        with TextEmbedding(minilm, max_tokens=64, long_text=how) as model:
            prints.add(model.fingerprint)
            if how == "mean":
                for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
                    assert np.array_equal(other.encode(LONG), model.encode(LONG))
    assert len(prints) == 3
    with (
        TextEmbedding(minilm, max_tokens=64) as model,
        pytest.warns(TruncationWarning, match='by long_text="weighted"'),
    ):
        model.encode(LONG)


async def test_async(minilm: str) -> None:
    with TextEmbedding(minilm, max_tokens=64, long_text="weighted") as model:
        np.testing.assert_allclose(await model.aencode([LONG, "a"]), model.encode([LONG, "a"]), atol=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m.chunks(LONG, max_tokens=0), ValueError, "max_tokens must be a positive integer"),
        (lambda m: m.chunks(LONG, max_tokens=999), ValueError, "max_tokens must be at most 62"),
        (lambda m: m.chunks(LONG, max_tokens=5, overlap=5), ValueError, "overlap must be from 0 to below 5"),
        (lambda m: m.chunks(LONG, overlap=1.5), ValueError, "overlap must be a whole number"),
        (lambda m: m.chunks([LONG]), TypeError, "must be a str, got list"),
        (lambda m: m.encode([LONG, None]), TypeError, r"texts\[1\] must be a str"),
        (lambda m: list(m.embed(iter([LONG, None]))), TypeError, r"texts\[1\] must be a str"),
    ],
)
def test_what_does_not_fit_is_named(minilm: str, call, error: type[Exception], message: str) -> None:
    with TextEmbedding(minilm, max_tokens=64, long_text="mean") as model, pytest.raises(error, match=message):
        call(model)


def test_an_unknown_way() -> None:
    with pytest.raises(ValueError, match="long_text must be one of truncate, mean, weighted, max, late, got 'cut'"):
        TextEmbedding("builtin:static-en", long_text="cut")
