"""Evaluating: every contestant indexes the passages and answers the questions, one after the other."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from rapidembed.runtime.inputs import check_positive
from rapidembed.toolkit.evaluation.contestants import Contestant, contestant
from rapidembed.toolkit.evaluation.metrics import measure
from rapidembed.toolkit.evaluation.questions import Questions, read_questions
from rapidembed.toolkit.evaluation.report import Report, Row


def evaluate(
    questions: "str | Path | Questions",
    contestants: Iterable[str | Contestant],
    *,
    passages: "str | Path | None" = None,
    cutoffs: Sequence[int] = (1, 5, 10),
    show_progress: bool = False,
) -> Report:
    """Compare ways to find passages on a user's own questions.

    Example::

        from rapidembed.toolkit import evaluate

        report = evaluate("questions.jsonl", ["builtin:static-en", "bm25", "builtin:static-en+bm25"])
        print(report)
        report.save("report/")

    Args:
        questions: a file or a BEIR folder, see :func:`rapidembed.toolkit.evaluation.read_questions`; or Questions.
        contestants: lines as :func:`rapidembed.toolkit.evaluation.contestant` reads them, or objects: any mix of
            models, precisions, packed vectors, BM25, fused and reranked ones.
        passages: a file with further passages to search.
        cutoffs: of recall; the largest is that of MRR and nDCG.
        show_progress: show a progress bar over questions.

    Returns:
        Values with bootstrap intervals, comparisons of every two with the significance of their difference, times of
        lone questions, and sizes.

    Raises:
        ValueError: there is no contestant, a name is twice, or a file is not as expected.
    """
    if not isinstance(questions, Questions):
        questions = read_questions(questions, passages)
    elif passages is not None:
        raise ValueError("Questions hold their passages; leave out passages.")
    for cutoff in cutoffs:
        check_positive("cutoffs", cutoff)
    ways = [contestant(way) if isinstance(way, str) else way for way in contestants]
    names = [way.name for way in ways]
    if not ways or not cutoffs or len(set(names)) < len(names):
        raise ValueError(f"evaluate takes contestants of different names, and cutoffs; got {names} and {cutoffs}.")
    rows = tuple(_run(way, questions, cutoffs, show_progress) for way in ways)
    metric = f"ndcg@{max(cutoffs)}"
    return Report(rows, len(questions.questions), len(questions.passages), metric)


def _run(way: Contestant, questions: Questions, cutoffs: Sequence[int], show_progress: bool) -> Row:
    from tqdm.auto import tqdm

    started = time.perf_counter()
    ready = way.index(questions.passages)
    indexed = time.perf_counter() - started
    try:
        ready.search(questions.questions[0], max(cutoffs))  # loads what a lone question needs
        rankings, times = [], []
        for question in tqdm(questions.questions, desc=way.name, unit="question", disable=not show_progress):
            started = time.perf_counter()
            rankings.append(ready.search(question, max(cutoffs)))
            times.append(time.perf_counter() - started)
    finally:
        ready.close()
    latency = np.quantile(times, (0.5, 0.95)) * 1000
    return Row(
        name=way.name,
        values=measure(rankings, questions.relevant, cutoffs),
        latency_ms=(float(latency[0]), float(latency[1])),
        passages_per_s=len(questions.passages) / indexed,
        model_bytes=ready.model_bytes,
        index_bytes=ready.index_bytes,
    )
