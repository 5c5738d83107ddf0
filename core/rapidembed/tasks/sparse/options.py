"""The options of :class:`rapidembed.SparseTextEmbedding`, apart from those of the others, which load no stemmers."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from rapidembed.lexical.models import find_lexical
from rapidembed.lexical.options import LexicalOptions, check_number
from rapidembed.tasks.options import ModelOptions, check_prompts

LEXICAL = tuple(option.name for option in fields(LexicalOptions))
_OF_HEAD = {"attention": ("alpha",), "words": ("k", "b", "avg_len")}


@dataclass(frozen=True, slots=True, kw_only=True)
class SparseOptions(ModelOptions):
    """Arguments of :class:`rapidembed.SparseTextEmbedding`, documented there."""

    prompts: Mapping[str, str] | None
    alpha: float | None
    """Of BM42."""
    lexical: LexicalOptions
    """Those of BM25, some of which miniCOIL has too."""

    def __post_init__(self) -> None:
        ModelOptions.__post_init__(self)
        check_prompts(self.prompts)
        if model := find_lexical(self.model_name):
            for name in ("max_tokens", "prompts", "revision"):
                if getattr(self, name) is not None:
                    raise ValueError(f"{model.name} has no {name}: it counts words, without a network. Leave it out.")
        check_number("alpha", self.alpha, lambda alpha: alpha > 0, "a positive number")
        self._check_kind()

    def _check_kind(self) -> None:
        """Refuse options that the model has no use for."""
        given = self.lexical.given() | ({} if self.alpha is None else {"alpha": self.alpha})
        known = _options_of(self.model_name) if given else ()
        if wrong := [name for name in given if name not in known]:
            raise ValueError(
                f"{', '.join(wrong)}: {self.model_name} has no such option. BM25 has all of {', '.join(LEXICAL)}; "
                "miniCOIL has k, b and avg_len; BM42 has alpha."
            )

    def picklable(self) -> dict[str, Any]:
        """See :meth:`ModelOptions.picklable`."""
        options = ModelOptions.picklable(self)
        del options["lexical"]
        return options | self.lexical.given()


def _options_of(model_name: str) -> tuple[str, ...]:
    """The options that a model has beside those of all."""
    if find_lexical(model_name):
        return LEXICAL
    from rapidembed.registry import SPARSE

    row = SPARSE.find(model_name)
    return _OF_HEAD.get(row.head, ()) if row else ()
