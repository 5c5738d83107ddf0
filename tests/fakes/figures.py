"""The rows that fault tests note, as a page: ``pytest --figures docs/reliability.md``."""

import datetime
import importlib.metadata
import platform
from pathlib import Path

import pytest
import rapidembed

_HEAD = """# What happens when things go wrong

Each row is a test that shows what the library did. Up to row 35 a model is loaded in a process of its own from a hub on
the loopback interface, which serves the real files and then fails as the row says; the real hub was not reachable where
this ran. `make faults` runs all and writes this page; nothing here is written by hand.

The numbers are those of one list of 64 faults, and all have a row. Some are about what the library does not have: 47
to 49, 52 and 53 are of worker processes, and the rows say what threads do in their place; of 61 (a GPU) only a number
that no GPU has is tried, not one that runs out of memory.

{machine}

| # | what goes wrong | what is expected | measured |
|---|---|---|---|
"""
_PACKAGES = ("huggingface_hub", "onnxruntime", "tokenizers", "safetensors")


class Figures:
    """Collects the rows of tests that pass, and writes the page when the run ends well."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._faults: dict[str, str] = {}
        self._rows: dict[tuple[int, str, str], str] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            text = (getattr(item, "function", None) or item).__doc__ or ""
            self._faults[item.nodeid] = text.strip().partition("\n")[0].rstrip(".")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            for name, value in report.user_properties:
                if name == "row":
                    number, expected, figure = value
                    self._rows[number, self._faults[report.nodeid], expected] = figure

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if exitstatus == 0:
            rows = sorted(self._rows.items(), key=lambda item: item[0][0])
            lines = [f"| {number} | {fault} | {expected} | {figure} |" for (number, fault, expected), figure in rows]
            self._path.write_text(_HEAD.format(machine=_machine()) + "\n".join(lines) + "\n", encoding="utf-8")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for (number, fault, _), figure in sorted(self._rows.items()):
            terminalreporter.write_line(f"{number:3}  {fault}: {figure}")


def _machine() -> str:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)
    day = datetime.datetime.now(datetime.UTC).date()
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{day}, rapidembed {rapidembed.__version__}, {system}, {versions}."
