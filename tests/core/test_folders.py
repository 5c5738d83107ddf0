"""What folders say in every way that was met gives sentence-transformers' vectors; see tests/golden/make_folders.py."""

import base64
import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rapidembed import TextEmbedding

GOLDEN = Path(__file__).parents[1] / "golden"
REFERENCE = json.loads((GOLDEN / "folders.json").read_text(encoding="utf-8"))


def assemble(case: dict[str, Any], folder: Path) -> Path:
    """The folder of a case."""
    shutil.copytree(GOLDEN / "folders" / case["base"], folder)
    for name, content in case["files"].items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        if content is None:
            path.unlink()
        elif isinstance(content, dict) and "base64" in content:
            path.write_bytes(base64.b64decode(content["base64"]))
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return folder


@pytest.mark.parametrize("case", REFERENCE["cases"], ids=lambda case: case["name"])
def test_vectors_are_those_of_sentence_transformers(case: dict[str, Any], tmp_path: Path) -> None:
    with TextEmbedding(assemble(case, tmp_path / "model")) as model, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of texts that are cut
        found = {
            "plain": model.encode(REFERENCE["texts"]),
            "query": model.encode_query(REFERENCE["texts"]),
            "document": model.encode_document(REFERENCE["texts"]),
        }
    for role, vectors in found.items():
        expected = np.array(case.get(role, case["plain"]))
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(vectors, expected, atol=REFERENCE["tolerance"] * scale, rtol=0, err_msg=role)
