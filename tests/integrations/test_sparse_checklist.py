"""What every sparse adapter must do, in every framework; rows of the checklist of dense ones that apply."""

import asyncio
import copy
import json
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rapidembed import SparseTextEmbedding

from tests.integrations.adapters import BM25, SPARSE_ADAPTERS, Adapter

ROOT = Path(__file__).parents[2]
TEXTS = [f"cats number {i} " * (1 + i % 9) for i in range(700)] + ["", "the", "hello world", "hello world"]
OPTIONS = {"language": "german", "k": 2.0, "stopwords": ["welt"], "tokenizer": "unicode"}

_FRESH = """
import json, pickle, sys
from tests.integrations.adapters import SPARSE_ADAPTERS
adapter, how, path = SPARSE_ADAPTERS[sys.argv[1]], sys.argv[2], sys.argv[3]
with open(path, "rb") as file:
    made = adapter.load(file.read().decode()) if how == "load" else pickle.load(file)
print(json.dumps([adapter.query(made, "hallo Welt"), *adapter.documents(made, ["hallo Welt", ""])]))
"""


@pytest.fixture(params=list(SPARSE_ADAPTERS))
def adapter(request: pytest.FixtureRequest) -> Adapter:
    return SPARSE_ADAPTERS[request.param]


def fresh_process(adapter: Adapter, how: str, content: bytes, folder: Path) -> list[list[list[float]]]:
    """The vectors of a component that another process loads, which may not import fastembed."""
    (folder / "made").write_bytes(content)
    (folder / "fastembed.py").write_text("raise RuntimeError('fastembed must not be imported')")
    done = subprocess.run(
        [sys.executable, "-c", _FRESH, adapter.name, how, str(folder / "made")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT), os.environ.get("PYTHONPATH", "")))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def vectors(adapter: Adapter, made: object) -> list[list[list[float]]]:
    return [adapter.query(made, "hallo Welt"), *adapter.documents(made, ["hallo Welt", ""])]


def pairs(embedding: object) -> list[list[float]]:
    return sorted(map(list, embedding.as_dict().items()))


def test_vectors_are_the_core_s_queries_as_queries(adapter: Adapter) -> None:
    made, core = adapter.make(), SparseTextEmbedding(BM25)
    assert adapter.documents(made, TEXTS) == [pairs(row) for row in core.encode_document(TEXTS)]
    assert adapter.query(made, "cats cats") == pairs(core.encode_query("cats cats"))
    assert adapter.query(made, "cats cats") != adapter.documents(made, ["cats cats"])[0]


async def test_async_equals_sync(adapter: Adapter) -> None:
    made = adapter.make(**OPTIONS)
    assert await adapter.adocuments(made, TEXTS) == adapter.documents(made, TEXTS)
    assert await adapter.aquery(made, "cats") == adapter.query(made, "cats")


def test_options_arrive(adapter: Adapter) -> None:
    core = SparseTextEmbedding(BM25, **OPTIONS)
    expected = [pairs(core.encode_query("hallo Welt")), pairs(core.encode("hallo Welt")), []]
    assert vectors(adapter, adapter.make(**OPTIONS)) == expected != vectors(adapter, adapter.make())


@pytest.mark.parametrize("used", [False, True])
@pytest.mark.parametrize("copier", [copy.copy, copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))])
def test_copies(adapter: Adapter, copier, used: bool) -> None:
    made = adapter.make(**OPTIONS)
    expected = vectors(adapter, made) if used else None
    twin = copier(made)
    assert vectors(adapter, twin) == (expected or vectors(adapter, made))


def test_saved_settings_load_in_a_fresh_process(adapter: Adapter, tmp_path: Path) -> None:
    made = adapter.make(**OPTIONS)
    saved = adapter.save(made)
    assert adapter.save(adapter.load(saved)) == saved
    assert fresh_process(adapter, "load", saved.encode(), tmp_path) == vectors(adapter, made)


def test_pickles_load_in_a_worker_process(adapter: Adapter, tmp_path: Path) -> None:
    made = adapter.make(**OPTIONS)
    assert fresh_process(adapter, "pickle", pickle.dumps(made), tmp_path) == vectors(adapter, made)


async def test_event_loop_keeps_turning(adapter: Adapter) -> None:
    made = adapter.make(lazy_load=True)
    gaps = []

    async def tick() -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            gaps.append(time.perf_counter() - last)
            last = time.perf_counter()

    ticker = asyncio.create_task(tick())
    await adapter.aquery(made, "the first call loads the model")
    await adapter.adocuments(made, TEXTS * 20)
    ticker.cancel()
    # Blocking would take as long as the calls; the odd long gap is the machine's.
    assert sorted(gaps)[-3] < 0.1


def test_edge_inputs(adapter: Adapter) -> None:
    made = adapter.make()
    assert adapter.documents(made, []) == []
    assert adapter.documents(made, ["", "the", "!"]) == [[], [], []]
    assert adapter.query(made, "") == adapter.query(made, "the") == []
    first, other, second = adapter.documents(made, ["twice", "once", "twice"])
    assert first == second != other


@pytest.mark.parametrize("bad", [None, 3, b"bytes"])
def test_a_wrong_item_is_an_error_that_names_its_index(adapter: Adapter, bad: object) -> None:
    made = adapter.make()
    with pytest.raises((TypeError, ValueError), match=r"\[1\]|documents\[1\]|content"):
        adapter.documents(made, ["fine", bad])


@pytest.mark.parametrize("option", ["modelname", "max_len", "avglen"])
def test_unknown_options_are_refused(adapter: Adapter, option: str) -> None:
    with pytest.raises(adapter.refusal, match=option):
        adapter.make(**{option: 1})


def test_impossible_options_are_named(adapter: Adapter) -> None:
    with pytest.raises(ValueError, match="b must be a number from 0 to 1"):
        adapter.query(adapter.make(b=7.0), "x")
