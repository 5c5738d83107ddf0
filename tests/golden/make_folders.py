"""Recompute ``folders/`` and ``folders.json``: tiny models, what may be said of them, and the vectors that follow.

``python -m tests.golden.make_folders`` in the environment of the golden makers. A case is a base and the files that
differ from it. Most kinds of cases were found by ``tests/reference/fuzz.py``.
"""

import base64
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from tests.reference.bases import WIDTH, base
from tests.reference.changes import module, read, update, write
from tests.reference.outcome import reference

HERE = Path(__file__).parent
BASES = ("bert", "roberta", "xlm-roberta", "albert", "deberta-v2", "qwen3", "static", "gemma3_text", "mpnet")
TEXTS = (
    "the quick Fox jumps, Dog! café 日本 Straße",
    "the zorblax dog: New York query",
    "a [MASK] <mask> [SEP] </s> in  the text\tfoxed",
    "the dog the fox the cat hello world a b c d e the dog the fox the cat hello world a b c d e the dog quick brown "
    "jumps over the dog the fox the cat hello world",
)
# fmt: off
ACTIVATIONS = [
    "Identity", "Tanh", "ReLU", "Sigmoid", "GELU", "SiLU", "LeakyReLU", "ELU", "CELU", "SELU", "Softplus", "Softsign",
    "Mish", "Hardswish", "Hardsigmoid", "Hardtanh", "ReLU6", "LogSigmoid", "Tanhshrink",
]
# fmt: on
CASES: dict[str, tuple[str, Callable[[Path], None]]] = {}
_ADDED = {"lstrip": False, "rstrip": False, "normalized": False, "single_word": False, "special": False}


def case(kind: str, name: str) -> Callable[[Callable[[Path], Any]], Callable[[Path], Any]]:
    """Take a function that changes a folder into the cases."""

    def take(function: Callable[[Path], Any]) -> Callable[[Path], Any]:
        CASES[name] = kind, function
        return function

    return take


def sets(kind: str, name: str, file: str, **values: Any) -> None:
    """A case that sets keys of one file."""
    case(kind, name)(lambda folder: update(folder / file, **values))


def limit_file(name: str) -> Callable[[Path], None]:
    """The settings under another name."""

    def change(folder: Path) -> None:
        (folder / "sentence_bert_config.json").unlink()
        write(folder / f"sentence_{name}_config.json", {"max_seq_length": 7, "do_lower_case": True})

    return change


for _name in ("roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"):
    case("roberta", f"sentence_{_name}_config.json")(limit_file(_name))


@case("roberta", "an empty file of settings before another")
def _(folder: Path) -> None:
    limit_file("xlnet")(folder)
    write(folder / "sentence_bert_config.json", {})


def vocabulary_only(folder: Path) -> None:
    """vocab.txt in place of tokenizer.json."""
    vocabulary = read(folder / "tokenizer.json")["model"]["vocab"]
    (folder / "tokenizer.json").unlink()
    words = sorted(vocabulary, key=vocabulary.__getitem__)
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")


def number(folder: Path) -> int:
    """Of the next token."""
    return len(read(folder / "tokenizer.json")["model"]["vocab"])


@case("bert", "added_tokens.json beside vocab.txt")
def _(folder: Path) -> None:
    write(folder / "added_tokens.json", {"zorblax": number(folder), "New York": number(folder) + 1})
    vocabulary_only(folder)


@case("bert", "added_tokens.json beside tokenizer.json")
def _(folder: Path) -> None:
    write(folder / "added_tokens.json", {"zorblax": number(folder)})


@case("albert", "added_tokens_decoder beside tokenizer.json")
def _(folder: Path) -> None:
    token = {str(number(folder)): {"content": "zorblax", **_ADDED}}
    update(folder / "tokenizer_config.json", added_tokens_decoder=token)


@case("bert", "special tokens that only special_tokens_map.json names")
def _(folder: Path) -> None:
    vocabulary_only(folder)
    path = folder / "vocab.txt"
    path.write_text(
        path.read_text(encoding="utf-8").replace("[CLS]", "<cls>").replace("[SEP]", "<sep>"), encoding="utf-8"
    )
    settings = {
        key: value for key, value in read(folder / "tokenizer_config.json").items() if not key.endswith("_token")
    }
    write(folder / "tokenizer_config.json", settings)
    names = {"cls_token": "<cls>", "sep_token": {"content": "<sep>", "lstrip": True}, "unk_token": "[UNK]"}
    write(folder / "special_tokens_map.json", names)


sets("bert", "additional special tokens", "tokenizer_config.json", additional_special_tokens=["zorblax", "New York"])
sets(
    "qwen3",
    "special tokens of the model's own",
    "tokenizer_config.json",
    extra_special_tokens={"image_token": "zorblax"},
)
sets(
    "qwen3",
    "additional tokens in special_tokens_map.json",
    "special_tokens_map.json",
    additional_special_tokens=["fox"],
)
sets("bert", "do_lower_case", "tokenizer_config.json", do_lower_case=False)
sets("bert", "strip_accents", "tokenizer_config.json", strip_accents=False)
sets("bert", "tokenize_chinese_chars", "tokenizer_config.json", tokenize_chinese_chars=False)
sets("roberta", "add_prefix_space", "tokenizer_config.json", add_prefix_space=True)
sets("albert", "keep_accents", "tokenizer_config.json", keep_accents=True, do_lower_case=False)
sets("deberta-v2", "split_by_punct", "tokenizer_config.json", split_by_punct=True, do_lower_case=True)
sets("xlm-roberta", "no prefix space", "tokenizer_config.json", add_prefix_space=False)
sets("bert", "truncation_side", "tokenizer_config.json", truncation_side="left", model_max_length=9)
sets("bert", "split_special_tokens", "tokenizer_config.json", split_special_tokens=True)
sets("bert", "another class", "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast", do_lower_case=False)
sets("bert", "a normalizer that the class does not have", "tokenizer.json", normalizer={"type": "NFKC"})
sets(
    "roberta",
    "a pre-tokenizer that the class does not have",
    "tokenizer.json",
    pre_tokenizer={"type": "WhitespaceSplit"},
)
sets(
    "bert", "truncation in tokenizer.json", "tokenizer.json",
    truncation={"direction": "Left", "max_length": 6, "strategy": "LongestFirst", "stride": 0},
)  # fmt: skip
sets("bert", "no max_seq_length, and that of the tokenizer", "tokenizer_config.json", model_max_length=6)
sets(
    "bert",
    "tokenizer_args",
    "sentence_bert_config.json",
    tokenizer_args={"do_lower_case": False, "model_max_length": 8},
)
sets(
    "qwen3",
    "processor_kwargs",
    "sentence_bert_config.json",
    processor_kwargs={"truncation_side": "left", "model_max_length": 9},
)
sets("bert", "config_args", "sentence_bert_config.json", config_args={"num_hidden_layers": 1, "layer_norm_eps": 0.1})
sets("qwen3", "fewer layers than layer_types", "sentence_bert_config.json", config_kwargs={"num_hidden_layers": 1})
sets(
    "bert",
    "model_args",
    "sentence_bert_config.json",
    model_args={"attn_implementation": "eager", "trust_remote_code": True},
)
sets(
    "bert",
    "a limit among the arguments of calls",
    "sentence_bert_config.json",
    processing_kwargs={"text": {"max_length": 6}},
)
sets("bert", "limits of queries and documents", "sentence_bert_config.json", query_length=5, document_length=9)
sets("qwen3", "a limit beyond the positions", "sentence_bert_config.json", max_seq_length=70)
sets("bert", "truncate_dim", "config_sentence_transformers.json", truncate_dim=5)
sets(
    "bert", "prompts", "config_sentence_transformers.json",
    prompts={"query": None, "passage": "the dog ", "other": "fox: "}, default_prompt_name="other",
)  # fmt: skip


@case("bert", "truncate_dim after Normalize")
def _(folder: Path) -> None:
    update(folder / "config_sentence_transformers.json", truncate_dim=5)
    module(folder, "Normalize", None)


@case("bert", "flags as numbers")
def _(folder: Path) -> None:
    flags = {"pooling_mode_cls_token": 1, "pooling_mode_mean_tokens": 0, "pooling_mode_lasttoken": 1}
    write(folder / "1_Pooling/config.json", {"word_embedding_dimension": WIDTH, "include_prompt": 1, **flags})


def dense(folder: Path, out: int, into: int, activation: str, seed: int, **options: Any) -> None:
    """Add a Dense module."""
    torch.manual_seed(seed)
    weights = {"linear.weight": torch.randn(out, into) / 3, "linear.bias": torch.randn(out)}
    if options.get("use_residual") and out != into:
        weights["residual.weight"] = torch.randn(out, into) / 3
    home = "linear" if activation == "Identity" else "activation"
    config = {"in_features": into, "out_features": out, "activation_function": f"torch.nn.modules.{home}.{activation}"}
    module(folder, "Dense", config | options, weights)


@case("bert", "every activation")
def _(folder: Path) -> None:
    for place, name in enumerate(ACTIVATIONS):
        dense(folder, 4, 4 if place else WIDTH, name, place)
        module(
            folder, "LayerNorm", {"dimension": 4}, {"norm.weight": torch.ones(4) * 2, "norm.bias": torch.zeros(4) + 0.3}
        )


@case("bert", "Normalize before Dense, LayerNorm, and residuals")
def _(folder: Path) -> None:
    module(folder, "Normalize", {})
    dense(folder, 8, WIDTH, "SiLU", 1, use_residual=True)
    module(folder, "Dropout", {"dropout": 0.3})
    torch.manual_seed(2)
    module(folder, "LayerNorm", {"dimension": 8}, {"norm.weight": torch.randn(8), "norm.bias": torch.randn(8)})
    dense(folder, 8, 8, "Tanh", 3, use_residual=True)
    module(folder, "Normalize", {})
    module(folder, "Normalize", None)


@case("bert", "a module's weights in pytorch_model.bin")
def _(folder: Path) -> None:
    dense(folder, 4, WIDTH, "Tanh", 4)
    (path,) = folder.glob("2_Dense*/model.safetensors")
    torch.save(load_file(path), path.with_name("pytorch_model.bin"))
    path.unlink()


def reweighted(save: Callable[[dict[str, torch.Tensor], Path], None]) -> Callable[[Path], None]:
    """The weights saved in another way."""

    def change(folder: Path) -> None:
        path = folder / "model.safetensors"
        tensors = load_file(path)
        path.unlink()
        save(tensors, folder)

    return change


def shards(tensors: dict[str, torch.Tensor], folder: Path) -> None:
    """Two files of torch.save, and what lies in which."""
    where = {name: f"pytorch_model-0000{1 + (name > 'encoder.b')}-of-00002.bin" for name in tensors}
    for file in set(where.values()):
        torch.save({name: tensor for name, tensor in tensors.items() if where[name] == file}, folder / file)
    write(folder / "pytorch_model.bin.index.json", {"metadata": {}, "weight_map": where})


def older(tensors: dict[str, torch.Tensor], folder: Path) -> None:
    """As torch saved before version 1.6."""
    torch.save(tensors, folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)


case("albert", "pytorch_model.bin")(reweighted(lambda t, folder: torch.save(t, folder / "pytorch_model.bin")))
case("albert", "pytorch_model.bin before version 1.6")(reweighted(older))
case("albert", "pytorch_model.bin in parts")(reweighted(shards))
case("albert", "float64")(
    reweighted(lambda t, folder: save_file({k: v.double() for k, v in t.items()}, folder / "model.safetensors"))
)


@case("albert", "tensors of heads")
def _(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors") | {"some_head.weight": torch.ones(2), "cls.bias": torch.ones(2)}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


@case("static", "modules behind a table")
def _(folder: Path) -> None:
    dense(folder, 8, WIDTH, "SiLU", 5)
    torch.manual_seed(6)
    module(folder, "LayerNorm", {"dimension": 8}, {"norm.weight": torch.randn(8), "norm.bias": torch.randn(8)})
    module(folder, "Normalize", None)
    update(folder / "config_sentence_transformers.json", truncate_dim=5, prompts={"query": "fox "})


@case("gemma3_text", "a tokenizer that falls back to bytes")
def _(folder: Path) -> None:
    update(folder / "tokenizer_config.json", extra_special_tokens=["New York"])


@case("mpnet", "MPNet's tokenizer")
def _(folder: Path) -> None:
    update(folder / "tokenizer_config.json", strip_accents=False)


def changed(before: Path, after: Path) -> dict[str, Any]:
    """Files of a folder that another has otherwise: text, bytes, or None where it lacks them."""
    names = {
        path.relative_to(root).as_posix() for root in (before, after) for path in root.rglob("*") if path.is_file()
    }
    files: dict[str, Any] = {}
    for name in sorted(names):
        old, new = ((root / name).read_bytes() if (root / name).is_file() else None for root in (before, after))
        if old != new:
            files[name] = new if new is None else _content(name, new)
    return files


def _content(name: str, data: bytes) -> Any:
    if name.endswith(".json"):
        return json.loads(data)
    return data.decode() if name.endswith(".txt") else {"base64": base64.b64encode(data).decode()}


def rounded(rows: Any) -> list[list[float]]:
    """Seven digits."""
    return [[float(f"{value:.7g}") for value in row] for row in rows.tolist()]


def main() -> None:
    """Write bases and cases."""
    shutil.rmtree(HERE / "folders", ignore_errors=True)
    for kind in BASES:
        shutil.copytree(base(kind), HERE / "folders" / kind)
    lines = []
    for name, (kind, change) in CASES.items():
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "model"
            shutil.copytree(base(kind), folder)
            change(folder)
            vectors = {role: rounded(rows) for role, rows in reference(folder, TEXTS).items()}
            for role in ("query", "document"):
                if vectors[role] == vectors["plain"]:
                    del vectors[role]
            lines.append(
                json.dumps(
                    {"name": name, "base": kind, "files": changed(base(kind), folder), **vectors}, ensure_ascii=False
                )
            )
    head = f'"texts": {json.dumps(TEXTS, ensure_ascii=False)}, "tolerance": 1e-5'
    (HERE / "folders.json").write_text(f'{{{head},\n"cases": [\n' + ",\n".join(lines) + "\n]}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
