"""Models of pages: token ids, vectors and scores are transformers', see tests/golden/make_pages.py."""

import asyncio
import io
import json
import pickle

import numpy as np
import pytest
from rapidembed import (
    LateInteractionMultimodalEmbedding,
    ModelSpec,
    OnnxSource,
    PictureError,
    TruncationWarning,
    UnsupportedModelError,
    max_sim,
)
from rapidembed.errors import IntegrityError
from rapidembed.toolkit.compile import compile_model
from safetensors.numpy import load_file, save_file

from tests.golden.compat_models import HERE
from tests.golden.compat_pages import TEXTS as PAGE_TEXTS
from tests.golden.compat_pages import assemble
from tests.golden.compat_pictures import write_pictures
from tests.golden.pages import PICTURES, TEXTS, VARIANTS, VECTORS, write_model
from tests.golden.pictures import array, picture

REFERENCE = load_file(VECTORS)
FASTEMBED = load_file(HERE / "compat.safetensors")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("pages")
    return {name: write_model(name, root / name) for name in VARIANTS}


@pytest.fixture(scope="module")
def models(folders):
    opened = {name: LateInteractionMultimodalEmbedding(folder) for name, folder in folders.items()}
    yield opened
    for model in opened.values():
        model.close()


@pytest.fixture
def model(models):
    return models["colmodernvbert"]


def close(found, expected):
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("name", VARIANTS)
def test_vectors_and_scores_are_those_of_transformers(models, name):
    model = models[name]
    pages, texts = model.encode_image([picture(size) for size in PICTURES]), model.encode_text(list(TEXTS))
    for kind, items in (("page", pages), ("text", texts)):
        for number, vectors in enumerate(items):
            close(vectors, REFERENCE[f"{name}/{kind}/{number}/vectors"])
    scores = np.stack([model.max_sim(text, pages) for text in texts])
    np.testing.assert_allclose(scores, REFERENCE[f"{name}/scores"], rtol=1e-5)
    np.testing.assert_array_equal(scores[0], max_sim(texts[0], pages))


@pytest.mark.parametrize("name", VARIANTS)
def test_tokens_are_those_of_transformers(models, name):
    loaded = models[name]._loaded()
    for role, kind, items in (("query", "text", TEXTS), ("document", "page", map(picture, PICTURES))):
        steps = loaded.steps(loaded.call(role))
        found = [steps.ready([steps.prepare(item, index)])[0] for index, item in enumerate(items)]
        for number, ready in enumerate(found):
            assert ready.ids == REFERENCE[f"{name}/{kind}/{number}/ids"].tolist()
    count = sum(len(REFERENCE[f"{name}/text/{number}/ids"]) for number in range(len(TEXTS)))
    assert models[name].token_count(list(TEXTS), include_extension=True) == count
    assert models[name].token_count("abc") == 5


@pytest.mark.parametrize("name", VARIANTS)
def test_a_text_may_name_the_token_of_pictures(models, name):
    texts = ["an <image> of rent", "an <image><image> of rent"]
    found = models[name].encode_text(texts)
    assert [len(vectors) for vectors in found] == [
        models[name].token_count(each, include_extension=True) for each in texts
    ]
    np.testing.assert_allclose(np.linalg.norm(found[1], axis=1), 1, atol=1e-5)


def test_every_way_gives_the_same_vectors(model, tmp_path):
    picture("landscape").save(tmp_path / "page.png")
    expected = REFERENCE["colmodernvbert/page/0/vectors"]
    content = (tmp_path / "page.png").read_bytes()
    for given in (str(tmp_path / "page.png"), content, io.BytesIO(content), array(37, 61)):
        close(model.encode_image(given), expected)
    for found in model.embed_image(iter([tmp_path / "page.png", content]), batch_size=1):
        close(found, expected)
    close(asyncio.run(model.aencode_image(str(tmp_path / "page.png"))), expected)
    text = REFERENCE["colmodernvbert/text/0/vectors"]
    close(next(model.embed_text(TEXTS[0])), text)
    close(asyncio.run(model.aencode_text(TEXTS[0])), text)
    close(asyncio.run(model.aencode_text(list(TEXTS)))[0], text)
    assert model.encode_text([]) == model.encode_image([]) == list(model.embed_text([])) == []
    with pickle.loads(pickle.dumps(model)) as again:
        close(again.encode_text(TEXTS[0]), text)


def test_what_is_told(model, folders):
    assert (model.embedding_size, model.info.head, model.info.normalize, model.info.max_tokens) == (
        12,
        "page",
        True,
        512,
    )
    with LateInteractionMultimodalEmbedding(folders["colmodernvbert"], rotate=False) as still:
        assert still.fingerprint != model.fingerprint
    assert LateInteractionMultimodalEmbedding.get_embedding_size("Qdrant/colmodernvbert") == 128
    model.encode_text(["x"])
    assert model.stats().calls > 0


def test_texts_do_not_load_what_sees_pictures(folders):
    with LateInteractionMultimodalEmbedding(folders["colmodernvbert"], threads=1) as opened:  # its own engine
        opened.encode_text(list(TEXTS))
        engine = opened._loaded().engine._engine
        sessions = engine._eye._sessions
        assert not sessions._bulk_started
        assert sessions._wide is None


def test_pages_before_a_bad_one_come_first(model, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"<html>not found</html>")
    seen = []
    with pytest.raises(PictureError, match=r"images\[2\] \(.*bad\.png\) is no picture"):
        seen.extend(model.embed_image([picture("dot"), picture("small"), tmp_path / "bad.png"], batch_size=2))
    assert len(seen) == 2
    with pytest.raises(PictureError, match="The picture"):
        model.encode_image(tmp_path / "bad.png")


@pytest.mark.parametrize(
    ("method", "given", "error", "message"),
    [
        ("encode_text", ["a", 3], TypeError, r"texts\[1\] must be a str, got int"),
        ("embed_text", 3, TypeError, "texts must be a str or an iterable of str, got int"),
        ("encode_image", ["https://example.org/a.png"], PictureError, r"images\[0\] .* is a URL"),
        ("embed_image", [b"", 3], TypeError, r"images\[1\] must be a path.*got int"),
    ],
)
def test_what_is_neither_is_refused_at_the_call(model, method, given, error, message):
    with pytest.raises(error, match=message):
        getattr(model, method)(given)
    with pytest.raises(ValueError, match="batch_size must be a positive integer"):
        getattr(model, method)([], batch_size=0)


def test_long_texts_are_cut_before_what_follows_every_query(model, folders):
    whole, text = REFERENCE["colmodernvbert/text/1/ids"], "prices " * 20
    with LateInteractionMultimodalEmbedding(folders["colmodernvbert"], max_tokens=40) as short:
        with pytest.warns(TruncationWarning, match="1 of 2 texts had more than 40 tokens"):
            found = short.encode_text([text, "x"])
        assert len(found[0]) == 40
        close(found[0], model.encode_text(text[: 40 - len(whole)]))
        with pytest.raises(ValueError, match=r"images\[0\] becomes 85 tokens, more than the 40"):
            short.encode_image([picture("landscape")])
    with pytest.raises(ValueError, match="must leave room beside 10 tokens"):
        LateInteractionMultimodalEmbedding(folders["colmodernvbert"], max_tokens=12)


CHANGES = [
    ("config", {"model_type": "colqwen2"}, UnsupportedModelError, "'colqwen2' is no model of pages"),
    ("config", {"architectures": ["Other"]}, UnsupportedModelError, "Other"),
    ("config", {"embedding_dim": 13}, IntegrityError, "embedding_proj_layer"),
    ("processor_config", {"visual_prompt_prefix": "Look at this."}, UnsupportedModelError, "must have <image> once"),
    ("processor_config", {"image_seq_len": 5}, IntegrityError, "image_seq_len is 5, but 4 tokens"),
    (
        "processor_config",
        {"image_processor": {"image_processor_type": "CLIPImageProcessor"}},
        UnsupportedModelError,
        "CLIP",
    ),
    ("vlm_config", {"pixel_shuffle_factor": 3}, UnsupportedModelError, "no squares of pixel_shuffle_factor=3"),
    ("vlm_config", {"image_token_id": None}, IntegrityError, "image_token_id"),
]


@pytest.mark.parametrize(("place", "change", "error", "message"), CHANGES)
def test_what_is_unknown_is_refused_by_name(folders, tmp_path, place, change, error, message):
    folder = write_model("colmodernvbert", tmp_path / "model")
    path = folder / f"{'config' if place == 'vlm_config' else place}.json"
    values = json.loads(path.read_text())
    (values["vlm_config"] if place == "vlm_config" else values).update(change)
    path.write_text(json.dumps(values))
    with pytest.raises(error, match=message):
        LateInteractionMultimodalEmbedding(folder)


PUBLISHED = {
    "colpali": (
        {"vlm.language_model.model.": "vlm.language_model.", "vlm.": "vlm.model."},
        {"vlm.vision_tower.": "vlm.vision_tower.vision_model."},
    ),
    "colmodernvbert": ({"vlm.vision_model.": "vlm.vision_model.vision_model."},),
}


@pytest.mark.parametrize(("name", "renamed"), [(name, each) for name, many in PUBLISHED.items() for each in many])
def test_names_of_tensors_as_they_were_published(tmp_path, name, renamed):
    folder = write_model(name, tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    for before, after in renamed.items():
        tensors = {
            after + key.removeprefix(before) if key.startswith(before) else key: value for key, value in tensors.items()
        }
    save_file(tensors, folder / "model.safetensors")
    with LateInteractionMultimodalEmbedding(folder) as opened:
        close(opened.encode_text(TEXTS[0]), REFERENCE[f"{name}/text/0/vectors"])
        close(opened.encode_image(picture(PICTURES[0])), REFERENCE[f"{name}/page/0/vectors"])


@pytest.mark.slow
def test_openvino_computes_the_same(folders):
    pytest.importorskip("openvino")
    with LateInteractionMultimodalEmbedding(folders["colmodernvbert"], backend="openvino", precision="fp32") as opened:
        np.testing.assert_allclose(opened.encode_text(TEXTS[0]), REFERENCE["colmodernvbert/text/0/vectors"], atol=1e-4)
        np.testing.assert_allclose(
            opened.encode_image([picture(PICTURES[0])])[0], REFERENCE["colmodernvbert/page/0/vectors"], atol=1e-4
        )


def test_a_folder_of_two_graphs_is_not_compiled(model, tmp_path):
    with pytest.raises(UnsupportedModelError, match="reads pages by two graphs"):
        compile_model(model, tmp_path / "compiled")


def test_8_bits_are_refused(folders):
    with pytest.raises(UnsupportedModelError, match="8 bits"):
        LateInteractionMultimodalEmbedding(folders["colmodernvbert"], precision="int8").encode_text("x")
    with LateInteractionMultimodalEmbedding(folders["colmodernvbert"], precision="fast") as opened:
        assert opened.info.precision == "fp32"


@pytest.mark.parametrize("name", ["Qdrant/colmodernvbert", "my/pages"])
def test_onnx_files_of_curated_and_added_models(name, tmp_path):
    folder = assemble("Qdrant/colmodernvbert", tmp_path / "model")
    source = OnnxSource(repo="my/pages", file="model_v2.onnx")
    facts = {"head": "page", "dim": 128, "normalize": True, "architecture": "colmodernvbert", "onnx_source": source}
    LateInteractionMultimodalEmbedding.add_custom_model(ModelSpec(name="my/pages", **facts))
    try:
        with LateInteractionMultimodalEmbedding(name, specific_model_path=folder) as opened:
            assert opened.info.weights.name == "model_v2.onnx"
            pages = opened.encode_image(write_pictures(tmp_path))
            for what, found in (("text/0", opened.encode_text(PAGE_TEXTS[0])), ("image/0", pages[0])):
                raw = FASTEMBED[f"Qdrant/colmodernvbert|pages|{what}"]
                close(found[::40], raw / np.linalg.norm(raw, axis=1, keepdims=True))
    finally:
        LateInteractionMultimodalEmbedding.remove_custom_model("my/pages")
