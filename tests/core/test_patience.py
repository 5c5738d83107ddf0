"""How long a busy hub is asked, without a hub and without waiting."""

import random

import pytest
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from huggingface_hub.utils import httpx
from rapidembed.hub import patience
from rapidembed.hub.patience import BUDGET_SECONDS, Patience, innermost

REQUEST = httpx.Request("GET", "http://hub.example/file")


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that were waited; the jitter is taken out."""
    waited: list[float] = []
    monkeypatch.setattr(patience.time, "sleep", waited.append)
    monkeypatch.setattr(random, "uniform", lambda low, high: (low + high) / 2)
    return waited


def answered(status: int, **headers: str) -> HfHubHTTPError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HfHubHTTPError(f"HTTP {status}", response=httpx.Response(status, headers=named, request=REQUEST))


def persist(*failures: Exception) -> str:
    """Work that fails so, and then succeeds."""
    left = list(failures)

    def work() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return Patience().persist(work, lambda error: error)


def test_waits_double_until_the_hub_answers(waits: list[float]) -> None:
    assert persist(*[answered(503)] * 4) == "done"
    assert waits == [0.5, 1.0, 2.0, 4.0]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_busy_answers_are_asked_again(waits: list[float], status: int) -> None:
    assert persist(answered(status)) == "done"
    assert waits == [0.5]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 501])
def test_final_answers_are_not(waits: list[float], status: int) -> None:
    with pytest.raises(HfHubHTTPError, match=str(status)):
        persist(answered(status))
    assert waits == []


def test_the_hub_says_how_long(waits: list[float]) -> None:
    assert persist(answered(429, Retry_After="7"), answered(429, Retry_After="soon"), answered(429)) == "done"
    assert waits == [7, 0.5, 1.0]


def test_all_waits_together_are_within_the_budget(waits: list[float]) -> None:
    budget = int(BUDGET_SECONDS)
    assert persist(answered(429, Retry_After=str(budget - 1)), answered(429, Retry_After="1")) == "done"
    assert sum(waits) == budget
    waits.clear()
    with pytest.raises(HfHubHTTPError):
        persist(answered(429, Retry_After=str(budget - 1)), answered(429, Retry_After="2"))
    assert waits == [budget - 1]


def test_a_broken_transfer_is_begun_once_more(waits: list[float]) -> None:
    broken = httpx.ReadError("reset")
    assert persist(broken) == "done"
    assert persist(OSError("Consistency check failed: 3 bytes")) == "done"
    with pytest.raises(httpx.ReadError):
        persist(broken, broken)
    assert waits == [0.5, 0.5, 0.5]


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), OSError("disk full")])
def test_other_failures_are_final(waits: list[float], error: Exception) -> None:
    with pytest.raises(type(error)):
        persist(error)
    assert waits == []


def test_what_the_hub_said_counts_where_the_cache_lacks_the_file_too(waits: list[float]) -> None:
    absent, unrelated = LocalEntryNotFoundError("not in the cache either"), OSError("disk full")
    absent.__cause__ = unrelated.__cause__ = answered(503)
    assert persist(absent) == "done"
    assert waits == [0.5]
    for final in (unrelated, LocalEntryNotFoundError("without a cause")):
        with pytest.raises(type(final)):
            persist(final)
    assert waits == [0.5]


def test_whether_anything_failed_is_remembered(waits: list[float]) -> None:
    asked = Patience()
    assert asked.persist(lambda: "done", lambda error: error) == "done"
    assert not asked.tried
    with pytest.raises(OSError, match="disk full"):
        asked.persist(lambda: (_ for _ in ()).throw(OSError("disk full")), lambda error: error)
    assert asked.tried


def test_the_innermost_cause_is_found_below_the_client_s_layers() -> None:
    """A transport error hides what it came from in its context; of other errors a context is another story."""
    below, transport, outer = OSError("no route"), httpx.ConnectError("failed"), OSError("not in the cache either")
    transport.__context__, outer.__cause__ = below, transport
    assert [innermost(error) for error in (below, transport, outer)] == [below] * 3
    unrelated = OSError("later")
    unrelated.__context__ = below
    assert innermost(unrelated) is unrelated
