"""``rapidembed info``."""

import json
from typing import TYPE_CHECKING, Any

import click

from rapidembed.cli import console
from rapidembed.cli.command import command
from rapidembed.cli.model_options import (
    hub_options,
    model_arguments,
    place_options,
    refuse_beside_texts,
    task_option,
    vector_options,
    with_options,
)

if TYPE_CHECKING:
    from rapidembed import ModelInfo
    from rapidembed.hub import Checkpoint
    from rapidembed.registry import Layer, ModelSpec, Task

_EXAMPLES = """
rapidembed info BAAI/bge-small-en-v1.5
rapidembed info path/to/folder
rapidembed info package:NAME --max-tokens 512
rapidembed info organisation/name --json | jq .fingerprint
"""


@command(_EXAMPLES)
@click.argument("model", required=False)
@with_options(task_option, hub_options, place_options, vector_options)
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def info(model: str | None, task: str | None, as_json: bool, **options: Any) -> None:
    """Say what a model is, and what would run, and why.

    MODEL is a curated name, a hub repository, a folder, or package:NAME; the default is the model that the library
    takes. Nothing is downloaded: of a curated model that is not on this machine only the collected facts are shown.
    """
    from rapidembed import default_model
    from rapidembed.cli.found import task_of

    name = model or default_model()
    wanted = task_of(name, task)
    of_texts = {option: options[option] for option in ("dimensions", "normalize", "adapter", "long_text")}
    refuse_beside_texts(wanted.facade, name, **of_texts)
    facts = _facts(name, wanted, options)
    if as_json:
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False, default=str))
        return
    console.heading(str(facts.pop("model")))
    console.facts([(key.replace("_", " "), _shown(value)) for key, value in facts.items()], indent=2)


def _facts(name: str, task: "Task", options: dict[str, Any]) -> dict[str, Any]:
    """What is known of a model: of one that is on this machine, what runs."""
    from rapidembed import ModelNotCachedError
    from rapidembed.cli.found import facade, find_checkpoint
    from rapidembed.hub import HubOptions
    from rapidembed.lexical.models import find_lexical

    hub = HubOptions(cache_dir=options["cache_dir"], revision=options["revision"], local_files_only=True)
    try:
        checkpoint = None if find_lexical(name) else find_checkpoint(name, hub, task)
    except ModelNotCachedError as error:
        row = task.find(name)
        if row is None:
            raise ModelNotCachedError(
                f"{name!r} is not on this machine, so its files cannot be read. Fetch it with: rapidembed pull {name}"
            ) from error
        return _curated(row)
    with facade(task)(name, local_files_only=True, lazy_load=True, **model_arguments(options)) as loaded:
        return _loaded(checkpoint, loaded)


def _curated(row: "ModelSpec") -> dict[str, Any]:
    """What is known of a curated model without its files."""
    return {
        "model": row.name,
        "state": f"not on this machine; rapidembed pull {row.name} fetches it",
        **_spec(row),
        "dimensions": row.dim,
        "max_tokens": row.max_tokens,
        "normalize": row.normalize,
        "query_prompt": row.query_prompt,
        "document_prompt": row.document_prompt,
        "size": row.size_gb and console.size(row.size_gb * 1e9),
    }


def _loaded(checkpoint: "Checkpoint | None", model: Any) -> dict[str, Any]:
    """What runs, as the facade says it."""
    info: ModelInfo = model.info
    files = {"state": "needs no files; words are counted"} if checkpoint is None else _files(checkpoint, info)
    return {
        "model": info.model_name,
        "facade": type(model).__name__,
        **files,
        "dimensions": info.dimensions,
        "max_tokens": info.max_tokens,
        "normalize": info.normalize,
        "adapter": info.adapter,
        "query_prompt": info.query_prompt,
        "document_prompt": info.document_prompt,
        "device": f"{info.device}, {info.cores} cores" if info.device == "cpu" else info.device,
        "precision": info.precision,
        "backend": info.backend,
        "fingerprint": model.fingerprint,
    }


def _files(checkpoint: "Checkpoint", info: "ModelInfo") -> dict[str, Any]:
    weights = sum(path.stat().st_size for path in checkpoint.weight_files)
    return {
        "state": "on this machine",
        **_spec(checkpoint.spec),
        "plain_prompt": checkpoint.spec.plain_prompt,
        "folder": checkpoint.root,
        "revision": info.revision,
        "weights": f"{', '.join(checkpoint.weights)} ({console.size(weights)})",
        "runs": _why(checkpoint, info.backend),
    }


def _spec(spec: "ModelSpec") -> dict[str, Any]:
    facts = {
        "source": spec.source,
        "onnx_source": spec.onnx_source and f"{spec.onnx_source.repo}, {spec.onnx_source.file}",
        "license": spec.license or None,
        "languages": spec.languages or None,
        "architecture": spec.architecture,
        "pooling": list(spec.pooling),
        "dense_layers": [_layer(layer) for layer in spec.dense],
        "optional_prompts": dict(spec.optional_prompts),
        "side": spec.side,
    }
    return {name: value for name, value in facts.items() if value}


def _layer(layer: "Layer") -> str:
    kind = getattr(layer, "activation", type(layer).__name__)
    return f"{layer.in_features} -> {layer.out_features}, {kind}"


def _why(checkpoint: "Checkpoint", backend: str) -> str:
    from rapidembed.graph import buildable_architectures
    from rapidembed.registry.static_files import STATIC_ARCHITECTURES

    architecture = checkpoint.spec.architecture
    if architecture in STATIC_ARCHITECTURES:
        return "a table of token vectors, with numpy"
    if backend == "native":
        return f"layers of {architecture} over the original weights, without a graph"
    if not checkpoint.is_onnx:
        return f"a graph built here for {architecture}, over the original weights"
    if architecture in buildable_architectures():
        return "the ONNX file, because the original weights are not there"
    return f"the ONNX file, because no graph can be built for {architecture}"


def _shown(value: object) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return "\n".join(f"{name}: {text!r}" for name, text in value.items())
    return repr(value) if isinstance(value, str) and value != value.strip() else str(value)
