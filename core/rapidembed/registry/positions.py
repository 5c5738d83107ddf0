"""How long a sequence a checkpoint has positions for."""

from rapidembed.errors import IntegrityError
from rapidembed.registry.config_file import ConfigFile

# Their first position stands behind the padding token's number.
_OFFSET_POSITIONS = ("roberta", "xlm-roberta", "camembert", "mpnet")


def read_position_limit(config: ConfigFile) -> int | None:
    """Longest sequence that the model has positions for, special tokens included; None: it does not say."""
    positions = config.optional_positive("max_position_embeddings")
    if config.text("model_type", "") == "nomic_bert":  # whose first number is what it was trained with
        positions = max(positions or 0, config.optional_positive("n_positions") or 0) or None
    if positions and config.text("model_type", "").startswith(_OFFSET_POSITIONS):
        return positions - read_padding(config) - 1
    return positions


def read_padding(config: ConfigFile) -> int:
    """The padding token of a model whose positions are counted from the one behind it."""
    padding = config.values.get("pad_token_id", 1)
    if config.text("model_type", "") == "mpnet":
        return 1  # whatever the file says
    if isinstance(padding, bool) or not isinstance(padding, int) or padding < 0:
        raise IntegrityError(f"{config.path}: expected pad_token_id to be a token's number, got {padding!r}.")
    return padding
