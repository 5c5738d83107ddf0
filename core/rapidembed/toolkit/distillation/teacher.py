"""What the teacher says: vectors of single tokens and of texts."""

import sys
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from rapidembed.errors import TruncationWarning, UnsupportedModelError
from rapidembed.registry.static_files import STATIC_ARCHITECTURES
from rapidembed.runtime.planner import Batch
from rapidembed.runtime.tokenizer import TokenIds
from rapidembed.tasks.text.facade import TextEmbedding
from rapidembed.tasks.text.model import TextModel
from rapidembed.types import Vectors

_ROWS = 128
_CHUNK = 4096


def check_teacher(model: TextModel, dimensions: int) -> None:
    """Refuse models that give a token the same vector in every text, or have too few dimensions.

    Raises:
        UnsupportedModelError: the model is static itself.
        ValueError: it has fewer dimensions.
    """
    if model.spec.architecture in STATIC_ARCHITECTURES:
        raise UnsupportedModelError(f"{model.spec.name} is static already; distil the model that it was made from.")
    if dimensions > model.dimensions:
        raise ValueError(
            f"dimensions must be at most {model.dimensions}, which {model.spec.name} has, got {dimensions}."
        )


def token_vectors(model: TextModel, ids: NDArray[np.int64]) -> Vectors:
    """The teacher's vector of each token as the only one of a text: float32 (tokens, dim), of length 1."""
    before, after = _special_tokens(model)
    texts = [TokenIds([*before, int(token), *after], truncated=False) for token in ids]
    engine, extra = model.engine, model.call("document").extra
    if "prompt_tokens" in extra:  # there is no prompt before a lone token
        extra = {**extra, "prompt_tokens": 0}
    vectors = np.empty((len(texts), model.spec.dim), dtype=np.float32)

    def run(batch: Batch) -> None:
        rows = list(batch.rows)
        vectors[rows] = engine.run([texts[row] for row in rows], batch.length, extra)

    running = [engine.pool.submit(run, batch) for batch in engine.plan(texts, _ROWS)]
    for each in running:
        each.result()
    return unit(vectors[:, : model.dimensions])


def text_vectors(teacher: TextEmbedding, texts: Sequence[str], show_progress: bool) -> Vectors:
    """The teacher's vector of each text: float32 (texts, dim), of length 1."""
    gathered = []
    with (
        tqdm(
            total=len(texts), unit="text", desc="Asking the teacher", disable=not show_progress or sys.stderr is None
        ) as bar,
        warnings.catch_warnings(action="ignore", category=TruncationWarning),
    ):
        for start in range(0, len(texts), _CHUNK):
            # One window each, whatever the machine's speed: the same texts in the same batches give the same digits.
            gathered.append(teacher.encode_document(texts[start : start + _CHUNK], batch_size=_CHUNK))
            bar.update(len(gathered[-1]))
    return unit(np.concatenate(gathered))


def unit(vectors: Vectors) -> Vectors:
    """Scale to length 1; zeros stay."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(norms == 0, 1, norms), dtype=np.float32)


def _special_tokens(model: TextModel) -> tuple[Sequence[int], Sequence[int]]:
    """Ids that the teacher's tokenizer puts before and after every text."""
    empty, filled = (tokens.ids for tokens in model.engine.tokenizer.encode(["", "a"], model.max_tokens))
    shared = next((i for i, pair in enumerate(zip(empty, filled, strict=False)) if pair[0] != pair[1]), len(empty))
    return empty[:shared], empty[shared:]
