"""The fast tokenizer of a checkpoint: as transformers 5 makes it from tokenizer.json or an older vocabulary."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, processors
from tokenizers import Tokenizer as FastTokenizer
from tokenizers.models import BPE, WordPiece

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.registry.config_file import check_size, read_json
from rapidembed.runtime.fast_tokenizer import explained, read_tokenizer
from rapidembed.runtime.tokenizer_classes import CLASSES, Parts, Recipe
from rapidembed.runtime.tokenizer_name import class_name
from rapidembed.runtime.tokenizer_settings import SPECIAL, TOKENIZER_FILE, Token, TokenizerSettings

_SENTENCEPIECE = ("sentencepiece.bpe.model", "spiece.model", "tokenizer.model", "spm.model")
_SAVE = 'Save it once where transformers is installed: AutoTokenizer.from_pretrained(NAME).save_pretrained("folder").'
_NOTHING: Mapping[str, Any] = {}


def load_tokenizer(folder: Path, arguments: Mapping[str, Any] = _NOTHING) -> FastTokenizer:
    """The tokenizer whose files lie in ``folder``.

    Args:
        folder: the encoder's.
        arguments: what its module of sentence-transformers says of it, which wins over tokenizer_config.json.

    Raises:
        IntegrityError: a file is damaged.
        UnsupportedModelError: only files are there that no tokenizer can be made from, or they say something unknown.
    """
    name = class_name(folder)
    path = folder / TOKENIZER_FILE
    tokenizer = read_tokenizer(path) if path.is_file() else None
    added = tokenizer.get_added_tokens_decoder() if tokenizer is not None else {}
    settings = TokenizerSettings.read(folder, arguments, added)
    with explained(f"{folder} holds no tokenizer that this version can read"):
        if tokenizer is not None:
            return _as_its_class(tokenizer, path, name, settings)
        return _from_vocabulary(folder, name, settings)


def _as_its_class(tokenizer: FastTokenizer, path: Path, name: str, settings: TokenizerSettings) -> FastTokenizer:
    if name not in CLASSES:
        special = {key: settings.token(key, None) for key in SPECIAL}
        _add_tokens(tokenizer, settings, special, settings.extra)
        _update_ends(tokenizer, settings, special)
        return tokenizer
    recipe = CLASSES[name](settings, _parts(path, name, tokenizer))
    kind = type(tokenizer.model).__name__
    if kind != recipe.model:
        raise UnsupportedModelError(f"{path} is a {kind} tokenizer, but {name}Tokenizer is made from a {recipe.model}.")
    if not _as_in(tokenizer, path, recipe, settings):
        tokenizer = _rebuilt(tokenizer, path, recipe)
    return _finished(tokenizer, recipe, settings)


def _parts(path: Path, name: str, tokenizer: FastTokenizer) -> Parts:
    def place(token: str) -> int | None:
        number: int | None = tokenizer.model.token_to_id(token)
        if number is None or name == "Camembert":
            return number
        score = re.search(
            re.escape(json.dumps(token, ensure_ascii=False).encode()) + rb"\s*,\s*(-?[\d.]+)", path.read_bytes()
        )
        return number if score is not None and float(score[1]) == 0.0 else None

    return Parts(tokenizer.normalizer, place)


def _as_in(tokenizer: FastTokenizer, path: Path, recipe: Recipe, settings: TokenizerSettings) -> bool:
    """Whether the file already is what the recipe makes of it, so that it need not be put together anew."""
    if _state(tokenizer.normalizer) != _state(recipe.normalizer):
        return False
    if _state(tokenizer.pre_tokenizer) != _state(recipe.pre_tokenizer):
        return False
    if recipe.model == "Unigram":
        same = _unigram(path) == recipe.parameters
    else:
        same = all(
            (getattr(tokenizer.model, key) or None) == (value or None) for key, value in recipe.parameters.items()
        )
    if not same:
        return False
    there = {number: repr(token) for number, token in tokenizer.get_added_tokens_decoder().items()}
    return not settings.added or there == {number: repr(token) for number, token in settings.added.items()}


def _unigram(path: Path) -> dict[str, Any]:
    """Parameters of a Unigram model, which only its file tells; parsing that would take longer than all else."""
    text = path.read_bytes()
    unknown = re.search(rb'"unk_id"\s*:\s*(\d+)', text)
    return {
        "unk_id": int(unknown[1]) if unknown else None,
        "byte_fallback": re.search(rb'"byte_fallback"\s*:\s*true', text) is not None,
    }


def _state(part: Any) -> Any:
    return None if part is None else json.loads(part.__getstate__())


def _rebuilt(tokenizer: FastTokenizer, path: Path, recipe: Recipe) -> FastTokenizer:
    file = read_json(path)
    file |= {"added_tokens": [], "padding": None, "post_processor": None}
    file["normalizer"], file["pre_tokenizer"] = _state(recipe.normalizer), _state(recipe.pre_tokenizer)
    file["model"] |= {"type": recipe.model, **recipe.parameters}
    new = FastTokenizer.from_str(json.dumps(file))
    new.post_processor = tokenizer.post_processor
    return new


def _from_vocabulary(folder: Path, name: str, settings: TokenizerSettings) -> FastTokenizer:
    recipe = CLASSES[name](settings, Parts()) if name in CLASSES else None
    paths = [folder / file for file in recipe.vocabulary] if recipe is not None else []
    if recipe is not None and paths and all(path.is_file() for path in paths):
        for path in paths:
            check_size(path)
        kind = WordPiece if recipe.model == "WordPiece" else BPE
        parameters = {key: value for key, value in recipe.parameters.items() if value is not None}
        with explained(f"{paths[0]} is not a vocabulary"):
            model: Any = kind.from_file(*map(str, paths), **parameters)
    else:
        found = [file for file in ("vocab.txt", "vocab.json", *_SENTENCEPIECE) if (folder / file).is_file()]
        raise UnsupportedModelError(
            f"{folder} has no tokenizer.json, and none can be made for the class {name!r} from "
            f"{', '.join(found) or 'its other files'}. {_SAVE}"
        )
    tokenizer = FastTokenizer(model)
    if recipe.normalizer is not None:
        tokenizer.normalizer = recipe.normalizer
    tokenizer.pre_tokenizer = recipe.pre_tokenizer
    return _finished(tokenizer, recipe, settings)


def _finished(tokenizer: FastTokenizer, recipe: Recipe, settings: TokenizerSettings) -> FastTokenizer:
    """With its tokens added, and what stands around every text."""
    unknown = recipe.parameters.get("unk_token")
    if recipe.model == "WordPiece" and tokenizer.model.token_to_id(unknown) is None:
        raise IntegrityError(f"The vocabulary lacks {unknown!r}, which stands for words that cannot be cut to pieces.")
    extra = settings.extra if "extra_special_tokens" in settings.file.values else recipe.extra
    _add_tokens(tokenizer, settings, recipe.special, extra)
    if tokenizer.post_processor is None and recipe.fallback is not None:
        tokenizer.post_processor = _ends(tokenizer, recipe.fallback, recipe)
    _update_ends(tokenizer, settings, recipe.special)
    if recipe.ends is not None:
        tokenizer.post_processor = _ends(tokenizer, recipe.ends, recipe)
    return tokenizer


def _ends(tokenizer: FastTokenizer, make: Any, recipe: Recipe) -> Any:
    try:
        return make(tokenizer)
    except Exception as error:  # tokenizers raises bare Exception
        names = ", ".join(f"{name}={token}" for name, token in recipe.special.items())
        raise IntegrityError(
            f"The vocabulary lacks a token that stands before or after every text ({names})."
        ) from error


def _add_tokens(
    tokenizer: FastTokenizer,
    settings: TokenizerSettings,
    special: Mapping[str, Token | None],
    extra: Iterable[Token],
) -> None:
    """Make the listed tokens, and special ones that are not listed, one token wherever they stand in a text."""
    there = {repr(token) for token in tokenizer.get_added_tokens_decoder().values()}
    wanted: list[Token] = [token for token in settings.added.values() if repr(token) not in there]
    known = {token.content for token in tokenizer.get_added_tokens_decoder().values()} | {str(_text(t)) for t in wanted}
    named = [special[name] for name in SPECIAL if special.get(name) is not None]
    named += settings.others.values()
    for token in (*named, *extra):
        if token is not None and _text(token) not in known:
            wanted.append(token)
            known.add(_text(token))
    names = {_text(token) for token in named if token is not None}
    ready = []
    for token in wanted:
        if isinstance(token, str):
            token = AddedToken(token, special=True)
        elif not token.special and token.content in names:
            token.special = True
        ready.append(token)
    if ready:
        tokenizer.add_tokens(ready)


def _text(token: Token) -> str:
    return token if isinstance(token, str) else token.content


def _update_ends(tokenizer: FastTokenizer, settings: TokenizerSettings, special: Mapping[str, Token | None]) -> None:
    """Where the settings say so, or nothing else does: the tokens that stand around every text."""
    stated = "add_bos_token" in settings.file.values or "add_eos_token" in settings.file.values
    if not stated and tokenizer.post_processor is not None:
        return
    single, pair, tokens = "$A:0", "$B:1", []
    for key, template in (("bos", "{0}:{1} {2}"), ("eos", "{2} {0}:{1}")):
        token = special.get(f"{key}_token")
        if token is None or not settings.file.flag(f"add_{key}_token", False):
            continue
        name = _text(token)
        single = template.format(name, 0, single)
        pair = template.format(name, 1, pair)
        tokens.append((name, tokenizer.token_to_id(name)))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=single, pair=f"{single} {pair}", special_tokens=tokens
    )
