"""A model's facts from its own files, as sentence-transformers writes them.

Two generations of the format are read: up to version 5 (``pooling_mode_*`` flags, ``max_seq_length``) and from 6 on
(``pooling_mode``, ``embedding_dimension``, moved module paths). A module or value that is not known is refused by name.
"""

import logging
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.names import POOLING_MODES, PoolingMode
from rapidembed.registry import folder_keys
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.encoder_config import read_hidden, read_optional_hidden
from rapidembed.registry.layers import LAYERS, read_layers
from rapidembed.registry.modules_file import MODULES_FILE, read_modules, unexpected
from rapidembed.registry.own_code import read_adapters, read_architecture
from rapidembed.registry.spec import ModelSpec, Pooling
from rapidembed.registry.transformer_module import TransformerModule

WEIGHTS_FILE = "model.safetensors"
SETTINGS_FILE = "config_sentence_transformers.json"
ROUTER_FILE = "router_config.json"
METADATA_FILE = "artifact.metadata"
PREPROCESSOR_FILE, PROCESSOR_FILE = "preprocessor_config.json", "processor_config.json"

logger = logging.getLogger(__name__)

# In the order in which sentence-transformers concatenates them.
_LEGACY_POOLING: tuple[tuple[str, PoolingMode], ...] = (
    ("pooling_mode_cls_token", "cls"),
    ("pooling_mode_max_tokens", "max"),
    ("pooling_mode_mean_tokens", "mean"),
    ("pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"),
    ("pooling_mode_weightedmean_tokens", "weightedmean"),
    ("pooling_mode_lasttoken", "lasttoken"),
)
_KNOWN = {
    "transformer_task": "feature-extraction",
    "module_output_name": "token_embeddings",
    "query_expansion": None,
}
"""Values of the Transformer module's settings that a dense model may have."""
# In evaluation this module does nothing.
_NOTHING = "Dropout"


def discover(folder: Path, name: str) -> ModelSpec:
    """The spec of the sentence-transformers model in ``folder``, a :data:`rapidembed.registry.task.Reader`."""
    modules = [(kind, path) for kind, path in read_modules(folder) if kind != _NOTHING]
    kinds = [kind for kind, _ in modules]
    if kinds[:2] != ["Transformer", "Pooling"] or any(kind not in LAYERS for kind in kinds[2:]):
        raise unexpected(folder, kinds, f"the modules Transformer, Pooling, then any of {', '.join(LAYERS)}")
    module = TransformerModule.read(folder / modules[0][1], **_KNOWN)
    pooling_file = ConfigFile.read(folder / modules[1][1] / "config.json")
    pooling, width = _pooling(pooling_file, module.config)
    layers = read_layers(folder, modules[2:], width)
    settings = read_settings_file(folder, "SentenceTransformer")
    return ModelSpec(
        name=name,
        dim=layers[-1].out_features if layers else width,
        pooling=pooling,
        normalize=kinds[-1] == "Normalize",
        dense=layers[:-1] if kinds[-1] == "Normalize" else layers,
        include_prompt=pooling_file.flag("include_prompt", True),
        similarity=settings.optional_text("similarity_fn_name"),
        role_tokens=module.role_tokens,
        truncate_dim=settings.optional_positive("truncate_dim"),
        tasks=read_adapters(module.config),
        **read_prompts(settings),
        **encoder_facts(module),
    )


def encoder_facts(module: TransformerModule) -> dict[str, Any]:
    """What a spec has of its encoder, whatever follows it."""
    return {
        "architecture": read_architecture(module.config),
        "max_tokens": module.max_tokens,
        "lower_case": module.lower_case,
        "tokenizer": module.tokenizer,
        "config": module.over_config,
    }


def read_settings_file(folder: Path, *model_types: str) -> ConfigFile:
    """``config_sentence_transformers.json``, which must be of one of these types of models if it names one.

    Raises:
        UnsupportedModelError: it is of another, or says something unknown.
    """
    settings = ConfigFile.read_optional(folder / SETTINGS_FILE)
    folder_keys.check(settings, folder_keys.SETTINGS)
    stated = settings.values.get("model_type")
    if model_types and stated is not None and stated not in model_types:
        raise UnsupportedModelError(
            f"{settings.path}: model_type={stated!r} is of another kind of model; known here: {', '.join(model_types)}."
        )
    return settings


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
    module = TransformerModule.read(folder, **_KNOWN)
    return ModelSpec(
        name=name,
        dim=read_hidden(module.config) * len(pooling),
        pooling=pooling,
        normalize=row.normalize if row else False,
        **encoder_facts(module),
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
    if not any(spec.prompts.values()):
        spec = replace(spec, prompts={})
    # The special tokens that a row leaves out are nothing that files say.
    if spec.sparse and row.sparse and not row.overrides:
        spec = replace(spec, sparse=replace(spec.sparse, skip_special=row.sparse.skip_special))
    values: dict[str, Any] = {}
    for each in fields(ModelSpec):
        source = each.metadata.get("from", ("row", "row"))[row.overrides]
        words = {"files": getattr(spec, each.name), "row": getattr(row, each.name)}
        first, _, second = source.partition(" or ")
        values[each.name] = words[first] or words[second] if second else words[first]
    return ModelSpec(**values)


def _pooling(file: ConfigFile, config: ConfigFile) -> tuple[Pooling, int]:
    folder_keys.check(file, folder_keys.POOLING)
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


def read_prompts(file: ConfigFile) -> dict[str, Any]:
    """What a spec has of prompts: each by name, and the name of the one that plain encoding applies."""
    stated = file.values.get("prompts") or {}
    if not isinstance(stated, dict) or not all(text is None or isinstance(text, str) for text in stated.values()):
        raise IntegrityError(f"{file.path}: expected prompts to map names to strings, got {stated!r}.")
    # Every model has these two prompts there, so that one called "passage" is never a document's by itself.
    prompts = {"query": "", "document": ""} | {name: text or "" for name, text in stated.items()}
    unused = [name for name in ("passage", "corpus") if prompts.get(name) and not prompts["document"]]
    if unused:
        logger.warning(
            "%s: the prompt %r is not put before documents, as sentence-transformers does not either; "
            "prompts={'document': ...} does.",
            file.path,
            unused[0],
        )
    default = file.values.get("default_prompt_name")
    if default is not None and (not isinstance(default, str) or default not in prompts):
        raise IntegrityError(f"{file.path}: default_prompt_name is {default!r}, which is not among its prompts.")
    return {"prompts": prompts, "default_prompt": default}
