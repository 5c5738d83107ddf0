"""``embeddings_cache`` without mix-ups: a vector is kept under its model, its role and its text.

The framework keeps vectors under the text alone, so a query gets the vector of an equal document, and two models that
share a store get each other's (https://github.com/run-llama/llama_index/issues/23181).
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from llama_index.core.base.embeddings.base import Embedding
from llama_index.core.storage.kvstore.types import DEFAULT_COLLECTION, BaseKVStore

Texts: TypeAlias = str | list[str]

_COLLECTION = "embeddings"


class EmbeddingsCache(BaseKVStore):
    """The user's store, as it is, and the look-ups that the embedding makes in it.

    It is false, which keeps the framework's own look-ups away: for them no cache is set.
    """

    def __init__(self, store: BaseKVStore) -> None:
        self.store = store

    def __bool__(self) -> bool:
        return False

    def __getattr__(self, name: str) -> Any:
        # Such as persist(), which only some stores have. Copies ask for names before there is a store.
        if name == "store":
            raise AttributeError(name)
        return getattr(self.store, name)

    def embed(self, scope: str, texts: Texts, embed: Callable[[Texts], list[Any]]) -> list[Any]:
        """The result of ``embed(texts)``, which is called for the texts not yet kept under ``scope`` only."""
        if not _are_texts(texts):
            return embed(texts)  # its error names the wrong one
        items = [texts] if isinstance(texts, str) else texts
        kept = {text: self.get(f"{scope}:{text}", _COLLECTION) for text in items}
        vectors = _known(kept)
        if missing := [text for text in kept if text not in vectors]:
            vectors.update(zip(missing, embed(missing), strict=True))
        for text in missing:
            self.put(f"{scope}:{text}", {"embedding": vectors[text]}, _COLLECTION)
        return vectors[texts] if isinstance(texts, str) else [vectors[text] for text in texts]

    async def aembed(self, scope: str, texts: Texts, embed: Callable[[Texts], Awaitable[list[Any]]]) -> list[Any]:
        """:meth:`embed`, by coroutines."""
        if not _are_texts(texts):
            return await embed(texts)
        items = [texts] if isinstance(texts, str) else texts
        kept = {text: await self.aget(f"{scope}:{text}", _COLLECTION) for text in items}
        vectors = _known(kept)
        if missing := [text for text in kept if text not in vectors]:
            vectors.update(zip(missing, await embed(missing), strict=True))
        for text in missing:
            await self.aput(f"{scope}:{text}", {"embedding": vectors[text]}, _COLLECTION)
        return vectors[texts] if isinstance(texts, str) else [vectors[text] for text in texts]

    # The user's store

    def put(self, key: str, val: dict[str, Any], collection: str = DEFAULT_COLLECTION) -> None:  # noqa: D102
        self.store.put(key, val, collection)

    async def aput(self, key: str, val: dict[str, Any], collection: str = DEFAULT_COLLECTION) -> None:  # noqa: D102
        await self.store.aput(key, val, collection)

    def get(self, key: str, collection: str = DEFAULT_COLLECTION) -> dict[str, Any] | None:  # noqa: D102
        return self.store.get(key, collection)

    async def aget(self, key: str, collection: str = DEFAULT_COLLECTION) -> dict[str, Any] | None:  # noqa: D102
        return await self.store.aget(key, collection)

    def get_all(self, collection: str = DEFAULT_COLLECTION) -> dict[str, dict[str, Any]]:  # noqa: D102
        return self.store.get_all(collection)

    async def aget_all(self, collection: str = DEFAULT_COLLECTION) -> dict[str, dict[str, Any]]:  # noqa: D102
        return await self.store.aget_all(collection)

    def delete(self, key: str, collection: str = DEFAULT_COLLECTION) -> bool:  # noqa: D102
        return self.store.delete(key, collection)

    async def adelete(self, key: str, collection: str = DEFAULT_COLLECTION) -> bool:  # noqa: D102
        return await self.store.adelete(key, collection)


def _are_texts(texts: Any) -> bool:
    return isinstance(texts, str) or all(isinstance(text, str) for text in texts or [None])


def _known(kept: dict[str, dict[str, Any] | None]) -> dict[str, Embedding]:
    return {text: next(iter(value.values())) for text, value in kept.items() if value is not None}
