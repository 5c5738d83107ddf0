"""Sparse text embedding."""
