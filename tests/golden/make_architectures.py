"""Recompute ``architectures_1.json`` and ``.safetensors``: ``python -m tests.golden.make_architectures``.

Runs where transformers and sentence-transformers are installed. For every variant it keeps the config and the tensor
names that transformers writes, and what it computes (PyTorch, CPU, fp32, one row at a time) from token ids; for some
also what sentence-transformers makes of texts.
"""

import json
import platform
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import sentence_transformers
import torch
import transformers
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file
from sentence_transformers import CrossEncoder, SentenceTransformer, SparseEncoder

from tests.golden.architectures import PAIRS, POSITIONS, TEXTS, Variant, assemble, rows, types
from tests.golden.variants import HERE

TOLERANCE = 1e-5
FP32 = {"device": "cpu", "local_files_only": True, "model_kwargs": {"dtype": torch.float32}}
Arrays = dict[str, NDArray[np.float32]]


def describe(variant: Variant) -> dict[str, Any]:
    """Config and tensor shapes, as transformers saves the model."""
    kind = getattr(transformers, variant.architecture)
    model = kind(kind.config_class(**variant.config))
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        config = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))
        with safe_open(Path(folder) / "model.safetensors", framework="pt") as file:
            tensors = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
    return {"config": config, "tensors": tensors}


def from_ids(variant: Variant, folder: Path) -> Arrays:
    """What transformers computes from each row of token ids."""
    kind = getattr(transformers, variant.architecture)
    model, loading = kind.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    if loading["missing_keys"] or loading["mismatched_keys"] or (loading["unexpected_keys"] and not variant.extra):
        raise AssertionError(f"{folder.name}: {loading}")
    model.eval()
    found = {}
    for row in rows(variant):
        inputs = {"input_ids": torch.tensor([row]), "attention_mask": torch.ones((1, len(row)), dtype=torch.int64)}
        if reads_types(variant, model):
            inputs["token_type_ids"] = torch.tensor([types(row)])
        with torch.inference_mode():
            output = model(**inputs)
        value = output.last_hidden_state if variant.head == "tokens" else output.logits
        found[str(len(row))] = (value.max(dim=1).values if variant.head == "mlm" else value)[0].numpy()
    return found


def reads_types(variant: Variant, model: torch.nn.Module) -> bool:
    """Whether the architecture's own tokenizers tell the texts of a pair apart, and the model takes it."""
    return (
        variant.head == "classification"
        and variant.tokenizer == "bert"
        and bool(getattr(model.config, "type_vocab_size", 0))
    )


def from_texts(variant: Variant, folder: Path) -> NDArray[np.float32]:
    """What sentence-transformers makes of texts or pairs."""
    if variant.head == "classification":
        model = CrossEncoder(str(folder), max_length=POSITIONS, **FP32)
        return model.predict(PAIRS, activation_fn=torch.nn.Identity(), batch_size=1)
    if variant.head == "mlm":
        sparse = SparseEncoder(str(folder), **FP32)
        sparse.max_seq_length = POSITIONS
        return sparse.encode_document(TEXTS, batch_size=1, convert_to_sparse_tensor=False).numpy()
    dense = SentenceTransformer(str(folder), **FP32)
    dense.max_seq_length = POSITIONS
    vectors = dense.encode(TEXTS, batch_size=1)
    # The same texts padded to a common length: a reference that padding moves would be none.
    np.testing.assert_allclose(dense.encode(TEXTS, batch_size=64), vectors, atol=TOLERANCE / 2, rtol=0)
    return vectors


def check(variants: dict[str, Variant], found: dict[str, Arrays]) -> None:
    """Each variant tells something: its results are not those of another one, unless they have to be."""
    names = list(variants)
    for name, variant in variants.items():
        longest = str(variant.lengths[-1])
        mine = found[name][longest]
        if variant.same_as:
            np.testing.assert_allclose(mine, found[variant.same_as][longest], atol=TOLERANCE / 2, rtol=0)
            continue
        for other in names[: names.index(name)]:
            theirs = found[other].get(longest, np.zeros(0))
            alike = variants[other].architecture == variant.architecture and mine.shape == theirs.shape
            if alike and not variants[other].same_as and np.abs(mine - theirs).max() < 10 * TOLERANCE:
                raise AssertionError(f"{name} cannot be told from {other}")


def make(number: str) -> None:
    """Write the files of one module of variants."""
    variants: dict[str, Variant] = import_module(f"tests.golden.architectures_{number}").VARIANTS
    made = {name: describe(variant) for name, variant in variants.items()}
    with tempfile.TemporaryDirectory() as root:
        folders = {name: assemble(variant, made[name], Path(root) / name) for name, variant in variants.items()}
        found = {name: from_ids(variant, folders[name]) for name, variant in variants.items()}
        check(variants, found)
        for name, variant in variants.items():
            if variant.facade:
                found[name]["texts"] = from_texts(variant, folders[name])
    kept = {name: arrays for name, arrays in found.items() if not variants[name].same_as}
    arrays = {f"{name}/{key}": np.ascontiguousarray(v) for name, each in kept.items() for key, v in each.items()}
    versions = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "sentence-transformers": sentence_transformers.__version__,
    }
    path = HERE / f"architectures_{number}.safetensors"
    save_file(arrays, path, versions | {"tolerance": str(TOLERANCE)})
    path.chmod(0o644)
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in made.items())
    (HERE / f"architectures_{number}.json").write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


def main() -> None:
    """Write the files of the modules whose numbers are given."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    for number in sys.argv[1:] or ["1"]:
        make(number)


if __name__ == "__main__":
    main()
