"""What a cached graph is kept under: all that shapes it, and the version of what builds it."""

import ast
import json
from dataclasses import fields, replace
from pathlib import Path
from shutil import copytree

import pytest
import rapidembed
from rapidembed import ImageProcessor, ModelSpec
from rapidembed.graph import RoundingPlan, load_program, program
from rapidembed.graph.built import GraphSpec
from rapidembed.hub import Checkpoint
from rapidembed.registry import DenseLayer, LateInteraction, SparseWeights
from safetensors.numpy import load_file, save_file

from tests.golden import graphs
from tests.golden.variants import BASE

SPEC = ModelSpec(name="tiny", dim=32, pooling=("mean",))
HOW = "pytest tests/core/test_graph_version.py --graphs"


def test_builders_that_write_other_graphs_have_another_version(tmp_path, pytestconfig):
    stored, found = json.loads(graphs.FILE.read_text()), graphs.fingerprints(tmp_path)
    changed = [name for name, graph in found.items() if stored["graphs"].get(name, graph) != graph]
    if changed and stored["version"] == program._BUILDER_VERSION:
        pytest.fail(
            f"{len(changed)} graphs are not what they were, such as {', '.join(changed[:5])}: raise _BUILDER_VERSION "
            f"in graph/program.py, or caches would give the old ones; then run {HOW}"
        )
    current = {"version": program._BUILDER_VERSION, "graphs": found}
    if pytestconfig.getoption("--graphs"):
        graphs.FILE.write_text(json.dumps(current, indent=0) + "\n")
    elif stored != current:
        pytest.fail(f"tests/golden/graphs.json is of other models or of another version: run {HOW}")


class Kept(Exception):  # noqa: N818
    """Says which key a graph would be kept under."""


def key(monkeypatch, spec, folder=BASE, **form):
    def cached(key, build):
        raise Kept(key)

    monkeypatch.setattr(program, "cached", cached)
    with pytest.raises(Kept) as caught:
        load_program(Checkpoint(spec, folder, ("model.safetensors",)), **{"masked": False} | form)
    return str(caught.value)


CHANGES = {
    "head": {"head": "tokens"},
    "dim": {"dim": 31},
    "pooling": {"pooling": ("cls",)},
    "dense": {"dense": (DenseLayer(path="", in_features=32, out_features=32, bias=True, activation="Tanh"),)},
    "sparse": {"sparse": SparseWeights(logs=2)},
    "picture_size": {
        "picture": ImageProcessor(resize=(8, 9), resample=2, crop=None, scale=1.0, mean=(0, 0, 0), deviation=(1, 1, 1))
    },
    "hides_tokens": {"late": LateInteraction(expansion_length=9)},
    "include_prompt": {"include_prompt": False},
    "adapted": {"tasks": {"some": 1}},
}


@pytest.mark.parametrize("field", [field.name for field in fields(GraphSpec)])
def test_all_that_a_builder_may_read_is_in_the_key(field, monkeypatch):
    other = replace(SPEC, **CHANGES[field])
    assert getattr(GraphSpec.of(other), field) != getattr(GraphSpec.of(SPEC), field)
    assert key(monkeypatch, other) != key(monkeypatch, SPEC)


@pytest.mark.parametrize("change", [{"normalize": True}, {"prompts": {"query": "q: "}}, {"name": "other"}])
def test_what_no_builder_reads_is_not(change, monkeypatch):
    assert key(monkeypatch, replace(SPEC, **change)) == key(monkeypatch, SPEC)


def test_files_and_forms_are_in_the_key(monkeypatch, tmp_path):
    folders = [copytree(BASE, tmp_path / name) for name in ("config", "layout", "values")]
    config = json.loads((BASE / "config.json").read_text())
    (folders[0] / "config.json").write_text(json.dumps(config | {"hidden_act": "relu"}))
    tensors = load_file(BASE / "model.safetensors")
    save_file(tensors | {"pooler.more": tensors["pooler.dense.bias"]}, folders[1] / "model.safetensors")
    data = bytearray((BASE / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (folders[2] / "model.safetensors").write_bytes(data)
    forms = [{}, {"masked": True}, {"plain": True}, {"rounding": RoundingPlan(8, lambda program: [])}]
    keys = [key(monkeypatch, SPEC, **form) for form in forms]
    keys += [key(monkeypatch, SPEC, folder) for folder in folders[:2]]
    monkeypatch.setattr(program, "_BUILDER_VERSION", -1)
    keys.append(key(monkeypatch, SPEC))
    assert len(set(keys)) == len(keys)
    monkeypatch.undo()
    assert key(monkeypatch, SPEC, folders[2]) == keys[0], "graphs do not depend on the weights' values"


def test_builders_see_no_more_of_a_spec():
    """Whoever needs another field adds it to GraphSpec, and with that to the key."""
    graph = Path(rapidembed.__file__).parent / "graph"
    naming = {path.name for path in graph.rglob("*.py") if "ModelSpec" in imported(path)}
    assert naming == {"built.py", "export.py"}, "export.py looks at files that nobody builds"
    with pytest.raises(AttributeError, match="no attribute 'prompts'"):
        GraphSpec.of(SPEC).prompts  # noqa: B018


def imported(path):
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {alias.name for node in nodes if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names}
