"""Tiny models with random weights, one for each architecture, saved by sentence-transformers as the fuzzer's start."""

import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, StaticEmbedding, Transformer
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

WIDTH, LAYERS, POSITIONS = 16, 2, 48
WORDS = [
    "the",
    "dog",
    "fox",
    "cat",
    "hello",
    "world",
    "The",
    "Dog",
    "Fox",
    "quick",
    "brown",
    "jumps",
    "query",
    "passage",
    ":",
    "a",
    "b",
    "c",
    "d",
    "e",
    "café",
    "cafe",
    "straße",
    "ß",
    "é",
]
PIECES = [
    *WORDS,
    *[
        "##s",
        "##ed",
        "##ing",
        "##a",
        "##b",
        "##c",
        "##d",
        "##e",
        "##o",
        "##é",
        ",",
        ".",
        "!",
        "?",
        "-",
        "'",
        "日",
        "本",
        "日本",
        "0",
        "1",
        "2",
        "##0",
        "##1",
        "f",
        "g",
        "h",
        "o",
    ],
]
LETTERS = [*"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:!?'-"]


def word_piece(cls: str, sep: str, unk: str, pad: str, mask: str, *, pad_id: int = 0) -> Tokenizer:
    """As BERT's; the special tokens come first."""
    first = [unk, cls, sep, mask]
    words = list(dict.fromkeys([*first[:pad_id], pad, *first[pad_id:], *PIECES]))
    tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(words)}, unk_token=unk))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing((sep, words.index(sep)), (cls, words.index(cls)))
    tokenizer.decoder = decoders.WordPiece()
    return special(tokenizer, pad, unk, cls, sep, mask)


def byte_level(first: list[str], post: Callable[[Tokenizer], Any] | None = None) -> Tokenizer:
    """As GPT-2's and what descends from it; ``first`` are its special tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("t", "h"), ("th", "e"), ("d", "o"), ("do", "g"), ("Ġ", "the"), ("Ġ", "dog"), ("h", "e"), ("l", "l")]
    pieces = [*first, *alphabet, *(a + b for a, b in merges)]
    tokenizer = Tokenizer(models.BPE({piece: i for i, piece in enumerate(dict.fromkeys(pieces))}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    if post is not None:
        tokenizer.post_processor = post(tokenizer)
    return special(tokenizer, *first)


def unigram(first: list[str], unk: str, post: Callable[[Tokenizer], Any]) -> Tokenizer:
    """As sentencepiece's; ``first`` are its special tokens, in their order."""
    pieces = [(token, 0.0) for token in first]
    pieces += [(f"▁{word}", -3.0 - 0.1 * i) for i, word in enumerate(WORDS)]
    pieces += [("▁", -6.0), *((letter, -7.0 - 0.01 * i) for i, letter in enumerate(LETTERS)), ("日", -8.0), ("é", -8.1)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=first.index(unk), byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")]
    )
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = post(tokenizer)
    return special(tokenizer, *first)


def sentencepiece_pairs() -> Tokenizer:
    """As Gemma's: pairs of letters are merged, spaces are letters, other letters fall back to their bytes."""
    first = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    merges = [("t", "h"), ("th", "e"), ("d", "o"), ("do", "g"), ("▁", "the"), ("▁", "dog"), ("f", "o"), ("fo", "x")]
    pieces = [*first, *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *LETTERS, *(a + b for a, b in merges)]
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(pattern=" ", behavior="merged_with_previous", invert=False)
    tokenizer.post_processor = around("<bos>", "<eos>")(tokenizer)
    return special(tokenizer, *first)


def special(tokenizer: Tokenizer, *tokens: str) -> Tokenizer:
    """Make the tokens special."""
    tokenizer.add_special_tokens([AddedToken(t, special=True, lstrip=t == "<mask>") for t in tokens])
    return tokenizer


def around(first: str, last: str, pair: str = "{0} $A {1} {1} $B {1}") -> Callable[[Tokenizer], Any]:
    """A post-processor that puts a token at either end."""

    def make(tokenizer: Tokenizer) -> Any:
        tokens = [(token, tokenizer.token_to_id(token)) for token in dict.fromkeys((first, last))]
        return processors.TemplateProcessing(
            single=f"{first} $A {last}", pair=pair.format(first, last), special_tokens=tokens
        )

    return make


def roberta_ends(tokenizer: Tokenizer) -> Any:
    """RoBERTa's."""
    return processors.RobertaProcessing(
        ("</s>", tokenizer.token_to_id("</s>")), ("<s>", tokenizer.token_to_id("<s>")), True, False
    )


def last_only(token: str) -> Callable[[Tokenizer], Any]:
    """A post-processor that puts a token at the end."""
    return lambda tokenizer: processors.TemplateProcessing(
        single=f"$A {token}",
        pair=f"$A {token} $B {token}",
        special_tokens=[(token, tokenizer.token_to_id(token))],
    )


_BERT = {"cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]", "pad_token": "[PAD]", "mask_token": "[MASK]"}
_ROBERTA = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "cls_token": "<s>",
    "sep_token": "</s>",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "mask_token": "<mask>",
}
_BERT_ARGS = ("[CLS]", "[SEP]", "[UNK]", "[PAD]", "[MASK]")
_XLMR = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
_COMMON = {"hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": 2, "intermediate_size": 2 * WIDTH}
_POSITIONS = {"max_position_embeddings": POSITIONS}

# name -> (configuration's class, its arguments, tokenizer's class, tokenizer, its special tokens)
KINDS: dict[str, tuple[str, dict[str, Any], str, Callable[[], Tokenizer], dict[str, str]]] = {
    "bert": ("BertConfig", _COMMON | _POSITIONS, "BertTokenizer", lambda: word_piece(*_BERT_ARGS), _BERT),
    "distilbert": (
        "DistilBertConfig",
        {"dim": WIDTH, "n_layers": LAYERS, "n_heads": 2, "hidden_dim": 2 * WIDTH} | _POSITIONS,
        "DistilBertTokenizer",
        lambda: word_piece(*_BERT_ARGS),
        _BERT,
    ),
    "electra": (
        "ElectraConfig",
        _COMMON | _POSITIONS | {"embedding_size": 8},
        "ElectraTokenizer",
        lambda: word_piece(*_BERT_ARGS),
        _BERT,
    ),
    "mpnet": (
        "MPNetConfig",
        _COMMON | {"max_position_embeddings": POSITIONS + 2, "relative_attention_num_buckets": 32, "pad_token_id": 1},
        "MPNetTokenizer",
        lambda: word_piece("<s>", "</s>", "[UNK]", "<pad>", "<mask>", pad_id=1),
        _ROBERTA | {"unk_token": "[UNK]"},
    ),
    "roberta": (
        "RobertaConfig",
        _COMMON | {"max_position_embeddings": POSITIONS + 2, "pad_token_id": 1, "type_vocab_size": 1},
        "RobertaTokenizer",
        lambda: byte_level(_XLMR, roberta_ends),
        _ROBERTA,
    ),
    "xlm-roberta": (
        "XLMRobertaConfig",
        _COMMON | {"max_position_embeddings": POSITIONS + 2, "pad_token_id": 1, "type_vocab_size": 1},
        "XLMRobertaTokenizer",
        lambda: unigram(_XLMR, "<unk>", around("<s>", "</s>")),
        _ROBERTA,
    ),
    "camembert": (
        "CamembertConfig",
        _COMMON | {"max_position_embeddings": POSITIONS + 2, "pad_token_id": 1, "type_vocab_size": 1},
        "CamembertTokenizer",
        lambda: unigram(_XLMR, "<unk>", around("<s>", "</s>")),
        _ROBERTA,
    ),
    "albert": (
        "AlbertConfig",
        _COMMON | _POSITIONS | {"embedding_size": 8},
        "AlbertTokenizer",
        lambda: unigram(
            ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"], "<unk>", around("[CLS]", "[SEP]", "{0} $A {1} $B:1 {1}:1")
        ),
        _BERT | {"unk_token": "<unk>", "pad_token": "<pad>", "bos_token": "[CLS]", "eos_token": "[SEP]"},
    ),
    "deberta-v2": (
        "DebertaV2Config",
        _COMMON
        | _POSITIONS
        | {"relative_attention": True, "position_buckets": 8, "norm_rel_ebd": "layer_norm", "share_att_key": True}
        | {"pos_att_type": ["p2c", "c2p"], "position_biased_input": False, "type_vocab_size": 0},
        "DebertaV2Tokenizer",
        lambda: unigram(
            ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"], "[UNK]", around("[CLS]", "[SEP]", "{0} $A {1} $B:1 {1}:1")
        ),
        _BERT | {"bos_token": "[CLS]", "eos_token": "[SEP]"},
    ),
    "modernbert": (
        "ModernBertConfig",
        _COMMON
        | _POSITIONS
        | {
            "pad_token_id": 0,
            "cls_token_id": 2,
            "sep_token_id": 3,
            "local_attention": 8,
            "global_attn_every_n_layers": 2,
        },
        "PreTrainedTokenizerFast",
        lambda: byte_level(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], around("[CLS]", "[SEP]")),
        _BERT,
    ),
    "qwen3": (
        "Qwen3Config",
        _COMMON | _POSITIONS | {"num_key_value_heads": 1, "head_dim": 8},
        "Qwen2Tokenizer",
        lambda: byte_level(["<|endoftext|>", "<|im_start|>"], last_only("<|endoftext|>")),
        {"eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"},
    ),
    "gemma3_text": (
        "Gemma3TextConfig",
        _COMMON
        | _POSITIONS
        | {"num_key_value_heads": 1, "head_dim": 8, "use_bidirectional_attention": True, "query_pre_attn_scalar": 8}
        | {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 8},
        "GemmaTokenizer",
        sentencepiece_pairs,
        {
            "bos_token": "<bos>",
            "eos_token": "<eos>",
            "unk_token": "<unk>",
            "pad_token": "<pad>",
            "mask_token": "<mask>",
        },
    ),
    "nomic_bert": ("NomicBertConfig", _COMMON | _POSITIONS, "BertTokenizer", lambda: word_piece(*_BERT_ARGS), _BERT),
}


STATIC = "static"
"""A table of token vectors instead of an encoder."""


@cache
def root() -> Path:
    """Where the models of this process lie."""
    return Path(tempfile.mkdtemp(prefix="rapidembed-bases-"))


@cache
def base(kind: str) -> Path:
    """The folder of one kind of model; not to be changed."""
    if kind == STATIC:
        torch.manual_seed(0)
        module = StaticEmbedding(word_piece(*_BERT_ARGS), embedding_dim=WIDTH)
        SentenceTransformer(modules=[module], device="cpu").save(str(root() / kind), create_model_card=False)
        return root() / kind
    config_name, arguments, class_name, make, tokens = KINDS[kind]
    tokenizer = make()
    encoder = root() / f"{kind}-encoder"
    encoder.mkdir()
    torch.manual_seed(len(kind))
    size = tokenizer.get_vocab_size() + 8  # rows for tokens that are added later
    ids = {"pad_token_id": tokenizer.token_to_id(tokens["pad_token"])}
    config = getattr(transformers, config_name)(**(ids | arguments), vocab_size=size)
    model = transformers.AutoModel.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.4 + (1.0 if parameter.ndim == 1 else 0.0) * 0.5)
    model.save_pretrained(encoder)
    tokenizer.save(str(encoder / "tokenizer.json"))
    settings = {"tokenizer_class": class_name, "model_max_length": POSITIONS, **tokens}
    (encoder / "tokenizer_config.json").write_text(json.dumps(settings, indent=1))
    whole = root() / kind
    modules = [Transformer(str(encoder)), Pooling(WIDTH, pooling_mode="mean")]
    SentenceTransformer(modules=modules, device="cpu").save(str(whole), create_model_card=False)
    # As its author would have it: sentence-transformers writes what its own loading made of the file.
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (whole / file).write_bytes((encoder / file).read_bytes())
    return whole
