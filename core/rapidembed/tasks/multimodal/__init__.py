"""A vector for each token of texts, and for each part of pictures."""
