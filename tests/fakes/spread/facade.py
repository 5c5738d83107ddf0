"""The facade."""

from collections.abc import Sequence
from pathlib import Path

from rapidembed import Device
from rapidembed.tasks.embedder import Embedder
from rapidembed.types import Providers

from tests.fakes.spread import SPREAD
from tests.fakes.spread.model import Spread, SpreadModel
from tests.fakes.spread.options import SpreadOptions


class SpreadEmbedding(Embedder[SpreadOptions, SpreadModel, Spread, list[Spread]]):
    """Turns texts into the mean of their tokens' vectors, and how far these lie from it."""

    _task = SPREAD
    _kind = SpreadModel

    def __init__(
        self,
        model_name: str | Path,
        cache_dir: str | Path | None = None,
        threads: int | None = None,
        providers: Providers | None = None,
        cuda: bool | Device | str = Device.AUTO,
        device_ids: Sequence[int] | None = None,
        lazy_load: bool = False,
        *,
        device: str | Sequence[str] = "auto",
        precision: str = "auto",
        backend: str = "onnxruntime",
        revision: str | None = None,
        local_files_only: bool = False,
        token: str | None = None,
        max_tokens: int | None = None,
        truncate: bool = True,
        squared: bool = False,
        specific_model_path: str | Path | None = None,
    ) -> None:
        self._start(SpreadOptions, locals())
