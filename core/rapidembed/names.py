"""Words that the rows of models are written in; importing them loads nothing."""

from typing import Literal, TypeAlias

PoolingMode: TypeAlias = Literal["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken", "none"]
"""How token vectors become one vector, in sentence-transformers' words; "none": the graph already did it."""

POOLING_MODES: tuple[PoolingMode, ...] = (
    "cls",
    "max",
    "mean",
    "mean_sqrt_len_tokens",
    "weightedmean",
    "lasttoken",
    "none",
)

HeadName: TypeAlias = Literal[
    "pool", "tokens", "classification", "mlm", "attention", "words", "hybrid", "picture", "page", "features"
]
"""What a model computes from its token vectors: one vector by pooling; a vector for each token; a score by a
classifier over the first token; a weight for each word of the vocabulary by the masked-language-model head; how much
the first token attends to each token; a few numbers for each word, by a projection of its own; all at once, a vector,
weights of the tokens, and a vector for each token; a vector of a picture; a vector for each token of a text or of a
page that was looked at; what a model of pages sees in a picture, which becomes some of these tokens."""

SparsePooling: TypeAlias = Literal["max", "sum"]
"""How the weights that a text's tokens give a word become one: the largest, or all of them."""

LongText: TypeAlias = Literal["truncate", "mean", "weighted", "max", "late"]
"""What becomes of a text beyond the token limit: it is cut there; or read in parts, whose vectors become one: their
mean, that weighted by tokens, or their largest values; or its tokens are read in windows that overlap, and averaged."""

Role: TypeAlias = Literal["plain", "query", "document"]
"""What a text is to a search: neither, what is looked for, or what is found; models have a prompt for each."""
