"""Static models: the vectors are those of model2vec and sentence-transformers (tests/golden/make_static.py)."""

import argparse
import json
import logging
import os
import pathlib
import pickle
import shutil
import subprocess
import sys
import textwrap
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from rapidembed import DeviceError, IntegrityError, ModelNotFoundError, NonFiniteError, TextEmbedding, TruncationWarning
from rapidembed.errors import UnsupportedModelError
from rapidembed.runtime.static_tokenizer import StaticTokenizer
from rapidembed.toolkit.distillation.retrieval import mean_reciprocal_rank, pairs
from safetensors.numpy import load_file, save_file

from tests.fakes import compare
from tests.fakes.compare import is_mapped
from tests.golden import static_variants as variants

REFERENCE = json.loads((Path(variants.__file__).parent / "static.json").read_text(encoding="utf-8"))
VARIANTS = variants.VARIANTS
close = partial(compare.close, tolerance=REFERENCE["tolerance"])


def test_every_variant_has_a_reference_of_these_texts():
    assert REFERENCE["variants"].keys() == VARIANTS.keys()
    assert REFERENCE["texts"] == variants.TEXTS


@pytest.fixture(params=VARIANTS, ids=str)
def variant(request, tmp_path):
    return request.param, variants.assemble(VARIANTS[request.param], tmp_path / "model")


@pytest.mark.filterwarnings("ignore::rapidembed.TruncationWarning")
def test_vectors_are_those_of_the_authors_library(variant):
    name, folder = variant
    with TextEmbedding(folder) as model:
        encoders = {"plain": model.encode, "query": model.encode_query, "document": model.encode_document}
        for role, expected in REFERENCE["variants"][name].items():
            close(encoders[role](variants.TEXTS), expected)
            close([encoders[role](text) for text in variants.TEXTS], expected)


def model_of(tmp_path, name="float32"):
    return variants.assemble(VARIANTS[name], tmp_path / name)


@pytest.mark.filterwarnings("ignore::rapidembed.TruncationWarning")
@pytest.mark.parametrize("name", ["int8_normalized", "mapping_weights_int8", "module"])
def test_same_vector_alone_in_any_batch_and_as_a_stream(tmp_path, name):
    with TextEmbedding(model_of(tmp_path, name)) as model:
        alone = np.stack([model.encode(text) for text in variants.TEXTS])
        np.testing.assert_array_equal(model.encode(variants.TEXTS), alone)
        np.testing.assert_array_equal(model.encode(variants.TEXTS[::-1], batch_size=2, parallel=1), alone[::-1])
        stream = list(model.embed(iter(variants.TEXTS * 70), batch_size=3))
        np.testing.assert_array_equal(stream, np.tile(alone, (70, 1)))
        assert model.encode([]).shape == (0, variants.DIM)


def test_what_it_says_of_itself(tmp_path):
    with TextEmbedding(model_of(tmp_path, "int8_normalized")) as model:
        info = model.info
        assert (info.architecture, info.backend, info.device) == ("model2vec", "numpy", "cpu")
        assert (info.dimensions, info.max_tokens, info.normalize) == (variants.DIM, 512, True)
        assert len(model.fingerprint) == 32
        with TextEmbedding(model_of(tmp_path, "int8")) as other:
            assert other.fingerprint != model.fingerprint
    with TextEmbedding(model_of(tmp_path, "module")) as model:
        assert (model.info.architecture, model.info.max_tokens) == ("static-embedding", None)
        assert len(model.fingerprint) == 32


def test_copies_share_the_table_and_close(tmp_path):
    model = TextEmbedding(model_of(tmp_path))
    copy = pickle.loads(pickle.dumps(model))
    assert copy._loaded().engine is model._loaded().engine
    np.testing.assert_array_equal(copy.encode("hello"), model.encode("hello"))
    model.close()
    assert copy.encode("hello").shape == (variants.DIM,)


def test_tokens_counted_and_truncation_told(tmp_path):
    with TextEmbedding(model_of(tmp_path, "short")) as model:
        assert model.token_count("hello world \N{SNOWMAN}") == 2
        assert model.token_count(["hello world", "the dog over the fox jumps"]) == 7
        with pytest.warns(TruncationWarning, match="1 of 2 texts had more than 5 tokens"):
            model.encode(["hello", "the dog over the fox jumps"])
    with TextEmbedding(model_of(tmp_path, "unlimited")) as model, warnings.catch_warnings(action="error"):
        model.encode(variants.TEXTS)
    with TextEmbedding(model_of(tmp_path), max_tokens=2, truncate=False) as model:
        with pytest.raises(ValueError, match=r"texts\[1\] has more than 2 tokens"):
            model.encode(["a b", "a b c"])
        assert model.encode(["a b"]).shape == (1, variants.DIM)


def test_max_tokens_may_exceed_the_checkpoints(tmp_path):
    with TextEmbedding(model_of(tmp_path, "short"), max_tokens=2000) as model:
        assert model.token_count("a " * 1800) == 1800


def test_dimensions_and_normalize(tmp_path):
    folder = model_of(tmp_path)
    whole = TextEmbedding(folder).encode("hello world")
    cut = TextEmbedding(folder, dimensions=8, normalize=True).encode("hello world")
    np.testing.assert_allclose(cut, whole[:8] / np.linalg.norm(whole[:8]), rtol=1e-6)


@pytest.mark.parametrize("options", [{"device": "cuda"}, {"cuda": True}, {"device_ids": [0]}])
def test_a_gpu_is_refused(tmp_path, options, monkeypatch):
    everything = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr("rapidembed.runtime.session.available_providers", lambda: everything)
    folder = model_of(tmp_path)
    with pytest.raises(DeviceError, match="runs on the CPU only"):
        TextEmbedding(folder, **options)
    assert TextEmbedding(folder).info.device == "cpu"  # "auto" does not mind that there is one


def damaged(folder, **changes):
    tensors = load_file(folder / "model.safetensors") | changes
    save_file({name: tensor for name, tensor in tensors.items() if tensor is not None}, folder / "model.safetensors")
    return folder


@pytest.mark.parametrize(
    ("variant", "changes", "error", "message"),
    [
        ("float32", {"embeddings": np.zeros((3, 4), np.float32)}, IntegrityError, "'embeddings' covers 3 tokens"),
        ("float32", {"embeddings": np.zeros(4, np.float32)}, IntegrityError, "should have two dimensions"),
        ("float32", {"embeddings": None}, UnsupportedModelError, "has no tensor 'embeddings' or 'embedding.weight'"),
        ("float32", {"embeddings": np.zeros((200, 4), np.uint8)}, UnsupportedModelError, "has type U8"),
        ("mapping", {"mapping": np.full(200, 40)}, IntegrityError, "points outside the 40 rows"),
        ("mapping", {"mapping": np.zeros(5, np.int64)}, IntegrityError, "'embeddings' covers 5 tokens"),
        ("weights", {"weights": np.zeros(5)}, IntegrityError, "'weights' covers 5 tokens"),
        ("float32", {"embeddings": np.full((200, 4), np.nan, np.float32)}, NonFiniteError, "holds NaN or infinity"),
    ],
)
def test_damaged_tables(tmp_path, variant, changes, error, message):
    folder = damaged(model_of(tmp_path, variant), **changes)
    with pytest.raises(error, match=message):
        TextEmbedding(folder).encode("hello")


def test_unknown_modules_are_refused(tmp_path):
    folder = model_of(tmp_path, "module")
    modules = json.loads((folder / "modules.json").read_text())
    modules.append({"idx": 1, "name": "1", "path": "1_CNN", "type": "sentence_transformers.models.CNN"})
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(UnsupportedModelError, match="found StaticEmbedding, CNN"):
        TextEmbedding(folder)


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json"])
def test_missing_files(tmp_path, file):
    folder = model_of(tmp_path)
    (folder / file).unlink()
    with pytest.raises((UnsupportedModelError, IntegrityError), match=file):
        TextEmbedding(folder)


def test_old_model2vec_folders_have_no_modules(tmp_path):
    folder = model_of(tmp_path)
    (folder / "modules.json").unlink()
    np.testing.assert_array_equal(
        TextEmbedding(folder).encode("hello"), TextEmbedding(model_of(tmp_path / "other")).encode("hello")
    )


def test_a_lone_text_does_not_wake_the_tokenizers_threads(tmp_path):
    """Each pool thread tokenizes text by text, so that ``threads`` holds: the vectors must not depend on that."""
    tokenizer = StaticTokenizer(model_of(tmp_path) / "tokenizer.json", model2vec=True)
    together = tokenizer.encode(variants.TEXTS, 512)
    assert together == [tokenizer.encode([text], 512)[0] for text in variants.TEXTS]


def test_tables_are_read_where_they_lie(tmp_path):
    for name, mapped in (("float32", True), ("int8", True), ("float16", False)):
        rows = TextEmbedding(model_of(tmp_path, name))._loaded().engine._engine._table._rows
        assert is_mapped(rows) == mapped


# The model in the wheel


@pytest.fixture(scope="module")
def builtin():
    with TextEmbedding("builtin:static-en") as model:
        yield model


def test_builtin_finds_the_right_passages(builtin):
    passages = [
        "Boil the pasta in salted water until it is tender, then drain it and add the sauce.",
        "The parliament passed a law that lowers the tax on small companies.",
        "Plants turn sunlight, water and carbon dioxide into sugar and oxygen.",
        "Create a directory that is removed, with everything in it, when it is no longer needed.",
        "The striker scored twice in the second half and the team won the match.",
        "Interest rates rose, so borrowing money to buy a house became more expensive.",
    ]
    questions = {
        "how to cook noodles": 0,
        "new legislation for businesses": 1,
        "photosynthesis": 2,
        "temporary folder that is deleted afterwards": 3,
        "who won the football game?": 4,
        "mortgage costs": 5,
    }
    scores = builtin.encode_query(list(questions)) @ builtin.encode_document(passages).T
    assert scores.argmax(axis=1).tolist() == list(questions.values())


def test_builtin_is_small_and_says_where_it_comes_from(builtin):
    folder = builtin.info.weights.parent
    assert builtin.embedding_size == 256
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 8_000_000
    tokens = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    assert not [token for token in tokens if token.startswith("[unused")]
    card = (folder / "README.md").read_text(encoding="utf-8")
    for fact in ("license: apache-2.0", "sentence-transformers/all-MiniLM-L6-v2", "wordnet-base", "sha256"):
        assert fact in card


@pytest.mark.filterwarnings("ignore::rapidembed.TruncationWarning")
def test_builtin_keeps_its_teachers_order(builtin, minilm):
    """Most of what the teacher finds: first sentences of documentation strings, among the rest of all of them."""
    modules = (argparse, json, logging, pathlib, shutil, subprocess, textwrap)
    found = pairs((getattr(thing, "__doc__", None) or "" for module in modules for thing in _members(module)), 200)
    assert len(found) > 40
    with TextEmbedding(minilm) as teacher:
        scores = [
            mean_reciprocal_rank(model.encode_query(found.queries), model.encode_document(found.documents))
            for model in (builtin, teacher)
        ]
    assert scores[0] > 0.75 * scores[1]


def _members(module):
    for thing in vars(module).values():
        if getattr(thing, "__module__", None) == module.__name__:
            yield thing
            if isinstance(thing, type):
                yield from vars(thing).values()


def test_unknown_builtin():
    with pytest.raises(
        ModelNotFoundError,
        match=r"No model 'builtin:x' is built in; this version carries builtin:image, builtin:static",
    ):
        TextEmbedding("builtin:x")


def test_builtin_needs_neither_network_nor_cache(tmp_path):
    """In a process of its own that cannot open a socket and has no home."""
    script = (
        "import socket\n"
        "def refuse(*_, **__): raise AssertionError('a socket was opened')\n"
        "socket.socket = socket.create_connection = refuse\n"
        "from rapidembed import TextEmbedding\n"
        "print(TextEmbedding('builtin:static-en', local_files_only=True).encode('hello').shape)\n"
    )
    environment = {**os.environ, "HOME": str(tmp_path), "RAPIDEMBED_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert done.stdout == "(256,)\n", done.stderr
    assert not (tmp_path / "cache").exists()
