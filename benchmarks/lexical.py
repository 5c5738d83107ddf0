"""BM25 and MUVERA against fastembed: ``python -m benchmarks.lexical [REPORT.md]``.

Both libraries run in one process and take turns; their results are compared first. fastembed reads its stopwords from
our folder, so that it needs no hub. Cold starts are processes of their own, from the first import to the last vector,
of modules that are compiled, as they are wherever pip has installed them.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

# One core each: what is compared is the work, not the threads. Set before numpy is loaded.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import numpy as np
import rapidembed
from rapidembed.toolkit.max_sim import max_sim
from rapidembed.toolkit.muvera import Muvera

from benchmarks.client import seconds_of
from benchmarks.corpus import documentation
from benchmarks.machine import machine, versions
from benchmarks.results import publish
from benchmarks.tables import listed
from benchmarks.turns import in_turns, turns

_ROUNDS, _COLD_ROUNDS = 7, 9
_WORDS = 100
_PACKAGES = ("fastembed", "numpy", "commit")
_STOPWORDS = str(Path(rapidembed.__file__).parent / "lexical" / "data" / "stopwords")
_COLD = """
import sys, time
start = time.perf_counter()
from {library} import SparseTextEmbedding
model = SparseTextEmbedding('Qdrant/bm25', {options})
vectors = list(model.embed([line for line in open(sys.argv[1], encoding="utf-8")][: int(sys.argv[2])]))
print(time.perf_counter() - start)
"""
_LIBRARIES = {"rapidembed": "", "fastembed": f"specific_model_path={_STOPWORDS!r}"}

Work = Callable[[], Any]
Row = list[str]


def row(name: str, mine: float, other: float, shown: Callable[[float], str], difference: float | None = None) -> Row:
    """Of a table: seconds of both, as ``shown``."""
    return [name, shown(mine), shown(other), f"**{other / mine:.1f}x**", f"{difference:.0e}" if difference else ""]


def raced(name: str, ours: Work, theirs: Work, shown: Callable[[float], str], difference: float | None = None) -> Row:
    """The same of median seconds of processor time."""
    mine, other = in_turns([ours, theirs], _ROUNDS, clock=time.process_time)
    return row(name, mine, other, shown, difference)


def each(work: Callable[[Any], Any], given: list[Any]) -> Work:
    return lambda: [*map(work, given)]


def texts() -> dict[str, list[str]]:
    """Documentation strings of the standard library as they are, and all of their words in texts of a hundred."""
    mixed = documentation()
    words = " ".join(mixed).split()
    equal = [" ".join(words[start : start + _WORDS]) for start in range(0, len(words) - _WORDS, _WORDS)]
    return {f"{len(equal):,} texts of {_WORDS} words": equal, f"{len(mixed):,} mixed texts": mixed}


def compare(ours: list[Any], theirs: list[Any]) -> float:
    """Largest relative difference of weights; ids must be equal."""
    worst = 0.0
    for mine, other in zip(ours, theirs, strict=True):
        mine, other = mine.as_dict(), other.as_dict()
        assert mine.keys() == other.keys()
        worst = max([worst, *(abs(mine[i] / other[i] - 1) for i in other)])
    return worst


def bm25() -> Iterator[Row]:
    from fastembed import SparseTextEmbedding

    ours = rapidembed.SparseTextEmbedding("Qdrant/bm25")
    theirs = SparseTextEmbedding("Qdrant/bm25", specific_model_path=_STOPWORDS)
    for name, given in texts().items():
        difference = compare(ours.encode(given), list(theirs.embed(given)))
        work = partial(ours.encode, given), lambda given=given: list(theirs.embed(given))
        yield raced(name, *work, lambda s, given=given: f"{len(given) / s:,.0f}/s", difference)
    some = texts().popitem()[1][:500]
    for name, given, mine, other in (
        ("one document at a time", some, ours.encode, theirs.embed),
        ("one query at a time", [text[:60] for text in some], ours.encode_query, theirs.query_embed),
    ):
        first = lambda text, other=other: next(iter(other(text)))  # noqa: E731
        yield raced(name, each(mine, given), each(first, given), lambda s: f"{s / 500 * 1e6:.0f} us")


def cold() -> Iterator[Row]:
    """New processes: from the first import to the last of some vectors."""

    scripts = {library: _COLD.format(library=library, options=options) for library, options in _LIBRARIES.items()}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "texts"
        file.write_text("\n".join(next(iter(texts().values()))), encoding="utf-8")
        for count, title in ((1, "first text of a new process"), (1000, f"first 1,000 texts of {_WORDS} words")):
            starts = {name: partial(seconds_of, script, str(file), str(count)) for name, script in scripts.items()}
            taken = turns(starts, _COLD_ROUNDS)
            yield row(title, *map(median, taken.values()), lambda s: f"{s:.3f} s")


def muvera() -> Iterator[Row]:
    from fastembed.postprocess import Muvera as Theirs

    ours, theirs = Muvera(128), Theirs(128)
    generator = np.random.default_rng(0)
    for kind, size, many, single, reference in (
        ("document of 300 vectors", 300, ours.process_documents, ours.process_document, theirs.process_document),
        ("query of 32 vectors", 32, ours.process_queries, ours.process_query, theirs.process_query),
    ):
        sets = [generator.normal(size=(size, 128)).astype(np.float32) for _ in range(40)]
        expected = np.stack([reference(each) for each in sets])
        difference = max(np.abs(many(sets) - expected).max(), np.abs(single(sets[0]) - expected[0]).max())
        difference /= np.abs(expected).max()
        for how, mine in (("one by one", each(single, sets)), ("40 at once", partial(many, sets))):
            shown = lambda s: f"{s / 40 * 1e3:.2f} ms"  # noqa: E731
            yield raced(f"MUVERA, {kind}, {how}", mine, each(reference, sets), shown, difference)


def scoring() -> Iterator[Row]:
    """MaxSim against the loop over documents that it stands for; fastembed has none."""
    generator = np.random.default_rng(0)
    query = generator.normal(size=(32, 128)).astype(np.float32)
    documents = [generator.normal(size=(int(n), 128)).astype(np.float32) for n in generator.integers(20, 300, 1000)]
    loop = lambda: np.array([(query @ d.T).max(axis=1).sum() for d in documents])  # noqa: E731
    np.testing.assert_allclose(max_sim(query, documents), loop(), rtol=1e-4)
    name = "max_sim, 1,000 documents, against a loop in numpy"
    yield raced(name, partial(max_sim, query, documents), loop, lambda s: f"{s * 1e3:.1f} ms")


def main() -> None:
    about = machine()
    packages = listed({name: version for name, version in versions().items() if name in _PACKAGES})
    publish(
        "BM25 and MUVERA",
        f"{about['cpu']}, one core each, Python {about['python']}, {packages}; load at start "
        f"{about['load_average_at_start']}. Written by `python -m benchmarks.lexical`: both libraries take turns, "
        "medians of processor time (cold starts: of elapsed time); results compared (largest relative difference; "
        "BM25's ids are all equal).",
        [["", "rapidembed", "fastembed", "", "difference"], *bm25(), *cold(), *muvera(), *scoring()],
    )


if __name__ == "__main__":
    main()
