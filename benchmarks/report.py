"""What was found, as numbers (``summarize``) and as Markdown (``markdown``, ``stream_markdown``)."""

from statistics import linear_regression, median
from typing import Any

from benchmarks.engines import ENGINES, FASTER, OURS, REFERENCE
from benchmarks.measure import DISTURBED, QUERY_TOKENS, Variant

Table = list[list[str]]
_NONE = "-"
_STREAM_WARM_UP = 2
"""Points at the start of a stream that its slopes leave out."""


def summarize(found: dict[str, Any]) -> dict[str, Any]:
    """Medians per variant, and ours against each: pair by pair within a round, then the median."""
    runs: dict[str, list[dict[str, Any]]] = {}
    for run in found["runs"]:
        runs.setdefault(run["variant"], []).append(run)
    ours = {run["round"]: run for run in runs.get(_key(OURS), [])}
    roof = max((roof["gflops"] for roof in found["gemm"]), default=None)
    summary = {}
    for key, own in runs.items():
        medians = {name: median(run[name] for run in own) for name in ("texts_per_s", "tokens_per_s", "gflops")}
        peak = max(run["peak_mb"] for run in own)
        pairs = [ours[run["round"]]["tokens_per_s"] / run["tokens_per_s"] for run in own if run["round"] in ours]
        summary[key] = {
            **medians,
            "texts": own[0]["texts"],
            "roofline_share": medians["gflops"] / roof if roof else None,
            "peak_mb": peak,
            "peak_minus_weights_mb": peak - found["weights_mb"],
            "ours_over_it": {"median": median(pairs), "min": min(pairs), "max": max(pairs)} if pairs else None,
        }
    return {
        "variants": summary,
        "best_gemm_gflops": roof,
        "query_p50_ms": {
            name: {length: median(values) for length, values in lengths.items()}
            for name, lengths in found["latency_ms"].items()
        },
        "query_ours_over_it": {
            name: {
                length: _paired(found["latency_ms"].get(OURS, {}).get(length, []), values)
                for length, values in lengths.items()
            }
            for name, lengths in found["latency_ms"].items()
        },
        "cold_start_s": {name: median(values) for name, values in found["cold_s"].items()},
        "cold_ours_over_it": {
            name: _paired(found["cold_s"].get(OURS, []), values) for name, values in found["cold_s"].items()
        },
    }


def markdown(found: dict[str, Any]) -> str:
    """The report of a run, or of as much of it as there is."""
    summary = summarize(found)
    corpus = found["corpus"]
    peers = [name for name in ENGINES if name not in (OURS, *FASTER) and name in found["engines"]]
    parts = [
        "# rapidembed and its peers, measured in one run",
        f"all-MiniLM-L6-v2, the same weights for everybody, {found['machine']['cores']} cores, {found['date']}. "
        f"{corpus['texts']} texts of mixed length ({corpus['mean_tokens']} tokens on average, median "
        f"{corpus['median_tokens']:g}, longest {corpus['max_tokens']}); nobody reads more than 512 tokens of a text. "
        "rapidembed runs at its defaults everywhere.",
        "## Against each peer at its best batch size",
        _contest_table(found, summary, [_best(found, name) for name in peers]),
        "## Against each peer at its default",
        _contest_table(found, summary, [_key(name) for name in peers]),
        _share_note(found),
        _faster(found, summary, peers),
        "## One query, and the first one",
        _query_table(summary, found["engines"]),
        "Milliseconds are medians (p50) of lone queries on loaded models; tokens do not count [CLS] and [SEP]. Cold "
        "start: new process to first vector, imports included, files in the system's cache.",
        "## All figures",
        _detail_table(found, summary),
        "Times are medians of rounds; ratios are taken pair by pair within a round, then the median (in brackets: "
        "smallest and largest). Each measurement has a process of its own, and peak memory is that process's, the "
        "highest of its rounds. Share of the roof: floating point operations that the real tokens need, against the "
        f"best fp32 matrix product of this run ({_number(summary['best_gemm_gflops'], 0)} GFLOP/s, all cores). bf16 "
        f"may pass it. Cosine: to {ENGINES[REFERENCE].title} at its default, text by text.",
        _disturbed(found),
        _sweep(found),
        _trouble(found),
        "## Machine and versions",
        _machine(found),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def stream_summary(found: dict[str, Any]) -> dict[str, Any]:
    """Slopes over the stream once it is warm."""
    points = found["points"][_STREAM_WARM_UP:]
    if len(points) < 3:
        return {}
    at = [point["texts"] / 10_000 for point in points]
    memory = [point["rss_mb"] for point in points]
    rate = [point["tokens_per_s"] for point in points]
    return {
        "memory_mb_per_10k_texts": linear_regression(at, memory).slope,
        "memory_spread_mb": max(memory) - min(memory),
        "rate_percent_per_10k_texts": 100 * linear_regression(at, rate).slope / (sum(rate) / len(rate)),
        "rate_spread_percent": 100 * (max(rate) - min(rate)) / median(rate),
    }


def stream_markdown(found: dict[str, Any]) -> str:
    """The report of a streaming run."""
    summary = stream_summary(found)
    table: Table = [["texts so far", "texts/s", "tokens/s", "memory, MB"]]
    for point in found["points"]:
        row = [f"{point['texts']:,}", _number(point["texts_per_s"], 1), _number(point["tokens_per_s"], 0)]
        table.append([*row, _number(point["rss_mb"], 0)])
    parts = ["# rapidembed on a stream"]
    if found["points"]:
        texts, seconds = found["points"][-1]["texts"], found.get("seconds")
        rate = f" in {seconds:.0f} s, {texts / seconds:.1f} texts/s" if seconds else ""
        peak = f", highest memory {found['peak_mb']:.0f} MB (weights: {found['weights_mb']:.0f} MB)" if seconds else ""
        parts.append(
            f"{texts:,} texts from a generator through `embed`{rate}{peak}. {found['date']}, "
            f"{found['machine']['cores']} cores, all-MiniLM-L6-v2, texts cut at 512 tokens."
        )
    if summary:
        parts.append(
            f"Once warm: memory {summary['memory_mb_per_10k_texts']:+.2f} MB per 10,000 texts (all within "
            f"{summary['memory_spread_mb']:.1f} MB), rate {summary['rate_percent_per_10k_texts']:+.2f} % of tokens/s "
            f"per 10,000 texts (all within {summary['rate_spread_percent']:.1f} %). The slopes are straight lines "
            f"through every row below but the first {_STREAM_WARM_UP}."
        )
    parts += [
        _render(table),
        f"Each row is the stretch since the row before, from window to window. The {found['corpus']['texts']:,} ",
    ]
    parts[-1] += "different texts come again and again, each time in another order; nothing is cached between passes."
    parts += [_trouble(found), "## Machine and versions", _machine(found)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _key(name: str) -> str:
    return Variant(name, None).key


def _best(found: dict[str, Any], name: str) -> str:
    best = found["sweep"].get(name, {}).get("best")
    return Variant(name, None if best == ENGINES[name].default_batch else best).key


def _title(key: str) -> str:
    name, size = key.split("@")
    if name == OURS or name in FASTER:
        return ENGINES[name].title
    return f"{ENGINES[name].title}, batch {ENGINES[name].default_batch if size == 'default' else size}"


def _contest_table(found: dict[str, Any], summary: dict[str, Any], peers: list[str]) -> str:
    table: Table = [["", "texts/s", "rapidembed is", "peak memory", "rapidembed's is", "cosine, least"]]
    ours = summary["variants"].get(_key(OURS))
    for key in [_key(OURS), *peers]:
        row = summary["variants"].get(key)
        title = f"**{_title(key)}**" if key == _key(OURS) else _title(key)
        if row is None:
            table.append([title, "failed" if _failed(found, key) else _NONE, *[_NONE] * 4])
            continue
        mine = key == _key(OURS)
        memory = f"{ours['peak_mb'] / row['peak_mb']:.2f}x" if ours and not mine else ""
        table.append(
            [
                title,
                _number(row["texts_per_s"], 1) + (" *" if row["texts"] != found["corpus"]["texts"] else ""),
                "" if mine else f"**{_times(row['ours_over_it'])}**" if row["ours_over_it"] else _NONE,
                f"{row['peak_mb']:,.0f} MB",
                memory,
                _cosine(found, key, "min"),
            ]
        )
    return _render(table)


def _faster(found: dict[str, Any], summary: dict[str, Any], peers: list[str]) -> str:
    """How much faster ours is in reduced precision, pair by pair."""
    present = [name for name in FASTER if _key(name) in summary["variants"]]
    if not present:
        return ""
    rates: dict[str, dict[int, float]] = {}
    for run in found["runs"]:
        rates.setdefault(run["variant"], {})[run["round"]] = run["tokens_per_s"]
    table: Table = [["times as fast as", *(ENGINES[name].title for name in present)]]
    keys = dict.fromkeys([_key(OURS), *(_best(found, name) for name in peers), *(_key(name) for name in peers)])
    for key in keys:
        cells = []
        for name in present:
            own, other = rates[_key(name)], rates.get(key, {})
            pairs = [own[number] / other[number] for number in own if number in other]
            cells.append(f"{median(pairs):.2f}" if pairs else _NONE)
        table.append([_title(key), *cells])
    cosines = ", ".join(
        f"{ENGINES[name].title} {_cosine(found, _key(name), 'mean')} (least {_cosine(found, _key(name), 'min')})"
        for name in present
    )
    return f"## In reduced precision\n\n{_render(table)}\n\nMean cosine to float32: {cosines}."


def _share_note(found: dict[str, Any]) -> str:
    share = {run["texts"] for run in found["runs"] if run["texts"] != found["corpus"]["texts"]}
    if not share:
        return ""
    return (
        f"\\* fastembed at its default batch size pads up to 256 texts to the longest of them, which takes gigabytes "
        f"and about ten times as long. It gets {share.pop()} of the texts, with the same spread of lengths, and is "
        "compared by tokens per second."
    )


def _query_table(summary: dict[str, Any], engines: list[str]) -> str:
    lengths = [str(length) for length in QUERY_TOKENS]
    table: Table = [["", *[f"{n} token{'s' if n != '1' else ''}, ms" for n in lengths], "cold start, s"]]
    for name in engines:
        p50, ratio = summary["query_p50_ms"].get(name, {}), summary["query_ours_over_it"].get(name, {})
        cells = []
        for length in lengths:
            value, share = p50.get(length), ratio.get(length)
            cells.append(_number(value, 2) + (f" (ours {share:.2f}x)" if share and not name.startswith(OURS) else ""))
        cold, share = summary["cold_start_s"].get(name), summary["cold_ours_over_it"].get(name)
        cells.append(_number(cold, 2) + (f" (ours {share:.2f}x)" if share and not name.startswith(OURS) else ""))
        table.append([f"**{ENGINES[name].title}**" if name == OURS else ENGINES[name].title, *cells])
    return _render(table) if summary["query_p50_ms"] or summary["cold_start_s"] else "Not measured in this run."


def _detail_table(found: dict[str, Any], summary: dict[str, Any]) -> str:
    header = ["", "texts/s", "tokens/s", "share of the roof", "peak MB", "peak / weights", "peak - weights, MB"]
    table: Table = [[*header, "cosine mean", "cosine least", "rapidembed is"]]
    for key, row in summary["variants"].items():
        share = row["roofline_share"]
        pairs = row["ours_over_it"]
        spread = f"{_times(pairs)} [{pairs['min']:.2f} to {pairs['max']:.2f}]" if pairs and key != _key(OURS) else ""
        table.append(
            [
                _title(key) + (" (default)" if key.endswith("@default") else ""),
                _number(row["texts_per_s"], 1),
                _number(row["tokens_per_s"], 0),
                f"{100 * share:.1f} %" if share else _NONE,
                _number(row["peak_mb"], 0),
                f"{row['peak_mb'] / found['weights_mb']:.1f}x",
                _number(row["peak_minus_weights_mb"], 0),
                _cosine(found, key, "mean"),
                _cosine(found, key, "min"),
                spread,
            ]
        )
    return _render(table)


def _disturbed(found: dict[str, Any]) -> str:
    shares = [run["others"] for run in found["runs"] if run["others"] is not None]
    over = sum(share > DISTURBED for share in shares)
    if not over:
        return f"Other processes took at most {100 * max(shares):.1f} % of the machine meanwhile." if shares else ""
    return (
        f"**Disturbed run**: in {over} of {len(shares)} measurements other processes took more than "
        f"{100 * DISTURBED:.0f} % of the machine (up to {100 * max(shares):.0f} %), in spite of repeats. PyTorch "
        "suffers most from that, so measure again on a quiet machine before quoting anything."
    )


def _sweep(found: dict[str, Any]) -> str:
    lines = []
    for name, tried in found["sweep"].items():
        rates = ", ".join(
            f"{size}: {rate:.1f}" + (" (disturbed)" if int(size) in tried["disturbed"] else "")
            for size, rate in tried["texts_per_s"].items()
        )
        lines.append(f"- {ENGINES[name].title}: {rates}. Best: {tried['best']}.")
    if not lines:
        return ""
    head = "Batch sizes tried, texts/s (larger ones are left out once a size takes twice the best one's time):"
    return "\n".join([head, "", *lines])


def _trouble(found: dict[str, Any]) -> str:
    lines = [f"- {ENGINES[name].title}: {reason}." for name, reason in found["skipped"].items()]
    lines += [f"- {failure['what']}: {failure['error']}." for failure in found["failures"]]
    return "\n".join(["## Not measured", "", *lines]) if lines else ""


def _machine(found: dict[str, Any]) -> str:
    machine = found["machine"]
    model = f" (family/model {machine['cpu_family_model']})" if machine["cpu_family_model"] else ""
    lines = [
        f"- CPU: {machine['cpu']}{model}, {machine['cores']} cores; {', '.join(machine['flags']) or 'flags unknown'}",
        f"- Memory: {machine['memory_gb']} GB; load average at the start: {machine['load_average_at_start']}",
        f"- {machine['os']}, Python {machine['python']}",
        "- " + ", ".join(f"{name} {version}" for name, version in found["versions"].items()),
        f"- Texts: documentation strings of the standard library, seed {found['settings']['seed']}; "
        f"{found['corpus']['tokens']:,} tokens, {found['corpus']['at_limit']} texts at the limit of 512",
        f"- Weights: {found['weights_mb']:.1f} MB. Everybody uses all cores, as by default",
    ]
    return "\n".join(lines)


def _failed(found: dict[str, Any], key: str) -> bool:
    return any(failure["what"].endswith(key) for failure in found["failures"])


def _paired(ours: list[float], theirs: list[float]) -> float | None:
    pairs = [mine / other for mine, other in zip(ours, theirs, strict=False)]
    return median(pairs) if pairs else None


def _cosine(found: dict[str, Any], key: str, which: str) -> str:
    value = found["cosine"].get(key)
    return _NONE if value is None else f"{value[which]:.7f}"


def _times(pairs: dict[str, float]) -> str:
    ratio = pairs["median"]
    return f"{ratio:.2f}x as fast" if ratio < 10 else f"{ratio:.1f}x as fast"


def _number(value: float | None, digits: int) -> str:
    return _NONE if value is None else f"{value:,.{digits}f}"


def _render(table: Table) -> str:
    head, *rows = table
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *rows])
