"""The texts that ``builtin:static-en`` learns from: freely licensed English out of Debian packages.

``apt-get download`` fetches the packages below; nothing is installed. WordNet gives words with their definitions and
examples, the dictionary entries, the manuals paragraphs. Descriptions of operating system packages are not among them,
nor is anything of Python's own documentation: those are what the model is evaluated on.
"""

import gzip
import hashlib
import random
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

_SEED = 20261121
_SHORTEST, _LONGEST = 25, 700
_LEAST_LETTERS = 0.72


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A Debian package: which of its files are read, how, under which licence, and how many texts at most."""

    package: str
    licence: str
    files: str
    reader: Callable[[Path], Iterator[str]]
    most: int


class _Paragraphs(HTMLParser):
    """The text of paragraphs, list items and table cells."""

    _BLOCKS = frozenset({"p", "li", "dd", "td", "h1", "h2", "h3", "title", "div", "section", "ul", "ol", "dl", "table"})
    _KEPT = frozenset({"p", "li", "dd", "td"})
    _SKIPPED = frozenset({"script", "style", "pre", "nav", "screen", "code-block"})

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._text: list[str] = []
        self._kept = False
        self._skipping = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._skipping += tag in self._SKIPPED
        if tag in self._BLOCKS:
            self._end()
            self._kept = tag in self._KEPT

    def handle_endtag(self, tag: str) -> None:
        self._skipping -= tag in self._SKIPPED and self._skipping > 0
        if tag in self._BLOCKS:
            self._end()

    def handle_data(self, data: str) -> None:
        if not self._skipping:
            self._text.append(data)

    def _end(self) -> None:
        if self._kept:
            self.found.append("".join(self._text))
        self._text, self._kept = [], False


def html(path: Path) -> Iterator[str]:
    """Paragraphs of a page of HTML, or of Mallard, whose paragraphs have the same name."""
    parser = _Paragraphs()
    parser.feed(path.read_text(encoding="utf-8", errors="replace"))
    yield from parser.found


def pod(path: Path) -> Iterator[str]:
    """Paragraphs of Perl's documentation, without its markup."""
    for paragraph in re.split(r"\n\s*\n", path.read_text(encoding="utf-8", errors="replace")):
        if not paragraph.startswith((" ", "\t", "=")):
            yield re.sub(r"\b[A-Z]<+\s*(?:[^<>|]*\|)?([^<>]*?)\s*>+", r"\1", paragraph)


def wordnet(path: Path) -> Iterator[str]:
    """Words with their definition, and the examples by themselves."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("  "):
            continue
        fields, _, gloss = line.partition(" | ")
        parts = fields.split()
        words = [parts[4 + 2 * i].replace("_", " ").partition("(")[0] for i in range(int(parts[3], 16))]
        definition, *examples = re.split(r';\s*"', gloss.strip())
        yield f"{', '.join(words[:4])}: {definition}"
        yield from (example.strip('"; ') for example in examples)


def dictionary(path: Path) -> Iterator[str]:
    """Entries of a dictionary in dictd's format."""
    for entry in re.split(r"\n(?=\S)", gzip.decompress(path.read_bytes()).decode("utf-8", "replace")):
        text = re.sub(r"\s*\[[^\]]{1,60}\]|[{}]|\\[^\\]{1,60}\\,?", " ", entry)
        yield from re.split(r"\n\s*\n", text)


SOURCES = (
    Source(
        package="wordnet-base", licence="WordNet 3.0", files="usr/share/wordnet/data.*", reader=wordnet, most=50_000
    ),
    Source(package="dict-gcide", licence="GPL-3.0-or-later", files="**/*.dz", reader=dictionary, most=15_000),
    Source(package="dict-jargon", licence="public domain", files="**/*.dz", reader=dictionary, most=6_000),
    Source(package="apache2-doc", licence="Apache-2.0", files="**/manual/en/**/*.html", reader=html, most=9_000),
    Source(package="erlang-doc", licence="Apache-2.0", files="**/*.html", reader=html, most=9_000),
    Source(package="gnome-user-docs", licence="CC-BY-SA-3.0", files="**/help/C/**/*.page", reader=html, most=9_000),
    Source(package="libreoffice-help-en-us", licence="MPL-2.0", files="**/*.html", reader=html, most=18_000),
    Source(package="perl-doc", licence="Artistic or GPL-1.0-or-later", files="**/*.pod", reader=pod, most=12_000),
    Source(package="postgresql-doc-15", licence="PostgreSQL", files="**/*.html", reader=html, most=12_000),
    Source(package="python-django-doc", licence="BSD-3-Clause", files="**/*.html", reader=html, most=12_000),
    Source(package="python-scipy-doc", licence="BSD-3-Clause", files="**/*.html", reader=html, most=10_000),
    Source(package="python-sqlalchemy-doc", licence="MIT", files="**/*.html", reader=html, most=8_000),
    Source(package="python-sympy-doc", licence="BSD-3-Clause", files="**/*.html", reader=html, most=8_000),
    Source(package="rust-doc", licence="MIT or Apache-2.0", files="**/html/[a-s]*/**/*.html", reader=html, most=12_000),
    Source(package="sqlite3-doc", licence="public domain", files="**/*.html", reader=html, most=8_000),
    Source(package="twisted-doc", licence="MIT", files="**/*.html", reader=html, most=12_000),
)


def download(folder: Path) -> None:
    """Fetch and unpack the packages, unless they are there."""
    for source in SOURCES:
        target = folder / source.package
        if target.is_dir():
            continue
        subprocess.run(["apt-get", "download", "-q", source.package], cwd=folder, check=True)
        (package,) = folder.glob(f"{source.package}_*.deb")
        target.mkdir()
        subprocess.run(["dpkg", "-x", package, target], check=True)


def read(source: Source, folder: Path) -> list[str]:
    """The texts of one source: English prose only, each once, thinned out evenly to the most that it may give."""
    found: dict[str, None] = {}
    for file in sorted((folder / source.package).glob(source.files)):
        if file.is_file():
            found.update(dict.fromkeys(filter(_prose, (" ".join(text.split()) for text in source.reader(file)))))
    texts = list(found)
    if len(texts) > source.most:
        texts = random.Random(_SEED).sample(texts, source.most)
    return texts


def corpus(folder: Path) -> dict[str, list[str]]:
    """Texts by package."""
    folder.mkdir(parents=True, exist_ok=True)
    download(folder)
    return {source.package: read(source, folder) for source in SOURCES}


def digest(texts: dict[str, list[str]]) -> str:
    """sha256 of the whole corpus, which the model card names."""
    state = hashlib.sha256()
    for text in (text for some in texts.values() for text in some):
        state.update(text.encode() + b"\0")
    return state.hexdigest()


def _prose(text: str) -> bool:
    letters = sum(character.isalpha() or character == " " for character in text)
    return _SHORTEST <= len(text) <= _LONGEST and letters >= _LEAST_LETTERS * len(text) and text.count(" ") >= 4
