"""Reranking by models that read query and document together."""

from rapidembed.compat.rerank.cross_encoder.text_cross_encoder import TextCrossEncoder

__all__ = ["TextCrossEncoder"]
