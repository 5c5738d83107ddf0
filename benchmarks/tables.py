"""Tables and figures in Markdown, and what an entry was measured on."""

from typing import Any

from benchmarks.engines import ENGINES, is_ours
from benchmarks.summary import Variant

Table = list[list[str]]
NONE = "-"


def render(table: Table) -> str:
    head, *rows = table
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *rows])


def number(value: float | None, digits: int) -> str:
    return NONE if value is None else f"{value:,.{digits}f}"


def milliseconds(value: float | None, digits: int) -> str:
    return NONE if value is None else f"{number(value, digits)} ms"


def percent(share: float | None) -> str:
    return NONE if share is None else f"{100 * share:.1f} %"


def rate(value: float) -> str:
    """Texts per second, in three digits or all there are before the point."""
    return f"{value:,.0f}" if value >= 99.5 else f"{value:.1f}" if value >= 9.95 else f"{value:.2f}"


def times(ratio: float) -> str:
    """How many times as fast."""
    return f"{ratio:.2f}x" if ratio < 9.995 else f"{ratio:.0f}x"


def title(key: str) -> str:
    """A variant's name: of peers, with the batch size."""
    variant = Variant.of(key)
    name = ENGINES[variant.engine].title
    return name if is_ours(variant.engine) else f"{name}, batch {variant.size}"


def describe_machine(entry: dict[str, Any], *, load: bool = True) -> str:
    """Machine, system and versions, as a list."""
    machine = entry["machine"]
    model = f" (family/model {machine['cpu_family_model']})" if machine["cpu_family_model"] else ""
    loaded = f"load average at the start: {machine['load_average_at_start']}"
    lines = [
        f"- CPU: {machine['cpu']}{model}, {machine['cores']} cores; {', '.join(machine['flags']) or 'flags unknown'}",
        f"- Memory: {machine['memory_gb']} GB" + (f"; {loaded}" if load else ""),
        f"- {machine['os']}, Python {machine['python']}",
        f"- {listed(entry['versions'])}",
    ]
    apart: dict[str, list[str]] = {}
    for name, versions in entry.get("others", {}).items():
        apart.setdefault(listed(versions), []).append(ENGINES[name].title)
    lines += [f"- {' and '.join(names)}, in an environment apart: {versions}" for versions, names in apart.items()]
    return "\n".join(lines)


def listed(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
