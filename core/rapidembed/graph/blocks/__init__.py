"""Parts that architectures and heads are built of, as nodes of a graph."""
