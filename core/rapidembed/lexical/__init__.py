"""BM25 and what belongs to it: no network, no weights, nothing to download.

Values are NamedTuples: making a frozen dataclass takes several times as long, and a process that counts words has
little else to wait for.
"""
