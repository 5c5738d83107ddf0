"""Recompute the files of tiny encoders: ``python -m tests.golden.make_architectures [GROUP ...]``.

Runs where transformers and sentence-transformers are installed. For every variant it keeps the config and the tensors
that transformers writes, and what it computes (PyTorch, CPU, fp32, one row at a time) from token ids; for some also
what sentence-transformers makes of texts.
"""

import json
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import sentence_transformers
import torch
import transformers
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file
from safetensors.torch import load_file
from safetensors.torch import save_file as save_torch
from sentence_transformers import CrossEncoder, SentenceTransformer, SparseEncoder
from transformers import AutoTokenizer

from tests.golden.architectures import GROUPS
from tests.golden.bert_kin import PAIRS
from tests.golden.jina_bert import JinaBert
from tests.golden.tiny import HIDDEN, Group, Tensors, Variant, changed

TOLERANCE = 1e-5
FP32 = {"device": "cpu", "local_files_only": True, "model_kwargs": {"dtype": torch.float32}}
Arrays = dict[str, NDArray[np.float32]]


def describe(variant: Variant) -> dict[str, Any]:
    """Config and shapes of tensors: as transformers saves the model, with the adapters that it does not know."""
    if variant.model.startswith("JinaBert"):
        config, tensors = variant.config, {n: list(t.shape) for n, t in jina_bert(variant).inner.state_dict().items()}
    else:
        kind = getattr(transformers, variant.model)
        with tempfile.TemporaryDirectory() as folder:
            kind(kind.config_class(**variant.config)).save_pretrained(folder)
            config = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))
            with safe_open(Path(folder) / "model.safetensors", framework="pt") as file:
                tensors = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
    return {"config": config, "tensors": tensors if variant.task is None else adapted(variant, tensors)}


def adapted(variant: Variant, tensors: Tensors) -> Tensors:
    """Tensors of a model with adapters, as they are stored, of one without."""
    count, rank = len(variant.foreign["lora_adaptations"]), variant.foreign["lora_rank"]
    found = {}
    for name, shape in tensors.items():
        if len(shape) == 1:
            found[name] = shape
            continue
        thin = [[count, shape[0], rank], [count, rank, shape[1]]]
        stem = f"{name.removesuffix('.weight')}.parametrizations.weight"
        a, b = thin if "embeddings" in name else [thin[1], thin[0]]
        found |= {f"{stem}.original": shape, f"{stem}.0.lora_A": a, f"{stem}.0.lora_B": b}
    return found


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


def load(variant: Variant, folder: Path) -> Any:
    """The model, none of whose tensors is missing, or left over without being named."""
    if variant.model.startswith("JinaBert"):
        jina = jina_bert(variant)
        jina.inner.load_state_dict(load_file(folder / "model.safetensors"))
        return jina.eval()
    model, report = getattr(transformers, variant.model).from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    if left := {kind: names for kind, names in report.items() if names and not (kind[0] == "u" and variant.extra)}:
        raise AssertionError(f"{folder.name}: {left}")
    if variant.stretch:
        stretch(model.rotary_emb, variant.stretch)
    return (model.model if variant.model.endswith("ForCausalLM") else model).eval()


def jina_bert(variant: Variant) -> JinaBert:
    """The model before it has its weights."""
    return JinaBert(variant.config, second=variant.second, labels=int(variant.head == "classification"))


def stretch(rotary: Any, factor: float) -> None:
    """Angles as Alibaba-NLP's code for its models has them: a larger theta, then all of them smaller."""
    width = 2 * len(rotary.inv_freq)
    theta = rotary.config.rope_parameters["rope_theta"] * factor
    exponents = torch.arange(0, width, 2, dtype=torch.float32) / width
    rotary.inv_freq = 1.0 / theta**exponents / factor ** (2 / width)


def output(variant: Variant, result: Any) -> NDArray[np.float32]:
    """Token vectors, labels' scores, or the largest of the tokens' logits for each word."""
    if variant.head == "tokens":
        return result.last_hidden_state[0].numpy()
    return (result.logits[0] if variant.head == "classification" else result.logits[0].max(0).values).numpy()


def from_ids(group: Group, name: str, config: dict[str, Any], folder: Path) -> Arrays:
    """What transformers computes by length; for "hidden" the longest row's last tokens are hidden from the others."""
    variant = group.variants[name]
    model = load(variant, folder)

    def result(length: int, hidden: int = 0) -> NDArray[np.float32]:
        given = {key: torch.from_numpy(array) for key, array in group.inputs(name, length, config).items()}
        if not given["token_type_ids"].any():
            del given["token_type_ids"]
        mask = torch.ones_like(given["input_ids"])
        mask[:, length - hidden :] = 0
        with torch.inference_mode():
            return output(variant, model(**given, attention_mask=mask))

    found = {str(length): result(length) for length in variant.lengths}
    if variant.head == "tokens" and variant.hides_tokens:
        found["hidden"] = result(max(variant.lengths), HIDDEN)
    return found


def from_texts(group: Group, variant: Variant, folder: Path) -> NDArray[np.float32]:
    """What sentence-transformers makes of texts or pairs."""
    texts, limit = list(group.recipe.texts), group.recipe.positions
    if variant.model.startswith("JinaBert"):
        tokenizer, model = AutoTokenizer.from_pretrained(folder), load(variant, folder)
        with torch.inference_mode():
            encoded = [tokenizer(text, return_tensors="pt")["input_ids"] for text in texts]
            return np.concatenate([model(ids).last_hidden_state.mean(1).numpy() for ids in encoded])
    if variant.head == "classification":
        scorer = CrossEncoder(str(folder), max_length=limit, **FP32)
        return scorer.predict(list(PAIRS), activation_fn=torch.nn.Identity(), batch_size=1)
    if variant.head == "mlm":
        sparse = SparseEncoder(str(folder), **FP32)
        sparse.max_seq_length = limit
        return sparse.encode_document(texts, batch_size=1, convert_to_sparse_tensor=False).numpy()
    embedder = SentenceTransformer(str(folder), **FP32)
    embedder.max_seq_length = limit
    vectors = embedder.encode(texts, batch_size=1)
    # The same texts padded to a common length: a reference that padding moves would be none.
    np.testing.assert_allclose(embedder.encode(texts, batch_size=64), vectors, atol=TOLERANCE / 2, rtol=0)
    return vectors


def check(variants: dict[str, Variant], found: dict[str, Arrays]) -> None:
    """Each variant tells something: its results are another's of the same class only where they have to be."""
    names = list(variants)
    for name, variant in variants.items():
        for other in names[: names.index(name)]:
            related = (variant.same_as or name) == (variants[other].same_as or other)
            alike = variant.model == variants[other].model and variant.lengths == variants[other].lengths
            if not related and not alike:
                continue
            longest = str(variant.lengths[-1])
            mine, theirs = found[name][longest], found[other][longest]
            same = mine.shape == theirs.shape and np.abs(mine - theirs).max() < (0.5 if related else 10) * TOLERANCE
            if same != related:
                raise AssertionError(f"{name} and {other} are {'the same' if same else 'different'}")


def make(group: Group) -> None:
    """Write a group's files."""
    made, found = {}, {}
    with tempfile.TemporaryDirectory() as root:
        for name, variant in group.variants.items():
            made[name] = describe(variant)
            folder = group.assemble(name, made[name], Path(root) / name)
            if variant.task is not None:
                merge(variant, folder)
            found[name] = from_ids(group, name, made[name]["config"], folder)
            if variant.facade:
                found[name]["texts"] = from_texts(group, variant, folder)
            made[name]["config"] = changed(made[name]["config"], variant.published | variant.foreign)
    check(group.variants, found)
    kept = {name: arrays for name, arrays in found.items() if not group.variants[name].same_as}
    arrays = {group.key(name, what): np.ascontiguousarray(a) for name, each in kept.items() for what, a in each.items()}
    versions = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "sentence-transformers": sentence_transformers.__version__,
    }
    path = group.path.with_suffix(".safetensors")
    save_file(arrays, path, versions | {"tolerance": str(TOLERANCE)})
    path.chmod(0o644)
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in made.items())
    group.path.with_suffix(".json").write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


def main() -> None:
    """Write the files of the groups that are named, or of all."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    for name in sys.argv[1:] or GROUPS:
        make(GROUPS[name])


if __name__ == "__main__":
    main()
