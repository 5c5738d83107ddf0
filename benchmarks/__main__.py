"""``python -m benchmarks``: one run of everything, or of a part.

Measures rapidembed, also in int8 and bf16, and the peers installed beside it (fastembed; sentence-transformers in fp32,
in bf16, and with its ONNX and OpenVINO backends, also in 8 bits; CTranslate2 in 8 bits; model2vec for static models):
the same weights, the same texts, 512 tokens for everybody. Peers run at their default and at their best batch size.
What is not installed is skipped, and the report says so.

Shapes are all-MiniLM-L6-v2 with its real weights, the main contest, and others with random ones: larger models, a
reranker, ColBERT and SPLADE. Workloads are texts of mixed length, texts of one length, lone queries, the first text of
a process, and those of the three last shapes.

Writes benchmarks/results/NAME.json, NAME.md and NAME-*.png after every contest, so that an interrupted run keeps what
it has, and a run of some shapes or workloads replaces only those in the files. Close other programs: engines take
turns, so that a slow minute hits all of them, but ratios stay steadier on a quiet machine.

  python -m benchmarks                                   everything
  python -m benchmarks --shapes minilm --workloads mixed the main contest
  python -m benchmarks --texts 60 --share 30 --seconds 0.1 --rounds 1 --repeats 0 --name try
                                                         does it work here? (figures mean nothing)
  python -m benchmarks --engines rapidembed,fastembed    no torch needed once the exports exist
  python -m benchmarks --python st-onnx,st-openvino=.venv-optimum/bin/python
                                                         engines whose packages do not go with the others'
  python -m benchmarks --stream 60000                    only the stream: constant rate, flat memory (4 minutes)
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks import corpus, lone, plots, report, results, shapes, static, stream, workloads
from benchmarks.client import say
from benchmarks.contest import Contest, Team, assemble
from benchmarks.engines import ENGINES, OURS, REFERENCE
from benchmarks.gemm import best_gemm
from benchmarks.machine import heading, versions
from benchmarks.options import command, interpreter, named, option, some_of
from benchmarks.paths import WORK
from benchmarks.race import race
from benchmarks.shapes import SHAPES
from benchmarks.workloads import COLD, QUERY, WORKLOADS, bulk

_STATIC = "static"
_ALL = [*SHAPES, _STATIC]
_ORDER = [*(f"{shape}/{workload}" for shape in SHAPES for workload in workloads.of(shape)), _STATIC]


@contextmanager
def _contest(chosen: SimpleNamespace, facts: dict[str, Any], team: Team, workload: str) -> Iterator[Contest]:
    """A contest whose findings are written when it ends."""
    shape = SHAPES[team.shape]
    say(f"{shape.title}, {workload}")
    model = {"title": shape.title, "random": shape.random, "weights_mb": shapes.weights_mb(team.shape)}
    others = {name: versions(python) for name, python in team.pythons.items() if name in team.engines}
    entry = _heading(chosen) | {"model": model, "engines": team.engines, "others": others} | facts | {"failures": []}
    with tempfile.TemporaryDirectory(prefix="run-", dir=WORK) as folder:
        yield Contest(team, workload, Path(folder), entry)
    _write(chosen.name, f"{team.shape}/{workload}", entry)


def _shape(chosen: SimpleNamespace, shape: str, everything: corpus.Corpus) -> None:
    say(f"{SHAPES[shape].title}: looking for what engines load (made once)")
    wanted = [name for name in workloads.of(shape) if name in chosen.workloads]
    if not wanted:
        return
    team, skipped = assemble(shape, chosen.engines, {name: path for some in chosen.python for name, path in some})
    if not team.engines:
        raise SystemExit("None of the engines asked for can run here.")
    facts: dict[str, Any] = {"skipped": skipped}
    roof = best_gemm(shapes.configuration(shape)) if set(wanted) - {QUERY, COLD} else None
    with team:
        for workload in (name for name in wanted if name != COLD):
            if workload == QUERY:
                with _contest(chosen, facts, team, workload) as contest:
                    lone.latency(contest, everything)
                continue
            with _contest(chosen, facts | {"gemm": roof}, team, workload) as contest:
                load = bulk(shape, workload, everything, chosen.texts, chosen.share, chosen.seconds)
                race(contest, load, chosen.rounds, chosen.repeats)
    if COLD in wanted:
        with _contest(chosen, facts, team, COLD) as contest:
            lone.cold_start(contest)


def _heading(chosen: SimpleNamespace) -> dict[str, Any]:
    kept = {key: getattr(chosen, key) for key in ("texts", "share", "seconds", "rounds", "seed")}
    return heading(**kept, max_tokens=corpus.MAX_TOKENS)


def _write(name: str, key: str, entry: dict[str, Any]) -> None:
    """Put an entry into the files of a run."""
    entries = results.merge(results.read(name), key, entry, _ORDER)
    results.write(name, results.dump(entries), report.markdown(entries))
    if not plots.draw(entries, name):
        say("no plots: matplotlib is not installed")


def contests(chosen: SimpleNamespace) -> None:
    """Every shape and workload asked for, and static models."""
    results.read(chosen.name)
    WORK.mkdir(parents=True, exist_ok=True)
    say("reading the standard library's documentation strings")
    everything = corpus.load(shapes.source(shapes.REAL), None, chosen.seed)
    for shape in chosen.shapes:
        if shape != _STATIC:
            _shape(chosen, shape, everything)
        elif static.missing():
            say("static models are skipped: model2vec is not installed")
        else:
            say("static models")
            _write(chosen.name, _STATIC, _heading(chosen) | static.measure())
    print(report.markdown(results.read(chosen.name)))


@command(__doc__)
@option("shapes", ",".join(_ALL), "only these.", some_of(_ALL))
@option("workloads", ",".join(WORKLOADS), "only these.", some_of(WORKLOADS))
@option(
    "engines",
    ",".join(ENGINES),
    f"only these. Cosines need {REFERENCE}, ratios need {OURS}.",
    some_of(ENGINES),
)
@option("python", [], "A,B=PATH: another interpreter for these engines.", interpreter, multiple=True)
@option("texts", 1000, "texts of the main contest. Below some hundred, fixed costs distort the figures.")
@option(
    "share",
    256,
    "texts for fastembed at its default, which pads 256 texts to the longest one and may be ten times slower (one full "
    "batch; fewer would be another batch size). They have the same spread of lengths.",
)
@option(
    "seconds", 0.8, "about how long rapidembed takes in each measurement but the main contest's, large models longer."
)
@option("rounds", 3, "times that all engines take their turn. OpenVINO compiles each new shape in the first.")
@option("repeats", 2, "times that a measurement is repeated if others took more than 5 % of the machine.", int)
@option(
    "stream",
    None,
    "instead of the contests, send N texts from a generator through rapidembed's embed and record rate and memory on "
    "the way (written to NAME-stream.json and .md).",
)
@option("seed", 0, "chooses the texts and their order.", int)
@named("latest")
def main(**chosen: Any) -> None:
    try:
        if chosen["stream"]:
            stream.main(chosen["stream"], chosen["seed"], chosen["name"])
        else:
            contests(SimpleNamespace(**chosen))
    except KeyboardInterrupt:
        sys.exit("\nstopped; the contests that were finished are in benchmarks/results")


if __name__ == "__main__":
    main()
