"""``rapidembed eval``."""

import json
from pathlib import Path

import click

from rapidembed.cli.command import command
from rapidembed.cli.model_options import FOLDER

_EXAMPLES = """
rapidembed eval questions.jsonl -m builtin:static-en -m bm25
rapidembed eval questions.csv --passages wiki.jsonl -m NAME -m NAME,precision=int8 -m NAME,vectors=ubinary --report out/
rapidembed eval scifact/ -m NAME+bm25 -m 'NAME>RERANKER'
"""


@command(_EXAMPLES)
@click.argument("questions", type=click.Path(exists=True, path_type=Path))
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    required=True,
    metavar="WAY",
    help="bm25; a model, with options: NAME,precision=int8,vectors=ubinary; several: A+B; reranked: A>RERANKER.",
)
@click.option(
    "--passages",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Further passages to search.  [default: those that answer some question]",
)
@click.option("--report", type=FOLDER, metavar="DIR", help="Write report.md, .json and .png there.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bars.")
def eval(
    questions: Path, models: tuple[str, ...], passages: Path | None, report: Path | None, as_json: bool, quiet: bool
) -> None:
    """Compare models on your own questions, and say what they cost.

    QUESTIONS is a .jsonl, .csv or .tsv file with fields question and passage, ten lines will do, or a folder in BEIR's
    form. What is said of two models holds for questions like these; where there are too few to tell, it says so.
    """
    from rapidembed.toolkit.evaluation import evaluate

    found = evaluate(questions, models, passages=passages, show_progress=not quiet)
    click.echo(json.dumps(found.as_dict(), indent=2) if as_json else str(found))
    if report is not None:
        for path in found.save(report):
            click.echo(str(path), err=True)
