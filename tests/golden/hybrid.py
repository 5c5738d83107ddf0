"""The tiny model in the layout of BGE-M3 behind ``hybrid.json``: an XLM-RoBERTa, and two layers saved by PyTorch."""

import json
from pathlib import Path
from typing import Any

from tests.golden import bert_kin
from tests.golden.variants import HERE

LAYERS = HERE / "hybrid"
TEXTS = [
    "",
    "a",
    "hello world",
    "The QUICK brown fox, jumps over 2 lazy dogs!",
    "hello hello world <mask> hello <unk> </s> world",
    "Crème brûlée: naïve Straße, 日本語 ΟΔΟΣ \N{ROCKET}",
    "hello world and the lazy fox " * 12,
]
MODULES = ("Transformer", "Pooling", "Normalize")


def assemble(folder: Path) -> Path:
    """Write the model into ``folder``."""
    bert_kin.GROUP.assemble("xlm_roberta", bert_kin.GROUP.made["xlm_roberta"], folder)
    for layer in ("colbert_linear.pt", "sparse_linear.pt"):
        (folder / layer).write_bytes((LAYERS / layer).read_bytes())
    modules = [
        {"idx": i, "name": str(i), "path": f"{i}_{kind}" if i else "", "type": f"sentence_transformers.models.{kind}"}
        for i, kind in enumerate(MODULES)
    ]
    write(folder / "modules.json", modules)
    write(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": 16, "pooling_mode_cls_token": True})
    return folder


def write(path: Path, content: Any) -> None:
    """Write JSON."""
    path.write_text(json.dumps(content), encoding="utf-8")
