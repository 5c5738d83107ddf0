"""The rows that fault tests note, as a page: ``pytest --figures docs/reliability.md``, when all of them pass.

In parts: ``pytest --figures one.json`` with some of the tests, or with those that failed before, as often as it takes;
then ``python -m tests.fakes.figures docs/reliability.md one.json two.json``.
"""

import argparse
import datetime
import importlib.metadata
import json
import platform
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
import rapidembed

_HEAD = """# What happens when things go wrong

Each row is a test that shows what the library did. Up to row 35 most load a model, in a process of its own where that
matters, from a hub on the loopback interface, which serves the real files and then fails as the row says; the real
hub was not reachable where this ran. `make faults` runs all and writes this page; nothing here is written by hand.

The numbers are those of one list of 64 faults, and all have a row. Some are about what the library does not have: 47
to 49, 52 and 53 are of worker processes, and the rows say what threads do in their place; of 61 (a GPU) only a number
that no GPU has is tried, not one that runs out of memory.

{machine}

| # | what goes wrong | what is expected | measured |
|---|---|---|---|
"""
_PACKAGES = ("huggingface_hub", "onnxruntime", "tokenizers", "safetensors")

Row = tuple[int, str, str, str]
"""Number, what goes wrong, what is expected, what was measured."""


class Figures:
    """Collects the rows of tests that pass, and writes the page, or the part of it, when the run ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._faults: dict[str, str] = {}
        self._rows: list[Row] = []
        self._passed: list[str] = []
        self._failed: list[str] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            text = (getattr(item, "function", None) or item).__doc__ or ""
            self._faults[item.nodeid] = text.strip().partition("\n")[0].rstrip(".")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed.append(report.nodeid)
        if report.when == "call" and report.passed:
            self._passed.append(report.nodeid)
            for name, value in report.user_properties:
                if name == "row":
                    number, expected, figure = value
                    self._rows.append((number, self._faults[report.nodeid], expected, figure))

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if self._path.suffix == ".json":
            part = {"machine": _machine(), "rows": self._rows, "passed": self._passed, "failed": self._failed}
            self._path.write_text(json.dumps(part, indent=1) + "\n", encoding="utf-8")
        elif exitstatus == 0:
            _write(self._path, _machine(), self._rows)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for number, fault, _, figure in sorted(self._rows):
            terminalreporter.write_line(f"{number:3}  {fault}: {figure}")


def _write(path: Path, machine: str, rows: Iterable[Row]) -> None:
    last = {tuple(row[:3]): row for row in rows}  # what was measured again counts
    lines = [f"| {' | '.join(map(str, row))} |" for row in sorted(last.values(), key=lambda row: row[0])]
    path.write_text(_HEAD.format(machine=machine) + "\n".join(lines) + "\n", encoding="utf-8")


def _join(page: Path, paths: list[Path]) -> None:
    """Write the page of some parts, of one day and machine, in whose last runs all tests passed."""
    parts = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    machines = {part["machine"] for part in parts}
    if len(machines) != 1:
        sys.exit(f"The parts are not of one machine and day: {sorted(machines)}")
    last = {
        test: passed for part in parts for passed in (True, False) for test in part["passed" if passed else "failed"]
    }
    if failed := [test for test, passed in last.items() if not passed]:
        sys.exit(f"Run these again: {' '.join(failed)}")
    _write(page, machines.pop(), [row for part in parts for row in part["rows"]])


def _machine() -> str:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)
    day = datetime.datetime.now(datetime.UTC).date()
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{day}, rapidembed {rapidembed.__version__}, {system}, {versions}."


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path)
    parser.add_argument("parts", type=Path, nargs="+")
    given = parser.parse_args()
    _join(given.page, given.parts)
