"""A linear head over a model's frozen vectors, trained on pairs of texts, with numpy."""

from rapidembed.toolkit.adaptation.adapt import adapt
from rapidembed.toolkit.adaptation.fit import Adaptation, fit_adapter

__all__ = ["Adaptation", "adapt", "fit_adapter"]
