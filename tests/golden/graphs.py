"""Fingerprints of the graphs of all tiny models, in all forms: ``graphs.json`` holds those of the builders' version."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from rapidembed import ImageProcessor, ModelSpec
from rapidembed.graph.program import _named
from rapidembed.graph.weights import Weights
from rapidembed.hub import Checkpoint, resolve
from rapidembed.registry import LATE_INTERACTION, RERANK, SPARSE, TEXT, LateInteraction, SparseWeights, Task
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.encoder import discover_encoder
from rapidembed.registry.hybrid import discover_hybrid

from tests.fakes.graphs import build
from tests.golden import heads, hybrid, pages, variants, vision, words
from tests.golden.architectures import GROUPS

FILE = variants.HERE / "graphs.json"
_EXACT: tuple[dict[str, Any], ...] = ({"masked": False}, {"masked": True})
_FORMS = (
    *_EXACT,
    {"masked": False, "numbers": "rounded"},
    {"masked": False, "numbers": "observed"},
    {"masked": False, "plain": True},
)
_WEIGHTS = ("model.safetensors",)


def fingerprints(root: Path) -> dict[str, str]:
    """Of each tiny model, over its graphs; ``root`` is an empty folder for them."""
    found = {}
    for group, files in GROUPS.items():
        for name, made in files.made.items():
            folder = files.assemble(name, made, root / group / name)
            graphs = list(_graphs(group, name))
            found[f"{group}/{name}"] = _of(Checkpoint(graphs[0][0], folder, _WEIGHTS), graphs)
    for name, checkpoint in _others(root):
        found[name] = _of(checkpoint, product([checkpoint.spec], _FORMS))
    for name, folder, specs in _pictures(root):
        found[name] = _of(Checkpoint(specs[0], folder, _WEIGHTS), product(specs, _FORMS))
    return found


_BASE: dict[str, dict[str, Any]] = {
    "text": variants.VARIANTS,
    "rerank": heads.RERANKERS,
    "late interaction": heads.COLBERTS,
    "sparse": heads.SPLADES,
}
_ASSEMBLED: dict[str, tuple[Task, Any]] = {
    "text": (TEXT, variants.assemble),
    "rerank": (RERANK, heads.assemble_reranker),
    "late interaction": (LATE_INTERACTION, heads.assemble_colbert),
    "sparse": (SPARSE, heads.assemble_splade),
}


def _others(root: Path) -> Iterator[tuple[str, Checkpoint]]:
    """BERT with all heads, and what is made of XLM-RoBERTa in BGE-M3."""
    for kind, models in _BASE.items():
        task, assemble = _ASSEMBLED[kind]
        for name, model in models.items():
            folder = assemble(model, root / kind.replace(" ", "_") / name)
            yield f"{kind}/{name}", resolve(str(folder), buildable=frozenset({"bert"}), task=task)
    folder = words.assemble(root / "words")
    for head in ("attention", "words"):
        yield head, Checkpoint(discover_encoder(folder, head, head), folder, _WEIGHTS)
    folder = hybrid.assemble(root / "hybrid")
    yield "hybrid", Checkpoint(discover_hybrid(folder, "hybrid"), folder, _WEIGHTS)


def _pictures(root: Path) -> Iterator[tuple[str, Path, list[ModelSpec]]]:
    """Encoders of pictures, of texts in their space, and of pages, which are two graphs."""
    for name, variant in vision.VARIANTS.items():
        shaped = ImageProcessor(
            resize=variant.size, resample=3, crop=None, scale=1.0, mean=(0,) * 3, deviation=(1,) * 3
        )
        seen = ModelSpec(name=name, dim=32, head="picture", pooling=variant.pooling, picture=shaped)
        specs = [] if variant.only else [seen]
        specs += [ModelSpec(name=name, dim=32)] if variant.texts or variant.only else []
        yield f"vision/{name}", vision.write_model(name, root / "vision" / name), specs
    for name in pages.VARIANTS:
        specs = [ModelSpec(name=name, dim=12, head=head) for head in ("page", "features")]
        yield f"pages/{name}", pages.write_model(name, root / "pages" / name), specs


def _graphs(group: str, name: str) -> Iterator[tuple[ModelSpec, dict[str, Any]]]:
    """A variant's own head in all forms; of an encoder also what is written otherwise within it."""
    variant = GROUPS[group].variants[name]
    tasks = {} if variant.task is None else {"some task": 5}
    sparse = SparseWeights() if variant.head == "mlm" else None
    own = ModelSpec(name=name, dim=16, head=variant.head, tasks=tasks, sparse=sparse)
    if variant.head == "classification":
        own = replace(own, dim=1)
    yield from product([own], _FORMS)
    if variant.head == "mlm":
        yield from product([replace(own, sparse=SparseWeights(pooling="sum", logs=2))], _EXACT)
    if variant.head == "tokens":
        yield from product([replace(own, head="pool", pooling=("cls",))], _EXACT)
    if variant.head == "tokens" and variant.hides_tokens:
        yield replace(own, late=LateInteraction(expansion_length=9)), _EXACT[0]


def _of(checkpoint: Checkpoint, graphs: Iterable[tuple[ModelSpec, dict[str, Any]]]) -> str:
    config, weights = ConfigFile.read(checkpoint.folder / "config.json"), Weights(_named(checkpoint))
    digest = hashlib.sha256()
    for spec, form in graphs:
        graph = build(config, weights, spec, **form)
        digest.update(graph.model)
        digest.update(repr((graph.converted, graph.tables, graph.rounded, graph.observed)).encode())
    return digest.hexdigest()[:16]
