"""Haystack components that rank on this machine. Saved pipelines name these modules: they must not move."""

try:
    from haystack import component  # noqa: F401
except ImportError as error:
    raise ImportError("rapidembed's components need haystack-ai: pip install 'rapidembed[haystack]'") from error

from haystack_integrations.components.rankers.rapidembed.late_interaction_ranker import FastembedLateInteractionRanker
from haystack_integrations.components.rankers.rapidembed.ranker import FastembedRanker

__all__ = ["FastembedLateInteractionRanker", "FastembedRanker"]
