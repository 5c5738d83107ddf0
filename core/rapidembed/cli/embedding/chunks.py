"""Input as chunks: what is embedded at once, and between which a run can stop."""

import hashlib
import itertools
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from rapidembed.cli.embedding.readers import Id, Item, Reading, open_source
from rapidembed.cli.embedding.sources import Source

MOST_TEXTS = 512
# About 16,000 tokens, a second of a small model on two cores: smaller chunks have fewer texts of one length to run
# together, larger ones lose more when a run is interrupted. It bounds memory, too, where texts are whole files.
_MOST_CHARACTERS = 65_536


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
        self._file: IO[bytes] | None = None
        sizes = [source.bytes for source in sources]
        known = [size for size in sizes if size is not None]
        self.bytes = sum(known) if known and len(known) == len(sizes) else None
        """Size of everything, None where it is not known."""

    def __iter__(self) -> Generator[Item, None, None]:
        for number, text in enumerate(self._texts, 1):
            yield Item(number, text)
        for source in self._sources:
            file = open_source(source)
            try:
                self._file = None if source.bytes is None else file  # a pipe has no position
                yield from self.reading.read(source, file)
            finally:
                self._file = None
                if source.path is not None:
                    file.close()
            self._finished += source.bytes or 0

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
    """

    def __init__(self, inputs: Inputs, most_texts: int) -> None:
        self._inputs = inputs
        self._reader = iter(inputs)
        self._items: Iterator[Item] = filter(inputs.reading.wants, self._reader)
        self._most_texts = most_texts
        self._hash = hashlib.blake2b(digest_size=16)
        self._count = 0

    def close(self) -> None:
        """Close the file that is being read."""
        self._reader.close()

    def peek(self) -> None:
        """Read the first item, which comes again later.

        Raises:
            ValueError: it is not what it should be.
        """
        self._items = itertools.chain(list(itertools.islice(self._items, 1)), self._items)

    def skip(self, count: int) -> str:
        """Read over items that were embedded before; their hash, which is another if they changed or are fewer."""
        for item in self._items:
            self._add(item)
            if self._count == count:
                break
        return self.digest

    @property
    def digest(self) -> str:
        """Hash of all items so far."""
        return self._hash.hexdigest()

    def __iter__(self) -> Iterator[Chunk]:
        for items in self._cut(self._items):
            for item in items:
                self._add(item)
            ids, texts = [item.id for item in items], [item.text for item in items]
            yield Chunk(ids, texts, self._count, self.digest, self._inputs.bytes_read)

    def _cut(self, items: Iterable[Item]) -> Iterator[list[Item]]:
        chunk: list[Item] = []
        characters = 0
        for item in items:
            chunk.append(item)
            characters += len(item.text)
            if len(chunk) == self._most_texts or characters >= _MOST_CHARACTERS:
                yield chunk
                chunk, characters = [], 0
        if chunk:
            yield chunk

    def _add(self, item: Item) -> None:
        self._count += 1
        text = item.text.encode("utf-8", "surrogatepass")
        self._hash.update(f"{item.id!r}\n{len(text)}\n".encode("utf-8", "surrogatepass"))
        self._hash.update(text)
