"""Recompute ``compat.safetensors``: ``python -m tests.golden.make_compat``.

Runs where fastembed is installed. It keeps what fastembed makes of models of its layout, one for each that it knows,
whose weights are arithmetic; see :mod:`tests.golden.compat_models`.
"""

import json
import tempfile
from importlib.metadata import version
from pathlib import Path

import fastembed
import fastembed.common.model_description
import fastembed.late_interaction.token_embeddings
import fastembed.postprocess
import fastembed.rerank.cross_encoder
import numpy as np
from safetensors.numpy import save_file

from tests.golden import compat_pages, compat_pictures
from tests.golden.compat_calls import BM25_OPTIONS, CALLS, Results, bm25, muvera
from tests.golden.compat_errors import outcomes
from tests.golden.compat_listing import listing
from tests.golden.compat_models import HERE, assemble, rows
from tests.golden.stopwords import write_stopwords


def main() -> None:
    """Write the files."""
    found: Results = {}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for kind, specs in rows().items():
            for number, spec in enumerate(specs):
                folder = assemble(spec, root / f"{kind}{number}")
                results = CALLS[kind](fastembed, spec, folder)
                found |= {f"{spec.name}|{kind}|{what}": array for what, array in results.items()}
        for name in compat_pictures.NAMES:
            results = compat_pictures.image(fastembed, name, root / "image" / name)
            found |= {f"{name}|image|{what}": array for what, array in results.items()}
        for name in compat_pages.NAMES:
            results = compat_pages.pages(fastembed, name, root / "pages" / name)
            found |= {f"{name}|pages|{what}": array for what, array in results.items()}
        stopwords = write_stopwords(root / "bm25")
        for option in BM25_OPTIONS:
            found |= {f"bm25|{option}|{what}": array for what, array in bm25(fastembed, option, stopwords).items()}
    found |= {f"muvera||{what}": array for what, array in muvera(fastembed).items()}
    arrays = {key: np.ascontiguousarray(array) for key, array in found.items()}
    save_file(arrays, HERE / "compat.safetensors", {"fastembed": version("fastembed")})
    surface = listing(fastembed)
    with tempfile.TemporaryDirectory() as name:
        failures = outcomes(fastembed, Path(name))
    (HERE / "compat.json").write_text(json.dumps({"classes": surface, "outcomes": failures}, indent=1) + "\n")


if __name__ == "__main__":
    main()
