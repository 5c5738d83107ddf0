"""Late-interaction embedding: a vector for each token."""
