"""The fields of config.json that change numbers in every encoder of texts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from rapidembed.errors import UnsupportedModelError
from rapidembed.registry.config_file import ConfigFile

_SAME: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What they say; architectures add fields of their own below this class."""

    vocab: int
    hidden: int
    layers: int
    heads: int
    intermediate: int
    activation: str
    epsilon: float
    """Of normalization."""

    @classmethod
    def read(
        cls,
        config: ConfigFile,
        *,
        fields: Mapping[str, str] = _SAME,
        activation: str = "gelu",
        epsilon: float = 1e-12,
        even: bool = True,
        **own: Any,
    ) -> Self:
        """Take the fields.

        Args:
            fields: what the architecture calls those that have another name in BERT; "": it has none.
            activation: where no field says it.
            epsilon: where no field says it.
            even: whether heads share the hidden state.
            own: the fields of the architecture's own class.

        Raises:
            UnsupportedModelError, IntegrityError: name the field and its value.
        """

        def positive(name: str) -> int:
            return config.positive(fields.get(name, name))

        activated_by, added = (fields.get(name, name) for name in ("hidden_act", "layer_norm_eps"))
        hidden, heads = positive("hidden_size"), positive("num_attention_heads")
        if even:
            _check_heads(config, hidden, heads)
        return cls(
            vocab=positive("vocab_size"),
            hidden=hidden,
            layers=positive("num_hidden_layers"),
            heads=heads,
            intermediate=positive("intermediate_size"),
            activation=config.text(activated_by, activation) if activated_by else activation,
            epsilon=config.number(added, epsilon) if added else epsilon,
            **own,
        )


def read_heads(config: ConfigFile) -> tuple[int, int]:
    """Width of the hidden state and the number of heads that share it.

    Raises:
        UnsupportedModelError: they cannot share it evenly.
        IntegrityError: a field is missing or no positive number.
    """
    hidden, heads = config.positive("hidden_size"), config.positive("num_attention_heads")
    _check_heads(config, hidden, heads)
    return hidden, heads


def _check_heads(config: ConfigFile, hidden: int, heads: int) -> None:
    if hidden % heads:
        raise UnsupportedModelError(
            f"{config.path}: hidden_size {hidden} is not a multiple of {heads} attention heads."
        )
