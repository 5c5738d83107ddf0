"""Tiny models of pages, whose vectors ``pages.safetensors`` holds, and how their files are made."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors.numpy import save_file

from tests.golden.vision import weights

FOLDER = Path(__file__).parent
VECTORS, DESCRIBED = FOLDER / "pages.safetensors", FOLDER / "pages.json"

PICTURES = ("landscape", "portrait", "square")
TEXTS = ("What did rent cost in 1990?", "", "a table of prices\nand a figure, über alles", "x")
SIDE, FACTOR = 16, 2
SPECIAL = (
    *("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "<|begin_of_text|>", "<end_of_utterance>"),
    *("<fake_token_around_image>", "<global-img>"),
    *(f"<row_{row}_col_{column}>" for row in range(1, 4) for column in range(1, 4)),
    "<image>",
)
_VOCABULARY = 256 + len(SPECIAL)
_VISION = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": SIDE,
    "patch_size": 4,
    "vision_use_head": False,
}
_MODERN = {
    "hidden_size": 24,
    "intermediate_size": 32,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "vocab_size": _VOCABULARY,
    "max_position_embeddings": 512,
    "local_attention": 8,
    "pad_token_id": 256 + SPECIAL.index("[PAD]"),
    "bos_token_id": 256 + SPECIAL.index("[CLS]"),
    "eos_token_id": 256 + SPECIAL.index("[SEP]"),
    "cls_token_id": 256 + SPECIAL.index("[CLS]"),
    "sep_token_id": 256 + SPECIAL.index("[SEP]"),
}


@dataclass(frozen=True)
class Variant:
    model: str
    """Beginning of the names of its classes in transformers."""
    config: dict[str, Any]
    image_processor: str
    image: dict[str, Any]
    """Values of the processor of pictures."""
    processor: dict[str, Any] = field(default_factory=dict)
    """Values of that of pictures and texts."""


def _modern(longest: int, **processor: Any) -> Variant:
    config = {
        "vlm_config": {
            "model_type": "modernvbert",
            "vision_config": {"model_type": "siglip_vision_model", **_VISION},
            "text_config": {"model_type": "modernbert", **_MODERN},
            "image_token_id": 256 + SPECIAL.index("<image>"),
            "pixel_shuffle_factor": FACTOR,
        },
        "embedding_dim": 12,
    }
    image = {"size": {"longest_edge": longest}, "max_image_size": {"longest_edge": SIDE}}
    return Variant("ColModernVBert", config, "Idefics3ImageProcessorPil", image, {"image_seq_len": 4, **processor})


def _pali() -> Variant:
    text = {
        **{"model_type": "gemma", "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2, "head_dim": 16},
        **{"num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": _VOCABULARY - 1},
        **{"pad_token_id": 256 + SPECIAL.index("[PAD]"), "max_position_embeddings": 512},
    }
    config = {
        "vlm_config": {
            "model_type": "paligemma",
            "vision_config": {"model_type": "siglip_vision_model", "projection_dim": 24, **_VISION},
            "text_config": text,
            "image_token_index": 256 + SPECIAL.index("<image>"),
            "projection_dim": 24,
            "hidden_size": 24,
        },
        "embedding_dim": 12,
    }
    image = {"size": {"height": SIDE, "width": SIDE}, "image_seq_length": (SIDE // 4) ** 2}
    return Variant("ColPali", config, "SiglipImageProcessorPil", image, {"query_prefix": "Query: "})


VARIANTS = {
    "colmodernvbert": _modern(3 * SIDE),
    "colpali": _pali(),
    "colmodernvbert uncut": _modern(
        SIDE, visual_prompt_prefix="Look: <image><end_of_utterance>", query_prefix="Question: "
    ),
}


def write_tokenizer(folder: Path, *, framed: bool = True) -> None:
    """A tokenizer of bytes, and of the tokens that such models have beside text; ``framed``: two around each text."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE({letter: number for number, letter in enumerate(letters)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in SPECIAL])
    cls, sep = (256 + SPECIAL.index(token) for token in ("[CLS]", "[SEP]"))
    if framed:
        made.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", cls), ("[SEP]", sep)]
        )
    made.save(str(folder / "tokenizer.json"))
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("unk", "cls", "sep", "pad", "mask")}
    values = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512, "bos_token": "<|begin_of_text|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(values | names), encoding="utf-8")


def write_model(name: str, folder: Path) -> Path:
    """All files of a model."""
    described = json.loads(DESCRIBED.read_text())[name]
    folder.mkdir(parents=True, exist_ok=True)
    for file in ("config", "processor_config"):
        (folder / f"{file}.json").write_text(json.dumps(described[file]), encoding="utf-8")
    write_tokenizer(folder)
    save_file(weights(described["tensors"]), folder / "model.safetensors", {"format": "pt"})
    return folder
