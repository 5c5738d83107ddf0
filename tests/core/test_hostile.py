"""What the fuzzer found, or its author, by kinds: hostile folders and inputs give errors that say what is wrong."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rapidembed import IntegrityError, ModelSpec, RapidEmbedError, TextEmbedding
from rapidembed.graph.weights import Weights
from safetensors.numpy import load_file, save_file

from tests.golden import static_variants

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(GOLDEN / "base", tmp_path / "model"))


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize(
    "name", ["modules.json", "config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors", "1_Pooling"]
)
def test_links_that_lead_out_are_refused(folder: Path, tmp_path: Path, name: str) -> None:
    outside = Path(shutil.copytree(GOLDEN / "base", tmp_path / "outside")) / name
    shutil.rmtree(folder / name) if (folder / name).is_dir() else (folder / name).unlink()
    (folder / name).symlink_to(outside)
    with pytest.raises(IntegrityError, match=r"is a link to .*outside.* of the model's folder; refused"):
        TextEmbedding(folder)


def test_links_within_the_folder_and_to_it_are_fine(folder: Path, tmp_path: Path) -> None:
    (folder / "config.json").rename(folder / "other.json")
    (folder / "config.json").symlink_to("other.json")
    (tmp_path / "link").symlink_to(folder)
    with TextEmbedding(tmp_path / "link") as model:
        assert model.encode("x").shape == (32,)


@pytest.mark.parametrize("name", ["../../elsewhere", "/", "..", ""])
def test_a_cache_that_names_another_folder(folder: Path, tmp_path: Path, name: str) -> None:
    cache = tmp_path / "models--a--b"
    (cache / "snapshots").mkdir(parents=True)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text(name)
    with pytest.raises(IntegrityError, match="should hold the name of a commit"):
        TextEmbedding(cache)


@pytest.mark.parametrize("file", ["config.json", "modules.json", "tokenizer.json", "tokenizer_config.json"])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 200_000, "nested too deeply|not a tokenizer"),
        ('{"a":' * 200_000, "nested too deeply|not a tokenizer"),
        ('{"a": "\\ud83d"}', "surrogates not allowed|not a tokenizer"),
    ],
    ids=["lists", "objects", "half a character"],
)
def test_text_that_breaks_readers(folder: Path, file: str, text: str, message: str) -> None:
    (folder / file).write_text(text)
    with pytest.raises(IntegrityError, match=message):
        TextEmbedding(folder)


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "vocab.txt", "modules.json"])
def test_files_that_would_fill_the_memory(folder: Path, file: str) -> None:
    if file == "vocab.txt":
        (folder / "tokenizer.json").unlink()
    (folder / file).touch()
    os.truncate(folder / file, 1 << 40)  # a hole, which takes no room on the disk
    with pytest.raises(IntegrityError, match="has 1099511627776 bytes"):
        TextEmbedding(folder)


def charsmap(table: str) -> dict[str, Any]:
    return {"normalizer": {"type": "Precompiled", "precompiled_charsmap": table}}


DOUBLED = {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (charsmap("//////////////////8AAAAAAAAAAAAA"), "it says it were longer than it is"),  # else the process ends
        (charsmap("AAAA"), "cut short"),
        (charsmap("x"), "no base64"),
        (charsmap("BAAAAAAAAAA="), "Precompiled|not a tokenizer|cannot cut"),  # a panic
        ({"normalizer": {"type": "Sequence", "normalizers": [DOUBLED] * 60}}, "times as long"),
        ({"normalizer": {"type": "Prepend", "prepend": "x" * 100_000}}, "times as long"),
        ({"pre_tokenizer": {"type": "FixedLength", "length": 0}}, "chunk size"),  # a panic
        ({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["a", "a"]]}}, "not a tokenizer"),  # a panic
    ],
)
@pytest.mark.parametrize("static", [False, True])
def test_tokenizers_that_end_the_process(tmp_path: Path, part: dict[str, Any], message: str, static: bool) -> None:
    name = "static" if static else "bert"
    folder = Path(shutil.copytree(GOLDEN / "folders" / name, tmp_path / "model"))
    change(folder / "tokenizer.json", **part)
    if not static:  # that of BERT makes these parts anew
        change(folder / "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")
    with pytest.raises(IntegrityError, match=message):
        TextEmbedding(folder).encode(["the dog", "a"])


def test_many_replacements_that_do_not_lengthen_a_text_are_taken(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(GOLDEN / "folders" / "static", tmp_path / "model"))
    steps = [{"type": "Replace", "pattern": {"String": "a"}, "content": "e"}, {"type": "Prepend", "prepend": " "}]
    change(folder / "tokenizer.json", normalizer={"type": "Sequence", "normalizers": steps * 20})
    with TextEmbedding(folder) as model:
        assert len(model.encode("the dog"))


def test_a_table_under_a_name_written_otherwise(folder: Path) -> None:
    change(folder / "tokenizer.json", **charsmap("/////wAAAAAA"))
    text = (folder / "tokenizer.json").read_text().replace("precompiled_charsmap", "precompiled\\u005fcharsmap")
    (folder / "tokenizer.json").write_text(text)
    with pytest.raises(IntegrityError, match="it says it were longer than it is"):
        TextEmbedding(folder)


@pytest.mark.parametrize("value", [[{}], [[]], {"a": 1}, "x", 3, [None]], ids=repr)
def test_names_of_other_types(folder: Path, value: object) -> None:
    change(folder / "config.json", architectures=value)
    with pytest.raises(IntegrityError, match=r"config\.json: expected architectures to be a list of strings"):
        TextEmbedding(folder)


@pytest.mark.parametrize("value", [[], {}, 3], ids=repr)
def test_modules_names_of_other_types(folder: Path, value: object) -> None:
    modules = json.loads((folder / "modules.json").read_text())
    (folder / "modules.json").write_text(json.dumps([each | {"name": value} for each in modules]))
    with pytest.raises(IntegrityError, match="modules' names to be strings"):
        TextEmbedding(folder)


@pytest.mark.parametrize(
    "value", [10**400, float("nan"), float("inf"), True, "32", [32], -1], ids=lambda v: repr(v)[:9]
)
@pytest.mark.parametrize("name", ["hidden_size", "num_attention_heads", "layer_norm_eps", "max_position_embeddings"])
def test_numbers_that_are_none(folder: Path, name: str, value: object) -> None:
    change(folder / "config.json", **{name: value})
    with pytest.raises(IntegrityError, match=name):
        TextEmbedding(folder)


@pytest.mark.parametrize(
    "use",
    [
        lambda: TextEmbedding(GOLDEN / "base", backend=[]),
        lambda: TextEmbedding(GOLDEN / "base", precision={}),
        lambda: ModelSpec(name="a", dim="x", pooling=("mean",)),
        lambda: ModelSpec(name="a", dim=3, pooling=None),
        lambda: ModelSpec(name="a", dim=3, pooling=("mean",), head=[]),
    ],
)
def test_options_of_other_types(use: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"must be|unknown") as caught:
        use()
    assert not isinstance(caught.value, RapidEmbedError)


def test_tables_that_are_no_matrices(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["embeddings.word_embeddings.weight"] = tensors["embeddings.word_embeddings.weight"].ravel()
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(IntegrityError, match=r"word_embeddings\.weight' to be a matrix"):
        Weights([("", folder / "model.safetensors")]).matrix("embeddings.word_embeddings.weight")
    with pytest.raises(IntegrityError, match="word_embeddings"):
        TextEmbedding(folder)


def test_a_vocabulary_without_tokens(tmp_path: Path) -> None:
    folder = static_variants.assemble(static_variants.VARIANTS["unigram"], tmp_path / "model")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["model"] = {"type": "WordLevel", "vocab": {}, "unk_token": "[UNK]"}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer | {"added_tokens": [], "post_processor": None}))
    with pytest.raises(IntegrityError, match="without tokens"):
        TextEmbedding(folder)


def test_flags_of_tokens_that_mean_nothing_are_not_printed(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    change(folder / "tokenizer_config.json", pad_token={"content": "[PAD]", "of no meaning": True})
    with TextEmbedding(folder) as model:
        assert model.encode("x").shape == (32,)
    assert capfd.readouterr().out == ""
