"""``rapidembed compile``: folders that build nothing, and refuse CPUs that they are not for."""

import json
from pathlib import Path

import numpy as np
import pytest
from rapidembed import DeviceError, IntegrityError, SparseTextEmbedding, TextCrossEncoder, TextEmbedding
from rapidembed.cli import report
from rapidembed.graph.compiled import RECORD
from rapidembed.tasks import arithmetic

from tests.cli.conftest import TINY, Run
from tests.golden import static_variants
from tests.golden.heads import PAIRS, RERANKERS, SPLADES, assemble_reranker, assemble_splade

TEXTS = ["hello world", "the lazy dog", "a fox, a dog"]
PRECISIONS = {"fp32": [], "int8": ["--precision", "int8"], "bf16": ["--precision", "bf16", "--backend", "openvino"]}


@pytest.fixture
def barren(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine that cannot build, and has nowhere to keep what was built."""
    (tmp_path / "nowhere").write_text("a file")
    monkeypatch.setenv("RAPIDEMBED_CACHE_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setattr("rapidembed.graph.build.build", lambda *_, **__: pytest.fail("something is built"))
    monkeypatch.setattr("rapidembed.runtime.observation.observe", lambda *_: pytest.fail("something is observed"))


@pytest.fixture
def few_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report reads one package of the standard library, and a few of its texts."""
    monkeypatch.setattr(report, "_TEXTS", 8)
    monkeypatch.setattr(report.sysconfig, "get_path", lambda name: str(Path(json.__file__).parent))


@pytest.fixture
def folder(run: Run, tmp_path: Path) -> Path:
    run("compile", str(TINY), "--precision", "int8", "--out", str(tmp_path / "out"))
    return tmp_path / "out"


@pytest.mark.parametrize("name", PRECISIONS)
def test_a_folder_builds_nothing(run: Run, name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if name == "bf16" and "BF16" not in pytest.importorskip("rapidembed.runtime.backends.openvino").capabilities():
        pytest.skip("this CPU has no bfloat16")
    said = run("compile", str(TINY), *PRECISIONS[name], "--out", str(tmp_path / "out")).stdout
    assert f"precision  {name}" in said
    backend = "openvino" if name == "bf16" else "onnxruntime"
    with TextEmbedding(str(TINY), precision=name, backend=backend) as source:
        expected, fingerprint = source.encode(TEXTS), source.fingerprint
    request.getfixturevalue("barren")
    with TextEmbedding(str(tmp_path / "out")) as model:
        np.testing.assert_array_equal(model.encode(TEXTS), expected)
        assert (model.info.precision, model.info.backend) == (name, backend)
        assert model.fingerprint == fingerprint


def test_other_heads(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    reranker = assemble_reranker(RERANKERS["plain"], tmp_path / "reranker")
    splade = assemble_splade(next(iter(SPLADES.values())), tmp_path / "splade")
    for task, source in (("rerank", reranker), ("sparse", splade)):
        run("compile", str(source), "--task", task, "--precision", "int8", "--out", str(tmp_path / task))
    with TextCrossEncoder(reranker, precision="int8") as model:
        scores = model.score_pairs(PAIRS[:3])
    with SparseTextEmbedding(splade, precision="int8") as model:
        weights = model.encode_document(TEXTS)
    request.getfixturevalue("barren")
    with TextCrossEncoder(str(tmp_path / "rerank")) as model:
        np.testing.assert_array_equal(model.score_pairs(PAIRS[:3]), scores)
    with SparseTextEmbedding(str(tmp_path / "sparse")) as model:
        assert model.encode_document(TEXTS) == weights


def test_it_refuses_another_kind_of_cpu(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic, "integer_kind", lambda: "aarch64")
    with pytest.raises(
        DeviceError, match=r"compiled for CPUs of the kind .*, this one is aarch64. Compile the model on"
    ):
        TextEmbedding(str(folder))
    with TextEmbedding(str(folder), precision="fp32") as model, TextEmbedding(str(TINY)) as exact:
        np.testing.assert_array_equal(model.encode(TEXTS), exact.encode(TEXTS))


def test_other_precisions_are_still_to_be_had(folder: Path) -> None:
    with TextEmbedding(str(folder), precision="fp32") as model, TextEmbedding(str(TINY)) as exact:
        np.testing.assert_array_equal(model.encode(TEXTS), exact.encode(TEXTS))
        assert model.info.precision == "fp32"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (RECORD, b"{", r"rapidembed\.json is damaged .*Compile the model again"),
        (RECORD, b'{"precision": "int8"}', r"rapidembed\.json is damaged"),
        ("rapidembed.graph", b"garbage", r"rapidembed\.graph is missing or damaged"),
        ("rapidembed.weights", b"garbage", r"rapidembed\.weights is missing or damaged"),
        ("rapidembed.weights", None, r"rapidembed\.weights is missing or damaged"),
    ],
)
def test_damage_is_named(folder: Path, name: str, content: bytes | None, message: str) -> None:
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(IntegrityError, match=message):
        TextEmbedding(str(folder))


def test_other_weights_beside_the_graph_are_noticed(folder: Path) -> None:
    record = json.loads((folder / RECORD).read_text())
    (folder / RECORD).write_text(json.dumps(record | {"layout": "0"}))
    with pytest.raises(IntegrityError, match="compiled from other weights"):
        TextEmbedding(str(folder))


# Refusals


def refused(run: Run, code: int, *arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == code, result.output
    return result.stderr


def test_a_folder_that_holds_something_is_left_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    said = refused(run, 1, "compile", str(TINY), "--out", str(tmp_path))
    assert "is not empty; name a new folder" in said
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_models_without_a_graph_are_refused(run: Run, tmp_path: Path) -> None:
    static = static_variants.assemble(static_variants.VARIANTS["float32"], tmp_path / "static")
    assert "needs no graph to be built" in refused(run, 1, "compile", str(static), "--out", str(tmp_path / "out"))
    assert "counts words" in refused(run, 2, "compile", "Qdrant/bm25", "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


# The report


@pytest.mark.usefixtures("few_texts")
def test_a_report(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    arguments = ["--precision", "int8", "--out", str(tmp_path / "out"), "--report", str(tmp_path / "report")]
    run("compile", str(TINY), *arguments)
    rows = json.loads((tmp_path / "report" / "report.json").read_text())["rows"]
    exact, compiled = rows["fp32, onnxruntime"], rows["int8, onnxruntime (compiled)"]
    assert exact["cosine_mean"] == pytest.approx(1)
    assert 0.9 < compiled["cosine_mean"] < 0.9999999
    assert min(compiled["texts_per_s"], compiled["query_ms"], compiled["size_mb"] - exact["size_mb"]) > 0
    assert "| int8, onnxruntime (compiled) |" in (tmp_path / "report" / "report.md").read_text()
    assert (tmp_path / "report" / "report.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("few_texts")
def test_a_report_without_matplotlib(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report.importlib.util, "find_spec", lambda name: None)
    said = run("compile", str(TINY), "--out", str(tmp_path / "out"), "--report", str(tmp_path / "report")).stdout
    assert "report.png needs matplotlib: pip install 'rapidembed[report]'" in said
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == ["report.json", "report.md"]


def test_a_report_is_of_dense_vectors(run: Run, tmp_path: Path) -> None:
    arguments = ["--task", "rerank", "--out", str(tmp_path / "out"), "--report", str(tmp_path / "report")]
    assert "--report is for dense vectors" in refused(run, 2, "compile", str(TINY), *arguments)
