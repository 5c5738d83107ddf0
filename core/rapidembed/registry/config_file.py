"""A model's JSON files, read with an eye on every type: they come from anywhere."""

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapidembed.errors import IntegrityError, UnsupportedModelError

_LARGEST_NUMBER = 2**31 - 1
"""Of things in a model; more than any has, and what every runtime still counts."""
_LARGEST_FILE = 1 << 28
"""Bytes of a file of text; the largest vocabularies have an eighth."""
_HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A JSON object and the file it came from, which every error names, as it does the field and its value."""

    path: Path
    values: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> "ConfigFile":
        """Read a file that the model needs.

        Raises:
            UnsupportedModelError: the file is missing.
            IntegrityError: it is not a JSON object.
        """
        if not path.is_file():
            raise UnsupportedModelError(f"{path.parent} has no {path.name}, which the model needs.")
        values = read_json(path)
        if not isinstance(values, dict):
            raise IntegrityError(f"{path}: expected a JSON object, got {type(values).__name__}.")
        return cls(path, values)

    @classmethod
    def read_optional(cls, path: Path) -> "ConfigFile":
        """Read a file that may be missing, which is the same as empty."""
        return cls.read(path) if path.is_file() else cls(path, {})

    def positive(self, name: str) -> int:
        """A positive integer that must be there."""
        value = self.values.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _LARGEST_NUMBER:
            raise IntegrityError(f"{self.path}: expected a positive {name}, got {value!r}.")
        return value

    def optional_positive(self, name: str) -> int | None:
        """A positive integer, or None where there is no value."""
        return None if self.values.get(name) is None else self.positive(name)

    def count(self, name: str, default: int) -> int:
        """A number of things, which may be none."""
        value = self.values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST_NUMBER:
            raise IntegrityError(f"{self.path}: expected {name} to be a number from 0 on, got {value!r}.")
        return value

    def number(self, name: str, default: float) -> float:
        """A positive number."""
        value = self.values.get(name, default)
        if not is_number(value) or value <= 0:
            raise IntegrityError(f"{self.path}: expected a positive {name}, got {value!r}.")
        return float(value)

    def section(self, name: str) -> "ConfigFile":
        """An object within the object; a missing or null one is empty."""
        value = self.values.get(name) or {}
        if not isinstance(value, dict):
            raise IntegrityError(f"{self.path}: expected an object for {name}, got {value!r}.")
        return ConfigFile(self.path, value)

    def flag(self, name: str, default: bool) -> bool:
        """A truth value, which 0 and 1 stand for too."""
        value = self.values.get(name, default)
        if not isinstance(value, bool) and value not in (0, 1):
            raise IntegrityError(f"{self.path}: expected true or false for {name}, got {value!r}.")
        return bool(value)

    def text(self, name: str, default: str) -> str:
        """A string."""
        value = self.values.get(name, default)
        if not isinstance(value, str):
            raise IntegrityError(f"{self.path}: expected a string for {name}, got {value!r}.")
        return value

    def optional_text(self, name: str) -> str | None:
        """A string, or None where there is no value."""
        return None if self.values.get(name) is None else self.text(name, "")

    def names(self, name: str) -> tuple[str, ...]:
        """A list of strings; a missing or null one is empty."""
        value = self.values.get(name) or []
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise IntegrityError(f"{self.path}: expected {name} to be a list of strings, got {value!r}.")
        return tuple(value)

    def require(self, **known: Any) -> None:
        """Refuse values that change the vectors in a way that is not computed here; a missing or null value is fine.

        Raises:
            UnsupportedModelError: names the field and its value.
        """
        for name, value in known.items():
            if self.values.get(name) not in (None, value):
                raise UnsupportedModelError(
                    f"{self.path}: {name}={self.values[name]!r} is not supported; known: {value!r}."
                )


def is_number(value: object) -> bool:
    """Whether a value of a JSON file is a number, and one that fits into a float: not NaN, not 10 to the 400th."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < 1e308 if isinstance(value, int) else math.isfinite(value)


def check_size(path: Path) -> None:
    """Refuse a file of text that would fill the memory.

    Raises:
        IntegrityError: it is larger than any that a model has.
    """
    size = path.stat().st_size
    if size > _LARGEST_FILE:
        raise IntegrityError(f"{path} has {size} bytes; files of its kind have less than {_LARGEST_FILE}.")


def read_json(path: Path) -> Any:
    """Any JSON value, whose strings are Unicode text.

    Raises:
        IntegrityError: the file is not valid JSON, or larger or nested deeper than any that a model has.
    """
    check_size(path)
    try:
        text = path.read_text(encoding="utf-8")
        value = json.loads(text)
        if _HALF_CHARACTER.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except ValueError as error:
        raise IntegrityError(f"{path} is not valid JSON: {error}") from error
    except RecursionError as error:
        raise IntegrityError(f"{path} is nested too deeply.") from error
    return value
