"""One seed: what is drawn, what the library makes of it, and whether that is allowed."""

import os
import random
import resource
import shutil
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import rapidembed
from rapidembed import RapidEmbedError

from tests.fuzz.changes import CHANGES
from tests.fuzz.inputs import INPUTS
from tests.fuzz.models import BASES
from tests.fuzz.watch import Watch

SECONDS = 10.0
"""Of processor time that a tiny model may take, however spoiled."""
MEMORY = 1 << 30
"""Bytes by which the process may grow meanwhile."""
_FOLDERS = 0.8
"""Share of the seeds that are folders; the rest are inputs of good models."""
_HOME = Path(rapidembed.__file__).parent
_FORBIDDEN = ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "socket.connect", "os.fork")


@dataclass
class Outcome:
    """How a seed came out."""

    seed: int
    kind: str = ""
    """A model of :data:`rapidembed` that was spoiled, or what kind of input it was."""
    steps: list[str] = field(default_factory=list)
    found: str = ""
    """"vectors", or the name of the error."""
    wrong: str = ""
    """What is not allowed about it; "": nothing."""
    detail: str = ""
    seconds: float = 0.0
    megabytes: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """For the process that watches this one."""
        return asdict(self)


_started: list[str] = []


def forbid() -> None:
    """Note from now on whatever starts a process or opens a connection; it cannot be undone."""

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in _FORBIDDEN:
            _started.append(f"{event} {arguments[:1]}")

    sys.addaudithook(hook)


def attempt(seed: int, place: Path) -> Outcome:
    """Draw the seed's folder or input below ``place``, an empty folder, and give it to the library."""
    choose, outcome = random.Random(seed), Outcome(seed)
    _started.clear()
    if choose.random() < _FOLDERS:
        call, watch = _folder(place, choose, outcome)
    else:
        outcome.kind = choose.choice(list(INPUTS))
        (place / "outside").mkdir()
        (place / "model").mkdir()
        call = lambda: INPUTS[outcome.kind](place / "model", choose)  # noqa: E731
        watch = Watch(place / "outside", place / "outside")
    before, started = _peak(), time.process_time()
    with watch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _judge(call, outcome)
    outcome.seconds = time.process_time() - started
    outcome.megabytes = (_peak() - before) / 1e6
    if watch.touched:
        outcome.wrong = outcome.wrong or "touched what is not its own"
        outcome.detail = f"{sorted(set(watch.touched))[:5]} {outcome.detail}"
    if _started:
        outcome.wrong, outcome.detail = "started something", f"{_started} {outcome.detail}"
    if outcome.seconds > SECONDS:
        outcome.wrong = outcome.wrong or "slow"
    if outcome.megabytes * 1e6 > MEMORY:
        outcome.wrong = outcome.wrong or "memory"
    return outcome


def _folder(place: Path, choose: random.Random, outcome: Outcome) -> tuple[Callable[[], object], Watch]:
    outcome.kind = choose.choice(list(BASES))
    base, folder, outside = BASES[outcome.kind], place / "model", place / "outside"
    base.make(folder)
    shutil.copytree(folder, outside)
    (place / "cwd").mkdir()
    os.chdir(place / "cwd")
    changes, weights = zip(*CHANGES, strict=True)
    for change in choose.choices(changes, weights, k=choose.choice([1, 1, 1, 2, 2, 3])):
        if step := change(folder, outside, choose):
            outcome.steps.append(step)
    return lambda: base.use(folder), Watch(outside, folder)


def _judge(call: Callable[[], object], outcome: Outcome) -> None:
    try:
        call()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # what compiled code panics with is no Exception
        outcome.found = type(error).__name__
        outcome.detail = f"{type(error).__name__}: {error}"[:600]
        if not allowed(error):
            outcome.wrong = f"bare {outcome.found}"
            outcome.detail = "".join(traceback.format_exception(error))[-3000:]
    else:
        outcome.found = "vectors"


def allowed(error: BaseException) -> bool:
    """Whether an error is of the library's tree, or a ValueError, TypeError or MemoryError of its own words."""
    if isinstance(error, RapidEmbedError):
        return True
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return type(error) in (ValueError, TypeError, MemoryError) and frame is not None and _raises(frame)


def _raises(frame: Any) -> bool:
    """Whether the line is a ``raise`` of the library, and no operation that failed."""
    path = Path(frame.tb_frame.f_code.co_filename)
    if not path.is_relative_to(_HOME):
        return False
    lines = path.read_text(encoding="utf-8").splitlines()[frame.tb_lineno - 1 :]
    return "raise " in lines[0] or "Error(" in lines[0]


def _peak() -> int:
    """Bytes that this process ever held at once."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
