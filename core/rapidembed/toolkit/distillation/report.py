"""The student beside its teacher: how well each finds documents, how fast, how large."""

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from rapidembed.errors import TruncationWarning
from rapidembed.tasks.text.facade import TextEmbedding
from rapidembed.toolkit.distillation.retrieval import Pairs, mean_reciprocal_rank
from rapidembed.toolkit.distillation.teacher import unit

_TIMED_TEXTS = 512


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Mean reciprocal rank at 10 of both on one set of pairs."""

    texts: str
    """What the pairs were made of."""
    pairs: int
    teacher: float
    student: float

    @property
    def kept(self) -> float:
        """The student's share of the teacher's value."""
        return self.student / self.teacher if self.teacher else 0.0


@dataclass(frozen=True, slots=True)
class Side:
    """One model's costs."""

    dimensions: int
    bytes: int
    """Of its weights."""
    texts_per_second: float


@dataclass(frozen=True, slots=True)
class Report:
    """Both sides, and every set they were compared on. ``str`` gives the table of the model card."""

    name: str
    """Of the teacher."""
    teacher: Side
    student: Side
    retrieval: tuple[Retrieval, ...]

    def __str__(self) -> str:
        rows = [
            ("", self.name, "static", ""),
            ("---", "---:", "---:", "---:"),
            *(
                (
                    f"MRR@10, {result.texts} ({result.pairs:,} pairs)",
                    f"{result.teacher:.3f}",
                    f"{result.student:.3f}",
                    f"{result.kept:.1%}",
                )
                for result in self.retrieval
            ),
            ("dimensions", f"{self.teacher.dimensions}", f"{self.student.dimensions}", ""),
            ("weights, MB", f"{self.teacher.bytes / 1e6:.1f}", f"{self.student.bytes / 1e6:.1f}", ""),
            (
                "texts/s",
                f"{self.teacher.texts_per_second:,.0f}",
                f"{self.student.texts_per_second:,.0f}",
                f"{self.student.texts_per_second / self.teacher.texts_per_second:,.0f}x",
            ),
        ]
        return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def compare(teacher: TextEmbedding, student: TextEmbedding, sets: Sequence[tuple[str, Pairs]]) -> Report:
    """Embed every set with both.

    Args:
        teacher: the model that was distilled.
        student: the static one.
        sets: what the pairs were made of, and the pairs; at least one, none empty.
    """
    # Both cut long documents, each at its own limit: that is part of how good they are.
    with warnings.catch_warnings(action="ignore", category=TruncationWarning):
        results = tuple(
            Retrieval(texts, len(pairs), _score(teacher, pairs), _score(student, pairs)) for texts, pairs in sets
        )
        documents = sets[0][1].documents
        sides = _side(teacher, documents[:_TIMED_TEXTS]), _side(student, documents)
    return Report(teacher.info.model_name, *sides, results)


def _score(model: TextEmbedding, pairs: Pairs) -> float:
    return mean_reciprocal_rank(unit(model.encode_query(pairs.queries)), unit(model.encode_document(pairs.documents)))


def _side(model: TextEmbedding, texts: list[str]) -> Side:
    started = time.perf_counter()
    model.encode_document(texts)
    speed = len(texts) / (time.perf_counter() - started)
    loaded = model._loaded()
    checkpoint = loaded.checkpoint
    weights = sum((checkpoint.root / name).stat().st_size for name in checkpoint.weights)
    return Side(loaded.dimensions, weights, speed)
