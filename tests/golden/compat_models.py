"""A folder for every model that fastembed knows, in its layout, with arithmetic in place of weights."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from rapidembed.registry import ModelSpec
from rapidembed.registry.catalog import curated
from safetensors.numpy import save_file

from tests.golden.tiny import write_tokenizer

HERE = Path(__file__).parent
VOCABULARY, WIDTH, WIDE = 256, 6, 512
LIMIT, STRICTER = 24, 16
"""Both limits of tokenizer_config.json; some models have the second."""
TEXTS = [
    "hello world",
    "The quick brown fox jumps over the lazy dog, and the dog jumps over the fox!",
    "",
    "topic: [MASK] creme strasse. [PAD] hello?",
    "quick " * 40,
    "日本 a b c 0 1 2",
]
QUERIES = ["hello", "quick brown fox jumps over the lazy dog and the world " * 2, "what? a fox!"]
PAIRS = [(query, text) for query in QUERIES for text in TEXTS]
ROBERTA = ("jinaai/jina-colbert-v2", "lightonai/mLateOn")
TWO_LIMITS = ("sentence-transformers/all-MiniLM-L6-v2", "thenlper/gte-large", "Qdrant/bm42-all-minilm-l6-v2-attentions")
STATIC = "minishlab/"

Graph = list[Any]


def rows() -> dict[str, list[ModelSpec]]:
    """Every curated model by the data file it is in."""
    return {file: list(curated(file)) for file in ("dense", "sparse", "late_interaction", "rerank", "token_vectors")}


def assemble(spec: ModelSpec, folder: Path) -> Path:
    """Write a model into ``folder``."""
    folder.mkdir(parents=True)
    write_tokenizer("roberta" if spec.name in ROBERTA else "bert", folder, LIMIT)
    if spec.name in TWO_LIMITS:
        _change(folder / "tokenizer_config.json", max_length=STRICTER)
    config = {"model_type": "bert", "hidden_size": WIDTH, "pad_token_id": 0, "max_position_embeddings": 4 * LIMIT}
    (folder / "config.json").write_text(json.dumps(config))
    if spec.onnx_source is None:
        table = _values(VOCABULARY, spec.dim, seed=1)
        save_file({"embeddings": table}, folder / "model.safetensors")
        (folder / "config.json").write_text(json.dumps({"model_type": "model2vec", "normalize": True}))
        return folder
    path = folder / spec.onnx_source.file
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(_GRAPHS[spec.head](spec).SerializeToString())
    for name in spec.onnx_source.additional_files:
        _write_additional(folder / name)
    return folder


def _write_additional(path: Path) -> None:
    if path.name == "stopwords.txt":
        path.write_text("the\nand\nover\n")
    elif path.name == "idf.json":
        vocabulary = json.loads((path.parent / "tokenizer.json").read_text())["model"]["vocab"]
        path.write_text(json.dumps({token: 1 + number / 64 for token, number in vocabulary.items()}))
    elif path.name.endswith(".vocab"):
        words = ["fox", "dog", "quick", "world"]
        path.write_text(json.dumps({"vocab": words, "stem_mapping": {"jump": "fox"}}))
    elif path.name.endswith(".npy"):
        np.save(path, _values(5, WIDE, 4, seed=3))
    else:
        path.write_bytes(b"")


def _model(spec: ModelSpec, nodes: Graph, outputs: list[tuple[str, list[Any]]], **tables: NDArray[Any]) -> Any:
    """A graph over token ids and mask, with ``hidden``, (batch, tokens, width), that depends on both."""
    wide = WIDE if spec.head == "words" else WIDTH
    given = ["input_ids", "attention_mask"]
    if spec.head == "classification":
        given.append("token_type_ids")
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"]) for name in given]
    task = []
    if spec.tasks:
        inputs.append(helper.make_tensor_value_info("task_id", TensorProto.INT64, []))
        task = [
            helper.make_node("Cast", ["task_id"], ["task"], to=TensorProto.FLOAT),
            helper.make_node("Sin", ["task"], ["turned"]),
            helper.make_node("Mul", ["turned", "row"], ["by_task"]),
        ]
    stored = {"table": _values(VOCABULARY, wide, seed=1), "size": np.array(VOCABULARY), "half": np.float32(0.5)}
    stored |= {"axis": np.array([1]), "last": np.array([2]), "row": _values(wide, seed=4)}
    shared = [
        helper.make_node("Mod", ["input_ids", "size"], ["known"]),
        helper.make_node("Gather", ["table", "known"], ["words"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["mask3"]),
        helper.make_node("Mul", ["words", "mask3"], ["seen"]),
        helper.make_node("ReduceSum", ["seen", "axis"], ["sum"], keepdims=1),
        helper.make_node("ReduceSum", ["mask3", "axis"], ["count"], keepdims=1),
        helper.make_node("Div", ["sum", "count"], ["mean"]),
        helper.make_node("Mul", ["mean", "half"], ["context"]),
        helper.make_node("Add", ["words", "context"], ["untasked" if task else "hidden"]),
        *task,
        *([helper.make_node("Add", ["untasked", "by_task"], ["hidden"])] if task else []),
    ]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs]
    read = {name for node in [*shared, *nodes] for name in node.input}
    stored = {name: value for name, value in (stored | tables).items() if name in read}
    weights = [numpy_helper.from_array(np.asarray(value), name) for name, value in stored.items()]
    graph = helper.make_graph([*shared, *nodes], "arithmetic", inputs, values, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def _dense(spec: ModelSpec) -> Any:
    wide = WIDE if spec.head == "words" else WIDTH
    nodes = [helper.make_node("Identity", ["hidden"], ["last_hidden_state"])]
    outputs: list[tuple[str, list[Any]]] = [("last_hidden_state", ["batch", "tokens", wide])]
    if spec.pooling == ("none",) and spec.head == "pool":
        pooled = spec.output if isinstance(spec.output, str) else "pooled"
        nodes += [
            helper.make_node("Gather", ["hidden", "end"], ["final"], axis=1),
            helper.make_node("Squeeze", ["mean", "axis"], ["flat"]),
            # What pads every text to a length reads the last token too.
            helper.make_node("Add", ["final" if spec.fixed_tokens else "flat", "flat"], [pooled]),
        ]
        outputs = [*outputs, (pooled, ["batch", wide])] if spec.output else [(pooled, ["batch", wide])]
    return _model(spec, nodes, outputs, end=np.array(-1))


def _logits(spec: ModelSpec) -> Any:
    node = helper.make_node("MatMul", ["hidden", "to_words"], ["logits"])
    return _model(
        spec, [node], [("logits", ["batch", "tokens", VOCABULARY])], to_words=_values(WIDTH, VOCABULARY, seed=2)
    )


def _attention(spec: ModelSpec) -> Any:
    nodes = [
        helper.make_node("Transpose", ["hidden"], ["turned"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["hidden", "turned"], ["products"]),
        helper.make_node("Unsqueeze", ["mask", "axis"], ["columns"]),
        helper.make_node("Sub", ["columns", "one"], ["hole"]),
        helper.make_node("Mul", ["hole", "much"], ["away"]),
        helper.make_node("Add", ["products", "away"], ["heard"]),
        helper.make_node("Softmax", ["heard"], ["one_head"], axis=-1),
        helper.make_node("Unsqueeze", ["one_head", "axis"], ["head"]),
        helper.make_node("Mul", ["head", "shares"], ["attention_6"]),
    ]
    shares = np.array([0.5, 1.5], np.float32).reshape(1, 2, 1, 1)
    tables = {"one": np.float32(1), "much": np.float32(1e4), "shares": shares}
    return _model(spec, nodes, [("attention_6", ["batch", 2, "tokens", "tokens"])], **tables)


def _scores(spec: ModelSpec) -> Any:
    nodes = [
        helper.make_node("Cast", ["token_type_ids"], ["types"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["types", "mask"], ["second"]),
        helper.make_node("Unsqueeze", ["second", "last"], ["second3"]),
        helper.make_node("Mul", ["hidden", "second3"], ["documents"]),
        helper.make_node("ReduceSum", ["documents", "axis"], ["document"], keepdims=0),
        helper.make_node("Squeeze", ["mean", "axis"], ["flat"]),
        helper.make_node("Add", ["document", "flat"], ["both"]),
        helper.make_node("MatMul", ["both", "to_score"], ["logits"]),
    ]
    return _model(spec, nodes, [("logits", ["batch", 1])], to_score=_values(WIDTH, 1, seed=2))


_GRAPHS: dict[str, Callable[[ModelSpec], Any]] = {
    "pool": _dense,
    "tokens": _dense,
    "words": _dense,
    "mlm": _logits,
    "attention": _attention,
    "classification": _scores,
}


def _values(*shape: int, seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def _change(file: Path, **values: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | values))
