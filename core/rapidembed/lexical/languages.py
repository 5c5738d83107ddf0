"""What BM25 knows about languages: stemmer, stopwords, and how words are told apart.

The stopwords in ``data/stopwords`` are NLTK's (the "stopwords" corpus of nltk_data; NOTICE names its sources and
their licences), where those of Qdrant/bm25 come from; the copies on the hub were out of reach and could not be
compared. NLTK's English list has grown since, but only by contractions, which are no words here.
``tests/golden/make_lexical.py`` writes the files.
"""

import os
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from rapidembed.lexical.options import LexicalOptions
from rapidembed.lexical.vocabulary import Rules
from rapidembed.lexical.words import TOKENIZERS, Tokenize, WordSplitter

if TYPE_CHECKING:
    from pathlib import Path

_SHIPPED = os.path.join(os.path.dirname(__file__), "data", "stopwords")
_LONGEST = 40
"""Letters of the longest words that count, unless asked otherwise."""


class Language(NamedTuple):
    """What is done with a language when nothing else is asked for."""

    stemmer: str | None
    """A Snowball algorithm of py_rust_stemmers."""
    tokenizer: Literal["word", "unicode"] = "word"

    @property
    def equal(self) -> bool:
        """Whether ids and weights are fastembed's. Each such language was compared, both with these stopwords."""
        return self.tokenizer == "word"


# fastembed has these. With tokenizer="word" Tamil's ids and weights, too, are fastembed's.
SNOWBALL = (
    *("arabic", "danish", "dutch", "english", "finnish", "french", "german", "greek", "hungarian", "italian"),
    *("norwegian", "portuguese", "romanian", "russian", "spanish", "swedish", "tamil", "turkish"),
)
# fastembed cuts the words of these scripts at every vowel mark, or not at all.
_UNICODE_ONLY = "bengali chinese hindi japanese khmer korean lao myanmar nepali thai"

LANGUAGES: dict[str, Language] = {
    **{name: Language(name) for name in SNOWBALL},
    **{name: Language(None, "unicode") for name in _UNICODE_ONLY.split()},
    "tamil": Language("tamil", "unicode"),
}


# ISO 639-1, then 639-3 and what else 639-2 has.
_CODES = {
    "arabic": "ar ara",
    "bengali": "bn ben",
    "chinese": "zh zho chi",
    "danish": "da dan",
    "dutch": "nl nld dut",
    "english": "en eng",
    "finnish": "fi fin",
    "french": "fr fra fre",
    "german": "de deu ger",
    "greek": "el ell gre",
    "hindi": "hi hin",
    "hungarian": "hu hun",
    "italian": "it ita",
    "japanese": "ja jpn",
    "khmer": "km khm",
    "korean": "ko kor",
    "lao": "lo lao",
    "myanmar": "my mya bur",
    "nepali": "ne nep",
    "norwegian": "no nor nb nob nn nno",
    "portuguese": "pt por",
    "romanian": "ro ron rum",
    "russian": "ru rus",
    "spanish": "es spa",
    "swedish": "sv swe",
    "tamil": "ta tam",
    "thai": "th tha",
    "turkish": "tr tur",
}
_BY_CODE = {code: name for name, codes in _CODES.items() for code in codes.split()}


def language_name(language: str) -> str:
    """The name of a language that is given by name or by code, in any case: "en", "EN-us" and "English" are english."""
    lowered = language.lower()
    return _BY_CODE.get(lowered.replace("_", "-").partition("-")[0], lowered if lowered in LANGUAGES else language)


def analysis(options: LexicalOptions, folder: "Path | None" = None) -> tuple[Tokenize, Rules]:
    """How texts become words, and words terms.

    Args:
        options: what was asked for.
        folder: holds ``<language>.txt``, the stopwords to use instead of our own, one in a line.

    Raises:
        ValueError: the options contradict each other, or the language is unknown.
    """
    language, disabled = language_name(options.language or "english"), bool(options.disable_stemmer)
    known = LANGUAGES.get(language)
    if disabled and options.stemmer is not None:
        raise ValueError("stemmer was given, but disable_stemmer=True. Give one of them.")
    if known is None and options.stemmer is None and not disabled:
        raise ValueError(
            f"language must be one of {', '.join(sorted(LANGUAGES))}, or the ISO code of one, got {language!r}. For "
            "another language give a stemmer, or disable_stemmer=True."
        )
    tokenizer: WordSplitter = options.tokenizer or (known.tokenizer if known else "word")
    stopwords: Iterable[str] | None = options.stopwords
    if stopwords is None:
        stopwords = () if disabled or known is None else _stopwords(language, tokenizer, folder)
    rules = Rules(
        stemmer=None if disabled else options.stemmer or (known.stemmer if known else None),
        stopwords=frozenset(word.lower() for word in stopwords),
        longest=options.token_max_length or _LONGEST,
    )
    return TOKENIZERS[tokenizer] if isinstance(tokenizer, str) else tokenizer, rules


def _stopwords(language: str, tokenizer: WordSplitter, folder: "Path | None") -> Iterable[str]:
    if folder is not None:
        file = folder / f"{language}.txt"
        if not file.is_file():
            raise ValueError(f"{file} does not exist. It should hold stopwords, one in a line; or give stopwords=.")
        return file.read_text(encoding="utf-8").splitlines()
    if tokenizer == "word":
        return fastembed_stopwords(language)
    return [unicodedata.normalize("NFKC", word) for word in stopwords_of(language)]


def fastembed_stopwords(language: str) -> tuple[str, ...]:
    """The stopwords that fastembed has for a language."""
    return () if language == "tamil" else stopwords_of(language)


@cache
def stopwords_of(language: str) -> tuple[str, ...]:
    """The stopwords that are shipped for a language; none where there is no list."""
    file = os.path.join(_SHIPPED, f"{language}.txt")
    if language not in LANGUAGES or not os.path.exists(file):
        return ()
    with open(file, encoding="utf-8") as lines:
        return tuple(lines.read().splitlines())
