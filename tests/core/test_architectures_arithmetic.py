"""Every architecture in 8-bit integers, and in standard operators only, against transformers' float32."""

import numpy as np
import pytest
from rapidembed.graph import Rounding, load_program
from rapidembed.hub import Checkpoint
from rapidembed.runtime.session import OnnxSession, observe

from tests.core import test_architectures as first
from tests.core import test_architectures_2 as second
from tests.golden import architectures_2
from tests.golden.architectures import assemble, rows

ROUNDED = {"rounding": Rounding(8, observe)}
PLAIN = {"plain": True}
LEAST_COSINE = 0.99


def session(folder, spec, arithmetic):
    program = load_program(Checkpoint(spec, folder, ("model.safetensors",)), masked=False, **arithmetic)
    return OnnxSession(program, first.CPU, 1)


def of_first(name, tmp_path, arithmetic):
    """Found and expected, for each row of token ids."""
    folder = assemble(first.VARIANTS[name], first.MADE[name], tmp_path / "model")
    expected = first.reference(name)
    return first.alone(session(folder, first.spec(name, expected[0].shape[-1]), arithmetic), name), expected


def of_second(architecture, name, tmp_path, arithmetic):
    folder = architectures_2.write_model(**second.DESCRIBED[architecture][name], folder=tmp_path / "model")
    variant = second.VARIANTS[architecture][name]
    loaded = session(folder, second.spec_of(architecture, name), arithmetic)
    found = [second.run(loaded, architectures_2.inputs(variant, length), variant.task)[0] for length in variant.lengths]
    return found, [second.expected(architecture, name, length) for length in variant.lengths]


def close_in_direction(found, expected):
    exactly = True
    for one, other in zip(found, expected, strict=True):
        one, other = np.ravel(one), np.ravel(other)
        if len(one) > 1:
            assert one @ other >= LEAST_COSINE * np.linalg.norm(one) * np.linalg.norm(other)
        exactly &= np.allclose(one, other, atol=1e-6, rtol=0)
    assert not exactly  # integers took part


@pytest.mark.parametrize("name", first.VARIANTS)
def test_integers(name, tmp_path):
    assert len(rows(first.VARIANTS[name])) > 0
    close_in_direction(*of_first(name, tmp_path, ROUNDED))


@pytest.mark.parametrize("name", first.VARIANTS)
def test_standard_operators(name, tmp_path):
    first.close(*of_first(name, tmp_path, PLAIN))


@pytest.mark.parametrize(("architecture", "name"), second.ALL)
def test_integers_2(architecture, name, tmp_path):
    close_in_direction(*of_second(architecture, name, tmp_path, ROUNDED))


@pytest.mark.parametrize(("architecture", "name"), second.ALL)
def test_standard_operators_2(architecture, name, tmp_path):
    for found, expected in zip(*of_second(architecture, name, tmp_path, PLAIN), strict=True):
        second.close(found, expected)
