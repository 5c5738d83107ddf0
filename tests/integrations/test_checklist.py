"""What every adapter must do, in every framework."""

import asyncio
import copy
import gc
import json
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from rapidembed import TextEmbedding
from rapidembed.runtime import lease

from tests.integrations.adapters import ADAPTERS, MINILM, Adapter

ROOT = Path(__file__).parents[2]
TEXTS = [f"text number {i} " * (1 + i % 9) for i in range(40)] + ["", "hello world", "hello world"]
PROMPTS = {"query": "query: ", "document": "passage: "}

_FRESH = """
import json, pickle, sys
from tests.integrations.adapters import ADAPTERS
adapter, how, path = ADAPTERS[sys.argv[1]], sys.argv[2], sys.argv[3]
with open(path, "rb") as file:
    made = adapter.load(file.read().decode()) if how == "load" else pickle.load(file)
print(json.dumps([adapter.query(made, "hello world"), *adapter.documents(made, ["hello world", ""])]))
"""


@pytest.fixture(params=list(ADAPTERS))
def adapter(request: pytest.FixtureRequest) -> Adapter:
    return ADAPTERS[request.param]


def fresh_process(adapter: Adapter, how: str, content: bytes, folder: Path, path: str = "") -> list[list[float]]:
    """The vectors of a component that another process loads; ``path`` comes first on that process's module path."""
    (folder / "made").write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", _FRESH, adapter.name, how, str(folder / "made")],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, (path, str(ROOT), os.environ.get("PYTHONPATH")))),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def vectors(adapter: Adapter, made: object) -> list[list[float]]:
    return [adapter.query(made, "hello world"), *adapter.documents(made, ["hello world", ""])]


def test_vectors_are_the_core_s_in_plain_floats(adapter: Adapter) -> None:
    made, core = adapter.make(), TextEmbedding(MINILM)
    documents, query = adapter.documents(made, TEXTS), adapter.query(made, "hello world")
    np.testing.assert_allclose(documents, core.encode_document(TEXTS), atol=1e-6)
    np.testing.assert_allclose(query, core.encode_query("hello world"), atol=1e-6)
    for vector in (query, *documents):
        assert type(vector) is list
        assert {type(value) for value in vector} == {float}


async def test_async_equals_sync(adapter: Adapter) -> None:
    made = adapter.make()
    np.testing.assert_allclose(await adapter.adocuments(made, TEXTS), adapter.documents(made, TEXTS), atol=1e-6)
    np.testing.assert_allclose(await adapter.aquery(made, "x"), adapter.query(made, "x"), atol=1e-6)


async def test_queries_and_documents_get_their_prompts(adapter: Adapter) -> None:
    made, core = adapter.make(prompts=PROMPTS), TextEmbedding(MINILM)
    query, document = core.encode("query: x"), core.encode("passage: x")
    np.testing.assert_allclose([adapter.query(made, "x"), await adapter.aquery(made, "x")], [query] * 2, atol=1e-6)
    np.testing.assert_allclose(adapter.documents(made, ["x"])[0], document, atol=1e-6)
    np.testing.assert_allclose((await adapter.adocuments(made, ["x"]))[0], document, atol=1e-6)


@pytest.mark.parametrize("used", [False, True])
@pytest.mark.parametrize("copier", [copy.copy, copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))])
def test_copies(adapter: Adapter, copier, used: bool) -> None:
    made = adapter.make(prompts=PROMPTS, threads=1)
    expected = vectors(adapter, made) if used else None
    twin = copier(made)
    np.testing.assert_allclose(vectors(adapter, twin), expected or vectors(adapter, made), atol=1e-6)


def test_saved_settings_load_in_a_fresh_process(adapter: Adapter, tmp_path: Path) -> None:
    made = adapter.make(prompts=PROMPTS)
    saved = adapter.save(made)
    assert adapter.save(adapter.load(saved)) == saved
    np.testing.assert_allclose(
        fresh_process(adapter, "load", saved.encode(), tmp_path), vectors(adapter, made), atol=1e-6
    )


def test_pickles_load_in_a_worker_process(adapter: Adapter, tmp_path: Path) -> None:
    made = adapter.make(prompts=PROMPTS)
    expected = vectors(adapter, made)
    np.testing.assert_allclose(fresh_process(adapter, "pickle", pickle.dumps(made), tmp_path), expected, atol=1e-6)


def test_official_fastembed_is_neither_needed_nor_touched(adapter: Adapter, tmp_path: Path) -> None:
    (tmp_path / "fastembed.py").write_text("raise RuntimeError('fastembed must not be imported')")
    made = adapter.make()
    saved = adapter.save(made).encode()
    found = fresh_process(adapter, "load", saved, tmp_path, path=str(tmp_path))
    np.testing.assert_allclose(found, vectors(adapter, made), atol=1e-6)


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
    await adapter.adocuments(made, TEXTS * 10)
    ticker.cancel()
    assert len(gaps) > 50
    # Blocking would take as long as the calls, which is seconds; the odd long gap is the machine's.
    assert sorted(gaps)[-3] < 0.05
    assert max(gaps) < 0.5


def test_components_share_one_engine_and_free_it(adapter: Adapter) -> None:
    gc.collect()
    before = len(lease._engines)
    # threads make an engine of this test's own: haystack's LazyImport keeps the frames of its first import for ever.
    made = [adapter.make(threads=7), adapter.make(threads=7, prompts=PROMPTS)]
    for each in made:
        adapter.query(each, "x")
        adapter.documents(each, ["x"])
    assert len(lease._engines) == before + 1
    del each
    made.clear()
    gc.collect()
    assert len(lease._engines) == before


def test_edge_inputs(adapter: Adapter) -> None:
    made = adapter.make()
    assert adapter.documents(made, []) == []
    assert len(adapter.documents(made, [""])[0]) == 384
    same = adapter.documents(made, ["twice", "once", "twice"])
    assert same[0] == pytest.approx(same[2], abs=1e-6)


@pytest.mark.parametrize("bad", [None, 3, b"bytes"])
def test_a_wrong_item_is_an_error_that_names_its_index(adapter: Adapter, bad: object) -> None:
    made = adapter.make()
    with pytest.raises((TypeError, ValueError), match=r"\[1\]|documents\[1\]|content"):
        adapter.documents(made, ["fine", bad])


@pytest.mark.parametrize("option", ["modelname", "max_len", "batchsize"])
def test_unknown_options_are_refused(adapter: Adapter, option: str) -> None:
    with pytest.raises(adapter.refusal, match=option):
        adapter.make(**{option: 1})


def test_importing_an_adapter_loads_no_engine(adapter: Adapter) -> None:
    script = f"import sys, rapidembed_{adapter.name}; print('onnxruntime' in sys.modules, 'tokenizers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_static_models_too(adapter: Adapter) -> None:
    made, core = adapter.make("builtin:static-en"), TextEmbedding("builtin:static-en")
    np.testing.assert_array_equal(adapter.documents(made, TEXTS), core.encode_document(TEXTS))
    np.testing.assert_array_equal(adapter.query(made, "hello world"), core.encode_query("hello world"))
    again = adapter.load(adapter.save(made))
    assert asyncio.run(adapter.aquery(again, "hello world")) == adapter.query(made, "hello world")
