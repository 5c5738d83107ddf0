"""Recompute the reference encodings of MUVERA. Runs where fastembed is installed; writes ``muvera.json``.

Inputs are described by shape and seed: ``default_rng(seed).normal(size=shape)``, rows scaled to length 1, in float32.
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from fastembed.postprocess import Muvera

HERE = Path(__file__).parent
SAMPLE = 97
"""Every 97th number of an encoding is kept."""
CASES = [
    # dim, k_sim, dim_proj, r_reps, random_seed, vectors
    (128, 5, 16, 20, 42, 1),
    (128, 5, 16, 20, 42, 32),
    (128, 5, 16, 20, 42, 300),
    (128, 3, 128, 4, 42, 50),
    (64, 6, 8, 10, 7, 20),
    (16, 1, 4, 2, 42, 3),
]


def vectors(dim: int, count: int) -> np.ndarray:
    """The input of a case."""
    drawn = np.random.default_rng(count).normal(size=(count, dim))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


def main() -> None:
    """Write the file."""
    cases = []
    for dim, k_sim, dim_proj, r_reps, seed, count in CASES:
        muvera = Muvera(dim, k_sim, dim_proj, r_reps, seed)
        given = vectors(dim, count)
        expected = {
            f"{fill:d}{mean:d}": [float(f"{x:.7g}") for x in muvera.process(given, fill, mean)[::SAMPLE]]
            for fill in (False, True)
            for mean in (False, True)
        }
        cases.append({"arguments": [dim, k_sim, dim_proj, r_reps, seed], "vectors": count, "expected": expected})
    content = {"made_with": {"fastembed": version("fastembed")}, "sample": SAMPLE, "cases": cases}
    (HERE / "muvera.json").write_text(json.dumps(content) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
