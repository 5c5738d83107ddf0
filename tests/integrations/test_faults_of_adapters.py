"""Bad and odd inputs through the real frameworks: a row of docs/reliability.md for each of them."""

import asyncio
import importlib.metadata
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from rapidembed import RapidEmbedError

from tests.integrations.adapters import ADAPTERS, KINDS, QUERY, Adapter, LlamaIndex

pytestmark = pytest.mark.slow
FRAMEWORKS = {"langchain": "langchain-core", "llamaindex": "llama-index-core", "haystack": "haystack-ai"}
ODD = ["", " ", "\n\t", "\0\1", "e" + "\u0301" * 10_000, "\ud83d", "\u202e\u200d", "many words " * 50_000]
Row = Callable[[int, str, str], None]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_frameworks(framework: str, models: dict[str, str], row: Row) -> None:
    """Bad and odd inputs come through a framework."""
    done = 0
    for kind in KINDS:
        adapter = ADAPTERS[f"{framework}-{kind}"]
        for check in (_odd_texts, _wrong_items, _wrong_numbers, _nothing, _any_order):
            done += check(adapter, models[kind])
    versions = f"{FRAMEWORKS[framework]} {importlib.metadata.version(FRAMEWORKS[framework])}"
    row(64, f"as the core has it ({framework})", f"{done} checks of {len(KINDS)} kinds, {versions}")


def _everything(adapter: Adapter, model: str) -> Any:
    return adapter.make(model, **({} if adapter.embeds else {adapter.top: None}))


def _odd_texts(adapter: Adapter, model: str) -> int:
    """Rows 38, 41, 42: finite plain numbers, all texts, sync as async; what was given is as it was."""
    made, given = _everything(adapter, model), list(ODD)
    # LlamaIndex's own nodes refuse half a character before an adapter sees it.
    texts = [text for text in given if adapter.embeds or not isinstance(adapter, LlamaIndex) or text != "\ud83d"]
    found, awaited = adapter.results(made, texts), asyncio.run(adapter.aresults(made, texts))
    assert given == ODD
    assert len(found) == len(texts) + adapter.embeds
    assert found == awaited or np.allclose(_numbers(found), _numbers(awaited), atol=1e-6)
    assert np.isfinite(_numbers(found)).all()
    return len(texts)


def _numbers(found: list[Any]) -> list[float]:
    flat: list[Any] = [found]
    numbers = []
    while flat:
        value = flat.pop()
        if isinstance(value, list | tuple):
            flat += value
        elif not isinstance(value, str):
            assert type(value) in (int, float), type(value)
            numbers.append(float(value))
    return numbers


def _wrong_items(adapter: Adapter, model: str) -> int:
    """Row 39: a TypeError or ValueError that names the place, or the framework's own."""
    made, wrong = _everything(adapter, model), (None, 3, b"x", ["x"], {"a": 1}, object())
    if adapter.embeds and adapter.framework == "haystack":
        return 0  # whose Documents hold a text or nothing
    for item in wrong:

        def call(item: Any = item) -> Any:
            given = ["fine", item] if adapter.embeds else [*adapter.wrap(["fine"]), item]
            return adapter.documents(made, given) if adapter.embeds else adapter.rank(made, QUERY, given)

        with pytest.raises((TypeError, ValueError), match=r"\[1\]"):
            call()
    return len(wrong)


def _wrong_numbers(adapter: Adapter, model: str) -> int:
    """Rows 43 and 45: an error when the component is made, or at its first use. For pydantic True is a number."""
    wrong = [{"batch_size": value} for value in (0, -1)] + [{"parallel": -1}, {"threads": 0}]
    if adapter.kind != "sparse":
        wrong.append({adapter.max_tokens: 10**30})
    count = 0
    for options in wrong:
        with pytest.raises((TypeError, ValueError, RapidEmbedError)):
            adapter.results(adapter.make(model, **options), ["x"])
        count += 1
    return count


def _nothing(adapter: Adapter, model: str) -> int:
    """Row 40."""
    made = _everything(adapter, model)
    assert (adapter.documents(made, []) if adapter.embeds else adapter.rank(made, QUERY, [])) == []
    return 1


def _any_order(adapter: Adapter, model: str) -> int:
    """Row 44: the same texts alone, twice, and in another order."""
    made = _everything(adapter, model)
    texts = [f"the quick fox {'and the lazy dog ' * (i % 4)}{i}" for i in range(20)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if not adapter.embeds:
            forth, back = (sorted(adapter.rank(made, QUERY, adapter.wrap(each))) for each in (texts, texts[::-1]))
            assert [text for text, _ in forth] == [text for text, _ in back]
            np.testing.assert_allclose([score for _, score in forth], [score for _, score in back], atol=1e-6)
            return 1
        many = adapter.documents(made, texts + texts)
        alone = [adapter.documents(made, [text])[0] for text in texts]
    for found in (many[:20], many[20:], adapter.documents(made, texts[::-1])[::-1]):
        for one, other in zip(found, alone, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)
    return 1
