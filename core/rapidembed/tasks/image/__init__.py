"""Vectors of pictures."""
