"""Writes evaluation.json: rankings, judgments, and what trec_eval makes of them (pytrec_eval); thresholds and curves of
scikit-learn."""

import json
from pathlib import Path

import numpy as np

PATH = Path(__file__).with_name("evaluation.json")


def rankings(seed: int = 0, questions: int = 12, passages: int = 30) -> tuple[list[list[int]], list[dict[int, float]]]:
    random = np.random.default_rng(seed)
    found, relevant = [], []
    for _ in range(questions):
        found.append(random.permutation(passages)[:10].tolist())
        rows = random.choice(passages, size=random.integers(1, 6), replace=False)
        relevant.append({int(row): float(random.integers(0, 4)) for row in rows} | {int(rows[0]): 2.0})
    return found, relevant


def scores(seed: int = 1, pairs: int = 60) -> tuple[list[float], list[bool]]:
    random = np.random.default_rng(seed)
    labels = random.random(pairs) < 0.4
    return np.round(random.normal(size=pairs) + labels, 1).tolist(), labels.tolist()  # some are equal


def main() -> None:
    import pytrec_eval
    from sklearn.metrics import average_precision_score, precision_recall_curve

    found, relevant = rankings()
    run = {str(q): {str(row): 1.0 / (1 + rank) for rank, row in enumerate(rows)} for q, rows in enumerate(found)}
    judged = {str(q): {str(row): int(gain) for row, gain in rows.items()} for q, rows in enumerate(relevant)}
    names = {"recall.1,5,10", "recip_rank", "ndcg_cut.10"}
    measured = pytrec_eval.RelevanceEvaluator(judged, names).evaluate(run)
    drawn, labels = scores()
    precision, recall, thresholds = precision_recall_curve(labels, drawn)
    golden = {
        "trec_eval": [measured[str(q)] for q in range(len(found))],
        "curve": {"precision": precision.tolist(), "recall": recall.tolist(), "thresholds": thresholds.tolist()},
        "average_precision": average_precision_score(labels, drawn),
    }
    PATH.write_text(json.dumps(golden) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
