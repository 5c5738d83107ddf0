"""A model as :class:`rapidembed.TextCrossEncoder` uses it."""

from dataclasses import dataclass
from typing import Any

from rapidembed.hub import Checkpoint
from rapidembed.runtime.lease import Lease
from rapidembed.runtime.pairs import PairTemplate
from rapidembed.tasks.call import Call
from rapidembed.tasks.rerank.options import RerankOptions
from rapidembed.tasks.rerank.steps import PairSteps
from rapidembed.tasks.token_model import TokenModel, graph_tokenizer, prompts_of, token_limit


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankModel(TokenModel[RerankOptions]):
    """Everything that a call needs."""

    template: PairTemplate
    labels: tuple[str, ...]
    chosen: int | None
    """Number of the label whose score ranks documents; None: there are several, and none was chosen."""

    @classmethod
    def of(cls, lease: Lease, checkpoint: Checkpoint, options: RerankOptions) -> "RerankModel":
        """See :meth:`LeasedModel.of`."""
        spec = checkpoint.spec
        labels = spec.labels or tuple(f"LABEL_{number}" for number in range(spec.dim))
        template = PairTemplate.of(graph_tokenizer(lease.engine))
        return cls(
            lease=lease,
            checkpoint=checkpoint,
            max_tokens=token_limit(options.max_tokens, spec, lease.engine, template.special_tokens),
            truncate=options.truncate,
            prompts=prompts_of(spec),
            template=template,
            labels=labels,
            chosen=_choose(options.label, labels, spec.name),
        )

    @property
    def column(self) -> int:
        """Where the score that ranks documents stands among those of the labels.

        Raises:
            ValueError: there are several labels, and none was chosen.
        """
        if self.chosen is None:
            raise ValueError(
                f"{self.spec.name} has {len(self.labels)} labels ({', '.join(self.labels)}), so it gives no single "
                "score. Choose one: label=...; or get them all by TextCrossEncoder.score_labels()."
            )
        return self.chosen

    def facts(self) -> dict[str, Any]:
        """Everything beside the files that decides the scores."""
        return TokenModel.facts(self) | ({"label": self.chosen} if len(self.labels) > 1 else {})

    def warm(self) -> None:
        """Load what a first call needs: it has many pairs."""
        self.engine.load(bulk=True)

    def pair_steps(self) -> PairSteps:
        """From pairs to tokens, for a new call."""
        call = Call("", self.max_tokens, self.truncate, noun="pairs")
        return PairSteps(call, self.tokenizer, self.template)


def _choose(label: str | int | None, labels: tuple[str, ...], name: str) -> int | None:
    """The number of a label; None: none was chosen, and there are several.

    Raises:
        ValueError: there is no such label.
    """
    if label is None:
        return 0 if len(labels) == 1 else None
    if isinstance(label, int) and 0 <= label < len(labels):
        return label
    if label in labels:
        return labels.index(str(label))
    raise ValueError(f"label must be one of {', '.join(labels)} of {name}, or its number; got {label!r}.")
