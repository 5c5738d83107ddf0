"""Draws folders, runs both libraries on them, and shrinks what differs.

``python -m tests.reference.fuzz --seeds 0 200`` in the environment of the golden makers.
"""

import argparse
import collections
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.reference.bases import KINDS, STATIC, WORDS, base
from tests.reference.changes import ADDED, CHANGES
from tests.reference.outcome import Outcome, compare

_SPELLED = ["[CLS]", "[MASK]", "<mask>", "</s>", "[UNK]", "<s>", "<|endoftext|>", "<new>", "NOTUSED"]
_LOOSE = [
    "日本",
    "the,dog",
    "Dogs!",
    "  ",
    "\n",
    "foxed",
    "ＡＢ",
    "STRASSE",
    "zz",
    "１",
    "don't",
    "naïve",
    "a\tb",
    "🙂",
]

_OF_STATIC = {
    "truncate_dim",
    "prompts",
    "settings",
    "modules",
    "own_class",
    "tokenizer_json",
    "added_tokens",
    "weights",
}


@dataclass(frozen=True)
class Draw:
    """A folder as drawn: a kind of model, and what was done to it, each with a seed of its own."""

    kind: str
    steps: tuple[tuple[str, int], ...]
    texts: tuple[str, ...]


def draw(seed: int) -> Draw:
    """The folder of a seed."""
    choose = random.Random(seed)
    kind = choose.choice(["bert", STATIC, *KINDS])
    steps = tuple(
        (choose.choice(list(CHANGES)), choose.randrange(1 << 30)) for _ in range(choose.choice([1, 1, 2, 2, 3]))
    )
    return Draw(kind, steps, tuple(_texts(choose)))


def _texts(choose: random.Random) -> Iterable[str]:
    words = [*WORDS, *WORDS, *_SPELLED, *_LOOSE, *ADDED, *ADDED]
    yield ""
    yield "the quick fox jumps"
    for length in (3, 7, 12, 60):
        yield "".join(choose.choice(words) + choose.choice([" ", " ", " ", "", ". "]) for _ in range(length))


def build(drawn: Draw, folder: Path) -> list[str]:
    """Make the folder; returns what was done."""
    shutil.copytree(base(drawn.kind), folder)
    steps = [step for step in drawn.steps if drawn.kind != STATIC or step[0] in _OF_STATIC]
    done = [(name, CHANGES[name](folder, random.Random(seed))) for name, seed in steps]
    return [f"{name}: {what}" for name, what in done if what is not None]


def run(drawn: Draw, keep: Path | None = None) -> tuple[Outcome, list[str]]:
    """Build a folder and compare, leaving a copy in ``keep``."""
    with tempfile.TemporaryDirectory(prefix="rapidembed-fuzz-") as place:
        folder = Path(place) / "model"
        done = build(drawn, folder)
        outcome = compare(folder, drawn.texts)
        if keep is not None:
            shutil.copytree(folder, keep, dirs_exist_ok=True)
        return outcome, done


def shrink(drawn: Draw, kind: str) -> Draw:
    """Leave out what the outcome does not need: changes, then texts."""
    for name in ("steps", "texts"):
        items = getattr(drawn, name)
        for item in items:
            left = tuple(other for other in getattr(drawn, name) if other != item)
            smaller = Draw(**{**vars(drawn), name: left})
            if smaller.texts and run(smaller)[0].kind == kind:
                drawn = smaller
    return drawn


def main() -> None:
    """Print a line of JSON for what is not equal, and the counts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs=2, default=(0, 100), metavar=("FROM", "TO"))
    parser.add_argument("--show", default="silent,bare,refused")
    parser.add_argument("--keep", type=Path, help="leave the folders that are shown here")
    arguments = parser.parse_args()
    counts: collections.Counter[str] = collections.Counter()
    for seed in range(*arguments.seeds):
        drawn = draw(seed)
        outcome, done = run(drawn)
        counts[outcome.kind] += 1
        if outcome.kind not in arguments.show.split(","):
            continue
        if outcome.kind in ("silent", "bare"):
            drawn = shrink(drawn, outcome.kind)
        outcome, done = run(drawn, arguments.keep and arguments.keep / str(seed))
        line = {"seed": seed, "kind": outcome.kind, "model": drawn.kind, "done": done, "detail": outcome.detail}
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
        sys.stdout.flush()
    sys.stdout.write(f"{dict(counts)}\n")
    sys.exit(1 if counts["silent"] or counts["bare"] else 0)


if __name__ == "__main__":
    main()
