"""The options of :class:`rapidembed.SparseTextEmbedding`, apart from those of the others, which load no stemmers."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields

from rapidembed.lexical.models import find_lexical
from rapidembed.lexical.options import LexicalOptions, check_number
from rapidembed.lexical.vocabulary import Stemmer
from rapidembed.lexical.words import WordSplitter
from rapidembed.tasks.options import TokenOptions, check_prompts

LEXICAL = tuple(option.name for option in fields(LexicalOptions))
_OF_HEAD = {"attention": ("alpha",), "words": ("k", "b", "avg_len")}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SparseOptions(TokenOptions):
    """Arguments of :class:`rapidembed.SparseTextEmbedding`, documented there."""

    prompts: Mapping[str, str] | None
    k: float | None
    b: float | None
    avg_len: float | None
    language: str | None
    token_max_length: int | None
    disable_stemmer: bool | None
    stemmer: Stemmer | None
    stopwords: Collection[str] | None
    tokenizer: WordSplitter | None
    alpha: float | None

    def __post_init__(self) -> None:
        TokenOptions.__post_init__(self)
        check_prompts(self.prompts)
        if model := find_lexical(self.model_name):
            for name in ("max_tokens", "prompts", "revision"):
                if getattr(self, name) is not None:
                    raise ValueError(f"{model.name} has no {name}: it counts words, without a network. Leave it out.")
        check_number("alpha", self.alpha, lambda alpha: alpha > 0, "a positive number")
        self._check_kind(self.lexical)

    @property
    def lexical(self) -> LexicalOptions:
        """Those of BM25, some of which miniCOIL has too.

        Raises:
            ValueError: one has an impossible value.
        """
        return LexicalOptions(**{name: getattr(self, name) for name in LEXICAL})

    def _check_kind(self, lexical: LexicalOptions) -> None:
        """Refuse options that the model has no use for."""
        given = lexical.given() | ({} if self.alpha is None else {"alpha": self.alpha})
        known = options_of(self.model_name) if given else ()
        if wrong := [name for name in given if name not in known]:
            raise ValueError(
                f"{', '.join(wrong)}: {self.model_name} has no such option. BM25 has all of {', '.join(LEXICAL)}; "
                "miniCOIL has k, b and avg_len; BM42 has alpha."
            )


def options_of(model_name: str) -> tuple[str, ...]:
    """The options that a model has beside those of all."""
    if find_lexical(model_name):
        return LEXICAL
    from rapidembed.registry import SPARSE

    row = SPARSE.find(model_name)
    return _OF_HEAD.get(row.head, ()) if row else ()
