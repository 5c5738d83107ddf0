"""BM25 and what belongs to it: no network, no weights, nothing to download."""
