"""Recompute ``static.json``, the reference vectors of static models: runs where their authors' libraries are installed.

model2vec computes those of its own folders, sentence-transformers those of its StaticEmbedding module, and both must
open every folder that they are asked for. model2vec returns half precision for a table of half precision; the reference
is what it computes after widening the table.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import model2vec
import numpy as np
import sentence_transformers
from make_golden import plain, write
from sentence_transformers import SentenceTransformer
from static_variants import HERE, TEXTS, VARIANTS, Static, assemble

VERSIONS = {"model2vec": model2vec.__version__, "sentence-transformers": sentence_transformers.__version__}


def reference(variant: Static, folder: Path) -> dict[str, Any]:
    """What the folder's own library makes of the texts."""
    if variant.author == "model2vec":
        widen = "float32" if variant.stored in ("float16", "float64") else None
        model = model2vec.StaticModel.from_pretrained(folder, quantize_to=widen)
        vectors = model.encode(TEXTS, batch_size=1)
        np.testing.assert_allclose(model.encode(TEXTS), vectors, atol=1e-6, rtol=0)
        return {"plain": vectors}
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    check_layout(model, variant, folder)
    roles = {"plain": model.encode(TEXTS)}
    if variant.prompts:
        roles |= {"query": model.encode_query(TEXTS), "document": model.encode_document(TEXTS)}
    return roles


def check_layout(model: SentenceTransformer, variant: Static, folder: Path) -> None:
    """The modules are as today's sentence-transformers writes them."""
    if variant.author != "sentence-transformers":
        return
    with tempfile.TemporaryDirectory() as saved:
        model.save(saved, create_model_card=False)
        theirs = json.loads((Path(saved) / "modules.json").read_text(encoding="utf-8"))
        if theirs != json.loads((folder / "modules.json").read_text(encoding="utf-8")):
            raise AssertionError(f"sentence-transformers writes {theirs}")


def main() -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory() as root:
        results = {name: reference(v, assemble(v, Path(root) / name)) for name, v in VARIANTS.items()}
    variants = {name: {role: plain(vectors) for role, vectors in roles.items()} for name, roles in results.items()}
    write(HERE / "static.json", {"made_with": VERSIONS, "tolerance": 1e-6, "texts": TEXTS, "variants": variants})


if __name__ == "__main__":
    main()
