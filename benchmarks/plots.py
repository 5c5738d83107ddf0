"""The results as pictures: opaque, so that they read the same in light and dark, in colours that all can tell apart."""

import importlib.util
from typing import Any

from benchmarks.engines import ENGINES, FASTER, OURS, is_ours
from benchmarks.results import Entries, path
from benchmarks.shapes import REAL, SHAPES
from benchmarks.summary import MAIN, Variant, arithmetic
from benchmarks.tables import rate, times, title
from benchmarks.workloads import BULK, MIXED

_NOTE = "; s-t: sentence-transformers"
_OURS, _THEIRS, _INK = "#0072B2", "#B8B8B8", "#222222"
_MARKS = {
    "fastembed": ("o", "#D55E00"),
    "st-fp32": ("s", "#009E73"),
    "st-onnx": ("^", "#CC79A7"),
    "st-bf16": ("D", "#E69F00"),
    "st-openvino": ("v", "#56B4E9"),
    "st-onnx-int8": ("P", "#CC79A7"),
    "st-openvino-int8": ("X", "#56B4E9"),
    "ctranslate2": ("*", "#009E73"),
}
"""Of Okabe and Ito's palette; each has a shape of its own, and shares its colour only with a kin in 8 bits."""
_EQUAL = 1e-8
"""Distances below this are drawn at it: float32 says no more."""


def draw(entries: Entries, name: str) -> bool:
    """Write NAME-speed.png, NAME-fidelity.png and NAME-shapes.png, as far as there are results.

    False if matplotlib is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        return False
    ran = {key: entry for key, entry in entries.items() if MAIN in entry.get("summary", {}).get("variants", {})}
    contests = {key: entry for key, entry in ran.items() if key.partition("/")[2] in BULK}
    main = ran.get(f"{REAL}/{MIXED}")
    figures = {
        "speed": _speed(main) if main else None,
        "fidelity": _fidelity(main) if main and main["cosine"] else None,
        "shapes": _shapes(contests) if contests else None,
    }
    for kind, figure in figures.items():
        if figure is not None:
            figure.savefig(path(name, f"-{kind}.png"), dpi=110, facecolor="white")
    return True


def like_with_like(entry: dict[str, Any], name: str) -> float | None:
    """How many times as fast the fastest of ours is as a peer at its best that computes in the same precision."""
    summary, kind = entry["summary"], arithmetic(entry, name)
    ratios = [
        ratios[summary["best"][name]]
        for key, ratios in summary["times_as_fast"].items()
        if name in summary["best"] and arithmetic(entry, Variant.of(key).engine) == kind
    ]
    return max((ratio["median"] for ratio in ratios if ratio), default=None)


def _figure(width: float, height: float, columns: int = 1, **shared: Any) -> tuple[Any, Any]:
    """A picture, and its panels from left to right."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    panels = figure.subplots(1, columns, squeeze=False, **shared)[0]
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(colors=_INK, length=0)
    return figure, panels


def _speed(entry: dict[str, Any]) -> Any:
    """Texts per second of everybody, peers at their best and at their default."""
    summary = entry["summary"]
    ours = [Variant(name, None).key for name in (OURS, *FASTER) if name in summary["best"]]
    others = [name for name in summary["best"] if not is_ours(name)]
    panels = {
        "peers at their best batch size": [summary["best"][name] for name in others],
        "peers at their default": [Variant(name, None).key for name in others],
    }
    figure, both = _figure(10, 0.6 + 0.34 * (len(ours) + len(others)), 2, sharex=True)
    for axes, (heading, keys) in zip(both, panels.items(), strict=True):
        shown = [key for key in (*ours, *keys) if key in summary["variants"]]
        rates = [summary["variants"][key]["texts_per_s"] for key in shown]
        labels = [_short(key) for key in shown]
        colours = [_OURS if key in ours else _THEIRS for key in shown]
        for label, value in zip(axes.barh(labels, rates, color=colours), rates, strict=True):
            axes.annotate(f" {rate(value)}", (value, label.get_y() + label.get_height() / 2), va="center", color=_INK)
        axes.invert_yaxis()
        axes.set_title(heading, fontsize=10, color=_INK, loc="left")
        axes.set_xlim(0, 1.15 * max(row["texts_per_s"] for row in summary["variants"].values()))
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
    heading = f"Texts per second, {entry['model']['title']}, texts of mixed length, {entry['machine']['cores']} cores"
    figure.suptitle(heading + _NOTE, fontsize=10, color=_INK)
    return figure


def _fidelity(entry: dict[str, Any]) -> Any:
    """Speed against the distance from float32's vectors."""
    variants, cosines = entry["summary"]["variants"], entry["cosine"]
    shown = sorted((variants[key]["texts_per_s"], key) for key in entry["summary"]["best"].values() if key in cosines)
    highest = 1.1 * max(value for value, _ in shown)
    heights = _apart([value for value, _ in shown], 0.055 * highest)
    figure, (axes,) = _figure(8, 4)
    for (value, key), height in zip(shown, heights, strict=True):
        distance, own = max(_EQUAL, 1 - cosines[key]["mean"]), is_ours(Variant.of(key).engine)
        axes.plot(distance, value, "o" if own else "s", color=_OURS if own else "#777777", markersize=8)
        axes.annotate(_short(key), (1.5 * distance, height), va="center", fontsize=9, color=_INK)
    axes.set_xscale("log")
    axes.set_xlim(_EQUAL / 2, 0.2)
    axes.set_xticks([10.0**power for power in range(-8, -1)])
    axes.minorticks_off()
    axes.set_ylim(0, highest)
    axes.set_xlabel(f"mean distance (1 - cosine) from float32's vectors; {_EQUAL:g} is equal", color=_INK, loc="left")
    axes.set_ylabel("texts/s", color=_INK)
    axes.set_title(f"Speed and fidelity, {entry['model']['title']}, peers at their best batch size{_NOTE}", fontsize=10)
    return figure


def _apart(heights: list[float], least: float) -> list[float]:
    """Rising heights, moved up where they are nearer to each other than ``least``."""
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + least) if placed else height)
    return placed


def _short(name: str) -> str:
    """The title of an engine or a variant."""
    return (title(name) if "@" in name else ENGINES[name].title).replace("sentence-transformers", "s-t")


def _shapes(contests: Entries) -> Any:
    """How many times as fast as each peer at its best, by shape and workload."""
    shapes = [name for name in SHAPES if any(key.startswith(f"{name}/") for key in contests)]
    ratios = {
        (shape, workload, name): like_with_like(contests[f"{shape}/{workload}"], name)
        for shape in shapes
        for workload in BULK
        for name in _MARKS
        if f"{shape}/{workload}" in contests
    }
    known = [ratio for ratio in ratios.values() if ratio]
    figure, panels = _figure(10, 3, len(shapes), sharey=True)
    for axes, shape in zip(panels, shapes, strict=True):
        for name, (mark, colour) in _MARKS.items():
            points = [(ratios.get((shape, workload, name)), y) for y, workload in enumerate(BULK)]
            there = [(x, y) for x, y in points if x]
            if any(ratio for (_, _, other), ratio in ratios.items() if other == name):
                axes.plot(*zip(*there, strict=True) if there else ([], []), mark, color=colour, label=_short(name))
        axes.axvline(1, color=_INK, linewidth=0.8)
        axes.set_xscale("log", base=2)
        axes.set_xlim(min([0.7, *known]) / 1.1, 1.15 * max([2, *known]))
        axes.xaxis.set_major_formatter(lambda x, _: times(x).replace(".00", "").replace("0x", "x"))
        axes.set_yticks(range(len(BULK)), BULK)
        axes.set_ylim(len(BULK) - 0.5, -0.5)
        axes.grid(axis="x", color="#E0E0E0")
        axes.set_axisbelow(True)
        axes.set_title(SHAPES[shape].title, fontsize=10, color=_INK)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    heading = "rapidembed is so many times as fast as each peer at its best batch size"
    figure.suptitle(
        f"{heading}: float32 against float32, bf16 against bf16, int8 against int8{_NOTE}", fontsize=10, color=_INK
    )
    return figure
