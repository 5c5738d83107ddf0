"""Reranking: how well each of some documents answers a query."""
