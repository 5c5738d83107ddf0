"""Models with random settings, saved by sentence-transformers 5 and 6, give its vectors: tests/golden/saved."""

import json
import warnings
from pathlib import Path
from shutil import copy, copytree

import numpy as np
import pytest
from rapidembed import TextEmbedding, TruncationWarning

GOLDEN = Path(__file__).parents[1] / "golden"
SAVED = GOLDEN / "saved"


def complete(folder: Path, target: Path) -> Path:
    """A saved folder with the files it shares with ``base/``."""
    copytree(folder, target)
    for file in ("model.safetensors", "tokenizer.json"):
        copy(GOLDEN / "base" / file, target / file)
    return target


def check(folder: Path, reference: dict, texts: list[str], tolerance: float) -> None:
    """Compare a model with its reference, in every role."""
    with TextEmbedding(folder) as model, warnings.catch_warnings():
        warnings.simplefilter("ignore", TruncationWarning)
        assert model.info.max_tokens == reference["max_tokens"]
        for role, encode in (
            ("plain", model.encode),
            ("query", model.encode_query),
            ("document", model.encode_document),
        ):
            np.testing.assert_allclose(encode(texts), reference[role], atol=tolerance, rtol=0, err_msg=role)
            alone = [encode(text) for text in texts]
            np.testing.assert_allclose(alone, reference[role], atol=tolerance, rtol=0, err_msg=role)


@pytest.mark.parametrize("major", ["5", "6"])
@pytest.mark.parametrize("number", range(8))
def test_saved_models(major: str, number: int, tmp_path: Path) -> None:
    made = json.loads((SAVED / major / "reference.json").read_text(encoding="utf-8"))
    assert made["made_with"]["sentence-transformers"].startswith(f"{major}.")
    folder = complete(SAVED / major / str(number), tmp_path / "model")
    check(folder, made["models"][number], made["texts"], made["tolerance"])
