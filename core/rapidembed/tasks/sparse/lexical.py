"""BM25 behind the facade for sparse text: its options, and texts in windows."""

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rapidembed.errors import ClosedError
from rapidembed.lexical.bm25 import SPARSE_EMBEDDINGS, Bm25
from rapidembed.lexical.languages import analysis
from rapidembed.lexical.models import LexicalModel
from rapidembed.lexical.words import is_unspaced
from rapidembed.tasks.bulk import Bulk
from rapidembed.tasks.call import Call
from rapidembed.tasks.sparse.options import SparseOptions
from rapidembed.types import SparseEmbedding

if TYPE_CHECKING:
    from rapidembed.tasks.info import ModelInfo

_WINDOW_CHARACTERS = 1 << 20
"""Texts are counted together up to this size, which bounds memory and how long the interpreter lock is held."""
_WINDOW_SECONDS = 2.0
"""Longest wait for a source of texts that takes its time."""


class Bm25Model:
    """A lexical model as one facade uses it.

    Raises:
        ValueError: an option does not fit the model.
    """

    requires_idf = True
    vocab_size = 0  # as fastembed has it: indices are hashes
    kind = SPARSE_EMBEDDINGS

    def __init__(self, model: LexicalModel, options: SparseOptions) -> None:
        lexical = options.lexical
        tokenize, rules = analysis(lexical, options.model_path)
        self._model = model
        self._closed = False
        self.bm25 = Bm25(
            tokenize,
            rules,
            k=model.k if lexical.k is None else lexical.k,
            b=model.b if lexical.b is None else lexical.b,
            avg_len=model.avg_len if lexical.avg_len is None else lexical.avg_len,
            kind=self.kind,
        )

    @property
    def fingerprint(self) -> str:
        """See :attr:`rapidembed.SparseTextEmbedding.fingerprint`."""
        return self.bm25.fingerprint

    def warm(self) -> None:
        """Nothing is left to load."""

    def info(self) -> "ModelInfo":
        """What is loaded."""
        from rapidembed.tasks.info import ModelInfo

        return ModelInfo(
            model_name=self._model.name,
            dimensions=self.vocab_size,
            max_tokens=None,
            architecture="bm25",
            head=None,
            pooling=(),
            normalize=False,
            query_prompt="",
            document_prompt="",
            weights=None,
            revision=None,
            similarity="dot",
            license=self._model.license,
            device="cpu",
            precision="fp32",
            backend="numpy",
            cores=1,
        )

    def call(self, role: str) -> Call:
        """A new call in the role "plain", "query" or "document"."""
        return Call(role=role)

    def aone(self, call: Call, text: str) -> None:
        """None: see :meth:`rapidembed.tasks.runner.RunnableModel.aone`."""

    def one(self, call: Call, text: str) -> SparseEmbedding:
        """The vector of a lone text."""
        self._check_open()
        text = call.prepare(text, None)
        call.texts += 1
        found = self.bm25.query(text) if call.role == "query" else self.bm25.documents([text])[0]
        return self._noted(call, [text], [found])[0]

    def rows(self, call: Call, texts: Iterable[str], bulk: Bulk) -> Iterator[list[SparseEmbedding]]:
        """The vectors of many texts, window by window; more workers are of no use to it."""
        for window in _windows(call, texts, bulk.batch_size):
            if bulk.cancelled is not None and bulk.cancelled.is_set():
                return
            self._check_open()
            found = [*map(self.bm25.query, window)] if call.role == "query" else self.bm25.documents(window)
            yield self._noted(call, window, found)

    @staticmethod
    def _noted(call: Call, texts: list[str], vectors: list[SparseEmbedding]) -> list[SparseEmbedding]:
        """The vectors; texts whose script has no spaces, and that gave no words therefore, are counted."""
        for text, vector in zip(texts, vectors, strict=True):
            if not len(vector.indices) and is_unspaced(text):
                call.unsplit += 1
        return vectors

    def token_count(self, texts: Iterable[str], batch_size: int) -> int:
        """Words in all texts, dropped ones included, as fastembed counts them."""
        self._check_open()
        call = self.call("plain")
        return self.bm25.token_count(call.prepare(text, index) for index, text in enumerate(texts))

    def close(self) -> None:
        """End the backend; calls that run end with an error."""
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError(f"{self._model.name} was closed while texts were being embedded.")


def _windows(call: Call, texts: Iterable[str], batch_size: int) -> Iterator[list[str]]:
    """Texts made ready, some at a time. A failure of reading comes after the texts that were read before it."""
    source = iter(texts)
    failure: Exception | None = None
    ended = False
    while not ended:
        window: list[str] = []
        characters = 0
        deadline = time.perf_counter() + _WINDOW_SECONDS
        try:
            for text in source:
                window.append(call.prepare(text, call.texts))
                call.texts += 1
                characters += len(text)
                if len(window) == batch_size or characters > _WINDOW_CHARACTERS or time.perf_counter() > deadline:
                    break
            else:
                ended = True
        except Exception as error:  # the caller's own iterator may raise anything; it is raised again
            failure, ended = error, True
        if window:
            yield window
    if failure is not None:
        raise failure
