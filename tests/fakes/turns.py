"""Whether an event loop turns while work is done elsewhere, without a clock: the work waits for it to."""

import asyncio
import threading
from collections.abc import Awaitable
from typing import Any

import pytest

_PATIENCE = 60
"""Seconds that work waits for a loop that does not turn, because it does the work itself."""


async def turns(awaited: Awaitable[Any], *work: tuple[type, str]) -> list[bool]:
    """Whether the loop turned during each call of the methods in ``work``, until ``awaited`` is done."""
    turned, found = threading.Event(), []

    def wait() -> None:
        turned.clear()
        found.append(turned.wait(_PATIENCE if all(found) else 0))

    async def turn() -> None:
        while True:
            turned.set()
            await asyncio.sleep(0.001)

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in work:
            patch.setattr(owner, name, _after(wait, getattr(owner, name)))
        turning = asyncio.create_task(turn())
        await awaited
        turning.cancel()
    return found


def _after(wait: Any, method: Any) -> Any:
    def waits(*arguments: Any, **options: Any) -> Any:
        wait()
        return method(*arguments, **options)

    return waits
