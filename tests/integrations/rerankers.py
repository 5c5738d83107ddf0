"""The frameworks' rerankers behind one small interface, for the checklist that all of them pass."""

import json
from abc import ABC, abstractmethod
from typing import Any


class Reranker(ABC):
    """How a framework makes, asks, saves and loads its component. Options have rapidembed's names."""

    late: bool
    """Whether it ranks by late interaction; otherwise by a cross-encoder."""
    refusal: type[Exception]
    """What an unknown option raises."""
    top: str
    """The option that says how many documents to keep."""

    @abstractmethod
    def make(self, folder: str, **options: Any) -> Any: ...

    @abstractmethod
    def wrap(self, texts: list[str]) -> list[Any]: ...

    @abstractmethod
    def rank(self, made: Any, query: str, documents: list[Any]) -> list[tuple[str, float]]: ...

    @abstractmethod
    async def arank(self, made: Any, query: str, documents: list[Any]) -> list[tuple[str, float]]: ...

    @abstractmethod
    def save(self, made: Any) -> str: ...

    @abstractmethod
    def load(self, saved: str) -> Any: ...


class LangChain(Reranker):
    refusal = ValueError
    top = "top_n"

    def __init__(self, late: bool) -> None:
        self.late = late

    @property
    def _class(self) -> Any:
        import rapidembed_langchain

        return rapidembed_langchain.FastEmbedColbertRerank if self.late else rapidembed_langchain.FastEmbedRerank

    def make(self, folder: str, **options: Any) -> Any:
        return self._class(model=folder, **options)

    def wrap(self, texts: list[str]) -> list[Any]:
        from langchain_core.documents import Document

        return [Document(text, id=f"id {i}", metadata={"number": i}) for i, text in enumerate(texts)]

    def rank(self, made: Any, query: str, documents: list[Any]) -> list[tuple[str, float]]:
        return [(d.page_content, d.metadata["relevance_score"]) for d in made.compress_documents(documents, query)]

    async def arank(self, made: Any, query: str, documents: list[Any]) -> list[tuple[str, float]]:
        found = await made.acompress_documents(documents, query)
        return [(d.page_content, d.metadata["relevance_score"]) for d in found]

    def save(self, made: Any) -> str:
        return made.model_dump_json()

    def load(self, saved: str) -> Any:
        return self._class.model_validate_json(saved)


class LlamaIndex(Reranker):
    refusal = ValueError
    top = "top_n"

    def __init__(self, late: bool) -> None:
        self.late = late

    @property
    def _class(self) -> Any:
        import rapidembed_llamaindex

        return rapidembed_llamaindex.FastEmbedColbertRerank if self.late else rapidembed_llamaindex.FastEmbedRerank

    def make(self, folder: str, **options: Any) -> Any:
        return self._class(model_name=folder, **options)

    def wrap(self, texts: list[str]) -> list[Any]:
        from llama_index.core.schema import NodeWithScore, TextNode

        return [NodeWithScore(node=TextNode(text=text, id_=f"id {i}"), score=0.5) for i, text in enumerate(texts)]

    def rank(self, made: Any, query: str, documents: list[Any]) -> list[tuple[str, float]]:
        return [(n.text, n.score) for n in made.postprocess_nodes(documents, query_str=query)]

    async def arank(self, made: Any, query: str, documents: list[Any]) -> list[tuple[str, float]]:
        return [(n.text, n.score) for n in await made.apostprocess_nodes(documents, query_str=query)]

    def save(self, made: Any) -> str:
        return json.dumps(made.to_dict())

    def load(self, saved: str) -> Any:
        return self._class.from_dict(json.loads(saved))


class Haystack(Reranker):
    refusal = TypeError
    top = "top_k"

    def __init__(self, late: bool) -> None:
        self.late = late

    def make(self, folder: str, **options: Any) -> Any:
        import rapidembed_haystack as package

        options.pop("lazy_load", None)  # components always load at warm_up or the first run
        made = package.FastembedLateInteractionRanker if self.late else package.FastembedRanker
        return made(folder, **options)

    def wrap(self, texts: list[str]) -> list[Any]:
        from haystack import Document

        return [Document(content=text, id=f"id {i}", meta={"number": i}) for i, text in enumerate(texts)]

    def rank(self, made: Any, query: str, documents: list[Any]) -> list[tuple[str, float]]:
        return [(d.content, d.score) for d in made.run(query, documents)["documents"]]

    async def arank(self, made: Any, query: str, documents: list[Any]) -> list[tuple[str, float]]:
        return [(d.content, d.score) for d in (await made.run_async(query, documents))["documents"]]

    def save(self, made: Any) -> str:
        from haystack import Pipeline

        pipeline = Pipeline()
        # A component belongs to one pipeline for ever, so a copy goes in.
        pipeline.add_component("ranker", type(made).from_dict(made.to_dict()))
        return pipeline.dumps()

    def load(self, saved: str) -> Any:
        from haystack import Pipeline

        return Pipeline.loads(saved).get_component("ranker")


RERANKERS: dict[str, Reranker] = {
    f"{kind.__name__.lower()}-{'late' if late else 'cross'}": kind(late)
    for kind in (LangChain, LlamaIndex, Haystack)
    for late in (False, True)
}
