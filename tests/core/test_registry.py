"""Every curated row passes one contract."""

import json
from importlib import import_module, resources

import pytest
from rapidembed.graph import buildable_architectures
from rapidembed.registry import RERANK, TASKS, TEXT, ModelSpec, Task, register
from rapidembed.registry.static_files import STATIC_ARCHITECTURES

ROWS = TEXT.models()


def test_fastembed_s_models_and_one_more_with_unique_names() -> None:
    assert [row.name for row in ROWS if row.fastembed is None] == ["BAAI/bge-m3"]
    assert len({row.name.lower() for row in ROWS}) == len(ROWS) == 42


def test_rows_hold_what_cannot_change() -> None:
    """Among it the tokens that get no vector, which a row writes as one string of characters."""
    rows = [row for task in TASKS.values() for row in task.models()]
    assert hash(tuple((row.pooling, row.labels, row.onnx_source, row.late, row.sparse, row.pages) for row in rows))
    assert {row.late.skip[:2] for row in rows if row.late and row.late.skip} == {("!", '"')}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row(row: ModelSpec) -> None:
    assert TEXT.find(row.name.upper()) is row
    assert 64 <= row.dim <= 4096
    assert row.license
    assert row.languages
    assert row.size_gb > 0
    assert row.max_tokens is None or 32 <= row.max_tokens <= 32_768
    if row.fastembed is not None:
        assert row.fastembed.max_tokens is None or row.fastembed.max_tokens <= row.max_tokens
    # It can run: from safetensors where a builder exists, else from an ONNX file; static models have only the first.
    assert row.onnx_source or row.source
    if row.architecture in buildable_architectures():
        assert row.source or row.onnx_source
    elif row.architecture not in STATIC_ARCHITECTURES:
        assert row.onnx_source.file.endswith(".onnx")
    for prompts in (row.prompts, row.optional_prompts):
        assert prompts.keys() <= {"query", "document"}
    assert not (row.prompts and row.optional_prompts)
    if row.tasks:
        assert {"retrieval.query", "retrieval.passage"} <= row.tasks.keys()
    for repo in filter(None, (row.source, row.onnx_source and row.onnx_source.repo)):
        assert repo.count("/") == 1


def test_rows_say_nothing_twice_and_nothing_unknown() -> None:
    text = resources.files("rapidembed.registry").joinpath("data/dense.json").read_text(encoding="utf-8")
    fields = set(ModelSpec.__slots__)
    for row in json.loads(text):
        assert row.keys() <= fields, row["name"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dim": 0}, "dim must be a positive int, got 0"),
        ({"pooling": ()}, "pooling must be"),
        ({"pooling": ("none", "cls")}, "pooling must be"),
        ({"pooling": ("median",)}, "pooling mode 'median' is unknown"),
    ],
)
def test_impossible_specs(change: dict[str, object], message: str) -> None:
    values = {"name": "m", "dim": 4, "architecture": "bert", "pooling": ("cls",), "normalize": True, **change}
    with pytest.raises(ValueError, match=message):
        ModelSpec(**values)


def test_prompts_follow_sentence_transformers_rules() -> None:
    def spec(**values: object) -> ModelSpec:
        return ModelSpec(name="m", dim=4, architecture="bert", pooling=("cls",), normalize=True, **values)

    assert spec().query_prompt == spec().document_prompt == spec().plain_prompt == ""
    named = spec(prompts={"query": "q: ", "document": "", "passage": "p: ", "other": "o: "}, default_prompt="other")
    # The first that is declared counts, be it empty.
    assert (named.query_prompt, named.document_prompt, named.plain_prompt) == ("q: ", "", "o: ")
    assert spec(prompts={"passage": "p: "}).document_prompt == "p: "
    only_default = spec(prompts={"other": "o: "}, default_prompt="other")
    assert (only_default.query_prompt, only_default.document_prompt, only_default.plain_prompt) == ("", "", "o: ")


# Tasks


def test_every_facade_has_the_row_that_names_it() -> None:
    for task in TASKS.values():
        facade = getattr(import_module(task.module), task.facade)
        assert facade._task is task
        assert task.heads[0] == task.head


def test_a_row_asks_for_one_of_the_heads_of_its_task() -> None:
    for name, task in TASKS.items():
        assert {row.head for row in task.models()} <= set(task.heads), name


def test_tasks_are_registered_by_names_of_their_own() -> None:
    mine = Task("Mine", ("rerank",), "classification", RERANK.discover, module="somebody.mine")
    try:
        register("mine", mine)
        register("mine", mine)
        assert [name for name, task in TASKS.items() if task is mine] == ["mine"]
        with pytest.raises(ValueError, match="There is a task 'text' already"):
            register("text", mine)
    finally:
        TASKS.pop("mine", None)
    assert TASKS["text"] is TEXT
