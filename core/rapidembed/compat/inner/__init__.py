"""The facades of :mod:`rapidembed` with fastembed's view of the models: what the classes of this package hold."""
