"""Text to lower-case words."""

import itertools
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Tokenize: TypeAlias = Callable[[str], Iterable[str]]
WordSplitter: TypeAlias = Literal["word", "unicode"] | Tokenize
"""A tokenizer by name, or a function from a text to its words, such as a segmenter's."""

_WORD = re.compile(r"\w+")
_NEITHER_WORD_NOR_SPACE = re.compile(r"[^\w\s]")
_ASCII = {code: chr(code).lower() if chr(code).isalnum() or chr(code) == "_" else " " for code in range(128)}
_ASCII_BYTES = bytes(0 if _ASCII.get(code, " ") == " " else ord(_ASCII[code]) for code in range(256))


def word_tokens(text: str) -> list[str]:
    r"""Runs of ``\w`` (letters, digits, underscores), lower-cased: fastembed's tokens for BM25, exactly.

    Combining marks are no letters here, so words of scripts that write vowels as marks are cut at every one of them.
    """
    if text.isascii():
        return text.translate(_ASCII).split()
    return _WORD.findall(_lower(text))


def _lower(text: str) -> str:
    if "Σ" in text:
        # The one letter whose lower case depends on its neighbours, so they must be what fastembed makes of them.
        text = _NEITHER_WORD_NOR_SPACE.sub(" ", text)
    return text.lower()


def separated_words(texts: Sequence[str]) -> tuple[bytes, NDArray[np.int64], NDArray[np.int64]]:
    """The words that :func:`word_tokens` finds in each text, in UTF-8, with zero bytes between words.

    Returns:
        The bytes, which hold the texts in another order; the offsets at which they end; and the number of each.
    """
    ascii_only = [number for number, text in enumerate(texts) if text.isascii()]
    others = [number for number, text in enumerate(texts) if not text.isascii()]
    plain = "\n".join([*(texts[number] for number in ascii_only), ""]).encode().translate(_ASCII_BYTES)
    ends = np.cumsum([len(texts[number]) + 1 for number in ascii_only], dtype=np.int64)
    if others:
        rest, rest_ends = _separated_unicode([_lower(texts[number]) for number in others])
        plain, ends = plain + rest, np.concatenate([ends, rest_ends + len(plain)])
    return plain, ends, np.array(ascii_only + others, dtype=np.int64)


def _separated_unicode(texts: list[str]) -> tuple[bytes, NDArray[np.int64]]:
    codes = np.frombuffer("\n".join([*texts, ""]).encode("utf-32-le", "surrogatepass"), dtype="<u4")
    codes = np.where(_in_words(codes), codes, 0)
    utf8_width = 1 + (codes > 0x7F) + (codes > 0x7FF) + (codes > 0xFFFF)
    ends = np.cumsum(utf8_width)[np.cumsum([len(text) + 1 for text in texts]) - 1]
    return codes.astype("<u4").tobytes().decode("utf-32-le").encode(), ends


_UNKNOWN, _INSIDE, _OUTSIDE = 0, 1, 2


@cache
def _classes() -> NDArray[np.uint8]:
    """Of each code point, whether it belongs to words; found out when it is first seen."""
    return np.full(sys.maxunicode + 1, _UNKNOWN, dtype=np.uint8)


def _in_words(codes: NDArray[np.uint32]) -> NDArray[np.bool_]:
    classes = _classes()
    found = classes[codes]
    if not found.all():
        for code in np.unique(codes[found == _UNKNOWN]).tolist():
            classes[code] = _INSIDE if _WORD.fullmatch(chr(code)) else _OUTSIDE
        found = classes[codes]
    return np.asarray(found == _INSIDE)


class _Characters(dict[int, str]):
    """For str.translate: characters of words stay as they are, all others become spaces."""

    _JOINERS = "\u200c\u200d"  # they shape words of Indic and Persian script and do not end them

    def __missing__(self, code: int) -> str:
        character = chr(code)
        inside = character.isalnum() or character == "_" or character in self._JOINERS
        self[code] = character if inside or unicodedata.category(character).startswith("M") else " "
        return self[code]


_CHARACTERS = _Characters()
# Scripts written without spaces: Thai, Lao, Myanmar, Khmer, kana, bopomofo, Han; and Hangul, whose words carry
# particles. One match is one letter with the marks on it.
_LETTER = (
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf"
    r"\u4e00-\u9fff\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U0001b000-\U0001b16f"
    r"\U00020000-\U0003ffff]"
)


@cache
def _unspaced() -> re.Pattern[str]:
    return re.compile(f"{_LETTER}+")


def is_unspaced(text: str) -> bool:
    """Whether the text has letters of a script that is written without spaces."""
    return not text.isascii() and _unspaced().search(text) is not None


def unicode_tokens(text: str) -> list[str]:
    """Words in any script: letters, digits and the marks on them; of scripts without spaces, overlapping pairs.

    Text is first brought to its compatibility form (NFKC), so full-width letters and composed or decomposed accents
    make no difference. Pairs of letters are what Lucene's CJKAnalyzer indexes Chinese, Japanese and Korean by; a
    letter that stands alone is a word.
    """
    if text.isascii():
        return text.translate(_ASCII).split()
    words = unicodedata.normalize("NFKC", text).lower().translate(_CHARACTERS).split()
    return [token for word in words for token in ([word] if word.isascii() else _cut(word))]


def _cut(word: str) -> list[str]:
    tokens: list[str] = []
    end = 0
    for run in _unspaced().finditer(word):
        if run.start() > end:
            tokens.append(word[end : run.start()])
        tokens += _pairs(_with_marks(run.group()))
        end = run.end()
    if end < len(word):
        tokens.append(word[end:])
    return tokens


def _with_marks(run: str) -> list[str]:
    letters: list[str] = []
    for character in run:
        if letters and unicodedata.category(character).startswith("M"):
            letters[-1] += character
        else:
            letters.append(character)
    return letters


def _pairs(letters: list[str]) -> list[str]:
    if len(letters) == 1:
        return letters
    return [first + second for first, second in itertools.pairwise(letters)]


TOKENIZERS: dict[str, Callable[[str], list[str]]] = {"word": word_tokens, "unicode": unicode_tokens}
