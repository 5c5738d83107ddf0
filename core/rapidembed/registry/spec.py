"""The facts that make a model: everything that tells two models apart is a field here, never a class."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rapidembed.names import POOLING_MODES, HeadName, PoolingMode, SparsePooling
from rapidembed.registry.heads import HEADS
from rapidembed.registry.layer import Layer

if TYPE_CHECKING:
    from rapidembed.registry.image_processor import ImageProcessor
    from rapidembed.registry.pages import Pages

# Who is believed where a checkpoint's files and a row both have a word: with a curated row, and with an added one.
_FILES = {"from": ("files", "files")}
_CURATED = {"from": ("files", "row")}
_ADDED = {"from": ("row", "row or files")}
_FILES_FIRST = {"from": ("files or row", "row")}
_FILES_UNLESS_ADDED = {"from": ("files", "row or files")}
_EITHER = {"from": ("files or row", "row or files")}

Pooling = tuple[PoolingMode, ...]
"""Modes whose results are concatenated, in this order."""

_NO_STRINGS: Mapping[str, str] = {}
_NO_TASKS: Mapping[str, int] = {}
_NO_VALUES: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxSource:
    """An ONNX export of a model: a hub repository, the graph's file, and files it needs beside it."""

    __module__ = "rapidembed"

    repo: str
    file: str
    additional_files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LateInteraction:
    """How a late-interaction model (ColBERT, https://arxiv.org/abs/2004.12832) reads queries and documents."""

    __module__ = "rapidembed"

    query_marker: str | int | None = None
    """Token behind the first special token of every query: its id or its text. A text that the tokenizer does not know
    as one token is put before the query instead, as sentence-transformers does."""
    document_marker: str | int | None = None
    query_length: int | None = None
    """Longest query in tokens, where it is not the model's limit, which is that of documents."""
    expansion_length: int | None = None
    """Queries are filled up to this many tokens, whose vectors count like the others; None: they are not."""
    expansion_token: str | None = None
    """What they are filled up with; None: the tokenizer's mask token."""
    expansion_attended: bool = False
    """Whether other tokens see the filling."""
    skip: tuple[str, ...] = ()
    """Tokens of documents that get no vector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SparseWeights:
    """How the logits of a masked language model become weights of words (SPLADE, https://arxiv.org/abs/2107.05720)."""

    __module__ = "rapidembed"

    pooling: SparsePooling = "max"
    logs: int = 1
    """How often log(1 + x) is applied to the logits that are positive."""
    skip_special: bool = False
    """Whether special tokens have no weight."""
    query_weights: str | None = None
    """File with a weight for each token, which is all that queries need (https://arxiv.org/abs/2411.04403): JSON, from
    tokens to weights, or a tensor "weight" in safetensors. None: queries go through the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WordWeights:
    """How words that the tokenizer cut to pieces get weights: BM42 (head "attention"), miniCOIL (head "words").

    Words are hashed as BM25 hashes them, and an index multiplies their weights by the words' idf.
    """

    __module__ = "rapidembed"

    language: str = "english"
    """Decides the stemmer."""
    stopwords: str = "stopwords.txt"
    """File with words to drop, one in a line; where the checkpoint has none, they are those of the language."""
    alpha: float = 0.5
    """Of BM42: the power that weights are raised to."""
    k: float = 1.2
    """Of miniCOIL: BM25's k, b and number of words in an average document."""
    b: float = 0.75
    avg_len: float = 150.0
    vocabulary: str | None = None
    """Of miniCOIL: file with the words that have projections, and which stem stands for which of them."""
    projections: str | None = None
    """Of miniCOIL: file with an array (1 + words, width of a token's vector, numbers of a word)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hybrid:
    """Where the two layers lie that a model has beside its encoder that gives all kinds of vectors at once.

    BGE-M3, https://arxiv.org/abs/2402.03216. Each file holds a linear layer: safetensors, or as PyTorch saves it.
    """

    __module__ = "rapidembed"

    vectors: str = "colbert_linear.pt"
    """Makes the tokens' vectors."""
    weights: str = "sparse_linear.pt"
    """Makes their weights."""

    @property
    def files(self) -> tuple[tuple[str, str], ...]:
        """What the tensors' names of each file begin with, see :class:`rapidembed.graph.weights.Weights`; the file."""
        return ("token_vectors/", self.vectors), ("token_weights/", self.weights)


@dataclass(frozen=True, slots=True, kw_only=True)
class FastembedValues:
    """Where fastembed's vectors for the same name differ from sentence-transformers'."""

    normalize: bool
    """fastembed never re-normalises some models that are normalised upstream, and the reverse."""
    max_tokens: int | None = None
    """Its effective token limit, where it is below the model's."""
    marker_counts: bool = True
    """Whether the marker of a late-interaction model counts against its token limit."""
    archived: bool = False
    """Whether its listing says that the model once came as an archive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """A model of texts or pictures.

    A curated row names where the model comes from; a spec read from a folder describes just that folder.
    """

    __module__ = "rapidembed"

    name: str
    dim: int
    """Width of the output: of a vector or of each token's, the number of labels, or the size of the vocabulary."""
    architecture: str = field(default="", metadata=_FILES)
    """``model_type`` of the checkpoint's config.json; empty where that file is to say it."""
    head: HeadName = "pool"
    """What is computed from the encoder's token vectors; see :data:`rapidembed.names.HeadName`."""
    pooling: Pooling = field(default=("none",), metadata=_CURATED)
    normalize: bool = field(default=False, metadata=_CURATED)
    """Whether vectors are scaled to length 1 (L2)."""
    late: LateInteraction | None = field(default=None, metadata=_FILES_UNLESS_ADDED)
    """Set where the head is "tokens"."""
    sparse: SparseWeights | None = field(default=None, metadata=_FILES_UNLESS_ADDED)
    """Set where the head is "mlm"."""
    words: WordWeights | None = None
    """Set where the head is "attention" or "words"."""
    hybrid: Hybrid | None = field(default=None, metadata=_FILES)
    """Set where the head is "hybrid"."""
    picture: "ImageProcessor | None" = field(default=None, metadata=_FILES_UNLESS_ADDED)
    """What is done with a picture before the model sees it; set where the head is "picture"."""
    pages: "Pages | None" = field(default=None, metadata=_FILES)
    """What is put around the pixels of a page, and around a query; set where the head is "page"."""
    texts: str | None = field(default=None, metadata=_EITHER)
    """Of a model of pictures: the name of the model of texts whose vectors lie in the same space, if there is one."""
    labels: tuple[str, ...] = field(default=(), metadata=_FILES)
    """Names of a classifier's labels, in order; may be empty where there is one."""
    vocab_size: int | None = field(default=None, metadata=_ADDED)
    """Of a sparse model what listings call so, where it is not ``dim``."""
    max_tokens: int | None = field(default=None, metadata=_FILES_UNLESS_ADDED)
    """Token limit, special tokens included; None: the checkpoint's own."""
    source: str | None = None
    """Hub repository with the original safetensors weights, if any."""
    onnx_source: OnnxSource | None = None
    dense: tuple[Layer, ...] = field(default=(), metadata=_FILES)
    """What follows the pooling, in order."""
    truncate_dim: int | None = field(default=None, metadata=_FILES_UNLESS_ADDED)
    """Leading dimensions that are kept, after normalizing, where the caller does not ask for others."""
    role_tokens: Mapping[str, int] = field(default_factory=lambda: _NO_TASKS, metadata=_FILES)
    """Token limits of queries and documents, by role, where they have their own."""
    lower_case: bool = field(default=False, metadata=_FILES_UNLESS_ADDED)
    tokenizer: Mapping[str, Any] = field(default_factory=lambda: _NO_VALUES, metadata=_FILES)
    """Values that lie over tokenizer_config.json."""
    config: Mapping[str, Any] = field(default_factory=lambda: _NO_VALUES, metadata=_FILES)
    """Values that lie over config.json."""
    prompts: Mapping[str, str] = field(default_factory=lambda: _NO_STRINGS, metadata=_EITHER)
    """Text put before inputs, by role: "query" and "document" are used by the query and document methods."""
    optional_prompts: Mapping[str, str] = field(default_factory=lambda: _NO_STRINGS)
    """Prompts that the model's card offers but does not require; never applied by default."""
    include_prompt: bool = field(default=True, metadata=_CURATED)
    """Whether the prompt's tokens are pooled; where not, only those after it are."""
    similarity: str | None = field(default=None, metadata=_CURATED)
    """Function that the model was trained to be compared by: "cosine", "dot", "euclidean" or "manhattan"."""
    default_prompt: str | None = field(default=None, metadata=_FILES_UNLESS_ADDED)
    """Key of the prompt that plain encoding applies."""
    tasks: Mapping[str, int] = field(default_factory=lambda: _NO_TASKS, metadata=_FILES_FIRST)
    """Adapter numbers for graphs that take a ``task_id`` input."""
    output: int | str = 0
    """Which output of the ONNX file holds the token vectors, or the vector where pooling is "none"."""
    fixed_tokens: int | None = None
    """Every text is padded to this many tokens, because the model reads its vector at the last position."""
    side: str | None = None
    """"query" or "document" where the model embeds one side of a pair of models only."""
    license: str = ""
    size_gb: float | None = None
    languages: str = ""
    description: str = ""
    fastembed: FastembedValues | None = None
    overrides: bool = False
    """Whether these facts win over what the checkpoint's files say."""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise ValueError(f"name must be a str, got {self.name!r}.")
        if isinstance(self.dim, bool) or not isinstance(self.dim, int) or self.dim < 1:
            raise ValueError(f"{self.name}: dim must be a positive int, got {self.dim!r}.")
        if not isinstance(self.head, str) or self.head not in HEADS:
            raise ValueError(f"{self.name}: head {self.head!r} is unknown; known: {', '.join(HEADS)}.")
        if not isinstance(self.pooling, tuple):
            raise ValueError(f"{self.name}: pooling must be a tuple of modes, got {self.pooling!r}.")
        if not self.pooling or ("none" in self.pooling and len(self.pooling) > 1):
            raise ValueError(f'{self.name}: pooling must be "none" or some of the other modes, got {self.pooling}.')
        for mode in self.pooling:
            if mode not in POOLING_MODES:
                raise ValueError(f"{self.name}: pooling mode {mode!r} is unknown; known: {', '.join(POOLING_MODES)}.")

    @property
    def module_weights(self) -> tuple[str, ...]:
        """Weight files beside the encoder's."""
        files = [layer.weights for layer in self.dense if layer.weights]
        if self.sparse is not None and self.sparse.query_weights:
            files.append(self.sparse.query_weights)
        if self.words is not None:
            files += filter(None, (self.words.vocabulary, self.words.projections))
        if self.hybrid is not None:
            files += (file for _, file in self.hybrid.files)
        return tuple(files)

    @property
    def hides_tokens(self) -> bool:
        """Whether some tokens of a text get vectors but are not seen by the others."""
        return self.late is not None and self.late.expansion_length is not None and not self.late.expansion_attended

    @property
    def query_prompt(self) -> str:
        """Text put before every query."""
        return self.prompts.get("query", "")

    @property
    def document_prompt(self) -> str:
        """Text put before every document: the prompt called "document", else "passage", else "corpus"."""
        return next((self.prompts[role] for role in ("document", "passage", "corpus") if role in self.prompts), "")

    @property
    def plain_prompt(self) -> str:
        """Text put before an input whose role is not given: the default prompt, if there is one."""
        return self.prompts[self.default_prompt] if self.default_prompt else ""

    def prompt(self, role: str) -> str:
        """Text put before inputs in the role "plain", "query" or "document"."""
        prompt: str = getattr(self, f"{role}_prompt")
        return prompt

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "ModelSpec":
        """Build a spec from a JSON row of the catalog."""
        values = _without_lists(row)
        for name, part in _PARTS.items():
            if values.get(name):
                values[name] = part(**values[name])
        if values.get("pages"):
            from rapidembed.registry.pages import Pages  # of few models

            values["pages"] = Pages.from_row(values["pages"])
        return cls(**values)


_PARTS: Mapping[str, Callable[..., object]] = {
    "late": lambda skip=(), **values: LateInteraction(skip=tuple(skip), **values),  # a row has them in one string
    "sparse": SparseWeights,
    "words": WordWeights,
    "hybrid": Hybrid,
    "onnx_source": OnnxSource,
    "fastembed": FastembedValues,
}
"""What objects in a row become."""


def _without_lists(row: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a row, lists as tuples, also in the objects within it."""
    frozen = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    return {name: _without_lists(value) if isinstance(value, dict) else value for name, value in frozen.items()}
