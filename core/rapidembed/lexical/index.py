"""A corpus fitted for BM25: average length, idf and postings, so that it ranks without a vector database."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import fields
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import IntegrityError
from rapidembed.lexical.bm25 import Bm25, TermCounts
from rapidembed.lexical.languages import analysis
from rapidembed.lexical.options import LexicalOptions
from rapidembed.lexical.vocabulary import Stemmer
from rapidembed.lexical.words import WordSplitter
from rapidembed.runtime.inputs import check_positive, check_text, is_single
from rapidembed.types import SparseEmbedding

_WINDOW = 256
_FORMAT = 1
_ARRAYS = ("ids", "offsets", "documents", "counts", "lengths")


class BM25Index:
    """Ranks the documents it was fitted on by BM25.

    A document's score for a query is the sum, over the query's terms (each once), of idf times term weight, where
    ``idf = ln(1 + (N - n + 0.5) / (n + 0.5))`` for a term in n of N documents, and the weight is that of
    :class:`~rapidembed.SparseTextEmbedding` with the corpus' own ``avg_len``. That is what Lucene, and Qdrant with
    ``modifier=idf``, compute (up to Lucene's constant factor k + 1).

    Example:
        >>> from rapidembed import BM25Index
        >>> index = BM25Index.fit(["a cat on a mat", "two cats, one mat", "the stock market fell"])
        >>> [document for document, score in index.rank("cats on mats")]
        [0, 1]

    Objects do not change, and are safe to use from several threads.
    """

    __module__ = "rapidembed"

    def __init__(self, options: LexicalOptions, arrays: dict[str, NDArray[Any]]) -> None:
        self._options = options
        self._arrays = arrays
        self._lengths = arrays["lengths"]
        self._bm25 = _bm25(options, self.avg_len)
        documents, offsets = arrays["documents"], arrays["offsets"]
        counts = TermCounts(documents, np.repeat(arrays["ids"], np.diff(offsets)), arrays["counts"], self._lengths)
        frequency = np.diff(offsets)
        self._idf = np.log1p((len(self) - frequency + 0.5) / (frequency + 0.5))
        self._weights = self._bm25.weights(counts) * np.repeat(self._idf, frequency)

    @classmethod
    def fit(
        cls,
        documents: Iterable[str],
        *,
        k: float | None = None,
        b: float | None = None,
        language: str | None = None,
        token_max_length: int | None = None,
        disable_stemmer: bool | None = None,
        stemmer: Stemmer | None = None,
        stopwords: Collection[str] | None = None,
        tokenizer: WordSplitter | None = None,
    ) -> "BM25Index":
        """Count the terms of a corpus. The options are those of :class:`rapidembed.SparseTextEmbedding`.

        Raises:
            TypeError: an item is not a str; names its index.
            ValueError: an option has an impossible value.
        """
        given = dict(locals(), avg_len=None)
        del given["cls"], given["documents"]
        if is_single(documents):
            raise TypeError("documents must be an iterable of str, got a str.")
        options = LexicalOptions(**given)
        return cls(options, _postings(_bm25(options, 1.0), documents))

    def __len__(self) -> int:
        return len(self._lengths)

    @property
    def avg_len(self) -> float:
        """Terms in the average document, for ``SparseTextEmbedding(avg_len=...)``; 1 where there are none."""
        return float(self._lengths.mean()) if self._lengths.any() else 1.0

    def rank(self, query: str, top_k: int = 10) -> list[tuple[int, float]]:
        """The best documents for a query: (number of the document, score), best first, of equal ones the earlier.

        Documents that share no term with the query are left out.

        Raises:
            TypeError: ``query`` is not a str.
            ValueError: ``top_k`` is not positive.
        """
        check_positive("top_k", top_k)
        scores = self.scores(query)
        found = np.flatnonzero(scores)
        if len(found) > top_k:
            least = np.partition(scores[found], -top_k)[-top_k]
            found = found[scores[found] >= least]
        order = np.argsort(-scores[found], kind="stable")[:top_k]
        return list(zip(found[order].tolist(), scores[found[order]].tolist(), strict=True))

    def scores(self, query: str) -> NDArray[np.float64]:
        """The score of every document: float64 (documents,), 0 without a common term."""
        scores = np.zeros(len(self))
        offsets = self._arrays["offsets"]
        for term in self._terms(query):
            postings = slice(offsets[term], offsets[term + 1])
            scores[self._arrays["documents"][postings]] += self._weights[postings]
        return scores

    def encode_query(self, query: str) -> SparseEmbedding:
        """The query's terms with their idf as weights, for a vector database that does not multiply by idf itself.

        Terms that the corpus does not have are left out: they match nothing.
        """
        terms = self._terms(query)
        return SparseEmbedding(self._idf[terms].astype(np.float32), self._arrays["ids"][terms])

    def save(self, path: str | PathLike[str]) -> None:
        """Write the index to a file (``.npz``); a ``stemmer`` or ``tokenizer`` of your own is not in it."""
        about = {"format": _FORMAT, "fingerprint": self._bm25.fingerprint, "options": self._options.saved()}
        content: dict[str, Any] = {"about": np.array(json.dumps(about)), **self._arrays}
        with Path(path).open("wb") as file:
            np.savez(file, **content)

    @classmethod
    def load(
        cls, path: str | PathLike[str], *, stemmer: Stemmer | None = None, tokenizer: WordSplitter | None = None
    ) -> "BM25Index":
        """Read an index that :meth:`save` wrote.

        Args:
            path: the file.
            stemmer: the one that the index was fitted with, if it was your own.
            tokenizer: the one that the index was fitted with, if it was your own.

        Raises:
            IntegrityError: the file is no such index, or was fitted with other rules than these.
        """
        try:
            with np.load(Path(path), allow_pickle=False) as file:
                saved = json.loads(str(file["about"]))
                arrays = {name: file[name] for name in _ARRAYS}
            _check(saved, arrays)
            own = {"stemmer": stemmer, "tokenizer": tokenizer}
            options = LexicalOptions(
                **saved["options"] | {name: each for name, each in own.items() if each is not None}
            )
            index = cls(options, arrays)
        except OSError:
            raise
        except Exception as error:
            raise IntegrityError(f"{path} is no index that BM25Index.save wrote: {error}") from error
        if index._bm25.fingerprint != saved["fingerprint"]:
            raise IntegrityError(
                f"{path} was fitted with another stemmer, tokenizer or list of stopwords. Pass the stemmer and the "
                "tokenizer that it was fitted with, or fit it again."
            )
        return index

    def __reduce__(self) -> tuple[Callable[..., "BM25Index"], tuple[dict[str, Any], dict[str, NDArray[Any]]]]:
        # A method of the class, and the options by name: a pickle names nothing that is not public.
        return self._rebuilt, (self._options.given(), self._arrays)

    @classmethod
    def _rebuilt(cls, given: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> "BM25Index":
        return cls(LexicalOptions(**dict.fromkeys(field.name for field in fields(LexicalOptions)) | given), arrays)

    def _terms(self, query: str) -> NDArray[np.int64]:
        """Positions of the query's terms among the corpus' ids."""
        ids = self._arrays["ids"]
        wanted = self._bm25.query(check_text(query)).indices
        positions: NDArray[np.int64] = np.searchsorted(ids, wanted)
        inside = positions < len(ids)
        positions, wanted = positions[inside], wanted[inside]
        return np.asarray(positions[ids[positions] == wanted])


def _check(saved: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
    if saved["format"] != _FORMAT:
        raise ValueError(f"its format is {saved['format']}, this version reads {_FORMAT}")
    offsets, documents = arrays["offsets"], arrays["documents"]
    if not (
        all(array.ndim == 1 and array.dtype.kind in "iu" for array in arrays.values())
        and (len(offsets), offsets[0], offsets[-1]) == (len(arrays["ids"]) + 1, 0, len(documents))
        and len(arrays["counts"]) == len(documents)
        and (not len(documents) or 0 <= documents.min() <= documents.max() < len(arrays["lengths"]))
    ):
        raise ValueError("its parts do not fit together")


def _bm25(options: LexicalOptions, avg_len: float) -> Bm25:
    tokenize, rules = analysis(options)
    return Bm25(
        tokenize,
        rules,
        k=1.2 if options.k is None else options.k,
        b=0.75 if options.b is None else options.b,
        avg_len=avg_len,
    )


def _postings(bm25: Bm25, documents: Iterable[str]) -> dict[str, NDArray[Any]]:
    """The corpus by term: sorted ids, where each one's postings begin, and the postings."""
    empty = np.zeros(0, np.int64)
    texts, ids, counts, lengths = [empty], [empty], [empty], [empty]
    first = 0
    for window in _windows(documents):
        found = bm25.count(window)
        texts.append(found.text + first)
        ids.append(found.id)
        counts.append(found.times)
        lengths.append(found.length)
        first += len(window)
    id_of_posting = np.concatenate(ids)
    order = np.argsort(id_of_posting, kind="stable")  # documents stay ascending within a term
    distinct, begins = np.unique(id_of_posting[order], return_index=True)
    return {
        "ids": distinct,
        "offsets": np.append(begins, len(order)),
        "documents": np.concatenate(texts)[order],
        "counts": np.concatenate(counts)[order],
        "lengths": np.concatenate(lengths),
    }


def _windows(documents: Iterable[str]) -> Iterator[list[str]]:
    window: list[str] = []
    for index, document in enumerate(documents):
        window.append(check_text(document, index))
        if len(window) == _WINDOW:
            yield window
            window = []
    if window:
        yield window
