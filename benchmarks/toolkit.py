"""From a corpus to a decision: the figures of docs/toolkit.md. ``python -m benchmarks.toolkit`` writes them there.

The corpus is the documentation of Python's standard library: the first sentence of a text is the question, the rest is
its passage. Some questions are asked, the others train the adapter.
"""

import itertools
import random
import re
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from rapidembed import TextEmbedding, TruncationWarning
from rapidembed.toolkit import adapt, calibrate_background, evaluate
from rapidembed.toolkit.distillation.retrieval import first_sentence, library_documentation, library_modules, pairs
from rapidembed.toolkit.evaluation import Dense, Fused, Lexical, Questions

from benchmarks.paths import MINILM, ROOT

PAGE = ROOT / "docs" / "toolkit.md"
MODEL = "builtin:static-en"
PAIRS, ASKED = 3_000, 500
WINDOW_WORDS, MOST_WORDS = 220, 1_500


def main() -> None:
    found = pairs(library_documentation(), PAIRS)
    both = list(zip(found.queries, found.documents, strict=True))
    random.Random(0).shuffle(both)
    asked, others = both[:ASKED], both[ASKED:]
    passages = [passage for _, passage in others]
    ten = Questions.of(asked[:10], [*passages, *(passage for _, passage in asked[10:])])
    blocks = {"ten": str(evaluate(ten, [Dense(MODEL), Lexical(), Fused((Dense(MODEL), Lexical()))]))}
    blocks |= adapted(asked, others)
    blocks["long"] = long_texts()
    write(blocks)


def adapted(asked: list[tuple[str, str]], others: list[tuple[str, str]]) -> dict[str, str]:
    """Training on the others, then everything at once on the questions that were not trained on."""
    questions = Questions.of(asked, [passage for _, passage in others])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mine.safetensors"
        started = time.perf_counter()
        done = adapt(MODEL, others, out=path)
        seconds = time.perf_counter() - started
        about = f"{done}; {len(others):,} pairs, {seconds:.0f} s, {path.stat().st_size / 1000:.0f} kB"
        turned = {"adapter": path}
        ways = [Lexical(), Dense(MODEL), Dense(MODEL, options=turned, label=f"{MODEL}, adapted")]
        ways += [Dense(MODEL, kind, turned, f"{MODEL}, adapted, {kind}") for kind in ("int8", "ubinary")]
        table = evaluate(questions, ways).table()
        with TextEmbedding(MODEL, **turned) as model:
            threshold = calibrate_background(model, questions.questions, questions.passages, passing=0.001)
    return {"adapter": about, "decision": table, "threshold": str(threshold)}


def long_texts() -> str:
    """Modules whose documentation is beyond the window, found by a sentence that stood beyond it."""
    texts, questions, own = modules(random.Random(0))
    one, chunks = "one vector", "chunks of 64"
    rows = ["| `long_text`, and what is kept of a text | MRR@10 | vectors |", "|---|---:|---:|"]
    for way, kept in (("truncate", one), ("weighted", one), ("truncate", chunks), ("late", chunks)):
        with warnings.catch_warnings(), TextEmbedding(MINILM, long_text=way) as model:
            warnings.simplefilter("ignore", TruncationWarning)
            if kept == one:
                found = list(model.encode_document(texts)[:, None])
            else:
                found = [model.encode_chunks(text, max_tokens=64)[1] for text in texts]
            queries = model.encode_query(questions)
        scores = np.stack([(queries @ vectors.T).max(axis=1) for vectors in found], axis=1)
        ranks = 1 + (scores > scores[np.arange(len(own)), own][:, None]).sum(axis=1)
        mrr = np.where(ranks <= 10, 1 / ranks, 0).mean()
        rows.append(f"| {way}, {kept} | {mrr:.3f} | {sum(map(len, found)):,} |")
    words = sum(len(text.split()) for text in texts) / len(texts)
    return "\n".join([f"{len(questions)} questions, {len(texts)} texts of {words:.0f} words.", "", *rows])


def modules(rng: random.Random) -> tuple[list[str], list[str], list[int]]:
    """Texts, questions that were taken out of them from beyond the window, and the text of each question."""
    texts: list[str] = []
    questions: list[str] = []
    own: list[int] = []
    for parts in library_modules():
        starts = list(itertools.accumulate((len(part.split()) for part in parts), initial=0))
        parts = [part for part, start in zip(parts, starts, strict=False) if start < MOST_WORDS]
        beyond = []
        for index, (part, start) in enumerate(zip(parts, starts, strict=False)):
            question, rest = first_sentence(part)
            if start > WINDOW_WORDS and len(question) >= 25 and len(rest) >= 60:
                beyond.append((index, question, rest))
        for index, question, rest in rng.sample(beyond, min(3, len(beyond))):
            parts[index] = rest
            questions.append(question)
            own.append(len(texts))
        if beyond:
            texts.append(" ".join(parts))
    return texts, questions, own


def write(blocks: dict[str, str]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, block in blocks.items():
        fenced = block if "|---" in block and name != "ten" else f"```text\n{block}\n```"
        pattern = rf"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)"
        text, count = re.subn(pattern, lambda m, body=fenced: f"{m[1]}{body}\n{m[2]}", text, flags=re.DOTALL)
        if count != 1:
            raise ValueError(f"{PAGE} has {count} places for {name}.")
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
