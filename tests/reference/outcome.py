"""What sentence-transformers and rapidembed each make of a folder, and how that compares."""

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import transformers
from rapidembed import RapidEmbedError, TextEmbedding
from sentence_transformers import SentenceTransformer

Kind = Literal["equal", "refused", "silent", "bare", "not run"]
TOLERANCE = 1e-5

transformers.utils.logging.set_verbosity(transformers.logging.CRITICAL)
transformers.utils.logging.disable_progress_bar()
logging.getLogger("sentence_transformers").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Outcome:
    """How a folder came out."""

    kind: Kind
    """In the order of what is wished for; "not run": sentence-transformers does not run it either."""
    detail: str = ""


def compare(folder: Path, texts: Sequence[str]) -> Outcome:
    """Run both on a folder."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stderr(io.StringIO()),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        expected = _attempt(lambda: reference(folder, texts))
        found = _attempt(lambda: _ours(folder, texts))
    if isinstance(found, Exception):
        own = isinstance(found, RapidEmbedError | ValueError | TypeError) and _raised_here(found)
        detail = f"{type(found).__name__}: {found}".replace(str(folder), "FOLDER")
        if not own:
            return Outcome("bare", detail)
        return Outcome("not run" if isinstance(expected, Exception) else "refused", detail)
    if isinstance(expected, Exception):
        return Outcome("not run", f"{type(expected).__name__}: {str(expected)[:300]}")
    for role, rows in expected.items():
        ours = found[role]
        if ours.shape != rows.shape:
            return Outcome("silent", f"{role}: shape {ours.shape}, expected {rows.shape}")
        far = np.abs(ours - rows).max(axis=1) / max(1.0, float(np.abs(rows).max()))
        if not (far <= TOLERANCE).all():
            worst = int(far.argmax())
            return Outcome("silent", f"{role}: {far[worst]:.2g} apart for {texts[worst]!r}")
    return Outcome("equal")


def _attempt(call: Callable[[], dict[str, Any]]) -> Any:
    try:
        return call()
    except Exception as error:  # whatever it is, it is what is asked for
        return error


def _raised_here(error: Exception) -> bool:
    """Whether the error has words of rapidembed's own, not those of numpy, tokenizers or the language."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return isinstance(error, RapidEmbedError) or (
        frame is not None and "rapidembed" in frame.tb_frame.f_code.co_filename
    )


def reference(folder: Path, texts: Sequence[str]) -> dict[str, Any]:
    """sentence-transformers' vectors, each text alone, in every role."""
    torch.manual_seed(0)
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True, model_kwargs={"dtype": torch.float32})
    model.float()  # tables of token vectors too
    return {
        "plain": np.stack([model.encode([text])[0] for text in texts]),
        "query": np.stack([model.encode_query([text])[0] for text in texts]),
        "document": np.stack([model.encode_document([text])[0] for text in texts]),
    }


def _ours(folder: Path, texts: Sequence[str]) -> dict[str, Any]:
    with TextEmbedding(str(folder)) as model:
        return {
            "plain": model.encode(list(texts)),
            "query": model.encode_query(list(texts)),
            "document": model.encode_document(list(texts)),
        }
