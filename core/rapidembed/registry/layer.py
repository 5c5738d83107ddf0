"""The modules of sentence-transformers between the pooling and the end of a model."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseLayer:
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

    @property
    def prefix(self) -> str:
        """What its tensors' names begin with, see :class:`rapidembed.graph.weights.Weights`."""
        return f"{self.path}/" if self.path else ""

    @property
    def weights(self) -> str:
        """File of its weights inside the checkpoint; "" where they lie among the encoder's."""
        return f"{self.path}/{self.file}" if self.path else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NormLayer:
    """A sentence-transformers LayerNorm module, on the pooled vector."""

    path: str
    """Folder of the module inside the checkpoint."""
    width: int
    file: str = "model.safetensors"
    """Of its weights, in that folder."""

    @property
    def prefix(self) -> str:
        """What its tensors' names begin with."""
        return f"{self.path}/"

    @property
    def weights(self) -> str:
        """File of its weights inside the checkpoint."""
        return f"{self.path}/{self.file}"

    @property
    def in_features(self) -> int:
        """Width of what goes in."""
        return self.width

    @property
    def out_features(self) -> int:
        """Width of what comes out."""
        return self.width


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitLayer:
    """A sentence-transformers Normalize module that others follow: scales the pooled vector to length 1."""

    width: int
    path: str = ""
    weights: str = ""
    """It has none."""
    prefix: str = ""

    @property
    def in_features(self) -> int:
        """Width of what goes in."""
        return self.width

    @property
    def out_features(self) -> int:
        """Width of what comes out."""
        return self.width


Layer = DenseLayer | NormLayer | UnitLayer
"""A module between the pooling and the end."""
