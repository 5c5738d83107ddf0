"""Chroma's own collections, in a folder, embed and search by our function."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rapidembed import TextEmbedding

pytestmark = pytest.mark.scale
chromadb = pytest.importorskip("chromadb")
pytest.importorskip("rapidembed_chroma")

from rapidembed_chroma import RapidEmbedEmbeddingFunction  # noqa: E402

from tests.scale.pages import example  # noqa: E402

NOTES = ["a cat on a mat", "the stock market fell", "bread is baked from flour"]
PROMPTS = {"query": "search: ", "document": ""}


def test_a_collection_is_embedded_searched_and_opened_by_another_process(minilm: str, tmp_path: Path) -> None:
    function = RapidEmbedEmbeddingFunction(minilm, prompts=PROMPTS, threads=1)
    notes = chromadb.PersistentClient(tmp_path).create_collection("notes", embedding_function=function)
    notes.add(ids=list("abc"), documents=NOTES)
    found = notes.query(query_texts=["felines"], n_results=1, include=["embeddings", "documents", "distances"])
    model = TextEmbedding(minilm, prompts=PROMPTS)
    query, document = model.encode_query("felines"), model.encode_document(NOTES[0])
    assert found["documents"] == [[NOTES[0]]]
    assert np.array_equal(np.asarray(found["embeddings"][0][0], np.float32), document)
    assert found["distances"][0][0] == pytest.approx(1 - float(query @ document), abs=1e-5)
    program = (
        "import sys, chromadb, rapidembed_chroma\n"
        "notes = chromadb.PersistentClient(sys.argv[1]).get_collection('notes')\n"
        "notes.add(ids=['d'], documents=['kittens purr'])\n"
        "print(*sorted(notes.query(query_texts=['felines'], n_results=2)['documents'][0]), sep='|')\n"
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=False)
    assert done.stdout == "a cat on a mat|kittens purr\n", done.stderr


def test_options_that_decide_vectors_stay_those_of_the_collection(minilm: str, tmp_path: Path) -> None:
    made = RapidEmbedEmbeddingFunction(minilm, dimensions=64)
    notes = chromadb.PersistentClient(tmp_path).create_collection("notes", embedding_function=made)
    notes.modify(configuration={"embedding_function": RapidEmbedEmbeddingFunction(minilm, dimensions=64, threads=1)})
    with pytest.raises(ValueError, match="dimensions=64"):
        notes.modify(configuration={"embedding_function": RapidEmbedEmbeddingFunction(minilm)})
    other = RapidEmbedEmbeddingFunction("BAAI/bge-small-en-v1.5", dimensions=64)
    with pytest.raises(ValueError, match="model_name="):
        notes.modify(configuration={"embedding_function": other})


def test_a_folder_may_move() -> None:
    made = RapidEmbedEmbeddingFunction(Path("here/model"))
    moved = RapidEmbedEmbeddingFunction("there/model")
    made.validate_config_update(made.get_config(), moved.get_config())
    assert made.get_config()["model_name"] == "here/model"


def test_options_are_checked_at_once() -> None:
    with pytest.raises(TypeError, match="lenght"):
        RapidEmbedEmbeddingFunction("x", lenght=1)
    with pytest.raises(TypeError, match="HF_TOKEN"):
        RapidEmbedEmbeddingFunction("x", token="secret")
    with pytest.raises(ValueError, match="precision"):
        RapidEmbedEmbeddingFunction.validate_config({"model_name": "x", "precision": "fp17"})


def test_the_page_shows_what_runs(minilm: str, tmp_path: Path) -> None:
    exec(example("rapidembed_chroma", model=minilm, data=str(tmp_path)), found := {})
    assert found["notes"].query(query_texts=["felines"], n_results=1)["documents"] == [[NOTES[0]]]
