"""Counts of outcomes, and the page that holds them."""

import collections
import datetime
import importlib.metadata
import platform
import time
from pathlib import Path

from tests.fuzz.attempt import MEMORY, SECONDS, Outcome
from tests.fuzz.inputs import INPUTS

_BEGIN, _END = "<!-- written by make fuzz -->\n", "<!-- until here -->"
_PACKAGES = ("onnxruntime", "tokenizers", "safetensors", "numpy", "pillow")


class Report:
    """What a run has seen.

    Args:
        first: its first seed.
    """

    def __init__(self, first: int) -> None:
        self.wrong: collections.Counter[str] = collections.Counter()
        self._first, self._last = first, first
        self._started = time.monotonic()
        self._folders: collections.Counter[str] = collections.Counter()
        self._inputs: collections.Counter[str] = collections.Counter()
        self._slowest = self._largest = Outcome(first)

    def add(self, outcome: Outcome) -> None:
        """One more."""
        (self._inputs if outcome.kind in INPUTS else self._folders)[outcome.found or outcome.wrong] += 1
        if outcome.wrong:
            self.wrong[outcome.wrong] += 1
        self._last = outcome.seed
        self._slowest = max(self._slowest, outcome, key=lambda each: each.seconds)
        self._largest = max(self._largest, outcome, key=lambda each: each.megabytes)

    def text(self) -> str:
        """As part of the page."""
        versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)
        day = datetime.datetime.now(datetime.UTC).date()
        minutes = (time.monotonic() - self._started) / 60
        rows = [("outcome", "folders", "inputs"), ("---", "---:", "---:")]
        names = sorted({*self._folders, *self._inputs}, key=lambda name: (name != "vectors", name))
        rows += [(name, str(self._folders[name]), str(self._inputs[name])) for name in names]
        rows.append(("**all**", str(self._folders.total()), str(self._inputs.total())))
        table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
        wrong = ", ".join(f"{name}: {count}" for name, count in sorted(self.wrong.items())) or "nothing"
        return (
            f"{day}, {minutes:.0f} minutes, seeds {self._first} to {self._last}; "
            f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, {versions}.\n\n{table}\n\n"
            f"Not allowed, and found: {wrong}. The slowest took {self._slowest.seconds:.1f} s of processor time (limit "
            f"{SECONDS:.0f} s), the largest {self._largest.megabytes:.0f} MB (limit {MEMORY / 1e6:.0f} MB).\n"
        )

    def write(self, path: Path) -> None:
        """Into the page, in the place of the run before."""
        page = path.read_text(encoding="utf-8")
        before, _, rest = page.partition(_BEGIN)
        path.write_text(f"{before}{_BEGIN}{self.text()}{_END}{rest.partition(_END)[2]}", encoding="utf-8")
