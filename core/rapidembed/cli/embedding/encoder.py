"""Chunks to vectors, some chunks ahead of the one that is waited for, so that no core idles between two."""

import asyncio
import threading
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import TracebackType

from rapidembed import TextEmbedding
from rapidembed.cli.embedding.chunks import MOST_TEXTS, Chunk
from rapidembed.errors import TruncationWarning
from rapidembed.types import Vectors

_FEWEST_AHEAD = 1
_MOST_AHEAD = 32


@dataclass(frozen=True, slots=True)
class Embedded:
    """A chunk's vectors, float32 (texts, dimensions), and which of its texts were cut."""

    vectors: Vectors
    truncated: list[int] = field(default_factory=list)


# Where the warnings of the call go that runs in this context.
_truncated: ContextVar[list[int]] = ContextVar("truncated")


class Encoder:
    """Embeds chunks in order; a context manager that drops what is not finished when it is left.

    Args:
        model: the model; it stays the caller's to close.
        role: "plain", "query" or "document".
        most_texts: most texts in a chunk, and in a batch.
    """

    def __init__(self, model: TextEmbedding, role: str, most_texts: int) -> None:
        methods = {"plain": model.aencode, "query": model.aencode_query, "document": model.aencode_document}
        self._encode = methods[role]
        self._most_texts = most_texts
        self._ahead = max(_FEWEST_AHEAD, min(_MOST_AHEAD, MOST_TEXTS // most_texts))
        self._waiting: deque[tuple[Chunk, Future[Embedded]]] = deque()
        self._ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        # The main thread stays free to be interrupted.
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),), name="rapidembed-cli", daemon=True)

    def __enter__(self) -> "Encoder":
        self._shown = warnings.showwarning
        warnings.showwarning = self._catch
        self._thread.start()
        self._loop, self._left = self._ready.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._left.set)
        self._thread.join()
        warnings.showwarning = self._shown

    def embed(self, chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, Embedded]]:
        """Each chunk with its vectors. An error of the input comes after the vectors of the chunks before it."""
        failure: Exception | None = None
        source = iter(chunks)
        while True:
            try:
                chunk = next(source, None)
            except Exception as error:  # whatever reading raises, nothing that came before is lost
                failure, chunk = error, None
            if chunk is None:
                break
            self._waiting.append((chunk, asyncio.run_coroutine_threadsafe(self._one(chunk), self._loop)))
            if len(self._waiting) > self._ahead:
                yield self._next()
        while self._waiting:
            yield self._next()
        if failure is not None:
            raise failure

    def _next(self) -> tuple[Chunk, Embedded]:
        chunk, future = self._waiting[0]
        embedded = future.result()
        self._waiting.popleft()
        return chunk, embedded

    async def _serve(self) -> None:
        left = asyncio.Event()
        self._ready.set_result((asyncio.get_running_loop(), left))
        await left.wait()  # when this returns, asyncio.run cancels the chunks that still run

    async def _one(self, chunk: Chunk) -> Embedded:
        truncated: list[int] = []
        _truncated.set(truncated)
        # A first window that holds the whole chunk makes its batches a function of the chunk alone.
        vectors = await self._encode(chunk.texts, batch_size=self._most_texts)
        return Embedded(vectors, truncated)

    def _catch(self, message: Warning | str, *args: object, **kwargs: object) -> None:
        truncated = _truncated.get(None)
        if isinstance(message, TruncationWarning) and truncated is not None:
            truncated.extend(message.indices)
        else:
            self._shown(message, *args, **kwargs)  # type: ignore[arg-type]
