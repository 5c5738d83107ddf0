"""A late-interaction model's facts from its own files.

Three layouts are read: sentence-transformers' MultiVectorEncoder (from 6 on), PyLate's ColBERT (up to 3), and that of
the ColBERT authors (``HF_ColBERT``, with the projection among the encoder's weights). sentence-transformers reads all
three, and the defaults of the older two are those it gives them.
"""

import string
from pathlib import Path
from typing import Any

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.registry import folder_keys
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.discovery import METADATA_FILE, WEIGHTS_FILE, encoder_facts, read_prompts, read_settings_file
from rapidembed.registry.encoder_config import read_hidden
from rapidembed.registry.layer import DenseLayer
from rapidembed.registry.layers import LAYERS, read_layers
from rapidembed.registry.modules_file import MODULES_FILE, read_modules, unexpected
from rapidembed.registry.spec import LateInteraction, ModelSpec
from rapidembed.registry.transformer_module import TransformerModule

_TOKENS = "token_embeddings"
_PUNCTUATION = tuple(string.punctuation)
_DEFAULT_QUERY_LENGTH = 32


def discover_multi_vector(folder: Path, name: str) -> ModelSpec:
    """The spec of the late-interaction model in ``folder``, a :data:`rapidembed.registry.task.Reader`."""
    if (folder / MODULES_FILE).is_file():
        return _from_modules(folder, name)
    config = ConfigFile.read(folder / "config.json")
    if "HF_ColBERT" in config.names("architectures"):
        return _from_colbert(folder, name)
    raise UnsupportedModelError(
        f"{folder} has no {MODULES_FILE} and is no HF_ColBERT, so it does not say how it makes token vectors."
    )


def _from_modules(folder: Path, name: str) -> ModelSpec:
    modules = read_modules(folder)
    kinds = [kind for kind, _ in modules]
    if kinds[:1] != ["Transformer"] or any(kind not in ("Dense", "MultiVectorMask", "Normalize") for kind in kinds[1:]):
        raise unexpected(folder, kinds, "the modules Transformer, then any of Dense, MultiVectorMask and Normalize")
    if "Normalize" in kinds and "Dense" in kinds[kinds.index("Normalize") :]:
        raise UnsupportedModelError(f"{folder / MODULES_FILE}: Dense after Normalize is not supported.")
    settings = read_settings_file(folder)
    module = TransformerModule.read(
        folder / modules[0][1], transformer_task="feature-extraction", module_output_name=_TOKENS
    )
    transformer = module.file
    width = read_hidden(module.config)
    layers = read_layers(folder, [each for each in modules if each[0] in LAYERS], width, _TOKENS)
    pylate = settings.values.get("model_type") == "ColBERT"
    knobs = settings if pylate else transformer
    skip = _pylate_skip(settings) if pylate else _skip(folder, modules)
    expansion = _pylate_expansion(settings) if pylate else _expansion(transformer)
    if expansion and not pylate and "MultiVectorMask" not in kinds:
        raise UnsupportedModelError(f"{transformer.path}: query_expansion without a MultiVectorMask is not supported.")
    return ModelSpec(
        name=name,
        dim=layers[-1].out_features if layers else width,
        head="tokens",
        normalize=pylate or "Normalize" in kinds,
        dense=tuple(layer for layer in layers if isinstance(layer, DenseLayer)),
        prompts=read_prompts(settings)["prompts"],
        late=LateInteraction(
            query_marker=settings.optional_text("query_prefix") or None if pylate else None,
            document_marker=settings.optional_text("document_prefix") or None if pylate else None,
            skip=skip,
            **(expansion or {"query_length": knobs.optional_positive("query_length")}),
        ),
        **encoder_facts(module) | {"max_tokens": knobs.optional_positive("document_length") or module.max_tokens},
    )


def _from_colbert(folder: Path, name: str) -> ModelSpec:
    metadata = ConfigFile.read_optional(folder / METADATA_FILE)
    module = TransformerModule.read(folder)
    width, hidden = _projection(folder / WEIGHTS_FILE)
    layer = DenseLayer(path="", in_features=hidden, out_features=width, bias=False, activation="Identity")
    length = metadata.optional_positive("query_maxlen") or _DEFAULT_QUERY_LENGTH
    return ModelSpec(
        name=name,
        dim=width,
        head="tokens",
        normalize=True,
        dense=(layer,),
        late=LateInteraction(
            query_marker=metadata.text("query_token_id", "[unused0]"),
            document_marker=metadata.text("doc_token_id", "[unused1]"),
            query_length=length,
            expansion_length=length,
            expansion_attended=metadata.flag("attend_to_mask_tokens", False),
            skip=_PUNCTUATION if metadata.flag("mask_punctuation", True) else (),
        ),
        **encoder_facts(module) | {"max_tokens": metadata.optional_positive("doc_maxlen") or module.max_tokens},
    )


def _projection(path: Path) -> tuple[int, int]:
    """Output and input width of the projection, which only its weights know."""
    if not path.is_file():
        raise UnsupportedModelError(f"{path.parent} has no {path.name}, which says how wide its token vectors are.")
    from safetensors import SafetensorError, safe_open  # the rows of known models are listed without

    try:
        with safe_open(path, framework="numpy") as file:
            width, hidden = file.get_slice("linear.weight").get_shape()
    except (SafetensorError, OSError, ValueError) as error:
        raise IntegrityError(f"{path} does not hold the projection linear.weight of an HF_ColBERT: {error}") from error
    return width, hidden


def _expansion(transformer: ConfigFile) -> dict[str, Any] | None:
    """sentence-transformers' ``query_expansion``; None: queries keep their length."""
    value = transformer.values.get("query_expansion")
    if value is None:
        return None
    if not isinstance(value, dict):
        raise IntegrityError(f"{transformer.path}: expected query_expansion to be an object, got {value!r}.")
    file = ConfigFile(transformer.path, value)
    length = file.positive("length")
    longest = transformer.optional_positive("query_length")
    strategy = file.text("strategy", "")
    if strategy not in ("fixed", "min") or value.keys() - {"strategy", "attend", "token", "length"}:
        raise UnsupportedModelError(f"{transformer.path}: query_expansion {value!r} is not supported.")
    return {
        "query_length": length if strategy == "fixed" else longest and max(longest, length),
        "expansion_length": length,
        "expansion_attended": file.flag("attend", False),
        "expansion_token": file.optional_text("token"),
    }


def _pylate_expansion(settings: ConfigFile) -> dict[str, Any] | None:
    if not settings.flag("do_query_expansion", True):
        return None
    length = settings.optional_positive("query_length") or _DEFAULT_QUERY_LENGTH
    attended = settings.flag("attend_to_expansion_tokens", False)
    return {"query_length": length, "expansion_length": length, "expansion_attended": attended}


def _skip(folder: Path, modules: list[tuple[str, str]]) -> tuple[str, ...]:
    words: tuple[str, ...] = ()
    for kind, path in modules:
        if kind == "MultiVectorMask":
            file = ConfigFile.read(folder / path / "config.json")
            folder_keys.check(file, folder_keys.MASK)
            words += file.names("skiplist_words")
    return words


def _pylate_skip(settings: ConfigFile) -> tuple[str, ...]:
    return _PUNCTUATION if settings.values.get("skiplist_words") is None else settings.names("skiplist_words")
