"""Every architecture in every precision: the graphs run, rows do not know of each other, results are near."""

import json
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rapidembed.graph import RoundingPlan, load_program
from rapidembed.hub import Checkpoint
from rapidembed.registry import ModelSpec, SparseWeights
from rapidembed.runtime.observation import observe
from rapidembed.runtime.openvino import OpenVinoSession
from rapidembed.runtime.session import OnnxSession
from safetensors.numpy import load_file

from tests.golden import architectures_2
from tests.golden.architectures import assemble, rows, types
from tests.golden.variants import HERE

TASK = 5


@dataclass(frozen=True)
class Case:
    """A tiny model and what it is given: batches of two rows, of several lengths."""

    checkpoint: Checkpoint
    batches: list[dict[str, Any]]


def _first(name: str, folder: Path) -> Case:
    file, variant = next((file, variants[name]) for file, variants in FIRST.items() if name in variants)
    made = json.loads(file.read_text(encoding="utf-8"))[name]
    stored = load_file(file.with_suffix(".safetensors"))
    width = stored[f"{variant.same_as or name}/{variant.lengths[0]}"].shape[-1]
    kind = made["config"]["model_type"]
    spec = ModelSpec(name=name, dim=width, architecture=kind, head=variant.head, pooling=("none",))
    batches = [
        {"input_ids": np.array([row, row[::-1]]), "token_type_ids": np.array([types(row)] * 2)} for row in rows(variant)
    ]
    return _case(spec, assemble(variant, made, folder / "model"), batches)


def _second(name: str, folder: Path) -> Case:
    architecture, name = name.split("/")
    variant = architectures_2.VARIANTS[architecture][name]
    stored = load_file(architectures_2.FILES / f"{architecture}.safetensors")
    width = stored[f"{name}/{variant.lengths[0]}"].shape[-1]
    tasks = {"some task": TASK} if variant.task is not None else {}
    spec = ModelSpec(name=name, dim=width, head=architectures_2.head(variant), tasks=tasks)
    batches = []
    for length in variant.lengths:
        given = architectures_2.inputs(variant, length)
        both = {key: np.concatenate([array, array[:, ::-1]]) for key, array in given.items()}
        batches.append(both | {"task_id": np.array(variant.task or 0, dtype=np.int64)})
    described = architectures_2.described(architecture)[name]
    return _case(spec, architectures_2.write_model(**described, folder=folder / "model"), batches)


def _case(spec: ModelSpec, folder: Path, batches: list[dict[str, Any]]) -> Case:
    if spec.head == "mlm":
        object.__setattr__(spec, "sparse", SparseWeights())
    return Case(Checkpoint(spec, folder, ("model.safetensors",)), batches)


_FILES = sorted(HERE.glob("architectures_*.json"))
FIRST = {file: import_module(f"tests.golden.{file.stem}").VARIANTS for file in _FILES}
CASES = [(_first, name) for variants in FIRST.values() for name in variants]
CASES += [(_second, f"{kind}/{name}") for kind, names in architectures_2.VARIANTS.items() for name in names]


@pytest.fixture(params=CASES, ids=lambda case: case[1])
def case(request, tmp_path):
    make, name = request.param
    return make(name, tmp_path)


def run(session, batch):
    return session.run({name: batch[name] for name in session.inputs})


def alone(batch, row):
    return {name: array[row : row + 1] if array.ndim else array for name, array in batch.items()}


def exact(case):
    return OnnxSession(load_program(case.checkpoint, masked=False), ["CPUExecutionProvider"], 1)


def test_int8(case):
    seen = [batch["input_ids"] for batch in case.batches]
    rounding = RoundingPlan(8, lambda program: observe(program, seen))
    program = load_program(case.checkpoint, masked=False, rounding=rounding)
    assert any(name.endswith(".int8") for name in program.given)
    session, reference = OnnxSession(program, ["CPUExecutionProvider"], 1), exact(case)
    differs = False
    for batch in case.batches:
        found, expected = run(session, batch), run(reference, batch)
        for row in range(len(found)):
            # Adapters are multiplied by in float32, whose last place depends on the number of rows.
            tolerance = 1e-5 if case.checkpoint.spec.tasks else 0
            np.testing.assert_allclose(run(session, alone(batch, row))[0], found[row], rtol=tolerance, atol=tolerance)
        # Random weights have no accuracy to speak of: a wrong scale or order would be off by all of it.
        assert np.linalg.norm(found - expected) < 0.2 * np.linalg.norm(expected) + 0.5 * (found.shape[-1] == 1)
        differs |= bool((found != expected).any())
    assert differs


@pytest.mark.skipif(find_spec("openvino") is None, reason="needs OpenVINO")
def test_openvino(case):
    session = OpenVinoSession(load_program(case.checkpoint, masked=False, plain=True), "fp32", threads=1, callers=1)
    reference = exact(case)
    for batch in case.batches:
        np.testing.assert_allclose(run(session, batch), run(reference, batch), atol=2e-5, rtol=2e-5)
