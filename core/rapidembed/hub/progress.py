"""The hub's progress bar, which also guards the disk."""

import sys
from typing import Any

from huggingface_hub.utils.tqdm import tqdm

# The hub's client hands on 10 MB at a time.
_SLACK = 10_000_000


class BoundedProgress(tqdm):
    """Counts the bytes that arrive, and stops a body that does not end where it was announced to."""

    def __init__(self, *args: Any, **options: Any) -> None:
        if sys.stderr is None:  # a program without a console
            options["disable"] = True
        super().__init__(*args, **options)  # type: ignore[no-untyped-call]
        self._arrived = int(options.get("initial") or 0)

    def update(self, n: float | None = 1) -> bool | None:
        """Count ``n`` more bytes.

        Raises:
            OSError: more arrive than were announced.
        """
        self._arrived += int(n or 0)
        if self.total and self._arrived > self.total + _SLACK:
            raise OSError(f"Consistency check failed: {self._arrived} bytes of announced {self.total}, and no end")
        shown: bool | None = super().update(n)
        return shown
