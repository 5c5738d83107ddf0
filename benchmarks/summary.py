"""What an entry of the results says, as numbers. Pure: no engine, no file, no clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.engines import ENGINES, OURS, is_ours

QUERY_TOKENS = (1, 10, 100)
DISTURBED = 0.05
"""Share of the machine that others may take before a measurement is repeated, and the report warns."""


@dataclass(frozen=True, slots=True)
class Variant:
    """An engine with a batch size: None leaves the engine's default alone."""

    engine: str
    batch_size: int | None

    @property
    def key(self) -> str:
        return f"{self.engine}@{self.batch_size or 'default'}"

    @property
    def size(self) -> int:
        return self.batch_size or ENGINES[self.engine].default_batch

    @classmethod
    def of(cls, key: str) -> "Variant":
        """The inverse of ``key``."""
        name, _, size = key.partition("@")
        return cls(name, None if size == "default" else int(size))


MAIN = Variant(OURS, None).key


ROOFS = {"int8": "integer", "bf16": "half"}
"""What the roof of an arithmetic other than float32 is called in results."""


def arithmetic(entry: dict[str, Any], name: str) -> str:
    """What an engine computed its products in: f32, bf16 or int8."""
    declared = ENGINES[name].arithmetic
    return entry["computes"].get(name, "f32") if declared == "f32" else declared


def summarize(entry: dict[str, Any]) -> dict[str, Any]:
    """Of a bulk contest, of lone queries or of cold starts, whichever the entry holds."""
    found: dict[str, Any] = {}
    if entry.get("runs"):
        found |= _bulk(entry)
    if "latency_ms" in entry:
        ours = entry["latency_ms"].get(OURS, {})
        found["query_p50_ms"], found["query_ours_over_it"] = {}, {}
        for name, lengths in entry["latency_ms"].items():
            found["query_p50_ms"][name] = {length: median(values) for length, values in lengths.items()}
            found["query_ours_over_it"][name] = {
                length: _ratio(ours.get(length, []), values) for length, values in lengths.items()
            }
    if "cold_s" in entry:
        ours = entry["cold_s"].get(OURS, [])
        found["cold_start_s"] = {name: median(values) for name, values in entry["cold_s"].items()}
        found["cold_ours_over_it"] = {name: _ratio(ours, values) for name, values in entry["cold_s"].items()}
    return found


def _bulk(entry: dict[str, Any]) -> dict[str, Any]:
    """Medians of each variant, each engine's best, and who is how many times as fast as whom, pair by pair."""
    runs = entry["runs"]
    roof = entry.get("gemm") or {}
    mean_tokens = entry["corpus"]["tokens"] / entry["corpus"]["texts"]
    variants = {}
    for key, run in runs.items():
        seconds = median(_measured(run))
        rate = run["tokens"] / seconds
        variants[key] = {
            "texts_per_s": rate / mean_tokens,
            "tokens_per_s": rate,
            "roofline_share": run["gflop"] / seconds / roof["gflops"] if roof else None,
            "peak_mb": run["peak_mb"],
        }
        kind = ROOFS.get(arithmetic(entry, Variant.of(key).engine))
        if kind in roof:
            variants[key][f"{kind}_share"] = run["gflop"] / seconds / roof[kind]["gops"]
    ours = [key for key in runs if is_ours(Variant.of(key).engine)]
    return {
        "variants": variants,
        "best": {name: best(runs, name) for name in dict.fromkeys(Variant.of(key).engine for key in runs)},
        "times_as_fast": {own: {key: speedup(runs[own], run) for key, run in runs.items()} for own in ours},
    }


def best(runs: dict[str, Any], name: str) -> str:
    """The variant of an engine that is fastest, among those that ran in most rounds: they were near the best."""
    own = {key: _measured(run) for key, run in runs.items() if Variant.of(key).engine == name}
    most = max(map(len, own.values()))
    return min((key for key in own if len(own[key]) == most), key=lambda key: median(own[key]) / runs[key]["tokens"])


def speedup(own: dict[str, Any], other: dict[str, Any]) -> dict[str, float] | None:
    """How many times as many tokens a second ``own`` does, round by round: the median, the least, the most."""
    pairs = [
        (own["tokens"] / mine) / (other["tokens"] / theirs)
        for mine, theirs in zip(own["seconds"], other["seconds"], strict=False)
        if mine is not None and theirs is not None
    ]
    return {"median": median(pairs), "min": min(pairs), "max": max(pairs)} if pairs else None


def _measured(run: dict[str, Any]) -> list[float]:
    return [seconds for seconds in run["seconds"] if seconds is not None]


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> float | None:
    pairs = [mine / other for mine, other in zip(ours, theirs, strict=False)]
    return median(pairs) if pairs else None
