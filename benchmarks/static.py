"""Static models beside model2vec, in one process: ``python -m benchmarks.static`` (needs model2vec; minutes).

Both read the same folders and take turns on the same texts, each at its defaults; model2vec also without its threads,
which it starts from 10,000 texts on. Their vectors are compared before anything is timed.
"""

import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rapidembed import TextEmbedding
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from benchmarks.corpus import documentation
from benchmarks.machine import machine, versions
from benchmarks.paths import RESULTS

_BUILTIN = "builtin:static-en"
_TOKENS = 85
_SIZES, _ROUNDS = (256, 5_000, 40_000), 7
_QUERIES = 500
_QUERY = "how do I find the closest match of a misspelt word?"


def main() -> None:
    logging.getLogger("model2vec").setLevel(logging.ERROR)
    import model2vec

    lines = [f"# Static models beside model2vec {model2vec.__version__}", "", _setting(), ""]
    with tempfile.TemporaryDirectory() as root, TextEmbedding(_BUILTIN) as builtin:
        folder = builtin.info.weights.parent
        texts, tokens = cut(folder, max(_SIZES))
        lines += [
            f"Documentation strings of the standard library, joined and cut to {tokens:.0f} tokens on average.",
            "",
        ]
        lines += [
            "| table | texts | rapidembed, texts/s | model2vec | without its threads | times as fast | difference |"
        ]
        lines += ["|---|---:|---:|---:|---:|---:|---:|"]
        for name, path in (("int8", folder), ("float32", widened(folder, Path(root) / "float32"))):
            for line in rows(name, TextEmbedding(path), model2vec.StaticModel.from_pretrained(path), texts):
                lines.append(line)
                print(line, flush=True)
    report = "\n".join(lines) + "\n"
    (RESULTS / "static.md").write_text(report, encoding="utf-8")


def rows(name: str, ours: TextEmbedding, theirs: Any, texts: list[str]) -> Iterator[str]:
    """Lines of the table for one folder."""
    difference = np.abs(ours.encode(texts[:5_000]) - theirs.encode(texts[:5_000])).max()
    for size in _SIZES:
        yield f"| {name} | {size:,} | {row(ours, theirs, texts[:size])} | {difference:.1e} |"
    one = alternate([lambda: ours.encode_query(_QUERY), lambda: theirs.encode(_QUERY)], _QUERIES)
    yield f"| {name} | a lone query | {one[0] * 1e6:.0f} us | {one[1] * 1e6:.0f} us | | {one[1] / one[0]:.2f} | |"


def row(ours: TextEmbedding, theirs: Any, texts: list[str]) -> str:
    calls = [
        lambda: ours.encode(texts),
        lambda: theirs.encode(texts),
        lambda: theirs.encode(texts, use_multiprocessing=False),
    ]
    seconds = alternate(calls, _ROUNDS)
    speeds = " | ".join(f"{len(texts) / each:,.0f}" for each in seconds)
    return f"{speeds} | {min(seconds[1:]) / seconds[0]:.2f}"


def alternate(calls: list[Callable[[], Any]], rounds: int) -> list[float]:
    """Median seconds of each, taking turns."""
    found: list[list[float]] = [[] for _ in calls]
    for call in calls:
        call()
    for _ in range(rounds):
        for call, seconds in zip(calls, found, strict=True):
            started = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - started)
    return [median(seconds) for seconds in found]


def cut(folder: Path, count: int) -> tuple[list[str], float]:
    """``count`` texts of mixed length, and their tokens on average."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    documents = documentation()
    random = np.random.default_rng(0)
    texts = []
    while len(texts) < count:
        first, second = random.choice(len(documents), 2)
        joined = tokenizer.encode(f"{documents[first]} {documents[second]}", add_special_tokens=False)
        wanted = int(random.integers(_TOKENS // 3, _TOKENS * 2))
        end = joined.offsets[min(wanted, len(joined.ids)) - 1][1]
        texts.append(f"{documents[first]} {documents[second]}"[:end])
    return texts, sum(len(tokenizer.encode(text).ids) for text in texts) / count


def widened(folder: Path, target: Path) -> Path:
    """The same model with a table of float32."""
    target.mkdir()
    for file in ("tokenizer.json", "config.json"):
        (target / file).write_bytes((folder / file).read_bytes())
    table = load_file(folder / "model.safetensors")["embeddings"]
    save_file({"embeddings": table.astype(np.float32)}, target / "model.safetensors")
    return target


def _setting() -> str:
    where, what = machine(), versions()
    return (
        f"{where['cpu']}, {where['cores']} cores; {', '.join(f'{name} {version}' for name, version in what.items())}."
    )


if __name__ == "__main__":
    main()
