"""Recompute ``words.json``: ``python -m tests.golden.make_words``.

Runs where fastembed and transformers are installed. It keeps what fastembed's BM42 and miniCOIL make of a tiny BERT,
exported to ONNX, after checking BM42's attention against transformers run on each text alone.
"""

import json
import math
import platform
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from fastembed.sparse.bm42 import Bm42
from fastembed.sparse.minicoil import MiniCOIL
from mmh3 import hash as murmur3
from transformers import AutoModel, AutoTokenizer

from tests.golden.variants import HERE
from tests.golden.words import BM42, MINICOIL, TEXTS, assemble

OPTIONS: dict[str, dict[str, Any]] = {"k": {"k": 2.0}, "b": {"b": 0.3}, "avg_len": {"avg_len": 5.0}}


class Part(torch.nn.Module):
    """What the two ONNX files give: the last layer's attention, or the token vectors."""

    def __init__(self, model: Any, attention: bool) -> None:
        super().__init__()
        self.model, self.attention = model, attention

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """One output."""
        found = self.model(input_ids=input_ids, attention_mask=attention_mask, output_attentions=True)
        return found.attentions[-1] if self.attention else found.last_hidden_state


def export(folder: Path) -> None:
    """Write both ONNX files."""
    model = AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    (folder / "onnx").mkdir()
    for path, attention in ((folder / "model.onnx", True), (folder / "onnx" / "model.onnx", False)):
        axes = {name: {0: "batch", 1: "tokens"} for name in ("input_ids", "attention_mask")}
        ones = torch.ones((2, 5), dtype=torch.int64)
        torch.onnx.export(
            Part(model, attention),
            (ones, ones),
            str(path),
            input_names=list(axes),
            output_names=["attention_6" if attention else "last_hidden_state"],
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )


def vectors(embeddings: Any) -> list[dict[str, float]]:
    """Index -> weight of each."""
    return [
        {str(index): float(f"{value:.9g}") for index, value in sorted(embedding.as_dict().items())}
        for embedding in embeddings
    ]


def check_attention(folder: Path, documents: list[dict[str, float]]) -> None:
    """Single-piece words weigh what transformers' attention says; the others are left to fastembed."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
    encoded = tokenizer(["hello world"], return_tensors="pt")
    with torch.inference_mode():
        attention = model(**encoded, output_attentions=True).attentions[-1][0, :, 0].mean(dim=0).tolist()
    expected = {str(abs(murmur3(word))): math.log1p(attention[i]) ** 0.5 for i, word in ((1, "hello"), (2, "world"))}
    found = documents[TEXTS.index("hello world")]
    if found.keys() != expected.keys():
        raise ValueError(f"expected {expected}, got {found}")
    np.testing.assert_allclose([found[key] for key in expected], list(expected.values()), rtol=1e-5)


def main() -> None:
    """Write the file."""
    transformers.utils.logging.set_verbosity_error()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as root:
        folder = assemble(Path(root) / "model")
        export(folder)
        bm42 = Bm42(BM42, specific_model_path=str(folder))
        flat = Bm42(BM42, specific_model_path=str(folder), alpha=0.2)
        minicoil = MiniCOIL(MINICOIL, specific_model_path=str(folder))
        content = {
            "made_with": {name: version(name) for name in ("fastembed", "torch", "transformers")}
            | {"python": platform.python_version()},
            "bm42": {
                "document": vectors(bm42.embed(TEXTS)),
                "query": vectors(bm42.query_embed(TEXTS)),
                "alpha=0.2": vectors(flat.embed(TEXTS)),
            },
            "minicoil": {"document": vectors(minicoil.embed(TEXTS)), "query": vectors(minicoil.query_embed(TEXTS))}
            | {
                name: vectors(MiniCOIL(MINICOIL, specific_model_path=str(folder), **options).embed(TEXTS))
                for name, options in OPTIONS.items()
            },
        }
        check_attention(folder, content["bm42"]["document"])
    (HERE / "words.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
