"""What is embedded: texts of mixed length, texts of one length, lone queries, the first text of a process."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import heads, shapes
from benchmarks.corpus import Corpus, beginnings

MIXED, QUERY, COLD = "mixed", "query", "cold"
UNIFORM = {f"uniform-{tokens}": tokens for tokens in (32, 128, 512)}
BULK = (MIXED, *UNIFORM)
"""Workloads of many texts, whose figure is texts per second."""
WORKLOADS = (*BULK, *heads.WORKLOADS, QUERY, COLD)
_SIZES, _FEW_SIZES, _HEAD_SIZES = (1, 2, 4, 8, 32, 256), (1, 8, 32), (1, 2, 4, 8, 32)
_LEAST_TEXTS, _LEAST_TOKENS = 16, 2048
_PACE = 350e9
"""Floating point operations a second that numbers of texts are chosen by."""


@dataclass(frozen=True, slots=True)
class Load:
    """The texts of a contest."""

    texts: Corpus
    share: Corpus
    """For those who pad a full batch of 256 to the longest: with the same spread of lengths."""
    sizes: tuple[int, ...]
    """Batch sizes that peers are tried with, beside their default."""


def of(shape: str) -> tuple[str, ...]:
    """The workloads of a shape."""
    head = shapes.SHAPES[shape].head
    return tuple(name for name in WORKLOADS if heads.WORKLOADS.get(name) == head)


def is_main(shape: str, workload: str) -> bool:
    """Whether a contest is the main one: all texts and batch sizes, and memory."""
    return (shape, workload) == (shapes.REAL, MIXED)


def bulk(shape: str, workload: str, everything: Corpus, count: int, share: int, seconds: float) -> Load:
    """The texts of a bulk workload.

    Args:
        everything: all texts there are.
        count: texts of the main contest, and the most of any other.
        share: texts that padding engines get.
        seconds: what rapidembed is to take in the other contests, about; larger models get fewer texts.
    """
    if workload in heads.WORKLOADS:
        texts = heads.texts(workload, everything, shapes.source(shape))
        return Load(texts, texts, () if workload == "questions" else _HEAD_SIZES)
    if workload == MIXED:
        pool = everything.subset(range(min(count, len(everything))))
    else:
        pool = uniform(everything, shapes.source(shape), UNIFORM[workload], max(count, share))
    if is_main(shape, workload):
        return Load(pool, pool.subset(pool.spread(share)), _SIZES)
    each, tokens = shapes.work(shape, pool.tokens) / len(pool), sum(pool.tokens) / len(pool)
    wanted = max(int(seconds * _PACE / each), int(_LEAST_TOKENS / tokens), _LEAST_TEXTS)
    chosen = pool.subset(pool.spread(min(wanted, count)))
    return Load(chosen, pool.subset(pool.spread(share)), _FEW_SIZES)


def uniform(everything: Corpus, model: Path, tokens: int, count: int) -> Corpus:
    """``count`` different texts of exactly ``tokens`` tokens, special ones included: texts joined and cut."""
    found = beginnings(_joined(everything, tokens), model, tokens - 2, count)
    return Corpus(found, [tokens] * len(found))


def _joined(corpus: Corpus, tokens: int) -> Iterator[str]:
    """Texts put together until they are long enough."""
    parts: list[str] = []
    length = 0
    for text, count in zip(corpus.texts, corpus.tokens, strict=True):
        parts.append(text)
        length += count - 2
        if length >= tokens:
            yield "\n".join(parts)
            parts, length = [], 0
