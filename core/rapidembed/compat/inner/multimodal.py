"""Vectors of texts and pages with fastembed's values."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import rapidembed
from rapidembed.compat.tokenizer import open_tokenizer
from rapidembed.compat.values import own_vectors, token_limit
from rapidembed.hub import Checkpoint
from rapidembed.registry import ModelSpec
from rapidembed.runtime.pages.ready import ReadyPage
from rapidembed.tasks.bulk import Bulk
from rapidembed.tasks.call import Call
from rapidembed.tasks.facade import View
from rapidembed.tasks.multimodal.model import MultimodalModel
from rapidembed.tasks.multimodal.steps import MOST_TOKENS, QuerySteps, tokens_of
from rapidembed.tasks.steps import ReadySteps
from rapidembed.types import Vectors


def as_fastembed(checkpoint: Checkpoint) -> ModelSpec:
    """The facts by which fastembed reads a checkpoint: its own prompts, a limit from one file, vectors as they come."""
    spec, limit = checkpoint.spec, token_limit(checkpoint.folder)
    prompts = spec.prompts if spec.pages and spec.pages.query_start else {}
    return replace(own_vectors(checkpoint), max_tokens=limit, prompts=prompts)


class _Queries(QuerySteps):
    """Texts that are cut together with what follows every query."""

    def _ready(self, text: str) -> ReadyPage:
        cut = tokens_of(self.pages, self.tokenizer, text + self.pages.query_suffix, self.call.max_tokens)
        return self._started(cut.ids, truncated=cut.truncated)


class FastembedPages(MultimodalModel):
    """A model that reads pages however long, and pads texts as fastembed does."""

    @property
    def most_page_tokens(self) -> int:
        """See :attr:`MultimodalModel.most_page_tokens`: there are none."""
        return MOST_TOKENS

    @property
    def keeps_padding(self) -> bool:
        """Whether texts get vectors for what fills them up to the longest of their batch."""
        return bool(self.pages.query_start)

    def padded(self, texts: list[str], bulk: Bulk) -> Iterator[Vectors]:
        """The vectors of a batch of texts, with those of its padding."""
        call = self.call("query")
        steps = self._queries(call)
        pages = [steps.ready([steps.prepare(text, index)])[0] for index, text in enumerate(texts)]
        longest = max(len(page.ids) for page in pages)
        pad = (open_tokenizer(self.checkpoint.folder).padding or {})["pad_id"]
        filled = [
            replace(page, ids=[*page.ids, *[pad] * (longest - len(page.ids))], attended=len(page.ids)) for page in pages
        ]
        for window in self.windows(filled, ReadySteps[ReadyPage](), self.sink(call), bulk):
            yield from window

    def _queries(self, call: Call) -> QuerySteps:
        return _Queries(call, self.tokenizer, self.pages, self.filling)


class InnerMultimodal(rapidembed.LateInteractionMultimodalEmbedding):
    """The facade."""

    _view = View(spec=as_fastembed, exported=True, quiet=True)
    _kind = FastembedPages

    def embed_batches(self, texts: Any, bulk: Bulk) -> Iterator[Vectors]:
        """Vectors of texts, batch by batch."""
        many = [texts] if isinstance(texts, str) else texts
        model, waiting = self._loaded(), iter(many)
        if not isinstance(model, FastembedPages) or not model.keeps_padding:
            yield from self._embed("query", many, bulk)
            return
        while batch := list(itertools.islice(waiting, bulk.batch_size)):
            yield from model.padded(batch, bulk)
