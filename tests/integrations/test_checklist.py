"""What every adapter must do, in every framework, of every kind."""

import asyncio
import copy
import inspect
import json
import linecache
import os
import pickle
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rapidembed import (
    LateInteractionTextEmbedding,
    SparseTextEmbedding,
    TextCrossEncoder,
    TextEmbedding,
    TruncationWarning,
    max_sim,
)
from rapidembed.lexical.bm25 import Bm25
from rapidembed.runtime.onnx_engine import OnnxEngine

from tests.fakes.engines import engines
from tests.fakes.turns import turns
from tests.integrations import adapters
from tests.integrations.adapters import ADAPTERS, BM25, QUERY, Adapter

ROOT = Path(__file__).parents[2]
_draw = random.Random(1)
_WORDS = ["the", "quick", "brown", "fox", "jumps", "over", "lazy", "dog", "hello", "world", "hallo", "Welt"]
TEXTS = [" ".join(_draw.choices(_WORDS, k=2 + i % 9)) for i in range(40)] + ["", "hello world", "hello world"]
# Options that show in the results, one set for each kind.
OPTIONS: dict[str, dict[str, Any]] = {
    "dense": {"prompts": {"query": "query: ", "document": "passage: "}, "dimensions": 16},
    "sparse": {"language": "german", "k": 2.0, "stopwords": ["welt"], "tokenizer": "unicode"},
    "cross": {"threads": 1},
    "late": {"threads": 1},
}
FACADES = {
    "dense": TextEmbedding,
    "sparse": SparseTextEmbedding,
    "cross": TextCrossEncoder,
    "late": LateInteractionTextEmbedding,
}
Models = dict[str, str]


@pytest.fixture(params=list(ADAPTERS))
def adapter(request: pytest.FixtureRequest) -> Adapter:
    return ADAPTERS[request.param]


@pytest.fixture
def model(adapter: Adapter, models: Models) -> str:
    return models[adapter.kind]


def everything(adapter: Adapter) -> dict[str, Any]:
    """The option that lets a reranker keep all documents."""
    return {} if adapter.embeds else {adapter.top: None}


def made_with(adapter: Adapter, model: str, **more: Any) -> Any:
    return adapter.make(model, **OPTIONS[adapter.kind], **everything(adapter), **more)


def expected(adapter: Adapter, model: str, options: dict[str, Any]) -> list[Any]:
    """The core's results."""
    with FACADES[adapter.kind](model, **options) as core:
        if adapter.kind == "dense":
            return [core.encode_query(QUERY).tolist(), *core.encode_document(TEXTS).tolist()]
        if adapter.kind == "sparse":
            return [adapters.plain(row.as_dict()) for row in (core.encode_query(QUERY), *core.encode_document(TEXTS))]
        if adapter.kind == "cross":
            scores = core.score(QUERY, TEXTS)
        else:
            scores = max_sim(core.encode_query(QUERY), core.encode_document(TEXTS))
        return [[TEXTS[i], float(scores[i])] for i in np.argsort(-scores, kind="stable")]


def leaves(value: Any) -> Iterator[Any]:
    """What nested lists hold; anything else than lists is a leaf."""
    if type(value) is list:
        for each in value:
            yield from leaves(each)
    else:
        yield value


def same(found: list[Any], wanted: list[Any]) -> bool:
    """Whether texts and kinds are equal, and numbers nearly."""
    ours, theirs = list(leaves(found)), list(leaves(wanted))
    if [type(each) for each in ours] != [type(each) for each in theirs]:
        return False
    return all(a == b if isinstance(a, str) else abs(a - b) < 1e-6 for a, b in zip(ours, theirs, strict=True))


# Results


async def test_results_are_the_core_s_in_plain_types(adapter: Adapter, model: str) -> None:
    found = adapter.results(adapter.make(model, **everything(adapter)), TEXTS)
    assert same(found, expected(adapter, model, {}))
    assert {type(leaf) for leaf in leaves(found)} <= {float, int, str}


async def test_options_arrive_and_async_equals_sync(adapter: Adapter, model: str) -> None:
    made, wanted = made_with(adapter, model), expected(adapter, model, OPTIONS[adapter.kind])
    assert same(adapter.results(made, TEXTS), wanted)
    assert same(await adapter.aresults(made, TEXTS), wanted)


async def test_edge_inputs(adapter: Adapter, model: str) -> None:
    made = adapter.make(model)
    if adapter.embeds:
        assert adapter.documents(made, []) == await adapter.adocuments(made, []) == []
        first, other, second, empty = adapter.documents(made, ["lazy", "dog", "lazy", ""])
        assert same(first, second)
        assert not same(first, other)
        assert len(empty) == (32 if adapter.kind == "dense" else 0)
    else:
        assert adapter.rank(made, QUERY, []) == await adapter.arank(made, QUERY, []) == []


@pytest.mark.parametrize("bad", [None, 3, b"bytes"])
def test_a_wrong_item_is_an_error_that_names_its_index(adapter: Adapter, model: str, bad: object) -> None:
    made = adapter.make(model)
    if adapter.embeds and adapter.framework == "haystack":
        pytest.skip("Haystack's Documents hold a str or nothing")
    many = ["fine", bad] if adapter.embeds else [*adapter.wrap(["fine"]), bad]
    with pytest.raises((TypeError, ValueError), match=r"\[1\]"):
        _ = adapter.documents(made, many) if adapter.embeds else adapter.rank(made, QUERY, many)


async def test_one_is_not_many_and_many_are_not_one(adapter: Adapter, model: str) -> None:
    made = adapter.make(model)
    for call in adapter.misuses(made):
        with pytest.raises((TypeError, ValueError), match=r"must be|got (a )?(str|list|one)"):
            call()
    for acall in adapter.amisuses(made):
        with pytest.raises((TypeError, ValueError), match=r"must be|got (a )?(str|list|one)"):
            await acall()


async def test_warnings_name_the_user_s_line_and_the_texts(adapter: Adapter, model: str) -> None:
    if adapter.kind == "sparse":
        pytest.skip("BM25 has no limit")
    made = adapter.make(model, **{adapter.max_tokens: 12})
    texts = ["the dog", "the lazy dog " * 9, "hello world"]
    for call in (lambda: adapter.results(made, texts), lambda: asyncio.run(adapter.aresults(made, texts))):
        with pytest.warns(TruncationWarning) as caught:
            await asyncio.to_thread(call)  # the loop of a caller of its own
        (warning,) = caught
        assert "1 of 3" in str(warning.message)
        assert "s[1]. Split" in str(warning.message)
        assert warning.filename in (adapters.__file__, __file__)  # this file's line where tasks lie in between
        line = linecache.getline(warning.filename, warning.lineno)
        assert "made" in line or "asyncio.run" in line


async def test_event_loop_keeps_turning(adapter: Adapter, model: str) -> None:
    made = adapter.make(model, lazy_load=True)
    network = [(OnnxEngine, "__init__"), (OnnxEngine, "run"), (OnnxEngine, "run_one")]
    work = [(Bm25, "documents"), (Bm25, "query")] if adapter.kind == "sparse" else network
    found = await turns(adapter.aresults(made, TEXTS), *work)
    assert found
    assert all(found)


# Options, copies, lives


@pytest.mark.parametrize("option", ["modelname", "max_len", "batchsize"])
def test_unknown_options_are_refused(adapter: Adapter, model: str, option: str) -> None:
    with pytest.raises((TypeError, ValueError), match=option):
        adapter.make(model, **{option: 1})


@pytest.mark.parametrize("used", [False, True])
@pytest.mark.parametrize("copier", [copy.copy, copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))])
def test_copies(adapter: Adapter, model: str, copier: Any, used: bool) -> None:
    made = made_with(adapter, model)
    before = adapter.results(made, TEXTS) if used else None
    twin = adapter.copied(made, copier)
    assert same(adapter.results(twin, TEXTS), before or adapter.results(made, TEXTS))
    assert twin == made


CHANGES = {
    "dense": {"dimensions": 8, "normalize": True},
    "sparse": {"language": "german", "stopwords": ["dog"]},
    "cross": {"max_tokens": 12},
    "late": {"max_tokens": 12},
}


@pytest.mark.filterwarnings("ignore::rapidembed.TruncationWarning")
def test_a_changed_copy_computes_with_its_options(adapter: Adapter, model: str) -> None:
    changes = {adapter.max_tokens if name == "max_tokens" else name: v for name, v in CHANGES[adapter.kind].items()}
    made, fresh = adapter.make(model, **everything(adapter)), adapter.make(model, **everything(adapter), **changes)
    before, fingerprint = adapter.results(made, TEXTS), adapter.fingerprint(made)
    changed = adapter.changed(made, changes)
    wanted = adapter.results(fresh, TEXTS)
    assert same(adapter.results(changed, TEXTS), wanted)
    assert not same(before, wanted)
    assert same(adapter.results(made, TEXTS), before)
    assert changed == fresh
    assert changed != made
    assert adapter.fingerprint(changed) == adapter.fingerprint(fresh) != fingerprint == adapter.fingerprint(made)


def test_equal_options_are_equal(adapter: Adapter, model: str) -> None:
    first, second = made_with(adapter, model), made_with(adapter, model)
    other = adapter.make(model, **OPTIONS[adapter.kind], **({} if adapter.embeds else {adapter.top: 1}))
    assert first == second
    assert hash(first) == hash(second)
    assert len({first, second}) == 1
    assert first != "another thing"
    if not adapter.embeds:
        assert first != other
    assert adapter.fingerprint(first) == adapter.fingerprint(second)
    with FACADES[adapter.kind](model, **OPTIONS[adapter.kind]) as core:
        assert adapter.fingerprint(first) == core.fingerprint


_FRESH = """
import json, pickle, sys
from pathlib import Path
from tests.integrations.adapters import ADAPTERS
folder, texts = Path(sys.argv[1]), json.loads(sys.argv[2])
found = {}
for name, adapter in ADAPTERS.items():
    saved = adapter.load((folder / f"{name}.saved").read_text(encoding="utf-8"))
    pickled = pickle.loads((folder / f"{name}.pickle").read_bytes())
    found[name] = [adapter.results(made, texts) for made in (saved, pickled)]
print(json.dumps(found))
"""
_found: dict[str, list[Any]] = {}


@pytest.fixture
def fresh(models: Models, tmp_path: Path) -> dict[str, list[Any]]:
    """The results of every adapter in another process, saved and pickled, beside a fastembed that must not be used."""
    if _found:
        return _found
    (tmp_path / "fastembed.py").write_text("raise RuntimeError('fastembed must not be imported')")
    for name, adapter in ADAPTERS.items():
        made = made_with(adapter, models[adapter.kind])
        (tmp_path / f"{name}.saved").write_text(adapter.save(made), encoding="utf-8")
        (tmp_path / f"{name}.pickle").write_bytes(pickle.dumps(made))
    path = os.pathsep.join(filter(None, [str(tmp_path), str(ROOT), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-c", _FRESH, str(tmp_path), json.dumps(TEXTS)]
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    _found.update(json.loads(done.stdout))
    return _found


def test_another_process_gets_the_same(adapter: Adapter, model: str, fresh: dict[str, list[Any]]) -> None:
    made = made_with(adapter, model)
    saved = adapter.save(made)
    again = adapter.load(saved)
    assert adapter.save(again) == saved
    assert again == made
    wanted = adapter.results(made, TEXTS)
    for found in fresh[f"{adapter.framework}-{adapter.kind}"]:
        assert same(found, wanted)


def test_components_share_one_engine_and_free_it(adapter: Adapter, model: str) -> None:
    if adapter.kind == "sparse":
        pytest.skip("BM25 has no engine")
    before = engines()
    # threads make an engine of this test's own: haystack's LazyImport keeps the frames of its first import for ever.
    made = [adapter.make(model, threads=7), adapter.make(model, **OPTIONS[adapter.kind] | {"threads": 7})]
    for each in made:
        adapter.results(each, TEXTS)
    assert len(engines()) == len(before) + 1
    del each
    made.clear()
    assert engines() == before


@pytest.mark.parametrize("framework", sorted({adapter.framework for adapter in ADAPTERS.values()}))
def test_importing_an_adapter_loads_no_engine(framework: str) -> None:
    script = f"import sys, rapidembed_{framework}; print({{'onnxruntime', 'tokenizers', 'torch'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("name", [name for name in ADAPTERS if name.endswith("dense")])
def test_static_models_too(name: str) -> None:
    adapter, model = ADAPTERS[name], "builtin:static-en"
    made = adapter.make(model)
    wanted = expected(adapter, model, {})
    assert adapter.results(made, TEXTS) == wanted == asyncio.run(adapter.aresults(made, TEXTS))
    assert adapter.results(adapter.load(adapter.save(made)), TEXTS) == wanted


@pytest.mark.parametrize("name", [name for name in ADAPTERS if name.endswith("sparse")])
def test_impossible_options_are_named(name: str) -> None:
    adapter = ADAPTERS[name]
    with pytest.raises(ValueError, match="b must be a number from 0 to 1"):
        adapter.query(adapter.make(BM25, b=7.0), "x")


def test_every_public_class_is_on_the_list() -> None:
    import rapidembed_haystack
    import rapidembed_langchain
    import rapidembed_llamaindex

    packages = (rapidembed_langchain, rapidembed_llamaindex, rapidembed_haystack)
    public = {getattr(package, name) for package in packages for name in package.__all__}
    listed = {part for a in ADAPTERS.values() for part in (a.parts if a.framework == "haystack" else (a.made_of,))}
    left = {each.__name__ for each in public - listed if inspect.isclass(each)}
    pictures = {"FastEmbedImageEmbeddings", "FastEmbedMultiModalEmbedding", "FastembedDocumentImageEmbedder"}
    splitters = {"FastEmbedTextSplitter", "FastEmbedNodeParser", "FastembedDocumentSplitter"}
    assert left == {"FastEmbedCrossEncoder", "FastEmbedFusionRetriever", "SparseVector"} | pictures | splitters
