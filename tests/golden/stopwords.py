"""Stopwords in the layout of fastembed's repository."""

from pathlib import Path

from rapidembed.lexical.languages import SNOWBALL, fastembed_stopwords


def write_stopwords(folder: Path) -> Path:
    """The stopwords of every language that fastembed has some for."""
    folder.mkdir()
    for language in SNOWBALL:
        if words := fastembed_stopwords(language):
            (folder / f"{language}.txt").write_text("\n".join(words), encoding="utf-8")
    return folder
