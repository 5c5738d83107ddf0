"""LanceDB's own tables, in a folder, embed and search by our function."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rapidembed import TextEmbedding

pytestmark = pytest.mark.scale
lancedb = pytest.importorskip("lancedb")
pytest.importorskip("rapidembed_lancedb")

from lancedb.embeddings import get_registry  # noqa: E402
from lancedb.pydantic import LanceModel, Vector  # noqa: E402

from tests.scale.pages import example  # noqa: E402

NOTES = ["a cat on a mat", "the stock market fell", "bread is baked from flour"]
PROMPTS = {"query": "search: ", "document": ""}


def schema(function):
    class Note(LanceModel):
        text: str | None = function.SourceField()
        vector: Vector(function.ndims()) | None = function.VectorField(default=None)

    return Note


def make(minilm: str, **options):
    return get_registry().get("rapidembed").create(name=minilm, **options)


def test_a_table_is_embedded_searched_and_opened_by_another_process(minilm: str, tmp_path: Path) -> None:
    table = lancedb.connect(tmp_path).create_table("notes", schema=schema(make(minilm, prompts=PROMPTS)))
    table.add([{"text": note} for note in NOTES])
    (found,) = table.search("felines").limit(1).to_list()
    model = TextEmbedding(minilm, prompts=PROMPTS)
    assert np.array_equal(np.asarray(found["vector"], np.float32), model.encode_document(NOTES[0]))
    assert found["_distance"] == pytest.approx(
        float(np.square(model.encode_query("felines") - model.encode_document(NOTES[0])).sum()), rel=1e-5
    )
    program = (
        "import sys, lancedb, rapidembed_lancedb\n"
        "table = lancedb.connect(sys.argv[1]).open_table('notes')\n"
        "table.add([{'text': 'kittens purr'}])\n"
        "print(*sorted(row['text'] for row in table.search('felines').limit(2).to_list()), sep='|')\n"
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=False)
    assert done.stdout == "a cat on a mat|kittens purr\n", done.stderr


async def test_it_is_searched_by_coroutines(minilm: str, tmp_path: Path) -> None:
    lancedb.connect(tmp_path).create_table("notes", schema=schema(make(minilm))).add([{"text": n} for n in NOTES])
    table = await (await lancedb.connect_async(tmp_path)).open_table("notes")
    assert (await (await table.search("felines")).limit(1).to_list())[0]["text"] == NOTES[0]


def test_a_null_stays_null(minilm: str, tmp_path: Path) -> None:
    table = lancedb.connect(tmp_path).create_table("notes", schema=schema(make(minilm, dimensions=64)))
    table.add([{"text": None}, {"text": NOTES[0]}], on_bad_vectors="null")
    assert [vector and len(vector) for vector in table.to_arrow()["vector"].to_pylist()] == [None, 64]


def test_options_are_checked_at_once_and_nothing_is_loaded_before_the_first_text() -> None:
    absent = make("absent/model", local_files_only=True, dimensions=32)
    assert pickle.loads(pickle.dumps(absent)) == absent
    with pytest.raises(ValueError, match="Extra inputs"):
        make("x", lenght=1)
    with pytest.raises(ValueError, match="dimensions"):
        make("x", dimensions=0)
    with pytest.raises(ValueError, match="Sensitive key 'token'"):
        make("x", token="secret")


def test_an_error_comes_as_it_is_and_at_once(minilm: str) -> None:
    function = make(minilm, truncate=False, max_tokens=8)
    with pytest.raises(ValueError, match="truncate"):
        function.compute_source_embeddings_with_retry(["long " * 50])
    with pytest.raises(TypeError, match="int"):
        function.compute_query_embeddings_with_retry(3)


def test_the_default_model_of_now_is_kept_in_the_table(monkeypatch: pytest.MonkeyPatch, minilm: str) -> None:
    monkeypatch.setenv("RAPIDEMBED_MODEL", minilm)
    assert get_registry().get("rapidembed").create().safe_model_dump() == {"name": minilm}


def test_the_page_shows_what_runs(minilm: str, tmp_path: Path) -> None:
    exec(example("rapidembed_lancedb", model=minilm, data=str(tmp_path)), found := {})
    assert found["notes"].search("felines").to_list()[0]["text"] == NOTES[0]
