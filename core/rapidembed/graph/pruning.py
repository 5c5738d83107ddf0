"""What of a graph is needed for some of its values."""

from collections.abc import Iterable, Sequence

import onnx


def prune(nodes: Sequence[onnx.NodeProto], values: Iterable[str]) -> tuple[list[onnx.NodeProto], set[str]]:
    """The nodes that ``values`` need, in their order, and the names of all that is read for them, or one of them."""
    needed, kept = set(values), []
    for node in reversed(nodes):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    return kept[::-1], needed
