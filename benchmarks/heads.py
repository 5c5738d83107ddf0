"""Reranking, late interaction and SPLADE against fastembed on the same random weights: ``python -m benchmarks.heads``.

Speed does not depend on weights; shapes and tokenizer are those of the models named, texts are documentation strings.
Writes benchmarks/results/NAME-heads.json and NAME-heads.md after every task. Needs torch and transformers once, to make
the models (kept in ``benchmarks/.work``).
"""

import argparse
import datetime
import json
import subprocess
import sys
from typing import Any

from benchmarks.client import say, without_paths
from benchmarks.gemm import best_gemm
from benchmarks.heads_engines import INT8, OURS, TASKS, THEIRS, configuration, flops, lengths
from benchmarks.heads_models import HEADS
from benchmarks.heads_report import markdown, summarize
from benchmarks.machine import available_memory, machine, versions
from benchmarks.paths import RESULTS, ROOT

_BATCHES = (1, 2, 4, 8, 32)
_HOPELESS = 2.0
"""The sweep ends at a batch size that takes this many times the best one's time."""
_CALLS = 2
_DEFAULT_NEEDS = 12e9
"""Bytes that fastembed's default batches may take."""


class EngineError(Exception):
    """An engine failed; the message is one line without paths."""


def ask(task: str, engine: str, batch: int | None = None, calls: int = _CALLS) -> dict[str, Any]:
    """What a new process with one engine found, see :func:`benchmarks.heads_engines.measure`."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.heads_engines"]
    command += [task, engine, str(batch or 0), str(calls)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EngineError(without_paths((done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]))
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if calls:
        say(f"  {engine}{f', batch {batch}' if batch else ''}: {answer['seconds']:.2f} s, {answer['peak_mb']} MB")
    return answer


def best_batch(task: str) -> tuple[int | None, dict[str, float]]:
    """fastembed's fastest batch size, None where it knows none, and the seconds that each takes."""
    seconds: dict[str, float] = {}
    for batch in _BATCHES if task != "queries" else ():
        seconds[str(batch)] = ask(task, THEIRS, batch, calls=1)["seconds"]
        if seconds[str(batch)] > _HOPELESS * min(seconds.values()):
            break
    return (int(min(seconds, key=seconds.__getitem__)) if seconds else None), seconds


def contest(task: str, rounds: int) -> dict[str, Any]:
    """All engines in turn, round after round, each time in a new process; fastembed's slow default once."""
    say(TASKS[task])
    tokens = lengths(task)
    found: dict[str, Any] = {"texts": len(tokens), "tokens": sum(tokens), "flops": flops(task), "gemm": [], "runs": []}
    for engine in (OURS, INT8):
        ask(task, engine, calls=0)  # builds the graph and keeps it, which is not part of what is measured
    batch, found["sweep"] = best_batch(task)
    found["best_batch"] = batch
    if batch is not None:
        found["default"] = _default(task)
    for number in range(rounds):
        say(f"  round {number + 1} of {rounds}")
        roof = best_gemm(configuration(task))
        if roof is None:
            raise SystemExit("Without a best matrix product there is no roof to compare with.")
        found["gemm"].append(roof)
        racing = [(OURS, None), (THEIRS, batch), (INT8, None)]
        for engine, size in racing[number % 3 :] + racing[: number % 3]:
            found["runs"].append({"round": number, "engine": engine, **ask(task, engine, size)})
    mine, other = (next(run["digest"] for run in found["runs"] if run["engine"] == name) for name in (OURS, THEIRS))
    found["difference"] = _difference(mine, other)
    for run in (*found["runs"], found.get("default") or {}):
        run.pop("digest", None)
    return found


def _default(task: str) -> dict[str, Any]:
    free = available_memory()
    if free is not None and free < _DEFAULT_NEEDS:
        return {"failed": f"not tried: it may need {_DEFAULT_NEEDS / 1e9:.0f} GB of memory"}
    try:
        return ask(task, THEIRS, calls=1)
    except EngineError as error:
        return {"failed": str(error)}


def _difference(mine: list[list[float]], other: list[list[float]]) -> float:
    pairs = [(a, b) for x, y in zip(mine, other, strict=True) for a, b in zip(x, y, strict=True)]
    return max(abs(a - b) / max(1.0, abs(b)) for a, b in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.heads", description=__doc__)
    parser.add_argument("--name", default="latest", help="of the files written (latest).")
    parser.add_argument("--tasks", nargs="+", choices=list(TASKS), default=list(TASKS), help="all of them.")
    parser.add_argument("--rounds", type=int, default=3, help="times that all engines take their turn (3).")
    options = parser.parse_args()
    if not (HEADS / "colbert" / "artifact.metadata").exists():
        say("making the models, once")
        subprocess.run([sys.executable, "-W", "ignore", "-m", "benchmarks.heads_models"], cwd=ROOT, check=True)
    found: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        "versions": versions(),
        "rounds": options.rounds,
        "tasks": {},
    }
    for task in options.tasks:
        try:
            found["tasks"][task] = contest(task, options.rounds)
        except EngineError as error:
            raise SystemExit(f"{TASKS[task]}: {error}") from error
        file = RESULTS / f"{options.name}-heads"
        file.with_suffix(".json").write_text(json.dumps(found | {"summary": summarize(found)}, indent=1) + "\n")
        file.with_suffix(".md").write_text(markdown(found), encoding="utf-8")
    print(markdown(found))


if __name__ == "__main__":
    main()
