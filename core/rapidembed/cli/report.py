"""The report of ``rapidembed compile``: the compiled folder against the model in float32."""

import ast
import importlib.util
import json
import sysconfig
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from rapidembed import TextEmbedding, TruncationWarning
from rapidembed.cli.found import folder_size

_TEXTS, _LONGEST = 200, 2000
_QUERY = "how to read a large file line by line"
_REPEATS = 3


def write_report(model: str, folder: Path, report: Path, options: dict[str, Any]) -> list[str]:
    """Measure, write report.md and report.json, and report.png if matplotlib is installed; say what was written."""
    texts = _documentation()
    rows: dict[str, dict[str, float]] = {}
    exact = None
    contestants: dict[str, Callable[[], TextEmbedding]] = {
        "exact": lambda: TextEmbedding(model, precision="fp32", **options),
        "compiled": lambda: TextEmbedding(str(folder), device="cpu"),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TruncationWarning)
        for name, load in contestants.items():
            with load() as loaded:
                info = loaded.info
                label = f"{info.precision}, {info.backend}" + (" (compiled)" if name == "compiled" else "")
                vectors = _unit(loaded.encode(texts))
                exact = vectors if exact is None else exact
                rows[label] = _measure(loaded, texts, np.einsum("ij,ij->i", vectors, exact))
    rows[label]["size_mb"] = folder_size(folder) / 1e6
    report.mkdir(parents=True, exist_ok=True)
    (report / "report.json").write_text(json.dumps({"model": model, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    (report / "report.md").write_text(_markdown(model, rows), encoding="utf-8")
    written = [str(report / "report.md"), str(report / "report.json")]
    if importlib.util.find_spec("matplotlib") is None:
        return [*written, "report.png needs matplotlib: pip install 'rapidembed[report]'"]
    _plot(rows, report / "report.png")
    return [*written, str(report / "report.png")]


def _measure(model: TextEmbedding, texts: list[str], cosines: Any) -> dict[str, float]:
    """Medians of a few repetitions, after the first, which loads."""
    model.encode(_QUERY)
    rates = [len(texts) / _seconds(lambda: model.encode(texts)) for _ in range(_REPEATS)]
    lone = [_seconds(lambda: model.encode(_QUERY)) for _ in range(20 * _REPEATS)]
    return {
        "cosine_mean": float(cosines.mean()),
        "cosine_1_percent": float(np.quantile(cosines, 0.01)),
        "texts_per_s": median(rates),
        "query_ms": 1000 * median(lone),
        "size_mb": model.info.weights.stat().st_size / 1e6 if model.info.weights else 0.0,
    }


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _unit(vectors: Any) -> Any:
    wide = vectors.astype(np.float64)
    return wide / np.linalg.norm(wide, axis=1, keepdims=True)


def _documentation() -> list[str]:
    """Texts that are on every machine: documentation strings of modules of the standard library."""
    texts = []
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        tree = ast.parse(path.read_bytes())
        nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)]
        texts += [text[:_LONGEST] for node in nodes if (text := ast.get_docstring(node)) and len(text) > 40]
    return texts[:: max(1, len(texts) // _TEXTS)][:_TEXTS]


def _markdown(model: str, rows: dict[str, dict[str, float]]) -> str:
    lines = [
        f"# {model}",
        "",
        f"{_TEXTS} documentation strings of Python's standard library; cosine to the vectors in float32; medians of "
        f"{_REPEATS} runs, and of lone queries.",
        "",
        "| | cosine: mean | 1 % | texts/s | query, ms | size, MB |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, row in rows.items():
        cells = [f"{row['cosine_mean']:.5f}", f"{row['cosine_1_percent']:.5f}", f"{row['texts_per_s']:.1f}"]
        cells += [f"{row['query_ms']:.2f}", f"{row['size_mb']:.1f}"]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _plot(rows: dict[str, dict[str, float]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3), layout="constrained")
    shown = {"cosine_mean": "cosine, mean", "texts_per_s": "texts/s", "query_ms": "lone query, ms"}
    for axes, (key, title) in zip(figure.subplots(1, 3), shown.items(), strict=True):
        axes.bar(list(rows), [row[key] for row in rows.values()], color=["tab:gray", "tab:blue"])
        axes.set_title(title)
        axes.tick_params(axis="x", labelrotation=20)
        if key == "cosine_mean":
            axes.set_ylim(min(row[key] for row in rows.values()) - 0.001, 1)
    figure.savefig(path)
