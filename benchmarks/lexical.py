"""BM25 and MUVERA against fastembed: ``python -m benchmarks.lexical [REPORT.md]``.

Both libraries run in one process and take turns; their results are compared first. fastembed reads its stopwords from
our folder, so that it needs no hub. Cold starts are processes of their own, from the first import to the last vector,
of modules that are compiled, as they are wherever pip has installed them.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

# One core each: what is compared is the work, not the threads. Set before numpy is loaded.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import numpy as np
import rapidembed
from rapidembed.toolkit.max_sim import max_sim
from rapidembed.toolkit.muvera import Muvera

from benchmarks.client import environment
from benchmarks.corpus import documentation
from benchmarks.machine import machine, versions

_ROUNDS, _COLD_ROUNDS = 7, 9
_WORDS = 100
_STOPWORDS = Path(rapidembed.__file__).parent / "lexical" / "data" / "stopwords"
_COLD = {
    "rapidembed": "from rapidembed import SparseTextEmbedding as S\nm = S('Qdrant/bm25')",
    "fastembed": "from fastembed import SparseTextEmbedding as S\n"
    "m = S('Qdrant/bm25', specific_model_path=sys.argv[1])",
}
_COLD_SCRIPT = """
import sys, time
start = time.perf_counter()
{load}
vectors = list(m.embed([line for line in open(sys.argv[2], encoding="utf-8")][: int(sys.argv[3])]))
print(time.perf_counter() - start)
"""


def seconds(call: Callable[[], Any]) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started


def paired(ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int = _ROUNDS) -> tuple[float, float]:
    """Median seconds of processor time of both, measured in turn, after a round that warms both up."""
    ours(), theirs()
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
    return median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)


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


def bm25() -> list[str]:
    from fastembed import SparseTextEmbedding

    ours = rapidembed.SparseTextEmbedding("Qdrant/bm25")
    theirs = SparseTextEmbedding("Qdrant/bm25", specific_model_path=str(_STOPWORDS))
    rows = []
    for name, documents in texts().items():
        difference = compare(ours.encode(documents), list(theirs.embed(documents)))
        mine, other = paired(lambda d=documents: ours.encode(d), lambda d=documents: list(theirs.embed(d)))
        count = len(documents)
        rows.append(
            f"| {name} | {count / mine:,.0f}/s | {count / other:,.0f}/s | **{other / mine:.1f}x** | {difference:.0e} |"
        )
    some = texts().popitem()[1][:500]
    for name, mine, other in (
        ("one document at a time", lambda t: ours.encode(t), lambda t: next(iter(theirs.embed(t)))),
        ("one query at a time", lambda t: ours.encode_query(t), lambda t: next(iter(theirs.query_embed(t)))),
    ):
        given = [text[:60] for text in some] if "query" in name else some
        times = paired(lambda f=mine, g=given: [*map(f, g)], lambda f=other, g=given: [*map(f, g)])
        rows.append(
            f"| {name} | {times[0] / 500 * 1e6:.0f} us | {times[1] / 500 * 1e6:.0f} us "
            f"| **{times[1] / times[0]:.1f}x** | |"
        )
    return rows


def cold(folder: Path) -> list[str]:
    """New processes: from the first import to the last of some vectors."""
    rows = []
    file = folder / "texts"
    file.write_text("\n".join(next(iter(texts().values()))), encoding="utf-8")
    for count in (1, 1000):

        def run(library: str, count: int = count) -> float:
            script = _COLD_SCRIPT.format(load=_COLD[library])
            command = [sys.executable, "-c", script, str(_STOPWORDS), str(file), str(count)]
            return float(subprocess.run(command, env=environment(), capture_output=True, check=True).stdout)

        run("rapidembed"), run("fastembed")
        pairs = [(run("rapidembed"), run("fastembed")) for _ in range(_COLD_ROUNDS)]
        mine, other = (median(pair[i] for pair in pairs) for i in (0, 1))
        name = "first text of a new process" if count == 1 else f"first {count:,} texts of {_WORDS} words"
        rows.append(f"| {name} | {mine:.3f} s | {other:.3f} s | **{other / mine:.1f}x** | |")
    return rows


def muvera() -> list[str]:
    from fastembed.postprocess import Muvera as Theirs

    ours, theirs = Muvera(128), Theirs(128)
    generator = np.random.default_rng(0)
    rows = []
    for name, vectors, many, single, reference in (
        (
            "MUVERA, document of 300 vectors",
            300,
            ours.process_documents,
            ours.process_document,
            theirs.process_document,
        ),
        ("MUVERA, query of 32 vectors", 32, ours.process_queries, ours.process_query, theirs.process_query),
    ):
        sets = [generator.normal(size=(vectors, 128)).astype(np.float32) for _ in range(40)]
        expected = np.stack([reference(each) for each in sets])
        difference = max(np.abs(many(sets) - expected).max(), np.abs(single(sets[0]) - expected[0]).max())
        difference /= np.abs(expected).max()
        for how, mine in (
            ("one by one", lambda f=single, s=sets: [*map(f, s)]),
            ("40 at once", lambda f=many, s=sets: f(s)),
        ):
            times = paired(mine, lambda f=reference, s=sets: [*map(f, s)])
            rows.append(
                f"| {name}, {how} | {times[0] / 40 * 1e3:.2f} ms | {times[1] / 40 * 1e3:.2f} ms "
                f"| **{times[1] / times[0]:.1f}x** | {difference:.0e} |"
            )
    return rows


def scoring() -> list[str]:
    """MaxSim against the loop over documents that it stands for; fastembed has none."""
    generator = np.random.default_rng(0)
    query = generator.normal(size=(32, 128)).astype(np.float32)
    documents = [generator.normal(size=(int(n), 128)).astype(np.float32) for n in generator.integers(20, 300, 1000)]
    loop = lambda: np.array([(query @ d.T).max(axis=1).sum() for d in documents])  # noqa: E731
    np.testing.assert_allclose(max_sim(query, documents), loop(), rtol=1e-4)
    mine, other = paired(lambda: max_sim(query, documents), loop)
    name = "max_sim, 1,000 documents, against a loop in numpy"
    return [f"| {name} | {mine * 1e3:.1f} ms | {other * 1e3:.1f} ms | {other / mine:.1f}x | |"]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        rows = [*bm25(), *cold(Path(name)), *muvera(), *scoring()]
    about = machine()
    packages = {name: version for name, version in versions().items() if name in ("fastembed", "numpy", "commit")}
    lines = [
        "# BM25 and MUVERA",
        "",
        f"{about['cpu']}, one core each, Python {about['python']}, "
        + ", ".join(f"{name} {version}" for name, version in packages.items())
        + f"; load at start {about['load_average_at_start']}. Written by `python -m benchmarks.lexical`: both "
        "libraries take turns, medians of processor time (cold starts: of elapsed time); results compared (largest "
        "relative difference; BM25's ids are all equal).",
        "",
        "| | rapidembed | fastembed | | difference |",
        "|---|---:|---:|---:|---:|",
        *rows,
    ]
    report = "\n".join(lines) + "\n"
    print(report)
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(report, encoding="utf-8")


if __name__ == "__main__":
    main()
