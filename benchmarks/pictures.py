"""Pictures beside fastembed: ViT-B/32 of random weights, JPEG files of 1,024 pixels, from the file to the vector.

    python -m benchmarks.pictures --seconds 20 --out benchmarks/results/NAME-pictures.md

Runs where rapidembed, fastembed, PyTorch and transformers are installed. Both read the same files and the same
weights: fastembed an ONNX export under the layout of its own CLIP model, rapidembed the safetensors file. Every
contender runs in a process of its own, in turns; fastembed at each of several batch sizes, of which the best counts.
Vectors are compared.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

NAME = "Qdrant/clip-ViT-B-32-vision"
FLOPS = 8.8e9
"""Of a forward pass of ViT-B/32."""
CONTENDERS = (
    "fastembed 1",
    "fastembed 4",
    "fastembed 16",
    "rapidembed",
    "rapidembed draft",
    "rapidembed int8",
    "rapidembed bf16",
)
_OPTIONS: dict[str, dict[str, Any]] = {
    "rapidembed": {},
    "rapidembed draft": {"draft": True},
    "rapidembed int8": {"precision": "int8"},
    "rapidembed bf16": {"precision": "bf16", "backend": "openvino"},
}


def main() -> None:
    """Measure, or be one of the processes that are measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=64)
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=CONTENDERS, metavar="NAME")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--stream", type=int, metavar="N", help="only: memory over a stream of N generated pictures")
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.stream:
        print(json.dumps(stream(chosen.stream)))
    elif chosen.contender:
        print(json.dumps(measure(chosen.contender, chosen.folder, chosen.seconds)))
    else:
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), chosen.pictures)
            report = compare(Path(folder), chosen.only, chosen.seconds, chosen.rounds)
        print(report)
        if chosen.out:
            chosen.out.write_text(report, encoding="utf-8")


def write(folder: Path, count: int) -> None:
    """The model in both forms, and the pictures."""
    import torch
    from PIL import Image
    from rapidembed.runtime.pictures.sample import drawn
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(0)
    model = CLIPVisionModelWithProjection(CLIPVisionConfig(patch_size=32, projection_dim=512)).eval()
    # As a trained model's, attention is no mean of all patches.
    for name, tensor in model.named_parameters():
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            tensor.data *= 3
    model.save_pretrained(folder / "model")
    processor = {
        "image_processor_type": "CLIPImageProcessor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"shortest_edge": 224},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": 224, "width": 224},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
    }
    (folder / "model" / "preprocessor_config.json").write_text(json.dumps(processor))
    torch.onnx.export(
        model,
        (torch.zeros(2, 3, 224, 224),),
        str(folder / "model" / "model.onnx"),
        input_names=["pixel_values"],
        output_names=["image_embeds", "last_hidden_state"],
        dynamic_axes={"pixel_values": {0: "batch"}, "image_embeds": {0: "batch"}},
        dynamo=False,
    )
    (folder / "pictures").mkdir()
    shapes = ((768, 1024), (1024, 768), (1024, 1024))
    made = (picture for shape in shapes for batch in drawn(shape) for picture in batch)
    for number, picture in zip(range(count), made, strict=False):
        Image.fromarray(picture).save(folder / "pictures" / f"{number:04}.jpg", quality=90)


def measure(contender: str, folder: Path, seconds: float) -> dict[str, float]:
    """Pictures a second and peak memory of this process; the vectors go to a file."""
    paths = sorted(str(path) for path in (folder / "pictures").iterdir())
    embed, prepare = _opened(contender, folder / "model")
    np.save(folder / f"{contender}.npy", np.array(list(embed(paths))))
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        count += sum(1 for _ in embed(paths))
    speed = count / (time.perf_counter() - began)
    began = time.thread_time()
    for path in paths[:32]:
        prepare(path)
    single = (time.thread_time() - began) / len(paths[:32]) * 1000
    return {"speed": speed, "prepare": single, "peak": _peak()}


def _opened(contender: str, model: Path) -> tuple[Callable[[list[str]], Iterator[np.ndarray]], Callable[[str], object]]:
    kind, _, option = contender.partition(" ")
    if kind == "fastembed":
        from fastembed import ImageEmbedding as Peer
        from PIL import Image

        peer = Peer(NAME, specific_model_path=str(model), cache_dir=str(model))
        size = int(option)
        return (
            lambda paths: iter(peer.embed(paths, batch_size=size)),
            lambda path: peer.model.processor([Image.open(path)]),
        )
    from rapidembed import ImageEmbedding
    from rapidembed.tasks.image.steps import Numbered

    ours = ImageEmbedding(model, normalize=True, **_OPTIONS[contender])
    steps = ours._loaded()._steps
    return (
        lambda paths: ours.embed(paths, batch_size=64),
        lambda path: steps.tokenize([Numbered(path, 0)]),
    )


def compare(folder: Path, contenders: Sequence[str], seconds: float, rounds: int) -> str:
    """The table; one of fastembed's must be among the contenders."""
    results: dict[str, list[dict[str, float]]] = {}
    for turn in range(rounds):
        order = contenders if turn % 2 == 0 else contenders[::-1]
        for contender in order:
            command = [sys.executable, "-m", "benchmarks.pictures", "--contender", contender]
            command += ["--folder", str(folder), "--seconds", str(seconds)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"{contender}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
                continue
            results.setdefault(contender, []).append(json.loads(done.stdout.splitlines()[-1]))
            print(contender, results[contender][-1], file=sys.stderr)
    exact = np.load(folder / f"{next(name for name in results if name.startswith('fastembed'))}.npy")
    peer = max(np.median([run["speed"] for run in runs]) for name, runs in results.items() if name.startswith("fast"))
    rows = [
        "|  | pictures/s | to fastembed's best | preprocessing, ms, one thread | peak memory | cosine, least |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for contender, runs in results.items():
        speed, single, peak = (np.median([run[name] for run in runs]) for name in ("speed", "prepare", "peak"))
        found = np.load(folder / f"{contender}.npy")
        cosine = (found * exact).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(exact, axis=1)
        rows.append(
            f"| {contender} | {speed:.1f} | {speed / peer:.2f} | {single:.1f} | {peak:.0f} MB | {cosine.min():.5f} |"
        )
    roof = roofline()
    return "\n".join(
        [
            "# Pictures: ViT-B/32, JPEG of 1,024 pixels",
            "",
            *rows,
            "",
            f"Products of matrices reach {roof / 1e9:.0f} GFLOP/s on all cores here: {roof / FLOPS:.0f} pictures a "
            "second if nothing but float32 products took time.",
            "",
        ]
    )


def roofline() -> float:
    """Floating-point operations a second that numpy reaches on large matrices."""
    a, b = (np.random.default_rng(seed).standard_normal((2048, 2048), dtype=np.float32) for seed in (0, 1))
    best = 0.0
    for _ in range(5):
        began = time.perf_counter()
        _ = a @ b
        best = max(best, 2 * 2048**3 / (time.perf_counter() - began))
    return best


def stream(count: int) -> dict[str, float]:
    """Memory of this process, in MB, after a tenth and after all of so many generated pictures; and the difference."""
    from rapidembed import ImageEmbedding

    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)
    with ImageEmbedding() as model:
        marks = {}
        for number, _ in enumerate(model.embed((np.roll(noise, i, axis=1) for i in range(count)), batch_size=16), 1):
            if number in (count // 10, count):
                marks[number] = _resident()
    first, last = marks.values()
    return {"pictures": count, "after a tenth": first, "at the end": last, "more": last - first}


def _peak() -> float:
    """MB of this process, at most so far; getrusage would tell of the process that started it, too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


if __name__ == "__main__":
    main()
