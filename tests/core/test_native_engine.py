"""backend="native": every architecture and head of the golden files through it, beside float32, and what it refuses."""

import numpy as np
import pytest
from rapidembed import UnsupportedModelError
from rapidembed.runtime.backends import Numbers, onnxruntime, require
from rapidembed.runtime.device import Placement
from rapidembed.runtime.engine import EngineKey
from rapidembed.runtime.observation import observe
from rapidembed.runtime.onnx_engine import OnnxEngine
from rapidembed.runtime.tokenizer import TokenIds

from tests.fakes.wide import wide_checkpoint
from tests.golden.architectures import GROUPS, VARIANTS

pytest.importorskip("rapidembed_native", reason="rapidembed-native is not installed: make native")

CPU = Placement("cpu", (("CPUExecutionProvider",),))
REFUSED = {
    "albert": "model_type 'albert'",
    "deberta": "model_type 'deberta-v2'",
    "gemma3_text": "model_type 'gemma3_text'",
    "qwen3": "model_type 'qwen3'",
    "jina_embeddings_v3": "model_type|adapters",
    "second": "norms of queries and keys",
}


def able(precision):
    from rapidembed import DeviceError

    try:
        require(Numbers(precision, "native"))
    except DeviceError as error:
        return pytest.mark.skip(reason=str(error))
    return ()


PRECISIONS = [pytest.param(each, marks=able(each)) for each in ("int8", "bf16")]


def refused(group, name):
    words = next((words for part, words in REFUSED.items() if f"{group} {name}".find(part) >= 0), None)
    return None if group == "modernbert" or (group == "jina_bert" and not name.startswith("second")) else words


def texts(group, name, checkpoint):
    files = GROUPS[group]
    for length in files.variants[name].lengths:
        given = files.inputs(name, length, dict(checkpoint.config.values))
        ids, types = (given[key][0].tolist() for key in ("input_ids", "token_type_ids"))
        yield TokenIds(ids, False, types)
        yield TokenIds(ids[::-1], False, types)


def engine(checkpoint, precision, backend="native"):
    from rapidembed.runtime.lease import open_engine

    return open_engine(EngineKey(checkpoint, CPU, 1, checkpoint.stamp(), Numbers(precision, backend)))


@pytest.fixture
def observed(monkeypatch):
    """Weights are rounded for a few tokens, which is quick."""
    seen = [np.arange(3, 3 + length)[None] % 100 for length in (1, 4, 17)]
    monkeypatch.setattr(onnxruntime, "_observe", lambda program, _: observe(program, seen))


def kinds(variants):
    """The first variant of each model_type and head: rounding takes a while."""
    first = {}
    for group, name in variants:
        kind = GROUPS[group].made[name]["config"]["model_type"], GROUPS[group].variants[name].head, group
        first.setdefault(kind, (group, name))
    return list(first.values())


RUN = [each for each in VARIANTS if refused(*each) is None]
CASES = [
    *(pytest.param(*each, "bf16", id="-".join((*each, "bf16")), marks=able("bf16")) for each in RUN),
    *(pytest.param(*each, "int8", id="-".join((*each, "int8")), marks=able("int8")) for each in kinds(RUN)),
]
REFUSE = [pytest.param(*each, id="-".join(each)) for each in kinds(each for each in VARIANTS if refused(*each))]


def near(found, expected, bound):
    distance = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    print(round(float(distance), 5))
    assert distance < bound


@pytest.mark.usefixtures("observed")
@pytest.mark.parametrize(("group", "name", "precision"), CASES)
def test_every_architecture(group, name, precision, tmp_path):
    checkpoint = wide_checkpoint(group, name, tmp_path / "model")
    inputs = list(texts(group, name, checkpoint))
    native, reference = engine(checkpoint, precision), engine(checkpoint, "fp32", "onnxruntime")
    assert isinstance(reference, OnnxEngine)
    together = native.run(inputs, max(item.length for item in inputs))
    for item, row in zip(inputs, together, strict=True):
        alone = native.run([item], item.length)[0]
        if row.ndim == 2:
            row = row[: item.length]
        np.testing.assert_array_equal(alone, row)
    expected = [reference.run([item], item.length)[0].ravel() for item in inputs]
    found = [native.run([item], item.length)[0].ravel() for item in inputs]
    near(np.concatenate(found), np.concatenate(expected), {"int8": 0.1, "bf16": 0.03}[precision])


@pytest.mark.parametrize(("group", "name"), REFUSE)
def test_what_is_refused(group, name, tmp_path):
    checkpoint = wide_checkpoint(group, name, tmp_path / "model")
    with pytest.raises(UnsupportedModelError, match=f'backend="native".*({refused(group, name)})'):
        engine(checkpoint, "bf16")
