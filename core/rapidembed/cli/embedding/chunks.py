"""Input as chunks: what is embedded at once, and between which a run can stop."""

import hashlib
import io
import itertools
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rapidembed.cli import console
from rapidembed.cli.embedding.decoding import open_source
from rapidembed.cli.embedding.live import with_pauses
from rapidembed.cli.embedding.readers import Id, Item, Reading
from rapidembed.cli.embedding.sources import Source

MOST_TEXTS = 512
# About 16,000 tokens, a second of a small model on two cores: smaller chunks have fewer texts of one length to run
# together, larger ones lose more when a run is interrupted. It bounds memory, too, where texts are whole files.
_MOST_CHARACTERS = 65_536
# Of live input: whoever writes line after line, without a pause, gets rows all the same.
_MOST_SECONDS = 0.5


class Inputs:
    """All items of all sources, in order; knows how far it has read.

    Args:
        texts: texts from the command line, which come first.
        sources: files.
        reading: how they become items.
    """

    def __init__(self, texts: Sequence[str], sources: Sequence[Source], reading: Reading) -> None:
        self._texts = texts
        self._sources = sources
        self.reading = reading
        self._finished = 0
        self._file: io.BufferedReader | None = None
        sizes = [source.bytes for source in sources]
        known = [size for size in sizes if size is not None]
        self.bytes = sum(known) if known and len(known) == len(sizes) else None
        """Size of everything, None where it is not known."""

    def __iter__(self) -> Generator[Item, None, None]:
        for number, text in enumerate(self._texts, 1):
            yield Item(number, text)
        for source in self._sources:
            empty = True
            with open_source(source) as file:
                try:
                    self._file = None if source.bytes is None else file  # a pipe has no position
                    for item in self.reading.read(source, file):
                        empty = False
                        yield item
                finally:
                    self._file = None
            if empty:
                console.warn(f"{source.name}: holds no text; passed over.")
            self._finished += source.bytes or 0

    @property
    def live(self) -> bool:
        """Whether some of it comes by a pipe, whose writer may take its time."""
        return any(source.bytes is None for source in self._sources)

    @property
    def bytes_read(self) -> int:
        """Bytes of the files that were read so far."""
        return self._finished + (self._file.tell() if self._file else 0)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some items in a row."""

    ids: list[Id]
    texts: list[str]
    end: int
    """Items up to the end of this chunk."""
    digest: str
    """Hash of all items up to the end of this chunk."""
    bytes_read: int


class Chunker:
    """Cuts items into chunks, and hashes them.

    Args:
        inputs: the items.
        most_texts: most texts in a chunk.
        live: whether a chunk ends where the next item takes its time; chunks then depend on it.
    """

    def __init__(self, inputs: Inputs, most_texts: int, *, live: bool = False) -> None:
        self._inputs = inputs
        self._reader = iter(inputs)
        self._live = live
        wanted = filter(inputs.reading.wants, self._reader)
        self._items: Iterator[Item | None] = with_pauses(wanted) if live else wanted
        self._most_texts = most_texts
        self._hash = hashlib.blake2b(digest_size=16)
        self._count = 0

    def close(self) -> None:
        """Close the file that is being read."""
        if not self._live:  # there a thread reads, which may wait for as long as the process lives
            self._reader.close()

    def peek(self) -> None:
        """Read the first item, which comes again later.

        Raises:
            ValueError: it is not what it should be.
        """
        self._items = itertools.chain(list(itertools.islice(filter(None, self._items), 1)), self._items)

    def skip(self, count: int) -> str:
        """Read over items that were embedded before; their hash, which is another if they changed or are fewer."""
        for item in filter(None, self._items):
            self._add(item)
            if self._count == count:
                break
        return self.digest

    @property
    def digest(self) -> str:
        """Hash of all items so far."""
        return self._hash.hexdigest()

    def __iter__(self) -> Iterator[Chunk | None]:
        """The chunks; None where the next one is not there yet."""
        for items in self._cut(self._items):
            if not items:
                yield None
                continue
            for item in items:
                self._add(item)
            ids, texts = [item.id for item in items], [item.text for item in items]
            yield Chunk(ids, texts, self._count, self.digest, self._inputs.bytes_read)

    def _cut(self, items: Iterable[Item | None]) -> Iterator[list[Item]]:
        """Items by chunks; none at all for a pause."""
        chunk: list[Item] = []
        characters = 0
        began = time.monotonic()
        for item in items:
            if item is None:
                yield from filter(None, [chunk])
                yield []
                chunk, characters, began = [], 0, time.monotonic()
                continue
            chunk.append(item)
            characters += len(item.text)
            late = self._live and time.monotonic() - began > _MOST_SECONDS
            if len(chunk) == self._most_texts or characters >= _MOST_CHARACTERS or late:
                yield chunk
                chunk, characters, began = [], 0, time.monotonic()
        if chunk:
            yield chunk

    def _add(self, item: Item) -> None:
        self._count += 1
        text = item.text.encode("utf-8", "surrogatepass")
        self._hash.update(f"{item.id!r}\n{len(text)}\n".encode("utf-8", "surrogatepass"))
        self._hash.update(text)
