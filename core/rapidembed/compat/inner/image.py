"""Vectors of pictures with fastembed's values."""

from dataclasses import replace

import rapidembed
from rapidembed.compat.values import output_width
from rapidembed.hub import Checkpoint
from rapidembed.registry import ModelSpec
from rapidembed.tasks.facade import View


def as_fastembed(checkpoint: Checkpoint) -> ModelSpec:
    """The facts by which fastembed reads a checkpoint; how pictures become pixels its own files say."""
    spec = checkpoint.spec
    normalize = spec.normalize if spec.fastembed is None else spec.fastembed.normalize
    return replace(spec, dim=output_width(checkpoint) or spec.dim, normalize=normalize)


class InnerImage(rapidembed.ImageEmbedding):
    """The facade."""

    _view = View(spec=as_fastembed, exported=True, quiet=True)
