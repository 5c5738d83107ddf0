"""What a model is given: an input after its steps, such as the tokens of a text."""

from typing import Protocol, TypeVar


class Ready(Protocol):
    """An input that is ready for the model."""

    @property
    def length(self) -> int:
        """Its size in tokens, or in what stands for them, such as the patches of a picture."""


X = TypeVar("X", bound=Ready)
X_contra = TypeVar("X_contra", bound=Ready, contravariant=True)
