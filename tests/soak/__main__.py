"""Works, says what the process holds at the start and at the end; exits with 1 where that grew or anything failed."""

import argparse
import datetime
import os
import platform
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.soak.models import KINDS, Model
from tests.soak.state import State
from tests.soak.work import Work

_WARM = 1 / 6
"""Share of the time after which the start is measured: pools, caches and allocators have their sizes then."""


def run(seconds: float, place: Path) -> tuple[list[str], bool]:
    """Lines about the run, and whether all was well."""
    os.environ |= {"RAPIDEMBED_CACHE_DIR": str(place / "cache"), "HF_HUB_OFFLINE": "1"}
    models = [Model(kind, place / kind) for kind in KINDS]
    lines: list[str] = []
    warm = _work(models, place, seconds * _WARM, 0, lines)
    before = State.at_rest()
    _say(f"start: {before}", lines)
    work = _work(models, place, seconds * (1 - _WARM), 100, lines)
    after = State.at_rest()
    _say(f"end: {after}", lines)
    calls = ", ".join(f"{name} {count}" for name, count in sorted((warm.done + work.done).items()))
    _say(f"calls, and errors that were called for: {calls}", lines)
    wrong = [f"{count} x {what}" for what, count in (warm.wrong + work.wrong).items()] + after.grown(before)
    _say(f"wrong: {'; '.join(wrong) or 'nothing'}", lines)
    return lines, not wrong


def _work(models: list[Model], place: Path, seconds: float, seed: int, lines: list[str]) -> Work:
    work = Work(models, place, seed)
    work.start()
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, seconds / 4))
        _say(f"at work: {State.now()}", lines)
    work.stop()
    for model in models:
        model.close()
    return work


def _say(line: str, lines: list[str]) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
    lines.append(line)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--report", type=Path, help="write the run into this page of docs")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="rapidembed-soak-") as place:
        lines, well = run(given.seconds, Path(place))
    if given.report:
        _write(given.report, given.seconds, lines)
    sys.exit(0 if well else 1)


def _write(path: Path, seconds: float, lines: list[str]) -> None:
    begin, end = "<!-- written by make soak -->\n", "<!-- until here -->"
    day = datetime.datetime.now(datetime.UTC).date()
    where = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    head = f"{day}, {seconds / 60:.0f} minutes, {where}:"
    text = "\n".join([head, "", *(f"- {line}" for line in lines)]) + "\n"
    before, _, rest = path.read_text(encoding="utf-8").partition(begin)
    path.write_text(f"{before}{begin}{text}{end}{rest.partition(end)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
