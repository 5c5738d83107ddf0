"""Graphs of models, built without a checkpoint around them."""

from typing import Any

from rapidembed import ModelSpec
from rapidembed.graph.build import build as build_graph
from rapidembed.graph.built import BuiltGraph, GraphSpec
from rapidembed.graph.weights import Weights
from rapidembed.registry.config_file import ConfigFile


def build(config: ConfigFile, weights: Weights, spec: ModelSpec, **form: Any) -> BuiltGraph:
    """:func:`rapidembed.graph.build.build` for a whole spec."""
    return build_graph(config, weights, GraphSpec.of(spec), **form)
