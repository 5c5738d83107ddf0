"""Models that fastembed, or this library, has downloaded before."""

from pathlib import Path

from rapidembed.compat.common.model_description import BaseModelDescription

_NEEDED = ("config.json", "tokenizer.json", "tokenizer_config.json")


def cached_snapshot(description: BaseModelDescription, cache: Path) -> Path | None:
    """The folder of a model in a cache, if everything is in it that fastembed downloads.

    The hub is not asked about such a model again, as little as fastembed asks: its cache does not say which files of
    other kinds the repository lacks.
    """
    if description.sources.hf is None:
        return None
    repository = cache / f"models--{description.sources.hf.replace('/', '--')}"
    branch = repository / "refs" / "main"
    if not branch.is_file():
        return None
    snapshot = repository / "snapshots" / branch.read_text(encoding="utf-8").strip()
    wanted = (*_NEEDED, description.model_file, *description.additional_files)
    return snapshot if all((snapshot / file).is_file() for file in wanted) else None
