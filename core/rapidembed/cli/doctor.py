"""``rapidembed doctor``."""

import importlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from rapidembed.cli import console
from rapidembed.cli.command import command
from rapidembed.cli.diagnosis.section import Section
from rapidembed.cli.model_options import FOLDER

_EXAMPLES = """
rapidembed doctor
rapidembed doctor --online       also ask the hub
rapidembed doctor --json         for a bug report or a health check
"""
# Modules under ``diagnosis``, and the functions in them that make a section.
_PARTS = (
    ("installation", "installation"),
    ("compute", "compute"),
    ("storage", "storage"),
    ("network", "hub"),
    ("network", "environment"),
)


@command(_EXAMPLES)
@click.option("--online", is_flag=True, help="Ask the hub whether it answers.")
@click.option("--cache-dir", metavar="DIR", type=FOLDER, help="Hugging Face cache to look at instead of the user's.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def doctor(online: bool, cache_dir: Path | None, as_json: bool) -> None:
    """Check this installation and this machine.

    Says what would be used, and why. The exit code is 1 if there is a problem. Secrets are not shown. Nothing is
    written, and without --online nothing is sent.
    """
    arguments: dict[str, dict[str, Any]] = {
        "storage": {"cache_dir": cache_dir},
        "hub": {"cache_dir": cache_dir, "online": online},
    }
    sections = [_examine(module, part, arguments.get(part, {})) for module, part in _PARTS]
    problems = [problem for section in sections for problem in section.problems]
    if as_json:
        report = {section.title.lower(): asdict(section) for section in sections}
        click.echo(json.dumps({"ok": not problems, **report}, indent=2, ensure_ascii=False))
    else:
        for section in sections:
            console.heading(section.title)
            console.facts(section.facts.items(), indent=2)
            click.echo()
        for note in (note for section in sections for note in section.notes):
            click.echo(click.style("note: ", fg="yellow") + note)
        for problem in problems:
            click.echo(click.style("problem: ", fg="red", bold=True) + problem)
        if not problems:
            click.echo("No problems found.")
    if problems:
        raise click.exceptions.Exit(1)


def _examine(module: str, part: str, arguments: dict[str, Any]) -> Section:
    """One section. A broken installation does not stop the doctor: where looking fails, it says that."""
    try:
        section: Section = getattr(importlib.import_module(f"rapidembed.cli.diagnosis.{module}"), part)(**arguments)
    except Exception as error:
        return Section(part.title(), problems=[f"{part} could not be examined: {type(error).__name__}: {error}"])
    return section
