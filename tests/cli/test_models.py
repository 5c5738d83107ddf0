"""``models``, ``info``, ``pull`` and ``cache``: which models there are, and which are here."""

import json
import re
from pathlib import Path

import pytest
import rapidembed
from rapidembed import TextEmbedding
from rapidembed.registry import TASKS

from tests.cli.conftest import NAME, TINY, Program, Run, environment
from tests.fakes.hub import COMMIT, FakeHub
from tests.golden.hybrid import assemble as assemble_hybrid

RERANKER = "jinaai/jina-reranker-v2-base-multilingual"
GRAPH = "a graph built here for bert, over the original weights"

# models


def names(run: Run, *words: object) -> list[str]:
    result = run("models", "--json", *words)
    assert result.exit_code == 0
    return [model["model"] for model in json.loads(result.stdout)]


def test_all_curated_models_are_listed(run: Run) -> None:
    facades = [getattr(rapidembed, task.facade) for task in TASKS.values()]
    expected = [model["model"] for facade in facades for model in facade.list_supported_models()]
    assert names(run) == expected
    lines = run("models").stdout.splitlines()
    assert lines[0].split() == ["MODEL", "TASK", "DIM", "TOKENS", "SIZE", "LICENSE", "CACHED", "LANGUAGES"]
    assert [line.split()[0] for line in lines[1:]] == expected
    assert re.search(
        r"^BAAI/bge-small-en-v1\.5 +text +384 +512 +67\.0 MB +mit +English$", "\n".join(lines), re.MULTILINE
    )


def test_filters(run: Run) -> None:
    assert names(run, "bge", "SMALL", "zh") == ["BAAI/bge-small-zh-v1.5"]
    assert names(run, "--language", "german") == ["jinaai/jina-embeddings-v2-base-de", "Qdrant/bm25"]
    assert names(run, "--license", "cc-by-nc-4.0") == ["jinaai/jina-embeddings-v3", "jinaai/jina-colbert-v2", RERANKER]
    assert names(run, "--license", "cc-by-nc-4.0", "--task", "rerank") == [RERANKER]
    assert names(run, "--dim", 512, "chinese") == ["BAAI/bge-small-zh-v1.5"]
    result = run("models", "klingon")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "No known model fits" in result.stderr


def test_json_has_the_prompts(run: Run) -> None:
    (model,) = json.loads(run("models", "multilingual-e5", "--json").stdout)
    assert model["prompts"] == {"query": "query: ", "document": "passage: "}
    assert model["task"] == "text"
    assert model["cached"] is False


def test_from_nothing_to_offline_and_back(program: Program, curated: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with FakeHub({NAME: curated}) as hub:
        there = environment(hub, cache)
        pulled = program("pull", NAME.lower(), environment=there)
        assert pulled.returncode == 0, pulled.stderr
        assert re.search(rf"^{NAME}$", pulled.stdout, re.MULTILINE)
        assert re.search(rf"^  revision +{COMMIT}$", pulled.stdout, re.MULTILINE)
        assert re.search(r"^  check +runs on cpu, 384 dimensions$", pulled.stdout, re.MULTILINE)
        asked = len(hub.requests)
        again = program("pull", NAME, environment=there)
        assert again.stdout == pulled.stdout
        assert len(hub.requests) == asked
    offline = {"HF_HUB_CACHE": str(cache), "HF_HUB_OFFLINE": "1"}
    listed = program("models", "--task", "text", "--cached", environment=offline)
    assert [line.split()[0] for line in listed.stdout.splitlines()[1:]] == [NAME]
    assert listed.stdout.splitlines()[1].split()[-2:] == ["yes", "English"]
    embedded = program("embed", "-m", NAME, "--text", "hello", environment=offline)
    assert len(json.loads(embedded.stdout)["embedding"]) == 384
    shown = json.loads(program("cache", "show", "--json", environment=offline).stdout)
    (model,) = shown["models"]
    assert (model["repository"], model["curated"], list(model["revisions"])) == (NAME, NAME, [COMMIT])
    assert model["size"] > (curated / "model.safetensors").stat().st_size
    assert re.search(rf"^{NAME} .* {COMMIT[:12]} ", program("cache", "show", environment=offline).stdout, re.MULTILINE)
    dry = program("cache", "prune", NAME, "--dry-run", environment=offline)
    assert "Would delete" in dry.stderr
    refused = program("cache", "prune", NAME, environment=offline, input="n\n")
    assert refused.returncode == 1
    assert refused.stderr.endswith("Nothing was deleted.\n")
    assert list(cache.glob("models--*"))
    assert program("cache", "prune", NAME, "--yes", environment=offline).returncode == 0
    assert not list(cache.glob("models--*"))
    gone = program("embed", "-m", NAME, "--text", "hello", environment=offline)
    assert gone.returncode == 1
    assert "HF_HUB_OFFLINE forbids asking the hub" in gone.stderr


def test_pull_says_what_the_hub_says(program: Program, tmp_path: Path) -> None:
    with FakeHub({}, {"a/gated": (403, "GatedRepo")}) as hub:
        there = environment(hub, tmp_path / "cache")
        missing = program("pull", "no/such", environment=there)
        gated = program("pull", "a/gated", environment=there)
    assert (missing.returncode, gated.returncode) == (1, 1)
    assert "The hub has no repository 'no/such'" in missing.stderr
    assert "is gated: accept its terms" in gated.stderr


def test_pull_of_several_and_of_folders(run: Run) -> None:
    result = run("pull", TINY, "--no-check")
    assert result.exit_code == 0
    assert re.search(r"^  size +", result.stdout, re.MULTILINE)
    assert not re.search(r"^  check +", result.stdout, re.MULTILINE)
    assert run("pull", TINY, TINY, "--revision", "main").exit_code == 2


# info


def test_info_of_what_is_here(run: Run, minilm: str) -> None:
    result = run("info", minilm, "--json")
    facts = json.loads(result.stdout)
    model = TextEmbedding(minilm)
    assert facts["fingerprint"] == model.fingerprint
    assert (facts["dimensions"], facts["max_tokens"], facts["pooling"]) == (384, 256, ["mean"])
    native = "layers of bert over the original weights, without a graph"
    assert facts["runs"] == (native if facts["backend"] == "native" else GRAPH)
    floats = json.loads(run("info", minilm, "--precision", "fp32", "--backend", "onnxruntime", "--json").stdout)
    assert (floats["backend"], floats["runs"]) == ("onnxruntime", GRAPH)
    assert facts["weights"] == "model.safetensors (90.9 MB)"
    text = run("info", minilm).stdout
    assert text.startswith(minilm)
    assert re.search(r"^  max tokens +256$", text, re.MULTILINE)


def test_info_shows_the_options_at_work(run: Run) -> None:
    facts = json.loads(run("info", "--dimensions", 8, "--normalize", "--max-tokens", 9, "--json").stdout)
    assert (facts["dimensions"], facts["normalize"], facts["max_tokens"]) == (8, True, 9)


def test_info_of_a_curated_model_that_is_not_here(run: Run, tmp_path: Path) -> None:
    result = run("info", "intfloat/multilingual-e5-large", "--cache-dir", tmp_path)
    assert result.exit_code == 0
    assert "not on this machine; rapidembed pull intfloat/multilingual-e5-large fetches it" in result.stdout
    assert re.search(r"^  query prompt +'query: '$", result.stdout, re.MULTILINE)


def test_info_of_what_is_not_here(run: Run, tmp_path: Path) -> None:
    result = run("info", "no/such", "--cache-dir", tmp_path)
    assert result.exit_code == 1
    assert "Fetch it with: rapidembed pull no/such" in result.stderr


# cache


@pytest.fixture
def graphs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A graph cache with one graph."""
    monkeypatch.setenv("RAPIDEMBED_CACHE_DIR", str(tmp_path / "built"))
    TextEmbedding(str(TINY), precision="fp32").encode("x")
    assert len(list((tmp_path / "built" / "graphs").iterdir())) == 1
    return tmp_path / "built" / "graphs"


def test_graphs_are_shown_and_pruned(run: Run, graphs: Path, tmp_path: Path) -> None:
    shown = run("cache", "show", "--cache-dir", tmp_path / "none").stdout
    assert "1 graphs, " in shown
    assert str(graphs) in shown
    assert "none\n" in shown
    assert run("cache", "prune", "--dry-run").exit_code == 0
    assert run("cache", "prune", input="n\n").exit_code == 1
    assert len(list(graphs.iterdir())) == 1
    result = run("cache", "prune", input="y\n")
    assert result.exit_code == 0
    assert "Deleted " in result.stderr
    assert list(graphs.iterdir()) == []
    assert "Nothing to delete." in run("cache", "prune").stderr


def test_a_misspelled_name_deletes_nothing(run: Run, graphs: Path, tmp_path: Path) -> None:
    result = run("cache", "prune", "bge-smal", "--graphs", "--yes", "--cache-dir", tmp_path / "none")
    assert result.exit_code == 1
    assert "'bge-smal' is not in the cache" in result.stderr
    assert len(list(graphs.iterdir())) == 1


@pytest.mark.parametrize("task", [name for name, task in TASKS.items() if "hybrid" in task.heads])
def test_info_about_a_model_of_several_tasks(run: Run, tmp_path: Path, task: str) -> None:
    found = json.loads(run("info", str(assemble_hybrid(tmp_path / "model")), "--task", task, "--json").stdout)
    assert found["facade"] == TASKS[task].facade
    assert found["dimensions"] == 16


def test_pull_tries_a_model_of_pictures_with_a_picture(run: Run) -> None:
    assert "runs on cpu, 1280 dimensions" in run("pull", "builtin:image").stdout
