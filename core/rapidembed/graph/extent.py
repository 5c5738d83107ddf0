"""Architectures of which a graph computes more, or less, than it would by itself."""

from dataclasses import dataclass, replace
from typing import Any

from rapidembed.graph.architecture import Architecture, Encode
from rapidembed.graph.blocks import basic
from rapidembed.graph.built import Extent, GraphSpec
from rapidembed.graph.inputs import TextInputs
from rapidembed.graph.layout import HIDDEN
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.encoder_config import read_optional_hidden


def cut(architecture: Architecture[Any], extent: Extent) -> Architecture[Any]:
    """The architecture with another ``encode``, see :data:`rapidembed.graph.built.Extent`."""
    if extent == "whole":
        return replace(architecture, encode=_whole(architecture.encode))
    if extent == "head":
        return replace(architecture, encode=_given, modality=_Hidden())
    return architecture


@dataclass(frozen=True, slots=True)
class _Hidden:
    """The :class:`rapidembed.graph.inputs.Modality` of hidden states."""

    def declare(self, writer: GraphWriter, config: ConfigFile, spec: GraphSpec, *, masked: bool) -> TextInputs:
        """See :meth:`rapidembed.graph.inputs.Modality.declare`."""
        width = read_optional_hidden(config) or spec.dim
        ids = writer.input(HIDDEN, ("batch", "tokens", width), "float32")
        skipped = None if spec.include_prompt else writer.input("prompt_tokens", ())
        # Weights are rounded for it as for what a normalization gives.
        return TextInputs(ids=writer.describe(ids, normalized=True), skipped=skipped)


def _given(writer: GraphWriter, config: ConfigFile, inputs: TextInputs, *, first_only: bool) -> tuple[str, int]:
    x = inputs.ids
    return basic.first_token(writer, x) if first_only else x, read_optional_hidden(config) or 0


def _whole(encode: Encode[Any]) -> Encode[Any]:
    def whole(writer: GraphWriter, config: ConfigFile, inputs: Any, *, first_only: bool) -> tuple[str, int]:
        x, hidden = encode(writer, config, inputs, first_only=False)
        return basic.first_token(writer, x) if first_only else x, hidden

    return whole
