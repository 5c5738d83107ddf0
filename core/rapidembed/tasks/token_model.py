"""A loaded model that reads tokens of texts: its tokenizer, its prompts, and how many tokens it takes."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from rapidembed.errors import UnsupportedModelError
from rapidembed.registry import ModelSpec
from rapidembed.runtime.engine import Engine
from rapidembed.runtime.ready import X
from rapidembed.runtime.static_tokenizer import UNLIMITED
from rapidembed.runtime.stream import Steps
from rapidembed.runtime.tokenizer import Tokenizer
from rapidembed.tasks.call import Call
from rapidembed.tasks.facade import O
from rapidembed.tasks.leased import LeasedModel
from rapidembed.tasks.steps import TextSteps

if TYPE_CHECKING:
    from rapidembed.tasks.info import ModelInfo

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenModel(LeasedModel[O]):
    """What the loaded models have in common whose inputs are texts, or pairs of texts."""

    shares = True

    max_tokens: int
    truncate: bool
    prompts: Mapping[str, str]
    """Text put before inputs, by role: "plain", "query", "document"."""

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of a model that runs a graph.

        Raises:
            UnsupportedModelError: the model is a table of token vectors.
        """
        return graph_tokenizer(self.engine)

    def call(self, role: str) -> Call:
        """A new call in the role "plain", "query" or "document"."""
        return Call(self.prompts[role], self.max_tokens, self.truncate, role=role)

    def steps(self, call: Call) -> Steps[Any, Any]:
        """From the texts of a call to tokens."""
        return TextSteps(call, self.engine.tokenizer)

    def token_count(self, texts: Iterable[str], batch_size: int) -> int:
        """Tokens over all texts as the model reads them: special tokens included, after truncation."""
        return self.count(texts, self.steps(self.call("plain")), batch_size)

    def count(self, items: Iterable[T], steps: Steps[T, X], batch_size: int) -> int:
        """Tokens that ``steps`` make of all inputs, at most ``batch_size`` at a time."""
        prepared = (steps.prepare(item, index) for index, item in enumerate(items))
        # The tokenizers' own threads take as many cores as there are texts in a chunk.
        size = min(batch_size, self.engine.cores)
        chunks = iter(lambda: list(itertools.islice(prepared, size)), [])
        return sum(tokens.length for chunk in chunks for tokens in steps.ready(chunk))

    def info(self) -> "ModelInfo":
        """What is loaded, and from where."""
        return replace(
            LeasedModel.info(self),
            max_tokens=None if self.max_tokens == UNLIMITED else self.max_tokens,
            query_prompt=self.prompts["query"],
            document_prompt=self.prompts["document"],
        )

    def facts(self) -> dict[str, Any]:
        """Everything beside the files that decides the results, in JSON's types."""
        return LeasedModel.facts(self) | {"max_tokens": self.max_tokens}


def prompts_of(spec: ModelSpec, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """The prompt of each role: the one given, else the model's."""
    return {role: spec.prompt(role) for role in ("plain", "query", "document")} | dict(given or {})


def graph_tokenizer(engine: Engine[Any]) -> Tokenizer:
    """See :attr:`TokenModel.tokenizer`."""
    if not isinstance(engine.tokenizer, Tokenizer):
        raise UnsupportedModelError(
            f"{engine.key.checkpoint.spec.name} is a static model, which gives text vectors only."
        )
    return engine.tokenizer


def token_limit(wanted: int | None, spec: ModelSpec, engine: Engine[Any], special: int | None = None) -> int:
    """The limit that applies: the one asked for, else the checkpoint's, never beyond the model's positions.

    Args:
        wanted: limit that the user asked for.
        spec: the model's facts.
        engine: the model.
        special: tokens that are added to every input; None: those of a single text.
    """
    most = engine.position_limit or spec.max_tokens
    limit = wanted or min(filter(None, (spec.max_tokens, most)), default=None)
    if limit is None or most is None:
        raise ValueError(f"{spec.name} does not say how many tokens it takes; give max_tokens.")
    if limit > most:
        raise ValueError(f"max_tokens must be at most {most}, the positions of {spec.name}; got {limit}.")
    special = engine.tokenizer.special_tokens if special is None else special
    if limit <= special:
        raise ValueError(f"max_tokens must leave room beside {special} special tokens, got {limit}.")
    return limit
