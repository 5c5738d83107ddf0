"""Dense, sparse and token vectors of a text, from one pass."""
