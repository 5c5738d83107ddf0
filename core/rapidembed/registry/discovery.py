"""A model's facts from its own files, as sentence-transformers writes them.

Two generations of the format are read: up to version 5 (``pooling_mode_*`` flags, ``max_seq_length``) and from 6 on
(``pooling_mode``, ``embedding_dimension``, moved module paths). A module or value that is not known is refused by name.
"""

from dataclasses import replace
from pathlib import Path

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.registry.config_file import ConfigFile, read_json
from rapidembed.registry.encoder_config import read_hidden, read_optional_hidden, read_position_limit
from rapidembed.registry.own_code import read_adapters, read_architecture
from rapidembed.registry.spec import DenseLayer, ModelSpec, Pooling
from rapidembed.types import POOLING_MODES, PoolingMode

MODULES_FILE = "modules.json"
WEIGHTS_FILE = "model.safetensors"

# In the order in which sentence-transformers concatenates them.
_LEGACY_POOLING: tuple[tuple[str, PoolingMode], ...] = (
    ("pooling_mode_cls_token", "cls"),
    ("pooling_mode_max_tokens", "max"),
    ("pooling_mode_mean_tokens", "mean"),
    ("pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"),
    ("pooling_mode_weightedmean_tokens", "weightedmean"),
    ("pooling_mode_lasttoken", "lasttoken"),
)
# transformers writes 1e30 for "no limit".
_NO_LIMIT = 1_000_000_000
_HIDDEN_STATE = "last_hidden_state"
# In evaluation this module does nothing.
_NOTHING = "Dropout"


def discover(folder: Path, name: str) -> ModelSpec:
    """Read the spec of the sentence-transformers model in ``folder``.

    Raises:
        UnsupportedModelError: a file that decides the vectors is missing, or says something unknown.
        IntegrityError: a file is damaged, holds a value of a wrong type, or contradicts another.
    """
    modules = [(kind, path) for kind, path in read_modules(folder) if kind != _NOTHING]
    kinds = [kind for kind, _ in modules]
    if kinds[:2] != ["Transformer", "Pooling"] or any(kind not in ("Dense", "Normalize") for kind in kinds[2:]):
        raise UnsupportedModelError(
            f"{folder / MODULES_FILE}: expected the modules Transformer, Pooling, then any of Dense and Normalize; "
            f"found {', '.join(kinds)}."
        )
    if "Normalize" in kinds[:-1]:
        raise UnsupportedModelError(f"{folder / MODULES_FILE}: Normalize is supported as the last module only.")
    encoder = folder / modules[0][1]
    config = ConfigFile.read(encoder / "config.json")
    transformer = _transformer(encoder / "sentence_bert_config.json")
    pooling_file = ConfigFile.read(folder / modules[1][1] / "config.json")
    pooling, dim = _pooling(pooling_file, config)
    dense = tuple(read_dense(folder, path) for kind, path in modules if kind == "Dense")
    for layer in dense:
        if layer.in_features != dim:
            raise IntegrityError(f"{folder / layer.path}: takes {layer.in_features} values, but gets {dim}.")
        dim = layer.out_features
    if kinds[-1] == "Normalize":
        ConfigFile.read_optional(folder / modules[-1][1] / "config.json").require(
            module_input_name="sentence_embedding"
        )
    settings = ConfigFile.read_optional(folder / "config_sentence_transformers.json")
    prompts, default_prompt = read_prompts(settings)
    return ModelSpec(
        name=name,
        dim=dim,
        architecture=read_architecture(config),
        pooling=pooling,
        normalize=kinds[-1] == "Normalize",
        max_tokens=read_max_tokens(encoder, transformer, config),
        dense=dense,
        lower_case=transformer.flag("do_lower_case", False),
        prompts=prompts,
        include_prompt=pooling_file.flag("include_prompt", True),
        default_prompt=default_prompt,
        similarity=_similarity(settings),
        tasks=read_adapters(config),
    )


def undeclared(folder: Path, name: str, row: ModelSpec | None, pooling: Pooling | None) -> ModelSpec:
    """Read the spec of a model without modules.json: its pooling is given or known, never guessed.

    Raises:
        UnsupportedModelError: the pooling is neither.
        IntegrityError: a file is damaged, or holds a value of a wrong type.
    """
    pooling = pooling or (row.pooling if row else None)
    if pooling is None:
        raise UnsupportedModelError(
            f"{name} has no {MODULES_FILE}, so its pooling is not declared. Its card says which it needs: give it, for "
            f'example pooling="mean" or pooling="cls"; or save the model with sentence-transformers, which writes that '
            "file."
        )
    config = ConfigFile.read(folder / "config.json")
    return ModelSpec(
        name=name,
        dim=read_hidden(config) * len(pooling),
        architecture=read_architecture(config),
        pooling=pooling,
        normalize=row.normalize if row else False,
        max_tokens=read_max_tokens(folder, ConfigFile.read_optional(folder / "sentence_bert_config.json"), config),
    )


def complete(spec: ModelSpec, row: ModelSpec) -> ModelSpec:
    """What the files say and what a row knows, as one spec.

    Of curated rows the files' own words win, and the row adds what they do not say; a row that ``overrides`` wins.

    Raises:
        UnsupportedModelError: the files are of a model with other dimensions.
    """
    # With other pooling modes, which a row may override, vectors have other dimensions.
    if spec.dim != row.dim and (not row.overrides or spec.dense or row.head != "pool"):
        raise UnsupportedModelError(f"{row.name} should have {row.dim} dimensions; these files give {spec.dim}.")
    # Newer versions write empty prompts into every checkpoint; they declare nothing.
    prompts = spec.prompts if any(spec.prompts.values()) else row.prompts
    if row.overrides:
        return replace(
            row,
            architecture=spec.architecture,
            max_tokens=row.max_tokens or spec.max_tokens,
            dense=spec.dense,
            lower_case=row.lower_case or spec.lower_case,
            prompts=row.prompts or prompts,
            default_prompt=row.default_prompt or spec.default_prompt,
            late=row.late or spec.late,
            sparse=row.sparse or spec.sparse,
            hybrid=spec.hybrid,
            vocab_size=row.vocab_size or spec.vocab_size,
            labels=spec.labels,
        )
    return replace(
        row,
        architecture=spec.architecture,
        pooling=spec.pooling,
        normalize=spec.normalize,
        max_tokens=spec.max_tokens,
        dense=spec.dense,
        lower_case=spec.lower_case,
        prompts=prompts,
        include_prompt=spec.include_prompt,
        default_prompt=spec.default_prompt,
        similarity=spec.similarity,
        tasks=spec.tasks or row.tasks,
        late=spec.late,
        hybrid=spec.hybrid,
        labels=spec.labels,
        # The special tokens that a row leaves out are nothing that files say.
        sparse=spec.sparse and row.sparse and replace(spec.sparse, skip_special=row.sparse.skip_special),
    )


def read_modules(folder: Path) -> list[tuple[str, str]]:
    """Kind (last part of the class name) and folder of each module.

    Raises:
        UnsupportedModelError: the folder has no modules.json.
        IntegrityError: modules.json is damaged.
    """
    path = folder / MODULES_FILE
    if not path.is_file():
        raise UnsupportedModelError(
            f"{folder} has no {MODULES_FILE}, so its pooling is not declared. Save the model with "
            "sentence-transformers, which writes that file."
        )
    try:
        return [(str(module["type"]).rpartition(".")[2], str(module["path"])) for module in read_json(path)]
    except (TypeError, KeyError) as error:
        raise IntegrityError(f'{path}: expected a list of modules, each with "type" and "path".') from error


def _transformer(path: Path) -> ConfigFile:
    file = ConfigFile.read_optional(path)
    file.require(
        transformer_task="feature-extraction",
        module_output_name="token_embeddings",
        processing_kwargs={},
        query_length=None,
        document_length=None,
        query_expansion=None,
    )
    modalities = file.values.get("modality_config")
    text = modalities.get("text") if isinstance(modalities, dict) else None
    if isinstance(text, dict) and text.get("method_output_name", _HIDDEN_STATE) != _HIDDEN_STATE:
        raise UnsupportedModelError(f"{path}: modality_config must read {_HIDDEN_STATE}, got {text}.")
    return file


def _similarity(file: ConfigFile) -> str | None:
    return None if file.values.get("similarity_fn_name") is None else file.text("similarity_fn_name", "")


def _pooling(file: ConfigFile, config: ConfigFile) -> tuple[Pooling, int]:
    modes = file.values.get("pooling_mode")
    if modes is None:
        modes = [mode for flag, mode in _LEGACY_POOLING if file.flag(flag, False)] or ["mean"]
    modes = [modes] if isinstance(modes, str) else modes
    if not isinstance(modes, list) or not modes:
        raise IntegrityError(f"{file.path}: expected a pooling mode or a list of them, got {modes!r}.")
    for mode in modes:
        if mode not in POOLING_MODES or mode == "none":
            raise UnsupportedModelError(f"{file.path}: pooling mode {mode!r} is unknown.")
    names = [name for name in ("embedding_dimension", "word_embedding_dimension") if name in file.values]
    width = file.positive(names[0]) if names else read_hidden(config)
    hidden = read_optional_hidden(config)
    if hidden is not None and width != hidden:
        raise IntegrityError(f"{file.path}: pools vectors of {width}, but the model's have {hidden}.")
    return tuple(modes), width * len(modes)


def read_dense(folder: Path, module: str, value: str = "sentence_embedding") -> DenseLayer:
    """The Dense module in the folder ``module``, which must read and write ``value``."""
    file = ConfigFile.read(folder / module / "config.json")
    file.require(module_input_name=value, module_output_name=value, use_residual=False)
    return DenseLayer(
        path=module,
        in_features=file.positive("in_features"),
        out_features=file.positive("out_features"),
        bias=file.flag("bias", True),
        activation=file.text("activation_function", "torch.nn.modules.activation.Tanh").rpartition(".")[2],
    )


def read_prompts(file: ConfigFile) -> tuple[dict[str, str], str | None]:
    """The prompts by name, and the name of the one that plain encoding applies."""
    prompts = file.values.get("prompts") or {}
    if not isinstance(prompts, dict) or not all(isinstance(text, str) for text in prompts.values()):
        raise IntegrityError(f"{file.path}: expected prompts to map names to strings, got {prompts!r}.")
    default = file.values.get("default_prompt_name")
    if default is not None and (not isinstance(default, str) or default not in prompts):
        raise IntegrityError(f"{file.path}: default_prompt_name is {default!r}, which is not among its prompts.")
    return prompts, default


def read_max_tokens(folder: Path, transformer: ConfigFile, config: ConfigFile) -> int | None:
    """sentence-transformers' own limit, else the tokenizer's, never beyond the model's positions."""
    tokenizer = ConfigFile.read_optional(folder / "tokenizer_config.json")
    for file, name in ((transformer, "max_seq_length"), (tokenizer, "model_max_length")):
        limit = file.values.get(name)
        if limit is None or (isinstance(limit, int | float) and limit > _NO_LIMIT):
            continue
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            raise UnsupportedModelError(f"{file.path}: {name} must be a positive integer, got {limit!r}.")
        positions = read_position_limit(config)
        return min(limit, positions) if positions else limit
    return None
