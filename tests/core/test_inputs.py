"""Bad input: a clear error at the call, before any work, and nothing lost."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidembed import EncodingWarning, TextEmbedding, TruncationWarning
from rapidembed.runtime.inputs import repair
from rapidembed.runtime.onnx_engine import OnnxEngine


@pytest.fixture(scope="module")
def model(minilm: str) -> TextEmbedding:
    return TextEmbedding(minilm)


@pytest.fixture
def no_inference(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        pytest.fail("inference started before the input was checked")

    monkeypatch.setattr(OnnxEngine, "_forward", fail)


METHODS = ["encode", "encode_query", "encode_document", "embed", "query_embed", "passage_embed"]


@pytest.mark.usefixtures("no_inference")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("bad", "named"),
    [
        (None, "NoneType"),
        (b"bytes", "bytes; decode"),
        (3, "int"),
        (float("nan"), "float"),
        (["nested"], "list"),
        ({}, "dict"),
    ],
)
def test_a_wrong_item_is_named_at_the_call(model: TextEmbedding, method: str, bad: object, named: str) -> None:
    with pytest.raises(TypeError, match=rf"texts\[2\] must be a str, got {named}"):
        getattr(model, method)(["fine", "fine", bad, "fine"])


@pytest.mark.usefixtures("no_inference")
@pytest.mark.parametrize("bad", [None, 3, b"bytes", {"a": "b"}, {"a"}, object()])
def test_texts_must_be_text_or_iterable(model: TextEmbedding, bad: object) -> None:
    with pytest.raises(TypeError, match="texts must be a str or an iterable of str"):
        model.encode(bad)


@pytest.mark.usefixtures("no_inference")
def test_object_arrays_are_checked(model: TextEmbedding) -> None:
    with pytest.raises(TypeError, match=r"texts\[1\] must be a str, got NoneType"):
        model.encode(np.array(["a", None], dtype=object))


@pytest.mark.usefixtures("no_inference")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("batch_size", [0, -1, True, 2.5, "8", None])
def test_batch_size(model: TextEmbedding, method: str, batch_size: object) -> None:
    with pytest.raises(ValueError, match="batch_size must be a positive integer"):
        getattr(model, method)(["x"], batch_size=batch_size)


@pytest.mark.usefixtures("no_inference")
@pytest.mark.parametrize("parallel", [-1, True, 1.5, "2"])
def test_parallel(model: TextEmbedding, parallel: object) -> None:
    with pytest.raises(ValueError, match="parallel must be None or 0 for all cores"):
        model.embed(["x"], parallel=parallel)


def test_huge_batch_size_is_an_upper_bound_only(model: TextEmbedding) -> None:
    assert model.encode(["x"] * 20, batch_size=2**40).shape == (20, 384)
    assert model.encode(iter(["x"] * 20), batch_size=2**70).shape == (20, 384)


def test_numbers_may_be_numpys(model: TextEmbedding) -> None:
    assert model.encode(["x"], batch_size=np.int64(3), parallel=np.int32(1)).shape == (1, 384)


@pytest.mark.usefixtures("no_inference")
@pytest.mark.parametrize("texts", [np.array("scalar"), np.array([["a", "b"]])])
def test_texts_have_one_dimension(model: TextEmbedding, texts: np.ndarray) -> None:
    with pytest.raises(TypeError, match="texts must have one dimension, got ndarray"):
        model.encode(texts)


def test_a_wrong_length_does_no_harm(model: TextEmbedding) -> None:
    class Liar:
        def __len__(self) -> int:
            return 1

        def __iter__(self) -> Iterator[str]:
            return iter(["a", "b", "c"])

    assert model.encode(Liar()).shape == (3, 384)


@pytest.mark.parametrize("option", ["max_length", "thread", "provider", "modelname"])
def test_unknown_options_are_refused(minilm: str, option: str) -> None:
    with pytest.raises(TypeError, match=option):
        TextEmbedding(minilm, **{option: 1})
    with pytest.raises(TypeError, match=option):
        TextEmbedding(minilm).encode(["x"], **{option: 1})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threads": 0}, "threads must be a positive integer"),
        ({"dimensions": 0}, "dimensions must be a positive integer"),
        ({"dimensions": 385}, "dimensions must be at most 384"),
        ({"max_tokens": True}, "max_tokens must be a positive integer"),
        ({"precision": "int3"}, "precision must be one of auto, fast, fp32, int8, bf16"),
        ({"backend": "tensorrt"}, "backend must be one of onnxruntime, openvino"),
        ({"prompts": {"search": "x"}}, "prompts maps query and document to str"),
        ({"prompts": {"query": 3}}, "prompts maps query and document to str"),
        ({"model_name": ""}, "model_name must be a non-empty str"),
        ({"model_name": 3}, "model_name must be a non-empty str"),
        ({"truncate": "false"}, "truncate must be True or False"),
        ({"lazy_load": None}, "lazy_load must be True or False"),
        ({"local_files_only": 1}, "local_files_only must be True or False"),
        ({"normalize": "no"}, "normalize must be True, False or None"),
        ({"revision": 5}, "revision must be a str or None, got int"),
        ({"revision": "main"}, "revision='main' is for hub repositories"),
        ({"token": b"hf_secret"}, "token must be a str or None, got bytes"),
        ({"cache_dir": 5}, "cache_dir must be a path or None"),
        ({"specific_model_path": 5}, "specific_model_path must be a path or None"),
        ({"prompts": ["query"]}, "prompts maps query and document to str"),
        ({"device": None}, "device must be a str or a list of str"),
        ({"device_ids": 5}, "device_ids must be a list of numbers"),
        ({"cuda": [1]}, 'cuda must be True, False or "auto"'),
        ({"providers": "CPUExecutionProvider"}, "providers must be a list of providers"),
        ({"providers": [5]}, "A provider is a name, or a name and its options"),
    ],
)
def test_impossible_options(minilm: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TextEmbedding(**{"model_name": minilm, **options})


def _failing(error: Exception) -> Iterator[object]:
    yield from ("first", "second")
    raise error


def _wrong_third() -> Iterator[object]:
    yield from ("first", "second", None, "fourth")


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        (lambda: _failing(KeyError("from the caller")), KeyError, "from the caller"),
        (_wrong_third, TypeError, r"texts\[2\] must be a str"),
    ],
)
@pytest.mark.parametrize("batch_size", [1, 2, 256])
def test_what_came_before_an_error_is_not_lost(
    model: TextEmbedding, source: Callable[[], Iterator[str]], kind: type[Exception], message: str, batch_size: int
) -> None:
    received: list[np.ndarray] = []
    with pytest.raises(kind, match=message):
        received.extend(model.embed(source(), batch_size=batch_size))
    np.testing.assert_allclose(received, model.encode(["first", "second"]), atol=1e-6)


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\x00\x01", "\ufffd", "\u202e\u200d", "e" + "\u0301" * 10_000])
def test_strange_texts_have_a_defined_vector(model: TextEmbedding, text: str) -> None:
    vector = model.encode(text)
    assert np.isfinite(vector).all()
    np.testing.assert_allclose(model.encode(["other", text])[1], vector, atol=1e-6)


def test_lone_surrogates_are_repaired_and_reported(model: TextEmbedding) -> None:
    with pytest.warns(EncodingWarning, match="2 of 3 texts held lone surrogates"):
        vectors = model.encode(["broken \ud800 text", "fine", "broken \udfff text"])
    np.testing.assert_allclose(vectors[0], model.encode("broken \ufffd text"), atol=1e-6)
    with pytest.warns(EncodingWarning):
        list(model.embed(["\ud83d"]))


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=30))
@settings(max_examples=500, deadline=None)
def test_repair_gives_unicode_text(text: str) -> None:
    fixed, changed = repair(text)
    fixed.encode()
    assert changed == any("\ud800" <= character <= "\udfff" for character in text)
    assert changed or fixed == text


def test_surrogate_pairs_become_their_character() -> None:
    assert repair("\ud83d\ude00") == ("😀", True)


@pytest.mark.parametrize(
    "text",
    [
        "word " * 400_000,
        "a" * 2_000_000,
        " " * 2_000_000 + "the end",
        "日" * 700_000,
        "x\n" * 1_000_000,
    ],
    ids=["words", "one word", "leading spaces", "no spaces", "lines"],
)
def test_two_megabytes(model: TextEmbedding, text: str) -> None:
    """Long texts are cut before they are tokenized; else this would run into the time that every test has."""
    if text.endswith("the end"):
        vector = model.encode(text)
        np.testing.assert_allclose(vector, model.encode("the end"), atol=1e-6)
    elif text.startswith("aa"):  # BERT makes one [UNK] of any word over 100 characters
        np.testing.assert_allclose(model.encode(text), model.encode("a" * 101), atol=1e-6)
    else:
        with pytest.warns(TruncationWarning):
            np.testing.assert_allclose(model.encode(text), model.encode(text[:8000]), atol=1e-6)
