"""What ``python -m benchmarks.heads`` found, as numbers (``summarize``) and as Markdown (``markdown``)."""

from statistics import median
from typing import Any

from benchmarks.heads_engines import INT8, OURS, TASKS, THEIRS


def summarize(found: dict[str, Any]) -> dict[str, Any]:
    """By task and engine: medians of rounds; ours against each pair by pair within a round, then the median."""
    return {task: _summary(measured) for task, measured in found["tasks"].items()}


def _summary(measured: dict[str, Any]) -> dict[str, Any]:
    roof = max(each["gflops"] for each in measured["gemm"])
    runs = {name: [run for run in measured["runs"] if run["engine"] == name] for name in (OURS, THEIRS, INT8)}
    ours = {run["round"]: run["seconds"] for run in runs[OURS]}
    engines = {
        name: _row(
            median(run["seconds"] for run in own),
            max(run["peak_mb"] for run in own),
            [run["seconds"] / ours[run["round"]] for run in own],
        )
        for name, own in runs.items()
    }
    default = measured.get("default")
    if default and "seconds" in default:
        seconds = default["seconds"]
        engines[f"{THEIRS} default"] = _row(seconds, default["peak_mb"], [seconds / engines[OURS]["seconds"]])
    for engine in engines.values():
        engine["gflops"] = measured["flops"] / engine["seconds"] / 1e9
        engine["share_of_roof"] = engine["gflops"] / roof
    return {"best_gemm_gflops": roof, "engines": engines}


def _row(seconds: float, peak: float, ratios: list[float]) -> dict[str, Any]:
    pairs = {"median": median(ratios), "min": min(ratios), "max": max(ratios)}
    return {"seconds": seconds, "peak_mb": peak, "ours_over_it": pairs}


def markdown(found: dict[str, Any]) -> str:
    """The report of a run, or of as much of it as there is."""
    about, packages = found["machine"], found["versions"]
    parts = [
        "# Reranking, late interaction and SPLADE",
        f"{about['cpu']}, {about['cores']} cores, {about['os']}, Python {about['python']}, {found['date']}; "
        + ", ".join(f"{name} {version}" for name, version in packages.items())
        + f"; load at start {about['load_average_at_start']}. Written by `python -m benchmarks.heads`.",
        "The same random weights for both libraries, rapidembed at its defaults. Engines take turns, each time in a "
        f"new process (rounds: {found['rounds']}): medians, ratios pair by pair within a round (in brackets: smallest "
        "and largest), and the process's highest peak of memory, model included. fastembed's default batch size is "
        "measured once. The share of the roof is what the results need in floating point operations, real tokens only, "
        "against the machine's best fp32 matrix product, measured in every round. So nothing in fp32 can be faster "
        "than an engine by more than 1 divided by that engine's share, the column *of at most*. int8 may pass that "
        "roof; of its accuracy random weights say nothing.",
    ]
    for task, summary in summarize(found).items():
        parts += _task(task, found["tasks"][task], summary)
    return "\n\n".join(parts) + "\n"


def _task(task: str, measured: dict[str, Any], summary: dict[str, Any]) -> list[str]:
    titles = {
        OURS: "**rapidembed**",
        THEIRS: "fastembed" if measured["best_batch"] is None else f"fastembed, batch {measured['best_batch']} (best)",
        f"{THEIRS} default": "fastembed, default",
        INT8: "rapidembed, int8",
    }
    rows = [
        "| | seconds | GFLOP/s | share of roof | peak, MB | rapidembed is faster by | of at most |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, title in titles.items():
        if name not in summary["engines"]:
            continue
        engine = summary["engines"][name]
        ratio, limit = "", ""
        if name.startswith(THEIRS):
            pairs = engine["ours_over_it"]
            span = f" ({pairs['min']:.2f} to {pairs['max']:.2f})" if pairs["min"] < pairs["max"] else ""
            ratio, limit = f"{pairs['median']:.2f}x{span}", f"{1 / engine['share_of_roof']:.1f}x"
        elif name == INT8:
            ratio = f"int8 is {1 / engine['ours_over_it']['median']:.2f}x as fast"
        rows.append(
            f"| {title} | {engine['seconds']:.3f} | {engine['gflops']:.0f} | {100 * engine['share_of_roof']:.0f} % "
            f"| {engine['peak_mb']:,} | {ratio} | {limit} |"
        )
    if "failed" in (measured.get("default") or {}):
        rows.append(f"| {titles[f'{THEIRS} default']} | {measured['default']['failed']} | | | | | |")
    note = (
        f"{measured['tokens']:,} tokens, {measured['flops'] / 1e9:,.0f} GFLOP; roof "
        f"{summary['best_gemm_gflops']:.0f} GFLOP/s ({measured['gemm'][0]['reached']}). Results differ by at most "
        f"{measured['difference']:.0e} (relative above 1)."
    )
    if measured["sweep"]:
        swept = ", ".join(f"{size}: {seconds:.2f} s" for size, seconds in measured["sweep"].items())
        note += f" fastembed by batch size: {swept}."
    return [f"## {TASKS[task][0].upper()}{TASKS[task][1:]}", "\n".join(rows), note]
