"""The door to the tokenizers package: what it would crash on is refused before, what it raises becomes our error.

Its errors are bare exceptions; its panics are not even that; and where it gets no memory, the process ends.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tokenizers import Encoding
from tokenizers import Tokenizer as FastTokenizer

from rapidembed.errors import IntegrityError, RapidEmbedError
from rapidembed.registry.config_file import check_size, read_json

_PANIC = "PanicException"
_TABLE = re.compile(rb'"precompiled_charsmap"\s*:\s*"([^"]*)"')
_ESCAPED = re.compile(rb"\\u00[2-7]|\\/")
"""Letters written otherwise, as hardly any program does; names and tables can be hidden so."""
_LONGEST_GROWTH = 256.0
"""Times that a normalizer may lengthen a text; those of published models do so once or twice."""


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn everything that the tokenizers package raises into an IntegrityError which begins with ``what``."""
    try:
        yield
    except (RapidEmbedError, MemoryError):
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != _PANIC:
            raise
        raise IntegrityError(f"{what}: {error}") from error


def read_tokenizer(path: Path) -> FastTokenizer:
    """The tokenizer of a tokenizer.json.

    Raises:
        IntegrityError: it is missing or damaged, or would lengthen texts beyond any measure.
    """
    with explained(f"{path} is not a tokenizer this version can read"):
        check_size(path)
        for table in _tables(path):
            _check_table(path, table)
        tokenizer = FastTokenizer.from_file(str(path))
        _check_growth(path, tokenizer)
    return tokenizer


def encodings(
    tokenizer: FastTokenizer, texts: Sequence[str], path: Path, *, special: bool = True, offsets: bool = False
) -> list[Encoding]:
    """What the tokenizer makes of each text.

    Args:
        tokenizer: of the tokenizers package.
        texts: are str, and Unicode.
        path: of its files, for messages.
        special: whether special tokens are added.
        offsets: whether places in the texts are needed, which takes longer.

    Raises:
        MemoryError: there is too little for the texts.
        IntegrityError: the tokenizer contradicts itself, as where its vocabulary lacks the token for unknown words.
    """
    encode = tokenizer.encode_batch if offsets else tokenizer.encode_batch_fast
    with explained(f"{path}: the tokenizer cannot cut a text, for its files contradict each other"):
        found: list[Encoding] = encode(list(texts), add_special_tokens=special)
    return found


def _tables(path: Path) -> Iterator[str]:
    """Every table of characters of a sentencepiece model in the file; parsing all would take as long as loading it."""
    content = path.read_bytes()
    if not _ESCAPED.search(content):
        yield from (found[1].decode("ascii", "replace") for found in _TABLE.finditer(content))
        return
    pending = [read_json(path)]
    while pending:
        value = pending.pop()
        if isinstance(value, dict) and isinstance(table := value.get("precompiled_charsmap"), str):
            yield table
        pending += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _check_table(path: Path, table: str) -> None:
    """Check that a table holds as much as it says; room for that is made before anything is read."""
    try:
        data = base64.b64decode(table, validate=True)
    except binascii.Error as error:
        raise IntegrityError(f"{path}: precompiled_charsmap is no base64: {error}") from error
    if len(data) < 4 or int.from_bytes(data[:4], "little") > len(data) - 4:
        raise IntegrityError(f"{path}: precompiled_charsmap is cut short; it says it were longer than it is.")


def _check_growth(path: Path, tokenizer: FastTokenizer) -> None:
    """Check that replacements, one after another, do not make an endless text of a short one."""
    growth, pending = 1.0, [] if tokenizer.normalizer is None else [json.loads(tokenizer.normalizer.__getstate__())]
    while pending:
        step: dict[str, Any] = pending.pop()
        pending += step.get("normalizers", [])
        if step["type"] == "Replace":
            (kind, pattern), *_ = step["pattern"].items()
            shortest = max(len(pattern), 1) if kind == "String" else 1
            growth *= max(1.0, (len(step["content"]) + (not pattern or kind == "Regex")) / shortest)
        if step["type"] == "Prepend":
            growth *= 1.0 + len(step["prepend"]) / 16
    if growth > _LONGEST_GROWTH:
        raise IntegrityError(f"{path}: the normalizer makes texts up to {growth:.0f} times as long; refused.")
