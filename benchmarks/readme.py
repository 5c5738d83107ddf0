"""Writes what the repository publishes of its results: ``python -m benchmarks.readme``.

That is the README's figures, between ``<!-- figures: begin -->`` and ``<!-- figures: end -->``, and the table that
``precision="fast"`` chooses by. A test fails when either differs from the results.
"""

import json
from textwrap import fill
from typing import Any

from benchmarks import results
from benchmarks.engines import ENGINES, FASTER, OURS
from benchmarks.paths import RESULTS, ROOT
from benchmarks.plots import like_with_like
from benchmarks.report import peers
from benchmarks.results import Entries
from benchmarks.shapes import REAL, SHAPES
from benchmarks.summary import MAIN, Variant
from benchmarks.tables import Table, rate, render, times
from benchmarks.workloads import BULK, COLD, MIXED, QUERY

_ASKED = ("fastembed", "st-onnx", "st-openvino", "st-bf16", "st-fp32")
"""Peers that lone queries are compared with."""
NAME = "epyc-2-cores"
README = ROOT / "README.md"
TABLE = ROOT / "core" / "rapidembed" / "runtime" / "data" / "precision.json"
BEGIN, END = "<!-- figures: begin -->\n", "<!-- figures: end -->"
_WHOLE = {"break_long_words": False, "break_on_hyphens": False}
_PRECISION = {"rapidembed-int8": "int8", "rapidembed-bf16": "bf16, OpenVINO"}
"""Rows of ``precision.json`` by engine."""


def readme() -> str:
    """The README as it is, with its figures made anew."""
    before, begin, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("README.md has no place for figures")
    return f"{before}{begin}{figures()}\n{end}{after}"


def table() -> str:
    """The content of ``precision.json`` in the package: the fastest first."""
    speeds = results.read(NAME)[f"{REAL}/{MIXED}"]["summary"]["times_as_fast"]
    measured = _read("precision")["rows"]
    rows = [{"precision": "fp32", "backend": "onnxruntime", "speed": 1.0, "ndcg_change": 0.0, "cosine": 1.0}]
    for name, options in FASTER.items():
        ratio = speeds[Variant(name, None).key][MAIN]["median"]
        rows.append(
            {
                "precision": options["precision"],
                "backend": options.get("backend", "onnxruntime"),
                "speed": round(ratio, 2),
                "ndcg_change": round(_points(measured, name), 2),
                "cosine": round(measured[_PRECISION[name]]["queries"]["mean"], 5),
            }
        )
    rows.sort(key=lambda row: -float(row["speed"]))
    return "[\n" + ",\n".join(f" {json.dumps(row)}" for row in rows) + "\n]\n"


def figures() -> str:
    """The README's tables, and its sentences with figures in them."""
    entries = results.read(NAME)
    main = entries[f"{REAL}/{MIXED}"]
    parts = [_setting(main), render(_contest(main)), _sentences(entries, main), _picture("speed", "Texts per second")]
    parts += ["[Less precision](docs/precision.md) is faster still, if you ask for it; the same run:"]
    parts += [render(_reduced(main)), _lone_int8(entries), *_shapes(entries)]
    return "\n\n".join(part if part.startswith(("|", "!")) else fill(part, 120, **_WHOLE) for part in parts if part)


def _setting(main: dict[str, Any]) -> str:
    corpus, machine = main["corpus"], main["machine"]
    kinds = {"amx_int8": " with AMX", "avx512f": " with AVX-512", "avx2": " with AVX2"}
    kind = next((kind for flag, kind in kinds.items() if flag in machine["flags"]), "")
    return (
        f"{main['model']['title']}, identical weights, {corpus['texts']:,} texts of mixed length (documentation "
        f"strings, {corpus['mean_tokens']:.0f} tokens on average, up to {corpus['max_tokens']}), {machine['cores']} "
        f"cores{kind}, one run, medians of pairs. rapidembed at its defaults, fp32, against each peer at **its best** "
        "batch size, and at its default:"
    )


def _contest(main: dict[str, Any]) -> Table:
    head = ["", "at its best: texts/s", "rapidembed is", "peak memory", "at its default: texts/s", "rapidembed is"]
    rows: Table = [[*head, "peak memory", "cosine, least"]]
    variants = main["summary"]["variants"]
    own = variants[MAIN]
    rows.append(["**rapidembed**", f"**{rate(own['texts_per_s'])}**", "", f"**{_megabytes(own)}**", "", "", "", "1"])
    for name in peers(main):
        best, default = main["summary"]["best"][name], Variant(name, None).key
        title = ENGINES[name].title + (", bf16 by its own choice" if main["computes"].get(name) == "bf16" else "")
        row = [f"{title}, batch {Variant.of(best).size} and {ENGINES[name].default_batch}"]
        for key, mark in ((best, "**"), (default, "")):
            if key in variants:
                ratio = main["summary"]["times_as_fast"][MAIN][key]["median"]
                row += [rate(variants[key]["texts_per_s"]), f"{mark}{times(ratio)}{mark} as fast"]
                row += [_megabytes(variants[key])]
            else:
                row += ["not run", "", ""]
        rows.append([*row, f"{main['cosine'][best]['min']:.5f}" if best in main["cosine"] else ""])
    rows[1][-1] = f"{main['cosine'][MAIN]['min']:.7f}"
    return rows


def _megabytes(row: dict[str, Any]) -> str:
    return "" if row["peak_mb"] is None else f"{row['peak_mb']:,.0f} MB"


def _sentences(entries: Entries, main: dict[str, Any]) -> str:
    """What the tables do not show."""
    told = [f"Vectors equal sentence-transformers' to a cosine of {main['cosine'][MAIN]['min']:.7f}."]
    cold = entries[f"{REAL}/{COLD}"]["summary"]
    told.append(
        f"A new process has its first vector in {cold['cold_ours_over_it']['fastembed']:.2f} of fastembed's time "
        f"({cold['cold_start_s'][OURS]:.1f} s and {cold['cold_start_s']['fastembed']:.1f} s)."
    )
    queries = entries[f"{REAL}/{QUERY}"]["summary"]["query_ours_over_it"]
    spans = [f"{_span(queries[name])} of the time of {ENGINES[name].title}" for name in _ASKED if name in queries]
    told.append(f"A lone query takes {', '.join(spans[:-1])} and {spans[-1]}.")
    stream = _read(f"{NAME}-stream")
    told.append(f"{stream['points'][-1]['texts']:,} texts from a generator took {stream['peak_mb']:.0f} MB at most.")
    return " ".join(told)


def _span(ratios: dict[str, float]) -> str:
    least, most = (f"{end(ratios.values()):.1f}" for end in (min, max))
    return least if least == most else f"{least} to {most}"


def _reduced(main: dict[str, Any]) -> Table:
    summary, measured = main["summary"], _read("precision")["rows"]
    against = [name for name in ("fastembed", "st-bf16", "st-openvino") if name in summary["best"]]
    titles = [f"{ENGINES[name].title} at its best" for name in against]
    rows: Table = [["", "texts/s", *titles, "mean cosine to float32", "nDCG@10, points"]]
    for name, options in FASTER.items():
        own = Variant(name, None).key
        code = ", ".join(f'{option}="{value}"' for option, value in options.items())
        ratios = [summary["times_as_fast"][own][summary["best"][peer]]["median"] for peer in against]
        cells = [f"**{times(ratio)}** as fast" for ratio in ratios]
        cosine = f"{measured[_PRECISION[name]]['queries']['mean']:.5f}"
        points = f"{_points(measured, name):+.2f}"
        rows.append([f"`{code}`", rate(summary["variants"][own]["texts_per_s"]), *cells, cosine, points])
    return rows


def _points(measured: dict[str, Any], name: str) -> float:
    """Change of nDCG@10, in points of 100."""
    return float(measured[_PRECISION[name]]["ndcg_change"]["points"])


def _lone_int8(entries: Entries) -> str:
    p50 = entries[f"{REAL}/{QUERY}"]["summary"]["query_p50_ms"]
    ratios = {length: p50["rapidembed-int8"][length] / value for length, value in p50["fastembed"].items()}
    return (
        "In int8 a text's vector does not depend on what is batched with it, to the last bit, and a lone query takes "
        f"{_span(ratios)} of fastembed's time."
    )


def _shapes(entries: Entries) -> list[str]:
    """Every shape and length: ours against the fastest peer that computes in the same precision."""
    workloads = [name for name in BULK if any(f"{shape}/{name}" in entries for shape in SHAPES)]
    rows: Table = [["", *workloads]]
    for shape, row in SHAPES.items():
        for kind, competing in (("float32", ("fastembed", "st-fp32", "st-onnx")), ("bf16", ("st-bf16", "st-openvino"))):
            cells = [_fastest(entries.get(f"{shape}/{workload}"), competing) for workload in workloads]
            if any(cells):
                rows.append([f"{row.title}, {kind}", *cells])
    if len(workloads) < 2:
        return []
    note = (
        "Other lengths, and other models' shapes with random weights: times as fast as the fastest peer that "
        "computes in the same precision, at its best batch size; texts of mixed length, and of so many tokens each:"
    )
    return [note, render(rows), _picture("shapes", "Times as fast as each peer")]


def _fastest(entry: dict[str, Any] | None, competing: tuple[str, ...]) -> str:
    ratios = {name: like_with_like(entry, name) for name in competing} if entry else {}
    known = {name: ratio for name, ratio in ratios.items() if ratio}
    if not known:
        return ""
    least = min(known, key=known.__getitem__)
    return f"{times(known[least])} ({ENGINES[least].title.replace('sentence-transformers', 's-t')})"


def _picture(kind: str, text: str) -> str:
    picture = results.path(NAME, f"-{kind}.png")
    return f"![{text}]({picture.relative_to(ROOT).as_posix()})" if picture.exists() else ""


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return content


if __name__ == "__main__":
    README.write_text(readme(), encoding="utf-8")
    TABLE.write_text(table(), encoding="utf-8")
