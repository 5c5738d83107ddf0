"""What fastembed's classes have in common: a name, a listing, and the model that they hand their calls to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar, Generic, TypeVar

from rapidembed.compat.common.types import OnnxProvider
from rapidembed.compat.model import FastembedModel
from rapidembed.types import Device

V = TypeVar("V")


class FastembedClass:
    """Base of the classes."""

    _class: ClassVar[type[FastembedModel]]
    """What their models are."""
    model: Any
    """The model, with attributes and methods of fastembed's."""

    def __init__(
        self,
        model_name: str,
        cache_dir: str | None = None,
        threads: int | None = None,
        providers: Sequence[OnnxProvider] | None = None,
        cuda: bool | Device = Device.AUTO,
        device_ids: list[int] | None = None,
        lazy_load: bool = False,
        **kwargs: Any,
    ) -> None:
        self._start(locals())

    def _start(self, arguments: Mapping[str, Any]) -> None:
        """All of every ``__init__``; ``arguments`` are its ``locals()``."""
        given = {name: arguments[name] for name in arguments if name not in ("self", "kwargs", "__class__")}
        extra = dict(arguments["kwargs"])
        self.model_name: str = given["model_name"]
        self.cache_dir = given["cache_dir"]
        self.threads = given["threads"]
        self._local_files_only = extra.get("local_files_only", False)
        self.model = self._class_of(self.model_name)(**given, **extra)

    @classmethod
    def _class_of(cls, model_name: str) -> type[FastembedModel]:
        """The class of a model's own model."""
        return cls._class

    @classmethod
    def list_supported_models(cls) -> list[dict[str, Any]]:
        """The models of this class, a fresh dict each."""
        return [asdict(description) for description in cls._list_supported_models()]

    @classmethod
    def _list_supported_models(cls) -> list[Any]:
        return cls._class._list_supported_models()

    @classmethod
    def add_custom_model(cls, *args: Any, **kwargs: Any) -> None:
        """There is no such thing for models of this class."""
        raise NotImplementedError(f"{cls.__name__} takes no models but those that list_supported_models() lists.")


class Sized(FastembedClass):
    """Base of the classes whose vectors have a width."""

    @property
    def embedding_size(self) -> int:
        """Width of the vectors."""
        if self.model.model_description is None:
            size: int = self.model._native.embedding_size
            return size
        return self.get_embedding_size(self.model_name)

    @classmethod
    def get_embedding_size(cls, model_name: str) -> int:
        """Width of a model's vectors, without loading it.

        Raises:
            ValueError: there is no such model.
        """
        for description in cls._list_supported_models():
            if description.model.lower() == model_name.lower():
                size: int = description.dim
                return size
        raise ValueError(f"{cls.__name__} has no model {model_name}; list_supported_models() lists those that it has.")


class OfTexts(FastembedClass, Generic[V]):
    """Base of the classes that give a ``V`` for each text, in their order."""

    def embed(
        self, documents: str | Iterable[str], batch_size: int = 256, parallel: int | None = None, **kwargs: Any
    ) -> Iterable[V]:
        """Vectors of texts that are searched, or of texts as they are where the class does not tell them apart."""
        yield from self.model.embed(documents, batch_size, parallel, **kwargs)

    def query_embed(self, query: str | Iterable[str], **kwargs: Any) -> Iterable[V]:
        """Vectors of queries."""
        yield from self.model.query_embed(query, **kwargs)

    def passage_embed(self, texts: Iterable[str], **kwargs: Any) -> Iterable[V]:
        """Vectors of texts that are searched."""
        yield from self.model.passage_embed(texts, **kwargs)

    def token_count(self, texts: str | Iterable[str], batch_size: int = 1024, **kwargs: Any) -> int:
        """Tokens of all texts: special ones included, after cutting; of BM25 words, stopwords included."""
        count: int = self.model.token_count(texts, batch_size=batch_size, **kwargs)
        return count
