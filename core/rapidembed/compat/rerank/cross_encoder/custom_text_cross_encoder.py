"""fastembed's class for added models that score pairs."""

from rapidembed.compat.added import AddedModels
from rapidembed.compat.common.model_description import BaseModelDescription
from rapidembed.compat.rerank.cross_encoder.text_cross_encoder import CrossEncoderModel


class CustomTextCrossEncoder(CrossEncoderModel, metaclass=AddedModels):
    """A model that :meth:`rapidembed.compat.rerank.cross_encoder.TextCrossEncoder.add_custom_model` added."""

    @classmethod
    def _list_supported_models(cls) -> list[BaseModelDescription]:
        return list(cls.SUPPORTED_MODELS)
