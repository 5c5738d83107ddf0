"""Recompute ``saved/``: models with random settings, as one version of sentence-transformers saves them.

Run it in an environment with sentence-transformers 5 and in one with 6. Weights and vocabulary are those of ``base/``
and are left out. ``--count 200 --out FOLDER`` makes more, to check by hand with the functions of test_saved.py.
"""

import argparse
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import sentence_transformers
import torch
import transformers
from sentence_transformers import SentenceTransformer
from variants import BASE, HERE, remove
from variants import TEXTS as ALL_TEXTS

try:  # from 6 on
    from sentence_transformers.base.modules import Dense
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
except ImportError:
    from sentence_transformers.models import Dense, Normalize, Pooling, Transformer

MAJOR = int(sentence_transformers.__version__.partition(".")[0])
TEXTS = ["", ALL_TEXTS[3], ALL_TEXTS[-1]]
MODES = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]
FLAGS = {
    "cls": "cls_token",
    "max": "max_tokens",
    "mean": "mean_tokens",
    "mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "weightedmean": "weightedmean_tokens",
    "lasttoken": "lasttoken",
}
ACTIVATIONS = [torch.nn.Tanh, torch.nn.Identity, torch.nn.ReLU, torch.nn.GELU, torch.nn.Sigmoid]
PROMPTS = ["query: ", "the lazy ", "hello world passage ", "topic"]


def build(choose: random.Random) -> SentenceTransformer:
    """A model whose settings are drawn at random."""
    limit = choose.choice([None, 8, 24, 64])
    lower = {"do_lower_case": True} if choose.random() < 0.3 else {}
    encoder = Transformer(str(BASE), max_seq_length=limit, **lower)
    modes = choose.sample(MODES, choose.choice([1, 1, 1, 2, 3]))
    include_prompt = choose.random() < 0.6
    if MAJOR < 6 and "cls" in modes:
        # Which token is the first without the prompt changed during version 5; rapidembed does as 6 does.
        include_prompt = True
    modules: list[torch.nn.Module] = [encoder, pooling(modes, include_prompt=include_prompt)]
    width = 32 * len(modes)
    for _ in range(choose.choice([0, 0, 1, 2])):
        out = choose.randint(4, 40)
        torch.manual_seed(choose.randrange(2**31))
        activation = choose.choice(ACTIVATIONS)()
        modules.append(Dense(width, out, bias=choose.random() < 0.5, activation_function=activation))
        width = out
    if choose.random() < 0.5:
        modules.append(Normalize())
    names = choose.sample(["query", "document", "topic", "title"], choose.randint(0, 3))
    prompts = {name: choose.choice(PROMPTS) for name in names}
    default = choose.choice([None, *prompts])
    similarity = choose.choice([None, "cosine", "dot", "euclidean"])
    return SentenceTransformer(
        modules=modules, device="cpu", prompts=prompts, default_prompt_name=default, similarity_fn_name=similarity
    )


def pooling(modes: list[str], *, include_prompt: bool) -> Pooling:
    """A Pooling module, in the words of either generation."""
    if MAJOR >= 6:
        mode = modes[0] if len(modes) == 1 else modes
        return Pooling(32, pooling_mode=mode, include_prompt=include_prompt)
    flags = {f"pooling_mode_{name}": name_of in modes for name_of, name in FLAGS.items()}
    return Pooling(32, **flags, include_prompt=include_prompt)


def reference(folder: Path) -> dict[str, Any]:
    """The vectors of the folder as it was saved, in every role."""
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    found = {"max_tokens": model.max_seq_length, "plain": model.encode(TEXTS, batch_size=1)}
    found["query"] = model.encode_query(TEXTS, batch_size=1)
    found["document"] = model.encode_document(TEXTS, batch_size=1)
    return {key: rounded(value) if isinstance(value, np.ndarray) else value for key, value in found.items()}


def rounded(rows: np.ndarray) -> list[list[float]]:
    """Seven digits."""
    return [[float(f"{number:.7g}") for number in row] for row in rows.tolist()]


def main() -> None:
    """Write the folders and their reference vectors."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--out", type=Path, default=HERE / "saved")
    arguments = parser.parse_args()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    choose = random.Random(20261121 + MAJOR)
    root = arguments.out / str(MAJOR)
    remove(root)
    references = []
    for number in range(arguments.count):
        folder = root / str(number)
        build(choose).save(str(folder), create_model_card=False)
        references.append(reference(folder))
        for file in ("model.safetensors", "tokenizer.json", "vocab.txt"):  # those of base/
            (folder / file).unlink(missing_ok=True)
    versions = {"sentence-transformers": sentence_transformers.__version__, "transformers": transformers.__version__}
    lines = ",\n".join(json.dumps(each) for each in references)
    head = f'"made_with": {json.dumps(versions)}, "tolerance": 1e-5,\n"texts": {json.dumps(TEXTS)}'
    (root / "reference.json").write_text(f'{{{head},\n"models": [\n{lines}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
