"""What is done to a tokenizer: its vocabulary, and the steps that a text takes."""

import json
import random
from pathlib import Path
from typing import Any

from tests.fuzz import values
from tests.fuzz.files import files_of


def change_vocabulary(folder: Path, outside: Path, choose: random.Random) -> str | None:
    """The vocabulary within tokenizer.json, or vocab.txt."""
    found = [path for path in files_of(folder) if path.name in ("tokenizer.json", "vocab.txt")]
    path = choose.choice(found) if found else folder / "vocab.txt"
    if path.suffix == ".txt":
        lines = choose.choice([[""], ["a"] * 9, ["[UNK]"] * 3, ["[CLS]", "[SEP]", "[UNK]"], ["x" * 100_000], ["a\0b"]])
        path.write_text("\n".join(lines), encoding="utf-8")
        return f"a vocabulary of {len(lines)} words"
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        words = value["model"]["vocab"]
    except (ValueError, TypeError, KeyError, RecursionError, OSError):
        return None
    kind = choose.randrange(4)
    if kind == 0 and isinstance(words, dict) and words:
        words[choose.choice(list(words))] = choose.choice([-1, 2**31, 2**32 - 1, 2**32, 10**7, 0, "x", None, 1.5])
    elif kind == 1:
        value["model"]["vocab"] = choose.choice([{}, [], None, {"a": 0}, [["a", 0.0]], [["a", 1e999]], [["a"]]])
    elif kind == 2:
        value["model"]["type"] = choose.choice(["BPE", "WordPiece", "Unigram", "WordLevel", "x", None])
    else:
        added = {"id": choose.choice([0, 5, 10**7, 2**32 - 1, -1]), "content": choose.choice(["", "zz", "the"])}
        flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), choose.random() < 0.5)
        value["added_tokens"] = [added | flags]
    path.write_bytes(values.dump(value))
    return f"the vocabulary of {path.relative_to(folder)} ({kind})"


_TABLES = ("AAAA", "AAAAAA==", "/////w==", "//////////////////8AAAAAAAAAAAAA", "CAAAAP//////////AABhAA==", "x", "")
_DOUBLED = {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}
_STEPS: dict[str, tuple[Any, ...]] = {
    "normalizer": (
        *({"type": "Precompiled", "precompiled_charsmap": table} for table in _TABLES),
        {"type": "Sequence", "normalizers": [_DOUBLED] * 60},
        {"type": "Replace", "pattern": {"Regex": "(a|aa)+$"}, "content": "x"},
        {"type": "Replace", "pattern": {"Regex": ""}, "content": "x" * 100_000},
        {"type": "Prepend", "prepend": "x" * 1_000_000},
    ),
    "pre_tokenizer": (
        {"type": "Split", "pattern": {"Regex": "([a-z ]+)+!"}, "behavior": "Isolated", "invert": False},
        {"type": "FixedLength", "length": 0},
        {"type": "Split", "pattern": {"String": ""}, "behavior": "MergedWithNext", "invert": True},
    ),
    "post_processor": (
        {"type": "TemplateProcessing", "single": [], "pair": [], "special_tokens": {}},
        {"type": "BertProcessing", "sep": ["x", 2**32 - 1], "cls": ["y", 2**31]},
    ),
    "padding": ({"strategy": {"Fixed": 2**40}, "direction": "Right", "pad_to_multiple_of": 0, "pad_id": 0,
                 "pad_type_id": 0, "pad_token": "x"},),
    "truncation": ({"max_length": 0, "stride": 9, "strategy": "OnlySecond", "direction": "Left"},),
    "model": (
        {"type": "BPE", "vocab": {"a": 0}, "merges": [["a", "a"]]},
        {"type": "BPE", "vocab": {"a": 0, "aa": 5}, "merges": ["a a"], "continuing_subword_prefix": "abcdef"},
        {"type": "Unigram", "vocab": [["a", 0.0]], "unk_id": None},
        {"type": "WordLevel", "vocab": {}, "unk_token": "x"},
    ),
}  # fmt: skip
"""Parts of a tokenizer.json that its readers panic, hang or run out of memory over."""


def change_steps(folder: Path, outside: Path, choose: random.Random) -> str | None:
    """What a tokenizer does with a text."""
    found = [path for path in files_of(folder) if path.name == "tokenizer.json"]
    if not found:
        return None
    path = choose.choice(found)
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return None
    part = choose.choice(list(_STEPS))
    if not isinstance(value, dict):
        return None
    value[part] = choose.choice(_STEPS[part])
    text = values.dump(value)
    if choose.random() < 0.3:
        text = text.replace(b"precompiled_charsmap", b"precompiled\\u005fcharsmap")
    path.write_bytes(text)
    return f"the {part} of {path.relative_to(folder)}"
