"""What files say of models of pictures, and of texts in their space."""

import json

import pytest
from rapidembed import UnsupportedModelError
from rapidembed.hub.builtin import find_builtin
from rapidembed.registry.catalog import curated
from rapidembed.registry.image_processor import read_image_processor
from rapidembed.registry.towers import discover_pictures, discover_texts
from safetensors.numpy import load_file

from tests.golden.vision import DESCRIBED, VARIANTS, VECTORS

CONFIGS = {name: described["config"] for name, described in json.loads(DESCRIBED.read_text()).items()}
REFERENCE = load_file(VECTORS)
MODALITIES = {
    kind: {"method": f"get_{kind}_features", "method_output_name": "pooler_output"} for kind in ("text", "image")
}


def write(folder, name, *values):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(*values), encoding="utf-8")


def modules(folder, *kinds):
    write(
        folder,
        "modules.json",
        [{"idx": i, "name": str(i), "path": path, "type": kind} for i, (kind, path) in enumerate(kinds)],
    )


@pytest.mark.parametrize(
    "name", [name for name in VARIANTS if not VARIANTS[name].only and len(VARIANTS[name].pooling) == 1]
)
def test_pictures_of_transformers_folders(tmp_path, name):
    write(tmp_path, "config.json", CONFIGS[name])
    write(tmp_path, "preprocessor_config.json", {"size": 16, "crop_size": 16})
    spec = discover_pictures(tmp_path, name)
    assert spec.dim == REFERENCE[f"{name}/pictures"].shape[1]
    assert (spec.head, spec.normalize, spec.architecture) == ("picture", False, CONFIGS[name]["model_type"])


@pytest.mark.parametrize("name", [name for name in VARIANTS if f"{name}/texts" in REFERENCE])
def test_texts_of_transformers_folders(tmp_path, name):
    write(tmp_path, "config.json", CONFIGS[name])
    spec = discover_texts(tmp_path, name)
    assert spec.dim == REFERENCE[f"{name}/texts"].shape[1]
    assert (spec.head, spec.max_tokens, spec.fixed_tokens) == ("pool", 9, 9 if name == "siglip" else None)


@pytest.mark.parametrize("read", [discover_pictures, discover_texts])
def test_sentence_transformers_up_to_5(tmp_path, read):
    modules(tmp_path, ("sentence_transformers.models.CLIPModel", "0_CLIPModel"))
    write(tmp_path, "0_CLIPModel/config.json", CONFIGS["clip"])
    write(tmp_path, "0_CLIPModel/preprocessor_config.json", {})
    assert (read(tmp_path, "x").dim, read(tmp_path, "x").normalize) == (20, False)


@pytest.mark.parametrize("read", [discover_pictures, discover_texts])
def test_sentence_transformers_from_6_on(tmp_path, read):
    package = "sentence_transformers.base.modules"
    modules(tmp_path, (f"{package}.transformer.Transformer", ""), (f"{package}.normalize.Normalize", "1_Normalize"))
    write(tmp_path, "config.json", CONFIGS["clip"])
    write(tmp_path, "preprocessor_config.json", {})
    file = {
        "transformer_task": "feature-extraction",
        "modality_config": MODALITIES,
        "module_output_name": "sentence_embedding",
    }
    write(tmp_path, "sentence_bert_config.json", file | {"max_seq_length": 5})
    spec = read(tmp_path, "x")
    assert (spec.dim, spec.normalize) == (20, True)
    assert spec.max_tokens == (5 if read is discover_texts else None)
    write(tmp_path, "sentence_bert_config.json", file | {"modality_config": {"audio": {}}})
    with pytest.raises(UnsupportedModelError, match="modality_config"):
        read(tmp_path, "x")


def test_what_is_unknown_is_refused_by_name(tmp_path):
    write(tmp_path, "config.json", {"model_type": "vit"})
    with pytest.raises(UnsupportedModelError, match="'vit' is no model of texts"):
        discover_texts(tmp_path, "x")
    modules(tmp_path, ("sentence_transformers.models.CLIPModel", ""), ("sentence_transformers.models.Dense", "1_Dense"))
    with pytest.raises(UnsupportedModelError, match="found CLIPModel, Dense"):
        discover_pictures(tmp_path, "x")


@pytest.mark.parametrize(("kind", "lowers"), [("Siglip2Tokenizer", True), ("GemmaTokenizer", False)])
def test_texts_of_siglip_2_are_lowered(tmp_path, kind, lowers):
    write(tmp_path, "config.json", CONFIGS["siglip"])
    write(tmp_path, "tokenizer_config.json", {"tokenizer_class": kind})
    assert discover_texts(tmp_path, "x").lower_case is lowers


def test_configs_without_defaults(tmp_path):
    write(tmp_path, "preprocessor_config.json", {})
    write(tmp_path, "config.json", {"model_type": "siglip", "vision_config": {}, "text_config": {}})
    assert discover_pictures(tmp_path, "x").dim == 768
    assert (discover_texts(tmp_path, "x").dim, discover_texts(tmp_path, "x").fixed_tokens) == (768, 64)
    write(tmp_path, "config.json", {"model_type": "siglip", "text_config": {"hidden_size": 1152}})
    assert discover_texts(tmp_path, "x").dim == 1152
    write(tmp_path, "config.json", {"model_type": "clip"})
    assert (discover_pictures(tmp_path, "x").dim, discover_texts(tmp_path, "x").max_tokens) == (512, 77)


def test_pictures_of_any_shape_are_refused(tmp_path):
    write(tmp_path, "config.json", {"model_type": "siglip2"})
    with pytest.raises(UnsupportedModelError, match="naflex"):
        discover_pictures(tmp_path, "x")


def test_rows_name_fastembeds_models_and_ours():
    rows = {row.name: row for row in curated("image")}
    assert len(rows) == 9
    assert all(row.head == "picture" and row.normalize for row in rows.values())
    builtin = find_builtin("builtin:image")
    assert discover_pictures(builtin, "builtin:image").dim == rows["builtin:image"].dim
    assert discover_pictures(builtin, "builtin:image").normalize
    assert read_image_processor(builtin).size == (224, 224)
