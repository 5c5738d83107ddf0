"""BM25 against fastembed's own vectors, and against what it says of itself."""

import asyncio
import copy
import json
import pickle
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import mmh3
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidembed import ClosedError, DeviceError, EncodingWarning, InputWarning, ModelNotFoundError, SparseEmbedding
from rapidembed import SparseTextEmbedding as Sparse
from rapidembed.lexical import vocabulary
from rapidembed.lexical.languages import LANGUAGES
from rapidembed.lexical.words import unicode_tokens, word_tokens

BM25 = "Qdrant/bm25"
GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "lexical.json").read_text(encoding="utf-8"))
METHODS = ["encode", "encode_query", "encode_document", "embed", "query_embed", "passage_embed"]


class Suffixes:
    """A stemmer of the user's."""

    def stem_word(self, word: str) -> str:
        return "" if word == "dropme" else word.removesuffix("s")


def check(model: Sparse, texts: list[str], expected: list[dict]) -> None:
    for text, document, query, reference in zip(
        texts, model.encode_document(texts), model.encode_query(texts), expected, strict=True
    ):
        assert document.indices.tolist() == [int(index) for index in reference["document"]], text
        np.testing.assert_allclose(document.values, [*reference["document"].values()], rtol=1e-7)
        assert query.indices.tolist() == reference["query"], text
        assert set(query.values.tolist()) <= {1.0}
        assert model.token_count(text) == reference["tokens"], text


@pytest.mark.parametrize("language", GOLDEN["languages"])
def test_every_language_of_fastembed(language: str) -> None:
    tokenizer = "word" if language == "tamil" else None
    case = GOLDEN["languages"][language]
    check(Sparse(BM25, language=language, tokenizer=tokenizer), case["texts"], case["expected"])


def test_edge_cases() -> None:
    # 757 and 4904, the last texts but one, are different words with one id.
    check(Sparse(BM25), GOLDEN["edges"]["texts"], GOLDEN["edges"]["expected"])


def test_ten_thousand_words() -> None:
    words, modulo = GOLDEN["long"]["words"], GOLDEN["long"]["vocabulary"]
    check(Sparse(BM25), [" ".join(f"word{i * i % modulo}" for i in range(words))], [GOLDEN["long"]["expected"]])


@pytest.mark.parametrize("name", GOLDEN["options"])
def test_options(name: str) -> None:
    case = GOLDEN["options"][name]
    check(Sparse(BM25, **case["options"]), [GOLDEN["option_text"]], [case["expected"]])


def test_a_case_by_hand() -> None:
    # "The" and "on" are stopwords. Of cat (twice), sat, mat: f = 2, 1, 1 and |d| = 4.
    vector = Sparse(BM25, k=1.2, b=0.75, avg_len=8).encode("The cat sat on the mat. Cats!").as_dict()
    norm = 1.2 * (0.25 + 0.75 * 4 / 8)
    expected = {"cat": 2 * 2.2 / (2 + norm), "sat": 2.2 / (1 + norm), "mat": 2.2 / (1 + norm)}
    assert vector == pytest.approx({abs(mmh3.hash(word)): value for word, value in expected.items()}, rel=1e-6)


def test_types() -> None:
    for method in METHODS:
        for text in ("The cat", "", "the"):
            (vector,) = getattr(Sparse(BM25), method)([text])
            assert (vector.values.dtype, vector.indices.dtype) == (np.float32, np.int64)
            assert np.all(np.diff(vector.indices) > 0)
            assert not np.shares_memory(vector.values, vector.indices)
    assert len(Sparse(BM25).encode("the")) == 0


def test_sparse_embedding_is_a_value() -> None:
    one = SparseEmbedding.from_dict({7: 1.5, 3: 2.0})
    assert (one.indices.tolist(), one.values.tolist(), len(one)) == ([7, 3], [1.5, 2.0], 2)
    assert one.as_dict() == {7: 1.5, 3: 2.0}
    assert one.as_object() == {"values": one.values, "indices": one.indices}
    assert one == pickle.loads(pickle.dumps(one)) == copy.deepcopy(one)
    assert one != SparseEmbedding.from_dict({7: 1.5, 3: 2.5})
    assert one != {7: 1.5, 3: 2.0}
    assert len(SparseEmbedding.from_dict({})) == 0
    assert [type(number) for pair in one.as_dict().items() for number in pair] == [int, float] * 2


# The same in every form


def test_all_forms_agree() -> None:
    model, texts = Sparse(BM25), [f"cats number {i} {'on mats ' * (i % 5)}" for i in range(1000)]
    expected = model.encode(texts)
    assert list(model.embed(texts, batch_size=7)) == expected
    assert list(model.passage_embed(iter(texts))) == model.encode_document(np.array(texts)) == expected
    assert [model.encode(text) for text in texts[:20]] == expected[:20]
    assert list(model.query_embed("cats")) == [model.encode_query("cats")]
    assert asyncio.run(model.aencode(texts)) == asyncio.run(model.aencode_document(texts)) == expected
    assert asyncio.run(model.aencode_query("cats")) == model.encode_query("cats")
    assert model.encode([]) == list(model.embed([])) == []
    assert model.token_count(texts) == sum(len(text.split()) for text in texts)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bad", [None, b"bytes", 3, ["nested"]])
def test_a_wrong_item_is_named_at_the_call(method: str, bad: object) -> None:
    with pytest.raises(TypeError, match=r"texts\[1\] must be a str"):
        getattr(Sparse(BM25), method)(["fine", bad])


@pytest.mark.parametrize("batch_size", [1, 2, 256])
def test_what_came_before_an_error_is_not_lost(batch_size: int) -> None:
    def source() -> Iterator[str]:
        yield from ("one", "two")
        raise KeyError("from the caller")

    received = []
    with pytest.raises(KeyError, match="from the caller"):
        received.extend(Sparse(BM25).embed(source(), batch_size=batch_size))
    assert received == Sparse(BM25).encode(["one", "two"])
    received.clear()
    with pytest.raises(TypeError, match=r"texts\[2\] must be a str"):
        received.extend(Sparse(BM25).embed(iter(["one", "two", None])))
    assert len(received) == 2


def test_a_stream_is_read_as_it_is_used() -> None:
    read = []

    def source() -> Iterator[str]:
        for i in range(10**9):
            read.append(i)
            yield f"text {i}"

    stream = Sparse(BM25).embed(source(), batch_size=8)
    for _ in range(10):
        next(stream)
    assert len(read) == 16


def test_copies_and_pickles() -> None:
    model = Sparse(BM25, language="german", k=2.0, stopwords={"die"}, stemmer=Suffixes(), tokenizer=str.split)
    expected = model.encode("die katzes und hunds")
    assert {pickle.loads(pickle.dumps(model)).encode("die katzes und hunds").as_dict().__repr__()} == {
        expected.as_dict().__repr__()
    }
    assert copy.deepcopy(model).encode("die katzes und hunds") == expected
    secret = Sparse(BM25, token="hf_secret")
    assert b"hf_secret" not in pickle.dumps(secret)


def test_close() -> None:
    with Sparse(BM25) as model:
        stream = model.embed(["a cat"] * 3, batch_size=1)
        next(stream)
    model.close()
    with pytest.raises(ClosedError):
        next(stream)
    with pytest.raises(ClosedError, match="was closed"):
        model.encode("x")
    assert "closed" in repr(model)


def test_nothing_heavy_is_loaded() -> None:
    script = (
        "import sys; from rapidembed import SparseTextEmbedding as S; S('Qdrant/bm25').encode(['a cat']);"
        "print(*{'onnxruntime', 'onnx', 'tokenizers', 'huggingface_hub', 'asyncio', 'socket', 'concurrent.futures',"
        " 'rapidembed.registry', 'rapidembed.hub', 'rapidembed.graph', 'rapidembed.tasks.info'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


# Options


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"k": -1}, ValueError, "k must be a number from 0 on"),
        ({"k": float("nan")}, ValueError, "k must be a number"),
        ({"b": 1.1}, ValueError, "b must be a number from 0 to 1"),
        ({"avg_len": 0}, ValueError, "avg_len must be a positive number"),
        ({"avg_len": True}, ValueError, "avg_len must be a positive number"),
        ({"language": "klingon"}, ValueError, "language must be one of arabic, .*, got 'klingon'.*give a stemmer"),
        ({"language": 3}, ValueError, "language must be a str"),
        ({"token_max_length": 0}, ValueError, "token_max_length must be a positive integer"),
        ({"disable_stemmer": 1}, ValueError, "disable_stemmer must be True or False"),
        ({"disable_stemmer": True, "stemmer": Suffixes()}, ValueError, "Give one of them"),
        ({"stemmer": "english"}, ValueError, "stemmer must have a method stem_word"),
        ({"stopwords": "the"}, ValueError, "stopwords must be a collection of str"),
        ({"stopwords": ["the", 3]}, ValueError, "stopwords must be a collection of str"),
        ({"tokenizer": "jieba"}, ValueError, "tokenizer must be 'word', 'unicode' or a function"),
        ({"max_tokens": 5}, ValueError, "has no max_tokens"),
        ({"prompts": {"query": "q"}}, ValueError, "has no prompts"),
        ({"revision": "main"}, ValueError, "has no revision"),
        ({"device": "cuda"}, DeviceError, "runs on the CPU"),
        ({"cuda": True}, DeviceError, "runs on the CPU"),
        ({"providers": ["CUDAExecutionProvider"]}, DeviceError, "runs on the CPU"),
        ({"specific_model_path": "/nowhere"}, ValueError, r"english.txt does not exist"),
        ({"avglen": 3}, TypeError, "avglen"),
        ({"model_name": "bm26"}, ModelNotFoundError, r"No model 'bm26'.*SparseTextEmbedding.list_supported_models\(\)"),
        ({"model_name": ""}, ValueError, "model_name must be a non-empty str"),
    ],
)
def test_impossible_options(options: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Sparse(**{"model_name": BM25, **options})


def test_options_that_fit() -> None:
    plain = Sparse(BM25).encode("cats")
    for options in ({"device": "cpu"}, {"cuda": False}, {"providers": ["CPUExecutionProvider"]}, {"threads": 1}):
        assert Sparse(BM25.upper(), local_files_only=True, lazy_load=True, **options).encode("cats") == plain


def test_own_stemmer_and_tokenizer() -> None:
    model = Sparse(BM25, stemmer=Suffixes(), stopwords=(), tokenizer=lambda text: text.split("|"))
    vector = model.encode("Cats|!|dropme|the cats|dropMe|cat")
    assert vector.as_dict().keys() == {abs(mmh3.hash("cat")), abs(mmh3.hash("the cat"))}
    assert model.token_count("a|b|c") == 3


def test_stopwords_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "english.txt").write_text("cat\nMAT", encoding="utf-8")
    vector = Sparse(BM25, specific_model_path=tmp_path).encode("The cat on the mat")
    assert vector.as_dict().keys() == {abs(mmh3.hash(word)) for word in ("the", "on")}


def test_listing() -> None:
    (row,) = [row for row in Sparse.list_supported_models() if row["model"] == BM25]
    assert row["requires_idf"] is Sparse(BM25).requires_idf is True
    assert row["vocab_size"] == Sparse(BM25).vocab_size == 0
    assert set(row["languages"]) == set(LANGUAGES)
    assert set(row["languages_equal_to_fastembed"]) == set(GOLDEN["languages"]) - {"tamil"}
    assert row is not Sparse.list_supported_models()[0]


def test_fingerprint_tells_what_decides_vectors() -> None:
    options = [
        {},
        {"k": 1.3},
        {"language": "german"},
        {"stopwords": []},
        {"stemmer": Suffixes()},
        {"tokenizer": "unicode"},
    ]
    prints = [Sparse(BM25, **each).fingerprint for each in options]
    assert len(set(prints)) == len(prints)
    assert Sparse(BM25, k=1.2, threads=3).fingerprint == prints[0]
    assert re.fullmatch("[0-9a-f]{32}", prints[0])


# Words


def reference_tokens(text: str) -> list[str]:
    """Fastembed's steps, one by one."""
    text = re.sub(r"[^\w]", " ", re.sub(r"[^\w\s]", " ", text).lower())
    return re.sub(r"\s+", " ", text).strip().split()


@given(
    st.text(alphabet=st.characters(), max_size=40) | st.text(alphabet="aA_ΣσςİiIßẞ'.\u0301\u200d\u0345 1²", max_size=15)
)
@settings(max_examples=2000, deadline=None)
def test_words_are_those_of_fastembed(text: str) -> None:
    assert word_tokens(text) == reference_tokens(text)


@pytest.mark.parametrize("step", [61, pytest.param(1, marks=pytest.mark.slow)])
def test_every_character_alone_and_inside_a_word(step: int) -> None:
    for code in (*range(0x3400), *range(0x3400, sys.maxunicode + 1, step)):
        character = chr(code)
        for text in (character, f"a{character}B"):
            assert word_tokens(text) == reference_tokens(text), hex(code)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("தமிழ் மொழி!", ["தமிழ்", "மொழி"]),
        ("हिन्दी में लिखा, ठीक।", ["हिन्दी", "में", "लिखा", "ठीक"]),
        ("東京都に住む", ["東京", "京都", "都に", "に住", "住む"]),
        ("我爱北京。", ["我爱", "爱北", "北京"]),
        ("猫", ["猫"]),
        ("ภาษาไทย", ["ภา", "าษ", "ษา", "าไ", "ไท", "ทย"]),
        ("ที่นี่", ["ที่นี่"]),
        ("한국어 문장", ["한국", "국어", "문장"]),
        ("GPU搭載PC", ["gpu", "搭載", "pc"]),
        ("ＡＢＣ ﾃｽﾄ", ["abc", "テス", "スト"]),
        ("cafe\u0301 CAFÉ", ["café", "café"]),
        ("مَدْرَسَة", ["مَدْرَسَة"]),
        ("snake_case don't", ["snake_case", "don", "t"]),
        ("", []),
    ],
)
def test_unicode_words(text: str, tokens: list[str]) -> None:
    assert unicode_tokens(text) == [unicodedata.normalize("NFKC", token) for token in tokens]


@pytest.mark.parametrize("language", ["tamil", "hindi", "chinese", "japanese", "thai", "korean"])
def test_scripts_that_words_would_break_find_their_documents(language: str) -> None:
    texts = {
        "tamil": ("பூனை பாயில் அமர்ந்தது", "பூனை", "நாய்"),
        "hindi": ("बिल्ली चटाई पर बैठी है", "बिल्ली", "कुत्ता"),
        "chinese": ("猫坐在垫子上", "垫子", "天气"),
        "japanese": ("猫がマットの上に座っている", "マット", "天気"),
        "thai": ("แมวนั่งบนเสื่อ", "เสื่อ", "อากาศ"),
        "korean": ("고양이가 매트 위에 앉았다", "고양이", "날씨"),
    }
    document, hit, miss = texts[language]
    model = Sparse(BM25, language=language)
    terms = model.encode_document(document).as_dict().keys()
    assert model.encode_query(hit).as_dict().keys() & terms
    assert not model.encode_query(miss).as_dict().keys() & terms


# Memory and threads


def test_vocabulary_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "_MOST_WORDS", 100)
    model = Sparse(BM25, token_max_length=41)
    texts = [f"word{i} 757 4904 757" for i in range(1000)]
    vectors = list(model.embed(texts, batch_size=10))
    known = vocabulary.Vocabulary.of(model._loaded().bm25.rules)
    assert len(known.by_key) + len(known.by_word) < 130
    assert vectors == [Sparse(BM25).encode(text) for text in texts]
    model.encode("x" * 1000)
    model.encode(["x" * 1000, "y"])
    assert all(len(word) < 42 for word in known.by_word)


def test_vocabulary_is_shared_and_freed() -> None:
    one, two = Sparse(BM25, token_max_length=39), Sparse(BM25, token_max_length=39)
    assert one._loaded().bm25._vocabulary is two._loaded().bm25._vocabulary
    before = len(vocabulary._shared)
    del one, two
    assert len(vocabulary._shared) == before - 1


def test_lone_surrogates_are_reported() -> None:
    with pytest.warns(EncodingWarning, match="1 of 2 texts held lone surrogates"):
        vectors = Sparse(BM25).encode(["a cat\ud800", "a cat"])
    assert vectors[0] == vectors[1]


@pytest.mark.parametrize(
    ("code", "name"), [("en", "english"), ("EN-us", "english"), ("deu", "german"), ("zh", "chinese")]
)
def test_languages_by_code(code: str, name: str) -> None:
    texts = ["running dogs", "laufende Hunde", "東京は日本の首都"]
    by_code, by_name = (Sparse(BM25, language=language).encode(texts) for language in (code, name))
    assert [row.indices.tolist() for row in by_code] == [row.indices.tolist() for row in by_name]


def test_a_script_without_spaces_that_gives_no_words_is_told() -> None:
    with pytest.warns(InputWarning, match="1 of 2 texts are of a script without spaces, and BM25 found no words"):
        Sparse(BM25).encode(["東京" * 30, "dogs"])
