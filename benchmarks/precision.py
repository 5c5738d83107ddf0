"""What reduced precision costs in accuracy: ``python -m benchmarks.precision [--name NAME] [--pairs FILE]``.

The model is all-MiniLM-L6-v2 with its real weights; random ones say nothing. Vectors are compared with those in
float32, text by text: the queries of :mod:`benchmarks.hybrid`, which are short, and those of its documents that are
long. Retrieval is what that module measures, by its rule, and the same on pairs of your own. The published figures have
5,000 package descriptions besides, which Debian's apt has:

    python scripts/static_en/descriptions.py LIST 30000 --pairs | head -5000 > packages.jsonl
    python -m benchmarks.precision --pairs packages.jsonl
"""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from rapidembed import TextEmbedding, TruncationWarning

from benchmarks import hybrid
from benchmarks.engines import ENGINES, FASTER, missing
from benchmarks.machine import heading
from benchmarks.options import command, named, option, some_of
from benchmarks.paths import MINILM
from benchmarks.results import record

EXACT = "fp32"
_LONG = 128
_LIBRARY = "documentation"

Pairs = list[tuple[str, str]]


def label_of(name: str) -> str:
    """The name of an engine's row."""
    return ENGINES[name].title.removeprefix("rapidembed ")


def measure(sets: dict[str, Pairs], engines: list[str]) -> dict[str, Any]:
    """Every row's figures; ``EXACT`` comes first."""
    found: dict[str, Any] = {}
    exact: dict[str, tuple[Any, Any]] = {}
    gains: dict[str, Any] = {}
    able = {label_of(engine): FASTER[engine] for engine in engines if not missing(ENGINES[engine].requires)}
    for label, options in ({EXACT: {"precision": "fp32"}} | able).items():
        vectors, own = {}, {}
        with TextEmbedding(MINILM, max_tokens=512, **options) as model:
            for key, texts in sets.items():
                queries, documents = zip(*texts, strict=True)
                vectors[key] = model.encode_query(queries), model.encode_document(documents)
                own[key] = _gains(*vectors[key])
            if label == EXACT:
                exact, gains = vectors, own
                documents = [document for _, document in sets[_LIBRARY]]
                long = [row for row, text in enumerate(documents) if model.token_count(text) >= _LONG]
        questions, texts = vectors[_LIBRARY]
        found[label] = {
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
    scores = (documents @ query for query in queries)
    return np.array([hybrid.ndcg(1 + int((found > found[number]).sum())) for number, found in enumerate(scores)])


def _change(own: Any, exact: Any) -> dict[str, float]:
    """In points of 100, over all questions."""
    changes = 100 * (own - exact)
    return {"points": float(changes.mean()), "standard_error": float(changes.std() / len(changes) ** 0.5)}


def markdown(found: dict[str, Any]) -> str:
    """The report."""
    rows, counts = found["rows"], found["questions"]
    about = (
        f"all-MiniLM-L6-v2, real weights, against the vectors in float32: cosine of {counts[_LIBRARY]:,} short queries "
        f"and of the {rows['long']:,} documents that have at least {_LONG} tokens, mean and 1st percentile; and "
        f"nDCG@10 of {' and '.join(f'{count:,} questions ({key})' for key, count in counts.items())}, by the rule of "
        "`benchmarks/hybrid.py`, with the mean change over all of them in points of 100 and its standard error. "
        f"Written by `python -m benchmarks.precision`, {found['versions'].get('commit', 'unknown')}, on "
        f"{found['machine']['cpu']} ({', '.join(found['machine']['flags'])})."
    )
    head = ["queries: mean", "1 %", "long documents: mean", "1 %", *(f"nDCG@10, {key}" for key in counts), "change"]
    table = [f"| | {' | '.join(head)} |", f"|---|{'---:|' * len(head)}"]  # as docs/build.py looks for it
    for label, row in rows.items():
        if label != "long":
            cosines = [row[kind][which] for kind in ("queries", "long_documents") for which in ("mean", "p1")]
            change = "{points:+.2f} ± {standard_error:.2f}".format(**row["ndcg_change"]) if label != EXACT else ""
            gains = [f"{row['ndcg_at_10'][key]:.4f}" for key in counts]
            cells = [label, *(f"{cosine:.5f}" for cosine in cosines), *gains, change]
            table.append(f"| {' | '.join(cells)} |")
    return "\n".join(["# What reduced precision costs", "", about, "", *table, ""])


def _read(path: Path) -> Pairs:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [(row["query"], row["document"]) for row in rows]


@command(__doc__)
@named("precision")
@option("pairs", (), 'a file of JSON lines {"query": ..., "document": ...}; may be repeated.', Path, multiple=True)
@option("engines", ",".join(FASTER), "these beside float32.", some_of(FASTER))
@option("most", None, "pairs of each set at most.")
def main(name: str, pairs: tuple[Path, ...], engines: list[str], most: int | None) -> None:
    sets = {_LIBRARY: hybrid.pairs()} | {path.stem: _read(path) for path in pairs}
    sets = {key: texts[:most] for key, texts in sets.items()}
    found: dict[str, Any] = {"questions": {key: len(texts) for key, texts in sets.items()}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TruncationWarning)
        found["rows"] = measure(sets, engines)
    found |= heading()
    record(name, found, markdown(found))
    print(markdown(found))


if __name__ == "__main__":
    main()
