"""A model loaded from a hub in this process, which costs a tenth of a process of its own.

The hub's client reads its settings when it is imported; what they do, and what a start imports, opens and asks, is
tested in processes of their own, see :mod:`tests.fakes.process`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rapidembed
from huggingface_hub import close_session, constants

from tests.fakes import results

_PLACE = "/{repo_id}/resolve/{revision}/{filename}"


def load(
    hub_url: str,
    cache: Path,
    environment: dict[str, str] | None = None,
    *,
    facade: str = "TextEmbedding",
    call: Callable[[Any], Any] = results.vector,
    **options: Any,
) -> dict[str, Any]:
    """Load a model from the hub at ``hub_url`` and do ``call``: what :func:`tests.fakes.process.start` returns."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "ENDPOINT", hub_url)
        patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub_url + _PLACE)
        for name, value in (environment or {}).items():
            patch.setenv(name, value)
        try:
            with getattr(rapidembed, facade)(cache_dir=str(cache), **options) as model:
                vector, info = call(model), model.info
        except rapidembed.RapidEmbedError as error:
            return {"error": type(error).__name__, "message": str(error), "cause": repr(error.__cause__)}
        finally:
            close_session()
    return {"vector": vector, "revision": info.revision, "weights": info.weights.name}
