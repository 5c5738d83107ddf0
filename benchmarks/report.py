"""The results as Markdown."""

from typing import Any

from benchmarks import heads, static
from benchmarks.engines import ENGINES, OURS, REFERENCE, is_ours
from benchmarks.results import Entries
from benchmarks.shapes import REAL, SHAPES
from benchmarks.summary import DISTURBED, MAIN, QUERY_TOKENS, Variant
from benchmarks.tables import NONE, Table, describe_machine, number, percent, rate, render, times, title
from benchmarks.workloads import BULK, COLD, MIXED, QUERY

_NOTES = f"""\
Engines stay loaded and take turns. Times are medians of rounds; ratios are taken pair by pair within a round, then
the median: a column "... is" says how many times as fast that engine is as the row. An engine's best batch size is
the fastest of those tried, its default included. fastembed at its default pads 256 texts to the longest of them; it
gets one such batch, with the same spread of lengths, and is compared by tokens per second. rapidembed runs at its
defaults everywhere. Share of the roof: floating point operations that the real tokens need, against the best fp32
matrix product of the same run on all cores; reduced precision may pass it. Cosine: to {ENGINES[REFERENCE].title} at
its default, text by text. Nobody reads more than 512 tokens of a text."""
_TOO_MUCH = "\\*"


def markdown(entries: Entries) -> str:
    """The report of a run, or of as much of it as there is."""
    main = entries.get(f"{REAL}/{MIXED}")
    parts = ["# rapidembed and its peers", _NOTES.replace("\n", " ")]
    if main and main["runs"]:
        parts += ["## The main contest", _setting(main), *contest(main), "### All figures", _details(main)]
    for shape, row in SHAPES.items():
        contests = {name: entries[f"{shape}/{name}"] for name in BULK if f"{shape}/{name}" in entries}
        if contests:
            weights = "random weights" if row.random else "real weights"
            parts += [f"## {row.title}, {weights}", *_contests({k: v for k, v in contests.items() if v["runs"]})]
        parts.append(_lone(entries.get(f"{shape}/{QUERY}"), entries.get(f"{shape}/{COLD}")))
        for name in heads.WORKLOADS:
            parts += _headed(name, entries.get(f"{shape}/{name}"))
    if "static" in entries:
        parts.append(static.section(entries["static"]))
    parts += [_disturbed(entries), _trouble(entries), _machines(entries)]
    return "\n\n".join(part for part in parts if part) + "\n"


def peers(entry: dict[str, Any]) -> list[str]:
    """The engines of an entry that are not ours and ran."""
    return [name for name in entry["summary"]["best"] if not is_ours(name)]


def contest(entry: dict[str, Any]) -> list[str]:
    """The main contest: ours against each peer at its best and at its default."""
    best = entry["summary"]["best"]
    return [
        "### Each peer at its best batch size",
        _against(entry, [best[name] for name in peers(entry)]),
        "### Each peer at its default",
        _against(entry, [Variant(name, None).key for name in peers(entry)]),
        _computes(entry),
    ]


def _setting(entry: dict[str, Any]) -> str:
    corpus = entry["corpus"]
    return (
        f"{entry['model']['title']}, the same weights for everybody, {entry['machine']['cores']} cores, "
        f"{entry['date']}. {corpus['texts']:,} texts of mixed length, documentation strings of the standard library "
        f"({corpus['mean_tokens']} tokens on average, median {corpus['median_tokens']:g}, longest "
        f"{corpus['max_tokens']})."
    )


def _ratio(entry: dict[str, Any], key: str, own: str = MAIN) -> dict[str, float] | None:
    """How many times as fast one of ours is as another variant."""
    return entry["summary"]["times_as_fast"].get(own, {}).get(key) if own != key else None


def _cosines(entry: dict[str, Any], key: str) -> list[str]:
    return [number(entry["cosine"].get(key, {}).get(which), 7) for which in ("mean", "min")]


def _against(entry: dict[str, Any], keys: list[str]) -> str:
    """Ours and the peers' variants, and how many times as fast each of ours is."""
    variants, ours = entry["summary"]["variants"], list(entry["summary"]["times_as_fast"])
    table: Table = [["", "texts/s", *(f"{title(own)} is" for own in ours), "peak memory", "cosine, mean", "least"]]
    for key in [*ours, *keys]:
        name = f"**{title(key)}**" if key in ours else title(key)
        if key not in variants:
            table.append([name, "failed", *[NONE] * (len(ours) + 3)])
            continue
        row, ratios = variants[key], [_ratio(entry, key, own) for own in ours]
        peak = NONE if row["peak_mb"] is None else f"{row['peak_mb']:,.0f} MB"
        shown = [times(ratio["median"]) if ratio else "" for ratio in ratios]
        table.append([name, rate(row["texts_per_s"]), *shown, peak, *_cosines(entry, key)])
    return render(table)


def _computes(entry: dict[str, Any]) -> str:
    """Engines that chose a precision by themselves; in 8 bits, for what is not a product of integers."""
    chosen = [f"{ENGINES[name].title} computes in {kind} here" for name, kind in entry["computes"].items()]
    return f"By its own choice, {', '.join(chosen)}." if chosen else ""


_ROOFS = {"integer": ("integers'", "8-bit integers"), "half": ("bfloat16's", "bfloat16")}
"""Whose share is told, and of what."""


def _details(entry: dict[str, Any]) -> str:
    """Every variant; the share of the roof of its own arithmetic beside that of float32, where that was measured."""
    header = ["", "texts/s", "tokens/s", "share of the roof", "peak MB", "peak - weights, MB", "cosine mean", "least"]
    table: Table = [[*header, "rapidembed is"]]
    for key, row in entry["summary"]["variants"].items():
        pairs, peak = _ratio(entry, key), row["peak_mb"]
        shares = [percent(row["roofline_share"])]
        shares += [
            f"{percent(row[f'{kind}_share'])} of {of}" for kind, (of, _) in _ROOFS.items() if f"{kind}_share" in row
        ]
        table.append(
            [
                title(key) + (" (default)" if key.endswith("@default") else ""),
                rate(row["texts_per_s"]),
                number(row["tokens_per_s"], 0),
                ", ".join(shares),
                number(peak, 0),
                number(None if peak is None else peak - entry["model"]["weights_mb"], 0),
                *_cosines(entry, key),
                f"{times(pairs['median'])} [{pairs['min']:.2f} to {pairs['max']:.2f}]" if pairs else "",
            ]
        )
    roof = entry.get("gemm")
    if not roof:
        return render(table)
    roofs = [f"Roof: {roof['gflops']:.0f} GFLOP/s ({roof['reached']})"]
    for kind, (_, what) in _ROOFS.items():
        if kind in roof:
            roofs.append(f"of {what} {roof[kind]['gops']:.0f} GOP/s ({roof[kind]['reached']})")
    return f"{render(table)}\n\n{'; '.join(roofs)}."


def _headed(workload: str, entry: dict[str, Any] | None) -> list[str]:
    """A contest of models with a head."""
    if not entry or not entry["runs"]:
        return []
    corpus, differences = entry["corpus"], entry["difference"].values()
    about = f"{corpus['texts']} texts, {corpus['tokens']:,} tokens; random weights."
    if differences:
        about += f" Results in float32 differ by at most {max(differences):.0e} (relative above 1)."
    return [f"## {entry['model']['title']}: {workload}", _details(entry), about]


def _contests(contests: dict[str, dict[str, Any]]) -> list[str]:
    """A shape's workloads side by side: texts/s, and in brackets how many times as fast rapidembed is."""
    if not contests:
        return ["Nothing ran."]
    entries = contests.values()
    ran = [name for name in ENGINES if any(name in entry["summary"]["best"] for entry in entries)]
    others = [name for name in ran if not is_ours(name)]
    table: Table = [["texts/s (rapidembed is so many times as fast)", *contests]]

    def add(name: str, label: str, *, default: bool) -> None:
        table.append([label.format(ENGINES[name]), *(_cell(entry, name, default=default) for entry in entries)])

    for name in ran:
        if is_ours(name):
            add(name, "**{0.title}**", default=True)
    for name in others:
        add(name, "{0.title}, best", default=False)
    for name in others:
        add(name, "{0.title}, default (batch {0.default_batch})", default=True)
    shares = [entry["summary"]["variants"].get(MAIN, {}).get("roofline_share") for entry in entries]
    shown = [NONE if share is None else f"{100 * share:.0f} %" for share in shares]
    table.append(["rapidembed's share of the roof", *shown])
    lengths = ", ".join(f"{name}: {entry['corpus']['texts']} texts" for name, entry in contests.items())
    return [render(table), f"{lengths[0].upper()}{lengths[1:]}."]


def _cell(entry: dict[str, Any], name: str, *, default: bool) -> str:
    key = Variant(name, None).key if default else entry["summary"]["best"].get(name, "")
    row = entry["summary"]["variants"].get(key)
    if row is None:
        return _TOO_MUCH if any(key in failure["what"] for failure in entry["failures"]) and key else NONE
    ratio = _ratio(entry, key)
    beside = f" ({times(ratio['median'])})" if ratio else ""
    batch = "" if default else f", batch {Variant.of(key).size}"
    return f"{rate(row['texts_per_s'])}{batch}{beside}"


def _lone(query: dict[str, Any] | None, cold: dict[str, Any] | None) -> str:
    """Lone queries and cold starts of a shape."""
    if query is None and cold is None:
        return ""
    lone, first = (entry["summary"] if entry else {} for entry in (query, cold))
    columns = [(f"{n} token{'s' if n > 1 else ''}, ms", str(n)) for n in QUERY_TOKENS]
    table: Table = [["", *(head for head, _ in columns), "cold start, s"]]

    def cell(name: str, value: float | None, share: float | None) -> str:
        return number(value, 2) + (f" ({share:.2f}x)" if share and not is_ours(name) else "")

    for name, engine in ENGINES.items():
        p50, shares = (lone.get(key, {}).get(name, {}) for key in ("query_p50_ms", "query_ours_over_it"))
        start, ratio = (first.get(key, {}).get(name) for key in ("cold_start_s", "cold_ours_over_it"))
        if p50 or start is not None:
            cells = [*(cell(name, p50.get(n), shares.get(n)) for _, n in columns), cell(name, start, ratio)]
            table.append([f"**{engine.title}**" if name == OURS else engine.title, *cells])
    return (
        f"{render(table)}\n\nMedians of lone queries on loaded models, and in brackets rapidembed's time as a "
        "multiple; tokens do not count [CLS] and [SEP]. Cold start: new process to first vector, imports included, "
        "files in the system's cache."
    )


def _disturbed(entries: Entries) -> str:
    shares = [run["others"] for entry in entries.values() for run in entry.get("runs", {}).values()]
    over = sum(share > DISTURBED for share in shares)
    if not over:
        return f"Other processes took at most {100 * max(shares):.1f} % of the machine meanwhile." if shares else ""
    return (
        f"**Disturbed run**: with {over} of {len(shares)} variants other processes took more than "
        f"{100 * DISTURBED:.0f} % of the machine (up to {100 * max(shares):.0f} %), in spite of repeats. PyTorch "
        "suffers most from that, so measure again on a quiet machine before quoting anything."
    )


def _trouble(entries: Entries) -> str:
    lines: dict[str, None] = {}
    for name, entry in entries.items():
        for engine, reason in entry.get("skipped", {}).items():
            lines[f"- {name.partition('/')[0]}, {ENGINES[engine].title}: {reason}."] = None
        for failure in entry.get("failures", ()):
            lines[f"- {name.partition('/')[0]}, {failure['what']}: {failure['error']}."] = None
    return "\n".join([f"## Not measured ({_TOO_MUCH})", "", *lines]) if lines else ""


def _machines(entries: Entries) -> str:
    """Each machine with its versions once, and what was measured on it when."""
    seen: dict[str, list[str]] = {}
    for name, entry in entries.items():
        seen.setdefault(describe_machine(entry, load=False), []).append(name)
    parts = ["## Machine and versions"]
    for described, names in seen.items():
        dates = sorted({entries[name]["date"] for name in names})
        parts.append(f"{', '.join(names)} ({', '.join(dates)}):\n\n{described}")
    return "\n\n".join(parts)
