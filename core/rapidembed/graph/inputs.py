"""The inputs of a graph: what its heads read, and what an encoder of texts reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from rapidembed.graph.blocks import basic
from rapidembed.graph.built import GraphSpec
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.heads import HEADS

_TOKENS = ("batch", "tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphInputs:
    """Names of the values that heads read, whatever goes in; those that a graph does without are None.

    Encoders read more: each kind of input has a class of its own below this one.
    """

    real: str | None = None
    """float32 (batch, tokens), 1 for real tokens, padding on the right; None without padding."""
    skipped: str | None = None
    """int64 number of tokens at the beginning that are not pooled; None: all are."""


Read_co = TypeVar("Read_co", bound=GraphInputs, covariant=True)


class Modality(Protocol[Read_co]):
    """What goes into an encoder."""

    def declare(self, writer: GraphWriter, config: ConfigFile, spec: GraphSpec, *, masked: bool) -> Read_co:
        """Declare names, types and shapes of a graph's inputs by :meth:`rapidembed.graph.writer.GraphWriter.input`.

        Args:
            writer: takes the inputs, and the nodes that prepare them.
            config: config.json, which may say how large they are.
            spec: what of the model shapes the graph.
            masked: rows of a batch may be padded.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class TextInputs(GraphInputs):
    """Names of the values that an encoder of texts reads."""

    ids: str
    """Token ids, int64 (batch, tokens)."""
    mask: str | None = None
    """int32 (batch, tokens), 1 for tokens that the others see; None where every token is seen."""
    types: str | None = None
    """Which text of a pair a token belongs to, int64 (batch, tokens); None where all are of type 0."""
    hides_tokens: bool = False
    """Whether some tokens that others do not see get vectors all the same."""
    task: str | None = None
    """Which adapter to use, an int64 number; None where the model has none."""
    features: str | None = None
    """What was seen in the pictures of pages, see :data:`rapidembed.graph.blocks.pages.FEATURES`; None: all is text."""
    places: str = ""
    """Which of it each token stands for, see :data:`rapidembed.graph.blocks.pages.PLACES`."""
    penalty: str | None = None
    """float32 (batch, tokens, 1, 1), added to the scores of attention: 0 for tokens that the others see, far below for
    the others. Stands in for a mask where few texts need one, see
    :func:`rapidembed.graph.blocks.self_attention.penalized`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The :class:`Modality` of token ids, and what the form of the graph needs beside them."""

    told_apart: bool = False
    """Whether the model tells the texts of a pair apart."""

    def declare(self, writer: GraphWriter, config: ConfigFile, spec: GraphSpec, *, masked: bool) -> TextInputs:
        """See :meth:`Modality.declare`."""

        def given(name: str, wanted: bool, shape: Sequence[str] = _TOKENS) -> str | None:
            return writer.input(name, shape) if wanted else None

        ids = writer.input("input_ids", _TOKENS)
        types = given("token_type_ids", HEADS[spec.head].pairs and self.told_apart)
        seen = given("attention_mask", masked or spec.hides_tokens)
        skipped = given("prompt_tokens", not spec.include_prompt, ())
        task = given("task_id", spec.adapted, ())
        return TextInputs(
            ids=ids,
            mask=writer.node("Cast", seen, to=6) if seen and masked else None,  # 6: INT32
            real=writer.node("Cast", seen, to=1) if seen and masked else None,  # 1: FLOAT
            types=types,
            hides_tokens=spec.hides_tokens,
            task=task,
            penalty=_penalty(writer, seen) if seen and not masked else None,
            skipped=skipped,
        )


def _penalty(writer: GraphWriter, mask: str) -> str:
    """An attention mask, int64 (batch, tokens), as :attr:`TextInputs.penalty`."""
    hidden = writer.node("Sub", writer.node("Cast", mask, to=1), basic.scalar(writer, 1.0))  # 1: FLOAT
    return writer.node("Unsqueeze", writer.node("Mul", hidden, basic.scalar(writer, 1e9)), writer.ints(2, 3))
