"""The lexical models, as data."""

from typing import NamedTuple


class LexicalModel(NamedTuple):
    """A model that weighs words by counting them."""

    name: str
    k: float
    b: float
    avg_len: float
    description: str
    license: str


_BM25 = LexicalModel(
    name="Qdrant/bm25",
    k=1.2,
    b=0.75,
    avg_len=256.0,
    description="BM25 term weights; the index multiplies them by idf (in Qdrant: modifier=idf). Needs no download.",
    license="apache-2.0",
)
LEXICAL_MODELS: tuple[LexicalModel, ...] = (_BM25,)


def find_lexical(name: str) -> LexicalModel | None:
    """The lexical model of that name (case does not matter), or None."""
    return next((model for model in LEXICAL_MODELS if model.name.lower() == name.lower()), None)
