"""Texts and pictures that are odd, wrong or hostile."""

import io
import json
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from rapidembed import PictureError, RapidEmbedError, TextEmbedding

from tests.fakes.in_use import linux, megabytes, refused
from tests.fakes.tiny import TINY, Row
from tests.fuzz.models import BASES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_odd_texts(model: TextEmbedding, row: Row) -> None:
    """Texts are empty, blank, or of control characters."""
    texts = ["", " ", "\n\t", "\0\1", "\ufffd", "\u202e\u200d", "e" + "\u0301" * 10_000]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert all(np.isfinite(model.encode(text)).all() for text in texts)
    row(38, "a finite vector, in order", f"{len(texts)}/{len(texts)}")


def test_wrong_items(model: TextEmbedding, row: Row) -> None:
    """Items are None, numbers, bytes, lists, dicts."""
    before = model.stats().batches
    items = (None, 3, 2.5, b"x", ["x"], {"a": 1}, object(), np.array(["x"]))
    calls = {repr(item): (lambda item=item: model.encode(["x", "y", item])) for item in items}
    found = refused(calls, TypeError, "texts[2]")
    row(39, "a TypeError with the index, at the call", f"{found}, {model.stats().batches - before} batches run")
    assert model.stats().batches == before


def test_no_items(model: TextEmbedding, row: Row) -> None:
    """No items, or a generator that raises."""
    assert model.encode([]).shape == model.encode(iter(())).shape == (0, 32)
    assert list(model.embed([])) == []

    def failing() -> Iterator[str]:
        yield from ["a"] * 9
        raise KeyError("mine")

    received: list[np.ndarray] = []
    with pytest.raises(KeyError, match="mine"):
        received.extend(model.embed(failing(), batch_size=4))
    row(40, "an empty result; the error passes, earlier rows came", f"{len(received)}/9 rows")
    assert len(received) == 9


def test_any_characters(model: TextEmbedding, row: Row) -> None:
    """Texts of any characters, halves of characters among them."""
    draw = np.random.default_rng(41)
    texts = ["".join(map(chr, draw.integers(0, 0x110000, draw.integers(0, 40)))) for _ in range(10_000)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = model.encode(texts)
    assert np.isfinite(found).all()
    repaired = sum(any("\ud800" <= character <= "\udfff" for character in text) for text in texts)
    told = [str(each.message) for each in caught if "lone surrogates" in str(each.message)]
    assert told
    assert told[0].startswith(f"{repaired} of {len(texts)} texts")
    row(41, "no crash; how many were repaired is told", f"{len(found)} texts, {repaired} repaired")


@linux
def test_huge_texts(model: TextEmbedding, row: Row) -> None:
    """A text of 10 MB, of words and without spaces."""
    before, started = psutil.Process().memory_info().rss, time.process_time()
    with pytest.warns(UserWarning, match="were cut"):
        model.encode(["word " * 2_000_000, "a" * 10_000_000, "\N{ROCKET}" * 2_500_000])
    seconds, grown = time.process_time() - started, (psutil.Process().memory_info().rss - before) / 1e6
    assert seconds < 30
    row(
        42,
        "cut and told, in bounded time and memory",
        f"{seconds:.1f} s of processor time, {max(grown, 0):.0f} MB more",
    )


def test_odd_limits(folder: Path, row: Row) -> None:
    """model_max_length is 1e30, missing, null, 0, negative, a text."""
    path, outcomes = folder / "tokenizer_config.json", []
    for value in (10**30, 1e30, None, 0, -1, "many", True):
        settings = json.loads((TINY / path.name).read_text()) | {"model_max_length": value}
        path.write_text(json.dumps(settings))
        try:
            with TextEmbedding(folder) as model:
                outcomes.append(model.info.max_tokens)
        except RapidEmbedError:
            outcomes.append("error")
    assert outcomes == [64, 64, 64, "error", "error", "error", "error"]
    row(43, "the model's own positions, or an error", ", ".join(map(str, outcomes)))


def test_odd_numbers(model: TextEmbedding, row: Row) -> None:
    """batch_size and parallel are 0, negative, True, a text."""
    wrong = [{"batch_size": value} for value in (0, -1, True, "2", None, 2.5)] + [{"parallel": -1}, {"parallel": "all"}]
    calls = {str(options): (lambda options=options: model.embed(["x"], **options)) for options in wrong}
    assert len(model.encode(["x"] * 3, batch_size=2**40)) == 3
    row(45, "a ValueError at the call, not later; 2**40 is fine", refused(calls, ValueError))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    from rapidembed import ImageEmbedding

    folder = tmp_path_factory.mktemp("clip") / "model"
    BASES["clip"].make(folder)
    with ImageEmbedding(folder) as model:
        yield model


def test_bad_pictures(clip: object, row: Row) -> None:
    """Pictures are truncated, lie about their size, or are bombs."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(file, "PNG")
    good = file.getvalue()
    bomb = io.BytesIO()
    Image.new("1", (50_000, 50_000)).save(bomb, "PNG")
    wide = good[:16] + (50_000).to_bytes(4, "big") * 2 + good[24:]
    given = {"truncated": good[:-40], "header": wide, "bomb": bomb.getvalue(), "text": b"no picture", "empty": b""}
    calls = {name: (lambda data=data: clip.encode([good, data])) for name, data in given.items()}
    before = megabytes()
    found = refused(calls, PictureError, "images[1]")
    row(62, "a PictureError with the index, nothing decoded", f"{found}, {max(megabytes() - before, 0):.0f} MB more")


def test_addresses(clip: object, tmp_path: Path, row: Row) -> None:
    """A picture is given as an address, a folder or a device."""
    given = ["http://example.com/a.png", "https://x/a.png", "file:///etc/hostname", "data:image/png;base64,AA=="]
    calls = {name: (lambda name=name: clip.encode([name])) for name in [*given, str(tmp_path), "/dev/zero"]}
    row(63, "refused; no socket, no read", refused(calls, ValueError))
