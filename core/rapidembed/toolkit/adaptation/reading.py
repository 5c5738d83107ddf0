"""Pairs from a file."""

from collections.abc import Iterator
from pathlib import Path

from rapidembed.toolkit.adaptation.adapt import Pair
from rapidembed.toolkit.records import read_records, text_of, texts_of

QUERY = ("query", "question", "anchor")
DOCUMENT = ("document", "passage", "positive", "answer")


def read_pairs(path: "str | Path") -> Iterator[Pair]:
    """Pairs of a .jsonl, .csv or .tsv file: fields query and document, and in .jsonl a list ``negatives``.

    "question" and "anchor" go for query, "passage", "positive" and "answer" for document.

    Raises:
        ValueError: a record has no such fields; names the line.
    """
    for where, record in read_records(path):
        yield text_of(record, QUERY, where), text_of(record, DOCUMENT, where), texts_of(record, "negatives", where)
