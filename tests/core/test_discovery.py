"""A model's facts from its files, and what is refused, by name."""

import json
from pathlib import Path
from shutil import copytree

import pytest
from rapidembed import IntegrityError, RapidEmbedError, UnsupportedModelError
from rapidembed.registry import DenseLayer, discover

BASE = Path(__file__).parents[1] / "golden" / "base"
FLAGS = ["cls_token", "max_tokens", "mean_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"]


@pytest.fixture
def model(tmp_path):
    return copytree(BASE, tmp_path / "tiny-model")


def change(path: Path, **values) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def add_module(model: Path, kind: str, **config) -> None:
    modules = json.loads((model / "modules.json").read_text())
    path = f"{len(modules)}_{kind}"
    modules.append({"idx": len(modules), "name": path, "path": path, "type": f"sentence_transformers.models.{kind}"})
    (model / "modules.json").write_text(json.dumps(modules))
    (model / path).mkdir()
    (model / path / "config.json").write_text(json.dumps(config))


def add_dense(model: Path, width_in: int, width_out: int, **config) -> None:
    add_module(model, "Dense", in_features=width_in, out_features=width_out, **config)


def test_the_base_folder():
    spec = discover(BASE, "tiny")
    assert (spec.name, spec.architecture, spec.dim, spec.max_tokens) == ("tiny", "bert", 32, 64)
    assert (spec.pooling, spec.normalize, spec.dense) == (("mean",), False, ())
    assert (spec.lower_case, spec.query_prompt, spec.document_prompt, spec.default_prompt) == (False, "", "", None)


def test_dense_and_normalize(model):
    add_dense(model, 32, 16, bias=False, activation_function="torch.nn.modules.linear.Identity")
    add_dense(model, 16, 8)
    add_module(model, "Normalize")
    spec = discover(model, "tiny")
    assert spec.dense == (
        DenseLayer(path="2_Dense", in_features=32, out_features=16, bias=False, activation="Identity"),
        DenseLayer(path="3_Dense", in_features=16, out_features=8, bias=True, activation="Tanh"),
    )
    assert (spec.dim, spec.normalize) == (8, True)


@pytest.mark.parametrize("file", ["modules.json", "config.json", "1_Pooling/config.json"])
def test_a_missing_file_is_named(model, file):
    (model / file).unlink()
    with pytest.raises(UnsupportedModelError, match=f"has no {Path(file).name}"):
        discover(model, "tiny")


@pytest.mark.parametrize(
    "file",
    [
        "config.json",
        "1_Pooling/config.json",
        "sentence_bert_config.json",
        "config_sentence_transformers.json",
        "tokenizer_config.json",
    ],
)
@pytest.mark.parametrize(
    ("content", "message"), [('{"a": ', "is not valid JSON"), ("[1]", "expected a JSON object, got list")]
)
def test_broken_json_is_named(model, file, content, message):
    if file == "tokenizer_config.json":
        (model / "sentence_bert_config.json").unlink()
    (model / file).write_text(content)
    with pytest.raises(IntegrityError, match=f"{Path(file).name}.*{message}"):
        discover(model, "tiny")


@pytest.mark.parametrize("content", ['[{"a": ', "7", '[{"idx": 0}]', "[1]"])
def test_broken_modules_json_is_named(model, content):
    (model / "modules.json").write_text(content)
    with pytest.raises(IntegrityError, match=r"modules\.json"):
        discover(model, "tiny")


@pytest.mark.parametrize("kind", ["CNN", "Router", "StaticEmbedding"])
def test_an_unknown_module_is_named(model, kind):
    add_module(model, kind)
    with pytest.raises(UnsupportedModelError, match=rf"modules\.json: expected.*found Transformer, Pooling, {kind}\.$"):
        discover(model, "tiny")


def test_a_model_without_pooling_is_refused(model):
    modules = json.loads((model / "modules.json").read_text())
    (model / "modules.json").write_text(json.dumps(modules[:1]))
    with pytest.raises(UnsupportedModelError, match=r"found Transformer\.$"):
        discover(model, "tiny")


def test_only_a_normalize_at_the_end_is_the_facades(model):
    add_module(model, "Normalize")
    assert (discover(model, "tiny").normalize, discover(model, "tiny").dense) == (True, ())
    add_dense(model, 32, 16)
    spec = discover(model, "tiny")
    assert not spec.normalize
    assert [type(layer).__name__ for layer in spec.dense] == ["UnitLayer", "DenseLayer"]


@pytest.mark.parametrize("mode", ["median", "none", ["mean", "median"]])
def test_an_unknown_pooling_mode_is_named(model, mode):
    change(model / "1_Pooling/config.json", pooling_mode=mode)
    wrong = mode if isinstance(mode, str) else mode[-1]
    with pytest.raises(UnsupportedModelError, match=rf"1_Pooling.config\.json: pooling mode '{wrong}' is unknown"):
        discover(model, "tiny")


def test_pooling_without_the_prompt(model):
    assert discover(model, "tiny").include_prompt
    change(model / "1_Pooling/config.json", include_prompt=False)
    assert not discover(model, "tiny").include_prompt


def test_dropout_does_nothing(model):
    add_module(model, "Dropout", dropout=0.1)
    add_module(model, "Normalize")
    assert discover(model, "tiny").normalize


def test_similarity(model):
    change(model / "config_sentence_transformers.json", similarity_fn_name="dot")
    assert discover(model, "tiny").similarity == "dot"


def test_code_of_its_own_is_another_architecture(model):
    change(model / "config.json", auto_map={"AutoModel": "modeling_x.X"})
    assert discover(model, "tiny").architecture == "bert with code of its own"


@pytest.mark.parametrize("width", [0, -1, "32", 32.5, None])
def test_a_strange_width_is_named(model, width):
    change(model / "1_Pooling/config.json", embedding_dimension=width)
    with pytest.raises(IntegrityError, match=f"expected a positive embedding_dimension, got {width!r}"):
        discover(model, "tiny")


def test_older_pooling_flags_are_read_in_their_order(model):
    path = model / "1_Pooling/config.json"
    path.write_text(json.dumps({"word_embedding_dimension": 32} | {f"pooling_mode_{flag}": True for flag in FLAGS}))
    spec = discover(model, "tiny")
    assert spec.pooling == ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
    assert spec.dim == 6 * 32


def test_no_pooling_flag_means_mean(model):
    (model / "1_Pooling/config.json").write_text('{"word_embedding_dimension": 32, "pooling_mode_cls_token": false}')
    assert discover(model, "tiny").pooling == ("mean",)


def test_a_dense_module_of_another_width_is_named(model):
    add_dense(model, 48, 16)
    with pytest.raises(IntegrityError, match="2_Dense: takes 48 values, but gets 32"):
        discover(model, "tiny")


@pytest.mark.parametrize(
    ("kind", "option"),
    [
        ("Dense", {"module_output_name": "other"}),
        ("Dense", {"module_input_name": "token_embeddings"}),
        ("Normalize", {"module_input_name": "token_embeddings"}),
    ],
)
def test_module_options_that_change_vectors_are_refused(model, kind, option):
    add_module(model, kind, **({"in_features": 32, "out_features": 32} if kind == "Dense" else {}), **option)
    with pytest.raises(UnsupportedModelError, match=next(iter(option))):
        discover(model, "tiny")


@pytest.mark.parametrize(
    "option",
    [
        {"query_expansion": {"length": 5}},
        {"processing_kwargs": {"text": {"add_special_tokens": False}}},
        {"tokenizer_name_or_path": "another/model"},
        {"model_args": {"use_safetensors": False}},
        {"a_key_of_tomorrow": 3},
        {"transformer_task": "fill-mask"},
        {"modality_config": {"text": {"method": "forward", "method_output_name": "pooler_output"}}},
    ],
    ids=lambda option: next(iter(option)),
)
def test_transformer_options_that_change_vectors_are_refused(model, option):
    change(model / "sentence_bert_config.json", **option)
    with pytest.raises(UnsupportedModelError, match=next(iter(option))):
        discover(model, "tiny")


@pytest.mark.parametrize(
    ("file", "values"),
    [
        ("1_Pooling/config.json", {"pooling_mode": 3}),
        ("1_Pooling/config.json", {"pooling_mode": []}),
        ("2_Dense/config.json", {"in_features": None}),
        ("2_Dense/config.json", {"in_features": "many"}),
        ("config_sentence_transformers.json", {"prompts": ["query: "]}),
        ("config_sentence_transformers.json", {"default_prompt_name": ["query"]}),
    ],
)
def test_values_of_a_wrong_type_are_named(model, file, values):
    add_dense(model, 32, 16)
    change(model / file, **values)
    with pytest.raises(RapidEmbedError, match=Path(file).name):
        discover(model, "tiny")


@pytest.mark.parametrize(
    ("older", "tokenizers", "limit"),
    [
        (None, 64, 64),
        (None, 16, 16),
        (None, 512, 64),
        (12, 64, 12),
        (128, 16, 64),
        (None, 1e30, None),
        (None, int(1e30), None),
        (None, None, None),
        (1e30, 20, 20),
    ],
)
def test_token_limits(model, older, tokenizers, limit):
    change(model / "sentence_bert_config.json", max_seq_length=older)
    change(model / "tokenizer_config.json", model_max_length=tokenizers)
    assert discover(model, "tiny").max_tokens == limit


def test_a_limit_holds_where_the_config_names_no_positions(model):
    change(model / "config.json", max_position_embeddings=None)
    change(model / "tokenizer_config.json", model_max_length=8192)
    assert discover(model, "tiny").max_tokens == 8192


@pytest.mark.parametrize("limit", [0, -5, "64", 64.5, True, False, [64]])
@pytest.mark.parametrize("file", ["sentence_bert_config.json:max_seq_length", "tokenizer_config.json:model_max_length"])
def test_a_strange_limit_is_named(model, file, limit):
    name, _, key = file.partition(":")
    change(model / name, **{key: limit})
    with pytest.raises(UnsupportedModelError, match="must be a positive integer, got"):
        discover(model, "tiny")


def test_prompts(model):
    prompts = {"query": "q: ", "document": "", "topic": "t: "}
    change(model / "config_sentence_transformers.json", prompts=prompts, default_prompt_name="topic")
    spec = discover(model, "tiny")
    assert (spec.query_prompt, spec.plain_prompt) == ("q: ", "t: ")


def test_a_default_prompt_that_does_not_exist_is_named(model):
    change(model / "config_sentence_transformers.json", default_prompt_name="nowhere")
    with pytest.raises(IntegrityError, match="default_prompt_name is 'nowhere'"):
        discover(model, "tiny")


def test_lower_case(model):
    change(model / "sentence_bert_config.json", do_lower_case=True)
    assert discover(model, "tiny").lower_case
