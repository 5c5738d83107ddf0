"""The facades, one per task."""
