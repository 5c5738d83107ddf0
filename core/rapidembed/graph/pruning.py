"""What of a graph is needed for some of its values."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import onnx

_NUMBERED = re.compile(r"(.*?)\.(\d+)\.")
_HEAD = re.compile(r"(^|_)(cls|classifier|heads?|outputs|scores?|predictions?|projector|decoder)$")
"""How heads are called."""


def prune(nodes: Sequence[onnx.NodeProto], values: Iterable[str]) -> tuple[list[onnx.NodeProto], set[str]]:
    """The nodes that ``values`` need, in their order, and the names of all that is read for them, or one of them."""
    needed, kept = set(values), []
    for node in reversed(nodes):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    return kept[::-1], needed


def left_over(names: Iterable[str], used: Collection[str], prefix: str) -> list[str]:
    """Those of ``names`` that are not of layers behind the last one that is used, of heads, or numbers of positions.

    transformers drops such tensors: config.json may count fewer layers than there are, heads lie beside the parts of
    the encoder, and positions are counted.

    Args:
        names: full names of tensors that a graph does not read.
        used: full names of those that it reads.
        prefix: of the encoder's names.
    """
    last: dict[str, int] = {}
    for name in used:
        if found := _NUMBERED.match(name):
            last[found[1]] = max(int(found[2]), last.get(found[1], 0))
    parts = {_part(name, prefix) for name in used}
    names = [name for name in names if name.rpartition(".")[2] != "position_ids"]
    return [name for name in names if not _is_behind(name, last) and not _is_head(_part(name, prefix), parts)]


def _part(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).partition(".")[0]


def _is_behind(name: str, last: Mapping[str, int]) -> bool:
    found = _NUMBERED.match(name)
    return found is not None and int(found[2]) > last.get(found[1], int(found[2]))


def _is_head(part: str, of_encoder: Collection[str]) -> bool:
    return part not in of_encoder and _HEAD.search(part) is not None
