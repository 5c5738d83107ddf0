"""A model as :class:`rapidembed.LateInteractionMultimodalEmbedding` uses it."""

from collections.abc import Awaitable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapidembed.hub import Checkpoint
from rapidembed.registry import MULTIMODAL
from rapidembed.registry.image_processor import ImageProcessor
from rapidembed.registry.pages import Pages
from rapidembed.runtime.lease import Lease
from rapidembed.runtime.pages.feeder import pages_of, processor_of
from rapidembed.runtime.pages.ready import ReadyPage
from rapidembed.runtime.pictures.reading import Reading
from rapidembed.runtime.sinks import ListSink
from rapidembed.tasks.bulk import Bulk
from rapidembed.tasks.call import Call
from rapidembed.tasks.lone import Lone
from rapidembed.tasks.multimodal.options import MultimodalOptions
from rapidembed.tasks.multimodal.steps import PageSteps, Prompts, QuerySteps
from rapidembed.tasks.steps import TextSteps
from rapidembed.tasks.token_model import TokenModel, graph_tokenizer, prompts_of, token_limit
from rapidembed.tasks.unit import unit_rows
from rapidembed.types import Vectors

_WINDOW_BYTES = 64_000_000
"""Of pages that are ready for the model; two such windows are in memory at a time."""
_TILES = 9
"""Of a page, about: of one of paper's shape."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MultimodalModel(TokenModel[MultimodalOptions]):
    """Everything that a call needs. Texts are in the role "query", pictures in the role "document"."""

    task = MULTIMODAL

    pages: Pages
    processor: ImageProcessor
    reading: Reading
    filling: int
    """Tokens behind every query."""
    page_prompts: Prompts

    @classmethod
    def of(cls, lease: Lease, checkpoint: Checkpoint, options: MultimodalOptions) -> "MultimodalModel":
        """See :meth:`LeasedModel.of`."""
        spec, pages = checkpoint.spec, pages_of(checkpoint)
        tokenizer = graph_tokenizer(lease.engine)
        limit = token_limit(options.max_tokens, spec, lease.engine)
        filling = len(tokenizer.content([pages.query_suffix], limit)[0].ids)
        if limit <= filling + tokenizer.special_tokens:
            raise ValueError(f"max_tokens must leave room beside {filling} tokens behind each query, got {limit}.")
        return cls(
            lease=lease,
            checkpoint=checkpoint,
            max_tokens=limit,
            truncate=options.truncate,
            prompts=prompts_of(spec),
            pages=pages,
            processor=processor_of(pages, checkpoint),
            reading=options.reading,
            filling=filling,
            page_prompts=Prompts(pages, tokenizer),
        )

    def call(self, role: str) -> Call:
        """A new call in the role "query" or "document"."""
        if role == "query":
            return Call(self.prompts[role], self.max_tokens, self.truncate, role=role)
        return Call(role=role, noun="images")

    def token_count(self, texts: Iterable[str], batch_size: int, include_extension: bool = False) -> int:
        """See :meth:`rapidembed.LateInteractionMultimodalEmbedding.token_count`."""
        call = self.call("query")
        if include_extension:
            return self.count(texts, self._queries(call), batch_size)
        return self.count(texts, TextSteps(replace(call, prompt=""), self.tokenizer), batch_size)

    def one(self, call: Call, item: Any) -> Vectors:
        """The vectors of a lone text or picture, float32 (tokens, dim)."""
        return self.run_lone(item, Lone(self._steps(call), self._sink.read))

    def aone(self, call: Call, item: Any) -> Awaitable[Vectors] | None:
        """See :meth:`rapidembed.tasks.runner.RunnableModel.aone`; pictures take their time to be read."""
        if call.role != "query":
            return None
        return self.arun_lone(item, Lone(self._steps(call), self._sink.read))

    def rows(self, call: Call, items: Iterable[Any], bulk: Bulk) -> Iterator[list[Vectors]]:
        """The vectors of many texts, or of many pictures, window by window."""
        if call.role != "query":
            size = self.processor.size or (1, 1)
            tiles = 1 if self.pages.tiles is None else _TILES
            bulk = replace(bulk, most=max(bulk.batch_size, _WINDOW_BYTES // (3 * size[0] * size[1] * tiles)))
        return self.windows(items, self._steps(call), self._sink, bulk)

    @property
    def most_page_tokens(self) -> int:
        """Pages of more tokens are refused."""
        return self.max_tokens

    def facts(self) -> dict[str, Any]:
        """Everything beside the files that decides the vectors."""
        reading = asdict(self.reading)
        del reading["max_pixels"]  # decides which pictures have vectors, not which they are
        pages = {"pages": asdict(self.pages), "reading": reading, "prompts": dict(self.prompts)}
        return TokenModel.facts(self) | pages | {"normalize": self.spec.normalize}

    def _steps(self, call: Call) -> QuerySteps | PageSteps:
        if call.role == "query":
            return self._queries(call)
        return PageSteps(
            self.pages, self.processor, self.reading, self.tokenizer, self.most_page_tokens, self.page_prompts
        )

    def _queries(self, call: Call) -> QuerySteps:
        return QuerySteps(call, self.tokenizer, self.pages, self.filling)

    @property
    def _sink(self) -> ListSink[ReadyPage, Vectors]:
        def read(page: ReadyPage, output: NDArray[np.float32]) -> Vectors:
            vectors = output[: len(page.ids)]
            return unit_rows(vectors) if self.spec.normalize else vectors.copy()

        return ListSink(read)
