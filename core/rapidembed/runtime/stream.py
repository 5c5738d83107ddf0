"""The pipeline: texts in windows -> token ids -> batches -> vectors, in order, in bounded memory.

While one window computes, the next is read and tokenized. Nothing runs ahead further than that.
"""

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping

from rapidembed.runtime.engine import Engine
from rapidembed.runtime.lanes import Lanes, WindowJob
from rapidembed.runtime.tokenizer import TokenIds
from rapidembed.types import Vectors

_WINDOW_SECONDS = 2.0
_LARGEST_WINDOW = 65_536
_GROWTH = 8
_WINDOWS_AHEAD = 2

Prepare = Callable[[str, int], str]
Inspect = Callable[[TokenIds, int], None]


class _WindowSize:
    """Texts in the next window: ``first``, then about two seconds of work."""

    def __init__(self, first: int) -> None:
        self.texts = first
        self._smallest = first
        self._finished = time.perf_counter()

    def finished(self, count: int, started: float) -> None:
        now = time.perf_counter()
        seconds = now - max(started, self._finished)
        self._finished = now
        wanted = int(count * _WINDOW_SECONDS / max(seconds, 1e-6))
        self.texts = max(self._smallest, min(wanted, count * _GROWTH, _LARGEST_WINDOW))


def embed_windows(
    engine: Engine,
    texts: Iterable[str],
    *,
    dim: int,
    batch_size: int,
    max_tokens: int,
    workers: int | None,
    extra: Mapping[str, int],
    cancelled: threading.Event | None,
    prepare: Prepare,
    inspect: Inspect,
) -> Iterator[Vectors]:
    """Embed ``texts`` and yield arrays (some texts, dim) in input order.

    Args:
        engine: the model.
        texts: read as needed, in the caller's thread.
        dim: width of the model's vectors.
        batch_size: texts in the first window, and upper bound on the rows of a batch.
        max_tokens: longer texts are cut.
        workers: batches at a time; None: as many as the engine has.
        extra: numbers that every batch is fed beside the tokens, see :meth:`Engine.run`.
        cancelled: when it is set, the work ends with the batches that run.
        prepare: checks a text and makes it ready for the tokenizer; gets its index.
        inspect: sees a text's token ids before anything of its window is computed; gets its index.

    An exception that reading, preparing or inspecting raises comes after the vectors of what was read before.
    """
    lanes = Lanes(engine, min(workers or engine.workers, engine.workers), extra, cancelled)
    size = _WindowSize(min(batch_size, _LARGEST_WINDOW))
    running: deque[tuple[WindowJob, float]] = deque()
    source = _Source(texts, prepare)
    try:
        while window := source.read(size.texts):
            tokens = _tokenize(engine, window, max_tokens, min(workers or engine.cores, engine.cores))
            tokens = source.accept(tokens, inspect)
            running.append((lanes.start(tokens, engine.plan(tokens, batch_size), dim), time.perf_counter()))
            if len(running) == _WINDOWS_AHEAD:
                yield _finish(running, size)
        while running:
            yield _finish(running, size)
        if source.failure is not None:
            raise source.failure
    finally:
        lanes.cancel()


def _finish(running: "deque[tuple[WindowJob, float]]", size: _WindowSize) -> Vectors:
    job, started = running.popleft()
    vectors = job.done.result()
    size.finished(len(vectors), started)
    return vectors


def _tokenize(engine: Engine, window: list[str], max_tokens: int, threads: int) -> list[TokenIds]:
    """Tokenize on the pool, ahead of the batches that wait there.

    A batch of one text does not wake the tokenizers' own threads, so this takes the cores it may and no others.
    """

    def work(texts: list[str]) -> list[TokenIds]:
        return [ids for text in texts for ids in engine.tokenizer.encode([text], max_tokens)]

    share = -(-len(window) // threads)
    parts = [engine.pool.submit_urgent(work, window[i : i + share]) for i in range(0, len(window), share)]
    return [ids for part in parts for ids in part.result()]


class _Source:
    """Reads windows; keeps a failure until what came before it is done."""

    def __init__(self, texts: Iterable[str], prepare: Prepare) -> None:
        self._texts = iter(texts)
        self._prepare = prepare
        self.position = 0
        self.failure: Exception | None = None

    def read(self, count: int) -> list[str]:
        """Up to ``count`` texts, fewer from a source that takes its time; none at the end or after a failure."""
        window: list[str] = []
        if self.failure is not None:
            return window
        deadline = time.perf_counter() + _WINDOW_SECONDS
        try:
            for text in itertools.islice(self._texts, count):
                window.append(self._prepare(text, self.position + len(window)))
                if time.perf_counter() > deadline:
                    break
        except Exception as error:  # the caller's own iterator may raise anything; it is raised again
            self.failure = error
        self.position += len(window)
        return window

    def accept(self, tokens: list[TokenIds], inspect: Inspect) -> list[TokenIds]:
        """The texts of the window just read that stand before the first one that ``inspect`` refuses."""
        first = self.position - len(tokens)
        for i, text in enumerate(tokens):
            try:
                inspect(text, first + i)
            except ValueError as error:
                self.failure = error
                return tokens[:i]
        return tokens
