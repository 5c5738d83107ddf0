"""``rapidembed models``."""

import json
from pathlib import Path
from typing import Any

import click

from rapidembed.cli import console
from rapidembed.cli.command import command
from rapidembed.cli.model_options import FOLDER, task_option, with_options

_EXAMPLES = """
rapidembed models                            all of them
rapidembed models bge small                  those that are about "bge" and "small"
rapidembed models --language german --license mit
rapidembed models --dim 384 --cached         what runs here without a network
rapidembed models --task rerank
rapidembed models --json | jq -r '.[].model'
"""
_SEARCHED = ("model", "description", "languages", "license", "task")


@command(_EXAMPLES)
@click.argument("words", nargs=-1, metavar="[WORD]...")
@with_options(task_option)
@click.option("--language", metavar="NAME", help="Only models for this language; multilingual ones say so themselves.")
@click.option("--license", "licence", metavar="NAME", help="Only models of this licence, e.g. mit.")
@click.option("--dim", type=click.IntRange(min=1), metavar="N", help="Only models with vectors of N dimensions.")
@click.option("--cached", is_flag=True, help="Only models that are on this machine.")
@click.option("--cache-dir", metavar="DIR", type=FOLDER, help="Hugging Face cache to look in instead of the user's.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON, with prompts and files.")
def models(
    words: tuple[str, ...],
    task: str | None,
    language: str | None,
    licence: str | None,
    dim: int | None,
    cached: bool,
    cache_dir: Path | None,
    as_json: bool,
) -> None:
    """List the models that are known by name.

    A model is listed if each WORD occurs in its name, description, languages, licence or task; case does not matter.
    These are the models whose facts were collected; any sentence-transformers model of the hub works by its name too.
    """
    from rapidembed.cli.found import is_cached, known_models
    from rapidembed.registry import TASKS

    chosen = [
        model
        for model in known_models()
        if _has(model, words)
        and task in (None, model["task"])
        and (language is None or language.lower() in str(model.get("languages")).lower())
        and (licence is None or licence.lower() == model["license"].lower())
        and (dim is None or dim == model.get("dim"))
    ]
    for model in chosen:
        model["cached"] = is_cached(model["model"], TASKS[model["task"]], cache_dir)
    if cached:
        chosen = [model for model in chosen if model["cached"]]
    if as_json:
        click.echo(json.dumps(chosen, indent=2, ensure_ascii=False))
        return
    if not chosen:
        console.say("No known model fits. Without words and options all are listed.")
        return
    console.table(
        ["MODEL", "TASK", "DIM", "TOKENS", "SIZE", "LICENSE", "CACHED", "LANGUAGES"],
        map(_row, chosen),
        right=(2, 3, 4),
    )
    console.say(f"\n{len(chosen)} listed. rapidembed info NAME says more; rapidembed pull NAME downloads one.")


def _has(model: dict[str, Any], words: tuple[str, ...]) -> bool:
    text = " ".join(str(model.get(name)) for name in _SEARCHED).lower()
    return all(word.lower() in text for word in words)


def _row(model: dict[str, Any]) -> list[str]:
    gigabytes = model.get("size_in_GB")
    return [
        model["model"],
        model["task"],
        str(model.get("dim") or ""),
        str(model.get("max_tokens") or ""),
        "" if gigabytes is None else console.size(gigabytes * 1e9),
        model["license"].partition(";")[0],
        "yes" if model["cached"] else "",
        _languages(model.get("languages")),
    ]


def _languages(languages: Any) -> str:
    if isinstance(languages, list | tuple | dict):
        return f"{len(languages)} languages"
    return str(languages or "")
