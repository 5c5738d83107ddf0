"""The progress bar: how many texts, how fast, how much of the input."""

import sys
import time

_REFRESH_SECONDS = 0.2


class Bar:
    """A line on stderr, if that is a terminal.

    Args:
        total: bytes of the input; None: not known, so there is no bar and no time left.
        noun: what the inputs are called.
        texts: inputs that an earlier run did.
        done: bytes that an earlier run read.
        shown: whether it is wanted.
    """

    def __init__(self, total: int | None, *, noun: str, texts: int, done: int, shown: bool) -> None:
        from tqdm import tqdm

        known = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
        self._bar = tqdm(
            total=total,
            initial=done,
            disable=not (shown and sys.stderr is not None and sys.stderr.isatty()),
            file=sys.stderr,
            desc=f"{texts:,} {noun}",
            bar_format=known if total else "{desc} {elapsed}",
            mininterval=_REFRESH_SECONDS,
            leave=False,
        )
        self._noun = noun
        self._done = done
        self._texts = self._earlier = texts
        self._started = time.perf_counter()

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    @property
    def rate(self) -> float:
        """Texts per second in this run."""
        return (self._texts - self._earlier) / max(time.perf_counter() - self._started, 1e-9)

    def update(self, texts: int, done: int) -> None:
        """Show how far the run has come: texts and bytes since its beginning."""
        self._texts = texts
        self._bar.set_description_str(f"{texts:,} {self._noun}, {self.rate:,.0f}/s", refresh=False)
        self._bar.update(max(0, done - self._done))
        self._done = max(done, self._done)
