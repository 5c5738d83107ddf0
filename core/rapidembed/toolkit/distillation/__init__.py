"""Distilling a model into a static one, a table of token vectors, with numpy."""

from rapidembed.toolkit.distillation.student import Distillation, distil

__all__ = ["Distillation", "distil"]
