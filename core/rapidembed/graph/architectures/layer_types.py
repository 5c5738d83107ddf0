"""Which layers of an encoder let tokens see the whole text, and which a window of it."""

from rapidembed.errors import UnsupportedModelError
from rapidembed.registry.config_file import ConfigFile

FULL, LOCAL = "full_attention", "sliding_attention"


def read_layer_types(
    config: ConfigFile, default: tuple[str, ...], known: tuple[str, ...] = (FULL, LOCAL)
) -> tuple[str, ...]:
    """Kind of each layer's attention.

    Args:
        default: what holds where the config does not list them, as before version 5 of transformers.
        known: kinds that the architecture can have.

    Raises:
        UnsupportedModelError: a kind is not known, or the list is too short.
    """
    if config.values.get("layer_types") is None:
        return default
    kinds = config.names("layer_types")
    if len(kinds) < len(default):
        raise UnsupportedModelError(f"{config.path}: layer_types must name {len(default)} layers, got {kinds!r}.")
    kinds = kinds[: len(default)]  # the number of layers may be lowered in config.json alone
    if unknown := [kind for kind in kinds if kind not in known]:
        raise UnsupportedModelError(
            f"{config.path}: layer type {unknown[0]!r} is not supported; known: {', '.join(known)}."
        )
    return kinds
