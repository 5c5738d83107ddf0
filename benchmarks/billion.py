"""The tables of docs/scale.md: ``python -m benchmarks.billion``, from the rates that ``benchmarks.scale`` measured.

Prices are inputs: change :data:`INSTANCES`, and run it again.
"""

from textwrap import fill
from typing import Any, NamedTuple

from benchmarks.fleet import HOUR, Fleet, simulate
from benchmarks.results import NAME, load, path
from benchmarks.tables import Table, number, percent, rate, render


class Instance(NamedTuple):
    """A type of machine."""

    name: str
    cores: int
    """Physical ones: two vCPUs of a processor with hyperthreads are one."""
    dollars: float
    """For an hour."""
    processor: str


INSTANCES = (
    Instance("c7a.2xlarge", 8, 0.4106, "AMD, 4th generation"),
    Instance("m7a.2xlarge", 8, 0.4637, "AMD, 4th generation"),
    Instance("c7i.4xlarge", 8, 0.7140, "Intel, 4th generation, 16 vCPUs"),
    Instance("c7g.2xlarge", 8, 0.2900, "Graviton 3"),
)
PRICED = (
    "Prices are inputs, entered by hand on 2026-11-26 after AWS's lists (us-east-1, Linux, on demand), "
    "not looked up there"
)
SHARE = 0.95
"""What a machine does with all its cores, of so many times one core's rate. An assumption."""
TEXTS, MACHINES, CORES = 10**9, 128, 8
WORKER = "all-MiniLM-L6-v2, int8"
SHARDS = (10_000, 100_000, 1_000_000, 10_000_000)
LIVES = {"none lost": None, "lost after 24 h": 24 * HOUR, "after 3 h": 3 * HOUR}
TYPES = {"float32": 4.0, "float16": 2.0, "int8": 1.0, "binary": 1 / 8}
"""Bytes of a number."""
ID = 16
"""Bytes of an id."""


def dollars_per_million(dollars_per_hour: float, cores: int, rate: float) -> float:
    """Price of a million texts on a machine of which a core embeds ``rate`` texts a second."""
    return dollars_per_hour / HOUR * 1e6 / (cores * SHARE * rate)


def terabytes(texts: int, dimensions: int, kind: str) -> float:
    """Of vectors and their ids, uncompressed."""
    return texts * (dimensions * TYPES[kind] + ID) / 1e12


def report(found: dict[str, Any]) -> str:
    """The page of results."""
    parts = ["# A billion texts, on paper", *_rates(found), *_storage(found), *_run(found)]
    return "\n\n".join(part if part[0] in "#|" else fill(part, 120, break_on_hyphens=False) for part in parts) + "\n"


def _rates(found: dict[str, Any]) -> list[str]:
    facts, corpus, workers = found["machine"], found["corpus"], found["workers"]
    head = ["", "texts/s, one core", "dimensions", *(f"{each.name}, ${each.dollars:.4f}/h" for each in INSTANCES)]
    table: Table = [head]
    for name, row in workers.items():
        speed = row["texts_per_cpu_s"]
        cells = [f"${dollars_per_million(each.dollars, each.cores, speed):#.2g}" for each in INSTANCES]
        table.append([name, rate(speed), str(row["dimensions"]), *cells])
    machines = "; ".join(f"{each.name}: {each.cores} cores, {each.processor}" for each in INSTANCES)
    return [
        "### Rate of a worker, price of a million texts",
        f"Measured: texts of {corpus['mean_tokens']:.0f} tokens on average (up to {corpus['max_tokens']}), one worker "
        f"with one thread on {facts['cpu']} ({', '.join(facts['flags'])}), by CPU time, {found['date']}, "
        f"load average {facts['load_average_at_start']} at the start. Dollars for a "
        f"million of them: price of an hour / 3,600 / (cores x {SHARE} x rate) x 1,000,000. That a core of each "
        f"machine does what the measured one does, and {SHARE} of it beside busy neighbours, is assumed, not measured. "
        f"{PRICED}; {machines}.",
        render(table),
    ]


def _storage(found: dict[str, Any]) -> list[str]:
    sizes = sorted({row["dimensions"] for row in found["workers"].values()} | {1024})
    table: Table = [["dimensions", *TYPES]]
    table += [[str(size), *(f"{terabytes(TEXTS, size, kind):.2f} TB" for kind in TYPES)] for size in sizes]
    return ["### Storage", f"{TEXTS:,} vectors with ids of {ID} bytes, without an index over them:", render(table)]


def _run(found: dict[str, Any]) -> list[str]:
    worker = found["workers"][WORKER]
    speed = CORES * SHARE * worker["texts_per_cpu_s"]
    sample = Fleet(texts=TEXTS, shard=SHARDS[0], machines=MACHINES, rate=speed)
    table: Table = [["texts in a shard", "files", "file, float16", "work on one", *LIVES]]
    for shard in SHARDS:
        size = terabytes(shard, worker["dimensions"], "float16") * 1e6
        cells = [f"{shard:,}", f"{sample.texts // shard:,}", f"{number(size, 0)} MB", _time(shard / speed)]
        for life in LIVES.values():
            fleet = Fleet(texts=TEXTS, shard=shard, machines=MACHINES, rate=speed, life=life)
            outcome = simulate(fleet)
            cells.append(f"{_time(outcome.seconds)}, {percent(outcome.lost / (outcome.lost + outcome.busy))} lost")
        table.append(cells)
    return [
        "### The run, simulated",
        f"{TEXTS:,} texts, {WORKER}, {MACHINES} machines of {CORES} cores: {_time(TEXTS / speed / MACHINES)} if "
        f"nothing ever waited or failed. Assumed: {sample.start:.0f} s from asking for a machine to its first text; "
        f"{sample.overhead:.0f} s beside the texts of each shard; speeds that differ by {100 * sample.spread:.0f} % "
        f"(standard deviation); lost machines are replaced at once, their shard is given to another after "
        f"{sample.notice:.0f} s and done from its start; lives are exponential with the mean that the column names. "
        "Cells: time to the last file, share of the work that was lost with machines.",
        render(table),
    ]


def _time(seconds: float) -> str:
    return f"{seconds / HOUR:.1f} h" if seconds >= HOUR else f"{seconds / 60:.1f} min"


def write() -> None:
    """Make the page anew."""
    path(f"{NAME}-scale", ".md").write_text(report(load(f"{NAME}-scale")), encoding="utf-8")


if __name__ == "__main__":
    write()
