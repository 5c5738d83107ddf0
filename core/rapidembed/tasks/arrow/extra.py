"""pyarrow, imported when the first column is read."""

from typing import Any

from rapidembed.errors import MissingExtraError
from rapidembed.importing import load


def pyarrow() -> Any:
    """The module.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return load("pyarrow")
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "Arrow columns need pyarrow, which is not installed: pip install 'rapidembed[arrow]'"
        ) from error
