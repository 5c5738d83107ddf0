"""The component that embeds the pictures that Documents point to."""

import asyncio
from dataclasses import replace
from typing import Any

from haystack import Document, component
from haystack.components.converters.image.image_utils import (
    _batch_convert_pdf_pages_to_images,
    _extract_image_sources_info,
)
from haystack.utils import ComponentDevice, Secret
from haystack_integrations.components.embedders.rapidembed._embedder import PLACEMENT_KWARGS, LocalEmbedder

import rapidembed

_PDF = "application/pdf"


@component
class FastembedDocumentImageEmbedder(LocalEmbedder):
    """Embeds pictures and pages of PDF files on this machine: those that Documents name in their metadata.

    Returns copies of the Documents that carry the embeddings, and say in ``meta["embedding_source"]`` what they are of.
    Pages of PDF files are named by ``meta["page_number"]``, and rendered by pypdfium2.

    Example:
        >>> from haystack import Document
        >>> from rapidembed_haystack import FastembedDocumentImageEmbedder
        >>> embedder = FastembedDocumentImageEmbedder(model="builtin:image", progress_bar=False)
        >>> document = Document(content="a sheet", meta={"file_path": "docs/images/contact_sheet.png"})
        >>> len(embedder.run([document])["documents"][0].embedding)
        1280

    Args:
        file_path_meta_field: metadata that holds the path of the picture or PDF file.
        root_path: folder that these paths are relative to, and may not leave. None: paths stand for themselves.
        model: curated name, hub id, folder, ``package:NAME``, or ``builtin:image``.
        batch_size: most pictures in one batch.
        progress_bar: show a progress bar.
        parallel: most cores to use for one call; None or 0: all that the model may use.
        rotate, alpha, max_pixels, draft, normalize: see :class:`rapidembed.ImageEmbedding`.

    The other parameters are those of
    :class:`~haystack_integrations.components.embedders.rapidembed.FastembedTextEmbedder`.
    """

    file_path_meta_field: str
    root_path: str
    rotate: bool
    alpha: Any
    max_pixels: int | None
    draft: bool

    _in_model_kwargs = PLACEMENT_KWARGS

    def __init__(
        self,
        file_path_meta_field: str = "file_path",
        root_path: str | None = None,
        model: str = "builtin:image",
        cache_dir: str | None = None,
        threads: int | None = None,
        batch_size: int = 16,
        progress_bar: bool = True,
        parallel: int | None = None,
        local_files_only: bool = False,
        model_kwargs: dict[str, Any] | None = None,
        *,
        device: str | list[str] | ComponentDevice | None = None,
        precision: str = "auto",
        backend: str = "onnxruntime",
        normalize: bool | None = None,
        revision: str | None = None,
        rotate: bool = True,
        alpha: str = "white",
        max_pixels: int | None = None,
        draft: bool = False,
        token: Secret | None = Secret.from_env_var(["HF_API_TOKEN", "HF_TOKEN"], strict=False),  # noqa: B008
    ) -> None:
        self._keep(locals() | {"root_path": root_path or ""})

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]) -> dict[str, list[Document]]:
        """Embed what Documents point to.

        Returns:
            ``{"documents": ...}``, copies of the Documents in their order, with ``embedding`` set.

        Raises:
            TypeError: ``documents`` is not a list of Documents.
            ValueError: a Document names no picture, one that is not there, or one outside of ``root_path``.
            RuntimeError: a page of a PDF file cannot be rendered.
        """
        images = self._images(documents)
        vectors = self._warm().encode(images, **self._bulk_options())
        return {"documents": self._embedded(documents, vectors)}

    @component.output_types(documents=list[Document])
    async def run_async(self, documents: list[Document]) -> dict[str, list[Document]]:
        """:meth:`run` without blocking the event loop; cancelling stops the work."""
        images = await asyncio.to_thread(self._images, documents)
        vectors = await (await self._warm_async()).aencode(images, **self._bulk_options())
        return {"documents": await asyncio.to_thread(self._embedded, documents, vectors)}

    def _images(self, documents: list[Document]) -> list[Any]:
        """A path for each Document, or the page of its PDF file."""
        if not isinstance(documents, list) or not all(isinstance(document, Document) for document in documents):
            raise TypeError(
                "FastembedDocumentImageEmbedder embeds a list of Documents whose metadata names pictures, got "
                f"{type(documents).__name__}."
            )
        sources = _extract_image_sources_info(
            documents=documents, file_path_meta_field=self.file_path_meta_field, root_path=self.root_path
        )
        images: list[Any] = [source["path"] for source in sources]
        pages: list[Any] = [
            {"doc_idx": index, "path": source["path"], "page_number": source["page_number"]}
            for index, source in enumerate(sources)
            if source["mime_type"] == _PDF
        ]
        rendered: dict[int, Any] = dict(_batch_convert_pdf_pages_to_images(pdf_page_infos=pages, return_base64=False))
        for page in pages:
            if page["doc_idx"] not in rendered:
                raise RuntimeError(f"Page {page['page_number']} of {page['path']} cannot be rendered.")
            images[page["doc_idx"]] = rendered[page["doc_idx"]]
        return images

    def _embedded(self, documents: list[Document], vectors: Any) -> list[Document]:
        source = {"embedding_source": {"type": "image", "file_path_meta_field": self.file_path_meta_field}}
        pairs = zip(documents, vectors, strict=True)
        return [
            replace(document, meta={**document.meta, **source}, embedding=vector.tolist()) for document, vector in pairs
        ]

    def _load(self) -> Any:
        return rapidembed.ImageEmbedding(
            **self._model_options(),
            normalize=self.normalize,
            rotate=self.rotate,
            alpha=self.alpha,
            max_pixels=self.max_pixels,
            draft=self.draft,
        )
