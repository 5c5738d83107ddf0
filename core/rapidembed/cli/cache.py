"""``rapidembed cache``."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rapidembed import settings
from rapidembed.cli import console
from rapidembed.cli.command import HELP_OPTIONS, as_epilog, command
from rapidembed.cli.model_options import FOLDER
from rapidembed.errors import ModelNotFoundError

if TYPE_CHECKING:
    from huggingface_hub import CachedRepoInfo, HFCacheInfo

_SHOW_EXAMPLES = """
rapidembed cache show
rapidembed cache show --json | jq '.models[].repository'
"""
_PRUNE_EXAMPLES = """
rapidembed cache prune --dry-run                      what would go, and how much it is
rapidembed cache prune                                built graphs; they are built again when needed
rapidembed cache prune BAAI/bge-small-en-v1.5 --yes   a downloaded model
"""
_CACHE_OPTION = click.option(
    "--cache-dir", metavar="DIR", type=FOLDER, help="Hugging Face cache to use instead of the user's."
)


@click.group(context_settings=HELP_OPTIONS, epilog=as_epilog(_SHOW_EXAMPLES + _PRUNE_EXAMPLES))
def cache() -> None:
    """Show and clear what is kept on this machine.

    There are two caches. Downloads lie in the Hugging Face cache (HF_HUB_CACHE, HF_HOME), which other programs use
    too. What was built lies in RAPIDEMBED_CACHE_DIR: graphs, kilobytes each, and weights that were
    rounded to int8, up to hundreds of megabytes each.
    """


@command(_SHOW_EXAMPLES)
@_CACHE_OPTION
@click.option("--json", "as_json", is_flag=True, help="Write JSON; sizes are bytes.")
def show(cache_dir: Path | None, as_json: bool) -> None:
    """List downloaded models and built graphs."""
    folder, repositories = _downloads(cache_dir)
    names = _curated_names()
    models = [
        {
            "repository": repo.repo_id,
            "curated": names.get(repo.repo_id.lower()),
            "size": repo.size_on_disk,
            "revisions": {revision.commit_hash: sorted(revision.refs) for revision in repo.revisions},
            "path": str(repo.repo_path),
        }
        for repo in repositories
    ]
    graphs = graph_files()
    if as_json:
        summary = {"folder": str(graph_folder()), "graphs": len(graphs), "size": _size(graphs)}
        click.echo(json.dumps({"folder": str(folder), "models": models, "graph_cache": summary}, indent=2))
        return
    console.heading(f"Downloaded models, in {folder}")
    if models:
        console.table(["REPOSITORY", "SIZE", "REVISION", "CURATED AS"], map(_row, models), right=(1,))
    else:
        click.echo("none")
    click.echo()
    console.heading(f"Built graphs, in {graph_folder()}")
    click.echo(f"{len(graphs)} graphs, {console.size(_size(graphs))}")


@command(_PRUNE_EXAMPLES)
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option("--graphs", is_flag=True, help="Delete built graphs too, where models are named.")
@_CACHE_OPTION
@click.option("--dry-run", is_flag=True, help="Only say what would be deleted.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def prune(models: tuple[str, ...], graphs: bool, cache_dir: Path | None, dry_run: bool, yes: bool) -> None:
    """Delete downloaded models, or built graphs.

    MODEL is a curated name or a repository: all its revisions go. Without one, built graphs go. Asks first.
    """
    # Everything is found before anything is deleted: a misspelled name deletes nothing.
    strategy = freed = None
    lines = []
    if models:
        from huggingface_hub import scan_cache_dir

        _, repositories = _downloads(cache_dir)
        chosen = _chosen(models, repositories)
        revisions = [revision.commit_hash for repo in chosen for revision in repo.revisions]
        strategy = scan_cache_dir(cache_dir).delete_revisions(*revisions)
        freed = strategy.expected_freed_size
        lines += [f"{repo.repo_id}  {console.size(repo.size_on_disk)}  {repo.repo_path}" for repo in chosen]
    files = graph_files() if graphs or not models else []
    if files:
        lines.append(f"{len(files)} built graphs  {console.size(_size(files))}  {graph_folder()}")
    if not lines:
        console.say("Nothing to delete.")
        return
    total = console.size((freed or 0) + _size(files))
    click.echo("\n".join(lines))
    if dry_run:
        console.say(f"Would delete {total}.")
        return
    if not yes and not click.confirm(f"Delete {total}?", err=True):
        console.say("Nothing was deleted.")
        raise click.exceptions.Exit(1)
    if strategy is not None:
        strategy.execute()
    for file in files:
        file.unlink(missing_ok=True)
    console.say(f"Deleted {total}.")


cache.add_command(show)
cache.add_command(prune)


def graph_folder() -> Path:
    """Where built graphs are kept."""
    return settings.cache_dir() / "graphs"


def graph_files() -> list[Path]:
    """All files of the graph cache, unfinished ones of processes that died too."""
    folder = graph_folder()
    return sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []


def scan(cache_dir: Path | None) -> "tuple[Path, HFCacheInfo | None]":
    """The Hugging Face cache's folder, and what is in it; None where there is no such folder yet."""
    from huggingface_hub import CacheNotFound, scan_cache_dir
    from huggingface_hub.constants import HF_HUB_CACHE

    folder = cache_dir or Path(HF_HUB_CACHE)
    try:
        return folder, scan_cache_dir(folder)
    except CacheNotFound:
        return folder, None


def _downloads(cache_dir: Path | None) -> "tuple[Path, list[CachedRepoInfo]]":
    folder, found = scan(cache_dir)
    if found is None:
        return folder, []
    for warning in found.warnings:
        console.warn(str(warning))
    return folder, sorted((repo for repo in found.repos if repo.repo_type == "model"), key=lambda repo: repo.repo_id)


def _curated_names() -> dict[str, str]:
    """Curated names by repository, the original's and the ONNX file's."""
    from rapidembed.registry import TASKS

    names = {}
    for spec in [spec for task in TASKS.values() for spec in task.models()]:
        for repository in (spec.onnx_source.repo if spec.onnx_source else None, spec.source):
            if repository:
                names[repository.lower()] = spec.name
    return names


def _chosen(models: Sequence[str], repositories: "list[CachedRepoInfo]") -> "list[CachedRepoInfo]":
    names = _curated_names()
    chosen = []
    for model in models:
        wanted = model.lower()
        found = [
            repo
            for repo in repositories
            if wanted in (repo.repo_id.lower(), names.get(repo.repo_id.lower(), "").lower())
        ]
        if not found:
            raise ModelNotFoundError(f"{model!r} is not in the cache; rapidembed cache show lists what is.")
        chosen += [repo for repo in found if repo not in chosen]
    return chosen


def _row(model: dict[str, Any]) -> list[str]:
    revisions = ", ".join(
        f"{commit[:12]} ({', '.join(refs)})" if refs else commit[:12] for commit, refs in model["revisions"].items()
    )
    return [model["repository"], console.size(model["size"]), revisions, model["curated"] or ""]


def _size(files: Sequence[Path]) -> int:
    return sum(file.stat().st_size for file in files)
