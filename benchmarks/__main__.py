"""``python -m benchmarks``: one run of everything, or of a part."""

import argparse
import datetime
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import corpus, lone, plots, report, results, shapes, static, stream, workloads
from benchmarks.client import Crew, say
from benchmarks.contest import Contest, Team, assemble
from benchmarks.engines import ENGINES, OURS, REFERENCE
from benchmarks.gemm import best_gemm
from benchmarks.machine import machine, versions
from benchmarks.paths import WORK
from benchmarks.race import race
from benchmarks.shapes import SHAPES
from benchmarks.workloads import COLD, QUERY, WORKLOADS, bulk

_STATIC = "static"
_ORDER = [*(f"{shape}/{workload}" for shape in SHAPES for workload in workloads.of(shape)), _STATIC]
_DESCRIPTION = """\
Measures rapidembed, also in int8 and bf16, and the peers installed beside it (fastembed; sentence-transformers in fp32,
in bf16, and with its ONNX and OpenVINO backends, also in 8 bits; CTranslate2 in 8 bits; model2vec for static models):
the same weights, the same texts, 512 tokens for everybody. Peers run at their default and at their best batch size.
What is not installed is skipped, and the report says so.

Shapes are all-MiniLM-L6-v2 with its real weights, the main contest, and others with random ones: larger models, a
reranker, ColBERT and SPLADE. Workloads are texts of mixed length, texts of one length, lone queries, the first text of
a process, and those of the three last shapes.

Writes benchmarks/results/NAME.json, NAME.md and NAME-*.png after every contest, so that an interrupted run keeps what
it has, and a run of some shapes or workloads replaces only those in the files. Close other programs: engines take
turns, so that a slow minute hits all of them, but ratios stay steadier on a quiet machine."""

_EXAMPLES = """\
examples:
  python -m benchmarks                                   everything
  python -m benchmarks --shapes minilm --workloads mixed the main contest
  python -m benchmarks --texts 60 --share 30 --seconds 0.1 --rounds 1 --repeats 0 --name try
                                                         does it work here? (figures mean nothing)
  python -m benchmarks --engines rapidembed,fastembed    no torch needed once the exports exist
  python -m benchmarks --python st-onnx,st-openvino=.venv-optimum/bin/python
                                                         engines whose packages do not go with the others'
  python -m benchmarks --stream 60000                    only the stream: constant rate, flat memory (4 minutes)
"""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def add(name: str, kind: Any, default: Any, metavar: str, text: str, **more: Any) -> None:
        parser.add_argument(name, type=kind, default=default, metavar=metavar, help=text, **more)

    number, measure = _positive(int), _positive(float)
    everything = [*SHAPES, _STATIC]
    add("--shapes", _some_of(everything), everything, "A,B", _all(everything))
    add("--workloads", _some_of(WORKLOADS), list(WORKLOADS), "A,B", _all(WORKLOADS))
    notes = f" Cosines need {REFERENCE}, ratios need {OURS}."
    add("--engines", _some_of(ENGINES), list(ENGINES), "A,B", _all(ENGINES) + notes)
    add("--python", _pythons, [], "A,B=PATH", "another interpreter for these engines.", action="append")
    notes = "texts of the main contest (1000). Below some hundred, fixed costs distort the figures."
    add("--texts", number, 1000, "N", notes)
    notes = (
        "texts for fastembed at its default, which pads 256 texts to the longest one and may be ten times slower "
        "(256, one full batch; fewer would be another batch size). They have the same spread of lengths."
    )
    add("--share", number, 256, "N", notes)
    notes = "about how long rapidembed takes in each measurement but the main contest's (0.8), large models longer."
    add("--seconds", measure, 0.8, "S", notes)
    notes = "times that all engines take their turn (3). OpenVINO compiles each new shape in the first."
    add("--rounds", number, 3, "N", notes)
    notes = "times that a measurement is repeated if other processes took more than 5 %% of the machine (2)."
    add("--repeats", int, 2, "N", notes)
    notes = (
        "instead of the contests, send N texts from a generator through rapidembed's embed and record rate and "
        "memory on the way (written to NAME-stream.json and .md)."
    )
    add("--stream", number, None, "N", notes)
    add("--seed", int, 0, "N", "chooses the texts and their order (0).")
    add("--name", _file_name, "latest", "NAME", "of the files written (latest).")
    return parser.parse_args(arguments)


def contests(options: argparse.Namespace) -> None:
    """Every shape and workload asked for, and static models."""
    results.read(options.name)
    WORK.mkdir(parents=True, exist_ok=True)
    say("reading the standard library's documentation strings")
    everything = corpus.load(shapes.source(shapes.REAL), None, options.seed)
    for shape in options.shapes:
        if shape == _STATIC:
            _static(options)
        else:
            _shape(options, shape, everything)
    print(report.markdown(results.read(options.name)))


def _shape(options: argparse.Namespace, shape: str, everything: corpus.Corpus) -> None:
    say(f"{SHAPES[shape].title}: looking for what engines load (made once)")
    wanted = [name for name in workloads.of(shape) if name in options.workloads]
    if not wanted:
        return
    team, skipped = assemble(shape, options.engines, {name: path for some in options.python for name, path in some})
    if not team.engines:
        raise SystemExit("None of the engines asked for can run here.")
    roof = best_gemm(shapes.configuration(shape)) if set(wanted) - {QUERY, COLD} else None
    with Crew(team.start) as crew:
        for workload in (name for name in wanted if name != COLD):
            with _contest(options, team, workload, crew, skipped) as contest:
                if workload == QUERY:
                    lone.latency(contest, everything)
                    continue
                contest.entry["gemm"] = roof
                load = bulk(shape, workload, everything, options.texts, options.share, options.seconds)
                race(contest, load, options.rounds, options.repeats)
    if COLD in wanted:
        with _contest(options, team, COLD, crew, skipped) as contest:
            lone.cold_start(contest)


@contextmanager
def _contest(
    options: argparse.Namespace, team: Team, workload: str, crew: Crew, skipped: dict[str, str]
) -> Iterator[Contest]:
    """A contest whose findings are written when it ends."""
    say(f"{SHAPES[team.shape].title}, {workload}")
    entry = _heading(options) | {
        "model": {
            "title": SHAPES[team.shape].title,
            "random": SHAPES[team.shape].random,
            "weights_mb": shapes.weights_mb(team.shape),
        },
        "engines": team.engines,
        "others": {name: versions(python) for name, python in team.pythons.items() if name in team.engines},
        "skipped": skipped,
        "failures": [],
    }
    with tempfile.TemporaryDirectory(prefix="run-", dir=WORK) as folder:
        yield Contest(team, workload, crew, Path(folder), entry)
    write(options.name, f"{team.shape}/{workload}", entry)


def _static(options: argparse.Namespace) -> None:
    say("static models")
    if static.missing():
        say("  skipped: model2vec is not installed")
        return
    write(options.name, _STATIC, _heading(options) | static.measure())


def _heading(options: argparse.Namespace) -> dict[str, Any]:
    settings = {key: getattr(options, key) for key in ("texts", "share", "seconds", "rounds", "seed")}
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "settings": settings | {"max_tokens": corpus.MAX_TOKENS},
        "machine": machine(),
        "versions": versions(),
    }


def write(name: str, key: str, entry: dict[str, Any]) -> None:
    """Put an entry into the files of a run."""
    entries = results.merge(results.read(name), key, entry, _ORDER)
    results.path(name).parent.mkdir(parents=True, exist_ok=True)
    results.path(name).write_text(results.dump(entries), encoding="utf-8")
    results.path(name, ".md").write_text(report.markdown(entries), encoding="utf-8")
    if not plots.draw(entries, name):
        say("no plots: matplotlib is not installed")
    say(f"wrote benchmarks/results/{name}.json and .md")


def _all(names: Any) -> str:
    return f"only these, of {', '.join(names)}."


def _positive(kind: type) -> Any:
    def parsed(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = 0
        if not value > 0:
            raise argparse.ArgumentTypeError(f"must be above 0, got {text!r}")
        return value

    return parsed


def _some_of(known: Any) -> Any:
    def parsed(text: str) -> list[str]:
        names = text.split(",")
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: choose from {', '.join(known)}")
        return [name for name in known if name in names]

    return parsed


def _pythons(text: str) -> list[tuple[str, str]]:
    names, _, path = text.partition("=")
    # Not resolved: an interpreter in a virtual environment is a link to another one.
    if not Path(path).is_file():
        raise argparse.ArgumentTypeError(f"no interpreter at {path!r}")
    return [(name, str(Path(path).absolute())) for name in _some_of(ENGINES)(names)]


def _file_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text):
        raise argparse.ArgumentTypeError("letters, digits, dot, dash and underscore only")
    return text


def main() -> None:
    options = parse()
    try:
        if options.stream is None:
            contests(options)
        else:
            stream.main(options.stream, options.seed, options.name)
    except KeyboardInterrupt:
        sys.exit("\nstopped; the contests that were finished are in benchmarks/results")


if __name__ == "__main__":
    main()
