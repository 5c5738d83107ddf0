"""The facade of pictures, and texts in their space: vectors of whole files are transformers', errors come in turn."""

import asyncio
import io
import json
import pickle

import numpy as np
import pytest
from PIL import Image
from rapidembed import (
    ClosedError,
    ImageEmbedding,
    ImageProcessor,
    ModelSpec,
    OnnxSource,
    PictureError,
    TextEmbedding,
    UnsupportedModelError,
)
from rapidembed.graph.weights import Weights
from rapidembed.registry.config_file import ConfigFile
from rapidembed.runtime.pictures.sample import drawn
from safetensors.numpy import load_file

from tests.core.test_vision_graphs import build_texts, run
from tests.fakes.onnx_models import write_pictures_model
from tests.golden.pictures import array, picture
from tests.golden.vision import PROCESSOR, VECTORS, texts, write_model, write_tokenizer

REFERENCE = load_file(VECTORS)


def write_clip(folder, name="clip"):
    write_model(name, folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))
    write_tokenizer(folder, None if name == "siglip" else 59)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clip") / "model")


@pytest.fixture(scope="module")
def model(folder):
    with ImageEmbedding(folder) as opened:
        yield opened


@pytest.fixture
def files(tmp_path):
    for name in ("landscape", "portrait"):
        picture(name).save(tmp_path / f"{name}.png")
    return [tmp_path / "landscape.png", tmp_path / "portrait.png"]


def cosines(found, expected):
    return (found * expected).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)


def test_vectors_of_files_are_those_of_transformers(model, files):
    found = model.encode(files)
    expected = np.concatenate([REFERENCE["whole/landscape"], REFERENCE["whole/portrait"]])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=1e-5)


def test_every_way_gives_the_same_vector(model, files):
    expected = model.encode(files[0])
    assert expected.shape == (20,) == (model.embedding_size,)
    content = files[0].read_bytes()
    given = [str(files[0]), content, io.BytesIO(content), picture("landscape"), array(37, 61)]
    np.testing.assert_allclose(model.encode(given), np.tile(expected, (5, 1)), atol=1e-6)
    for each in [*given[:2], io.BytesIO(content), *given[3:]]:
        np.testing.assert_allclose(model.encode(each), expected, atol=1e-6)
    np.testing.assert_allclose(list(model.embed(iter(given[:2]), batch_size=1)), [expected] * 2, atol=1e-6)
    np.testing.assert_allclose(asyncio.run(model.aencode(files))[0], expected, atol=1e-6)
    assert model.encode([]).shape == (0, 20)
    assert list(model.embed([])) == []


def test_normalize_and_what_is_told(folder, files):
    with ImageEmbedding(folder, normalize=True) as unit, ImageEmbedding(folder, rotate=False) as still:
        vectors = unit.encode(files)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
        assert (unit.info.normalize, unit.info.head, unit.info.dimensions) == (True, "picture", 20)
        assert unit.info.max_tokens is None
        assert len({unit.fingerprint, still.fingerprint, ImageEmbedding(folder).fingerprint}) == 3
        assert ImageEmbedding(folder, max_pixels=5).fingerprint == ImageEmbedding(folder).fingerprint


def test_a_picture_is_turned_unless_told_not_to(folder, tmp_path):
    upright, turned = picture("landscape"), picture("landscape").rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.save(tmp_path / "turned.png", exif=exif)
    with ImageEmbedding(folder) as opened, ImageEmbedding(folder, rotate=False) as still:
        np.testing.assert_allclose(opened.encode(tmp_path / "turned.png"), opened.encode(upright), atol=1e-6)
        np.testing.assert_allclose(still.encode(tmp_path / "turned.png"), opened.encode(turned), atol=1e-6)
        assert np.abs(still.encode(turned) - opened.encode(upright)).max() > 1e-3


def test_vectors_before_a_bad_picture_come_first(model, files, tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"<html>not found</html>")
    given = [files[0]] * 5 + [tmp_path / "bad.jpg"] + [files[1]] * 3
    seen = []
    with pytest.raises(PictureError, match=r"images\[5\] \(.*bad\.jpg\) is no picture") as caught:
        seen.extend(model.embed(given, batch_size=2))
    assert (len(seen), caught.value.index) == (5, 5)
    assert caught.value.path == str(tmp_path / "bad.jpg")
    with pytest.raises(PictureError, match=r"images\[5\]"):
        model.encode(given)
    with pytest.raises(PictureError, match=r"The picture \(.*bad\.jpg\)"):
        model.encode(tmp_path / "bad.jpg")


def test_a_bad_picture_that_a_stream_ends_with(model, files):
    def stream():
        yield files[0]
        yield None

    seen = []
    with pytest.raises(TypeError, match=r"images\[1\] must be a path"):
        seen.extend(model.embed(stream()))
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (["https://example.org/a.jpg"], PictureError, r"images\[0\] .* is a URL"),
        ("https://example.org/a.jpg", PictureError, "The picture .* is a URL"),
        ([b"", 3], TypeError, r"images\[1\] must be a path.*got int"),
        (3, TypeError, "must be a picture or an iterable of pictures, got int"),
        ({"a.jpg": 1}, TypeError, "got dict"),
        (np.zeros((2, 8, 8, 3), np.uint8), TypeError, r"list\(images\)"),
        ([np.zeros((8, 8, 3), np.float32)], PictureError, r"images\[0\] must be an array of uint8"),
    ],
)
def test_what_is_no_picture_is_refused_at_the_call(model, given, error, message):
    for method in (model.encode, model.embed):
        with pytest.raises(error, match=message):
            method(given)


@pytest.mark.parametrize(
    ("option", "value"),
    [("rotate", 1), ("alpha", "black"), ("max_pixels", 0), ("draft", "yes"), ("normalize", "l2"), ("threads", 0)],
)
def test_options_are_checked(folder, option, value):
    with pytest.raises(ValueError, match=option):
        ImageEmbedding(folder, **{option: value})


def test_arguments_are_checked_at_the_call(model, files):
    for arguments in ({"batch_size": 0}, {"parallel": -1}):
        with pytest.raises(ValueError, match=next(iter(arguments))):
            model.embed(files, **arguments)


def test_pickled_closed_and_shared(model, files, folder):
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.encode(files), model.encode(files))
    copy.close()
    with pytest.raises(ClosedError):
        copy.encode(files)


def test_a_stream_of_any_length_takes_as_much_as_a_window(model, monkeypatch):
    """A reader that is never far ahead of what was computed."""
    monkeypatch.setattr("rapidembed.tasks.image.model._WINDOW_BYTES", 16 * 16 * 3 * 8)
    read = 0

    def stream():
        nonlocal read
        for number in range(300):
            read = number + 1
            yield np.full((16, 16, 3), number % 256, np.uint8)

    for number, _ in enumerate(model.embed(stream(), batch_size=4)):
        assert read - number <= 3 * 8
    assert read == 300


@pytest.mark.parametrize("name", ["clip", "siglip"])
def test_8_bits_are_near(tmp_path, name):
    folder = write_clip(tmp_path / "model", name)
    given = [array(40, 30 + i) for i in range(6)]
    with ImageEmbedding(folder, precision="int8") as rounded, ImageEmbedding(folder) as exact:
        found, expected = rounded.encode(given), exact.encode(given)
        assert rounded.info.precision == "int8"
        assert cosines(found, expected).min() > 0.995
        assert np.abs(found - expected).max() > 1e-6
    with TextEmbedding(folder, precision="int8") as rounded, TextEmbedding(folder) as exact:
        assert cosines(rounded.encode(texts(name)), exact.encode(texts(name))).min() > 0.99


# Texts


@pytest.mark.parametrize("name", ["clip", "siglip"])
def test_texts_in_the_space_of_pictures(tmp_path, name):
    with TextEmbedding(write_clip(tmp_path / "model", name)) as model:
        assert model.info.max_tokens == 9
        found = model.encode(texts(name))
        np.testing.assert_allclose(found, REFERENCE[f"{name}/texts"], atol=1e-5, rtol=1e-5)
        np.testing.assert_allclose(model.encode(texts(name)[0]), found[0], atol=1e-5)


def test_short_texts_of_siglip_are_filled_up(tmp_path):
    folder = write_clip(tmp_path / "model", "siglip")
    ids = np.full((1, 9), 1)
    ids[0, :3] = [7, 8, 9]
    config, weights = ConfigFile.read(folder / "config.json"), Weights([("", folder / "model.safetensors")])
    expected = run(build_texts(config, weights), weights, {"input_ids": ids})["embedding"]
    with TextEmbedding(folder) as model:
        np.testing.assert_allclose(model.encode(["w07 w08 w09"]), expected, atol=1e-5)


@pytest.mark.parametrize("generation", [5, 6])
def test_a_folder_of_sentence_transformers_gives_both(tmp_path, files, generation):
    inner = {5: "0_CLIPModel", 6: ""}[generation]
    kind = {5: "models.CLIPModel", 6: "base.modules.transformer.Transformer"}[generation]
    write_clip(tmp_path / "st" / inner)
    modules = [{"idx": 0, "name": "0", "path": inner, "type": f"sentence_transformers.{kind}"}]
    (tmp_path / "st" / "modules.json").write_text(json.dumps(modules))
    if generation == 6:
        modalities = {
            kind: {"method": f"get_{kind}_features", "method_output_name": "pooler_output"}
            for kind in ("text", "image")
        }
        settings = {
            "transformer_task": "feature-extraction",
            "modality_config": modalities,
            "module_output_name": "sentence_embedding",
        }
        (tmp_path / "st" / "sentence_bert_config.json").write_text(json.dumps(settings))
    with ImageEmbedding(tmp_path / "st") as pictures, TextEmbedding(tmp_path / "st") as words:
        np.testing.assert_allclose(pictures.encode(files[0])[None], REFERENCE["whole/landscape"], atol=1e-5)
        np.testing.assert_allclose(words.encode(texts("clip")), REFERENCE["clip/texts"], atol=1e-5)


# Models by name, and ONNX files


def test_what_ships_finds_the_same_picture_again(tmp_path):
    with ImageEmbedding() as model, ImageEmbedding(precision="fast") as fast:
        assert fast.info.precision == "fp32"
        shown = [array(200, 260), drawn((224, 224))[0][0], np.full((64, 64, 3), 200, np.uint8)]
        again = Image.fromarray(shown[1]).resize((400, 380))
        vectors = model.encode([*shown, again])
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        assert (vectors[3] @ vectors[:3].T).argmax() == 1
        assert vectors[3] @ vectors[1] > 0.9
    with pytest.raises(UnsupportedModelError, match="convolutions"):
        ImageEmbedding(precision="int8")


def test_models_that_are_known():
    known = {model["model"]: model for model in ImageEmbedding.list_supported_models()}
    assert known["Qdrant/clip-ViT-B-32-vision"]["dim"] == 512
    assert len(known) == 9
    assert ImageEmbedding.get_embedding_size("qdrant/clip-vit-b-32-vision") == 512


@pytest.mark.parametrize("form", ["vectors", "patches", "map", "fixed rows"])
def test_an_onnx_file_of_the_users_own(tmp_path, form):
    write_pictures_model(tmp_path / "model.onnx", form)
    (tmp_path / "config.json").write_text("{}")
    processor = {"image_processor_type": "ViTImageProcessor", "size": {"height": 8, "width": 8}}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(processor | {"do_normalize": False}))
    pooling = "cls" if form == "patches" else "disabled"
    ImageEmbedding.add_custom_model("mine/pictures", pooling, False, "mine/pictures", 3, "model.onnx")
    try:
        with ImageEmbedding("mine/pictures", specific_model_path=tmp_path) as model:
            white, red = np.full((9, 9, 3), 255, np.uint8), np.zeros((5, 5, 3), np.uint8)
            red[..., 0] = 255
            np.testing.assert_allclose(model.encode([white, red, white]), [[1, 1, 1], [1, 0, 0], [1, 1, 1]], atol=1e-6)
            with pytest.raises(UnsupportedModelError, match="precision is fixed"):
                ImageEmbedding("mine/pictures", specific_model_path=tmp_path, precision="int8")
    finally:
        ImageEmbedding.remove_custom_model("mine/pictures")


def test_a_spec_may_say_what_is_done_with_pictures(tmp_path):
    write_pictures_model(tmp_path / "model.onnx", "vectors")
    (tmp_path / "config.json").write_text("{}")
    how = ImageProcessor(resize=(8, 8), resample=2, crop=None, scale=2 / 255, mean=(0, 0, 0), deviation=(1, 1, 1))
    source = OnnxSource(repo="mine/pictures", file="model.onnx")
    spec = ModelSpec(name="mine/pictures", dim=3, head="picture", onnx_source=source, picture=how)
    ImageEmbedding.add_custom_model(spec)
    try:
        with ImageEmbedding("mine/pictures", specific_model_path=tmp_path) as model:
            np.testing.assert_allclose(model.encode(np.full((8, 8, 3), 255, np.uint8)), [2, 2, 2], atol=1e-6)
    finally:
        ImageEmbedding.remove_custom_model("mine/pictures")


def test_a_model_of_texts_is_no_model_of_pictures(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(UnsupportedModelError, match="'bert' is no model of pictures"):
        ImageEmbedding(tmp_path)
