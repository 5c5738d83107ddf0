"""The component that embeds Documents for search by words."""

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from haystack import Document, component
from haystack.utils import ComponentDevice, Secret
from haystack_integrations.components.embedders.rapidembed._documents import texts_of
from haystack_integrations.components.embedders.rapidembed._sparse_embedder import LocalSparseEmbedder, to_haystack

if TYPE_CHECKING:
    import rapidembed

_HINTS = ("FastembedSparseDocumentEmbedder", "FastembedSparseTextEmbedder")


@component
class FastembedSparseDocumentEmbedder(LocalSparseEmbedder):
    """Embeds Documents as sparse vectors on this machine, and returns copies of them that carry their embeddings.

    Takes the parameters of fastembed-haystack's component of that name, in their order, and more by keyword.

    Example:
        >>> from haystack import Document
        >>> from rapidembed_haystack import FastembedSparseDocumentEmbedder
        >>> embedder = FastembedSparseDocumentEmbedder(model="Qdrant/bm25", progress_bar=False)
        >>> documents = embedder.run([Document(content="a cat on a mat")])["documents"]
        >>> len(documents[0].sparse_embedding.indices)
        2

    Args:
        batch_size: most texts in one batch.
        progress_bar: show a progress bar.
        parallel: most cores to use for one call; None or 0: all that the model may use. No processes are started.
        meta_fields_to_embed: metadata to embed with the content, in this order. Fields that a Document lacks, and those
            that are None, are left out; 0, False and "" are kept.
        embedding_separator: put between metadata and content.

    The other parameters are those of
    :class:`~haystack_integrations.components.embedders.rapidembed.FastembedSparseTextEmbedder`.
    """

    meta_fields_to_embed: list[str] | None
    embedding_separator: str

    def __init__(
        self,
        model: str = "prithivida/Splade_PP_en_v1",
        cache_dir: str | None = None,
        threads: int | None = None,
        batch_size: int = 32,
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
            ``{"documents": ...}``, copies of the Documents in their order, with ``sparse_embedding`` set.

        Raises:
            TypeError: ``documents`` is not a list of Documents.
        """
        texts = self._texts(documents)
        return {"documents": _embedded(documents, self._warm().encode_document(texts, **self._bulk_options()))}

    @component.output_types(documents=list[Document])
    async def run_async(self, documents: list[Document]) -> dict[str, list[Document]]:
        """:meth:`run` without blocking the event loop; cancelling stops the work."""
        texts = self._texts(documents)
        engine = await self._warm_async()
        embeddings = await engine.aencode_document(texts, **self._bulk_options())
        # Turning thousands of vectors into lists takes longer than an event loop may wait.
        return {"documents": await asyncio.to_thread(_embedded, documents, embeddings)}

    def _texts(self, documents: list[Document]) -> list[str]:
        return texts_of(documents, self.meta_fields_to_embed, self.embedding_separator, _HINTS)


def _embedded(documents: list[Document], embeddings: "list[rapidembed.SparseEmbedding]") -> list[Document]:
    pairs = zip(documents, embeddings, strict=True)
    return [replace(document, sparse_embedding=to_haystack(embedding)) for document, embedding in pairs]
