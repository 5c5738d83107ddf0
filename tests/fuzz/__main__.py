"""Runs seeds in processes of their own, which may crash and hang, and says what came of them."""

import argparse
import json
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fuzz.attempt import Outcome, attempt, forbid
from tests.fuzz.report import Report

_SILENT = 120.0
"""Seconds after which a folder hangs; a busy machine may take long over what costs 10 s of processor time."""
_EACH = 400
"""Seeds for one process."""


def outcomes(first: int) -> Iterator[Outcome]:
    """The outcomes of all seeds from the first on, without end."""
    while True:
        last = first + _EACH
        command = [sys.executable, "-W", "ignore", "-m", "tests.fuzz.child", str(first), str(last)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                for outcome in _read(process):
                    first = outcome.seed + 1
                    yield outcome
            finally:
                process.kill()


def _read(process: "subprocess.Popen[str]") -> Iterator[Outcome]:
    """What a process says, and at the end what it says no more."""
    running, errors = -1, ""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, "out")
        selector.register(process.stderr, selectors.EVENT_READ, "err")
        while selector.get_map():
            ready = selector.select(_SILENT)
            if not ready:
                process.kill()
                yield Outcome(running, found="hang", wrong="hang", detail=errors[-2000:])
                return
            for key, _ in ready:
                line = key.fileobj.readline()  # type: ignore[union-attr]
                if not line:
                    selector.unregister(key.fileobj)
                elif key.data == "err":
                    errors = (errors + line)[-4000:]
                elif not line.startswith("{"):
                    yield Outcome(running, found="words", wrong="words on standard output", detail=line)
                elif "begins" in (said := json.loads(line)):
                    running = said["begins"]
                else:
                    running = -1
                    yield Outcome(**said)
    if running >= 0:
        code = process.wait()
        yield Outcome(running, found="crash", wrong=f"crash ({code})", detail=errors[-2000:])


def show(seed: int) -> Outcome:
    """One seed in this process, whose folder is left for the reader."""
    forbid()
    place = Path(TemporaryDirectory(prefix=f"rapidembed-fuzz-{seed}-", delete=False).name)  # type: ignore[call-overload]
    return attempt(seed, place)


def main() -> None:
    """Exits with 1 where anything is found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="only this one, in this process")
    parser.add_argument("--report", type=Path, help="write the page of docs here")
    given = parser.parse_args()
    if given.seed is not None:
        sys.stdout.write(json.dumps(show(given.seed).as_json(), indent=1).replace("\\n", "\n") + "\n")
        return
    report, until = Report(given.first), time.monotonic() + given.seconds
    for outcome in outcomes(given.first):
        report.add(outcome)
        if outcome.wrong:
            sys.stdout.write(
                f"seed {outcome.seed}: {outcome.wrong}: {outcome.kind}, {outcome.steps}\n{outcome.detail}\n\n"
            )
            sys.stdout.flush()
        if time.monotonic() > until:
            break
    sys.stdout.write(report.text() + "\n")
    if given.report:
        report.write(given.report)
    sys.exit(1 if report.wrong else 0)


if __name__ == "__main__":
    main()
