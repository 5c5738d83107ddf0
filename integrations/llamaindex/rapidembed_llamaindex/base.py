"""The framework's base class with its known faults repaired."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.storage.kvstore.types import BaseKVStore
from pydantic import BeforeValidator, ConfigDict, Field, field_validator, model_validator

from rapidembed_llamaindex.cache import EmbeddingsCache

T = TypeVar("T")
Fixed = Annotated[T, Field(frozen=True)]  # the loaded model would not follow a change
Folder = Annotated[str | None, BeforeValidator(lambda value: str(value) if isinstance(value, Path) else value)]


def without_class_name(cls: Any, fields: Any) -> Any:
    """The fields without the name of the class, which model_dump() writes among them; only from_dict() takes it out."""
    if isinstance(fields, dict) and fields.get("class_name") == cls.class_name():
        return {name: value for name, value in fields.items() if name != "class_name"}
    return fields


class Configured:
    """Options and the model that is loaded by them: whoever changes the ones gets another of the other.

    Comes before the framework's class in the bases of a class.
    """

    _model: Any

    @property
    def fingerprint(self) -> str:
        """A short hash of everything that decides the results, to be stored with them; it loads the model."""
        return str(self._model.fingerprint)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, with the options changed that ``update`` names; these are checked."""
        if not update:
            copied: Self = super().model_copy(deep=deep)  # type: ignore[misc]
            return copied
        kept: set[str] = self.model_fields_set  # type: ignore[attr-defined]
        return type(self)(**{name: getattr(self, name) for name in kept} | dict(update))

    def copy(self, *, update: dict[str, Any] | None = None, deep: bool = False, **others: Any) -> Self:
        """:meth:`model_copy` by its older name."""
        copied: Self = super().copy(deep=deep, **others) if not update else self.model_copy(update=update, deep=deep)  # type: ignore[misc]
        return copied

    def __eq__(self, other: object) -> bool:
        # pydantic compares what no two objects have in common, too: the loaded model, and the framework's handlers.
        return type(other) is type(self) and _options(other) == _options(self)

    def __hash__(self) -> int:
        return hash((type(self), self.model_name))  # type: ignore[attr-defined]


def _options(made: Any) -> dict[str, Any]:
    return {name: getattr(made, name) for name, field in type(made).model_fields.items() if not field.exclude}


def texts_of(texts: object) -> Any:
    """``texts``; a lone str is an error, as its characters would be taken for texts."""
    if isinstance(texts, str):
        raise TypeError("texts must be a list of str, got one str; get_text_embedding() embeds one, or pass [text].")
    return texts


def text_of(text: object, name: str = "text") -> str:
    """``text``, if it is a str."""
    if not isinstance(text, str):
        raise TypeError(f"{name} must be one str, got {type(text).__name__}.")
    return text


class ListsOnly:
    """Methods for lists that refuse a lone str; comes before the framework's class in the bases of a class."""

    def get_text_embedding_batch(self, texts: list[str], *args: Any, **options: Any) -> Any:
        """The framework's method."""
        return super().get_text_embedding_batch(texts_of(texts), *args, **options)  # type: ignore[misc]

    async def aget_text_embedding_batch(self, texts: list[str], *args: Any, **options: Any) -> Any:
        """The framework's method."""
        return await super().aget_text_embedding_batch(texts_of(texts), *args, **options)  # type: ignore[misc]

    def get_agg_embedding_from_queries(self, queries: list[str], *args: Any, **options: Any) -> Any:
        """The framework's method."""
        return super().get_agg_embedding_from_queries(texts_of(queries), *args, **options)  # type: ignore[misc]

    async def aget_agg_embedding_from_queries(self, queries: list[str], *args: Any, **options: Any) -> Any:
        """The framework's method."""
        return await super().aget_agg_embedding_from_queries(texts_of(queries), *args, **options)  # type: ignore[misc]


class RepairedEmbedding(Configured, ListsOnly, BaseEmbedding):
    """A BaseEmbedding that refuses unknown options, survives being pickled, and keeps its cached vectors apart."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        # Not in model_post_init: pydantic would turn every ValueError, "no such model" among them, into its own.
        self._start()

    def _start(self) -> None:
        """Load the model, unless asked not to: a wrong name or device is reported here."""
        raise NotImplementedError

    @model_validator(mode="before")
    @classmethod
    def _accept_own_name(cls, fields: Any) -> Any:
        return without_class_name(cls, fields)

    @field_validator("embeddings_cache")
    @classmethod
    def _keep_vectors_apart(cls, store: Any) -> Any:
        plain = isinstance(store, BaseKVStore) and not isinstance(store, EmbeddingsCache)
        return EmbeddingsCache(store) if plain else store

    def __getstate__(self) -> dict[str, Any]:
        # The framework drops what cannot be pickled, a callback handler for instance, from the live object as well
        # (https://github.com/run-llama/llama_index/issues/22578).
        fields = dict(self.__dict__)
        state = super().__getstate__()
        state["__dict__"] = dict(state["__dict__"])
        self.__dict__.update(fields)
        return state
