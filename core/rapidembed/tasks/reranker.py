"""A model as :class:`rapidembed.TextCrossEncoder` uses it."""

from dataclasses import dataclass

from rapidembed.hub import Checkpoint
from rapidembed.registry import RERANK
from rapidembed.runtime.device import Placement
from rapidembed.runtime.lease import Lease
from rapidembed.runtime.pairs import PairTemplate
from rapidembed.tasks.call import Call
from rapidembed.tasks.leased import LeasedModel, graph_tokenizer, lease_model, token_limit
from rapidembed.tasks.options import ModelOptions
from rapidembed.tasks.steps import PairSteps


@dataclass(frozen=True, slots=True, kw_only=True)
class Reranker(LeasedModel):
    """Everything that a call needs."""

    template: PairTemplate

    @classmethod
    def load(cls, owner: object, options: ModelOptions, placement: Placement) -> "Reranker":
        """Find the model, lease its engine for ``owner``, and check the options against it."""

        def make(lease: Lease, checkpoint: Checkpoint) -> "Reranker":
            template = PairTemplate.of(graph_tokenizer(lease.engine))
            return cls(
                lease=lease,
                checkpoint=checkpoint,
                max_tokens=token_limit(options.max_tokens, checkpoint.spec, lease.engine, template.special_tokens),
                truncate=options.truncate,
                template=template,
            )

        return lease_model(owner, options, placement, RERANK, make)

    def warm(self) -> None:
        """Load what a first call needs: it has many pairs."""
        self.engine.load(bulk=True)

    def steps(self) -> PairSteps:
        """From pairs to tokens, for a new call."""
        call = Call("", self.max_tokens, self.truncate, noun="pairs")
        return PairSteps(call, self.tokenizer, self.template)
