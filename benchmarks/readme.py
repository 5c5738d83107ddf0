"""Writes what the repository publishes of its results: ``python -m benchmarks.readme``.

That is the README's table, the figures in docs/performance.md, docs/serving.md and docs/images.md, each between the
comments ``BEGIN`` and ``END``, and the table that ``precision="fast"`` chooses by. A test fails when one differs from
the results.
"""

import json
from pathlib import Path
from textwrap import fill
from typing import Any

from benchmarks import concurrency, pictures, report, results
from benchmarks.engines import ENGINES, FASTER, is_ours
from benchmarks.paths import ROOT
from benchmarks.plots import like_with_like
from benchmarks.precision import label_of
from benchmarks.results import NAME, Entries, load
from benchmarks.shapes import REAL, SHAPES
from benchmarks.summary import MAIN, Variant, arithmetic
from benchmarks.tables import Table, number, rate, render, times
from benchmarks.workloads import BULK, COLD, MIXED, QUERY

README = ROOT / "README.md"
PERFORMANCE = ROOT / "docs" / "performance.md"
SERVING = ROOT / "docs" / "serving.md"
IMAGES = ROOT / "docs" / "images.md"
TABLE = ROOT / "core" / "rapidembed" / "runtime" / "data" / "precision.json"
BEGIN, END = "<!-- figures: begin -->\n", "<!-- figures: end -->"
_WHOLE = {"break_long_words": False, "break_on_hyphens": False}
_QUERY = "10"
"""Tokens of the lone query in the README."""
_KINDS = {"avx512f": " with AVX-512", "avx2": " with AVX2"}


def pages() -> dict[Path, str]:
    """The files that hold figures, as they should be."""
    entries = results.read(NAME)
    return {
        README: _with(README, _paragraphs(headline(entries))),
        PERFORMANCE: _with(PERFORMANCE, _paragraphs(details(entries))),
        SERVING: _with(SERVING, _paragraphs(concurrency.figures(load(f"{NAME}-concurrency")))),
        IMAGES: _with(IMAGES, _paragraphs(pictures.report(load(f"{NAME}-pictures")))),
        TABLE: table(entries),
    }


def _with(page: Path, figures: str) -> str:
    """A page as it is, with its figures made anew."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page.name} has no place for figures")
    return f"{before}{begin}{figures}\n{end}{after}"


def _paragraphs(parts: list[str]) -> str:
    return "\n\n".join(part if part[0] in "|!#" else fill(part, 120, **_WHOLE) for part in parts if part)


def table(entries: Entries) -> str:
    """The content of ``precision.json`` in the package: the fastest first."""
    speeds = entries[f"{REAL}/{MIXED}"]["summary"]["times_as_fast"]
    measured = load("precision")["rows"]
    rows = [{"precision": "fp32", "backend": "onnxruntime", "speed": 1.0, "ndcg_change": 0.0, "cosine": 1.0}]
    for name, options in FASTER.items():
        key, label = Variant(name, None).key, label_of(name)
        if key not in speeds or label not in measured:
            continue  # not measured yet, so not chosen
        row = measured[label]
        rows.append(
            {
                "precision": options["precision"],
                "backend": options.get("backend", "onnxruntime"),
                "speed": round(speeds[key][MAIN]["median"], 2),
                "ndcg_change": round(row["ndcg_change"]["points"], 2),
                "cosine": round(row["queries"]["mean"], 5),
            }
        )
    rows.sort(key=lambda row: -float(row["speed"]))
    return "[\n" + ",\n".join(f" {json.dumps(row)}" for row in rows) + "\n]\n"


def headline(entries: Entries) -> list[str]:
    """The README's one table: ours, fastembed, and the fastest of the other peers; and how it was measured."""
    main = entries[f"{REAL}/{MIXED}"]
    corpus, machine, best = main["corpus"], main["machine"], main["summary"]["best"]
    kind = next((kind for flag, kind in _KINDS.items() if flag in machine["flags"]), "")
    rows: Table = [["", "texts/s", "at its default", "lone query", "new process", "peak memory", "cosine, least"]]
    rows += [_headline_row(entries, main, key) for key in _contenders(main)]
    absent = [ENGINES[name].title for name in ENGINES if name not in best and not is_ours(name)]
    return [
        render(rows),
        f"{main['model']['title']}, identical weights, {machine['cores']} cores{kind}, one run: {corpus['texts']:,} "
        f"documentation strings ({corpus['mean_tokens']:.0f} tokens on average, up to {corpus['max_tokens']}), peers "
        f"at their best batch size; a query has {_QUERY} tokens, a process ends at its first vector, cosines are to "
        "sentence-transformers in float32." + (f" Not in this run: {', '.join(absent)}." if absent else ""),
    ]


def _contenders(main: dict[str, Any]) -> list[str]:
    """Ours in int8, in float32 with and without rapidembed-native, fastembed, and the fastest other peer."""
    variants, best = main["summary"]["variants"], main["summary"]["best"]

    def fastest(names: list[str]) -> list[str]:
        return sorted((best[name] for name in names), key=lambda key: -variants[key]["texts_per_s"])[:1]

    ours = [name for name in best if is_ours(name)]
    exact = fastest([name for name in ours if arithmetic(main, name) == "f32"])
    whole = fastest([name for name in ours if arithmetic(main, name) == "int8"])
    own = sorted({MAIN, *exact, *whole}, key=lambda key: -variants[key]["texts_per_s"])
    others = [name for name in report.peers(main) if name != "fastembed"]
    return [*own, best["fastembed"], *fastest(others)]


def _headline_row(entries: Entries, main: dict[str, Any], key: str) -> list[str]:
    name, variants = Variant.of(key).engine, main["summary"]["variants"]
    mark = "**" if key == MAIN else ""
    title = ENGINES[name].title
    if not is_ours(name):
        chosen = main["computes"].get(name)
        title += f"{f' ({chosen})' if chosen else ''}, batch {Variant.of(key).size}"
    default, peak = variants.get(Variant(name, None).key), variants[key]["peak_mb"]
    query = entries[f"{REAL}/{QUERY}"]["summary"]["query_p50_ms"].get(name, {}).get(_QUERY)
    start = entries[f"{REAL}/{COLD}"]["summary"]["cold_start_s"].get(name)
    cells = [
        title,
        rate(variants[key]["texts_per_s"]),
        rate(default["texts_per_s"]) if default else "not run",
        f"{number(query, 1)} ms",
        f"{number(start, 1)} s",
        f"{number(peak, 0)} MB",
    ]
    least = main["cosine"].get(key, {}).get("min")
    return [f"{mark}{cell}{mark}" for cell in (*cells, number(least, 5))]


def details(entries: Entries) -> list[str]:
    """What docs/performance.md says beside: every peer, reduced precision, other lengths and models."""
    main = entries[f"{REAL}/{MIXED}"]
    told = [f"Vectors equal sentence-transformers' to a cosine of {main['cosine'][MAIN]['min']:.7f}."]
    queries = entries[f"{REAL}/{QUERY}"]["summary"]["query_ours_over_it"]
    spans = [f"{_span(queries[name])} of the time of {ENGINES[name].title}" for name in report.peers(main)]
    told.append(f"A lone query takes {', '.join(spans[:-1])} and {spans[-1]}.")
    stream = load(f"{NAME}-stream")
    told.append(f"{stream['points'][-1]['texts']:,} texts from a generator took {stream['peak_mb']:.0f} MB at most.")
    p50 = entries[f"{REAL}/{QUERY}"]["summary"]["query_p50_ms"]
    ratios = {length: p50["rapidembed-int8"][length] / value for length, value in p50["fastembed"].items()}
    told.append(f"In int8 a lone query takes {_span(ratios)} of fastembed's time.")
    shown = [_picture("speed", "Texts per second"), _picture("fidelity", "Speed and distance from float32")]
    return [*report.contest(main), " ".join(told), *shown, *_shapes(entries)]


def _span(ratios: dict[str, float]) -> str:
    least, most = (f"{end(ratios.values()):.1f}" for end in (min, max))
    return least if least == most else f"{least} to {most}"


def _shapes(entries: Entries) -> list[str]:
    """Every shape and length: ours against the fastest peer that computes in the same precision."""
    workloads = [name for name in BULK if any(f"{shape}/{name}" in entries for shape in SHAPES)]
    rows: Table = [["", *workloads]]
    for shape, row in SHAPES.items():
        for kind, title in (("f32", "float32"), ("bf16", "bf16"), ("int8", "int8")):
            cells = [_fastest(entries.get(f"{shape}/{workload}"), kind) for workload in workloads]
            if any(cells):
                rows.append([f"{row.title}, {title}", *cells])
    note = (
        "Other lengths, and other models' shapes with random weights: times as fast as the fastest peer that "
        "computes in the same precision, at its best batch size; texts of mixed length, and of so many tokens each:"
    )
    return ["### Lengths and models", note, render(rows), _picture("shapes", "Times as fast as each peer")]


def _fastest(entry: dict[str, Any] | None, kind: str) -> str:
    competing = [name for name in report.peers(entry) if arithmetic(entry, name) == kind] if entry else []
    known = {name: ratio for name in competing if entry and (ratio := like_with_like(entry, name))}
    if not known:
        return ""
    least = min(known, key=known.__getitem__)
    return f"{times(known[least])} ({ENGINES[least].title.replace('sentence-transformers', 's-t')})"


def _picture(kind: str, text: str) -> str:
    """From a page in docs/."""
    picture = results.path(NAME, f"-{kind}.png")
    return f"![{text}](../{picture.relative_to(ROOT).as_posix()})" if picture.exists() else ""


if __name__ == "__main__":
    for page, content in pages().items():
        page.write_text(content, encoding="utf-8")
