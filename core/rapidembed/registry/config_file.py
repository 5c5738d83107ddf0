"""A model's JSON files, read with an eye on every type: they come from anywhere."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapidembed.errors import IntegrityError, UnsupportedModelError


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A JSON object and the file it came from, which every error names."""

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
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise IntegrityError(f"{self.path}: expected a positive {name}, got {value!r}.")
        return value

    def optional_positive(self, name: str) -> int | None:
        """A positive integer, or None where there is no value."""
        return None if self.values.get(name) is None else self.positive(name)

    def count(self, name: str, default: int) -> int:
        """A number of things, which may be none."""
        value = self.values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise IntegrityError(f"{self.path}: expected {name} to be a number from 0 on, got {value!r}.")
        return value

    def number(self, name: str, default: float) -> float:
        """A positive number."""
        value = self.values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
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


def read_json(path: Path) -> Any:
    """Any JSON value.

    Raises:
        IntegrityError: the file is not valid JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise IntegrityError(f"{path} is not valid JSON: {error}") from error
