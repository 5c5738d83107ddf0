"""Chunks to vectors, some chunks ahead of the one that is waited for, so that no core idles between two."""

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from rapidembed import ImageEmbedding, TextEmbedding
from rapidembed.cli.embedding.chunks import MOST_TEXTS, Chunk
from rapidembed.tasks.bulk import Bulk
from rapidembed.tasks.call import Call
from rapidembed.types import Vectors

_FEWEST_AHEAD = 1
_MOST_AHEAD = 32


@dataclass(frozen=True, slots=True)
class Embedded:
    """A chunk's vectors, float32 (texts, dimensions), and which of its texts were cut."""

    vectors: Vectors
    truncated: list[int] = field(default_factory=list)


class Encoder:
    """Embeds chunks in order; a context manager that drops what is not finished when it is left.

    Args:
        model: the model; it stays the caller's to close.
        role: "plain", "query" or "document".
        most_texts: most texts in a chunk, and in a batch.
    """

    def __init__(self, model: TextEmbedding | ImageEmbedding, role: str, most_texts: int) -> None:
        self._model = model
        self._role = role
        self._cancelled = threading.Event()
        # A first window that holds the whole chunk makes its batches a function of the chunk alone.
        self._bulk = Bulk(most_texts, None, show_progress=False, cancelled=self._cancelled)
        self._ahead = max(_FEWEST_AHEAD, min(_MOST_AHEAD, MOST_TEXTS // most_texts))
        self._waiting: deque[tuple[Chunk, Future[tuple[Vectors, Call]]]] = deque()

    def __enter__(self) -> "Encoder":
        # The main thread stays free to be interrupted.
        self._threads = ThreadPoolExecutor(self._ahead + 1, thread_name_prefix="rapidembed-cli")
        return self

    def __exit__(self, *_: object) -> None:
        self._cancelled.set()
        self._threads.shutdown(cancel_futures=True)

    def embed(self, chunks: Iterable[Chunk | None]) -> Iterator[tuple[Chunk, Embedded]]:
        """Each chunk with its vectors. An error of the input comes after the vectors of the chunks before it.

        Args:
            chunks: None where the next one may take its time: what was begun is finished first.
        """
        failure: Exception | None = None
        source = iter(chunks)
        while failure is None:
            try:
                chunk = next(source)
            except StopIteration:
                break
            except Exception as error:  # whatever reading raises, nothing that came before is lost
                failure, chunk = error, None
            if chunk is not None:
                call = self._threads.submit(self._model._compute, self._role, chunk.texts, self._bulk)
                self._waiting.append((chunk, call))
            while self._waiting and (chunk is None or self._is_due()):
                yield self._next()
        while self._waiting:
            yield self._next()
        if failure is not None:
            raise failure

    def _is_due(self) -> bool:
        return len(self._waiting) > self._ahead or self._waiting[0][1].done()

    def _next(self) -> tuple[Chunk, Embedded]:
        chunk, future = self._waiting[0]
        vectors, call = future.result()
        self._waiting.popleft()
        call.warn_of_repairs(stacklevel=1)
        return chunk, Embedded(vectors, call.first_truncated)
