"""A sparse model's facts from its own files: sentence-transformers' SparseEncoder, or a masked language model alone.

Inference-free models have a Router: documents go through the network, queries through a table of weights.
"""

from pathlib import Path
from typing import cast

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.names import SparsePooling
from rapidembed.registry import folder_keys
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.discovery import ROUTER_FILE, WEIGHTS_FILE, encoder_facts, read_prompts, read_settings_file
from rapidembed.registry.modules_file import MODULES_FILE, kind_of, read_modules, unexpected
from rapidembed.registry.spec import ModelSpec, SparseWeights
from rapidembed.registry.transformer_module import TransformerModule

_TABLE = "SparseStaticEmbedding"
_LOGS = {"relu": 1, "log1p_relu": 2}


def discover_sparse(folder: Path, name: str) -> ModelSpec:
    """The spec of the sparse model in ``folder``, a :data:`rapidembed.registry.task.Reader`.

    A masked language model without modules.json is meant as sentence-transformers takes it: as a SPLADE model.
    """
    modules = read_sparse_modules(folder) if (folder / MODULES_FILE).is_file() else [("MLMTransformer", "")]
    kinds = [kind for kind, _ in modules]
    tables = [path for kind, path in modules if kind == _TABLE]
    if kinds[:1] not in (["Transformer"], ["MLMTransformer"]) or kinds[1:] not in (
        [],
        ["SpladePooling"],
        ["SpladePooling", _TABLE],
    ):
        expected = f"the modules Transformer and SpladePooling, and perhaps {_TABLE} for queries"
        raise unexpected(folder, kinds, expected)
    module = TransformerModule.read(
        folder / modules[0][1], transformer_task="fill-mask", module_output_name="token_embeddings"
    )
    for path in tables:
        ConfigFile.read(folder / path / "config.json").require(path=None)
    pooling, logs = _pooling(ConfigFile.read(folder / modules[1][1] / "config.json")) if kinds[1:] else ("max", 1)
    return ModelSpec(
        name=name,
        dim=module.config.positive("vocab_size"),
        head="mlm",
        pooling=("max",) if pooling == "max" else ("none",),  # of the logits that an ONNX file gives
        sparse=SparseWeights(
            pooling=cast("SparsePooling", pooling),
            logs=logs,
            query_weights=f"{tables[0]}/{WEIGHTS_FILE}" if tables else None,
        ),
        **read_prompts(read_settings_file(folder)),
        **encoder_facts(module),
    )


def read_sparse_modules(folder: Path) -> list[tuple[str, str]]:
    """Kind and folder of each module; where a Router parts queries from documents, those of documents first.

    Raises:
        UnsupportedModelError: the Router has other routes, or queries go through a network of their own.
        IntegrityError: a file is damaged.
    """
    modules = read_modules(folder)
    if [kind for kind, _ in modules] != ["Router"]:
        return modules
    file = ConfigFile.read(folder / modules[0][1] / ROUTER_FILE)
    try:
        types, structure = dict(file.values["types"]), dict(file.values["structure"])
        routes = {
            route: [(kind_of(str(types[path])), str(path)) for path in paths] for route, paths in structure.items()
        }
    except (KeyError, TypeError, ValueError) as error:
        raise IntegrityError(f'{file.path}: expected "types" and "structure" of the routes.') from error
    if routes.keys() != {"query", "document"} or [kind for kind, _ in routes["query"]] != [_TABLE]:
        found = ", ".join(f"{route}: {' and '.join(kind for kind, _ in modules)}" for route, modules in routes.items())
        raise UnsupportedModelError(
            f"{file.path}: expected a route of documents, and one of queries through {_TABLE}; found {found}."
        )
    return [*routes["document"], *routes["query"]]


def _pooling(file: ConfigFile) -> tuple[str, int]:
    folder_keys.check(file, folder_keys.SPLADE)
    pooling = file.text("pooling_strategy", "max")
    activation = file.text("activation_function", "relu")
    if pooling not in ("max", "sum"):
        raise UnsupportedModelError(f"{file.path}: pooling_strategy {pooling!r} is unknown; known: max, sum.")
    if activation not in _LOGS:
        known = ", ".join(_LOGS)
        raise UnsupportedModelError(f"{file.path}: activation_function {activation!r} is unknown; known: {known}.")
    return pooling, _LOGS[activation]
