"""Parts of sparse models."""
