"""Static models, which are tables of token vectors: numpy looks them up."""

from rapidembed.runtime.backends.backend import Backend
from rapidembed.runtime.engine import EngineKey
from rapidembed.runtime.static_engine import StaticEngine
from rapidembed.types import Precision


class Tables(Backend):
    """See :class:`~rapidembed.runtime.backends.backend.Backend`."""

    def require(self, precision: Precision) -> None:
        """Nothing: numpy runs everywhere."""

    def is_fast(self, precision: Precision) -> bool:
        """Everywhere."""
        return True

    def open_engine(self, key: EngineKey) -> StaticEngine:
        """Load the model of ``key``."""
        return StaticEngine(key)


BACKEND = Tables()
