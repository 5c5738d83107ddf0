"""Models whose disk, folder, files or numbers are not what they should be."""

import json
import os
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from rapidembed import DeviceError, IntegrityError, NonFiniteError, RapidEmbedError, TextEmbedding
from safetensors.numpy import load_file, save_file

from tests.fakes.hub import FakeHub
from tests.fakes.in_use import linux, refused
from tests.fakes.onnx_models import VOCABULARY, WIDTH
from tests.fakes.process import printed, start
from tests.fakes.tiny import NAME, TINY, Row
from tests.fuzz.models import BASES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
FOLDERS = TINY.with_name("folders")


@linux
def test_disk_full(tmp_path: Path, row: Row) -> None:
    """The disk is full amid a download."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))"
    with FakeHub({NAME: TINY}) as hub:
        found = start(hub.url, tmp_path / "cache", before=limit, model_name=NAME)
        again = start(hub.url, tmp_path / "cache", model_name=NAME)
    assert found["error"] == "DownloadError", found
    assert "vector" in again
    row(29, "an error; with room, the next start succeeds", f"{found['error']} after {found['seconds']:.1f} s")


def test_no_links(tmp_path: Path, row: Row) -> None:
    """The system has no symbolic links."""
    none = "import os\ndef refuse(*_, **__): raise OSError(1, 'no links here')\nos.symlink = refuse"
    with FakeHub({NAME: TINY}) as hub:
        found = start(hub.url, tmp_path / "cache", before=none, model_name=NAME)
    assert "vector" in found, found
    links = [path for path in (tmp_path / "cache").rglob("*") if path.is_symlink()]
    assert links == []
    row(32, "copies, works", f"{len(links)} links")


@pytest.mark.parametrize("home", ["/nonexistent", ""])
def test_no_home(row: Row, home: str) -> None:
    """HOME is missing."""
    script = "from rapidembed import TextEmbedding\nprint(TextEmbedding(TINY).encode('x').shape)"
    environment = {"HOME": home, "XDG_CACHE_HOME": "", "RAPIDEMBED_CACHE_DIR": ""}
    assert printed(script, **environment) == ["(32,)"]
    row(33, f"a folder is loaded (HOME={home or 'empty'})", "loads")


def test_moved_branch(tmp_path: Path, row: Row) -> None:
    """The repository's main branch moves on."""
    with FakeHub({NAME: TINY}) as hub:
        first = start(hub.url, tmp_path / "cache", model_name=NAME, revision=hub.commit)
        old, hub.commit = hub.commit, "f" * 40
        second = start(hub.url, tmp_path / "cache", model_name=NAME, revision=old)
    difference = np.abs(np.subtract(first["vector"], second["vector"])).max()
    assert first["revision"] == second["revision"] == old
    assert difference == 0
    row(35, "the pinned revision is used", f"largest difference {difference:.0f}")


def test_onnx_garbage(tmp_path: Path, row: Row) -> None:
    """An ONNX file is garbage, of the future, or wants other inputs."""
    import onnx

    def spoiled(number: int) -> Path:
        folder = tmp_path / str(number)
        BASES["onnx"].make(folder)
        path = folder / "onnx" / "model.onnx"
        graph = onnx.load_model_from_string(path.read_bytes())
        if number == 0:
            path.write_bytes(b"garbage" * 100)
            return folder
        if number == 1:
            graph.opset_import[0].version = 999
        if number == 2:
            graph.graph.input[0].name = "strange"
        if number == 3:
            graph.graph.node[0].op_type = "NoSuchOperator"
        path.write_bytes(graph.SerializeToString())
        return folder

    calls = {str(i): (lambda i=i: TextEmbedding(spoiled(i)).encode("x")) for i in range(4)}
    row(36, "an error of ours, the runtime's as its cause", refused(calls, RapidEmbedError))


def test_hostile_folders(tmp_path: Path, row: Row) -> None:
    """A folder's files are hostile."""
    from tests.fuzz.attempt import attempt

    here, count = Path.cwd(), 150
    try:
        for seed in range(10_000_000, 10_000_000 + count):
            (tmp_path / str(seed)).mkdir()
            assert attempt(seed, tmp_path / str(seed)).wrong == "", seed
    finally:
        os.chdir(here)
    row(27, "vectors or an error of ours, nothing else touched; docs/fuzzing.md has more", f"{count}/{count}")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none(folder: Path, row: Row, value: float) -> None:
    """Weights are NaN or infinite."""
    weights = load_file(folder / "model.safetensors")
    name = "encoder.layer.0.output.dense.bias"
    weights[name] = np.full_like(weights[name], value)
    save_file(weights, folder / "model.safetensors")
    with TextEmbedding(folder) as model:
        calls = {"one": lambda: model.encode("x"), "many": lambda: model.encode(["x", "y z"] * 9)}
        found = refused(calls, NonFiniteError)
    row(37, f"an error that names the rows ({value})", found)


def test_any_batch(row: Row) -> None:
    """The same texts alone, in batches, in any order."""
    texts = [" ".join(["the quick fox hello world lazy"] * (i % 5))[: 3 + 7 * i] for i in range(40)]
    worst = 0.0
    for name in ("bert", "roberta", "albert", "mpnet", "qwen3", "deberta-v2", "gemma3_text", "static"):
        with TextEmbedding(FOLDERS / name) as model, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            together = model.encode(texts)
            alone = np.stack([model.encode(text) for text in texts])
            back = model.encode(texts[::-1], batch_size=7)[::-1]
            worst = max(worst, float(np.abs(together - alone).max()), float(np.abs(together - back).max()))
    assert worst < 1e-5
    row(44, "the same vectors", f"largest difference of 8 models {worst:.0e}")


def test_one_scale_for_a_batch(tmp_path: Path, row: Row) -> None:
    """An ONNX file quantizes a whole batch by one scale, so that texts change each other."""
    import onnx
    import onnxruntime as ort

    BASES["onnx"].make(tmp_path / "model")
    path = tmp_path / "model" / "onnx" / "model.onnx"
    graph = onnx.load_model_from_string(path.read_bytes())
    graph.graph.node[0].output[0] = "exact"
    scale = ["q", "scale", "zero"]
    graph.graph.node.append(onnx.helper.make_node("DynamicQuantizeLinear", ["exact"], scale))
    graph.graph.node.append(onnx.helper.make_node("DequantizeLinear", scale, ["last_hidden_state"]))
    path.write_bytes(graph.SerializeToString())
    table = np.random.default_rng(46).normal(size=(VOCABULARY, WIDTH)) * np.linspace(0.1, 9, VOCABULARY)[:, None]
    (path.parent / "data").write_bytes(table.astype(np.float32).tobytes())
    ids = np.array([[3, 4], [250, 251]])
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    raw = [session.run(None, {"input_ids": each, "attention_mask": np.ones_like(each)})[0] for each in (ids, ids[:1])]
    texts = [" ".join(["the quick fox hello world lazy dog"] * (1 + i % 5))[: 5 + 9 * i] for i in range(30)]
    with TextEmbedding(tmp_path / "model") as model:
        drift = float(np.abs(model.encode(texts) - np.stack([model.encode(text) for text in texts])).max())
    theirs = float(np.abs(raw[0][:1] - raw[1]).max())
    assert theirs > 0.01
    assert drift == 0
    row(46, "runs text by text", f"largest difference {drift:.0e}; in a batch it would be {theirs:.0e}")


def test_damaged_model_is_told_once(folder: Path, row: Row) -> None:
    """Facts of a model contradict each other."""
    calls = {}
    for number, (file, change) in enumerate(
        [("1_Pooling/config.json", {"embedding_dimension": 31}), ("config.json", {"hidden_size": 64})]
    ):
        copied = Path(shutil.copytree(folder, folder.parent / f"wrong-{number}"))
        (copied / file).write_text(json.dumps(json.loads((copied / file).read_text()) | change))
        calls[file] = lambda copied=copied: TextEmbedding(copied)
    row(34, "an error at load that names the file", refused(calls, IntegrityError))


def test_no_such_device(row: Row) -> None:
    """A device or provider is asked for that is not there."""
    calls = {
        "cuda": lambda: TextEmbedding(TINY, device="cuda"),
        "cuda=True": lambda: TextEmbedding(TINY, cuda=True),
        "provider": lambda: TextEmbedding(TINY, providers=["NoSuchExecutionProvider"]),
    }
    row(60, "an error, never another device in silence", refused(calls, DeviceError))
    ninth = {"device": lambda: TextEmbedding(TINY, device="cuda:9"), "ids": lambda: TextEmbedding(TINY, device_ids=[9])}
    row(61, "device 9: an error that names it", refused(ninth, DeviceError, "9"))
