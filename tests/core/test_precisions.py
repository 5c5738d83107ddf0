"""Every architecture in every precision: the graphs run, rows do not know of each other, results are near."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rapidembed.graph import RoundingPlan, load_program
from rapidembed.hub import Checkpoint
from rapidembed.registry import ModelSpec, SparseWeights
from rapidembed.runtime.backends.openvino import OpenVinoSession
from rapidembed.runtime.observation import observe
from rapidembed.runtime.session import OnnxSession

from tests.golden.architectures import GROUPS, VARIANTS


@dataclass(frozen=True)
class Case:
    """A tiny model and what it is given: batches of two rows, of several lengths."""

    checkpoint: Checkpoint
    batches: list[dict[str, Any]]


def make(group: str, name: str, folder: Path) -> Case:
    files, variant = GROUPS[group], GROUPS[group].variants[name]
    made, results = files.made[name], files.results
    stored = variant.same_as if variant.same_as and files.key(name, variant.lengths[0]) not in results else name
    spec = ModelSpec(
        name=name,
        dim=results[files.key(stored, variant.lengths[0])].shape[-1],
        head=variant.head,
        sparse=SparseWeights() if variant.head == "mlm" else None,
        tasks={} if variant.task is None else {"some task": 5},
    )
    batches = []
    for length in variant.lengths:
        given = files.inputs(name, length, made["config"])
        both = {key: np.concatenate([array, array[:, ::-1]]) for key, array in given.items()}
        batches.append(both | {"task_id": np.array(variant.task or 0, dtype=np.int64)})
    return Case(Checkpoint(spec, files.assemble(name, made, folder / "model"), ("model.safetensors",)), batches)


def _one_of_each(variants: list[tuple[str, str]]) -> list[Any]:
    """Of every architecture and head the first variant; the rest is slow."""
    seen: set[tuple[str, str]] = set()
    params = []
    for group, name in variants:
        kind = (GROUPS[group].made[name]["config"]["model_type"], GROUPS[group].variants[name].head)
        marks = [pytest.mark.slow] if kind in seen else []
        params.append(pytest.param((group, name), marks=marks, id=f"{group}-{name}"))
        seen.add(kind)
    return params


@pytest.fixture(params=_one_of_each(VARIANTS))
def case(request, tmp_path):
    return make(*request.param, tmp_path)


def run(session, batch):
    return session.run({name: batch[name] for name in session.inputs})


def alone(batch, row):
    return {name: array[row : row + 1] if array.ndim else array for name, array in batch.items()}


def exact(case):
    return OnnxSession(load_program(case.checkpoint, masked=False), ["CPUExecutionProvider"], 1)


def test_int8(case):
    seen = [batch["input_ids"] for batch in case.batches]
    rounding = RoundingPlan(8, lambda program: observe(program, [{"input_ids": ids} for ids in seen]))
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
