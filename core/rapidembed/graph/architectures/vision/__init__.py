"""Encoders of pictures, and of the texts that lie in the same space."""
