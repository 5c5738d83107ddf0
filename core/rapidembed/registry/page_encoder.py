"""The facts of a model of pages from its own files, as transformers writes them."""

from dataclasses import replace
from pathlib import Path

from rapidembed.errors import UnsupportedModelError
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.encoder_config import read_position_limit, text_part
from rapidembed.registry.image_processor import read_image_processor
from rapidembed.registry.pages import check_fits, read_tiled_pages, read_whole_pages
from rapidembed.registry.spec import ModelSpec
from rapidembed.registry.transformer_module import read_max_tokens

_WIDTH = 128
_READERS = {"colmodernvbert": read_tiled_pages, "colpali": read_whole_pages}


def discover_pages(folder: Path, name: str) -> ModelSpec:
    """The spec of the model of pages in ``folder``, a :data:`rapidembed.registry.task.Reader`."""
    config = ConfigFile.read(folder / "config.json")
    kind = config.text("model_type", "")
    if kind not in _READERS:
        raise UnsupportedModelError(
            f"{config.path}: model_type {kind!r} is no model of pages that is known here; known: {', '.join(_READERS)}."
        )
    spec = _facts(config, folder, name, kind)
    if spec.pages is not None:
        check_fits(config, spec.pages)
    return spec


def complete_pages(row: ModelSpec, folder: Path) -> ModelSpec:
    """A row of an ONNX file with what the files beside it say, whatever their config.json calls the architecture."""
    if row.architecture not in _READERS:
        raise UnsupportedModelError(
            f"{row.name}: how pages are read for the architecture {row.architecture!r} is not known; known: "
            f"{', '.join(_READERS)}."
        )
    if row.pages is not None:
        return replace(row, pages=replace(row.pages, processor=read_image_processor(folder)))
    found = _facts(ConfigFile.read(folder / "config.json"), folder, row.name, row.architecture)
    limit = row.max_tokens or found.max_tokens
    return replace(row, pages=found.pages, max_tokens=limit, prompts=row.prompts or found.prompts)


def _facts(config: ConfigFile, folder: Path, name: str, kind: str) -> ModelSpec:
    pages, query = _READERS[kind](folder)
    positions = read_position_limit(text_part(config))
    return ModelSpec(
        name=name,
        dim=config.optional_positive("embedding_dim") or _WIDTH,
        architecture=kind,
        head="page",
        normalize=True,
        pages=pages,
        max_tokens=min(filter(None, (read_max_tokens(folder), positions)), default=None),
        prompts={"query": query},
    )
