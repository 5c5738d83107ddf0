"""What is loaded, for people and for logs."""

from dataclasses import dataclass
from pathlib import Path

from rapidembed.names import HeadName, PoolingMode


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Facts about a loaded model. Printing it answers "what am I running, and from where?"."""

    __module__ = "rapidembed"

    model_name: str
    dimensions: int
    """Width of a vector or of each token's; of a reranker 1; of a sparse model the size of its vocabulary."""
    max_tokens: int | None
    """None: no limit."""
    architecture: str
    head: HeadName | None
    """What is computed from the token vectors, see :data:`rapidembed.names.HeadName`; None: words are counted."""
    pooling: tuple[PoolingMode, ...]
    normalize: bool
    query_prompt: str
    document_prompt: str
    weights: Path | None
    """The file that runs: safetensors (its graph is built here, or it is a table of token vectors), or ONNX; None where
    words are counted."""
    revision: str | None
    """Commit of the hub repository; None for folders and packages."""
    similarity: str | None
    """Function that the model was trained to be compared by, if its files name one."""
    license: str
    device: str
    precision: str
    backend: str
    cores: int
    """Cores that one call may use at most."""
    adapter: str | None = None
    """Whose vectors an adapter turns, "query" or "both"; None: there is none."""
