"""What the fuzzer does to a folder: each change is one thing that an author, a tool or the years may have done to it.

A change gets the folder and a generator of its own, so that it does the same alone and among others; it returns what
it did, or None where the folder has not what it is about.
"""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from tests.reference.bases import WIDTH

Change = Callable[[Path, random.Random], str | None]
CHANGES: dict[str, Change] = {}
LIMIT_FILES = ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
ACTIVATIONS = (
    "Tanh",
    "Identity",
    "ReLU",
    "GELU",
    "Sigmoid",
    "SiLU",
    "LeakyReLU",
    "Softplus",
    "ELU",
    "Mish",
    "Hardtanh",
)
ADDED = ("zorblax", "New York", "<img>", "dogfox", "ÀB")


PREFIXES = {
    "xlm-roberta": "roberta",
    "camembert": "roberta",
    "deberta-v2": "deberta",
    "qwen3": "model",
    "modernbert": "model",
    "gemma3_text": "model",
}


def change(function: Change) -> Change:
    """Take a function into the list."""
    CHANGES[function.__name__.strip("_")] = function
    return function


def read(path: Path) -> Any:
    """A JSON file; an empty object where it is missing."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def write(path: Path, value: Any) -> None:
    """Write a JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")


def update(path: Path, **values: Any) -> str:
    """Set keys of a JSON file."""
    write(path, read(path) | values)
    return f"{path.name}: {json.dumps(values, ensure_ascii=False)}"


def encoder(folder: Path) -> Path:
    """Where the encoder lies."""
    return folder / read(folder / "modules.json")[0]["path"]


def transformer_file(folder: Path) -> Path:
    """The Transformer module's own settings, by whichever name."""
    files = (encoder(folder) / f"sentence_{name}_config.json" for name in LIMIT_FILES)
    return next((file for file in files if file.is_file()), encoder(folder) / "sentence_bert_config.json")


def module(folder: Path, kind: str, config: Any, weights: Any = None, at: int | None = None) -> str:
    """Add a module."""
    modules = read(folder / "modules.json")
    path = f"{len(modules)}_{kind}{random.Random(str(modules)).randrange(1000)}"
    home = random.Random(path).choice(
        ["sentence_transformers.models", "sentence_transformers.sentence_transformer.modules"]
    )
    home = "sentence_transformers.base.modules" if kind in ("Dense", "Normalize") and ".sent" in home else home
    modules.insert(len(modules) if at is None else at, {"type": f"{home}.{kind}", "path": path})
    (folder / path).mkdir()
    if config is not None:
        write(folder / path / "config.json", config)
    if weights is not None:
        save_file(weights, folder / path / "model.safetensors")
    write(folder / "modules.json", [entry | {"idx": i, "name": str(i)} for i, entry in enumerate(modules)])
    return f"{home}.{kind} {config}"


def width(folder: Path) -> int:
    """Of the vectors that the modules so far give."""
    value = WIDTH
    for entry in read(folder / "modules.json"):
        config = read(folder / entry["path"] / "config.json") if entry["path"] else {}
        if entry["type"].endswith("Pooling"):
            modes = config.get("pooling_mode", "mean")
            flags = sum(bool(flag) for key, flag in config.items() if key.startswith("pooling_mode_"))
            value *= len(modes) if isinstance(modes, list) else max(1, flags)
        value = config.get("out_features", value)
    return value


@change
def limit(folder: Path, choose: random.Random) -> str:
    old = transformer_file(folder)
    values = {"max_seq_length": choose.choice([4, 6, 8, 16, 40]), "do_lower_case": choose.choice([True, False, False])}
    if choose.random() < 0.5:
        write(old, {})  # as versions up to 5 had it
    new = old.with_name(f"sentence_{choose.choice(LIMIT_FILES)}_config.json")
    write(new, read(old) | values)
    if new != old:
        old.unlink()
    return f"{new.name}: {values}"


@change
def limit_odd(folder: Path, choose: random.Random) -> str:
    return update(transformer_file(folder), max_seq_length=choose.choice([None, 500, 64, 3, 12]))


@change
def truncate_dim(folder: Path, choose: random.Random) -> str:
    return update(folder / "config_sentence_transformers.json", truncate_dim=choose.choice([1, 4, 8, None, 400]))


@change
def prompts(folder: Path, choose: random.Random) -> str:
    names = choose.sample(["query", "document", "passage", "topic", "corpus"], choose.randint(1, 3))
    texts = {name: choose.choice(["query: ", "the dog ", "passage : ", "", "world", None]) for name in names}
    filled = [name for name in names if texts[name] is not None]
    default = choose.choice([None, *filled])
    return update(folder / "config_sentence_transformers.json", prompts=texts, default_prompt_name=default)


@change
def settings(folder: Path, choose: random.Random) -> str:
    path = folder / "config_sentence_transformers.json"
    if choose.random() < 0.2:
        path.unlink(missing_ok=True)
        return "no config_sentence_transformers.json"
    values: list[dict[str, Any]] = [
        {"similarity_fn_name": choose.choice([None, "dot", "cosine", "euclidean", "maxsim"])},
        {"__version__": {"sentence_transformers": choose.choice(["2.0.0", "5.1.0", "6.2.0"])}},
        {"model_type": "SentenceTransformer"},
    ]
    return update(path, **choose.choice(values))


@change
def modules(folder: Path, choose: random.Random) -> str:
    wide = width(folder)
    torch.manual_seed(choose.randrange(1 << 30))
    kind = choose.choice(["Dense", "Dense", "Normalize", "LayerNorm", "Dropout", "Residual"])
    if kind == "Dropout":
        return module(folder, kind, {"dropout": 0.3})
    if kind == "Normalize":
        return module(folder, kind, choose.choice([None, {}, {"module_input_name": "sentence_embedding"}]))
    if kind == "LayerNorm":
        weights = {"norm.weight": torch.randn(wide), "norm.bias": torch.randn(wide)}
        return module(folder, kind, {"dimension": wide}, weights)
    out = choose.choice([4, 8, wide, 24])
    bias = choose.choice([True, False])
    config: dict[str, Any] = {"in_features": wide, "out_features": out, "bias": bias}
    if choose.random() < 0.9:
        config["activation_function"] = f"torch.nn.modules.activation.{choose.choice(ACTIVATIONS)}"
        if config["activation_function"].endswith("Identity"):
            config["activation_function"] = "torch.nn.modules.linear.Identity"
    weights = {"linear.weight": torch.randn(out, wide) / 3}
    if bias:
        weights["linear.bias"] = torch.randn(out)
    if kind == "Residual":
        config["use_residual"] = True
        if out != wide:
            weights["residual.weight"] = torch.randn(out, wide) / 3
    if choose.random() < 0.3:
        config |= {
            "module_input_name": "sentence_embedding",
            "module_output_name": choose.choice([None, "sentence_embedding"]),
        }
    return module(folder, "Dense", config, weights)


@change
def own_class(folder: Path, choose: random.Random) -> str:
    entries = read(folder / "modules.json")
    place = choose.randrange(len(entries))
    kind = entries[place]["type"].rpartition(".")[2]
    entries[place]["type"] = choose.choice(
        [f"sentence_transformers.models.{kind}", f"sentence_transformers.models.{kind}.{kind}", f"my_code.{kind}"]
        + ([f"sentence_transformers.sentence_transformer.modules.{kind}"] if kind != "Nothing" else [])
    )
    write(folder / "modules.json", entries)
    return f"modules.json: {entries[place]['type']}"


@change
def pooling(folder: Path, choose: random.Random) -> str | None:
    entry = next((entry for entry in read(folder / "modules.json") if entry["type"].endswith("Pooling")), None)
    if entry is None or len(read(folder / "modules.json")) > 2:
        return None
    modes = ["cls_token", "max_tokens", "mean_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"]
    chosen = choose.sample(modes, choose.choice([0, 1, 1, 1, 2, 3]))
    size = choose.choice(["word_embedding_dimension", "embedding_dimension"])
    config: dict[str, Any] = {size: WIDTH}
    if choose.random() < 0.6:
        flags = choose.choice([(True, False), (1, 0)])
        config |= {f"pooling_mode_{mode}": flags[mode not in chosen] for mode in modes[: choose.choice([4, 6])]}
        config |= {f"pooling_mode_{mode}": flags[0] for mode in chosen}
    else:
        names = {"cls_token": "cls", "max_tokens": "max", "mean_tokens": "mean", "weightedmean_tokens": "weightedmean"}
        found = [names.get(mode, mode) for mode in chosen] or ["mean"]
        config["pooling_mode"] = found if len(found) > 1 or choose.random() < 0.3 else found[0]
    if choose.random() < 0.4:
        config["include_prompt"] = choose.choice([True, False, False])
    write(folder / entry["path"] / "config.json", config)
    return f"Pooling: {config}"


def added_token(choose: random.Random, text: str) -> dict[str, Any]:
    flags = {key: choose.random() < 0.25 for key in ("lstrip", "rstrip", "single_word", "normalized", "special")}
    return {"content": text, **flags}


def next_id(folder: Path) -> int:
    tokenizer = read(encoder(folder) / "tokenizer.json")
    vocabulary = encoder(folder) / "vocab.txt"
    if not tokenizer:
        lines = vocabulary.read_text(encoding="utf-8").splitlines() if vocabulary.is_file() else []
        return len(lines) or len(read(encoder(folder) / "vocab.json"))
    words = tokenizer["model"]["vocab"]
    return max(len(words), *(token["id"] + 1 for token in tokenizer["added_tokens"]))


@change
def added_tokens(folder: Path, choose: random.Random) -> str:
    where = choose.choice(["tokenizer.json", "added_tokens.json", "decoder", "decoder", "additional", "extra", "map"])
    home = encoder(folder)
    start = next_id(folder)
    texts = choose.sample(ADDED, choose.randint(1, 3))
    tokens = {start + i: added_token(choose, text) for i, text in enumerate(texts)}
    if where == "tokenizer.json" and (home / where).is_file():
        file = read(home / where)
        file["added_tokens"] += [{"id": number, **token} for number, token in tokens.items()]
        write(home / where, file)
    elif where == "added_tokens.json":
        write(home / where, {token["content"]: number for number, token in tokens.items()})
    elif where == "additional":
        update(home / "tokenizer_config.json", additional_special_tokens=texts)
    elif where == "extra":
        update(home / "tokenizer_config.json", extra_special_tokens=choose.choice([texts, {"image_token": texts[0]}]))
    elif where == "map":
        update(home / "special_tokens_map.json", additional_special_tokens=texts)
    else:
        whole = {}
        if choose.random() < 0.6:
            old = read(home / "tokenizer.json").get("added_tokens", [])
            whole = {str(token["id"]): {k: v for k, v in token.items() if k != "id"} for token in old}
        update(home / "tokenizer_config.json", added_tokens_decoder=whole | {str(n): t for n, t in tokens.items()})
    return f"{where}: {texts}"


@change
def vocabulary_files(folder: Path, choose: random.Random) -> str | None:
    home = encoder(folder)
    tokenizer = read(home / "tokenizer.json")
    model = tokenizer.get("model", {})
    if model.get("type") == "WordPiece":
        words = sorted(model["vocab"], key=model["vocab"].__getitem__)
        (home / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    elif model.get("type") == "BPE":
        write(home / "vocab.json", model["vocab"])
        lines = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
        (home / "merges.txt").write_text("#version: 0.2\n" + "\n".join(lines) + "\n", encoding="utf-8")
    else:
        return None
    if choose.random() < 0.8:
        (home / "tokenizer.json").unlink()
        return "vocabulary files, no tokenizer.json"
    return "vocabulary files beside tokenizer.json"


@change
def tokenizer_settings(folder: Path, choose: random.Random) -> str:
    options: list[dict[str, Any]] = [
        {"do_lower_case": choose.choice([True, False, False])},
        {"strip_accents": choose.choice([True, False, None])},
        {"tokenize_chinese_chars": choose.choice([True, False, False])},
        {"add_prefix_space": choose.choice([True, False])},
        {"model_max_length": choose.choice([5, 8, 20, 512, int(1e30), None])},
        {"truncation_side": choose.choice(["left", "right"])},
        {"padding_side": choose.choice(["left", "right"])},
        {"clean_up_tokenization_spaces": choose.choice([True, False])},
        {"keep_accents": choose.choice([True, False])},
        {"split_by_punct": True},
        {"add_bos_token": choose.choice([True, False])},
        {"add_eos_token": choose.choice([True, False])},
        {"split_special_tokens": choose.choice([True, False])},
        {"never_split": ["dog"]},
        {"do_basic_tokenize": choose.choice([True, False])},
        {"trim_offsets": choose.choice([True, False])},
        {"max_length": 7, "stride": 0, "truncation_strategy": "longest_first"},
        {"chat_template": "{{ messages }}"},
        {"unknown_key_of_a_tool": 3},
        {"errors": "replace"},
        {"use_fast": choose.choice([True, False])},
        {"legacy": choose.choice([True, False])},
    ]
    chosen: dict[str, Any] = {}
    for option in choose.sample(options, choose.choice([1, 1, 2, 3])):
        chosen |= option
    return update(encoder(folder) / "tokenizer_config.json", **chosen)


@change
def tokenizer_class(folder: Path, choose: random.Random) -> str | None:
    path = encoder(folder) / "tokenizer_config.json"
    config = read(path)
    name = config.get("tokenizer_class", "")
    if choose.random() < 0.15:
        path.unlink(missing_ok=True)
        return "no tokenizer_config.json"
    new = choose.choice(
        [None, name.removesuffix("Fast") + "Fast", name.removesuffix("Fast"), "PreTrainedTokenizerFast"]
    )
    if new is None:
        config.pop("tokenizer_class", None)
        write(path, config)
    else:
        update(path, tokenizer_class=new)
    return f"tokenizer_class: {new}"


@change
def special_tokens(folder: Path, choose: random.Random) -> str:
    home = encoder(folder)
    config = read(home / "tokenizer_config.json")
    names = {
        key: config.get(key)
        for key in ("cls_token", "sep_token", "unk_token", "pad_token", "mask_token")
        if key in config
    }
    how = choose.choice(["map", "map only", "objects", "other", "missing"])
    if not names:
        return "no special tokens to change"
    if how in ("map", "map only"):
        write(
            home / "special_tokens_map.json",
            {
                key: choose.choice(
                    [
                        value,
                        {"content": value, "lstrip": False, "rstrip": False, "normalized": False, "single_word": False},
                    ]
                )
                for key, value in names.items()
            },
        )
        if how == "map only":
            write(home / "tokenizer_config.json", {key: value for key, value in config.items() if key not in names})
    elif how == "objects":
        update(
            home / "tokenizer_config.json",
            **{
                key: {
                    "__type": "AddedToken",
                    "content": value,
                    "lstrip": False,
                    "rstrip": False,
                    "normalized": choose.random() < 0.5,
                    "single_word": False,
                }
                for key, value in names.items()
            },
        )
    elif how == "other":
        key = choose.choice(sorted(names))
        update(home / "tokenizer_config.json", **{key: choose.choice(["the", "dog", "a", "<new>", "d"])})
        return f"{key} changed"
    else:
        key = choose.choice(sorted(names))
        config.pop(key)
        write(home / "tokenizer_config.json", config)
        return f"no {key}"
    return how


@change
def tokenizer_json(folder: Path, choose: random.Random) -> str | None:
    path = encoder(folder) / "tokenizer.json"
    if not path.is_file():
        return None
    file = read(path)
    how = choose.choice(["truncation", "padding", "normalizer", "normalizer none", "post none", "pre", "unk", "byte"])
    if how == "truncation":
        side = choose.choice(["Left", "Right"])
        file["truncation"] = {
            "direction": side,
            "max_length": choose.choice([5, 9, 20]),
            "strategy": "LongestFirst",
            "stride": 0,
        }
    elif how == "padding":
        pad = file["added_tokens"][0]
        strategy = choose.choice(["BatchLongest", {"Fixed": 12}])
        side = choose.choice(["Left", "Right"])
        file["padding"] = {
            "strategy": strategy,
            "direction": side,
            "pad_to_multiple_of": choose.choice([None, 8]),
            "pad_id": pad["id"],
            "pad_type_id": 0,
            "pad_token": pad["content"],
        }
    elif how == "normalizer":
        file["normalizer"] = choose.choice(
            [
                {"type": "Lowercase"},
                {"type": "NFKC"},
                {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}]},
            ]
        )
    elif how == "normalizer none":
        file["normalizer"] = None
    elif how == "post none":
        file["post_processor"] = None
    elif how == "pre":
        file["pre_tokenizer"] = choose.choice([{"type": "Whitespace"}, {"type": "WhitespaceSplit"}])
    elif how == "unk" and file["model"]["type"] == "WordPiece":
        file["model"]["max_input_chars_per_word"] = choose.choice([3, 5, 200])
    elif how == "byte":
        file["decoder"] = None
    write(path, file)
    return f"tokenizer.json: {how}"


@change
def nested(folder: Path, choose: random.Random) -> str:
    new = choose.random() < 0.4
    names = (
        ("model_kwargs", "processor_kwargs", "config_kwargs")
        if new
        else ("model_args", "tokenizer_args", "config_args")
    )
    options: list[dict[str, Any]] = [
        {names[0]: {"attn_implementation": choose.choice(["eager", "sdpa"])}},
        {names[0]: {"trust_remote_code": True}},
        {names[1]: {"do_lower_case": choose.choice([True, False])}},
        {names[1]: {"model_max_length": choose.choice([6, 10, 500])}},
        {names[1]: {"truncation_side": "left"}},
        {names[1]: {"padding_side": "left"}},
        {names[1]: {"add_prefix_space": True}},
        {names[1]: {"use_fast": True}},
        {names[1]: {"strip_accents": False}},
        {names[2]: {"num_hidden_layers": 1}},
        {names[2]: {"layer_norm_eps": 0.1}},
        {names[2]: {"hidden_act": "relu"}},
        {names[2]: {"trust_remote_code": True}},
        {names[2]: {"attention_probs_dropout_prob": 0.0}},
        {"processing_kwargs": {"text": {"max_length": 6}}},
        {"processing_kwargs": {"text": {"add_special_tokens": False}}},
        {"processing_kwargs": {}},
        {"transformer_task": "feature-extraction"},
        {"unpad_inputs": choose.choice([True, False, None])},
        {"query_length": choose.choice([None, 6])},
        {"document_length": choose.choice([None, 6])},
    ]
    return update(transformer_file(folder), **choose.choice(options))


@change
def config(folder: Path, choose: random.Random) -> str:
    path = encoder(folder) / "config.json"
    options: list[dict[str, Any]] = [
        {"hidden_act": choose.choice(["relu", "gelu_new", "silu", "gelu_pytorch_tanh", "tanh"])},
        {"activation": choose.choice(["relu", "gelu"])},
        {"hidden_activation": choose.choice(["relu", "gelu"])},
        {"layer_norm_eps": choose.choice([1e-3, 0.1, 1])},
        {"norm_eps": 0.1},
        {"rms_norm_eps": 0.1},
        {"num_hidden_layers": 1},
        {"n_layers": 1},
        {"position_embedding_type": choose.choice(["absolute", "relative_key"])},
        {"is_decoder": choose.choice([True, False])},
        {"use_cache": choose.choice([True, False])},
        {"output_hidden_states": choose.choice([True, False])},
        {"output_attentions": choose.choice([True, False])},
        {"chunk_size_feed_forward": choose.choice([0, 2])},
        {"pad_token_id": choose.choice([0, 1, 3])},
        {"architectures": choose.choice([None, ["BertModel"], ["BertForMaskedLM"], []])},
        {"torch_dtype": choose.choice(["float32", "float16"])},
        {"dtype": choose.choice(["float32", "float16"])},
        {"classifier_dropout": 0.1, "gradient_checkpointing": False},
        {"unknown_key_of_a_tool": {"a": 1}},
        {"id2label": {"0": "no", "1": "yes"}, "label2id": {"no": 0, "yes": 1}},
        {"tokenizer_class": choose.choice([None, "BertTokenizer"])},
        {"_name_or_path": "somebody/something"},
        {"tie_word_embeddings": choose.choice([True, False])},
        {"hidden_dropout_prob": 0.5},
        {"local_attention": 4},
        {"global_attn_every_n_layers": 1},
        {"rope_theta": 100.0},
        {"global_rope_theta": 100.0},
        {"max_position_embeddings": 20},
        {"sliding_window": 4, "use_sliding_window": choose.choice([True, False])},
        {"classifier_pooling": "mean"},
        {"position_biased_input": choose.choice([True, False])},
        {"auto_map": {}},
        {"is_causal": choose.choice([True, False])},
        {"num_hidden_groups": 1, "inner_group_num": 1},
    ]
    return update(path, **choose.choice(options))


@change
def weights(folder: Path, choose: random.Random) -> str | None:
    home = encoder(folder)
    path = home / "model.safetensors"
    if not path.is_file():
        return None
    tensors = load_file(path)
    how = choose.choice(
        ["half", "bfloat16", "double", "bin", "bin", "shards", "bin shards", "prefix", "gamma", "extra", "ids", "mixed"]
    )
    kind = read(home / "config.json").get("model_type", "")
    kinds = {"half": torch.float16, "bfloat16": torch.bfloat16, "double": torch.float64}
    if how in kinds:
        tensors = {
            name: tensor.to(kinds[how]) if tensor.is_floating_point() else tensor for name, tensor in tensors.items()
        }
    elif how == "mixed":
        tensors = {name: tensor.to(choose.choice(list(kinds.values()))) for name, tensor in tensors.items()}
    elif how == "prefix":
        tensors = {f"{PREFIXES.get(kind, kind)}.{name}": t for name, t in tensors.items()}
    elif how == "gamma":
        tensors = {
            name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): t
            for name, t in tensors.items()
        }
    elif how == "extra":
        tensors |= {
            choose.choice(
                ["cls.predictions.bias", "classifier.weight", "some_head.weight", "lm_head.bias"]
            ): torch.randn(4)
        }
    elif how == "ids":
        tensors |= {"embeddings.position_ids": torch.arange(48)[None]}
    if how == "bin":
        path.unlink()
        torch.save(tensors, home / "pytorch_model.bin", _use_new_zipfile_serialization=choose.random() < 0.8)
    elif how in ("shards", "bin shards"):
        path.unlink()
        names = sorted(tensors)
        half = len(names) // 2
        suffix = "safetensors" if how == "shards" else "bin"
        stem = "model" if how == "shards" else "pytorch_model"
        where = {}
        for number, part in enumerate((names[:half], names[half:]), 1):
            file = f"{stem}-0000{number}-of-00002.{suffix}"
            shard = {name: tensors[name] for name in part}
            if how == "shards":
                save_file(shard, home / file, metadata={"format": "pt"})
            else:
                torch.save(shard, home / file)
            where |= dict.fromkeys(part, file)
        write(home / f"{stem}.{suffix}.index.json", {"metadata": {}, "weight_map": where})
    else:
        save_file(tensors, path, metadata={"format": "pt"})
    return f"weights: {how}"


@change
def module_weights(folder: Path, choose: random.Random) -> str | None:
    found = [
        entry["path"]
        for entry in read(folder / "modules.json")[1:]
        if (folder / entry["path"] / "model.safetensors").is_file()
    ]
    if not found:
        return None
    path = folder / choose.choice(found) / "model.safetensors"
    tensors = load_file(path)
    how = choose.choice(["bin", "half", "double"])
    if how == "bin":
        torch.save(tensors, path.with_name("pytorch_model.bin"))
        path.unlink()
    else:
        kind = torch.float16 if how == "half" else torch.float64
        save_file({name: tensor.to(kind) for name, tensor in tensors.items()}, path)
    return f"module's weights: {how}"


@change
def subfolder(folder: Path, choose: random.Random) -> str | None:
    entries = read(folder / "modules.json")
    if entries[0]["path"]:
        return None
    (folder / "0_Transformer").mkdir()
    keep = {"modules.json", "config_sentence_transformers.json"}
    for path in list(folder.iterdir()):
        if path.is_file() and path.name not in keep:
            path.rename(folder / "0_Transformer" / path.name)
    entries[0]["path"] = "0_Transformer"
    write(folder / "modules.json", entries)
    return "0_Transformer"


@change
def modality(folder: Path, choose: random.Random) -> str:
    text = {
        "method": "forward",
        "method_output_name": choose.choice(["last_hidden_state", "last_hidden_state", "pooler_output"]),
    }
    values: dict[str, Any] = {"modality_config": {"text": text}, "module_output_name": "token_embeddings"}
    if choose.random() < 0.2:
        values["module_output_name"] = "sentence_embedding"
    return update(transformer_file(folder), **values)
