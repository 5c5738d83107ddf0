"""From texts and pages to tokens: the steps that the pipeline takes before the model."""

from dataclasses import dataclass, field

from rapidembed.registry.image_processor import ImageProcessor
from rapidembed.registry.pages import Pages
from rapidembed.runtime.pages.ready import ReadyPage
from rapidembed.runtime.pictures.pixels import shaped
from rapidembed.runtime.pictures.read import read_picture
from rapidembed.runtime.pictures.reading import Reading
from rapidembed.runtime.pictures.ready import ReadyPicture
from rapidembed.runtime.pictures.tiles import cut
from rapidembed.runtime.tokenizer import TokenIds, Tokenizer
from rapidembed.tasks.image.steps import Numbered, Unopened
from rapidembed.tasks.steps import PromptedSteps

MOST_TOKENS = 1_000_000
"""Pages are never cut: what is left of one would have lost its lower tiles."""


def tokens_of(pages: Pages, tokenizer: Tokenizer, text: str, limit: int) -> TokenIds:
    """Tokens of a text, with those around it that the model is meant to see."""
    (tokens,) = (tokenizer.encode if pages.framed else tokenizer.content)([text], limit)
    return tokens


@dataclass(frozen=True, slots=True)
class QuerySteps(PromptedSteps):
    """Each input is a text that is followed by tokens of its own."""

    tokenizer: Tokenizer
    pages: Pages
    filling: int
    """Tokens of the suffix."""

    def ready(self, items: list[str]) -> list[ReadyPage]:
        """Tokens of the texts; a long one is cut, what follows it is not."""
        return [self._ready(text) for text in items]

    def _ready(self, text: str) -> ReadyPage:
        limit, suffix = self.call.max_tokens, self.pages.query_suffix
        whole = tokens_of(self.pages, self.tokenizer, text + suffix, limit)
        if not whole.truncated:
            return self._started(whole.ids, truncated=False)
        short = tokens_of(self.pages, self.tokenizer, text, limit - self.filling)
        end = len(short.ids) - (self.tokenizer.trailing if self.pages.framed else 0)
        (last,) = self.tokenizer.content([suffix], self.filling)
        return self._started([*short.ids[:end], *last.ids, *short.ids[end:]], truncated=True)

    def _started(self, ids: list[int], *, truncated: bool) -> ReadyPage:
        start = self.pages.query_start
        return ReadyPage([*start, *ids[len(start) :]], truncated=truncated)


@dataclass(frozen=True, slots=True)
class PageSteps(Unopened):
    """Pages are cut into tiles, and get the tokens of the prompt around them."""

    pages: Pages
    processor: ImageProcessor
    reading: Reading
    limit: int
    """Tokens that the model reads at most."""
    prompts: "Prompts"

    def ready(self, items: list[Numbered]) -> list[ReadyPage]:
        """Open, decode, turn, cut; and the tokens of the prompt around it."""
        return [self._ready(item) for item in items]

    def inspect(self, item: ReadyPicture | ReadyPage, index: int) -> None:
        """Raise what kept a page from being read, or that it has too many tokens."""
        Unopened.inspect(self, item, index)
        if item.length > self.limit:
            raise ValueError(
                f"images[{index}] becomes {item.length} tokens, more than the {self.limit} that the model reads. Cut "
                "it, or raise max_tokens."
            )

    def _ready(self, item: Numbered) -> ReadyPage:
        try:
            image = read_picture(item.picture, item.index, self.reading)
        except (ValueError, TypeError, ImportError) as error:  # told in its turn, behind the results of those before it
            return ReadyPage([], truncated=False, error=error)
        if self.pages.tiles is None:
            return ReadyPage(self.prompts.ids(0, 0), truncated=False, pictures=shaped(image, self.processor)[None])
        tiles = cut(image, self.pages.tiles)
        return ReadyPage(self.prompts.ids(tiles.rows, tiles.columns), truncated=False, pictures=tiles.pixels)


@dataclass(frozen=True, slots=True)
class Prompts:
    """Token ids of what is put around pages, by their grid; most pages have one of a few."""

    pages: Pages
    tokenizer: Tokenizer
    known: dict[tuple[int, int], list[int]] = field(default_factory=dict)

    def ids(self, rows: int, columns: int) -> list[int]:
        """Of a page of so many tiles."""
        if self.pages.prompt_ids:
            return list(self.pages.prompt_ids)
        if (rows, columns) not in self.known:
            text = self.pages.text(rows, columns)
            self.known[rows, columns] = tokens_of(self.pages, self.tokenizer, text, MOST_TOKENS).ids
        return self.known[rows, columns]
