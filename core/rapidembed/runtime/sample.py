"""The texts that activations are observed on before weights are rounded.

They are in ``data/sample.json``: sentences and paragraphs of WordNet and of SQLite's documentation, and one sentence in
two dozen languages, a few web searches and lines of code, which were written for it. No benchmark uses them.
"""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rapidembed.runtime.tokenizer import Tokenizer

_TEXTS = Path(__file__).parent / "data" / "sample.json"
_LENGTHS = (96, 48, 24, 12, 6)


def sample(tokenizer: Tokenizer, limit: int | None) -> list[NDArray[np.int64]]:
    """Token ids of a hundred texts in many languages, in batches of one length, int64 (texts, tokens).

    Each text is cut to the largest of a few lengths that it fills.

    Args:
        tokenizer: of the model.
        limit: longest sequence that the model has positions for; None: it does not say.
    """
    left, batches = json.loads(_TEXTS.read_text(encoding="utf-8")), []
    for length in _LENGTHS:
        if limit is None or length <= limit:
            encoded = [encoding.ids for encoding in tokenizer.encode(left, length)]
            if filled := [ids for ids in encoded if len(ids) == length]:
                batches.append(np.array(filled, dtype=np.int64))
            left = [text for text, ids in zip(left, encoded, strict=True) if len(ids) < length]
    return batches
