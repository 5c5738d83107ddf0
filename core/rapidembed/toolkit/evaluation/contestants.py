"""What is compared: ways to find passages, each by a name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from rapidembed.lexical.index import BM25Index
from rapidembed.runtime.inputs import check_positive
from rapidembed.tasks.quantize import VectorPrecision, check_precision
from rapidembed.tasks.rerank.facade import TextCrossEncoder
from rapidembed.tasks.text.facade import TextEmbedding
from rapidembed.tasks.unit import unit_rows
from rapidembed.toolkit.fuse import reciprocal_rank
from rapidembed.toolkit.vectors import PackedIndex

BM25 = "bm25"
_WHOLE_NUMBERS = ("dimensions", "max_tokens", "threads", "candidates")
_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Searcher:
    """Passages that were indexed.

    Attributes:
        search: (question, k) -> rows of the ``k`` best passages, best first.
        index_bytes: of what a search goes through.
        model_bytes: of the files that run.
        close: frees the models.
    """

    search: Callable[[str, int], list[int]]
    index_bytes: int
    model_bytes: int
    close: Callable[[], None]


class Contestant(Protocol):
    """A way to find passages."""

    @property
    def name(self) -> str:
        """In the report."""

    def index(self, passages: Sequence[str]) -> Searcher:
        """Load what is needed, and index the passages."""


@dataclass(frozen=True, slots=True)
class Dense:
    """A model's vectors.

    Attributes:
        model: whatever ``TextEmbedding`` takes.
        vectors: what is kept of them, see :func:`rapidembed.toolkit.vectors.quantize`. Of "binary" and "ubinary", int8
            vectors that are looked up only decide on the order of candidates.
        options: of ``TextEmbedding``.
        label: name in the report; None: made of the others.
    """

    model: str
    vectors: VectorPrecision = "float32"
    options: dict[str, Any] = field(default_factory=dict)
    label: str | None = None

    @property
    def name(self) -> str:
        """In the report."""
        more = [f"{name}={value}" for name, value in self.options.items()]
        more += [] if self.vectors == "float32" else [f"vectors={self.vectors}"]
        return self.label or ",".join([self.model, *more])

    def index(self, passages: Sequence[str]) -> Searcher:
        """Embed the passages."""
        check_precision(self.vectors)
        model = TextEmbedding(self.model, **self.options)
        vectors = unit_rows(model.encode_document(list(passages)))
        packed = PackedIndex.of(vectors, self.vectors, originals=self.vectors in ("binary", "ubinary"))

        def search(question: str, k: int) -> list[int]:
            query = unit_rows(model.encode_query(question)[None])
            return cast("list[int]", packed.search(query, k)[0][0].tolist())

        return Searcher(search, packed.nbytes, _size(model), model.close)


@dataclass(frozen=True, slots=True)
class Lexical:
    """BM25 over words; ``options`` are those of ``BM25Index.fit``."""

    options: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """In the report."""
        return ",".join([BM25, *(f"{name}={value}" for name, value in self.options.items())])

    def index(self, passages: Sequence[str]) -> Searcher:
        """Count the words."""
        index = BM25Index.fit(passages, **self.options)
        size = sum(array.nbytes for array in index._arrays.values())
        return Searcher(lambda question, k: [row for row, _ in index.rank(question, k)], size, 0, lambda: None)


@dataclass(frozen=True, slots=True)
class Fused:
    """Several ways at once, joined by reciprocal ranks; each gives its first hundred."""

    parts: tuple[Contestant, ...]

    @property
    def name(self) -> str:
        """In the report."""
        return "+".join(part.name for part in self.parts)

    def index(self, passages: Sequence[str]) -> Searcher:
        """Index them in every way."""
        ready = [part.index(passages) for part in self.parts]

        def search(question: str, k: int) -> list[int]:
            depth = max(k, _DEPTH)
            return [row for row, _ in reciprocal_rank([each.search(question, depth) for each in ready])][:k]

        def close() -> None:
            for each in ready:
                each.close()

        return Searcher(search, sum(r.index_bytes for r in ready), sum(r.model_bytes for r in ready), close)


@dataclass(frozen=True, slots=True)
class Reranked:
    """The first candidates of another way, in the order of a reranker.

    Attributes:
        first: finds them.
        reranker: whatever ``TextCrossEncoder`` takes.
        candidates: how many.
        options: of ``TextCrossEncoder``.
    """

    first: Contestant
    reranker: str
    candidates: int = 50
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """In the report."""
        return f"{self.first.name}>{self.reranker}"

    def index(self, passages: Sequence[str]) -> Searcher:
        """Load the reranker, and index the passages."""
        check_positive("candidates", self.candidates)
        ready, reranker = self.first.index(passages), TextCrossEncoder(self.reranker, **self.options)

        def search(question: str, k: int) -> list[int]:
            rows = ready.search(question, max(k, self.candidates))
            if not rows:
                return rows
            order = (-reranker.score(question, [passages[row] for row in rows])).argsort(kind="stable")
            return [rows[place] for place in order[:k]]

        def close() -> None:
            ready.close()
            reranker.close()

        return Searcher(search, ready.index_bytes, ready.model_bytes + _size(reranker), close)


def contestant(text: str) -> Contestant:
    """The contestant that a line describes, as on the command line.

    "bm25"; a model, with options after commas: "NAME,precision=int8,dimensions=256,vectors=ubinary"; several, joined by
    "+"; and ">NAME" behind any for a reranker (",candidates=N" for how many).

    Raises:
        ValueError: it does not read so.
    """
    first, *rerankers = text.split(">")
    parts = [_single(part) for part in first.split("+")]
    found: Contestant = parts[0] if len(parts) == 1 else Fused(tuple(parts))
    for reranker in rerankers:
        name, options = _options(reranker)
        found = Reranked(found, name, int(options.pop("candidates", 50)), options)
    return found


def _single(text: str) -> Contestant:
    name, options = _options(text)
    if name == BM25:
        return Lexical(options)
    return Dense(name, options.pop("vectors", "float32"), options)


def _options(text: str) -> tuple[str, dict[str, Any]]:
    name, *settings = (each.strip() for each in text.split(","))
    options: dict[str, Any] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key or not value:
            raise ValueError(f"Expected NAME,option=value after the name of a model, got {text!r}.")
        if key in _WHOLE_NUMBERS and not value.isdecimal():
            raise ValueError(f"{key} must be a whole number, got {value!r} in {text!r}.")
        options[key] = int(value) if key in _WHOLE_NUMBERS else value
    if not name:
        raise ValueError(f"Expected the name of a model, got {text!r}.")
    return name, options


def _size(model: Any) -> int:
    weights = model.info.weights
    return int(weights.stat().st_size) if weights is not None else 0
