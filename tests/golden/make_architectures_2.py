"""Recompute ``architectures_2/``: ``python -m tests.golden.make_architectures_2 [ARCHITECTURE ...]``.

Runs where transformers and sentence-transformers are installed. For every variant of ``architectures_2.py`` it writes
what the model's files hold, and what transformers computes from them (PyTorch, CPU, fp32, one text at a time).
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file
from safetensors.torch import load_file
from safetensors.torch import save_file as save_torch
from sentence_transformers import SentenceTransformer
from transformers import AutoTokenizer

from tests.golden.architectures_2 import (
    FILES,
    HIDDEN,
    TEXTS,
    TOKENIZER,
    VARIANTS,
    Variant,
    adapted,
    add_modules,
    changed,
    head,
    ids,
    inputs,
    write_model,
)
from tests.golden.jina_bert import JinaBert

TOLERANCE = 1e-5


def describe(variant: Variant, folder: Path) -> dict[str, Any]:
    """Config and tensors as transformers writes them, changed to what is published."""
    if variant.model.startswith("JinaBert"):
        shapes = {name: list(tensor.shape) for name, tensor in jina_bert(variant).inner.state_dict().items()}
        return {"config": variant.config, "tensors": shapes}
    model_class = getattr(transformers, variant.model)
    model_class(model_class.config_class(**variant.config)).save_pretrained(folder)
    config = changed(json.loads((folder / "config.json").read_text()), variant.published)
    with safe_open(folder / "model.safetensors", framework="numpy") as file:
        tensors = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
    return {"config": config, "tensors": tensors}


def load(variant: Variant, folder: Path) -> Any:
    """The model, none of whose tensors is missing or left over."""
    if variant.model.startswith("JinaBert"):
        jina = jina_bert(variant)
        jina.inner.load_state_dict(load_file(folder / "model.safetensors"))
        return jina.eval()
    model, report = getattr(transformers, variant.model).from_pretrained(folder, output_loading_info=True)
    if left := {kind: names for kind, names in report.items() if names}:
        raise AssertionError(f"{folder.name}: {left}")
    if variant.stretch:
        stretch(model.rotary_emb, variant.stretch)
    if variant.model.endswith("ForCausalLM"):
        model = model.model
    return model.float().eval()


def merge(variant: Variant, folder: Path) -> None:
    """Add the task's adapter to each matrix, so that transformers reads a model without adapters."""
    stored = load_file(folder / "model.safetensors")
    scale = variant.foreign["lora_alpha"] / variant.foreign["lora_rank"]
    merged = {name: array for name, array in stored.items() if "parametrizations" not in name}
    for name in [name for name in stored if name.endswith(".original")]:
        stem = name.removesuffix(".original")
        a, b = (stored[f"{stem}.0.lora_{part}"][variant.task] for part in "AB")
        product = a @ b if "embeddings" in name else b @ a
        merged[f"{stem.removesuffix('.parametrizations.weight')}.weight"] = stored[name] + scale * product
    save_torch(merged, folder / "model.safetensors", {"format": "pt"})


def jina_bert(variant: Variant) -> JinaBert:
    """The model before it has its weights."""
    return JinaBert(variant.config, second=variant.second, labels=int(head(variant) == "classification"))


def stretch(rotary: Any, factor: float) -> None:
    """Angles as Alibaba-NLP's code for its models has them: a larger theta, then all of them smaller."""
    width = 2 * len(rotary.inv_freq)
    theta = rotary.config.rope_parameters["rope_theta"] * factor
    exponents = torch.arange(0, width, 2, dtype=torch.float32) / width
    rotary.inv_freq = 1.0 / theta**exponents / factor ** (2 / width)


def output(variant: Variant, result: Any) -> torch.Tensor:
    """Token vectors, labels' scores, or the largest of the tokens' logits for each word."""
    kind = head(variant)
    if kind == "tokens":
        return result.last_hidden_state[0]
    return result.logits[0] if kind == "classification" else result.logits[0].max(0).values


def reference(variant: Variant, folder: Path) -> dict[str, NDArray[np.float32]]:
    """Outputs by length; "hidden" ones have the longest text's last tokens hidden from the others."""
    model = load(variant, folder)
    found = {}
    with torch.inference_mode():
        for length in variant.lengths:
            given = {name: torch.from_numpy(array) for name, array in inputs(variant, length).items() if array.any()}
            found[str(length)] = output(variant, model(**given)).numpy()
        if head(variant) == "tokens":
            longest = torch.from_numpy(ids(max(variant.lengths)))
            mask = torch.ones_like(longest)
            mask[:, -HIDDEN:] = 0
            found["hidden"] = output(variant, model(longest, attention_mask=mask)).numpy()
    return found


def texts(variant: Variant, folder: Path) -> NDArray[np.float32]:
    """What sentence-transformers makes of texts, one by one and, on either side, padded to one length."""
    if variant.model.startswith("JinaBert"):
        tokenizer, model = AutoTokenizer.from_pretrained(TOKENIZER), load(variant, folder)
        with torch.inference_mode():
            encoded = [tokenizer(text, return_tensors="pt")["input_ids"] for text in TEXTS]
            return np.concatenate([model(ids).last_hidden_state.mean(1).numpy() for ids in encoded])
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    alone = np.asarray(model.encode(TEXTS, batch_size=1))
    for side in ("left", "right"):
        model.tokenizer.padding_side = side
        np.testing.assert_allclose(model.encode(TEXTS, batch_size=len(TEXTS)), alone, atol=TOLERANCE, rtol=TOLERANCE)
    return alone


def check_differences(variants: dict[str, Variant], found: dict[str, dict[str, NDArray[np.float32]]]) -> None:
    """Each variant tells something: its outputs are another's only where they have to be."""
    names = list(variants)
    for name, variant in variants.items():
        for other in names[: names.index(name)]:
            keys = found[name].keys() & found[other].keys()
            pairs = [(found[name][key], found[other][key]) for key in keys]
            same = all(a.shape == b.shape and np.abs(a - b).max() < 10 * TOLERANCE for a, b in pairs)
            if same != ((variant.same_as or name) == (variants[other].same_as or other)):
                raise AssertionError(f"{name} and {other} are {'the same' if same else 'different'}")


def make(architecture: str, root: Path) -> None:
    """Write an architecture's files."""
    described, found, flat = {}, {}, {}
    for name, variant in VARIANTS[architecture].items():
        described[name] = describe(variant, root / architecture / "new")
        if variant.task is not None:
            described[name]["tensors"] = adapted(variant, described[name]["tensors"])
        folder = write_model(**described[name], folder=root / architecture / name)
        if variant.task is not None:
            merge(variant, folder)
        found[name] = reference(variant, folder)
        if name == "base":
            add_modules(folder, architecture, described[name]["config"]["hidden_size"])
            flat["texts"] = texts(variant, folder)
        described[name]["config"] = changed(described[name]["config"], variant.foreign)
    check_differences(VARIANTS[architecture], found)
    flat |= {f"{name}/{key}": array for name, arrays in found.items() for key, array in arrays.items()}
    save_file(flat, FILES / f"{architecture}.safetensors", {"tolerance": str(TOLERANCE)})
    (FILES / f"{architecture}.safetensors").chmod(0o644)
    lines = [f' "{name}": {json.dumps(content)}' for name, content in described.items()]
    (FILES / f"{architecture}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def main() -> None:
    """Write all files."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    FILES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as root:
        for architecture in sys.argv[1:] or VARIANTS:
            make(architecture, Path(root))


if __name__ == "__main__":
    main()
