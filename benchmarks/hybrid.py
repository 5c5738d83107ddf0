"""How well dense, lexical and fused search find a text: ``python -m benchmarks.hybrid [REPORT.md]``.

The rule, fixed before anything was measured: of every documentation string of the standard library (over 40 characters)
that has a first sentence of at least 20 characters and at least 40 characters after it, the first sentence is a query
and the rest is its one right document. Strings whose query or document occurs twice are left out. Fusion joins the best
100 of either search. BM42's weights are multiplied by idf, as Qdrant does. With one right document, nDCG@10 is
1 / log2(1 + rank), and MRR@10 is 1 / rank, or 0 beyond 10.
"""

import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from rapidembed import BM25Index, SparseTextEmbedding, TextEmbedding, TruncationWarning
from rapidembed.toolkit import fuse

from benchmarks.corpus import documentation
from benchmarks.machine import machine, versions
from benchmarks.paths import MINILM, model_folder
from benchmarks.results import publish

_FIRST_SENTENCE = re.compile(r"(.{20,}?[.!?])\s+(.{40,})", re.DOTALL)
_JOINED = 100
_CUT = 10

Ranking = list[tuple[int, float]]
Search = Callable[[int], Ranking]
"""The best documents for the query of a number, with their scores."""


def pairs() -> list[tuple[str, str]]:
    """Queries and their documents."""
    found = [(" ".join(m[1].split()), m[2]) for text in documentation() if (m := _FIRST_SENTENCE.match(text))]
    queries, documents = Counter(query for query, _ in found), Counter(document for _, document in found)
    return [(query, document) for query, document in found if queries[query] == documents[document] == 1]


def ndcg(rank: int) -> float:
    """nDCG@10 of a query whose one right document has this rank; 1 is the first."""
    return float(1 / np.log2(1 + rank)) if rank <= _CUT else 0.0


def quality(search: Search, count: int) -> tuple[float, float]:
    """Mean nDCG@10 and MRR@10 of the queries 0 ... count - 1, whose documents have the same numbers."""
    gains = mrr = 0.0
    for number in range(count):
        best = [document for document, _ in search(number)[:_CUT]]
        if number in best:
            rank = best.index(number) + 1
            gains, mrr = gains + ndcg(rank), mrr + 1 / rank
    return gains / count, mrr / count


def embedded(model: Any, queries: Sequence[str], documents: Sequence[str]) -> tuple[Any, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TruncationWarning)  # some documents are longer than the model reads
        return model.encode_query(queries), model.encode_document(documents)


def best_of(scores: Any) -> Ranking:
    best = np.argsort(-scores, kind="stable")[:_JOINED]
    return list(zip(best.tolist(), scores[best].tolist(), strict=True))


def dense(name: str, *texts: Sequence[str]) -> Search:
    """Search by the vectors of a model."""
    questions, vectors = embedded(TextEmbedding(name, max_tokens=512), *texts)
    return lambda number: best_of(vectors @ questions[number])


def attention(*texts: Sequence[str]) -> Search:
    """BM42 by an inverted index."""
    name = "Qdrant/bm42-all-minilm-l6-v2-attentions"
    questions, vectors = embedded(SparseTextEmbedding(name, specific_model_path=model_folder(), max_tokens=512), *texts)
    postings: dict[int, Ranking] = defaultdict(list)
    for number, vector in enumerate(vectors):
        for term, weight in vector.as_dict().items():
            postings[term].append((number, weight))

    def search(number: int) -> Ranking:
        scores = np.zeros(len(vectors))
        for term in questions[number].as_dict():
            found = postings.get(term, [])
            idf = np.log(1 + (len(vectors) - len(found) + 0.5) / (len(found) + 0.5))
            for document, weight in found:
                scores[document] += weight * idf
        return [(document, score) for document, score in best_of(scores) if score > 0]

    return search


def reciprocal(*searches: Search) -> Search:
    """Join searches by the places of their results."""
    return lambda number: fuse.reciprocal_rank([[document for document, _ in search(number)] for search in searches])


def relative(*searches: Search) -> Search:
    """Join searches by the scores of their results."""
    return lambda number: fuse.relative_score([search(number) for search in searches])


def main() -> None:
    queries, documents = zip(*pairs(), strict=True)
    models = {"all-MiniLM-L6-v2": MINILM, "builtin:static-en": "builtin:static-en"}
    vectors = {name: dense(model, queries, documents) for name, model in models.items()}
    index = BM25Index.fit(documents)
    lexical = lambda number: index.rank(queries[number], top_k=_JOINED)  # noqa: E731
    searches = {f"dense, {name}": search for name, search in vectors.items()}
    searches |= {"BM25": lexical, "BM42 with all-MiniLM-L6-v2": attention(queries, documents)}
    for name, search in vectors.items():
        searches[f"{name} and BM25, fused by reciprocal rank (k = 60)"] = reciprocal(search, lexical)
        searches[f"{name} and BM25, fused by relative score"] = relative(search, lexical)
    measure = partial(quality, count=len(queries))
    rows = [[name, *(f"{value:.4f}" for value in measure(search))] for name, search in searches.items()]
    publish(
        "Dense, lexical and fused search",
        f"{len(queries):,} documentation strings of the standard library of Python {machine()['python']}: the first "
        "sentence is the query, the rest is its document, to be found among all. Written by `python -m "
        f"benchmarks.hybrid`, commit {versions().get('commit', 'unknown')}.",
        [["", "nDCG@10", "MRR@10"], *rows],
    )


if __name__ == "__main__":
    main()
