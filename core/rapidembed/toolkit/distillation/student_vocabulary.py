"""The student's tokens: the teacher's vocabulary and tokenizer, without what a static model has no use for."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.registry.config_file import ConfigFile

UNUSED = r"\[unused\d+\]"
# Their tokens are independent of each other: one can go without another that is built from it.
_PRUNABLE = ("WordPiece", "WordLevel")


@dataclass(frozen=True, slots=True)
class StudentVocabulary:
    """A tokenizer, and where its tokens come from."""

    tokenizer: dict[str, Any]
    """Content of the student's tokenizer.json."""
    teacher_ids: NDArray[np.int64]
    """Per token of the student, its id in the teacher's vocabulary."""

    @classmethod
    def read(cls, path: Path, *, drop: str, lower_case: bool) -> "StudentVocabulary":
        """Take over the teacher's tokenizer.json.

        Args:
            path: the file.
            drop: regular expression; tokens that match it as a whole are left out. Only word-piece and word-level
                vocabularies can lose tokens, others stay whole.
            lower_case: whether the teacher lowers texts before its tokenizer sees them.

        Raises:
            UnsupportedModelError: the file holds a kind of vocabulary that is not known.
        """
        tokenizer = ConfigFile.read(path).values | {"truncation": None, "padding": None, "post_processor": None}
        if lower_case:
            own = tokenizer.get("normalizer")
            steps = [{"type": "Lowercase"}, *([own] if own else [])]
            tokenizer["normalizer"] = {"type": "Sequence", "normalizers": steps}
        kept = _size(tokenizer, path)
        if tokenizer["model"].get("type") in _PRUNABLE:
            return _pruned(tokenizer, re.compile(drop))
        return cls(tokenizer, np.arange(kept))

    def write(self, path: Path) -> None:
        """Write the student's tokenizer.json."""
        text = json.dumps(self.tokenizer, ensure_ascii=False, separators=(",", ":"))
        path.write_text(text, encoding="utf-8")


def _size(tokenizer: dict[str, Any], path: Path) -> int:
    model = tokenizer.get("model")
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    if not isinstance(vocabulary, dict | list) or not vocabulary:
        raise UnsupportedModelError(f"{path}: expected a vocabulary of words or pieces in it, found none.")
    last: int = max(vocabulary.values()) if isinstance(vocabulary, dict) else len(vocabulary) - 1
    return 1 + max([last, *(int(token["id"]) for token in tokenizer.get("added_tokens") or ())])


def _pruned(tokenizer: dict[str, Any], drop: re.Pattern[str]) -> StudentVocabulary:
    vocabulary: dict[str, int] = tokenizer["model"]["vocab"]
    added = tokenizer.get("added_tokens") or []
    needed = {token["content"] for token in added} | {tokenizer["model"].get("unk_token")}
    everything = vocabulary | {token["content"]: token["id"] for token in added}
    kept = [
        (token, number)
        for token, number in sorted(everything.items(), key=lambda item: item[1])
        if token in needed or not drop.fullmatch(token)
    ]
    if len({number for _, number in kept}) < len(kept):
        raise IntegrityError("tokenizer.json gives two tokens the same id.")
    new = {token: number for number, (token, _) in enumerate(kept)}
    pruned = tokenizer | {
        "model": tokenizer["model"] | {"vocab": {token: new[token] for token in new if token in vocabulary}},
        "added_tokens": [token | {"id": new[token["content"]]} for token in added],
    }
    return StudentVocabulary(pruned, np.array([number for _, number in kept], dtype=np.int64))
