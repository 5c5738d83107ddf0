"""How long to go on asking a hub that is busy."""

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # httpx or httpx2, whichever the hub uses

from rapidembed.errors import ModelNotCachedError

R = TypeVar("R")

logger = logging.getLogger(__name__)

BUDGET_SECONDS = 60.0
"""Longest time that one model waits for a busy hub, all files together."""

_BUSY = frozenset({408, 429, 500, 502, 503, 504})
_FIRST_WAIT = 0.5
_BROKEN_TRANSFERS = 1


class Patience:
    """Repeats what failed for a passing reason, within :data:`BUDGET_SECONDS` of waiting.

    Busy answers (429, 5xx) wait as long as ``Retry-After`` says, else twice as long each time. A transfer that breaks
    off, which the hub's client has resumed a few times by then, is begun once more. A hub that cannot be reached, and
    an answer that is final, are not asked again.
    """

    def __init__(self) -> None:
        self._waited = 0.0
        self._next_wait = _FIRST_WAIT
        self._broken = 0
        self.tried = False
        """Whether something failed before."""

    def persist(self, work: Callable[[], R], explain: Callable[[Exception], Exception]) -> R:
        """Do ``work``; raise what ``explain`` makes of its last error."""
        while True:
            try:
                return work()
            except (OSError, httpx.HTTPError) as error:
                self.tried = True
                wait = self._wait(_reason(error))
                if wait is None:
                    explained = explain(error)
                    raise explained from _bare(error) if isinstance(explained, ModelNotCachedError) else error
                logger.warning("%s; asking again in %.1f s.", error, wait)
                time.sleep(wait)
                self._waited += wait

    def _wait(self, error: BaseException) -> float | None:
        """Seconds to wait before asking again; None where that is no use."""
        if isinstance(error, HfHubHTTPError):
            if error.response is None or error.response.status_code not in _BUSY:
                return None
            wait = _retry_after(error.response.headers.get("Retry-After")) or self._backoff()
        elif broke_off(error) and self._broken < _BROKEN_TRANSFERS:
            self._broken += 1
            wait = self._backoff()
        else:
            return None
        return wait if self._waited + wait <= BUDGET_SECONDS else None

    def _backoff(self) -> float:
        wait = self._next_wait
        self._next_wait *= 2
        return wait * random.uniform(0.8, 1.2)  # noqa: S311  # so that many machines do not come back together


def innermost(error: BaseException) -> BaseException:
    """The cause below the client's layers, which names the host or the setting at fault."""
    while True:
        inner = error.__cause__ or (error.__context__ if isinstance(error, httpx.TransportError) else None)
        if inner is None:
            return error
        error = inner


def _bare(error: BaseException) -> BaseException:
    """The innermost cause without the way to it: three tracebacks of a client that found no network help nobody."""
    cause = innermost(error)
    cause.__suppress_context__ = True
    return cause.with_traceback(None)


def _reason(error: BaseException) -> BaseException:
    # "Not in the cache either" hides what the hub said.
    return error.__cause__ if isinstance(error, LocalEntryNotFoundError) and error.__cause__ else error


def broke_off(error: BaseException) -> bool:
    """Whether a transfer had begun: the hub is there, so that trying again makes sense."""
    if isinstance(error, httpx.ConnectError):
        return False
    return isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError) or "Consistency check failed" in str(error)


def _retry_after(value: str | None) -> float | None:
    return float(value) if value and value.isdigit() else None
