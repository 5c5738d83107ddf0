"""Pictures to pixels: equal to transformers' processors on Pillow, and every hostile file refused by name."""

import io
import json
import pickle
import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image
from rapidembed import UnsupportedModelError
from rapidembed.errors import IntegrityError, MissingExtraError, PictureError
from rapidembed.registry.image_processor import ImageProcessor, read_image_processor
from rapidembed.registry.tiled_processor import read_tiled_processor
from rapidembed.runtime.pictures.pixels import normalized, pixels
from rapidembed.runtime.pictures.read import read_picture
from rapidembed.runtime.pictures.reading import Reading
from rapidembed.runtime.pictures.tiles import cut
from safetensors.numpy import load_file

from tests.golden.pictures import FILE, MODES, PROCESSORS, SIZES, TILED, array, picture

GOLDEN = load_file(FILE)


def encoded(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def processor(folder, config, file="preprocessor_config.json", **more):
    (folder / file).write_text(json.dumps(config), encoding="utf-8")
    return read_image_processor(folder, **more)


def read_rgb(value, **options):
    return np.asarray(read_picture(value, how=Reading(**options)))


@pytest.mark.parametrize("label", [label for label in PROCESSORS if label != "convnext"])
@pytest.mark.parametrize("size", SIZES)
def test_pixels_are_those_of_transformers(tmp_path, label, size):
    name, config = PROCESSORS[label]
    found = pixels(picture(size), processor(tmp_path, {"image_processor_type": name, **config}))
    assert np.abs(found - GOLDEN[f"{label}/{size}"]).max() == 0
    assert found.dtype == np.float32


@pytest.mark.parametrize("label", TILED)
@pytest.mark.parametrize("size", SIZES)
def test_tiles_are_those_of_transformers(tmp_path, label, size):
    config = {"image_processor_type": "Idefics3ImageProcessor", **TILED[label]}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(config), encoding="utf-8")
    how = read_tiled_processor(tmp_path)
    found = cut(picture(size), how)
    assert [found.rows, found.columns] == GOLDEN[f"grid/{label}/{size}"].tolist()
    values = np.empty((len(found.pixels), 3, how.side, how.side), dtype=np.float32)
    for tile, room in zip(found.pixels, values, strict=True):
        normalized(tile, how.of_a_tile, room)
    assert values.shape == GOLDEN[f"tiles/{label}/{size}"].shape
    assert np.abs(values - GOLDEN[f"tiles/{label}/{size}"]).max() == 0


def test_other_tilings_are_refused_by_name(tmp_path):
    for config, message in (
        ({"image_processor_type": "CLIPImageProcessor"}, "CLIPImageProcessor"),
        ({"image_processor_type": "Idefics3ImageProcessor", "size": {"height": 3, "width": 3}}, "height"),
        ({"image_processor_type": "Idefics3ImageProcessor", "do_normalize": False}, "do_normalize"),
    ):
        (tmp_path / "preprocessor_config.json").write_text(json.dumps(config), encoding="utf-8")
        with pytest.raises(UnsupportedModelError, match=message):
            read_tiled_processor(tmp_path)


@pytest.mark.parametrize("mode", MODES)
def test_colours_of_every_mode_are_those_of_transformers(tmp_path, mode):
    name, config = PROCESSORS["clip"]
    read = read_picture(picture(mode))
    found = pixels(read, processor(tmp_path, {"image_processor_type": name, **config}))
    assert np.abs(found - GOLDEN[f"mode/{mode}"]).max() == 0


def test_pixels_are_written_where_they_are_wanted():
    wanted = ImageProcessor(resize=(4, 6), resample=3, crop=None, scale=1.0, mean=(0, 0, 0), deviation=(1, 1, 1))
    out = np.full((2, 3, 4, 6), -1, dtype=np.float32)
    assert pixels(picture("square"), wanted, out[1]) is not None
    assert (out[0] == -1).all()
    assert (out[1] >= 0).all()


def test_a_long_picture_fills_no_memory(monkeypatch):
    wanted = ImageProcessor(resize=16, resample=3, crop=(16, 16), scale=1.0, mean=(0, 0, 0), deviation=(1, 1, 1))
    long = Image.fromarray(array(20, 900))
    near = pixels(long, wanted)
    whole = long.resize((720, 16), 3).crop((352, 0, 368, 16))
    assert np.abs(near - np.asarray(whole).transpose(2, 0, 1)).max() <= 1
    asked = []
    resize = Image.Image.resize
    monkeypatch.setattr(
        Image.Image,
        "resize",
        lambda self, size, *rest, **more: (asked.append(size), resize(self, size, *rest, **more))[1],
    )
    assert pixels(Image.new("RGB", (1, 20_000), "red"), wanted).shape == (3, 16, 16)
    assert asked == [(16, 16)]


GENERATIONS = [
    ("preprocessor_config.json", {"feature_extractor_type": "CLIPFeatureExtractor", "size": 30, "crop_size": 20}),
    (
        "preprocessor_config.json",
        {
            "image_processor_type": "CLIPImageProcessorFast",
            "size": {"shortest_edge": 30, "height": None},
            "crop_size": {"height": 20, "width": 20},
        },
    ),
    (
        "processor_config.json",
        {
            "image_processor": {
                "image_processor_type": "CLIPImageProcessorPil",
                "size": {"shortest_edge": 30},
                "crop_size": 20,
            }
        },
    ),
]


@pytest.mark.parametrize(("file", "config"), GENERATIONS)
def test_every_generation_of_files_says_the_same(tmp_path, file, config):
    found = processor(tmp_path, config, file)
    assert (found.resize, found.crop, found.resample, found.size) == (30, (20, 20), 3, (20, 20))


def test_the_model_type_decides_where_the_file_does_not(tmp_path):
    assert processor(tmp_path, {"size": 30}, model_type="vit").resize == (30, 30)
    assert processor(tmp_path, {"size": 30}, model_type="dinov2").resize == 30
    with pytest.raises(UnsupportedModelError, match="model_type bert"):
        processor(tmp_path, {"size": 30}, model_type="bert")


def test_convnext_crops_small_pictures_only(tmp_path):
    name = PROCESSORS["convnext"][0]
    large = processor(tmp_path, {"image_processor_type": name, "size": {"shortest_edge": 384}})
    small = processor(tmp_path, {"image_processor_type": name, "size": {"shortest_edge": 224}})
    assert (large.resize, large.crop) == ((384, 384), None)
    assert (small.resize, small.crop) == (256, (224, 224))


def test_jina_clip_rounds_its_crop_to_even(tmp_path):
    config = {"image_processor_type": "JinaCLIPImageProcessor", "size": 8, "interpolation": "bicubic", "mode": "RGB"}
    found = processor(
        tmp_path, config | {"resize_mode": "shortest", "fill_color": 0, "mean": [0, 0, 0], "std": [1, 1, 1]}
    )
    image = Image.fromarray(array(8, 11))  # 1.5 pixels are cut off at the left: 2
    expected = array(8, 11)[:, 2:10].transpose(2, 0, 1)
    assert np.abs(pixels(image, found) * 255 - expected).max() < 1e-4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_processor_type": "Siglip2ImageProcessor"}, "Siglip2ImageProcessor"),
        ({"resample": 9}, "resample=9"),
        ({"do_pad": True}, "do_pad=True"),
        ({"size": {"longest_edge": 9}}, "longest_edge"),
        ({"image_processor_type": "ConvNextImageProcessor", "size": {"height": 9, "width": 9}}, "shortest_edge"),
    ],
)
def test_unknown_values_are_refused_by_name(tmp_path, change, message):
    with pytest.raises(UnsupportedModelError, match=message):
        processor(tmp_path, {"image_processor_type": "CLIPImageProcessor"} | change)


@pytest.mark.parametrize(
    "change",
    [
        {"size": "big"},
        {"size": -1},
        {"image_mean": [1, 2]},
        {"image_std": [1, 1, 0]},
        {"do_resize": 3},
        {"crop_size": 0.5},
    ],
)
def test_wrong_values_are_refused(tmp_path, change):
    with pytest.raises(IntegrityError, match=next(iter(change))):
        processor(tmp_path, {"image_processor_type": "CLIPImageProcessor"} | change)


def test_a_folder_without_a_processor(tmp_path):
    with pytest.raises(UnsupportedModelError, match=r"preprocessor_config\.json"):
        read_image_processor(tmp_path)


def test_all_ways_to_give_a_picture_agree(tmp_path):
    image = picture("landscape")
    content = encoded(image)
    path = tmp_path / "a picture.png"
    path.write_bytes(content)
    file = io.BytesIO(content)
    file.seek(0, io.SEEK_END)
    with path.open("rb") as opened:
        for value in (str(path), path, content, bytearray(content), file, opened, image, array(*SIZES["landscape"])):
            np.testing.assert_array_equal(read_rgb(value), np.asarray(image))
    grey = array(5, 4, 1)
    np.testing.assert_array_equal(read_rgb(grey), np.repeat(grey, 3, axis=2))
    np.testing.assert_array_equal(read_rgb(grey[..., 0]), np.repeat(grey, 3, axis=2))
    np.testing.assert_array_equal(read_rgb(array(9, 9)[::2, ::-1]), array(9, 9)[::2, ::-1])


@pytest.mark.parametrize(
    ("kind", "tolerance"), [("JPEG", 40), ("WEBP", 0), ("GIF", 60), ("TIFF", 0), ("BMP", 0), ("PPM", 0)]
)
def test_formats(kind, tolerance):
    image = Image.fromarray(array(12, 12))
    options = {"lossless": True} if kind == "WEBP" else {}
    found = read_rgb(encoded(image, kind, **options)).astype(int)
    assert found.shape == (12, 12, 3)
    assert np.abs(found - np.asarray(image)).mean() <= tolerance


def test_the_camera_says_what_is_up():
    image = Image.fromarray(array(6, 9))
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encoded(image, exif=exif)
    np.testing.assert_array_equal(read_rgb(content), np.rot90(np.asarray(image), -1))
    np.testing.assert_array_equal(read_rgb(content, rotate=False), np.asarray(image))


def test_transparent_parts_are_white_or_what_lies_under():
    under = np.zeros((2, 2, 4), dtype=np.uint8)
    under[0, 0] = 9, 8, 7, 255
    assert read_rgb(under)[1, 1].tolist() == [255, 255, 255]
    assert read_rgb(under)[0, 0].tolist() == [9, 8, 7]
    assert read_rgb(under, alpha="drop")[1, 1].tolist() == [0, 0, 0]
    palette = picture("transparent P")
    np.testing.assert_array_equal(read_rgb(palette, alpha="drop"), np.asarray(picture("P").convert("RGB")))


def test_16_bits_keep_their_upper_8():
    deep = np.array([[0, 255, 256], [40_000, 65_535, 32_768]], dtype=np.uint16)
    expected = (deep >> 8).astype(np.uint8)
    for content in (encoded(Image.fromarray(deep)), encoded(Image.fromarray(deep), "TIFF")):
        np.testing.assert_array_equal(read_rgb(content)[..., 0], expected)
    np.testing.assert_array_equal(read_rgb(Image.fromarray(deep.astype(np.int32)))[..., 1], expected)
    fractions = Image.fromarray(np.array([[0.0, 127.6, 300.0, -4.0]], dtype=np.float32))
    assert read_rgb(encoded(fractions, "TIFF"))[0, :, 2].tolist() == [0, 127, 255, 0]


def test_inverted_cmyk_of_adobe_is_turned_back():
    image = Image.new("RGB", (16, 16), (200, 40, 90))
    content = encoded(image.convert("CMYK"), "JPEG", quality=95)  # Pillow writes it as Adobe does
    assert b"Adobe" in content
    assert np.abs(read_rgb(content).astype(int) - (200, 40, 90)).max() < 6


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_frame_of_an_animation(kind):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]
    options = {"lossless": True} if kind == "WEBP" else {}
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    np.testing.assert_array_equal(read_rgb(content), np.asarray(frames[0]))


def test_draft_decodes_less(tmp_path):
    content = encoded(Image.fromarray(array(512, 512)), "JPEG")
    image = read_picture(content, how=Reading(draft=True), least=(64, 64))
    assert image.size == (128, 128)
    assert read_picture(content, how=Reading(), least=(64, 64)).size == (512, 512)


def bomb(width, height):
    """A PNG of few bytes whose header promises much."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def test_bombs_are_refused_before_they_are_decoded():
    with pytest.raises(PictureError, match=r"images\[3\] has 50000 x 50000 pixels, more than max_pixels=89478485"):
        read_picture(bomb(50_000, 50_000), 3)
    with pytest.raises(PictureError, match="max_pixels=10"):
        read_picture(picture("square"), how=Reading(max_pixels=10))
    with pytest.raises(PictureError, match="max_pixels=10"):
        read_picture(array(4, 4), how=Reading(max_pixels=10))


def test_the_limit_can_be_raised_above_pillows(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)  # Pillow refuses twice as many
    content = encoded(Image.fromarray(array(30, 30)))
    assert read_rgb(content, max_pixels=900).shape == (30, 30, 3)


def test_lying_headers():
    with pytest.raises(PictureError, match=r"images\[0\] cannot be decoded"):
        read_picture(bomb(900, 900), 0)
    with pytest.raises(PictureError, match=r"is empty|cannot be decoded|no picture"):
        read_picture(bomb(0, 10), 0)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_truncated_files_name_index_and_path(tmp_path, kind):
    content = encoded(Image.fromarray(array(64, 64)), kind)
    path = tmp_path / f"cut.{kind.lower()}"
    path.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(PictureError) as caught:
        read_picture(path, 7)
    assert (caught.value.index, caught.value.path) == (7, str(path))
    assert f"images[7] ({path}) cannot be decoded" in str(caught.value) or "no picture" in str(caught.value)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.index, again.path) == (str(caught.value), 7, str(path))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is empty"),
        (b"\n<!DOCTYPE html><html>", "markup"),
        (b"<svg xmlns='...'>", "markup"),
        (b"%PDF-1.7", "PDF"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "begins with"),
        (b"SIMPLE  =                    T", "begins with"),
    ],
)
def test_what_is_no_picture_is_told_what_it_is(tmp_path, content, says):
    path = tmp_path / "picture.jpg"
    path.write_bytes(content)
    with pytest.raises(PictureError, match=says):
        read_picture(path, 2)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a.jpg",
        "HTTPS://example.com/a.jpg",
        "file:///etc/passwd",
        "data:image/png;base64,AA",
        "s3://b/k",
    ],
)
def test_urls_are_refused(url):
    with pytest.raises(PictureError, match=r"images\[1\].*is a URL; nothing is downloaded"):
        read_picture(url, 1)


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(PictureError, match="is a folder"):
        read_picture(tmp_path)
    with pytest.raises(PictureError, match="No such file"):
        read_picture(tmp_path / "missing.png")
    with pytest.raises(PictureError, match="null"):
        read_picture("a\0b")
    if sys.platform != "win32":
        with pytest.raises(PictureError, match="device or a pipe"):
            read_picture("/dev/zero")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (np.zeros((4, 4, 3)), "uint8, got float64; scale it"),
        (np.zeros((3, 40, 40), dtype=np.uint8), r"move the channels to the end"),
        (np.zeros((4, 4, 2), dtype=np.uint8), "shape"),
        (np.zeros((0, 4, 3), dtype=np.uint8), "empty"),
    ],
)
def test_arrays_of_other_kinds_are_refused(value, says):
    with pytest.raises(PictureError, match=says):
        read_picture(value, 0)


@pytest.mark.parametrize("value", [None, 3, ["a.png"], {"image": "a.png"}])
def test_what_is_no_picture_is_a_type_error(value):
    with pytest.raises(TypeError, match=r"images\[5\] must be a path, bytes"):
        read_picture(value, 5)


def test_a_file_opened_as_text(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("hello", encoding="utf-8")
    with path.open(encoding="utf-8") as file, pytest.raises(PictureError, match="open it as binary"):
        read_picture(file)


def test_a_format_whose_codec_is_missing_is_not_tried(monkeypatch):
    def factory(*_):
        raise AssertionError

    Image.preinit()
    monkeypatch.setitem(Image.OPEN, "GIF", (factory, lambda beginning: "GIF needs a codec that is not installed"))
    with pytest.raises(PictureError, match="is no picture"):
        read_picture(encoded(Image.fromarray(array(4, 4)), "GIF"))


def test_without_pillow_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'rapidembed\[image\]'"):
        read_picture(b"x")
