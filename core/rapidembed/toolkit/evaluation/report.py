"""What an evaluation found: a table, JSON, a picture, and what so many questions can tell."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from rapidembed.toolkit.evaluation.metrics import Values
from rapidembed.toolkit.evaluation.statistics import Comparison, Interval, bootstrap, compare

_MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Row:
    """One contestant.

    Attributes:
        name: of the contestant.
        values: of every question, by metric.
        latency_ms: median of a lone question, embedding and search; and the 95th percentile.
        passages_per_s: that were indexed.
        model_bytes: of the files that run.
        index_bytes: of what a search goes through.
    """

    name: str
    values: dict[str, Values]
    latency_ms: tuple[float, float]
    passages_per_s: float
    model_bytes: int
    index_bytes: int

    @property
    def intervals(self) -> dict[str, Interval]:
        """Means, with 95 % intervals."""
        return {metric: bootstrap(values) for metric, values in self.values.items()}


@dataclass(frozen=True, slots=True)
class Report:
    """An evaluation. Printing it shows a table and what it means."""

    rows: tuple[Row, ...]
    questions: int
    passages: int
    metric: str
    """The one that contestants are compared by."""

    @property
    def comparisons(self) -> list[Comparison]:
        """Of every two."""
        return [
            compare((one.name, two.name), (one.values[self.metric], two.values[self.metric]))
            for one, two in combinations(self.rows, 2)
        ]

    @property
    def ranked(self) -> list[Row]:
        """The rows, best first."""
        return sorted(self.rows, key=lambda row: -float(row.values[self.metric].mean()))

    def __str__(self) -> str:
        return "\n".join([self.table(), "", *map(self.verdict, self.comparisons)]).rstrip()

    def table(self) -> str:
        """Markdown."""
        metrics = list(self.rows[0].values)
        heads = ["", *metrics, "question, ms", "passages/s", "model, MB", "index, MB"]
        lines = [f"{self.questions:,} questions, {self.passages:,} passages; 95 % intervals over questions.", ""]
        lines += [f"| {' | '.join(heads)} |", f"|---|{'---:|' * (len(heads) - 1)}"]
        for row in self.ranked:
            cells = [f"{i.mean:.3f} ({i.low:.3f} to {i.high:.3f})" for i in row.intervals.values()]
            cells += [f"{row.latency_ms[0]:.2f}", f"{row.passages_per_s:,.0f}"]
            cells += [f"{size / _MEGABYTE:.2f}" for size in (row.model_bytes, row.index_bytes)]
            lines.append(f"| {' | '.join([row.name, *cells])} |")
        return "\n".join(lines)

    def verdict(self, found: Comparison) -> str:
        """A sentence about two contestants."""
        by = found.difference
        numbers = f"{self.metric} differs by {by.mean:.3f} ({by.low:+.3f} to {by.high:+.3f}, p = {found.p:.2g})"
        if found.distinct:
            return f"{found.first} is better than {found.second}: {numbers}."
        if found.needed is None:
            return f"{found.first} and {found.second} are the same on these {self.questions:,} questions."
        more = f"; about {found.needed:,} would" if found.needed > self.questions else ""
        return (
            f"{self.questions:,} questions cannot tell {found.first} and {found.second} apart: {numbers}{more}. "
            "Take the cheaper one, or ask more questions."
        )

    def as_dict(self) -> dict[str, object]:
        """Everything but each question's values, in JSON's types."""
        rows = [
            {
                "name": row.name,
                "metrics": {name: asdict(interval) for name, interval in row.intervals.items()},
                "latency_ms": {"median": row.latency_ms[0], "p95": row.latency_ms[1]},
                "passages_per_s": row.passages_per_s,
                "model_bytes": row.model_bytes,
                "index_bytes": row.index_bytes,
            }
            for row in self.ranked
        ]
        compared = [
            {**asdict(found), "distinct": found.distinct, "verdict": self.verdict(found)} for found in self.comparisons
        ]
        facts = {"questions": self.questions, "passages": self.passages, "metric": self.metric}
        return {**facts, "contestants": rows, "comparisons": compared}

    def save(self, folder: "str | Path") -> list[Path]:
        """Write report.md, report.json and, with matplotlib (extra ``report``), report.png; the paths written.

        Raises:
            ImportError: matplotlib is missing; the other files are written.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"report.{suffix}" for suffix in ("md", "json", "png")]
        paths[0].write_text(f"{self}\n", encoding="utf-8")
        paths[1].write_text(json.dumps(self.as_dict(), indent=1) + "\n", encoding="utf-8")
        self.plot(paths[2])
        return paths

    def plot(self, path: "str | Path") -> None:
        """Quality against the time of a question, and against bytes of the index.

        Raises:
            ImportError: matplotlib is missing.
        """
        from rapidembed.toolkit.drawing import new_figure

        figure = new_figure((10, 4))
        costs: dict[str, Callable[[Row], float]] = {
            "question, ms": lambda row: row.latency_ms[0],
            "index, MB": lambda row: row.index_bytes / _MEGABYTE,
        }
        for axes, (title, cost) in zip(figure.subplots(1, 2, sharey=True), costs.items(), strict=True):
            for row in self.ranked:
                interval = row.intervals[self.metric]
                reach = np.maximum([[interval.mean - interval.low], [interval.high - interval.mean]], 0)
                axes.errorbar(cost(row), interval.mean, yerr=reach, fmt="o", capsize=3, label=row.name)
            axes.set(xlabel=title, xscale="log", ylabel=self.metric)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", fontsize="small")
        figure.savefig(path)
