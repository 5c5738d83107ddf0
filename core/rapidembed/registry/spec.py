"""The facts that make a model: everything that tells two models apart is a field here, never a class."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rapidembed.types import POOLING_MODES, PoolingMode

Pooling = tuple[PoolingMode, ...]
"""Modes whose results are concatenated, in this order."""

_NO_STRINGS: Mapping[str, str] = {}
_NO_TASKS: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxSource:
    """An ONNX export of a model: a hub repository, the graph's file, and files it needs beside it."""

    repo: str
    file: str
    additional_files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseLayer:
    """A sentence-transformers Dense module: ``activation(x @ weight.T + bias)`` on the pooled vector."""

    path: str
    """Folder of the module inside the checkpoint."""
    in_features: int
    out_features: int
    bias: bool
    activation: str
    """Class name in ``torch.nn``, for example "Tanh" or "Identity"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FastembedValues:
    """Where fastembed's vectors for the same name differ from sentence-transformers'."""

    normalize: bool
    """fastembed never re-normalises some models that are normalised upstream, and the reverse."""
    max_tokens: int | None = None
    """Its effective token limit, where it is below the model's."""
    prompts: bool = False
    """Whether it applies prompts by itself; it does so for no model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """A dense text model.

    A curated row names where the model comes from; a spec read from a folder describes just that folder.
    """

    name: str
    dim: int
    architecture: str = ""
    """``model_type`` of the checkpoint's config.json; empty where that file is to say it."""
    pooling: Pooling
    normalize: bool
    """Whether vectors are scaled to length 1 (L2)."""
    max_tokens: int | None = None
    """Token limit, special tokens included; None: the checkpoint's own."""
    source: str | None = None
    """Hub repository with the original safetensors weights, if any."""
    onnx_source: OnnxSource | None = None
    dense: tuple[DenseLayer, ...] = ()
    lower_case: bool = False
    prompts: Mapping[str, str] = field(default_factory=lambda: _NO_STRINGS)
    """Text put before inputs, by role: "query" and "document" are used by the query and document methods."""
    optional_prompts: Mapping[str, str] = field(default_factory=lambda: _NO_STRINGS)
    """Prompts that the model's card offers but does not require; never applied by default."""
    include_prompt: bool = True
    """Whether the prompt's tokens are pooled; where not, only those after it are."""
    similarity: str | None = None
    """Function that the model was trained to be compared by: "cosine", "dot", "euclidean" or "manhattan"."""
    default_prompt: str | None = None
    """Key of the prompt that plain encoding applies."""
    tasks: Mapping[str, int] = field(default_factory=lambda: _NO_TASKS)
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
        if self.dim < 1:
            raise ValueError(f"{self.name}: dim must be positive, got {self.dim}.")
        if not self.pooling or ("none" in self.pooling and len(self.pooling) > 1):
            raise ValueError(f'{self.name}: pooling must be "none" or some of the other modes, got {self.pooling}.')
        for mode in self.pooling:
            if mode not in POOLING_MODES:
                raise ValueError(f"{self.name}: pooling mode {mode!r} is unknown; known: {', '.join(POOLING_MODES)}.")

    @property
    def query_prompt(self) -> str:
        """Text put before every query."""
        return self.prompts.get("query", "")

    @property
    def document_prompt(self) -> str:
        """Text put before every document: the prompt called "document", "passage" or "corpus"."""
        return next(filter(None, (self.prompts.get(role) for role in ("document", "passage", "corpus"))), "")

    @property
    def plain_prompt(self) -> str:
        """Text put before an input whose role is not given: the default prompt, if there is one."""
        return self.prompts[self.default_prompt] if self.default_prompt else ""

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "ModelSpec":
        """Build a spec from a JSON row of the catalog."""
        values = dict(row)
        values["pooling"] = tuple(values["pooling"])
        if onnx := values.get("onnx_source"):
            files = tuple(onnx.get("additional_files", ()))
            values["onnx_source"] = OnnxSource(repo=onnx["repo"], file=onnx["file"], additional_files=files)
        if fastembed := values.get("fastembed"):
            values["fastembed"] = FastembedValues(**fastembed)
        return cls(**values)
