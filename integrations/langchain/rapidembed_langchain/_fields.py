"""What all classes here share: the options of a model, and of going through many texts with it."""

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import ConfigDict, Field, SecretStr

from rapidembed_langchain._configured import Configured


class ModelFields(Configured):
    """Options that every model has; a class adds its own, and those of itself to ``own``."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, protected_namespaces=())

    own: ClassVar[frozenset[str]] = frozenset({"max_length", "batch_size", "parallel", "show_progress", "token"})
    """Options of the class; all others are passed on to the model under the same name."""

    model_name: str | None = Field(default=None, alias="model")
    """Curated name, hub id, folder or ``package:NAME``; None: rapidembed's default model."""
    max_length: int | None = None
    """Cut texts at this many tokens; None: the model's limit. BM25 has none."""
    cache_dir: str | None = None
    threads: int | None = None
    """Most cores to use; None: all that the process may use."""
    providers: Sequence[str | tuple[str, dict[str, Any]]] | None = None
    batch_size: int = Field(default=256, gt=0)
    parallel: int | None = None
    """Most cores to use for one call; None or 0: all that the model may use."""
    device: str | list[str] = "auto"
    precision: str = "auto"
    backend: str = "onnxruntime"
    cuda: bool | str = "auto"
    device_ids: list[int] | None = None
    revision: str | None = None
    local_files_only: bool = False
    token: SecretStr | None = None
    truncate: bool = True
    lazy_load: bool = False
    """Load the model at the first text instead of now."""
    specific_model_path: str | None = None
    show_progress: bool = False

    def _model_options(self) -> dict[str, Any]:
        options = {name: getattr(self, name) for name in type(self).model_fields if name not in self.own}
        token = self.token.get_secret_value() if self.token else None
        return options | {"max_tokens": self.max_length, "token": token}

    def _bulk_options(self) -> dict[str, Any]:
        return {"batch_size": self.batch_size, "parallel": self.parallel, "show_progress": self.show_progress}
