"""Pictures beside fastembed: ViT-B/32 of random weights, JPEG files of 1,024 pixels, from the file to the vector.

    python -m benchmarks.pictures                   five minutes; then python -m benchmarks.readme
    python -m benchmarks.pictures --stream 100000   memory over so many generated pictures

Runs where rapidembed, fastembed, PyTorch and transformers are installed. Both read the same files and the same
weights: fastembed an ONNX export under the layout of its own CLIP model, rapidembed the safetensors file. Every
contender runs in processes of its own, in turns; fastembed at each of several batch sizes, of which the best counts.
Vectors are compared.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import linear_regression, median
from typing import Any

import numpy as np

from benchmarks.client import say
from benchmarks.gemm import best_gemm
from benchmarks.machine import machine, versions
from benchmarks.picture_files import generated, write, write_model
from benchmarks.results import path as results_path
from benchmarks.tables import Table, number, render, times

NAME = "Qdrant/clip-ViT-B-32-vision"
GFLOP = 8.8
"""Of a forward pass of ViT-B/32."""
_SIZES = {"hidden_size": 768, "intermediate_size": 3072}
FASTEMBED = ("fastembed 1", "fastembed 4", "fastembed 16")
_OURS: dict[str, dict[str, Any]] = {
    "rapidembed": {},
    "rapidembed bf16": {"precision": "bf16", "backend": "openvino"},
    "rapidembed int8": {"precision": "int8"},
}
CONTENDERS = (*FASTEMBED, *_OURS)
_TITLES = {
    "rapidembed": "rapidembed",
    "rapidembed bf16": "`bf16` (OpenVINO)",
    "rapidembed int8": "`int8`",
}
_SINGLE = 32
"""Pictures that one thread prepares, again and again."""


def main() -> None:
    """Measure, or be one of the processes that are measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8, help="of a measurement")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--pictures", type=int, default=48)
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=CONTENDERS, metavar="NAME")
    parser.add_argument("--name", default="epyc-2-cores", help="of the results")
    parser.add_argument("--stream", type=int, metavar="N", help="only: memory over a stream of N generated pictures")
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.stream:
        print(json.dumps(stream(chosen.stream)))
    elif chosen.contender:
        print(json.dumps(measure(chosen.contender, chosen.folder, chosen.seconds)))
    else:
        found = {
            "date": datetime.now(tz=UTC).date().isoformat(),
            "machine": machine(),
            "versions": versions(),
            "gemm": best_gemm(_SIZES),
        }
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), chosen.pictures)
            found |= compare(Path(folder), chosen.only, chosen.seconds, chosen.rounds)
        results_path(f"{chosen.name}-pictures").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
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
    facts = {"speed": speed, "peak_mb": _peak()}
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
    if contender in FASTEMBED:
        from fastembed import ImageEmbedding as Peer
        from PIL import Image

        peer = Peer(NAME, specific_model_path=str(model), cache_dir=str(model))
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

    def run(contender: str, seconds: float) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "benchmarks.pictures", "--contender", contender]
        command += ["--folder", str(folder), "--seconds", str(seconds)]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    # What is made of the weights once is not left behind in the user's cache.
    environment = os.environ | {"RAPIDEMBED_CACHE_DIR": str(folder / "cache")}
    if "rapidembed int8" in contenders:
        run("rapidembed int8", 0)  # weights are rounded once, in more memory; what is measured finds them
    for turn in range(rounds):
        for contender in contenders if turn % 2 == 0 else contenders[::-1]:
            done = run(contender, seconds)
            if done.returncode:
                say(f"{contender}: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
                continue
            runs.setdefault(contender, []).append(json.loads(done.stdout.splitlines()[-1]))
            say(f"{contender} {runs[contender][-1]}")
    exact = np.load(folder / f"{next(name for name in FASTEMBED if name in runs)}.npy")
    cosines = {}
    for contender in runs:
        found = np.load(folder / f"{contender}.npy")
        cosines[contender] = float(
            ((found * exact).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(exact, axis=1)).min()
        )
    return {"settings": {"seconds": seconds, "pictures": len(exact)}, "runs": runs, "cosine": cosines}


def report(found: dict[str, Any]) -> list[str]:
    """The table, and what it says, as paragraphs."""
    runs, gemm = found["runs"], found["gemm"]
    middle = {name: {fact: median(run[fact] for run in each) for fact in each[0]} for name, each in runs.items()}
    best = max((name for name in FASTEMBED if name in runs), key=lambda name: middle[name]["speed"])
    peer = middle[best]
    table: Table = [["", "pictures/s", "to fastembed", "of the roof", "one picture, one thread", "memory", "cosine"]]
    for name, facts in middle.items():
        if name in FASTEMBED and name != best:
            continue
        roof = GFLOP * facts["speed"] / gemm["gflops"]
        share = f"{100 * roof:.0f} %"
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


def stream(count: int) -> dict[str, Any]:
    """Memory of this process, in MB, after each tenth of so many generated pictures; and its slope at the end."""
    from rapidembed import ImageEmbedding

    files = generated()
    marks: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        write_model(
            Path(folder),
            side=32,
            patch_size=8,
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=2,
        )
        with ImageEmbedding(Path(folder)) as model:
            pictures = (files[number % len(files)] for number in range(count))
            for number, _ in enumerate(model.embed(pictures), 1):
                if number % (count // 10) == 0:
                    marks.append(_resident())
    half = marks[len(marks) // 2 :]
    at = [number * count / 10 / 10_000 for number in range(len(half))]
    return {
        "pictures": count,
        "mb": [round(mark, 1) for mark in marks],
        "mb_per_10k": linear_regression(at, half).slope,
    }


def _peak() -> float:
    """MB of this process, at most so far; getrusage would tell of the process that started it, too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


if __name__ == "__main__":
    main()
