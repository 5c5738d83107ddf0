"""What docs/serving.md shows of a run of :mod:`benchmarks.concurrency`."""

from typing import Any

from benchmarks.tables import Table, number, rate, render, times

_TITLES = {"fp32": "float32", "int8": "int8", "native-int8": 'int8, backend="native"', "fastembed": "fastembed"}
_WAYS = {"asyncio": "async", "threads": "threads"}


def figures(found: dict[str, Any]) -> list[str]:
    """Paragraphs and tables."""
    machine, burst = found["machine"], found["burst"]
    held = ", ".join(f"{_TITLES[kind]} {number(row['tick_max_ms'], 0)} ms" for kind, row in burst.items())
    return [
        f"all-MiniLM-L6-v2, queries of 2 to 14 words, {machine['cores']} cores ({machine['cpu']}), {found['date']}, "
        f"contenders in turns for {found['settings']['seconds']:g} s each; load of the machine before it began: "
        f"{machine['load_average_at_start']:g} (above 1, others computed beside it, and times are not those of a quiet "
        "machine).",
        "So many callers, each of whom sends the next query when the last one is answered. *Fair* is p99 over the time "
        "that a query takes when all callers wait equally long; *held* is how long the event loop was, at most.",
        render(_callers(found["callers"])),
        f"A first burst of 64 queries, to a model just loaded, held the event loop for: {held}.",
        "One query after the other, and the part of its time that is neither tokenizing nor the model's run:",
        render(_lone(found["lone"])),
        f"A bulk job beside {found['settings']['beside']} callers; those who pause send a query each "
        f"{1000 * found['settings']['pause']:.0f} ms, the others do not stop:",
        render(_beside(found["beside"])),
    ]


def _callers(rows: list[dict[str, Any]]) -> Table:
    peers = {row["callers"]: row["qps"] for row in rows if row["kind"] == "fastembed"}
    table: Table = [["callers", "", "queries/s", "to fastembed", "p50", "p99", "fair", "rows a batch", "held"]]
    for row in rows:
        peer = peers.get(row["callers"])
        table.append(
            [
                str(row["callers"]),
                f"{_TITLES[row['kind']]}, {_WAYS[row['way']]}",
                rate(row["qps"]),
                times(row["qps"] / peer) if peer else "-",
                f"{number(row['p50_ms'], 1)} ms",
                f"{number(row['p99_ms'], 1)} ms",
                f"{row['p99_ms'] / row['fair_ms']:.1f}",
                number(row.get("batch"), 1),
                f"{number(row.get('tick_max_ms'), 0)} ms" if "tick_max_ms" in row else "-",
            ]
        )
    return table


def _lone(rows: dict[str, dict[str, float]]) -> Table:
    table: Table = [["", "p50", "outside"]]
    for kind, row in rows.items():
        outside = f"{number(row['outside_ms'], 2)} ms" if "outside_ms" in row else "-"
        table.append([_TITLES.get(kind, kind), f"{number(row['p50_ms'], 2)} ms", outside])
    return table


def _beside(rows: dict[str, dict[str, dict[str, float]]]) -> Table:
    table: Table = [["", "p99 apart", "p99 together", "queries/s together", "bulk texts/s apart", "together"]]
    for kind, ways in rows.items():
        for way, row in ways.items():
            table.append(
                [
                    f"{_TITLES[kind]}, {'who pause' if way == 'pausing' else 'who do not'}",
                    f"{number(row['p99_apart_ms'], 1)} ms",
                    f"{number(row['p99_together_ms'], 1)} ms",
                    rate(row["qps_together"]),
                    rate(row["bulk_apart"]),
                    rate(row["bulk_together"]),
                ]
            )
    return table
