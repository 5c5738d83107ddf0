"""What fastembed makes of a checkpoint: the facts that its values follow from."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from rapidembed.hub import Checkpoint
from rapidembed.hub.onnx_file import read_onnx
from rapidembed.registry import ModelSpec
from rapidembed.registry.heads import HEADS
from rapidembed.registry.static_files import STATIC_ARCHITECTURES
from rapidembed.tasks.facade import View


def as_fastembed(checkpoint: Checkpoint) -> ModelSpec:
    """The facts by which fastembed reads a checkpoint.

    Its token limit is what tokenizer_config.json says, wherever the model stops; it applies no prompts; queries of
    late-interaction models are filled up, and never cut at a length of their own.

    Raises:
        ValueError: tokenizer_config.json is missing or names no limit, which fastembed needs.
    """
    spec = checkpoint.spec
    values = spec.fastembed
    late = spec.late and replace(spec.late, query_length=None)
    marker_counts = values is None or values.marker_counts
    limit = spec.max_tokens
    if spec.architecture not in STATIC_ARCHITECTURES:
        limit = token_limit(checkpoint.folder) + (not marker_counts)
    return replace(
        own_vectors(checkpoint),
        max_tokens=limit,
        fixed_tokens=limit if spec.fixed_tokens else None,
        late=late,
        prompts={},
        default_prompt=None,
        include_prompt=True,
        role_tokens={},
        truncate_dim=None,
    )


def own_vectors(checkpoint: Checkpoint) -> ModelSpec:
    """The spec, but for how wide vectors are and whether they are scaled to length 1: that as in fastembed."""
    spec = checkpoint.spec
    normalize = spec.normalize if spec.fastembed is None else spec.fastembed.normalize
    return replace(spec, dim=output_width(checkpoint) or spec.dim, normalize=normalize)


def output_width(checkpoint: Checkpoint) -> int | None:
    """What the ONNX file says of its output's width, which fastembed does not compare with the listing."""
    spec = checkpoint.spec
    if not checkpoint.is_onnx or HEADS[spec.head].beyond_dim != 0:
        return None
    outputs = read_onnx(checkpoint.root / checkpoint.weights[0]).outputs
    shapes = [value.shape for number, value in enumerate(outputs) if spec.output in (number, value.name)]
    return shapes[0][-1] if shapes and shapes[0] else None


VIEW = View(spec=as_fastembed, exported=True, quiet=True)


def token_limit(folder: Path) -> int:
    """The smaller one of the two limits in a folder's tokenizer_config.json.

    Raises:
        ValueError: there is no such file, or no such limit.
    """
    file = folder / "tokenizer_config.json"
    if not file.is_file():
        raise ValueError(f"{folder} has no tokenizer_config.json, which says how many tokens the model takes.")
    settings = json.loads(file.read_text(encoding="utf-8"))
    limits: list[int] = [value for key in ("model_max_length", "max_length") if _is_limit(value := settings.get(key))]
    if not limits:
        raise ValueError(f"{file} names no limit: it needs a positive model_max_length or max_length.")
    return min(limits)


def _is_limit(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= sys.maxsize
