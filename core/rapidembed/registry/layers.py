"""The modules that follow the pooling: Dense, LayerNorm and Normalize."""

from collections.abc import Sequence
from pathlib import Path

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.registry import folder_keys
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.layer import DenseLayer, Layer, NormLayer, UnitLayer

LAYERS = ("Dense", "LayerNorm", "Normalize")
WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")
"""The first that a module has counts."""

_TANH = "torch.nn.modules.activation.Tanh"
_TORCH = ("torch.nn.", "torch.nn.modules.activation.", "torch.nn.modules.linear.")


def read_layers(
    folder: Path, modules: Sequence[tuple[str, str]], width: int, value: str = "sentence_embedding"
) -> tuple[Layer, ...]:
    """The layers of ``modules``, whose first gets vectors of ``width`` values; each must read and write ``value``.

    Raises:
        UnsupportedModelError: a module says something unknown.
        IntegrityError: a file is damaged, or a layer does not take what the one before it gives.
    """
    layers: list[Layer] = []
    for kind, path in modules:
        layer = _read(folder, kind, path, width, value)
        if layer.in_features != width:
            raise IntegrityError(f"{folder / path}: takes {layer.in_features} values, but gets {width}.")
        width = layer.out_features
        layers.append(layer)
    return tuple(layers)


def _read(folder: Path, kind: str, path: str, width: int, value: str) -> Layer:
    if kind == "Dense":
        return _read_dense(folder, path, value)
    if kind == "LayerNorm":
        file = ConfigFile.read(folder / path / "config.json")
        folder_keys.check(file, folder_keys.LAYER_NORM)
        return NormLayer(path=path, width=file.positive("dimension"), file=_weights(folder / path))
    file = ConfigFile.read_optional(folder / path / "config.json")
    folder_keys.check(file, folder_keys.NORMALIZE)
    file.require(module_input_name=value, module_output_name=value)
    return UnitLayer(width=width)


def _read_dense(folder: Path, module: str, value: str) -> DenseLayer:
    file = ConfigFile.read(folder / module / "config.json")
    folder_keys.check(file, folder_keys.DENSE)
    file.require(module_input_name=value, module_output_name=value)
    return DenseLayer(
        path=module,
        in_features=file.positive("in_features"),
        out_features=file.positive("out_features"),
        bias=file.flag("bias", True),
        activation=_activation(file),
        residual=file.flag("use_residual", False),
        file=_weights(folder / module),
    )


def _activation(file: ConfigFile) -> str:
    dotted = file.text("activation_function", _TANH)
    home, _, name = dotted.rpartition(".")
    if f"{home}." not in _TORCH:
        raise UnsupportedModelError(f"{file.path}: activation_function={dotted!r} is not one of torch.nn.")
    return name


def _weights(module: Path) -> str:
    return next((name for name in WEIGHT_FILES if (module / name).is_file()), WEIGHT_FILES[0])
