"""Pictures beside fastembed: ViT-B/32 of random weights, JPEG files of 1,024 pixels, from the file to the vector.

    python -m benchmarks.pictures                   five minutes; then python -m benchmarks.readme
    python -m benchmarks.pictures --stream 100000   memory over so many generated pictures

Runs where rapidembed, fastembed, PyTorch and transformers are installed. Both read the same files and the same
weights: fastembed an ONNX export under the layout of its own CLIP model, rapidembed the safetensors file. Every
contender runs in processes of its own, in turns; fastembed at each of several batch sizes, of which the best counts.
Vectors are compared.
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import linear_regression, median
from typing import Any

import click
import numpy as np

from benchmarks.client import WorkerError, ask_module, say
from benchmarks.engines import FASTER
from benchmarks.gemm import best_gemm
from benchmarks.machine import heading
from benchmarks.options import command, named, option, some_of
from benchmarks.picture_files import generated, write, write_model
from benchmarks.results import NAME, record
from benchmarks.tables import Table, number, render, times
from benchmarks.worker import peak_bytes, resident_bytes

GFLOP = 8.8
"""Of a forward pass of ViT-B/32."""
_SIZES = {"hidden_size": 768, "intermediate_size": 3072}
FASTEMBED = ("fastembed 1", "fastembed 4", "fastembed 16")
_OURS: dict[str, dict[str, str]] = {
    "rapidembed": {},
    "rapidembed bf16": FASTER["rapidembed-bf16"],
    "rapidembed int8": FASTER["rapidembed-int8"],
}
_TITLES = {"rapidembed": "rapidembed", "rapidembed bf16": "`bf16` (OpenVINO)", "rapidembed int8": "`int8`"}
CONTENDERS = (*FASTEMBED, *_OURS)
_SINGLE = 32
"""Pictures that one thread prepares, again and again."""


@command(__doc__)
@option("seconds", 8.0, "of a measurement.", click.FLOAT)
@option("rounds", 2, "times that all take their turn.")
@option("pictures", 48, "files that are made.")
@option("only", ",".join(CONTENDERS), "these contenders.", some_of(CONTENDERS))
@named(NAME)
@option("stream", None, "only: memory over a stream of N generated pictures.")
@option("contender", None, "", str, hidden=True)
@option("folder", None, "", Path, hidden=True)
def main(
    seconds: float,
    rounds: int,
    pictures: int,
    only: list[str],
    name: str,
    stream: int | None,
    contender: str | None,
    folder: Path,
) -> None:
    """Measure, or be one of the processes that are measured."""
    if stream:
        print(json.dumps(memory(stream)))
    elif contender:
        print(json.dumps(measure(contender, folder, seconds)))
    else:
        found = heading(seconds=seconds, pictures=pictures) | {"gemm": best_gemm(_SIZES)}
        with tempfile.TemporaryDirectory() as place:
            write(Path(place), pictures)
            found |= compare(Path(place), only, seconds, rounds)
        record(f"{name}-pictures", found)
        print("\n\n".join(report(found)))


def measure(contender: str, folder: Path, seconds: float) -> dict[str, float]:
    """Pictures a second and peak memory of this process; the vectors go to a file."""
    paths = sorted(str(path) for path in (folder / "pictures").iterdir())
    embed, prepare = _opened(contender, folder / "model")
    np.save(folder / f"{contender}.npy", np.array(list(embed(paths))))
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        count += sum(1 for _ in embed(paths))
    speed = count / max(time.perf_counter() - began, 1e-9)
    facts = {"speed": speed, "peak_mb": peak_bytes() / 2**20}
    return facts | {"prepare_ms": _milliseconds(prepare, paths), "decode_ms": _milliseconds(_decode, paths)}


def _milliseconds(work: Callable[[str], object], paths: Sequence[str]) -> float:
    """Of one picture in one thread, by the processor's clock."""
    taken = []
    for _ in range(3):
        began = time.thread_time()
        for path in paths[:_SINGLE]:
            work(path)
        taken.append((time.thread_time() - began) / len(paths[:_SINGLE]))
    return min(taken) * 1000


def _decode(path: str) -> None:
    from PIL import Image

    Image.open(path).load()


def _opened(contender: str, model: Path) -> tuple[Callable[[list[str]], Iterator[np.ndarray]], Callable[[str], object]]:
    """How pictures are embedded, and how one is prepared."""
    if contender in FASTEMBED:
        from fastembed import ImageEmbedding as Peer
        from PIL import Image

        peer = Peer("Qdrant/clip-ViT-B-32-vision", specific_model_path=str(model), cache_dir=str(model))
        size = int(contender.split()[1])
        return (
            lambda paths: iter(peer.embed(paths, batch_size=size)),
            lambda path: peer.model.processor([Image.open(path)]),
        )
    from rapidembed import ImageEmbedding
    from rapidembed.runtime.pictures.pixels import pixels
    from rapidembed.runtime.pictures.read import read_picture

    ours = ImageEmbedding(model, normalize=True, **_OURS[contender])
    loaded = ours._loaded()
    height, width = loaded.processor.size or (224, 224)
    return (
        lambda paths: ours.embed(paths, batch_size=64),
        lambda path: pixels(read_picture(path, 0, loaded.reading, (width, height)), loaded.processor),
    )


def compare(folder: Path, contenders: Sequence[str], seconds: float, rounds: int) -> dict[str, Any]:
    """What each contender did; one of fastembed's must be among them."""
    runs: dict[str, list[dict[str, float]]] = {}

    def run(contender: str, seconds: float) -> dict[str, float]:
        # What is made of the weights once is not left behind in the user's cache.
        cache = {"RAPIDEMBED_CACHE_DIR": str(folder / "cache")}
        arguments = {"--contender": contender, "--folder": folder, "--seconds": seconds}
        found: dict[str, float] = ask_module("pictures", *(x for pair in arguments.items() for x in pair), **cache)
        return found

    if "rapidembed int8" in contenders:
        run("rapidembed int8", 0)  # weights are rounded once, in more memory; what is measured finds them
    for turn in range(rounds):
        for contender in contenders if turn % 2 == 0 else contenders[::-1]:
            try:
                runs.setdefault(contender, []).append(run(contender, seconds))
            except WorkerError as error:
                say(f"{contender}: {error}")
                continue
            say(f"{contender} {runs[contender][-1]}")
    vectors = {contender: np.load(folder / f"{contender}.npy") for contender, done in runs.items() if done}
    exact = next(vectors[name] for name in FASTEMBED if name in vectors)
    lengths = {name: np.linalg.norm(found, axis=1) for name, found in {**vectors, "": exact}.items()}
    cosines = {
        name: float(((found * exact).sum(1) / lengths[name] / lengths[""]).min()) for name, found in vectors.items()
    }
    return {"runs": {name: runs[name] for name in vectors}, "cosine": cosines}


def report(found: dict[str, Any]) -> list[str]:
    """The table, and what it says, as paragraphs."""
    runs, gemm = found["runs"], found["gemm"]
    middle = {name: {fact: median(run[fact] for run in each) for fact in each[0]} for name, each in runs.items()}
    best = max((name for name in FASTEMBED if name in runs), key=lambda name: middle[name]["speed"])
    peer = middle[best]
    table: Table = [["", "pictures/s", "to fastembed", "of the roof", "one picture, one thread", "memory", "cosine"]]
    for name in (best, *(name for name in middle if name not in FASTEMBED)):
        facts = middle[name]
        share = f"{100 * GFLOP * facts['speed'] / gemm['gflops']:.0f} %"
        if name.endswith("int8"):
            share += f", {100 * GFLOP * facts['speed'] / gemm['integer']['gops']:.0f} % of integers'"
        table.append(
            [
                f"fastembed, batch {best.split()[1]}" if name == best else _TITLES[name],
                number(facts["speed"], 1),
                times(facts["speed"] / peer["speed"]),
                share,
                f"{facts['prepare_ms']:.1f} ms ({facts['prepare_ms'] / peer['prepare_ms']:.2f})",
                f"{facts['peak_mb']:.0f} MB ({facts['peak_mb'] / peer['peak_mb']:.2f})",
                f"{found['cosine'][name]:.6f}",
            ]
        )
    native = "rapidembed-native" in found["versions"]
    about = (
        f"ViT-B/32 of random weights, JPEG files of 1,024 pixels, from the file to the vector; the same files and "
        f"weights, one run in turns on {found['machine']['cores']} cores ({found['machine']['cpu']}), fastembed "
        f"{found['versions']['fastembed']} at its best batch size of 1, 4 and 16, "
        f"{'with' if native else 'without'} rapidembed-native. Products of matrices reach {gemm['gflops']:.0f} "
        f"GFLOP/s here, {gemm['gflops'] / GFLOP:.0f} pictures a second if nothing else took time. Preparing is "
        f"decoding ({peer['decode_ms']:.1f} ms of it, which all share), resizing and normalizing; beside it and beside "
        "memory stands the part of fastembed's. Cosines are the least, to fastembed's vectors."
    )
    return [render(table), about]


def memory(count: int) -> dict[str, Any]:
    """Memory of this process, in MB, after each tenth of so many generated pictures; and its slope at the end."""
    from rapidembed import ImageEmbedding

    files, marks = generated(), []
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
    with tempfile.TemporaryDirectory() as folder:
        write_model(Path(folder), side=32, patch_size=8, **sizes)
        with ImageEmbedding(Path(folder)) as model:
            pictures = (files[number % len(files)] for number in range(count))
            for number, _ in enumerate(model.embed(pictures), 1):
                if number % (count // 10) == 0:
                    marks.append(resident_bytes() / 1e6)
    half = marks[len(marks) // 2 :]
    at = [number * count / 10 / 10_000 for number in range(len(half))]
    return {
        "pictures": count,
        "mb": [round(mark, 1) for mark in marks],
        "mb_per_10k": linear_regression(at, half).slope,
    }


if __name__ == "__main__":
    main()
