"""The fast tokenizer of a checkpoint: its tokenizer.json, or one put together from an older checkpoint's vocabulary."""

from dataclasses import dataclass, replace
from pathlib import Path

from tokenizers import AddedToken, normalizers, pre_tokenizers, processors
from tokenizers import Tokenizer as FastTokenizer
from tokenizers.models import BPE, WordPiece

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.registry.config_file import ConfigFile


@dataclass(frozen=True, slots=True)
class _Family:
    """What tokenizers of one class have where their files do not say otherwise."""

    cls: str
    sep: str
    unk: str
    pad: str
    mask: str


_BERT = _Family("[CLS]", "[SEP]", "[UNK]", "[PAD]", "[MASK]")
_WORD_PIECE = {
    "Bert": _BERT,
    "DistilBert": _BERT,
    "Electra": _BERT,
    "MPNet": _Family("<s>", "</s>", "[UNK]", "<pad>", "<mask>"),
}
_BYTE_LEVEL = {"Roberta": _Family("<s>", "</s>", "<unk>", "<pad>", "<mask>")}
# config.json's model_type, for checkpoints whose tokenizer_config.json names no class.
_BY_MODEL_TYPE = {
    "bert": "Bert",
    "distilbert": "DistilBert",
    "electra": "Electra",
    "mpnet": "MPNet",
    "roberta": "Roberta",
}
_SENTENCEPIECE = ("sentencepiece.bpe.model", "spiece.model", "tokenizer.model", "spm.model")
_SAVE = 'Save it once where transformers is installed: AutoTokenizer.from_pretrained(NAME).save_pretrained("folder").'


def load_tokenizer(folder: Path) -> FastTokenizer:
    """The tokenizer whose files lie in ``folder``.

    Raises:
        IntegrityError: a file is damaged.
        UnsupportedModelError: only files are there that no tokenizer can be made from.
    """
    path = folder / "tokenizer.json"
    if not path.is_file():
        return _from_vocabulary(folder)
    try:
        return FastTokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises bare Exception
        raise IntegrityError(f"{path} is not a tokenizer this version can read: {error}") from error


def _from_vocabulary(folder: Path) -> FastTokenizer:
    settings = ConfigFile.read_optional(folder / "tokenizer_config.json")
    name = _class_name(folder, settings)
    if (folder / "vocab.txt").is_file() and name in _WORD_PIECE:
        return _word_piece(folder / "vocab.txt", settings, _WORD_PIECE[name])
    if (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file() and name in _BYTE_LEVEL:
        return _byte_level(folder, settings, _BYTE_LEVEL[name])
    found = [file for file in ("vocab.txt", "vocab.json", *_SENTENCEPIECE) if (folder / file).is_file()]
    raise UnsupportedModelError(
        f"{folder} has no tokenizer.json, and none can be made for the class {name!r} from "
        f"{', '.join(found) or 'its other files'}. {_SAVE}"
    )


def _class_name(folder: Path, settings: ConfigFile) -> str:
    """``Bert`` for BertTokenizer and BertTokenizerFast, and so on."""
    name = settings.text("tokenizer_class", "").removesuffix("Fast").removesuffix("Tokenizer")
    model_type = ConfigFile.read(folder / "config.json").text("model_type", "unknown")
    return name or _BY_MODEL_TYPE.get(model_type, model_type)


def _word_piece(path: Path, settings: ConfigFile, family: _Family) -> FastTokenizer:
    tokens = _special_tokens(settings, family)
    try:
        model = WordPiece.from_file(str(path), unk_token=tokens.unk)
    except Exception as error:  # tokenizers raises bare Exception
        raise IntegrityError(f"{path} is not a vocabulary: {error}") from error
    tokenizer = FastTokenizer(model)
    strip_accents = settings.values.get("strip_accents")
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=settings.flag("tokenize_chinese_chars", True),
        strip_accents=None if strip_accents is None else settings.flag("strip_accents", True),
        lowercase=settings.flag("do_lower_case", True),
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    cls, sep = _add_special_tokens(tokenizer, tokens, path)
    tokenizer.post_processor = processors.BertProcessing(sep, cls)
    return tokenizer


def _byte_level(folder: Path, settings: ConfigFile, family: _Family) -> FastTokenizer:
    tokens = _special_tokens(settings, family)
    vocabulary = folder / "vocab.json"
    try:
        model = BPE.from_file(str(vocabulary), str(folder / "merges.txt"), unk_token=None)
    except Exception as error:  # tokenizers raises bare Exception
        raise IntegrityError(f"{vocabulary} and merges.txt are not a vocabulary: {error}") from error
    tokenizer = FastTokenizer(model)
    prefix_space = settings.flag("add_prefix_space", False)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix_space)
    cls, sep = _add_special_tokens(tokenizer, tokens, vocabulary)
    tokenizer.post_processor = processors.RobertaProcessing(sep, cls, add_prefix_space=prefix_space)
    return tokenizer


def _special_tokens(settings: ConfigFile, family: _Family) -> _Family:
    own = {name: settings.values.get(f"{name}_token") for name in ("cls", "sep", "unk", "pad", "mask")}
    texts = {name: value.get("content") if isinstance(value, dict) else value for name, value in own.items()}
    return replace(family, **{name: text for name, text in texts.items() if isinstance(text, str)})


def _add_special_tokens(
    tokenizer: FastTokenizer, tokens: _Family, path: Path
) -> tuple[tuple[str, int], tuple[str, int]]:
    """Make special tokens one token wherever they stand in a text, as transformers has it.

    Returns:
        The tokens before and after every text, with their ids.
    """
    names = [
        name for name in (tokens.unk, tokens.sep, tokens.pad, tokens.cls) if tokenizer.token_to_id(name) is not None
    ]
    special = [AddedToken(name, special=True) for name in names]
    if tokenizer.token_to_id(tokens.mask) is not None:
        # RoBERTa's mask takes the space before it along.
        special.append(AddedToken(tokens.mask, special=True, lstrip=tokens.mask == "<mask>"))
    tokenizer.add_special_tokens(special)
    return _with_id(tokenizer, tokens.cls, path), _with_id(tokenizer, tokens.sep, path)


def _with_id(tokenizer: FastTokenizer, token: str, path: Path) -> tuple[str, int]:
    number = tokenizer.token_to_id(token)
    if number is None:
        raise IntegrityError(f"{path} does not hold {token!r}, which stands before or after every text.")
    return token, number
