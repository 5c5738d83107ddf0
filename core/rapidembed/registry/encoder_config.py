"""What every encoder's config.json says, each architecture in its own way."""

from rapidembed.registry.config_file import ConfigFile

# What they call the width of token vectors, which others call hidden_size.
_WIDTH = {"distilbert": "dim"}
# Positions are turned into angles, or into distances.
_RELATIVE = ("modernbert", "nomic_bert", "qwen2", "qwen3", "gemma3", "gemma3_text", "gte", "new")
_DECODERS = ("qwen", "gemma", "llama", "mistral")
# Their first position stands behind the padding token's number.
_OFFSET_POSITIONS = ("roberta", "xlm-roberta", "camembert", "mpnet")


def text_part(config: ConfigFile) -> ConfigFile:
    """What a config says of the encoder of texts, where it is of one of pictures too."""
    return _part(config, "text_config")


def vision_part(config: ConfigFile) -> ConfigFile:
    """What a config says of the encoder of pictures, where it is of one of texts too."""
    return _part(config, "vision_config")


def _part(config: ConfigFile, name: str) -> ConfigFile:
    both = config.section("vlm_config") if "vlm_config" in config.values else config
    return both.section(name) if name in both.values else both


def read_hidden(config: ConfigFile) -> int:
    """Width of the token vectors."""
    return config.positive(_width(config))


def read_optional_hidden(config: ConfigFile) -> int | None:
    """Width of the token vectors; None: it is not said."""
    return config.optional_positive(_width(config))


def read_position_limit(config: ConfigFile) -> int | None:
    """Longest sequence that the model has positions for, special tokens included; None: it does not say."""
    positions = config.optional_positive("max_position_embeddings")
    if config.text("model_type", "") == "nomic_bert":  # whose first number is what it was trained with
        positions = max(positions or 0, config.optional_positive("n_positions") or 0) or None
    if positions and counts_from_padding(config):
        return positions - read_padding(config) - 1
    return positions


def read_padding(config: ConfigFile) -> int:
    """The padding token of a model whose positions are counted from the one behind it."""
    if config.text("model_type", "") == "mpnet":
        return 1  # whatever the file says
    return config.count("pad_token_id", 1)


def counts_from_padding(config: ConfigFile) -> bool:
    """Whether the first position is the one behind the padding token's number."""
    return config.text("model_type", "").startswith(_OFFSET_POSITIONS)


def has_position_table(config: ConfigFile) -> bool:
    """Whether the model can take no more tokens than it has positions for; others were only trained with so many."""
    return config.text("model_type", "") not in _RELATIVE


def is_encoder(config: ConfigFile) -> bool:
    """Whether tokens see those behind them, unless config.json says otherwise."""
    return not config.text("model_type", "").startswith(_DECODERS)


def _width(config: ConfigFile) -> str:
    return _WIDTH.get(config.text("model_type", ""), "hidden_size")
