"""Questions with the passages that answer them: a few lines of a user's own, or a folder in BEIR's form."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapidembed.toolkit.records import read_records, text_of, texts_of

_QUESTION = ("question", "query")
_PASSAGE = ("passage", "document", "answer", "text")


@dataclass(frozen=True, slots=True)
class Questions:
    """A retrieval set.

    Attributes:
        questions: texts.
        passages: texts that are searched, each once.
        relevant: for each question the rows of passages that answer it, with how well (1 where nothing says more).
    """

    questions: list[str]
    passages: list[str]
    relevant: Sequence[Mapping[int, float]]

    def __post_init__(self) -> None:
        if not self.questions:
            raise ValueError("There are no questions.")
        if len(self.relevant) != len(self.questions):
            raise ValueError(f"relevant must have one entry for each of {len(self.questions)} questions.")
        for index, rows in enumerate(self.relevant):
            if not any(gain > 0 for gain in rows.values()):
                raise ValueError(f"questions[{index}] has no passage that answers it.")
            if not all(0 <= row < len(self.passages) for row in rows):
                raise ValueError(f"relevant[{index}] must be rows of the {len(self.passages)} passages.")

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str | list[str]]], others: Iterable[str] = ()) -> "Questions":
        """From (question, passage that answers it, or several), and passages that answer none."""
        rows: dict[str, int] = {}
        questions, relevant = [], []
        for question, passages in pairs:
            questions.append(question)
            right = [passages] if isinstance(passages, str) else passages
            relevant.append({rows.setdefault(passage, len(rows)): 1.0 for passage in right})
        for passage in others:
            rows.setdefault(passage, len(rows))
        return cls(questions, list(rows), relevant)


def read_questions(path: "str | Path", passages: "str | Path | None" = None, *, split: str = "test") -> Questions:
    """Questions of a file or a BEIR folder.

    Args:
        path: .jsonl, .csv or .tsv with fields question and passage (in .jsonl also a list, ``passages``); or a folder
            with corpus.jsonl, queries.jsonl and qrels/test.tsv.
        passages: a file with further passages to search, field passage or text. Without one only the right passages
            of all questions are searched, which is easier than any real collection.
        split: which qrels of a folder.

    Raises:
        OSError: a file cannot be read.
        ValueError: a record is not as expected; names the line.
    """
    if Path(path).is_dir():
        return _beir(Path(path), split)
    others = [] if passages is None else [text_of(record, _PASSAGE, where) for where, record in read_records(passages)]
    return Questions.of(
        ((text_of(record, _QUESTION, where), _passages(record, where)) for where, record in read_records(path)), others
    )


def _passages(record: dict[str, Any], where: str) -> list[str]:
    return texts_of(record, "passages", where) or [text_of(record, _PASSAGE, where)]


def _beir(folder: Path, split: str) -> Questions:
    """Thakur et al., "BEIR" (2021, https://arxiv.org/abs/2104.08663): titles stand before the texts of passages."""
    rows: dict[str, int] = {}
    passages: list[str] = []
    for where, record in read_records(folder / "corpus.jsonl"):
        rows[text_of(record, ("_id",), where)] = len(passages)
        passages.append(f"{record.get('title') or ''} {text_of(record, ('text',), where)}".strip())
    texts = {
        text_of(record, ("_id",), where): text_of(record, ("text",), where)
        for where, record in read_records(folder / "queries.jsonl")
    }
    relevant: dict[str, dict[int, float]] = {}
    for where, record in read_records(folder / "qrels" / f"{split}.tsv"):
        query, passage = (text_of(record, (name,), where) for name in ("query-id", "corpus-id"))
        if query not in texts or passage not in rows:
            raise ValueError(f"{where}: {query if query not in texts else passage} is in neither file of texts.")
        relevant.setdefault(query, {})[rows[passage]] = _gain(record, where)
    judged = {query: found for query, found in relevant.items() if any(gain > 0 for gain in found.values())}
    return Questions([texts[query] for query in judged], passages, list(judged.values()))


def _gain(record: dict[str, Any], where: str) -> float:
    text = text_of(record, ("score",), where)
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"{where}: score must be a number, got {text!r}.") from error
