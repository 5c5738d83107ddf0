"""The options of :class:`rapidembed.SparseTextEmbedding`, apart from those of the others, which load no stemmers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rapidembed.lexical.models import find_lexical
from rapidembed.lexical.options import LexicalOptions
from rapidembed.tasks.options import ModelOptions, check_prompts


@dataclass(frozen=True, slots=True, kw_only=True)
class SparseOptions(ModelOptions):
    """Arguments of :class:`rapidembed.SparseTextEmbedding`, documented there."""

    prompts: Mapping[str, str] | None
    lexical: LexicalOptions
    """Those that are for BM25 only."""

    def __post_init__(self) -> None:
        ModelOptions.__post_init__(self)
        check_prompts(self.prompts)
        if model := find_lexical(self.model_name):
            for name in ("max_tokens", "prompts", "revision"):
                if getattr(self, name) is not None:
                    raise ValueError(f"{model.name} has no {name}: it counts words, without a network. Leave it out.")
        elif given := self.lexical.given():
            raise ValueError(f"{', '.join(given)}: of BM25 only, and {self.model_name} is none. Leave it out.")

    def picklable(self) -> dict[str, Any]:
        """See :meth:`ModelOptions.picklable`."""
        options = ModelOptions.picklable(self)
        del options["lexical"]
        return options | self.lexical.given()
