"""JSON that is wrong: values of other types at any depth, and text that readers disagree about or choke on."""

import copy
import json
import random
from typing import Any

_WRONG: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 3, 7, 64, 2**31, 2**63, 2**64, -(2**63), 10**30, 10**400, 0.0, 0.5, -0.5, 1e-300,
    1e308, float("nan"), float("inf"), float("-inf"), "", "x", "0", "1", "nan", "null", "\ud800", "\0", "a" * 5000,
    "../outside", "/etc/passwd", "..", ".", "a/b", "~", "*", "%s{}", [], [[]], [None], [1, 2], ["a", "a"], {},
    {"": None}, {"a": {"b": []}}, [{}], {"content": 1}, {"content": "[CLS]", "special": "yes"}, ["a", {"b": 1}],
)  # fmt: skip


_DEEPEST = 40


def wrong(choose: random.Random) -> Any:
    """A value that few places expect."""
    kind = choose.random()
    if kind < 0.05:
        return nested(choose.choice([20, 100, 300]), choose)
    if kind < 0.1:
        return [copy.deepcopy(choose.choice(_WRONG)) for _ in range(choose.choice([3, 100, 5000]))]
    return copy.deepcopy(choose.choice(_WRONG))  # which will be changed


def nested(depth: int, choose: random.Random) -> Any:
    """Lists or objects within each other."""
    value: Any = 1
    as_list = choose.random() < 0.5
    for _ in range(depth):
        value = [value] if as_list else {"a": value}
    return value


def spoil(value: Any, choose: random.Random) -> Any:
    """The value with one place in it changed, however deep."""
    places = _places(value, ())
    path = choose.choice(places)
    if not path:
        return wrong(choose)
    parent = value
    for step in path[:-1]:
        parent = parent[step]
    last, change = path[-1], choose.random()
    if change < 0.6:
        parent[last] = _near(parent[last], choose)
    elif change < 0.75:
        del parent[last]
    elif change < 0.9 and isinstance(parent, dict):
        parent[choose.choice(["", last + "s", "__class__", "type", "\ud800", "a" * 300])] = wrong(choose)
    elif isinstance(parent, list):
        parent.insert(last, copy.deepcopy(parent[last]) if choose.random() < 0.5 else wrong(choose))
    else:
        parent[last] = copy.deepcopy(parent[choose.choice(list(parent))])
    return value


def _near(value: Any, choose: random.Random) -> Any:
    """Another value, often one of the same type."""
    if choose.random() < 0.4:
        if isinstance(value, bool):
            return not value
        if isinstance(value, int | float):
            return choose.choice([0, 1, -1, value + 1, value - 1, value * 2, -value, value * 1_000_003, 2**40])
        if isinstance(value, str):
            return choose.choice(["", value.upper(), value + "x", value[1:], f"../{value}", f"/{value}", value * 400])
        if isinstance(value, list):
            return choose.choice([[], value * 2, value[::-1], value[:-1], [value]])
    return wrong(choose)


def _places(value: Any, path: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Paths to everything; of long lists and objects only to the first and the last few, and not beyond some depth."""
    if len(path) > _DEEPEST:
        return [path]
    keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value))) if _is_list(value) else []
    kept = keys if len(keys) <= 12 else [*keys[:6], *keys[-6:]]
    return [path, *(found for key in kept for found in _places(value[key], (*path, key)))]


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def spoil_text(text: str, choose: random.Random) -> bytes:
    """JSON text with what no parsed value shows: doubled keys, odd numbers, odd bytes, ends in the middle."""
    kind = choose.randrange(9)
    if kind == 0:
        return text[: choose.randrange(len(text) + 1)].encode()
    if kind == 1:
        return b"\xef\xbb\xbf" + text.encode()
    if kind == 2:
        return text.encode(choose.choice(["utf-16", "utf-32", "utf-8-sig"]))
    if kind == 3:
        return text.replace("{", '{"model_type": 3, "model_type": [], ', 1).encode()
    if kind == 4:
        depth = choose.choice([100, 2000, 100_000, 2_000_000])
        return (choose.choice(["[", '{"a":']) * depth).encode()
    if kind == 5:
        return text.replace("1", choose.choice(["1" * 5000, "1e999", "-0", "0x1", "NaN", "Infinity", "01"]), 1).encode()
    if kind == 6:
        return bytes(text.encode()[:10] + choose.randbytes(20) + text.encode()[10:])
    if kind == 7:
        return b""
    return text.replace('"', '"\\ud83d', choose.choice([1, 3])).encode()


def dump(value: Any) -> bytes:
    """As JSON, with NaN and half characters as Python's own writer has them."""
    return json.dumps(value).encode()
