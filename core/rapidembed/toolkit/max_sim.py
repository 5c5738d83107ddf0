"""Late interaction: how well each vector of a query finds its like in a document."""

from rapidembed.tasks.max_sim import max_sim

__all__ = ["max_sim"]
