"""Scores with fastembed's values."""

import rapidembed
from rapidembed.compat.values import VIEW
from rapidembed.tasks.rerank.model import RerankModel
from rapidembed.tasks.rerank.steps import PairSteps


class FastembedRerank(RerankModel):
    """A model that cuts pairs without a word about it."""

    def pair_steps(self) -> PairSteps:
        """See :meth:`RerankModel.pair_steps`."""
        steps = RerankModel.pair_steps(self)
        steps.call.quiet = True
        return steps


class InnerRerank(rapidembed.TextCrossEncoder):
    """The facade."""

    _view = VIEW
    _kind = FastembedRerank
