"""What Ray costs: ``python -m benchmarks.on_ray [FILE]``, in the environment of ``make test-scale``; three minutes."""

import os
import time
from collections import Counter

import numpy as np
import pyarrow as pa
import ray
import ray.data
from rapidembed_ray import Embed, embed
from ray.data import ActorPoolStrategy

from benchmarks.clusters import BATCH, Batches, compare, model
from benchmarks.tables import NONE

_MILLION = 1_000_000


class TimedEmbed(Embed):
    """Tells of each batch who computed it, and when."""

    def __call__(self, table: pa.Table) -> pa.Table:
        began = time.time()
        made = super().__call__(table)
        facts = {"worker": os.getpid(), "began": began, "ended": time.time()}
        return pa.table({name: np.full(made.num_rows, value) for name, value in facts.items()})


def run(texts: list[str], workers: int) -> Batches:
    rows = ray.data.from_arrow(pa.table({"text": pa.array(texts)})).repartition(len(texts) // BATCH)
    made = rows.map_batches(
        TimedEmbed,
        fn_constructor_args=(model(lazy_load=True, truncate=True), "text"),
        batch_format="pyarrow",
        batch_size=BATCH,
        compute=ActorPoolStrategy(size=workers),
        num_cpus=1,
    )
    return Counter((row["worker"], row["began"], row["ended"]) for row in made.iter_rows())


def million() -> list[str]:
    """Rows a second of a million short texts through a static model and two actors, actors' start included."""

    def words(table: pa.Table) -> pa.Table:
        return pa.table({"text": [f"text {number} of {number % 977} words" for number in table["id"].to_numpy()]})

    rows = ray.data.range(_MILLION, override_num_blocks=100).map_batches(words, batch_format="pyarrow")
    began = time.perf_counter()
    made = embed(rows, "builtin:static-en", "text", workers=2, batch_size=5000)
    count = sum(batch.num_rows for batch in made.iter_batches(batch_format="pyarrow", batch_size=None))
    if count != _MILLION:
        raise SystemExit(f"{count} of {_MILLION} rows came back.")
    rate = count / (time.perf_counter() - began)
    return ["a million short texts, static model, two actors, their start included", f"{rate:,.0f}", NONE]


def main() -> None:
    ray.init(num_cpus=3, object_store_memory=256_000_000, include_dashboard=False, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    compare("Ray", "actor", run, million)


if __name__ == "__main__":
    main()
