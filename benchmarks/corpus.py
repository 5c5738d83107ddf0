"""Mixed-length real text that is on every machine: the documentation strings of the standard library."""

import ast
import random
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

from tokenizers import Tokenizer

MAX_TOKENS = 512
"""Of a text, for everybody."""
_SHORTEST = 40
_SKIPPED_FOLDERS = {"site-packages", "dist-packages", "test", "tests", "idle_test", "__pycache__"}
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Corpus:
    """Texts and their real token counts: special tokens included, cut at 512, no padding."""

    texts: list[str]
    tokens: list[int]

    def __len__(self) -> int:
        return len(self.texts)

    def subset(self, indices: Sequence[int]) -> "Corpus":
        return Corpus([self.texts[i] for i in indices], [self.tokens[i] for i in indices])

    def spread(self, count: int) -> list[int]:
        """Indices of ``count`` texts whose lengths are spread as in the whole corpus."""
        by_length = sorted(range(len(self)), key=lambda i: (self.tokens[i], i))
        if count >= len(self):
            return sorted(by_length)
        step = len(self) / count
        return sorted(by_length[int((k + 0.5) * step)] for k in range(count))

    def statistics(self) -> dict[str, Any]:
        ordered = sorted(self.tokens)
        return {
            "texts": len(self),
            "tokens": sum(ordered),
            "mean_tokens": round(mean(ordered), 1),
            "median_tokens": median(ordered),
            "p90_tokens": ordered[int(0.9 * (len(ordered) - 1))],
            "max_tokens": ordered[-1],
            "at_limit": sum(count == MAX_TOKENS for count in ordered),
        }


def load(model: Path, count: int | None, seed: int) -> Corpus:
    """``count`` texts (None: all there are) in an order that depends on ``seed`` and the Python version only."""
    texts = documentation()
    random.Random(seed).shuffle(texts)
    texts = texts[:count]
    encodings = open_tokenizer(model).encode_batch_fast(texts)
    return Corpus(texts, [len(encoding.ids) for encoding in encodings])


def documentation() -> list[str]:
    """Every documentation string of the standard library once, sorted."""
    return sorted(set(_docstrings(Path(sysconfig.get_path("stdlib")))))


def paragraphs() -> list[str]:
    """Other texts than these: the paragraphs of Python's language reference, in an order that is always the same."""
    from pydoc_data.topics import topics

    found = {" ".join(text.split()) for topic in topics.values() for text in topic.split("\n\n")}
    chosen = sorted(text for text in found if len(text) > _SHORTEST)
    random.Random(0).shuffle(chosen)
    return chosen


def open_tokenizer(model: Path) -> Tokenizer:
    """The model's tokenizer with the benchmark's limit instead of the one in its file."""
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def beginnings(texts: Iterable[str], model: Path, length: int, count: int) -> list[str]:
    """The first ``count`` different beginnings of texts that are ``length`` tokens long, special ones not counted."""
    tokenizer = open_tokenizer(model)
    found: dict[str, None] = {}
    for text in texts:
        encoding = tokenizer.encode(text, add_special_tokens=False)
        if len(encoding.ids) >= length:
            cut = text[: encoding.offsets[length - 1][1]].strip()
            if len(tokenizer.encode(cut, add_special_tokens=False).ids) == length:
                found[cut] = None
        if len(found) == count:
            break
    return list(found)


def _docstrings(library: Path) -> Iterator[str]:
    for path in sorted(library.rglob("*.py")):
        if _SKIPPED_FOLDERS.intersection(path.relative_to(library).parts):
            continue
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):  # files that are broken on purpose
            continue
        for node in ast.walk(tree):
            if isinstance(node, _DOCUMENTED):
                text = ast.get_docstring(node)
                if text and len(text) > _SHORTEST:
                    yield text
