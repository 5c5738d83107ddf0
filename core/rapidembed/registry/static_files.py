"""Static models, which are a table of token vectors and a tokenizer: their facts from their own files.

model2vec's folders (``config.json``, ``model.safetensors`` with ``embeddings`` and perhaps ``weights`` and ``mapping``)
and those of sentence-transformers' StaticEmbedding (``embedding.weight``; in the root, or in ``0_StaticEmbedding``).
"""

from pathlib import Path

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.registry.config_file import ConfigFile, read_json
from rapidembed.registry.discovery import WEIGHTS_FILE, read_prompts, read_settings_file
from rapidembed.registry.layer import Layer, UnitLayer
from rapidembed.registry.layers import LAYERS, read_layers
from rapidembed.registry.modules_file import MODULES_FILE, read_modules, unexpected
from rapidembed.registry.spec import ModelSpec

MODEL2VEC = "model2vec"
"""Drops unknown tokens, and cuts characters before it tokenizes."""
STATIC_EMBEDDING = "static-embedding"
"""sentence-transformers' module: every token counts, no limit but the one in tokenizer.json."""
STATIC_ARCHITECTURES = frozenset({MODEL2VEC, STATIC_EMBEDDING})

TABLES = {MODEL2VEC: "embeddings", STATIC_EMBEDDING: "embedding.weight"}
"""Name of the table's tensor, which tells who wrote the folder."""

_MODULE = "StaticEmbedding"
_MODEL2VEC_LIMIT = 512


def is_static(folder: Path) -> bool:
    """Whether the folder's own files say that its model is static."""
    if (folder / MODULES_FILE).is_file():
        return [kind for kind, _ in read_modules(folder)][:1] == [_MODULE]
    return ConfigFile.read_optional(folder / "config.json").values.get("model_type") == MODEL2VEC


def table_folder(folder: Path) -> str:
    """Where below ``folder`` the table and its tokenizer lie: "" or the module's own folder."""
    path = read_modules(folder)[0][1] if (folder / MODULES_FILE).is_file() else ""
    return "" if path == "." else path


def discover_static(folder: Path, name: str) -> ModelSpec:
    """The spec of the static model in ``folder``, a :data:`rapidembed.registry.task.Reader`."""
    root = folder / table_folder(folder)
    architecture, width = _table(root / WEIGHTS_FILE)
    layers = _layers(folder, width)
    normalized = bool(layers) and isinstance(layers[-1], UnitLayer)
    config = ConfigFile.read_optional(folder / "config.json")
    settings = read_settings_file(folder, "SentenceTransformer")
    return ModelSpec(
        name=name,
        dim=layers[-1].out_features if layers else width,
        architecture=architecture,
        pooling=("mean",),
        normalize=config.flag("normalize", False) if architecture == MODEL2VEC else normalized,
        max_tokens=_model2vec_limit(config) if architecture == MODEL2VEC else _serialized_limit(root),
        dense=layers[:-1] if normalized else layers,
        truncate_dim=settings.optional_positive("truncate_dim"),
        **read_prompts(settings),
    )


def _layers(folder: Path, width: int) -> tuple[Layer, ...]:
    """The modules that follow the table."""
    if not (folder / MODULES_FILE).is_file():
        return ()
    modules = [(kind, path) for kind, path in read_modules(folder) if kind != "Dropout"]
    kinds = [kind for kind, _ in modules]
    if any(kind not in LAYERS for kind in kinds[1:]):
        raise unexpected(folder, kinds, f"{_MODULE}, then any of {', '.join(LAYERS)}")
    return read_layers(folder, modules[1:], width)


def _table(path: Path) -> tuple[str, int]:
    """Who wrote the table, and the width of its rows."""
    if not path.is_file():
        raise UnsupportedModelError(f"{path.parent} has no {path.name}, which holds the token vectors.")
    from safetensors import SafetensorError, safe_open  # the rows of known models are listed without

    try:
        with safe_open(path, framework="numpy") as tensors:
            for architecture, tensor in TABLES.items():
                if tensor in tensors.keys():  # noqa: SIM118  # it is no mapping
                    shape = tensors.get_slice(tensor).get_shape()
                    if len(shape) != 2:
                        raise IntegrityError(f"{path}: {tensor!r} should have two dimensions, got shape {shape}.")
                    return architecture, int(shape[1])
    except (SafetensorError, OSError) as error:
        raise IntegrityError(
            f"{path} is not a complete safetensors file ({error}). Delete it and fetch the model again."
        ) from error
    raise UnsupportedModelError(f"{path} has no tensor {' or '.join(map(repr, TABLES.values()))}.")


def _model2vec_limit(config: ConfigFile) -> int | None:
    """None: no limit, which the file says with null."""
    if "max_length" not in config.values:
        return _MODEL2VEC_LIMIT
    return config.optional_positive("max_length")


def _serialized_limit(root: Path) -> int | None:
    path = root / "tokenizer.json"
    tokenizer = read_json(path) if path.is_file() else {}
    truncation = tokenizer.get("truncation") if isinstance(tokenizer, dict) else None
    return ConfigFile(path, truncation).optional_positive("max_length") if isinstance(truncation, dict) else None
