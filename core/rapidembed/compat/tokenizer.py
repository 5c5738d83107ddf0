"""A model's tokenizer as fastembed sets it up."""

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from rapidembed.compat.values import token_limit
from rapidembed.runtime.tokenizer_files import load_tokenizer


def open_tokenizer(folder: Path) -> Tokenizer:
    """A tokenizer that cuts at the limit of a folder's tokenizer_config.json, and pads to the longest text of a batch.

    Raises:
        ValueError: the folder does not say where to cut.
    """
    tokenizer: Tokenizer = load_tokenizer(folder, {})
    settings, config = _read(folder / "tokenizer_config.json"), _read(folder / "config.json")
    cut, padding = tokenizer.truncation or {}, tokenizer.padding or {}
    tokenizer.enable_truncation(
        token_limit(folder), direction=settings.get("truncation_side") or cut.get("direction", "right")
    )
    token = padding.get("pad_token") or settings.get("pad_token") or "[PAD]"
    token = token["content"] if isinstance(token, dict) else token
    number = padding.get("pad_id", config.get("pad_token_id"))
    tokenizer.enable_padding(
        direction=settings.get("padding_side") or padding.get("direction", "right"),
        pad_id=number if number is not None else tokenizer.token_to_id(token) or 0,
        pad_type_id=padding.get("pad_type_id", 0),
        pad_token=token,
    )
    return tokenizer


def _read(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
