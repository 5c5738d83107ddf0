"""Hostile inputs of good models: texts, pictures, options, facts of a model, and adapters of the toolkit."""

import io
import random
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from rapidembed import ImageEmbedding, ModelSpec, SparseTextEmbedding, TextEmbedding

from tests.fuzz import values
from tests.fuzz.models import BASES, GOLDEN, PICTURE

_PIECES = (
    "the", " ", "dog", "\0", "\n", "\u200d", "\u202e", "\ud83d", "\udc00", "\U0001f469\u200d\U0001f680",
    "e" + "\u0301" * 40,
    "[CLS]", "[MASK]", "\ufeff", "\U0010ffff", "\u3042" * 30, "a" * 500, "##s", "<s>", "\x1b[0m", "\u0130\u1e9e\ufb03",
)  # fmt: skip


def texts(place: Path, choose: random.Random) -> str:
    """Texts of any characters and lengths, alone and in batches, in every form of call."""
    given = [
        "".join(choose.choices(_PIECES, k=choose.choice([0, 1, 5, 60, 700]))) for _ in range(choose.choice([1, 3, 40]))
    ]
    model, options = choose.choice(_text_models()), {"batch_size": choose.choice([1, 2, 7, 256, 2**40])}
    rows = list(model.embed(iter(given), **options)) if choose.random() < 0.5 else list(model.encode(given, **options))
    if len(rows) != len(given):
        raise AssertionError(f"{len(rows)} rows of {len(given)} texts")
    alone = model.encode(given[-1])
    if isinstance(alone, np.ndarray) and not np.allclose(alone, rows[-1], atol=1e-5):
        raise AssertionError("a text has another vector alone")
    return f"{len(given)} texts"


@cache
def _text_models() -> tuple[Any, ...]:
    static = GOLDEN / "folders" / "static"
    folders = [GOLDEN / "folders" / name for name in ("bert", "roberta", "albert", "qwen3", "deberta-v2")]
    dense = [TextEmbedding(folder) for folder in (*folders, static)]
    return (*dense, SparseTextEmbedding("Qdrant/bm25"))


def pictures(place: Path, choose: random.Random) -> str:
    """Picture files of every format with bytes changed, sizes that lie, and no ends."""
    from PIL import Image

    kind = choose.choice(["PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "PPM"])
    file = io.BytesIO()
    Image.fromarray(PICTURE).save(file, kind)
    content = bytearray(file.getvalue())
    near = choose.choice([len(content), min(60, len(content))])
    way = choose.randrange(5)
    if way == 0:
        del content[choose.randrange(len(content)) :]
    elif way == 1 and kind in ("PNG", "BMP", "GIF"):
        place_of_size = {"PNG": 16, "BMP": 18, "GIF": 6}[kind]
        size = choose.choice([0, 1, 2**15, 2**16 - 1, 2**31 - 1])
        packed = struct.pack(">II", size, size) if kind == "PNG" else struct.pack("<II", size, size)
        content[place_of_size : place_of_size + 8] = packed
    else:
        for _ in range(choose.choice([1, 2, 8, 40])):
            content[choose.randrange(near)] = choose.choice([0, 0xFF, 0x7F, choose.randrange(256)])
    given: Any = bytes(content)
    if choose.random() < 0.3:
        given = place / "picture"
        given.write_bytes(content)
    _clip(place).encode([given])
    return f"a {kind}"


@cache
def _opened() -> dict[str, Any]:
    return {}


def _clip(place: Path) -> Any:
    opened = _opened()
    if "clip" not in opened:
        BASES["clip"].make(place / "clip")
        opened["clip"] = ImageEmbedding(place / "clip")
    return opened["clip"]


def options(place: Path, choose: random.Random) -> str:
    """Values of a constructor's and of a call's options that nobody expects."""
    names = ["dimensions", "normalize", "prompts", "max_tokens", "threads", "precision", "device", "pooling", "backend"]
    given = {name: values.wrong(choose) for name in choose.sample(names, choose.choice([1, 1, 2]))}
    with TextEmbedding(GOLDEN / "folders" / "bert", **given) as model:
        model.encode(["the dog"], batch_size=choose.choice([8, values.wrong(choose)]))
    return ", ".join(given)


def specs(place: Path, choose: random.Random) -> str:
    """Facts of a model, as code registers them."""
    given: dict[str, Any] = {"name": "a/b", "dim": 8, "pooling": ("mean",), "normalize": True, "max_tokens": 64}
    names = ("name", "dim", "head", "pooling")
    changed = {name: values.wrong(choose) for name in choose.sample(names, choose.choice([1, 1, 2]))}
    ModelSpec(**given | changed)
    return ", ".join(changed)


def adapters(place: Path, choose: random.Random) -> str:
    """Files of the toolkit's adapters."""
    from rapidembed.runtime.adapter import Adapter

    path = place / "adapter.safetensors"
    Adapter(np.ones((8, 2), np.float32), np.ones((2, 8), np.float32), "query").save(path)
    content = bytearray(path.read_bytes())
    for _ in range(choose.choice([1, 2, 8])):
        content[choose.randrange(len(content))] = choose.randrange(256)
    path.write_bytes(content[: choose.choice([len(content), choose.randrange(len(content))])])
    Adapter.load(path)
    return "bytes of an adapter"


INPUTS: dict[str, Callable[[Path, random.Random], str]] = {
    "texts": texts,
    "pictures": pictures,
    "options": options,
    "specs": specs,
    "adapters": adapters,
}
