"""fastembed's class for added models that give dense vectors."""

from dataclasses import dataclass
from typing import Any

from rapidembed.compat.added import AddedModels
from rapidembed.compat.common.model_description import DenseModelDescription, PoolingType
from rapidembed.compat.text.text_embedding import TextModel
from rapidembed.registry import custom

_POOLING = {"cls": PoolingType.CLS, "mean": PoolingType.MEAN, "lasttoken": PoolingType.LAST_TOKEN}


@dataclass(frozen=True)
class PostprocessingConfig:
    """What is made of a model's output."""

    pooling: PoolingType
    normalization: bool
    output_name: str | None = None


class _CustomTextModels(AddedModels):
    """Class of :class:`CustomTextEmbedding`."""

    @property
    def POSTPROCESSING_MAPPING(self) -> dict[str, PostprocessingConfig]:  # noqa: N802  # fastembed's name
        """What is made of the output of each."""
        return {
            spec.name: PostprocessingConfig(
                _POOLING.get(spec.pooling[0], PoolingType.DISABLED),
                spec.normalize,
                spec.output if isinstance(spec.output, str) else None,
            )
            for spec in custom.models(CustomTextEmbedding._computing()._task.heads)
        }

    @POSTPROCESSING_MAPPING.setter
    def POSTPROCESSING_MAPPING(self, value: dict[str, Any]) -> None:  # noqa: N802
        """It follows from the models."""


class CustomTextEmbedding(TextModel, metaclass=_CustomTextModels):
    """A model that :meth:`rapidembed.compat.TextEmbedding.add_custom_model` added."""

    @classmethod
    def _list_supported_models(cls) -> list[DenseModelDescription]:
        return list(cls.SUPPORTED_MODELS)
