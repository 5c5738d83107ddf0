"""What tokenizers of a class are made of. transformers 5 builds those below anew from their vocabulary and settings.

So of their tokenizer.json only the vocabulary counts, and here and there a part. Other classes are what the file says.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from tokenizers import AddedToken, Regex, normalizers, pre_tokenizers, processors
from tokenizers import Tokenizer as FastTokenizer

from rapidembed.errors import IntegrityError
from rapidembed.registry.config_file import ConfigFile
from rapidembed.runtime.tokenizer_settings import Token, TokenizerSettings

Ends = Callable[[FastTokenizer], Any]
"""Makes the post-processor of a tokenizer that has all its tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The parts of a tokenizer."""

    model: Literal["WordPiece", "BPE", "Unigram"]
    parameters: dict[str, Any]
    """Of the model, by their names in tokenizer.json."""
    normalizer: Any
    pre_tokenizer: Any
    special: dict[str, Token | None]
    """Special tokens by their names, the class's own where nothing else is said."""
    ends: Ends | None = None
    """None: those of tokenizer.json, or of ``fallback``."""
    fallback: Ends | None = None
    vocabulary: tuple[str, ...] = ()
    """Files that the model can be read from where there is no tokenizer.json."""
    extra: tuple[str, ...] = ()
    """Special tokens without a name, where the settings do not list any."""


_PAIRS = ("vocab.json", "merges.txt")
_TWO_TYPES = "{0}:0 $A:0 {1}:0 $B:1 {1}:1"
_ONE_TYPE = "{0} $A {1} {1} $B {1}"

Class = Callable[[TokenizerSettings, "Parts"], Recipe]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a class may take from tokenizer.json."""

    normalizer: Any = None
    unknown: Callable[[str], int | None] = field(default=lambda token: None)
    """Place of a token in the vocabulary, if its score is zero."""


def _special(settings: TokenizerSettings, **defaults: str | None) -> dict[str, Token | None]:
    found = {f"{name}_token": settings.token(f"{name}_token", token) for name, token in defaults.items()}
    return found | {name: token for name, token in settings.special.items() if name not in found}


def text(token: Token | None) -> str:
    """A token's text."""
    return token if isinstance(token, str) else token.content if token is not None else "None"


def _bert_normalizer(file: ConfigFile) -> Any:
    strip = file.values.get("strip_accents")
    return normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=file.flag("tokenize_chinese_chars", True),
        strip_accents=None if strip is None else file.flag("strip_accents", True),
        lowercase=file.flag("do_lower_case", True),
    )


def _word_piece(settings: TokenizerSettings, special: dict[str, Token | None], ends: Ends) -> Recipe:
    return Recipe(
        model="WordPiece",
        parameters={
            "unk_token": text(special["unk_token"]),
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
        },
        normalizer=_bert_normalizer(settings.file),
        pre_tokenizer=pre_tokenizers.BertPreTokenizer(),
        vocabulary=("vocab.txt",),
        special=special,
        ends=ends,
    )


def _bert(settings: TokenizerSettings, parts: Parts) -> Recipe:
    special = _special(settings, unk="[UNK]", sep="[SEP]", pad="[PAD]", cls="[CLS]", mask="[MASK]")
    return _word_piece(settings, special, _around(special["cls_token"], special["sep_token"], _TWO_TYPES))


def _mpnet(settings: TokenizerSettings, parts: Parts) -> Recipe:
    special = _special(settings, bos="<s>", eos="</s>", sep="</s>", cls="<s>", unk="[UNK]", pad="<pad>", mask="<mask>")
    special = {name: _flags(token, lstrip=name == "mask_token") for name, token in special.items()}
    return _word_piece(settings, special, _roberta_ends(special, prefix_space=False))


def _flags(token: Token | None, *, lstrip: bool) -> Token | None:
    return AddedToken(token, lstrip=lstrip, rstrip=False) if isinstance(token, str) else token


def _roberta(settings: TokenizerSettings, parts: Parts) -> Recipe:
    special = _special(settings, bos="<s>", eos="</s>", sep="</s>", cls="<s>", unk="<unk>", pad="<pad>", mask="<mask>")
    prefix_space = settings.file.flag("add_prefix_space", False)
    return Recipe(
        model="BPE",
        parameters=_bpe(),
        normalizer=None,
        pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=prefix_space),
        vocabulary=_PAIRS,
        special=special,
        ends=_roberta_ends(special, prefix_space=prefix_space),
    )


def _bpe(**others: Any) -> dict[str, Any]:
    plain = {"continuing_subword_prefix": "", "end_of_word_suffix": "", "dropout": None, "ignore_merges": False}
    return plain | {"unk_token": None, "fuse_unk": False, "byte_fallback": False} | others


def _xlm_roberta(settings: TokenizerSettings, parts: Parts) -> Recipe:
    special = _special(settings, bos="<s>", eos="</s>", sep="</s>", cls="<s>", unk="<unk>", pad="<pad>", mask="<mask>")
    return Recipe(
        model="Unigram",
        parameters={"unk_id": 3, "byte_fallback": False},
        normalizer=_precompiled(parts.normalizer),
        pre_tokenizer=_words(settings.file, "never"),
        special=special,
        ends=_around(special["bos_token"], special["eos_token"], _ONE_TYPE),
    )


def _camembert(settings: TokenizerSettings, parts: Parts) -> Recipe:
    recipe = _xlm_roberta(settings, parts)
    mask = recipe.special["mask_token"]
    if isinstance(mask, str):
        mask = AddedToken(mask, lstrip=True, special=True)
    special = recipe.special | {"mask_token": mask}
    unknown = parts.unknown(text(special["unk_token"]))
    return Recipe(
        model="Unigram",
        parameters={"unk_id": unknown or 0, "byte_fallback": False},
        normalizer=recipe.normalizer,
        pre_tokenizer=recipe.pre_tokenizer,
        special=special,
        ends=recipe.ends,
        extra=("<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"),
    )


def _albert(settings: TokenizerSettings, parts: Parts) -> Recipe:
    file = settings.file
    special = _special(
        settings, bos="[CLS]", eos="[SEP]", unk="<unk>", sep="[SEP]", pad="<pad>", cls="[CLS]", mask="[MASK]"
    )
    steps: list[Any] = [normalizers.Replace("``", '"'), normalizers.Replace("''", '"')]
    if not file.flag("keep_accents", False):
        steps += [normalizers.NFKD(), normalizers.StripAccents()]
    if file.flag("do_lower_case", True):
        steps.append(normalizers.Lowercase())
    if (own := _precompiled(parts.normalizer)) is not None:
        steps.append(own)
    return Recipe(
        model="Unigram",
        parameters={"unk_id": 1, "byte_fallback": False},
        normalizer=normalizers.Sequence(steps),
        pre_tokenizer=_words(file, "never"),
        special=special,
        fallback=_around(special["cls_token"], special["sep_token"], _TWO_TYPES),
    )


def _deberta(settings: TokenizerSettings, parts: Parts) -> Recipe:
    file = settings.file
    special = _special(
        settings, bos="[CLS]", eos="[SEP]", unk="[UNK]", sep="[SEP]", pad="[PAD]", cls="[CLS]", mask="[MASK]"
    )
    steps: list[Any] = [normalizers.Lowercase()] if file.flag("do_lower_case", False) else []
    steps += [
        normalizers.Replace(Regex(r"\s{2,}|[\n\r\t]"), " "),
        normalizers.NFC(),
        normalizers.Strip(left=False, right=True),
    ]
    cuts: list[Any] = [pre_tokenizers.Punctuation(behavior="isolated")] if file.flag("split_by_punct", False) else []
    scheme = "always" if file.flag("add_prefix_space", True) else "first"
    cuts.append(pre_tokenizers.Metaspace(replacement="▁", prepend_scheme=scheme))
    unknown = parts.unknown(text(special["unk_token"]))
    return Recipe(
        model="Unigram",
        parameters={"unk_id": file.count("unk_id", 1) if unknown is None else unknown, "byte_fallback": False},
        normalizer=normalizers.Sequence(steps),
        pre_tokenizer=pre_tokenizers.Sequence(cuts),
        special=special,
        ends=_around(special["cls_token"], special["sep_token"], _TWO_TYPES),
    )


_QWEN_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def _qwen(settings: TokenizerSettings, parts: Parts) -> Recipe:
    end = "<|endoftext|>"
    special = _special(settings, unk=end, bos=None, eos=end, pad=end)
    prefix_space = settings.file.flag("add_prefix_space", False)
    return Recipe(
        model="BPE",
        parameters=_bpe(),
        normalizer=normalizers.NFC(),
        vocabulary=_PAIRS,
        pre_tokenizer=pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(_QWEN_WORDS), behavior="isolated", invert=False),
                pre_tokenizers.ByteLevel(add_prefix_space=prefix_space, use_regex=False),
            ]
        ),
        special=special,
    )


def _gemma(settings: TokenizerSettings, parts: Parts) -> Recipe:
    special = _special(settings, unk="<unk>", bos="<bos>", eos="<eos>", pad="<pad>", mask="<mask>")
    return Recipe(
        model="BPE",
        parameters=_bpe(
            continuing_subword_prefix=None,
            end_of_word_suffix=None,
            fuse_unk=True,
            unk_token=text(special["unk_token"]),
            byte_fallback=True,
        ),
        normalizer=normalizers.Replace(" ", "▁"),
        pre_tokenizer=pre_tokenizers.Split(pattern=" ", behavior="merged_with_previous", invert=False),
        special=special,
    )


def _words(file: ConfigFile, without: str) -> Any:
    """Words as sentencepiece has them."""
    scheme = "always" if file.flag("add_prefix_space", True) else without
    return pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme=scheme)]
    )


def steps_of(normalizer: Any) -> list[Any]:
    """What a normalizer does, one after another."""
    if normalizer is None:
        return []
    return list(normalizer) if isinstance(normalizer, normalizers.Sequence) else [normalizer]  # type: ignore[call-overload]


def _precompiled(normalizer: Any) -> Any:
    """The table of characters that a sentencepiece model brings along, if there is one."""
    return next((step for step in steps_of(normalizer) if isinstance(step, normalizers.Precompiled)), None)


def _around(first: Token | None, last: Token | None, pair: str) -> Ends:
    """Puts one token before and one behind a text; ``pair`` is how two texts are put together."""
    single = "{0}:0 $A:0 {1}:0"

    def make(tokenizer: FastTokenizer) -> Any:
        names = text(first), text(last)
        return processors.TemplateProcessing(
            single=single.format(*names),
            pair=pair.format(*names),
            special_tokens=[(name, tokenizer.token_to_id(name)) for name in dict.fromkeys(names)],
        )

    return make


def _roberta_ends(special: dict[str, Token | None], *, prefix_space: bool) -> Ends:
    first, last = text(special["cls_token"]), text(special["sep_token"])

    def make(tokenizer: FastTokenizer) -> Any:
        before, behind = (tokenizer.token_to_id(token) for token in (first, last))
        if before is None or behind is None:
            raise IntegrityError(f"The vocabulary lacks {first!r} or {last!r}, which stand around every text.")
        return processors.RobertaProcessing((last, behind), (first, before), True, prefix_space)

    return make


CLASSES: dict[str, Class] = {
    **dict.fromkeys(("Bert", "DistilBert", "Electra", "MobileBert"), _bert),
    **dict.fromkeys(("Roberta", "Bart", "Longformer"), _roberta),
    "MPNet": _mpnet,
    "XLMRoberta": _xlm_roberta,
    "Camembert": _camembert,
    "Albert": _albert,
    "DebertaV2": _deberta,
    "Qwen2": _qwen,
    "Gemma": _gemma,
}
"""By the names of transformers' classes, without "Tokenizer" and "Fast"."""
