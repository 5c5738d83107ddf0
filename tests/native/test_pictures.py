"""Resampling by the native library, which must equal Pillow's to the last bit."""

import numpy as np
import pytest
from rapidembed.registry.image_processor import ImageProcessor
from rapidembed.runtime.pictures import memory, resize
from rapidembed.runtime.pictures.pixels import shaped

Image = pytest.importorskip("PIL.Image")
native = pytest.importorskip("rapidembed_native.pictures", reason="rapidembed-native is not installed: make native")

ISAS = [
    pytest.param(isa, marks=[] if isa <= native.best_isa() else pytest.mark.skip(reason=f"no {isa.name} here"))
    for isa in native.PictureIsa
]
FILTERS = (1, 2, 3, 4, 5)


def picture(height, width, seed=0):
    """Noise and plain areas, whose edges make sums that must be cut off."""
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (height, width, 4), dtype=np.uint8)
    pixels[random.random((height, width)) < 0.3] = 255
    pixels[random.random((height, width)) < 0.3] = 0
    return pixels


def image(height, width, seed=0):
    return Image.fromarray(np.ascontiguousarray(picture(height, width, seed)[..., :3]))


def processor(**changes):
    return ImageProcessor(**{"resample": 3, "scale": 1 / 255, "mean": (0,) * 3, "deviation": (1,) * 3} | changes)


def resampled(pixels, size, number, window, isa):
    height, width = pixels.shape[:2]
    top, left, rows, columns = window
    across = native.make_taps(number, width, size[1], left, columns)
    down = native.make_taps(number, height, size[0], top, rows)
    first, last = down.inputs
    narrow = np.empty((last - first, columns, 4), np.uint8)
    native.across(across, pixels[first:].ctypes.data, width * 4, narrow, isa)
    out = np.empty((rows, columns, 3), np.uint8)
    native.down(down, narrow, first, out, isa)
    return out


@pytest.mark.parametrize("isa", ISAS)
def test_every_filter_equals_pillows(isa):
    random = np.random.default_rng(1)
    compared = 0
    while compared < 60:
        (height, width), size = (np.exp(random.uniform(0, np.log(most), 2)).astype(int) for most in (400, 150))
        if not resize._across_first((height, width), size):
            continue
        compared += 1
        pixels = picture(height, width, compared)
        top, left = (int(random.integers(side)) for side in size)
        rows, columns = (
            int(random.integers(1, side - start + 1)) for side, start in zip(size, (top, left), strict=True)
        )
        for number in FILTERS:
            whole = Image.fromarray(np.ascontiguousarray(pixels[..., :3])).resize((size[1], size[0]), number)
            expected = np.asarray(whole)[top : top + rows, left : left + columns]
            found = resampled(pixels, size, number, (top, left, rows, columns), isa)
            np.testing.assert_array_equal(found, expected, f"{number}: {width} x {height} to {size}")


@pytest.mark.parametrize(
    ("size", "options"),
    [
        ((300, 500), {"resize": 64, "crop": (64, 64)}),
        ((500, 170), {"resize": 64, "crop": (64, 50)}),  # so tall that Pillow may begin with columns
        ((90, 70), {"resize": 64, "crop": (80, 100), "crop_to_even": True}),
        ((33, 20), {"resize": (64, 48), "crop": None, "resample": 1}),
        ((64, 64), {"resize": 64, "crop": (60, 60), "resample": 2}),
    ],
)
def test_preprocessing_is_the_same_with_and_without(monkeypatch, size, options):
    how, given = processor(**options), image(*size)
    assert resize._taps() is not None
    found = [shaped(given, how)]
    with monkeypatch.context() as patch:  # a picture of many blocks, read strip by strip
        patch.setattr(memory, "_BLOCK", 0)
        patch.setattr(memory, "_STRIP", 3000)
        found.append(shaped(given, how))
    with monkeypatch.context() as patch:
        patch.setattr(memory, "_exported", lambda _: None)
        found.append(shaped(given, how))
    monkeypatch.setattr(resize, "_taps", lambda: None)
    expected = shaped(given, how)
    for pixels in found:
        np.testing.assert_array_equal(pixels, expected)


def test_wrong_calls_are_refused():
    with pytest.raises(ValueError, match="a filter from 1 to 5"):
        native.make_taps(9, 10, 5)
    taps = native.make_taps(3, 10, 5)
    pixels, out = np.zeros((10, 7, 4), np.uint8), np.zeros((5, 7, 3), np.uint8)
    with pytest.raises(ValueError, match="taps within the picture"):
        native.down(taps, pixels[:9].copy(), 0, out)
    with pytest.raises(ValueError, match="expected contiguous uint8"):
        native.down(taps, pixels, 0, out[:, :5])
