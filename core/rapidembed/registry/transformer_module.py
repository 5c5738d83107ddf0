"""The Transformer module's own settings: its limit, and arguments that lie over the encoder's files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapidembed.errors import UnsupportedModelError
from rapidembed.registry import folder_keys
from rapidembed.registry.adapter import read_adapter
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.encoder_config import has_position_table, is_encoder, read_position_limit

# transformers writes 1e30 for "no limit".
_NO_LIMIT = 1_000_000_000
_HIDDEN_STATE = "last_hidden_state"
_DROPPED = frozenset({"trust_remote_code", "use_fast", "token", "revision", "cache_dir", "local_files_only"})
"""Arguments that say how files are fetched, or that sentence-transformers drops."""
_ARGUMENTS = {
    "tokenizer": ("tokenizer_args", "processor_kwargs"),
    "config": ("config_args", "config_kwargs"),
    "model": ("model_args", "model_kwargs"),
}


@dataclass(frozen=True, slots=True)
class TransformerModule:
    """What modules.json's first module says of itself."""

    file: ConfigFile
    """Its settings, an empty object where it has none."""
    config: ConfigFile
    """The encoder's config.json with the module's arguments laid over it."""
    over_config: Mapping[str, Any]
    """These arguments."""
    tokenizer: Mapping[str, Any]
    """Arguments that lie over tokenizer_config.json."""
    folder: Path
    """Of the encoder."""

    @classmethod
    def read(cls, folder: Path, **known: Any) -> "TransformerModule":
        """Read the module in ``folder``; ``known`` are the values of its settings that the task computes.

        Raises:
            UnsupportedModelError: its files say something unknown.
            IntegrityError: a file is damaged, or holds a value of a wrong type.
        """
        file = read_settings(folder)
        folder_keys.check(file, folder_keys.TRANSFORMER)
        folder_keys.check(_arguments(file, "model"), folder_keys.MODEL_ARGUMENTS, "model_args")
        tokenizer, config = (
            {key: value for key, value in _arguments(file, kind).values.items() if key not in _DROPPED}
            for kind in ("tokenizer", "config")
        )
        folder_keys.check(ConfigFile(file.path, tokenizer), folder_keys.TOKENIZER, "tokenizer_args")
        file.require(**known)
        _check_modalities(file)
        return cls(file, read_config(folder, config), config, tokenizer, folder)

    @property
    def lower_case(self) -> bool:
        """Whether texts are lowered first."""
        return self.file.flag("do_lower_case", False)

    @property
    def role_tokens(self) -> Mapping[str, int]:
        """Limits of queries and documents that differ from that of plain texts; one for all calls wins over them."""
        if _call_limit(self.file) is not None:
            return {}
        stated = {role: _limit(self.file, f"{role}_length") for role in ("query", "document")}
        return {role: limit for role, limit in stated.items() if limit is not None}

    @property
    def max_tokens(self) -> int | None:
        """sentence-transformers' own limit, else the tokenizer's, never beyond the model's positions."""
        stated = ConfigFile.read_optional(self.folder / "tokenizer_config.json")
        arguments = ConfigFile(self.file.path, dict(self.tokenizer))
        positions = read_position_limit(self.config)
        called = _call_limit(self.file)
        # What an argument says counts, also where that is no limit.
        if called is not None:
            own: int | None = called
        elif "model_max_length" in self.tokenizer:
            own = _limit(arguments, "model_max_length")
        else:
            own = _limit(self.file, "max_seq_length")
        limit = own or _limit(stated, "model_max_length") or _limit(stated, "max_len")
        if limit is None or positions is None or (own and not has_position_table(self.config)):
            return limit
        if own and own > positions and self.config.text("model_type", "") == "deberta-v2":
            raise UnsupportedModelError(
                f"{self.file.path}: a limit of {own} tokens is beyond the {positions} positions in config.json, for "
                "which alone distances are known here. Lower it, or raise max_position_embeddings."
            )
        return min(limit, positions)


def _call_limit(file: ConfigFile) -> int | None:
    """The limit among the arguments of every call of the tokenizer, which may hold nothing else.

    Raises:
        UnsupportedModelError: they hold more.
    """
    arguments = file.section("processing_kwargs")
    text = arguments.section("text")
    for each, known in ((arguments, "text"), (text, "max_length")):
        if others := [name for name, value in each.values.items() if name != known and value not in (None, {})]:
            raise UnsupportedModelError(
                f"{file.path}: processing_kwargs has {others[0]}={each.values[others[0]]!r}, which is not supported; "
                "known: max_length of text."
            )
    return _limit(text, "max_length")


def read_settings(folder: Path) -> ConfigFile:
    """The settings of the module in ``folder``, under the first of their names that says anything."""
    files = (ConfigFile.read_optional(folder / name) for name in folder_keys.LIMIT_FILES)
    return next((file for file in files if file.values), ConfigFile(folder / folder_keys.LIMIT_FILES[0], {}))


def read_config(folder: Path, over: Mapping[str, Any] | None = None) -> ConfigFile:
    """The encoder's config.json, with ``over`` laid over it, its keys under the names that its architecture has.

    Raises:
        UnsupportedModelError: it is missing, or says something unknown.
        IntegrityError: it is damaged.
    """
    adapter = read_adapter(folder)
    file = ConfigFile.read((adapter.base if adapter else folder) / "config.json")
    aliases = folder_keys.ALIASES.get(file.text("model_type", ""), {})
    values: dict[str, Any] = {}
    for name, value in (*file.values.items(), *(over or {}).items()):
        values[aliases.get(name, name)] = value
    file = ConfigFile(file.path, values)
    folder_keys.check(file, folder_keys.CONFIG)
    if is_encoder(file):
        file.require(is_causal=False)
    return file


def read_max_tokens(folder: Path) -> int | None:
    """The limit that the settings of the module in ``folder`` state, else its tokenizer's; None: neither has one."""
    stated = ConfigFile.read_optional(folder / "tokenizer_config.json")
    own = _limit(read_settings(folder), "max_seq_length")
    return own or _limit(stated, "model_max_length") or _limit(stated, "max_len")


def _arguments(file: ConfigFile, kind: str) -> ConfigFile:
    old, new = _ARGUMENTS[kind]
    return file.section(old if old in file.values else new)


def _check_modalities(file: ConfigFile) -> None:
    modalities = file.section("modality_config").values
    if not modalities:
        return
    text = modalities.get("text")
    if "message" in modalities:
        raise UnsupportedModelError(f"{file.path}: modality_config has messages, which a chat template would render.")
    if not isinstance(text, dict):
        raise UnsupportedModelError(f"{file.path}: modality_config has no text, which is all that is embedded here.")
    ConfigFile(file.path, text).require(method="forward")
    wanted = _HIDDEN_STATE if file.text("transformer_task", "feature-extraction") == "feature-extraction" else None
    if wanted and text.get("method_output_name", wanted) != wanted:
        raise UnsupportedModelError(f"{file.path}: modality_config must read {wanted}, got {text}.")


def _limit(file: ConfigFile, name: str) -> int | None:
    limit = file.values.get(name)
    if limit is None or (isinstance(limit, int | float) and limit > _NO_LIMIT):
        return None
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise UnsupportedModelError(f"{file.path}: {name} must be a positive integer, got {limit!r}.")
    return limit
