"""From the files of one model to a checkpoint: which of them are needed, and which weights run."""

from dataclasses import replace
from pathlib import Path, PurePosixPath

from rapidembed.errors import IntegrityError, ModelNotCachedError, UnsupportedModelError
from rapidembed.hub.checkpoint import (
    ADDED_TOKENS_FILE,
    TOKENIZER_FILE,
    TOKENIZER_SETTINGS,
    VOCABULARY_FILES,
    Checkpoint,
)
from rapidembed.hub.files import Files, Folder, check_name
from rapidembed.registry import IMAGE, ModelSpec, OnnxSource, Pooling, Task, complete, undeclared
from rapidembed.registry.adapter import ADAPTER_FILE, ADAPTER_WEIGHTS, read_adapter
from rapidembed.registry.config_file import ConfigFile, read_json
from rapidembed.registry.discovery import SETTINGS_FILE, WEIGHTS_FILE
from rapidembed.registry.folder_keys import LIMIT_FILES
from rapidembed.registry.hybrid import LAYERS, SUFFIXES, find_layers
from rapidembed.registry.layers import WEIGHT_FILES
from rapidembed.registry.modules_file import MODULES_FILE, read_modules
from rapidembed.registry.static_files import discover_static, is_static, table_folder

_TORCH_FILE = "pytorch_model.bin"
_WEIGHTS = (WEIGHTS_FILE, f"{WEIGHTS_FILE}.index.json", _TORCH_FILE, f"{_TORCH_FILE}.index.json")
"""What weights may lie in, the first that is there counts; an index names the files of its shards."""
_ONNX_FILE = "onnx/model.onnx"
# Weights in formats that run code when they are read, or need PyTorch or TensorFlow.
_OTHER_WEIGHTS = ("tf_model.h5", "flax_model.msgpack")
_SAVE = (
    "Save the model once where sentence-transformers is installed: "
    'SentenceTransformer(NAME).save("folder"), and pass that folder as model_name.'
)


def assemble(
    files: Files,
    name: str,
    *,
    row: ModelSpec | None,
    task: Task,
    pooling: Pooling | None,
    buildable: frozenset[str],
) -> Checkpoint:
    """Fetch what the model consists of and read what it is.

    Args:
        files: where to look.
        name: what the user calls the model.
        row: curated or registered facts about it, if there are any.
        task: what the model is for.
        pooling: the user's word on pooling, for models whose files do not declare it.
        buildable: architectures whose graph can be built from safetensors; others run ``onnx/model.onnx``.

    Raises:
        UnsupportedModelError: a file that decides the vectors is missing, or says something unknown.
        IntegrityError: a file is damaged or contradicts another.
    """
    # A table of token vectors gives one vector for a text, nothing else.
    if task.head == "pool" and (static_folder := _static(files)):
        return _assemble_static(files, name, row, static_folder)
    declared = files.find(MODULES_FILE) is not None
    for file in (*task.files, *(() if declared else task.undeclared_files)):
        files.find(file)
    encoder = _fetch_modules(files, task) if declared else _fetch_encoder(files, "")
    for file in task.encoder_files:
        files.find(f"{encoder}/{file}" if encoder else file)
    hybrid = (task.head if row is None else row.head) == "hybrid"
    if hybrid:
        _find_layers(files)
    if not declared and not hybrid and task.needs_modules(files.root):
        spec = undeclared(files.root, name, row, pooling)
    else:
        spec = task.read(files.root, name, row)
        if pooling is not None and pooling != spec.pooling:
            raise UnsupportedModelError(
                f"{name} declares the pooling {', '.join(spec.pooling)}; pooling={', '.join(pooling)} contradicts it."
            )
        # Modules say whether vectors are normalized; without them a row is all that does.
        if row is not None and not declared and spec.head in ("pool", "picture"):
            spec = replace(spec, normalize=row.normalize)
    if row is not None:
        spec = complete(spec, row)
    _fetch_tables(files, spec)
    weights = _weights(files, spec, f"{encoder}/" if encoder else "", buildable)
    return Checkpoint(spec, files.root, weights, files.revision, encoder)


def assemble_onnx(files: Files, row: ModelSpec, onnx: OnnxSource) -> Checkpoint:
    """The ONNX export of a curated model, whose facts are those of its row."""
    files.fetch("config.json")
    _fetch_tokenizer(files, "")
    for file in onnx.additional_files:
        files.fetch(file)
    if row.head == "hybrid":
        _find_layers(files)
        row = replace(row, hybrid=find_layers(files.root) or row.hybrid)
    _fetch_tables(files, row)
    if row.head == "page" or (row.head == "picture" and row.picture is None):
        row = _complete_seen(files, row)
    return Checkpoint(row, files.root, _onnx(files, onnx.file), files.revision)


def _static(files: Files) -> Path | None:
    """The model's folder if it holds a static model."""
    found = files.find(MODULES_FILE) or files.find("config.json")
    return found.parent if found and is_static(found.parent) else None


def _assemble_static(files: Files, name: str, row: ModelSpec | None, folder: Path) -> Checkpoint:
    for file in ("config.json", SETTINGS_FILE):
        files.find(file)
    table = table_folder(folder)
    prefix = f"{table}/" if table else ""
    for file in (TOKENIZER_FILE, WEIGHTS_FILE):
        files.fetch(prefix + file)
    if files.find(MODULES_FILE) is not None:
        _fetch_layers(files, read_modules(folder)[1:])
    spec = discover_static(folder, name)
    return Checkpoint(complete(spec, row) if row else spec, folder, (prefix + WEIGHTS_FILE,), files.revision, table)


def _fetch_modules(files: Files, task: Task) -> str:
    """Fetch what modules.json and its modules name; returns the encoder's folder."""
    root = files.fetch(MODULES_FILE).parent
    modules = [(kind, check_name(path, files.label) if path else "") for kind, path in task.modules(root)]
    encoder = modules[0][1] if modules else ""
    _fetch_encoder(files, encoder)
    _fetch_limits(files, f"{encoder}/" if encoder else "")
    files.find(SETTINGS_FILE)
    _fetch_layers(files, modules[1:])
    return encoder


def _fetch_layers(files: Files, modules: list[tuple[str, str]]) -> None:
    """Fetch what the modules behind the first one consist of."""
    for kind, path in modules:
        if kind in ("Pooling", "Dense", "LayerNorm", "MultiVectorMask", "SpladePooling", "SparseStaticEmbedding"):
            files.fetch(f"{path}/config.json")
        if kind == "SparseStaticEmbedding":
            files.find(f"{path}/{WEIGHTS_FILE}")
        if kind == "Normalize":
            files.find(f"{path}/config.json")
        if kind in ("Dense", "LayerNorm") and not any(files.find(f"{path}/{file}") for file in WEIGHT_FILES):
            raise UnsupportedModelError(f"{files.label} has no {path}/{WEIGHTS_FILE}. {_SAVE}")


def _fetch_encoder(files: Files, encoder: str) -> str:
    """Fetch what every encoder has; returns its folder, as it was given."""
    prefix = f"{encoder}/" if encoder else ""
    if _find_rare(files, prefix + ADAPTER_FILE) is None:
        files.fetch(f"{prefix}config.json")
    else:
        files.find(f"{prefix}config.json")
        any(files.find(prefix + file) for file in ADAPTER_WEIGHTS)
    _fetch_tokenizer(files, prefix)
    settings = files.find(f"{prefix}{TOKENIZER_SETTINGS[0]}")
    if settings is None or ConfigFile.read(settings).values.get("added_tokens_decoder") is None:
        _find_rare(files, prefix + ADDED_TOKENS_FILE)
    return encoder


def _fetch_tokenizer(files: Files, prefix: str) -> None:
    whole = files.find(prefix + TOKENIZER_FILE) is not None
    for file in TOKENIZER_SETTINGS if whole else (*VOCABULARY_FILES, *TOKENIZER_SETTINGS):
        files.find(prefix + file)


def _find_rare(files: Files, file: str) -> Path | None:
    """A file that few models have.

    Where the hub may not be asked and the cache does not know of it, it counts as absent: a cache that another program
    filled with all that a model has would be of no use otherwise.
    """
    try:
        return files.find(file)
    except ModelNotCachedError:
        return None


def _fetch_limits(files: Files, prefix: str) -> None:
    """Fetch the Transformer module's settings, under the first of their names that says anything."""
    for file in LIMIT_FILES:
        found = files.find(prefix + file)
        if found is not None and ConfigFile.read(found).values:
            return


def _fetch_tables(files: Files, spec: ModelSpec) -> None:
    """Fetch what heads have beside the encoder's weights."""
    if spec.words is not None and spec.overrides:  # curated rows name it among the additional files
        files.find(spec.words.stopwords)
    for file in spec.module_weights:
        files.fetch(file)


def _complete_seen(files: Files, row: ModelSpec) -> ModelSpec:
    """The row of an ONNX file with what its own repository says of pictures."""
    from rapidembed.registry.image_processor import read_image_processor  # models of texts do without
    from rapidembed.registry.page_encoder import complete_pages

    for file in IMAGE.encoder_files:
        files.find(file)
    if row.head == "page":
        return complete_pages(row, files.root)
    kind = ConfigFile.read(files.root / "config.json").text("model_type", "")
    return replace(row, picture=read_image_processor(files.root, kind))


def _find_layers(files: Files) -> None:
    """Fetch the two layers of a hybrid model, in the first format that is there."""
    for layer in LAYERS:
        any(files.find(layer + suffix) for suffix in SUFFIXES)


def _weights(files: Files, spec: ModelSpec, prefix: str, buildable: frozenset[str]) -> tuple[str, ...]:
    adapter = read_adapter(files.root / prefix)
    if adapter is not None and spec.architecture in buildable:
        base = Folder(adapter.base)
        return tuple(str(adapter.base / file) for file in _own_weights(base, "") or (WEIGHTS_FILE,))
    if spec.architecture in buildable and (own := _own_weights(files, prefix)):
        return own
    if files.find(prefix + _ONNX_FILE) is not None:
        return _onnx(files, prefix + _ONNX_FILE)
    if spec.architecture not in buildable:
        raise UnsupportedModelError(
            f"{files.label}: no graph can be built for the architecture {spec.architecture!r} (known: "
            f"{', '.join(sorted(buildable))}), and it has no {_ONNX_FILE}, which would run instead."
        )
    other = next((file for file in _OTHER_WEIGHTS if files.has(prefix + file)), None)
    only = f" It has {other}, a format that is not read here." if other else ""
    raise UnsupportedModelError(f"{files.label} has no {prefix}{WEIGHTS_FILE}.{only} {_SAVE}")


def _own_weights(files: Files, prefix: str) -> tuple[str, ...]:
    """The files of the weights; none: there are none that can be read."""
    found = next((prefix + file for file in _WEIGHTS if files.find(prefix + file) is not None), None)
    if found is None:
        return ()
    return _shards(files, prefix, found) if found.endswith(".json") else (found,)


def _shards(files: Files, prefix: str, file: str) -> tuple[str, ...]:
    path = files.fetch(file)
    index = read_json(path)
    tensors = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(tensors, dict) or not tensors or not all(isinstance(file, str) for file in tensors.values()):
        raise IntegrityError(f'{path}: expected "weight_map", from tensor names to file names.')
    shards = tuple(prefix + check_name(file, str(path)) for file in sorted(set(tensors.values())))
    for shard in shards:
        files.fetch(shard)
    return shards


def _onnx(files: Files, file: str) -> tuple[str, ...]:
    from rapidembed.hub.onnx_file import check_external, read_onnx  # most models are built

    graph = files.fetch(file)
    folder = PurePosixPath(file).parent
    external = [str(folder / name) for name in read_onnx(graph).files]
    for data in external:
        files.fetch(data)
    check_external(graph, files.root)
    return (file, *external)
