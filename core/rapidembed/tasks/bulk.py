"""What every method does with its arguments and with the rows that come back."""

import sys
import threading
from collections.abc import Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from rapidembed.runtime import inputs
from rapidembed.types import Vectors

Texts = str | Iterable[str]
_GATHERED = 2048
"""Inputs in a window of a call whose results come all at once: texts find more of their own length in it."""
Window = TypeVar("Window", bound=Sized)


def check_texts(texts: Texts) -> str | None:
    """Check texts, a list item by item; return the text if it is a single one."""
    if inputs.is_single(texts):
        return texts
    if isinstance(texts, Sequence | np.ndarray):
        for index, text in enumerate(texts):
            inputs.check_text(text, index)
    return None


def gather(rows: Iterator[Vectors], items: Iterable[object], dimensions: int) -> Vectors:
    """All rows in one array, which is allocated once where the number of inputs is known."""
    if not isinstance(items, Sequence | np.ndarray):  # others may not know how many items they will give
        return np.concatenate([np.empty((0, dimensions), dtype=np.float32), *rows])
    gathered = np.empty((len(items), dimensions), dtype=np.float32)
    filled = 0
    for window in rows:
        gathered[filled : filled + len(window)] = window
        filled += len(window)
    return gathered[:filled]


def count_of(items: object) -> int | None:
    """How many inputs there are, where that is known before they are read."""
    return len(items) if isinstance(items, Sized) else None


def with_progress(rows: Iterator[Window], items: Iterable[object], show: bool, unit: str = "text") -> Iterator[Window]:
    """Pass the rows on, counting them on a progress bar if one is wanted, by the name of an input."""
    if not show or sys.stderr is None:  # a program without a console
        yield from rows
        return
    from tqdm.auto import tqdm  # a tenth of a second that only those pay who want a bar

    with tqdm(total=count_of(items), unit=unit, desc="Embedding") as bar:
        for window in rows:
            bar.update(len(window))
            yield window


@dataclass(frozen=True, slots=True)
class Bulk:
    """How a call goes through many inputs; checked when it is made."""

    batch_size: int
    parallel: int | None
    show_progress: bool
    cancelled: threading.Event | None = None
    gathered: bool = False
    """Whether nobody sees a result before the last."""
    most: int | None = None
    """Inputs in the largest window, of which two are in memory at a time; None: as texts have it."""

    def __post_init__(self) -> None:
        inputs.check_positive("batch_size", self.batch_size)
        inputs.check_parallel(self.parallel)

    @property
    def window(self) -> int:
        """Inputs in the first window; a progress bar wants small ones."""
        wanted = max(self.batch_size, _GATHERED) if self.gathered and not self.show_progress else self.batch_size
        return min(wanted, self.most or wanted)

    @property
    def workers(self) -> int | None:
        """Batches at a time; None: as many as may be."""
        return inputs.check_parallel(self.parallel)
