"""Recompute ``pages.json`` and ``pages.safetensors``: ``python -m tests.golden.make_pages``.

Runs where transformers is installed: PyTorch, CPU, fp32.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from safetensors import safe_open
from safetensors.numpy import save_file

from tests.golden.pages import DESCRIBED, PICTURES, TEXTS, VARIANTS, VECTORS, Variant, write_model, write_tokenizer
from tests.golden.pictures import picture


def describe(variant: Variant) -> dict[str, Any]:
    """Configs and tensors as transformers writes them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = getattr(transformers, f"{variant.model}Config")(**variant.config)
        getattr(transformers, f"{variant.model}ForRetrieval")(config).save_pretrained(folder)
        with safe_open(folder / "model.safetensors", framework="numpy") as file:
            tensors = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
        write_tokenizer(folder)
        tokenizer = transformers.PreTrainedTokenizerFast.from_pretrained(folder)
        pictures = getattr(transformers, variant.image_processor)(**variant.image)
        processor = getattr(transformers, f"{variant.model}Processor")(pictures, tokenizer, **variant.processor)
        processor.save_pretrained(folder)
        configs = {
            file: json.loads((folder / f"{file}.json").read_text(encoding="utf-8"))
            for file in ("config", "processor_config")
        }
        return {**configs, "tensors": tensors}


def load(variant: Variant, folder: Path) -> tuple[Any, Any]:
    """The model, none of whose tensors is missing or left over, and its processor."""
    model_class = getattr(transformers, f"{variant.model}ForRetrieval")
    model, report = model_class.from_pretrained(folder, output_loading_info=True)
    if left := {kind: names for kind, names in report.items() if names}:
        raise AssertionError(f"{folder.name}: {left}")
    pictures = getattr(transformers, variant.image_processor).from_pretrained(folder)
    if variant.model == "ColPali":  # whose processor tells the tokenizer to put nothing around texts
        write_tokenizer(folder, framed=False)
    tokenizer = transformers.PreTrainedTokenizerFast.from_pretrained(folder)
    values = json.loads((folder / "processor_config.json").read_text(encoding="utf-8"))
    values = {name: values[name] for name in variant.processor} if variant.processor else {}
    return model.float().eval(), getattr(transformers, f"{variant.model}Processor")(pictures, tokenizer, **values)


def rows(model: Any, batch: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """Token ids and vectors of each row, without padding."""
    batch.pop("labels", None)
    vectors, seen = model(**batch).embeddings, batch["attention_mask"].bool()
    return [
        (ids[real].numpy(), row[real].numpy()) for ids, row, real in zip(batch["input_ids"], vectors, seen, strict=True)
    ]


def main() -> None:
    DESCRIBED.write_text(json.dumps({name: describe(variant) for name, variant in VARIANTS.items()}, indent=0) + "\n")
    found: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as root, torch.inference_mode():
        for name, variant in VARIANTS.items():
            model, processor = load(variant, write_model(name, Path(root) / name))
            pages = [rows(model, processor.process_images([picture(size)]))[0] for size in PICTURES]
            texts = rows(model, processor.process_queries(list(TEXTS)))
            for kind, items in (("page", pages), ("text", texts)):
                for number, (ids, vectors) in enumerate(items):
                    found |= {f"{name}/{kind}/{number}/ids": ids, f"{name}/{kind}/{number}/vectors": vectors}
            both = [[torch.from_numpy(vectors) for _, vectors in items] for items in (texts, pages)]
            found[f"{name}/scores"] = processor.score_retrieval(*both).numpy()
    arrays = {key: np.ascontiguousarray(value) for key, value in found.items()}
    save_file(arrays, VECTORS, {"torch": torch.__version__, "transformers": transformers.__version__})


if __name__ == "__main__":
    main()
