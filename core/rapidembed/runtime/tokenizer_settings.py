"""What the files beside a vocabulary say of a tokenizer, as transformers 5 puts them together.

``tokenizer_config.json``; the arguments that a module of sentence-transformers gives; and from the years before these
knew every token, ``special_tokens_map.json`` and ``added_tokens.json``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tokenizers import AddedToken

from rapidembed.errors import IntegrityError
from rapidembed.registry import folder_keys
from rapidembed.registry.config_file import ConfigFile

SPECIAL = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
"""Names of the special tokens that every tokenizer may have, in the order in which they are added."""
TOKENIZER_FILE = "tokenizer.json"

_TOKEN_FLAGS = ("content", "single_word", "lstrip", "rstrip", "normalized", "special")

Token = str | AddedToken


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerSettings:
    """All that is said of a tokenizer outside its vocabulary."""

    file: ConfigFile
    """tokenizer_config.json with the arguments laid over it."""
    special: Mapping[str, Token | None]
    """Special tokens by name; one that is not named here is its class's."""
    others: Mapping[str, Token]
    """Special tokens under names of the model's own."""
    extra: tuple[Token, ...] = ()
    """Special tokens without a name."""
    added: Mapping[int, AddedToken] = field(default_factory=dict)
    """Tokens by the number that they should have."""

    @classmethod
    def read(
        cls, folder: Path, arguments: Mapping[str, Any], serialized: Mapping[int, AddedToken]
    ) -> "TokenizerSettings":
        """Take what the files in ``folder`` say.

        Args:
            folder: holds them.
            arguments: win over tokenizer_config.json.
            serialized: the added tokens of tokenizer.json by number.

        Raises:
            UnsupportedModelError: they say something unknown.
            IntegrityError: a file is damaged, or holds a value of a wrong type.
        """
        config = ConfigFile.read_optional(folder / "tokenizer_config.json")
        whole = (folder / TOKENIZER_FILE).is_file()
        dropped = {"tokenizer_class", "add_bos_token", "add_eos_token"} if whole else {"tokenizer_class"}
        values = {key: value for key, value in config.values.items() if key not in dropped} | dict(arguments)
        folder_keys.check(config, folder_keys.TOKENIZER)
        _rename_extra(values)
        tokens = _read_added(folder, config.path, values, serialized)
        if "extra_special_tokens" not in values:  # special_tokens_map.json has the older name too
            _rename_extra(values)
        known = {token.content: token for token in tokens.values()}
        others = _others(values)
        extra = values.get("extra_special_tokens")
        return cls(
            file=ConfigFile(config.path, values),
            special={
                name: _known(_token(config.path, name, values[name]), known) for name in SPECIAL if name in values
            },
            others={name: token for name, value in others.items() if (token := _token(config.path, name, value))},
            extra=_token_list(config.path, extra),
            added=dict(sorted(tokens.items())),
        )

    def token(self, name: str, default: str | None) -> Token | None:
        """A special token, or the one that tokenizers of a class have where nothing is said."""
        return self.special.get(name, default)


def _rename_extra(values: dict[str, Any]) -> None:
    """Older versions called the special tokens without a name otherwise."""
    if "additional_special_tokens" in values and not values.get("extra_special_tokens"):
        values["extra_special_tokens"] = values.pop("additional_special_tokens")


def _others(values: dict[str, Any]) -> dict[str, Any]:
    """Special tokens under names of the model's own, taken out of ``values``."""
    found = {
        name: values.pop(name)
        for name in list(values)
        if name.endswith("_token") and name not in SPECIAL and isinstance(values[name], str | dict)
    }
    if isinstance(values.get("extra_special_tokens"), dict):
        found |= values.pop("extra_special_tokens")
    return found


def _read_added(
    folder: Path, path: Path, values: dict[str, Any], serialized: Mapping[int, AddedToken]
) -> dict[int, AddedToken]:
    """The tokens by number. Where tokenizer_config.json has none, the older files tell, which win over it."""
    listed = values.get("added_tokens_decoder")
    if listed is not None:
        if not isinstance(listed, dict) or not all(str(number).isdecimal() for number in listed):
            raise IntegrityError(f"{path}: expected added_tokens_decoder to map numbers to tokens, got {listed!r}.")
        return {int(number): _added(path, token) for number, token in listed.items()}
    for name, value in ConfigFile.read_optional(folder / "special_tokens_map.json").values.items():
        if name == "extra_special_tokens" and isinstance(value, list):
            value = [*(values.get(name) or []), *(token for token in value if token not in (values.get(name) or []))]
        values[name] = value | {"special": True} if isinstance(value, dict) and "content" in value else value
    return _older_added(folder, values) | dict(serialized)


def _older_added(folder: Path, values: Mapping[str, Any]) -> dict[int, AddedToken]:
    listed = ConfigFile.read_optional(folder / "added_tokens.json")
    special = {_content(values[name]) for name in SPECIAL if values.get(name)}
    special |= {_content(token) for token in values.get("extra_special_tokens") or ()}
    tokens = {}
    for text in listed.values:
        of_own = text in special
        tokens[listed.count(text, 0)] = AddedToken(text, normalized=not of_own, special=of_own)
    return tokens


def _token_list(path: Path, value: Any) -> tuple[Token, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise IntegrityError(f"{path}: expected extra_special_tokens to be a list of tokens, got {value!r}.")
    tokens = tuple(token for each in value if (token := _token(path, "extra_special_tokens", each)) is not None)
    return tokens


def _token(path: Path, name: str, value: Any) -> Token | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict) and isinstance(value.get("content"), str):
        return _added(path, value)
    raise IntegrityError(f"{path}: expected {name} to be a token, got {json.dumps(value)}.")


def _added(path: Path, value: Any) -> AddedToken:
    try:
        # Others mean nothing, and tokenizers tells so on standard output.
        return AddedToken(**{key: flag for key, flag in value.items() if key in _TOKEN_FLAGS})
    except (TypeError, AttributeError) as error:
        raise IntegrityError(f"{path}: expected the content and the flags of a token, got {value!r}.") from error


def _known(token: Token | None, known: Mapping[str, AddedToken]) -> Token | None:
    """The token with the flags that it is listed with."""
    return None if token is None else known.get(_content(token), token)


def _content(token: Any) -> str:
    content = (
        token.get("content") if isinstance(token, dict) else token.content if isinstance(token, AddedToken) else token
    )
    return str(content)
