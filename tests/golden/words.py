"""The tiny BM42 and miniCOIL models behind ``words.json``.

``make_words.py`` assembles them for fastembed, the tests for rapidembed.
"""

import json
from pathlib import Path
from shutil import copytree

import numpy as np
from rapidembed import ModelSpec, OnnxSource, WordWeights

from tests.golden.variants import BASE, filler

TEXTS = [
    "",
    "a",
    "hello world",
    "the and over",
    "The QUICK brown fox, jumps over 2 lazy dogs!",
    "Crème brûlée: naïve Straße, 日本語 ΟΔΟΣ \N{ROCKET}",
    "Jumping dogs jumped; the laziest dog runs, running rings. Dogs!",
    "over overs overrun: worlds of worldly words",
    "757 4904 757 word",
    "fox fox fox [SEP] foxes [MASK] [UNK]",
    "x" * 41 + " y" + "x" * 39,
    "the dog " * 5000,
    "quick-thinking worlds' end: e.g. http://dog.example/fox?a=b_c",
]
STOPWORDS = ["the", "and", "over", "of", "a"]
VOCABULARY = ["dog", "jump", "world", "lazy", "over", "fox", "run", "sse"]
STEMS = {"dog": "dog", "jump": "jump", "world": "world", "lazi": "lazy", "overs": "over", "fox": "fox", "rings": "run"}
WIDTH = 4
BM42 = "Qdrant/bm42-all-minilm-l6-v2-attentions"
MINICOIL = "Qdrant/minicoil-v1"
MINICOIL_FILES = ("stopwords.txt", "minicoil.triplet.model.vocab", "minicoil.triplet.model.npy")
SPEC = ModelSpec(
    name="my/minicoil",
    dim=32,
    head="words",
    words=WordWeights(vocabulary=MINICOIL_FILES[1], projections=MINICOIL_FILES[2]),
    onnx_source=OnnxSource(repo="my/minicoil", file="onnx/model.onnx", additional_files=MINICOIL_FILES),
)


def assemble(folder: Path) -> Path:
    """Write an encoder, and beside it the files of both models."""
    copytree(BASE, folder)
    special = {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]"}
    (folder / "special_tokens_map.json").write_text(json.dumps(special | {"mask_token": "[MASK]"}))
    (folder / MINICOIL_FILES[0]).write_text("\n".join(STOPWORDS))
    (folder / MINICOIL_FILES[1]).write_text(json.dumps({"vocab": VOCABULARY, "stem_mapping": STEMS}))
    np.save(folder / "projections.npy", filler(1 + len(VOCABULARY), 32, WIDTH))
    (folder / "projections.npy").rename(folder / MINICOIL_FILES[2])
    return folder
