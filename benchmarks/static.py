"""Static models beside model2vec, in one process: ``python -m benchmarks.static`` (needs model2vec; minutes).

``python -m benchmarks`` includes it.

Both read the same folders and take turns on the same texts, each at its defaults; model2vec also without its threads,
which it starts from 10,000 texts on. Their vectors are compared before anything is timed.
"""

import importlib.util
import logging
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from benchmarks.corpus import documentation
from benchmarks.machine import heading
from benchmarks.results import path
from benchmarks.tables import Table, describe_machine, render
from benchmarks.turns import in_turns

_BUILTIN = "builtin:static-en"
_TOKENS = 85
_SIZES, _ROUNDS = (256, 5_000, 40_000), 7
_QUERIES = 500
_QUERY = "how do I find the closest match of a misspelt word?"


def missing() -> bool:
    return importlib.util.find_spec("model2vec") is None


def measure() -> dict[str, Any]:
    """Texts per second by table and number of texts, of ours, theirs, and theirs without its threads."""
    logging.getLogger("model2vec").setLevel(logging.ERROR)
    import model2vec
    from rapidembed import TextEmbedding

    found: dict[str, Any] = {"model2vec": model2vec.__version__, "tables": {}}
    with tempfile.TemporaryDirectory() as root, TextEmbedding(_BUILTIN) as builtin:
        folder = builtin.info.weights.parent
        texts, found["mean_tokens"] = cut(folder, max(_SIZES))
        for name, path in (("int8", folder), ("float32", widened(folder, Path(root) / "float32"))):
            with TextEmbedding(path) as ours:
                found["tables"][name] = race(ours, model2vec.StaticModel.from_pretrained(path), texts)
    return found


def race(ours: Any, theirs: Any, texts: list[str]) -> dict[str, Any]:
    """Of one folder, once both were seen to give the same."""
    difference = float(np.abs(ours.encode(texts[:5_000]) - theirs.encode(texts[:5_000])).max())
    rates = {}
    for size in _SIZES:
        some = texts[:size]
        calls = [partial(library.encode, some) for library in (ours, theirs)]
        calls.append(partial(theirs.encode, some, use_multiprocessing=False))
        rates[str(size)] = [size / seconds for seconds in in_turns(calls, _ROUNDS)]
    one = in_turns([partial(ours.encode_query, _QUERY), partial(theirs.encode, _QUERY)], _QUERIES)
    return {"difference": difference, "texts_per_s": rates, "query_us": [1e6 * seconds for seconds in one]}


def section(found: dict[str, Any]) -> str:
    """The table, with a heading."""
    head = ["table", "texts", "rapidembed, texts/s", "model2vec", "without its threads", "times as fast", "difference"]
    rows: Table = [head]
    for name, table in found["tables"].items():
        for size, (own, *others) in table["texts_per_s"].items():
            speeds = [f"{rate:,.0f}" for rate in (own, *others)]
            rows.append([name, f"{int(size):,}", *speeds, f"{own / max(others):.2f}", f"{table['difference']:.1e}"])
        own, other = table["query_us"]
        rows.append([name, "a lone query", f"{own:.0f} us", f"{other:.0f} us", "", f"{other / own:.2f}", ""])
    about = (
        "Both read the same folders. Documentation strings of the standard library, joined and cut to "
        f"{found['mean_tokens']:.0f} tokens on average."
    )
    return f"## Static models beside model2vec {found['model2vec']}\n\n{about}\n\n{render(rows)}"


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


if __name__ == "__main__":
    text = section(measure())
    path("static", ".md").write_text(f"{text[1:]}\n\n{describe_machine(heading())}\n", encoding="utf-8")
    print(text)
