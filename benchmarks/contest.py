"""One contest: a shape and a workload, who competes, and what was found."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from benchmarks import export
from benchmarks.client import Worker, WorkerError, ask_module, say
from benchmarks.engines import ENGINES
from benchmarks.shapes import SHAPES

Answer = TypeVar("Answer")


@dataclass(slots=True)
class Team:
    """The engines of a shape: they take turns, one works at any time.

    Use as a context manager: each is started when first asked, and kept; one whose process failed is started anew.
    """

    shape: str
    engines: list[str]
    pythons: dict[str, str]
    """Of engines that run in another interpreter than this one."""
    _workers: dict[str, Worker] = field(default_factory=dict)

    def start(self, engine: str) -> Worker:
        """A fresh process with the engine loaded.

        Raises:
            WorkerError: it cannot be loaded.
        """
        folder = export.folder(self.shape, ENGINES[engine].needs)
        return Worker(engine, folder, SHAPES[self.shape].head, self.pythons.get(engine, sys.executable))

    def worker(self, engine: str) -> Worker:
        if engine not in self._workers:
            self._workers[engine] = self.start(engine)
        return self._workers[engine]

    def ask(self, engine: str, do: str, **arguments: Any) -> Any:
        """See :meth:`Worker.ask`."""
        worker = self.worker(engine)
        try:
            return worker.ask(do, **arguments)
        except WorkerError:
            self._workers.pop(engine).close()
            raise

    def __enter__(self) -> "Team":
        return self

    def __exit__(self, *_: object) -> None:
        while self._workers:
            self._workers.popitem()[1].close()


@dataclass
class Contest:
    """What is measured, by whom, and what has been found so far: ``entry`` is what the JSON file will hold."""

    team: Team
    workload: str
    folder: Path
    entry: dict[str, Any]

    def attempt(self, what: str, work: Callable[[], Answer]) -> Answer | None:
        """What ``work`` returns; None if the engine failed, which is noted."""
        try:
            return work()
        except WorkerError as error:
            say(f"  {what} failed: {error}")
            self.entry["failures"].append({"what": what, "error": str(error)})
            return None

    def write(self, name: str, texts: list[str]) -> str:
        """A file that workers read."""
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(texts), encoding="utf-8")
        return str(path)


def assemble(shape: str, wanted: list[str], pythons: dict[str, str]) -> tuple[Team, dict[str, str]]:
    """Those of the engines wanted that can run here, with what they load made; and why the others cannot."""
    usable, skipped = [], {}
    for name in wanted:
        if SHAPES[shape].head and not ENGINES[name].heads:
            continue  # it does not compete
        reason = _obstacle(shape, name, pythons.get(name, sys.executable))
        if reason is None:
            usable.append(name)
        else:
            say(f"{ENGINES[name].title} is skipped: {reason}")
            skipped[name] = reason
    return Team(shape, usable, pythons), skipped


def _obstacle(shape: str, name: str, python: str) -> str | None:
    engine = ENGINES[name]
    try:
        missing = ask_module("engines", *engine.requires, python=python)
    except WorkerError:
        return "its Python cannot be run"
    if missing:
        return f"not installed: {', '.join(missing)}"
    return export.ensure(shape, "weights") or export.ensure(shape, engine.needs, python)
