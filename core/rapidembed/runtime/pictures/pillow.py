"""Pillow, imported when the first picture is read."""

from types import ModuleType

from rapidembed.errors import MissingExtraError
from rapidembed.importing import load


def pillow(part: str = "Image") -> ModuleType:
    """A module of Pillow.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return load(f"PIL.{part}")
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "Reading pictures needs Pillow, which is not installed: pip install 'rapidembed[image]'"
        ) from error
