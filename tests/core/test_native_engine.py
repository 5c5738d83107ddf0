"""backend="native": every architecture and head of the golden files through it, beside float32, and what it refuses."""

import json
from concurrent.futures import Executor, Future
from functools import partial

import numpy as np
import pytest
from rapidembed import DeviceError, IntegrityError, NonFiniteError, UnsupportedModelError
from rapidembed.hub import Checkpoint
from rapidembed.registry import DenseLayer, Hybrid, LateInteraction, NormLayer
from rapidembed.runtime.backends import Numbers, onnxruntime, require
from rapidembed.runtime.device import Placement
from rapidembed.runtime.engine import EngineKey
from rapidembed.runtime.lease import open_engine
from rapidembed.runtime.observation import observe
from rapidembed.runtime.tokenizer import TokenIds
from safetensors.numpy import load_file, save_file

from tests.fakes.wide import wide_checkpoint
from tests.golden.architectures import GROUPS, VARIANTS

pytest.importorskip("rapidembed_native", reason="rapidembed-native is not installed: make native")

BOUNDS = {"int8": 0.03, "bf16": 0.01, "fp32": 3e-6}
"""Distance from ONNX Runtime's float32 as a share of its length; a wrong scale or order would be off by all of it."""
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
    try:
        require(Numbers(precision, "native"))
    except DeviceError as error:
        return pytest.mark.skip(reason=str(error))
    return ()


NEEDS_BF16 = pytest.mark.skipif(bool(able("bf16")), reason='backend="native" has no bf16 here')
PRECISIONS = [pytest.param(each, marks=able(each)) for each in BOUNDS]


def refused(group, name):
    words = next((words for part, words in REFUSED.items() if f"{group} {name}".find(part) >= 0), None)
    return None if group == "modernbert" or (group == "jina_bert" and not name.startswith("second")) else words


def inputs_of(group, name, checkpoint):
    files = GROUPS[group]
    for length in files.variants[name].lengths:
        given = files.inputs(name, length, dict(checkpoint.config.values))
        ids, types = (given[key][0].tolist() for key in ("input_ids", "token_type_ids"))
        yield TokenIds(ids, False, types)
        yield TokenIds(ids[::-1], False, types)


def engine(checkpoint, precision, backend="native"):
    return open_engine(EngineKey(checkpoint, CPU, 1, checkpoint.stamp(), Numbers(precision, backend)))


@pytest.fixture
def observed(monkeypatch):
    """Weights are rounded for a few tokens, which is quick."""
    seen = [{"input_ids": np.arange(3, 3 + length)[None] % 100} for length in (1, 4, 17)]
    monkeypatch.setattr(onnxruntime, "_observe", lambda program, _: observe(program, seen))


def kinds(variants):
    """The first variant of each model_type and head: rounding takes a while."""
    first = {}
    for group, name in variants:
        kind = GROUPS[group].made[name]["config"]["model_type"], GROUPS[group].variants[name].head, group
        first.setdefault(kind, (group, name))
    return list(first.values())


def marks(each, seen=set()):  # noqa: B006  # what an architecture's other heads say of int8 is little more
    """Of a variant in int8: heads beyond the first of an architecture are slow."""
    group, name = each
    kind = GROUPS[group].made[name]["config"]["model_type"]
    again = kind in seen
    seen.add(kind)
    return [*able("int8"), *([pytest.mark.slow] if again else [])]


RUN = [each for each in VARIANTS if refused(*each) is None]
CASES = [
    *(pytest.param(*each, "fp32", id="-".join((*each, "fp32")), marks=able("fp32")) for each in RUN),
    *(pytest.param(*each, "bf16", id="-".join((*each, "bf16")), marks=able("bf16")) for each in kinds(RUN)),
    *(pytest.param(*each, "int8", id="-".join((*each, "int8")), marks=marks(each)) for each in kinds(RUN)),
]
REFUSE = [pytest.param(*each, id="-".join(each)) for each in kinds(each for each in VARIANTS if refused(*each))]


POOLED = [("mean",), ("cls",), ("max",), ("lasttoken",), ("weightedmean",), ("mean_sqrt_len_tokens",), ("cls", "mean")]


def near(found, expected, bound):
    assert np.linalg.norm(found - expected) < bound * np.linalg.norm(expected)


@pytest.mark.usefixtures("observed")
@pytest.mark.parametrize(("group", "name", "precision"), CASES)
def test_every_architecture(group, name, precision, tmp_path):
    checkpoint = wide_checkpoint(group, name, tmp_path / "model")
    compare(checkpoint, list(inputs_of(group, name, checkpoint)), precision, {}, BOUNDS[precision])


@NEEDS_BF16
@pytest.mark.parametrize(("group", "name"), REFUSE)
def test_what_is_refused(group, name, tmp_path):
    checkpoint = wide_checkpoint(group, name, tmp_path / "model")
    with pytest.raises(UnsupportedModelError, match=f'backend="native".*({refused(group, name)})'):
        engine(checkpoint, "bf16")


@pytest.mark.parametrize("beyond", [pytest.param(each, marks=able("fp32")) for each in (5_000, 1 << 31)])
def test_tokens_without_a_row_are_damage(beyond, tmp_path):
    opened = engine(wide_checkpoint("bert", "roberta", tmp_path / "model"), "fp32")
    with pytest.raises(IntegrityError, match=rf"could not run roberta: .*{beyond}.* promise"):
        opened.run([TokenIds([3, beyond], False)], 2)


def compare(checkpoint, inputs, precision, extra, bound):
    """The native engine beside float32, and each input beside itself in company."""
    native, reference = engine(checkpoint, precision), engine(checkpoint, "fp32", "onnxruntime")
    together = native.run(inputs, max(item.length for item in inputs), extra)
    found, expected = [], []
    for item, row in zip(inputs, together, strict=True):
        alone = native.run_one(item, extra)[0]
        np.testing.assert_array_equal(alone, row[: len(alone)] if row.ndim == 2 else row)
        found.append(alone.ravel())
        expected.append(reference.run([item], item.length, extra)[0].ravel())
    near(np.concatenate(found), np.concatenate(expected), bound)


@pytest.mark.usefixtures("observed")
@pytest.mark.parametrize("weight", ["attention.self.key", "intermediate.dense"])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_weight_that_is_no_number(precision, weight, tmp_path):
    checkpoint = wide_checkpoint("bert", "roberta", tmp_path / "model")
    file = tmp_path / "model" / "model.safetensors"
    tensors = load_file(file)
    next(tensor for name, tensor in tensors.items() if f"{weight}.weight" in name)[1, 3] = np.nan
    save_file(tensors, file)
    with pytest.raises(NonFiniteError):
        engine(checkpoint, precision).run_one(TokenIds([0, 5, 6, 2], False, None))


@pytest.mark.parametrize("precision", PRECISIONS[2:])
def test_who_is_interrupted_takes_nothing_from_threads_that_still_begin(precision, tmp_path):
    opened = engine(wide_checkpoint("bert", "roberta", tmp_path / "model"), precision)
    opened.load()
    encoder, closed, tasks = opened._engine._loaded[0], [], []

    class Library:
        def __getattr__(self, name):
            if name == "rn_job_close":
                return closed.append
            return getattr(library, name)

    class Busy(Executor):
        def submit(self, task, /, *args, **named):
            tasks.append(partial(task, *args, **named))
            if len(tasks) > 1:
                raise KeyboardInterrupt
            return Future()

    library, encoder._library = encoder._library, Library()
    ids, offsets = np.arange(5, 25, dtype=np.int32), np.array([0, 20])
    with pytest.raises(KeyboardInterrupt):
        encoder.encode_together(ids, offsets, workers=3, pool=Busy())
    assert not closed
    assert tasks.pop()() == 0
    tasks.clear()
    assert len(closed) == 1


@NEEDS_BF16
@pytest.mark.parametrize("skipped", [0, 2])
@pytest.mark.parametrize("modes", POOLED, ids="+".join)
def test_every_pooling(modes, skipped, tmp_path):
    spec = {"head": "pool", "pooling": modes, "dim": 128 * len(modes), "include_prompt": not skipped}
    checkpoint = wide_checkpoint("bert", "roberta", tmp_path / "model", **spec)
    inputs = [item for item in inputs_of("bert", "roberta", checkpoint) if item.length > skipped]
    compare(checkpoint, inputs, "bf16", {"prompt_tokens": skipped}, 2 * BOUNDS["bf16"])


@pytest.mark.usefixtures("observed")
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("head", ["pool", "tokens", "words"])
def test_what_follows_the_encoder(head, precision, tmp_path):
    layers = (
        DenseLayer(
            path="dense", in_features=128, out_features=24, bias=True, activation="Tanh", file="model.safetensors"
        ),
        NormLayer(path="norm", width=24, file="model.safetensors"),
    )
    spec = {"head": head, "pooling": ("mean",), "dim": 24, "dense": layers}
    checkpoint = wide_checkpoint("bert", "roberta", tmp_path / "model", **spec)
    values = np.random.RandomState(1).standard_normal
    files = {
        "dense": {"linear.weight": values((24, 128)) / 8, "linear.bias": values(24)},
        "norm": {"norm.weight": values(24), "norm.bias": values(24)},
    }
    for name, tensors in files.items():
        (checkpoint.root / name).mkdir()
        tensors = {key: tensor.astype(np.float32) for key, tensor in tensors.items()}
        save_file(tensors, checkpoint.root / name / "model.safetensors")
    compare(checkpoint, list(inputs_of("bert", "roberta", checkpoint)), precision, {}, 2 * BOUNDS[precision])


@pytest.mark.usefixtures("observed")
@pytest.mark.parametrize("precision", PRECISIONS)
def test_hybrid(precision, tmp_path):
    spec = {"head": "hybrid", "dim": 128, "hybrid": Hybrid(vectors="v.safetensors", weights="w.safetensors")}
    checkpoint = wide_checkpoint("bert", "roberta", tmp_path / "model", **spec)
    values = np.random.RandomState(1).standard_normal
    for name, width in (("v", 128), ("w", 1)):
        tensors = {"weight": values((width, 128)) / 8, "bias": values(width)}
        path = checkpoint.root / f"{name}.safetensors"
        save_file({key: tensor.astype(np.float32) for key, tensor in tensors.items()}, path)
    inputs = [item for item in inputs_of("bert", "roberta", checkpoint) if item.length > 1]
    compare(checkpoint, inputs, precision, {}, BOUNDS[precision])


@pytest.mark.usefixtures("observed")
@pytest.mark.parametrize("precision", PRECISIONS)
def test_filling_is_not_seen(precision, tmp_path):
    spec = {"head": "tokens", "dim": 128, "late": LateInteraction(expansion_length=8)}
    checkpoint = wide_checkpoint("bert", "roberta", tmp_path / "model", **spec)
    counts = ((3, 5), (7, 1), (8, 0))
    inputs = [TokenIds([*range(3, 3 + text), *[9] * filling], False, attended=text) for text, filling in counts]
    compare(checkpoint, inputs, precision, {}, BOUNDS[precision])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"head": "attention", "dim": 1}, "does not compute the head 'attention'"),
        ({"tasks": {"one": 1}}, "does not compute adapters"),
    ],
)
@NEEDS_BF16
def test_heads_that_are_refused(changes, words, tmp_path):
    checkpoint = wide_checkpoint("bert", "roberta", tmp_path / "model", **changes)
    with pytest.raises(UnsupportedModelError, match=words):
        engine(checkpoint, "bf16")


@NEEDS_BF16
def test_sizes_that_are_refused(tmp_path):
    folder = GROUPS["bert"].assemble("roberta", GROUPS["bert"].made["roberta"], tmp_path / "narrow")
    checkpoint = wide_checkpoint("bert", "roberta", tmp_path / "wide")
    narrow = Checkpoint(checkpoint.spec, folder, checkpoint.weights)
    with pytest.raises(UnsupportedModelError, match="multiples of 64, got 16 and 16"):
        engine(narrow, "bf16")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"hidden_act": "mish"}), encoding="utf-8")
    with pytest.raises(UnsupportedModelError, match="hidden_act='mish' is unknown"):
        engine(narrow, "bf16")
