"""``rapidembed compile``."""

import shutil
from pathlib import Path
from typing import Any

import click

from rapidembed.cli import console
from rapidembed.cli.command import command
from rapidembed.cli.model_options import FILE, FOLDER, hub_options, refuse_beside_texts, task_option, with_options

_EXAMPLES = """
rapidembed compile BAAI/bge-small-en-v1.5 --precision int8 --out model/
rapidembed compile path/to/folder --precision bf16 --backend openvino --out model/ --report report/
python -c 'from rapidembed import TextEmbedding; print(TextEmbedding("model").info)'
"""


@command(_EXAMPLES)
@click.argument("model")
@click.option("-o", "--out", required=True, metavar="DIR", type=FOLDER, help="New folder for the model.")
@click.option("--precision", metavar="NAME", default="auto", help="auto, fast, fp32, int8, bf16.  [default: auto]")
@click.option(
    "--backend", metavar="NAME", default="onnxruntime", help="onnxruntime, openvino, native.  [default: onnxruntime]"
)
@click.option(
    "--report", metavar="DIR", type=FOLDER, help="Measure it against fp32, and write report.md, .json and .png there."
)
@click.option("--adapter", metavar="FILE", type=FILE, help="Put an adapter of rapidembed adapt into the folder.")
@with_options(task_option, hub_options)
def compile(
    model: str,
    out: Path,
    precision: str,
    backend: str,
    report: Path | None,
    adapter: Path | None,
    task: str | None,
    revision: str | None,
    cache_dir: Path | None,
) -> None:
    """Put a model, and all that is built of it, into a folder.

    That is for container images, and for hosts without a network. The folder loads by its path; nothing is built when
    it does, and nothing is written. Weights of 8 bits are for the kind of CPU that they were made on; on another the
    folder refuses to load.
    """
    from rapidembed.cli.found import facade, folder_size, task_of
    from rapidembed.lexical.models import find_lexical
    from rapidembed.toolkit.compile import check_compiled, compile_model

    if find_lexical(model):
        raise click.UsageError(f"{model} counts words; there is nothing to compile.")
    wanted = task_of(model, task)
    refuse_beside_texts(wanted.facade, model, report=report, adapter=adapter)
    options: dict[str, Any] = {"revision": revision, "cache_dir": cache_dir, "device": "cpu"}
    if adapter is not None:
        options["adapter"] = adapter
    with facade(wanted)(model, precision=precision, backend=backend, lazy_load=True, **options) as source:
        compile_model(source, out)
        try:
            with facade(wanted)(str(out), lazy_load=True, device="cpu") as compiled:
                check_compiled(source, compiled)
                info = compiled.info
        except BaseException:
            shutil.rmtree(out)
            raise
    console.heading(str(out))
    facts = [("precision", info.precision), ("backend", info.backend), ("size", console.size(folder_size(out)))]
    if report is not None:
        from rapidembed.cli.report import write_report

        facts.append(("report", ", ".join(write_report(model, out, report, options))))
    console.facts(facts, indent=2)
