"""fastembed's class for dense vectors of texts."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rapidembed.compat.common.model_description import ModelSource, PoolingType
from rapidembed.compat.common.types import NumpyArray, OnnxProvider
from rapidembed.compat.facade import OfTexts, Sized
from rapidembed.compat.model import FastembedModel, TextsModel
from rapidembed.types import Device


class TextModel(TextsModel):
    """A model for dense vectors."""

    _facade = "TextEmbedding"
    _inner = ("rapidembed.compat.inner.text", "InnerText")

    def __init__(self, *args: Any, task_id: int | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.default_task_id = task_id
        """Of a model that has several tasks: the one of texts whose role is not given."""

    def embed(
        self,
        documents: str | Iterable[str],
        batch_size: int = 256,
        parallel: int | None = None,
        task_id: int | None = None,
        **kwargs: Any,
    ) -> Iterator[NumpyArray]:
        """Vectors of texts."""
        bulk = self._bulk(batch_size, parallel)
        task = self.default_task_id if task_id is None else task_id
        if task is None or not self._native._loaded().spec.tasks:
            yield from self._vectors("plain", documents, bulk)
        else:
            yield from self._native.with_task(documents, bulk, task)


class TextEmbedding(OfTexts[NumpyArray], Sized):
    """Dense vectors of texts: arguments, results and errors are those of fastembed's class of this name.

    Of each text there is float32 (dimensions,); it depends on the method for models that have tasks of their own for
    queries and documents. Methods are generators, so errors of their arguments come with the first vector.
    """

    _class = TextModel
    model: TextModel

    def __init__(
        self,
        model_name: str = "BAAI/bge-small-en-v1.5",
        cache_dir: str | None = None,
        threads: int | None = None,
        providers: Sequence[OnnxProvider] | None = None,
        cuda: bool | Device = Device.AUTO,
        device_ids: list[int] | None = None,
        lazy_load: bool = False,
        **kwargs: Any,
    ) -> None:
        self._start(locals())

    @classmethod
    def _class_of(cls, model_name: str) -> type[FastembedModel]:
        from rapidembed.compat.text.custom_text_embedding import CustomTextEmbedding

        return CustomTextEmbedding if CustomTextEmbedding.knows(model_name) else TextModel

    @classmethod
    def add_custom_model(
        cls,
        model: str,
        pooling: PoolingType,
        normalization: bool,
        sources: ModelSource,
        dim: int,
        model_file: str = "onnx/model.onnx",
        description: str = "",
        license: str = "",
        size_in_gb: float = 0.0,
        additional_files: list[str] | None = None,
        output_name: str | None = None,
    ) -> None:
        """Add an ONNX model to this process; see :meth:`rapidembed.TextEmbedding.add_custom_model`.

        Raises:
            ValueError: the name is taken.
        """
        from rapidembed.compat.custom import PLACE, add_exported
        from rapidembed.compat.inner.text import InnerText
        from rapidembed.tasks.custom import custom_spec

        spec = custom_spec(model, pooling, normalization, PLACE, dim, output_name=output_name)
        listed = (description, license, size_in_gb)
        add_exported(InnerText._task, spec, sources, model_file, additional_files, *listed)
