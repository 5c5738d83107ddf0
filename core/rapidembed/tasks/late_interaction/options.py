"""The options of :class:`rapidembed.LateInteractionTextEmbedding`."""

from dataclasses import dataclass

from rapidembed.runtime.inputs import check_positive
from rapidembed.tasks.options import TokenOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class LateInteractionOptions(TokenOptions):
    """Arguments of :class:`rapidembed.LateInteractionTextEmbedding`, documented there."""

    max_query_tokens: int | None

    def __post_init__(self) -> None:
        TokenOptions.__post_init__(self)
        if self.max_query_tokens is not None:
            check_positive("max_query_tokens", self.max_query_tokens)
