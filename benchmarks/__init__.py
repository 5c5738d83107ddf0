"""Measures rapidembed and the peers installed beside it, in one run: ``python -m benchmarks --help``."""
