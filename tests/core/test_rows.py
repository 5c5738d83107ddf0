"""Every curated model resolves against a hub that has its repositories' real file names."""

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper
from rapidembed.graph import buildable_architectures
from rapidembed.registry import IMAGE, TASKS, TEXT, ModelSpec, Task
from rapidembed.registry.own_code import OWN_CODE
from rapidembed.registry.static_files import STATIC_ARCHITECTURES
from safetensors.numpy import save

from tests.fakes.hub import FakeHub

TINY = Path(__file__).parents[1] / "golden" / "base"

# What lies in such repositories beside the files that are needed.
BESIDE = (
    ".gitattributes",
    "README.md",
    "pytorch_model.bin",
    "tf_model.h5",
    "rust_model.ot",
    "vocab.txt",
    "onnx/model_fp16.onnx",
    "onnx/model_quantized.onnx",
    "openvino/openvino_model.bin",
    "openvino/openvino_model.xml",
)
ROWS = [(task, row) for task in TASKS.values() for row in task.models() if not row.name.startswith("builtin:")]
DATA = ".onnx_data"
BUILT = buildable_architectures() - OWN_CODE | STATIC_ARCHITECTURES
_RESOLVE = """
import json, sys
from pathlib import Path
from rapidembed.graph import buildable_architectures
from rapidembed.hub import HubOptions, resolve
from rapidembed import registry
found = {}
for task in registry.TASKS.values():
  for row in task.models():
    if row.name.startswith("builtin:"):
      continue
    options = HubOptions(cache_dir=Path(sys.argv[1]), local_files_only=sys.argv[2] == "offline")
    checkpoint = resolve(row.name, buildable=buildable_architectures(), task=task, hub=options)
    found[f"{task.facade}/{row.name}"] = {
        "weights": checkpoint.weights,
        "spec": [checkpoint.spec.dim, checkpoint.spec.pooling, checkpoint.spec.normalize, checkpoint.spec.query_prompt],
    }
print(json.dumps(found))
"""


def write_common(repo: Path, row: ModelSpec) -> None:
    repo.mkdir(parents=True, exist_ok=True)
    for file in BESIDE:
        (repo / file).parent.mkdir(exist_ok=True)
        if not (repo / file).exists():  # another row of the same repository may need it
            (repo / file).write_bytes(b"not needed")
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (repo / file).write_bytes((TINY / file).read_bytes())
    (repo / "special_tokens_map.json").write_text("{}")
    config = {"model_type": row.architecture, "hidden_size": row.dim, "max_position_embeddings": 8192}
    (repo / "config.json").write_text(json.dumps(config))


def write_original(repo: Path, row: ModelSpec) -> None:
    """The repository of the authors, as sentence-transformers saves models."""
    write_common(repo, row)
    kinds = ["Transformer", "Pooling", *["Normalize"] * row.normalize]
    modules = [
        {"idx": i, "name": str(i), "path": f"{i}_{kind}" if i else "", "type": f"sentence_transformers.models.{kind}"}
        for i, kind in enumerate(kinds)
    ]
    (repo / "modules.json").write_text(json.dumps(modules))
    (repo / "1_Pooling").mkdir()
    flags = {"cls": "cls_token", "mean": "mean_tokens", "lasttoken": "lasttoken"}
    pooling = {"word_embedding_dimension": row.dim} | {f"pooling_mode_{flags[mode]}": True for mode in pooled(row)}
    (repo / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    (repo / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": row.max_tokens}))
    (repo / "config_sentence_transformers.json").write_text("{}")
    (repo / "model.safetensors").write_bytes(save({"x": np.zeros(1, dtype=np.float32)}))


def pooled(row: ModelSpec) -> list[str]:
    """How the original pools; an export may have done it already."""
    return ["cls"] if row.pooling == ("none",) else list(row.pooling)


def write_plain(repo: Path, row: ModelSpec) -> None:
    """The repository of a reranker, of a ColBERT or of a masked language model, as transformers alone saves it."""
    write_common(repo, row)
    config = {"hidden_size": 8, "id2label": {"0": "LABEL_0"}, "architectures": ["HF_ColBERT"], "vocab_size": row.dim}
    (repo / "config.json").write_text(json.dumps({"model_type": row.architecture} | config))
    weights = np.zeros((row.dim, 8), dtype=np.float32)
    (repo / "model.safetensors").write_bytes(save({"linear.weight": weights}))


def write_towers(repo: Path, row: ModelSpec) -> None:
    """The repository of encoders of pictures and texts, as transformers saves them."""
    write_common(repo, row)
    (repo / "config.json").write_text(
        json.dumps({"model_type": row.architecture, "vision_config": {"hidden_size": row.dim}})
    )
    (repo / "preprocessor_config.json").write_text('{"image_processor_type": "SiglipImageProcessor"}')
    (repo / "model.safetensors").write_bytes(save({"x": np.zeros(1, dtype=np.float32)}))


def write_static(repo: Path, row: ModelSpec) -> None:
    write_common(repo, row)
    (repo / "config.json").write_text(json.dumps({"model_type": "model2vec", "normalize": row.normalize}))
    header = {"embeddings": {"dtype": "F32", "shape": [1, row.dim], "data_offsets": [0, 4 * row.dim]}}
    text = json.dumps(header).encode()
    (repo / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bytes(4 * row.dim))


def write_onnx(repo: Path, row: ModelSpec) -> None:
    """The repository with fastembed's ONNX file, whose data lies beside it where the row says so."""
    write_common(repo, row)
    if row.head == "picture":
        (repo / "preprocessor_config.json").write_text('{"image_processor_type": "CLIPImageProcessor"}')
    if row.head == "page":
        kind = "SiglipImageProcessor" if row.pages else "Idefics3ImageProcessor"
        (repo / "preprocessor_config.json").write_text(json.dumps({"image_processor_type": kind}))
    path = repo / row.onnx_source.file
    path.parent.mkdir(exist_ok=True)
    tensors = []
    for file in row.onnx_source.additional_files:
        (repo / file).write_bytes(b"{}  " if file.endswith(".json") else bytes(4))
        if not file.endswith(DATA):
            continue
        tensor = TensorProto(name=file, data_type=1, dims=(1,), data_location=TensorProto.EXTERNAL)
        tensor.external_data.add(key="location", value=Path(file).name)
        tensors.append(tensor)
    for _, file in row.hybrid.files if row.hybrid else ():
        (repo / file).write_bytes(b"two layers")
    path.write_bytes(helper.make_model(helper.make_graph([], "empty", [], [], tensors)).SerializeToString())


def repositories(folder: Path) -> dict[str, Path]:
    written: dict[str, Path] = {}
    for _, row in ROWS:
        if row.onnx_source:
            repo = written.setdefault(row.onnx_source.repo, folder / row.onnx_source.repo)
            write_onnx(repo, row)
    originals: set[str] = set()
    for task, row in ROWS:
        if row.source and row.architecture in BUILT and row.source not in originals:
            originals.add(row.source)
            repo = written.setdefault(row.source, folder / row.source)
            static = row.architecture in STATIC_ARCHITECTURES
            plain = write_towers if task is IMAGE else write_plain
            (write_static if static else write_original if task is TEXT else plain)(repo, row)
    return written


def resolve_all(hub: str, cache: Path, mode: str) -> dict[str, dict]:
    done = subprocess.run(
        [sys.executable, "-c", _RESOLVE, str(cache), mode],
        env={**os.environ, "HF_ENDPOINT": hub, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"},
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def resolved(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, dict], dict[str, dict], list[str]]:
    folder = tmp_path_factory.mktemp("hub")
    with FakeHub(repositories(folder / "repositories")) as hub:
        online = resolve_all(hub.url, folder / "cache", "online")
        requests = list(hub.requests)
        hub.requests.clear()
        offline = resolve_all(hub.url, folder / "cache", "offline")
        assert hub.requests == []
    return online, offline, requests


@pytest.mark.parametrize(("task", "row"), ROWS, ids=[f"{task.facade}-{row.name}" for task, row in ROWS])
def test_row_resolves(task: Task, row: ModelSpec, resolved: tuple[dict[str, dict], dict[str, dict], list[str]]) -> None:
    online, offline, _ = resolved
    name = f"{task.facade}/{row.name}"
    found = online[name]
    built = row.source and row.architecture in BUILT
    if built:
        assert found["weights"] == ["model.safetensors"]
    else:
        data = [file for file in row.onnx_source.additional_files if file.endswith(DATA)]
        assert found["weights"] == [row.onnx_source.file, *data]
    pooling = pooled(row) if built and task is TEXT else list(row.pooling)
    assert found["spec"] == [row.dim, pooling, row.normalize, row.query_prompt]
    assert offline[name]["spec"] == found["spec"]
    assert offline[name]["weights"] == found["weights"]


def test_only_what_is_needed_is_fetched(resolved: tuple[dict[str, dict], dict[str, dict], list[str]]) -> None:
    _, _, requests = resolved
    fetched = [request for request in requests if request.startswith("GET")]
    wanted = {row.onnx_source.file for _, row in ROWS if row.onnx_source}
    for file in BESIDE:
        if file not in wanted:
            assert not any(request.endswith(f"/{file}") for request in fetched), file
    assert len(fetched) == len(set(fetched))
