"""``python -m benchmarks``: one run of everything, or of a part."""

import argparse
import datetime
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import corpus, measure, report
from benchmarks.client import WorkerError
from benchmarks.engines import ENGINES, OURS, REFERENCE
from benchmarks.machine import machine, versions
from benchmarks.measure import Contest, Variant, say
from benchmarks.paths import RESULTS, model_folder

_DESCRIPTION = """\
Measures rapidembed (in fp32, int8 and bf16) and the peers installed beside it (fastembed, sentence-transformers in
fp32 and bf16) in one run: the same weights (all-MiniLM-L6-v2), the same mixed-length text, 512 tokens for
everybody. Peers run at their default and at their best batch size. Peers that are not installed are skipped, and the
report says so.

Writes benchmarks/results/NAME.json and NAME.md after every stage, so that an interrupted run keeps what it has.
The default run takes about 15 minutes on 2 cores. Close other programs: engines take turns, so that a slow minute hits
all of them, but ratios stay steadier on a quiet machine."""

_EXAMPLES = """\
examples:
  python -m benchmarks                                   everything
  python -m benchmarks --texts 60 --slow-texts 30 --rounds 1 --name try
                                                         does it work here? (2 minutes; figures mean little)
  python -m benchmarks --engines rapidembed,fastembed --skip cold
                                                         no torch needed once the export exists
  python -m benchmarks --stream 60000                    only the stream: constant rate, flat memory (8 minutes)
"""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--texts",
        type=_positive,
        default=1000,
        metavar="N",
        help="texts to embed in each measurement (1000). Below some hundred, fixed costs distort the figures.",
    )
    parser.add_argument(
        "--slow-texts",
        type=_positive,
        default=256,
        metavar="N",
        help="texts for fastembed at its default, which pads 256 texts to the longest one and is about ten times "
        "slower (256, one full batch; fewer would be another batch size). They have the same spread of lengths.",
    )
    parser.add_argument(
        "--rounds", type=_positive, default=3, metavar="N", help="times that all engines take their turn (3)."
    )
    parser.add_argument(
        "--engines",
        type=_engine_names,
        default=list(ENGINES),
        metavar="A,B",
        help=f"only these, of {', '.join(ENGINES)}. Cosines need {REFERENCE}, ratios need {OURS}.",
    )
    parser.add_argument(
        "--skip",
        nargs="+",
        choices=("sweep", "throughput", "latency", "cold"),
        default=[],
        help="stages to leave out. Without the sweep, peers run at their default only.",
    )
    parser.add_argument(
        "--stream",
        type=_positive,
        metavar="N",
        help="instead of the contest, send N texts from a generator through rapidembed's embed and record rate and "
        "memory on the way (written to NAME-stream.json and .md).",
    )
    parser.add_argument("--seed", type=int, default=0, help="chooses the texts and their order (0).")
    parser.add_argument("--name", type=_file_name, default="latest", help="of the files written (latest).")
    return parser.parse_args(arguments)


def contest(options: argparse.Namespace) -> None:
    found = _heading(options) | {
        "engines": [],
        "gemm": [],
        "sweep": {},
        "runs": [],
        "cosine": {},
        "latency_ms": {},
        "cold_s": {},
    }
    found["engines"] = measure.present(options.engines, found)
    if not found["engines"]:
        raise SystemExit("None of the engines asked for is installed.")
    chosen = _read_corpus(options, found, options.texts)

    def save() -> None:
        _write(options.name, found | {"summary": report.summarize(found)}, report.markdown(found))

    with measure.temporary_folder() as folder:
        run = Contest(chosen, chosen.spread(options.slow_texts), Path(folder), found["engines"], found, save)
        if "sweep" not in options.skip:
            measure.sweep(run)
        if "throughput" not in options.skip:
            measure.throughput(run, options.rounds)
            measure.agreement(run, Variant(REFERENCE, None))
        if "latency" not in options.skip:
            measure.latency(run)
        if "cold" not in options.skip:
            measure.cold_start(run)
    save()
    print(report.markdown(found))


def stream(options: argparse.Namespace) -> None:
    found = _heading(options) | {"engines": [OURS], "points": []}
    if missing := ENGINES[OURS].missing():
        raise SystemExit(f"not installed: {', '.join(missing)}")
    chosen = _read_corpus(options, found, None)
    say(f"streaming {options.stream} texts")
    with measure.temporary_folder() as folder:
        try:
            measure.stream(chosen, options.stream, found, Path(folder))
        except WorkerError as error:
            found["failures"].append({"what": "stream", "error": str(error)})
    text = report.stream_markdown(found)
    _write(f"{options.name}-stream", found | {"summary": report.stream_summary(found)}, text)
    print(text)
    if found["failures"]:
        raise SystemExit(1)


def _heading(options: argparse.Namespace) -> dict[str, Any]:
    settings = {key: getattr(options, key) for key in ("texts", "slow_texts", "rounds", "skip", "stream", "seed")}
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "settings": settings | {"max_tokens": corpus.MAX_TOKENS},
        "machine": machine(),
        "versions": versions(),
        "weights_mb": (model_folder() / "model.safetensors").stat().st_size / 1e6,
        "skipped": {},
        "failures": [],
    }


def _read_corpus(options: argparse.Namespace, found: dict[str, Any], count: int | None) -> corpus.Corpus:
    say("reading the standard library's documentation strings")
    chosen = corpus.load(model_folder(), count, options.seed)
    found["corpus"] = chosen.statistics()
    say("  " + ", ".join(f"{key} {value}" for key, value in found["corpus"].items()))
    return chosen


def _write(name: str, found: dict[str, Any], text: str) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
    say(f"wrote benchmarks/results/{name}.json and .md")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, got {text!r}")
    return int(text)


def _engine_names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in ENGINES]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: choose from {', '.join(ENGINES)}")
    return [name for name in ENGINES if name in names]


def _file_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text):
        raise argparse.ArgumentTypeError("letters, digits, dot, dash and underscore only")
    return text


def main() -> None:
    options = parse()
    command: Callable[[argparse.Namespace], None] = contest if options.stream is None else stream
    try:
        command(options)
    except KeyboardInterrupt:
        sys.exit("\nstopped; the stages that were finished are in benchmarks/results")


if __name__ == "__main__":
    main()
