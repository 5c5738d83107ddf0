"""What folders say in every way that was met gives sentence-transformers' vectors; see tests/golden/make_folders.py."""

import base64
import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rapidembed import IntegrityError, ModelNotFoundError, TextEmbedding, UnsupportedModelError

GOLDEN = Path(__file__).parents[1] / "golden"
REFERENCE = json.loads((GOLDEN / "folders.json").read_text(encoding="utf-8"))


def assemble(case: dict[str, Any], folder: Path) -> Path:
    """The folder of a case."""
    shutil.copytree(GOLDEN / "folders" / case["base"], folder)
    for name, content in case["files"].items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        if content is None:
            path.unlink()
        elif isinstance(content, dict) and "base64" in content:
            path.write_bytes(base64.b64decode(content["base64"]))
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return folder


@pytest.mark.parametrize("case", REFERENCE["cases"], ids=lambda case: case["name"])
def test_vectors_are_those_of_sentence_transformers(case: dict[str, Any], tmp_path: Path) -> None:
    with TextEmbedding(assemble(case, tmp_path / "model")) as model, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of texts that are cut
        found = {
            "plain": model.encode(REFERENCE["texts"]),
            "query": model.encode_query(REFERENCE["texts"]),
            "document": model.encode_document(REFERENCE["texts"]),
        }
    for role, vectors in found.items():
        expected = np.array(case.get(role, case["plain"]))
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(vectors, expected, atol=REFERENCE["tolerance"] * scale, rtol=0, err_msg=role)


def base(tmp_path: Path, kind: str = "bert") -> Path:
    return Path(shutil.copytree(GOLDEN / "folders" / kind, tmp_path / "model"))


def change(path: Path, **values: Any) -> None:
    now = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    path.write_text(json.dumps(now | values), encoding="utf-8")


@pytest.mark.parametrize(
    ("place", "name"),
    [(0, "my_code.Transformer"), (1, "my_code.Pooling"), (1, "other_package.models.Pooling"), (1, "Pooling")],
)
def test_a_class_of_the_authors_own_is_named(tmp_path: Path, place: int, name: str) -> None:
    path = base(tmp_path) / "modules.json"
    modules = json.loads(path.read_text(encoding="utf-8"))
    modules[place]["type"] = name
    path.write_text(json.dumps(modules), encoding="utf-8")
    with pytest.raises(UnsupportedModelError, match=f"found .*{name}"):
        TextEmbedding(tmp_path / "model")


@pytest.mark.parametrize(
    "name",
    [
        "sentence_transformers.models.Pooling",
        "sentence_transformers.models.Pooling.Pooling",
        "sentence_transformers.sentence_transformer.modules.Pooling",
        "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
    ],
)
def test_names_of_sentence_transformers_classes(tmp_path: Path, name: str) -> None:
    path = base(tmp_path) / "modules.json"
    modules = json.loads(path.read_text(encoding="utf-8"))
    modules[1]["type"] = name
    path.write_text(json.dumps(modules), encoding="utf-8")
    assert TextEmbedding(tmp_path / "model").info.pooling == ("mean",)


@pytest.mark.parametrize(
    ("file", "key", "value"),
    [
        ("sentence_bert_config.json", "a_key_of_tomorrow", 1),
        ("config_sentence_transformers.json", "a_key_of_tomorrow", 1),
        ("config_sentence_transformers.json", "model_type", "SparseEncoder"),
        ("1_Pooling/config.json", "a_key_of_tomorrow", 1),
        ("modules.json", "kwarg", None),
        ("tokenizer_config.json", "init_inputs", ["vocab.txt"]),
        ("config.json", "pruned_heads", {"0": [1]}),
        ("config.json", "quantization_config", {"bits": 4}),
    ],
)
def test_keys_that_nobody_here_knows_are_named(tmp_path: Path, file: str, key: str, value: Any) -> None:
    path = base(tmp_path) / file
    if file == "modules.json":
        modules = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps([modules[0] | {key: 1}, *modules[1:]]), encoding="utf-8")
    else:
        change(path, **{key: value})
    with pytest.raises(UnsupportedModelError, match=rf"{Path(file).name}.*{key}"):
        TextEmbedding(tmp_path / "model")


def test_a_token_beyond_the_table_ends_a_stream_after_the_rows_before_it(tmp_path: Path) -> None:
    folder = base(tmp_path)
    size = json.loads((folder / "config.json").read_text(encoding="utf-8"))["vocab_size"]
    change(folder / "tokenizer_config.json", extra_special_tokens=[f"<{number}>" for number in range(size)])
    model = TextEmbedding(folder)
    found = []
    with pytest.raises(ValueError, match=rf"index 3 holds the token '<\d+>' .*vectors for {size} tokens only"):
        found.extend(model.embed(iter(["the", "dog", "fox <1>", f"the <{size - 1}> dog", "cat"])))
    np.testing.assert_allclose(found, model.encode(["the", "dog", "fox <1>"]), atol=1e-6)
    first = model._loaded().engine.tokenizer.tokens([size])[0]
    for token in (first, f"<{size - 1}>"):
        with pytest.raises(ValueError, match=f"The text holds the token '{token}'"):
            model.encode(token)


def test_a_text_without_tokens_is_named(tmp_path: Path) -> None:
    folder = base(tmp_path, "qwen3")
    change(folder / "tokenizer.json", post_processor=None)
    with pytest.raises(ValueError, match="index 1 has no tokens"):
        TextEmbedding(folder).encode(["the", ""])


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json"])
def test_git_lfs_pointers_are_named(tmp_path: Path, file: str) -> None:
    (base(tmp_path) / file).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
    with pytest.raises(IntegrityError, match=rf"{file} is a Git LFS pointer.*git lfs pull"):
        TextEmbedding(tmp_path / "model")


def test_a_repository_in_the_hubs_cache_is_a_folder(tmp_path: Path) -> None:
    repository = tmp_path / "models--somebody--something"
    for commit in ("a" * 40, "b" * 40):
        shutil.copytree(GOLDEN / "folders" / "bert", repository / "snapshots" / commit)
    change(repository / "snapshots" / ("a" * 40) / "config_sentence_transformers.json", truncate_dim=3)
    with pytest.raises(ModelNotFoundError, match="has 2 snapshots and no main branch"):
        TextEmbedding(repository)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("a" * 40)
    assert TextEmbedding(repository).encode("the").shape == (3,)


def test_settings_are_part_of_the_fingerprint(tmp_path: Path) -> None:
    prints = {TextEmbedding(base(tmp_path)).fingerprint}
    for file, values in (
        ("tokenizer_config.json", {"do_lower_case": False}),
        ("added_tokens.json", {"zorblax": 100}),
        ("config_sentence_transformers.json", {"truncate_dim": 4}),
        ("sentence_bert_config.json", {"config_args": {"layer_norm_eps": 0.1}}),
        ("sentence_bert_config.json", {"tokenizer_args": {"strip_accents": False}}),
        ("sentence_bert_config.json", {"query_length": 5}),
        ("config.json", {"layer_norm_eps": 0.2}),
    ):
        change(tmp_path / "model" / file, **values)
        prints.add(TextEmbedding(tmp_path / "model").fingerprint)
    assert len(prints) == 8
