"""Recompute ``hybrid.json`` and the layers in ``hybrid/``: ``python -m tests.golden.make_hybrid``.

Runs where transformers is installed. What BGE-M3 makes of its token vectors is computed here with PyTorch, one text at
a time, by the formulas of the paper as FlagEmbedding has them; ``M3Embedder`` of FlagEmbedding 1.4.2 itself gave the
same to 1e-6 (run by hand, for it cannot be imported without the packages that it trains with).
"""

import json
import platform
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch.nn.functional import normalize
from transformers import AutoConfig, XLMRobertaModel

from tests.golden.bert_kin import POSITIONS
from tests.golden.hybrid import LAYERS, TEXTS, assemble
from tests.golden.variants import HERE, filler

HIDDEN = 16
UNUSED = ("<s>", "</s>", "<pad>", "<unk>")


def write_layers() -> None:
    """Both as they are published: in half precision."""
    LAYERS.mkdir(exist_ok=True)
    for name, width in (("colbert_linear", HIDDEN), ("sparse_linear", 1)):
        layer = torch.nn.Linear(HIDDEN, width)
        layer.weight.data = torch.from_numpy(filler(width, HIDDEN).copy())
        layer.bias.data = torch.from_numpy(filler(width).copy())
        torch.save(layer.half().state_dict(), LAYERS / f"{name}.pt")


def layer(name: str) -> torch.nn.Linear:
    """A layer in single precision, from its file."""
    weights = torch.load(LAYERS / f"{name}.pt", weights_only=True)
    found = torch.nn.Linear(HIDDEN, len(weights["bias"]))
    found.load_state_dict(weights)
    return found.float()


def vectors(model: Any, ids: list[int], unused: set[int]) -> dict[str, Any]:
    """The three kinds of vectors of a text."""
    hidden = model(input_ids=torch.tensor([ids])).last_hidden_state
    weights = torch.relu(layer("sparse_linear")(hidden))[0, :, 0]
    sparse: dict[int, float] = {}
    for number, weight in zip(ids, weights.tolist(), strict=True):
        if number not in unused and weight > sparse.get(number, 0):
            sparse[number] = weight
    return {
        "dense": rounded(normalize(hidden[0, 0], dim=-1)),
        "sparse": {str(number): float(f"{weight:.8g}") for number, weight in sorted(sparse.items())},
        "token_vectors": rounded(normalize(layer("colbert_linear")(hidden[0, 1:]), dim=-1)),
    }


def rounded(tensor: torch.Tensor) -> Any:
    """Eight digits are enough."""
    return np.vectorize(lambda value: float(f"{value:.8g}"))(tensor.numpy().astype(np.float64)).tolist()


def main() -> None:
    """Write the files."""
    transformers.utils.logging.set_verbosity_error()
    write_layers()
    with tempfile.TemporaryDirectory() as root, torch.inference_mode():
        folder = assemble(Path(root) / "model")
        model = XLMRobertaModel(AutoConfig.from_pretrained(folder)).eval()
        model.load_state_dict(load_file(folder / "model.safetensors"))
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.enable_truncation(POSITIONS)
        unused = {tokenizer.token_to_id(token) for token in UNUSED}
        found = [vectors(model, tokenizer.encode(text).ids, unused) for text in TEXTS]
    made_with = {"python": platform.python_version(), "torch": torch.__version__}
    content = {"made_with": made_with | {"transformers": transformers.__version__}, "expected": found}
    (HERE / "hybrid.json").write_text(json.dumps(content) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
