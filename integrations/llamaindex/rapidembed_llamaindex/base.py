"""The framework's base class with its known faults repaired."""

from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.storage.kvstore.types import BaseKVStore
from pydantic import ConfigDict, field_validator, model_validator

from rapidembed_llamaindex.cache import EmbeddingsCache


def without_class_name(cls: Any, fields: Any) -> Any:
    """The fields without the name of the class, which model_dump() writes among them; only from_dict() takes it out."""
    if isinstance(fields, dict) and fields.get("class_name") == cls.class_name():
        return {name: value for name, value in fields.items() if name != "class_name"}
    return fields


class RepairedEmbedding(BaseEmbedding):
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
