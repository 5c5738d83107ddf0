"""From a corpus to a decision: the figures of docs/toolkit.md. ``python -m benchmarks.toolkit`` writes them there.

The corpus is the documentation of Python's standard library: the first sentence of a text is the question, the rest is
its passage. Some questions are asked, the others train the adapter.
"""

import random
import re
import tempfile
import time
from pathlib import Path

from rapidembed import TextEmbedding
from rapidembed.toolkit import adapt, calibrate_background, evaluate
from rapidembed.toolkit.distillation.retrieval import library_documentation, pairs
from rapidembed.toolkit.evaluation import Dense, Fused, Lexical, Questions

PAGE = Path(__file__).parents[1] / "docs" / "toolkit.md"
MODEL = "builtin:static-en"
PAIRS, ASKED = 3_000, 500


def main() -> None:
    found = pairs(library_documentation(), PAIRS)
    both = list(zip(found.queries, found.documents, strict=True))
    random.Random(0).shuffle(both)
    asked, others = both[:ASKED], both[ASKED:]
    passages = [passage for _, passage in others]
    blocks = {"ten": ten_questions(asked[:10], [*passages, *(passage for _, passage in asked[10:])])}
    blocks |= adapted(asked, others)
    write(blocks)


def ten_questions(asked: list[tuple[str, str]], passages: list[str]) -> str:
    return str(evaluate(Questions.of(asked, passages), [Dense(MODEL), Lexical(), Fused((Dense(MODEL), Lexical()))]))


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
