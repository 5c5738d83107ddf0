"""From what a user writes as ``model_name`` to a checkpoint on this machine."""

import difflib
import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rapidembed.errors import ModelNotFoundError, UnsupportedModelError
from rapidembed.hub.checkpoint import Checkpoint
from rapidembed.hub.options import HubOptions
from rapidembed.hub.packages import PREFIX, find_package_model
from rapidembed.hub.static import BUILTIN, fetch_static, find_builtin, static_checkpoint
from rapidembed.registry import ModelSpec, dense_models, discover, find_dense
from rapidembed.registry.discovery import MODULES_FILE, WEIGHTS_FILE, read_modules
from rapidembed.registry.static_files import STATIC_ARCHITECTURES, is_static

if TYPE_CHECKING:
    from rapidembed.hub.download import Repository

logger = logging.getLogger(__name__)

_TOKENIZER_FILES = ("tokenizer.json", "config.json")
_DEFAULT = HubOptions()
_OPTIONAL_FILES = ("tokenizer_config.json", "special_tokens_map.json")
_SENTENCE_TRANSFORMERS_FILES = ("sentence_bert_config.json", "config_sentence_transformers.json")


def resolve(
    model_name: str,
    *,
    buildable: frozenset[str],
    specific_model_path: Path | None = None,
    hub: HubOptions = _DEFAULT,
) -> Checkpoint:
    """Find the model and make its files local.

    Args:
        model_name: a curated name, a local folder, ``package:NAME[/sub]``, ``builtin:NAME``, or a hub id.
        buildable: architectures whose graph can be built from safetensors; other curated models run their ONNX file.
        specific_model_path: folder that holds the files of ``model_name``; nothing is downloaded.
        hub: how the hub may be used.

    Raises:
        ModelNotFoundError, ModelNotCachedError, DownloadError, UnsupportedModelError: see each.
        ValueError: a revision of something that is no hub repository.
    """
    row = find_dense(model_name)
    folder = specific_model_path or _local_folder(model_name)
    if folder is not None:
        if hub.revision is not None:
            raise ValueError(
                f"revision={hub.revision!r} is for hub repositories; {model_name!r} is read from {folder}."
            )
        return _from_folder(folder, model_name, row if specific_model_path else None, buildable)
    if row is not None:
        return _from_catalog(row, buildable, hub)
    if not _looks_like_hub_id(model_name):
        raise ModelNotFoundError(_unknown(model_name))
    return _from_source(_repository(model_name, hub), None)


def _local_folder(model_name: str) -> Path | None:
    if model_name.startswith(PREFIX):
        return find_package_model(model_name)
    if model_name.startswith(BUILTIN):
        return find_builtin(model_name)
    folder = Path(model_name).expanduser()
    markers = ("config.json", MODULES_FILE)
    return folder if folder.is_dir() and any((folder / file).is_file() for file in markers) else None


def _from_folder(folder: Path, name: str, row: ModelSpec | None, buildable: frozenset[str]) -> Checkpoint:
    folder = folder.expanduser().resolve()
    if not folder.is_dir():
        raise ModelNotFoundError(f"{folder} is not a folder; it was given for the model {name!r}.")
    if is_static(folder):
        return _curated(static_checkpoint(folder, name), row)
    if (folder / MODULES_FILE).is_file() and (folder / WEIGHTS_FILE).is_file():
        spec = _with_curated_facts(discover(folder, name), row)
        if row is None or spec.architecture in buildable:
            return Checkpoint(spec, folder, WEIGHTS_FILE)
    if row is not None and row.onnx_source and (folder / row.onnx_source.file).is_file():
        return Checkpoint(row, folder, row.onnx_source.file)
    discover(folder, name)  # says which file is missing
    raise UnsupportedModelError(
        f"{folder} has no {WEIGHTS_FILE}. Save the model with sentence-transformers "
        "(safe_serialization=True, its default) and pass that folder."
    )


def _from_catalog(row: ModelSpec, buildable: frozenset[str], hub: HubOptions) -> Checkpoint:
    if row.source and row.architecture in STATIC_ARCHITECTURES:
        return _from_source(_repository(row.source, hub), row)
    if row.source and row.architecture in buildable:
        source = _repository(row.source, hub)
        if row.onnx_source is None or source.find(WEIGHTS_FILE) is not None:
            return _from_source(source, row)
        logger.warning("%s has no %s; using the ONNX file of %s.", row.source, WEIGHTS_FILE, row.onnx_source.repo)
    if row.onnx_source is None:
        raise UnsupportedModelError(
            f"{row.name}: no graph can be built for {row.architecture!r}, and it has no ONNX file."
        )
    return _from_onnx(_repository(row.onnx_source.repo, hub), row)


def _repository(repo: str, hub: HubOptions) -> "Repository":
    # The hub's client takes a tenth of a second to import, which folders and packages do without.
    from rapidembed.hub.download import Repository

    return Repository(repo, hub)


def _from_source(repository: "Repository", row: ModelSpec | None) -> Checkpoint:
    """A repository in sentence-transformers' layout: the modules say which further files belong to it."""
    if static := fetch_static(repository, row.name if row else repository.repo):
        return _curated(static, row)
    modules_path = repository.find(MODULES_FILE)
    if modules_path is None:
        raise UnsupportedModelError(
            f"{repository.repo!r} has no {MODULES_FILE}, so its pooling is not declared. "
            "Save it with sentence-transformers, which writes that file, and pass the folder as model_name."
        )
    for file in (*_TOKENIZER_FILES, WEIGHTS_FILE):
        repository.fetch(file)
    for file in (*_OPTIONAL_FILES, *_SENTENCE_TRANSFORMERS_FILES):
        repository.find(file)
    root = modules_path.parent
    for kind, path in read_modules(root):
        if kind in ("Pooling", "Dense"):
            repository.fetch(f"{path}/config.json")
        if kind == "Dense":
            repository.fetch(f"{path}/model.safetensors")
    name = row.name if row else repository.repo
    return Checkpoint(_with_curated_facts(discover(root, name), row), root, WEIGHTS_FILE, repository.commit)


def _from_onnx(repository: "Repository", row: ModelSpec) -> Checkpoint:
    onnx = row.onnx_source
    if onnx is None:
        raise UnsupportedModelError(f"{row.name} names no ONNX file.")
    for file in (*_TOKENIZER_FILES, *onnx.additional_files):
        repository.fetch(file)
    for file in _OPTIONAL_FILES:
        repository.find(file)
    graph = repository.fetch(onnx.file)
    root = graph.parents[len(Path(onnx.file).parts) - 1]
    return Checkpoint(row, root, onnx.file, repository.commit)


def _curated(checkpoint: Checkpoint, row: ModelSpec | None) -> Checkpoint:
    return replace(checkpoint, spec=_with_curated_facts(checkpoint.spec, row))


def _with_curated_facts(spec: ModelSpec, row: ModelSpec | None) -> ModelSpec:
    """The checkpoint's own words win; the row adds what its files do not say."""
    if row is None:
        return spec
    if spec.dim != row.dim:
        raise UnsupportedModelError(f"{row.name} should have {row.dim} dimensions; these files give {spec.dim}.")
    return replace(
        row,
        architecture=spec.architecture,
        pooling=spec.pooling,
        normalize=spec.normalize,
        max_tokens=spec.max_tokens,
        dense=spec.dense,
        lower_case=spec.lower_case,
        # Newer versions write empty prompts into every checkpoint; they declare nothing.
        prompts=spec.prompts if any(spec.prompts.values()) else row.prompts,
        default_prompt=spec.default_prompt,
    )


def _looks_like_hub_id(name: str) -> bool:
    parts = name.split("/")
    return len(parts) == 2 and all(part and not part.startswith((".", "~")) for part in parts)


def _unknown(name: str) -> str:
    known = [spec.name for spec in dense_models()]
    short = {candidate.rpartition("/")[2].lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), [*short, *(k.lower() for k in known)], n=1, cutoff=0.6)
    hint = ""
    if close:
        full = short.get(close[0]) or next(k for k in known if k.lower() == close[0])
        hint = f" Did you mean {full!r}?"
    return (
        f"No model {name!r}: it is no curated name, no local folder with a config.json, and not of the form "
        f'"organisation/name" (hub) or "package:NAME".{hint} TextEmbedding.list_supported_models() lists the curated '
        "names."
    )
