"""The modules of sentence-transformers between the pooling and the end of a model."""

from dataclasses import dataclass


class _InFolder:
    """A layer whose weights lie in a file of a folder."""

    __slots__ = ()
    path: str
    file: str

    @property
    def prefix(self) -> str:
        """What its tensors' names begin with, see :class:`rapidembed.graph.weights.Weights`."""
        return f"{self.path}/" if self.path else ""

    @property
    def weights(self) -> str:
        """File of its weights inside the checkpoint; "" where they lie among the encoder's."""
        return f"{self.path}/{self.file}" if self.path else ""


class _OfOneWidth:
    """A layer that gives as many numbers as it takes."""

    __slots__ = ()
    width: int

    @property
    def in_features(self) -> int:
        """Width of what goes in."""
        return self.width

    @property
    def out_features(self) -> int:
        """Width of what comes out."""
        return self.width


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseLayer(_InFolder):
    """A sentence-transformers Dense module: ``activation(x @ weight.T + bias)``, on the pooled vector or each token."""

    path: str
    """Folder of the module inside the checkpoint; "" where its weights lie among the encoder's."""
    in_features: int
    out_features: int
    bias: bool
    activation: str
    """Class name in ``torch.nn``, for example "Tanh" or "Identity"."""
    residual: bool = False
    """Whether what goes in is added to what comes out, through a matrix of its own where the widths differ."""
    file: str = "model.safetensors"
    """Of its weights, in that folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NormLayer(_InFolder, _OfOneWidth):
    """A sentence-transformers LayerNorm module, on the pooled vector."""

    path: str
    """Folder of the module inside the checkpoint."""
    width: int
    file: str = "model.safetensors"
    """Of its weights, in that folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitLayer(_OfOneWidth):
    """A sentence-transformers Normalize module that others follow: scales the pooled vector to length 1."""

    width: int
    path: str = ""
    weights: str = ""
    """It has none."""
    prefix: str = ""


Layer = DenseLayer | NormLayer | UnitLayer
"""A module between the pooling and the end."""
