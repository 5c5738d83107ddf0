"""BM25Index against scores worked out by hand and against the sparse vectors."""

import math
import pickle
from pathlib import Path

import numpy as np
import pytest
from rapidembed import BM25Index, IntegrityError, SparseTextEmbedding

DOCUMENTS = ["a cat on a mat", "two cats, one mat", "the stock market fell", "cat cat cat dog", "", "the of"]


def tokens(text: str) -> list[str]:
    return text.split("/")


class Backwards:
    def stem_word(self, word: str) -> str:
        return word[::-1]


def test_a_case_by_hand() -> None:
    # Terms: [cat mat] [two cat one mat] [stock market fell] [cat cat cat dog] [] [] -> N = 6, avg_len = 13 / 6.
    index = BM25Index.fit(DOCUMENTS, k=1.2, b=0.75)
    assert (len(index), index.avg_len) == (6, pytest.approx(13 / 6))
    idf = {"cat": math.log(1 + 3.5 / 3.5), "mat": math.log(1 + 4.5 / 2.5)}

    def weight(count: int, length: int) -> float:
        return count * 2.2 / (count + 1.2 * (0.25 + 0.75 * length / (13 / 6)))

    expected = [
        (0, idf["cat"] * weight(1, 2) + idf["mat"] * weight(1, 2)),
        (1, idf["cat"] * weight(1, 4) + idf["mat"] * weight(1, 4)),
        (3, idf["cat"] * weight(3, 4)),
    ]
    ranking = index.rank("the cats' mats: cats!")
    assert [number for number, _ in ranking] == [0, 1, 3]
    assert [score for _, score in ranking] == pytest.approx([score for _, score in expected], rel=1e-12)
    assert {type(value) for pair in ranking for value in pair} == {int, float}
    # In figures: (0.693147 + 1.029619) * 1.032491, (0.693147 + 1.029619) * 0.742857, 0.693147 * 1.330233.
    assert [score for _, score in ranking] == pytest.approx([1.77874, 1.27977, 0.92205], abs=1e-5)


def test_scores_are_dot_products_of_the_sparse_vectors() -> None:
    texts = [f"word{i % 7} word{i % 11} word{i * i % 13} common" for i in range(300)]
    index = BM25Index.fit(iter(texts))
    model = SparseTextEmbedding("Qdrant/bm25", avg_len=index.avg_len)
    for query in ("word3 common", "word12 word6 nowhere", ""):
        weights = index.encode_query(query).as_dict()
        assert weights.keys() <= model.encode_query(query).as_dict().keys()
        dots = [sum(weights.get(i, 0) * v for i, v in d.as_dict().items()) for d in model.encode_document(texts)]
        np.testing.assert_allclose(index.scores(query), dots, rtol=1e-6)


def test_ranking_order_and_length() -> None:
    index = BM25Index.fit(["alike word"] * 50 + ["alike", "other"])
    assert [number for number, _ in index.rank("word", top_k=3)] == [0, 1, 2]
    assert [number for number, _ in index.rank("alike")][:2] == [50, 0]
    assert len(index.rank("word", top_k=1000)) == 50
    assert index.rank("nowhere") == index.rank("the") == index.rank("") == []


def test_nothing_to_rank() -> None:
    for documents in ([], ["", "the"]):
        index = BM25Index.fit(documents)
        assert (len(index), index.avg_len, index.rank("cat")) == (len(documents), 1.0, [])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"language": "german", "stopwords": {"cat"}, "k": 2, "b": 0.1, "token_max_length": 10},
        {"tokenizer": "unicode", "disable_stemmer": True},
        {"tokenizer": tokens, "stemmer": Backwards()},
    ],
)
def test_saved_and_loaded(options: dict, tmp_path: Path) -> None:
    index = BM25Index.fit(DOCUMENTS, **options)
    index.save(tmp_path / "saved.index")
    own = {name: value for name, value in options.items() if name in ("tokenizer", "stemmer") and value != "unicode"}
    loaded = BM25Index.load(tmp_path / "saved.index", **own)
    for query in ("cat mat", "cat", "a cat on a mat"):
        assert loaded.rank(query) == index.rank(query)
        assert pickle.loads(pickle.dumps(index)).rank(query) == index.rank(query)
    if own:
        with pytest.raises(IntegrityError, match="another stemmer, tokenizer"):
            BM25Index.load(tmp_path / "saved.index")


def test_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "index.npz"
    with pytest.raises(FileNotFoundError):
        BM25Index.load(path)
    path.write_bytes(b"not an index")
    with pytest.raises(IntegrityError, match=r"index.npz is no index that BM25Index.save wrote"):
        BM25Index.load(path)
    np.savez(path, ids=np.arange(3))
    with pytest.raises(IntegrityError, match=r"is no index"):
        BM25Index.load(path)
    BM25Index.fit(DOCUMENTS).save(path)
    with np.load(path) as file:
        content = dict(file)
    for name, wrong in {
        "documents": content["documents"] + 7,
        "counts": content["counts"][1:],
        "offsets": content["offsets"][1:],
        "lengths": content["lengths"][:2],
        "ids": content["ids"].astype(float),
        "about": np.array(str(content["about"]).replace('"format": 1', '"format": 2')),
    }.items():
        with path.open("wb") as file:
            np.savez(file, **content | {name: wrong})
        with pytest.raises(IntegrityError, match=r"do not fit together|its format is 2"):
            BM25Index.load(path)


def test_lone_surrogates_end_words() -> None:
    assert BM25Index.fit(["a \ud800cat\udfff", "dog é\ud800"]).rank("cat é") != []


def test_bad_input() -> None:
    with pytest.raises(TypeError, match="documents must be an iterable of str, got a str"):
        BM25Index.fit("one text")
    with pytest.raises(TypeError, match=r"texts\[1\] must be a str, got NoneType"):
        BM25Index.fit(["fine", None])
    with pytest.raises(ValueError, match="b must be a number from 0 to 1"):
        BM25Index.fit(["fine"], b=2)
    index = BM25Index.fit(["fine"])
    with pytest.raises(ValueError, match="top_k must be a positive integer"):
        index.rank("fine", top_k=0)
    with pytest.raises(TypeError, match="The text must be a str, got list"):
        index.rank(["fine"])
