"""Texts to token ids for static models: no special tokens, and model2vec's own ways of cutting and dropping."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer as FastTokenizer

from rapidembed.errors import IntegrityError
from rapidembed.runtime.fast_tokenizer import encodings, read_tokenizer
from rapidembed.runtime.tokenizer import Located, TokenIds

UNLIMITED = 2**62
"""A token limit beyond any text."""


class StaticTokenizer:
    """A tokenizer.json, safe to use from several threads at once.

    Args:
        path: the tokenizer.json. Its padding is ignored; of its truncation only the side counts, the limit is each
            call's.
        model2vec: drop unknown tokens, and before tokenizing cut a text to the limit times the median length of the
            vocabulary's tokens, as model2vec does.

    Raises:
        IntegrityError: the file is missing or damaged.
    """

    special_tokens = 0
    """Tokens that are added to every text."""
    trailing = 0
    """Those of them that stand after the text."""

    def __init__(self, path: Path, *, model2vec: bool) -> None:
        self._tokenizer = read_tokenizer(path)
        self._path = path
        truncation = None if model2vec else self._tokenizer.truncation
        self._keep_end = truncation is not None and truncation["direction"] == "left"
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        vocabulary = self._tokenizer.get_vocab()
        if not vocabulary:
            raise IntegrityError(f"{path} holds a vocabulary without tokens.")
        self.size = max(vocabulary.values(), default=-1) + 1
        """Token ids are below this."""
        self._unknown = _unknown_token(self._tokenizer, path) if model2vec else None
        self._characters = int(np.median([len(token) for token in vocabulary])) if model2vec else UNLIMITED

    def encode(self, texts: Sequence[str], max_tokens: int) -> list[TokenIds]:
        """Token ids of each text, at most ``max_tokens`` of them; unknown ones count towards that before they drop."""
        most = max_tokens * self._characters
        encoded = encodings(self._tokenizer, [text[:most] for text in texts], self._path, special=False)
        return [
            self._finish(encoding.ids, max_tokens, cut=len(text) > most)
            for text, encoding in zip(texts, encoded, strict=True)
        ]

    def locate(self, text: str) -> Located:
        """All tokens of a text, however long it is; without unknown ones where the model drops them."""
        encoding = encodings(self._tokenizer, [text], self._path, special=False, offsets=True)[0]
        kept = [i for i, token in enumerate(encoding.ids) if token != self._unknown]
        return Located([], [encoding.ids[i] for i in kept], [], [encoding.offsets[i] for i in kept])

    def _finish(self, ids: list[int], max_tokens: int, *, cut: bool) -> TokenIds:
        if len(ids) > max_tokens:
            ids, cut = ids[-max_tokens:] if self._keep_end else ids[:max_tokens], True
        if self._unknown is not None and self._unknown in ids:
            ids = [token for token in ids if token != self._unknown]
        return TokenIds(ids, truncated=cut)


def _unknown_token(tokenizer: FastTokenizer, path: Path) -> int | None:
    model = tokenizer.model
    if hasattr(model, "unk_token"):
        return None if model.unk_token is None else tokenizer.token_to_id(model.unk_token)
    # A Unigram model names its unknown token in the file only.
    unknown: int | None = json.loads(path.read_text(encoding="utf-8"))["model"].get("unk_id")
    return unknown
