"""Reranking, late interaction and SPLADE against fastembed on the same random weights: ``python -m benchmarks.heads``.

Weights are random, for speed does not depend on them; shapes and tokenizer are those of the models named. Each engine
runs in a process of its own, fastembed at its default batch size and at every one of a few others. Texts are
documentation strings. The peak is that of the whole process, the model included. Needs torch and transformers once, to
make the models (kept in ``benchmarks/.work``).
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.corpus import load
from benchmarks.machine import machine, versions
from benchmarks.paths import ROOT, WORK, model_folder

FOLDER = WORK / "heads"
SEED = 7
MINILM = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536}
QUERY = "How does the standard library parse a date that has no time zone?"
BATCHES = {"rerank": (1, 2, 4, 8, 32), "documents": (1, 2, 4, 8, 32), "queries": (), "splade": (1, 2, 4, 8, 32)}
TITLES = {
    "rerank": "100 passages reranked, MiniLM-L6 shape",
    "documents": "64 documents, ColBERT of bert-base shape",
    "queries": "32 queries, ColBERT of bert-base shape",
    "splade": "96 texts of at most 128 tokens, SPLADE of bert-base shape",
}
_TOKENIZER = ("tokenizer.json", "special_tokens_map.json", "vocab.txt")


def inputs(task: str) -> list[str]:
    """The texts of a task."""
    corpus = load(model_folder(), 2000, SEED)
    if task == "queries":
        return [text.split("\n")[0][:70] for text in corpus.texts[:32]]  # no more than 32 tokens
    count = {"rerank": 100, "documents": 64, "splade": 96}[task]
    return [corpus.texts[i] for i in corpus.spread(count)]


def ours(task: str) -> Callable[[list[str], int | None], Any]:
    """rapidembed's call; it competes at its defaults."""
    from rapidembed import LateInteractionTextEmbedding, SparseTextEmbedding, TextCrossEncoder

    if task == "rerank":
        reranker = TextCrossEncoder(FOLDER / "rerank")
        return lambda texts, _: list(reranker.rerank(QUERY, texts))
    if task == "splade":
        splade = SparseTextEmbedding(FOLDER / "splade")
        return lambda texts, _: list(splade.embed(texts))
    colbert = LateInteractionTextEmbedding(FOLDER / "colbert")
    method = colbert.embed if task == "documents" else colbert.query_embed
    return lambda texts, _: list(method(texts))


def theirs(task: str) -> Callable[[list[str], int | None], Any]:
    """fastembed's call."""
    from fastembed import LateInteractionTextEmbedding, SparseTextEmbedding
    from fastembed.common.model_description import ModelSource
    from fastembed.rerank.cross_encoder import TextCrossEncoder

    def batched(batch: int | None) -> dict[str, int]:
        return {} if batch is None else {"batch_size": batch}

    if task == "rerank":
        TextCrossEncoder.add_custom_model("benchmark", sources=ModelSource(hf="a/b"), model_file="model.onnx")
        reranker = TextCrossEncoder("benchmark", specific_model_path=str(FOLDER / "rerank"))
        return lambda texts, batch: list(reranker.rerank(QUERY, texts, **batched(batch)))
    if task == "splade":
        splade = SparseTextEmbedding("prithivida/Splade_PP_en_v1", specific_model_path=str(FOLDER / "splade"))
        return lambda texts, batch: list(splade.embed(texts, **batched(batch)))
    colbert = LateInteractionTextEmbedding("colbert-ir/colbertv2.0", specific_model_path=str(FOLDER / "colbert"))
    method = colbert.embed if task == "documents" else colbert.query_embed
    return lambda texts, batch: list(method(texts, **batched(batch if task == "documents" else None)))


def child(task: str, engine: str, batch: int | None) -> None:
    """Measure one engine: the better of two calls after a warm-up."""
    texts = inputs(task)
    call = {"ours": ours, "theirs": theirs}[engine](task)
    before = _peak()
    call(texts[:4], batch)
    seconds, results = [], None
    for _ in range(2):
        start = time.perf_counter()
        results = call(texts, batch)
        seconds.append(time.perf_counter() - start)
    found = {"seconds": min(seconds), "peak_mb": round(_peak()), "loaded_mb": round(before)}
    print(json.dumps(found | {"digest": _digest(task, results)}))


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _digest(task: str, results: Any) -> list[list[float]]:
    """Enough of each result to tell whether two engines agree."""
    if task == "rerank":
        return [[float(score)] for score in results]
    if task == "splade":
        return [[float(len(r.values)), float(r.values.sum()), float(r.indices.sum())] for r in results]
    return [[float(len(r)), *map(float, r.sum(axis=0)[:8])] for r in results]


def make() -> None:
    """Write the models, as safetensors and as the ONNX files that fastembed runs."""
    import torch
    from transformers import BertConfig, BertForMaskedLM, BertForSequenceClassification, BertModel

    torch.manual_seed(SEED)
    tiny = BertConfig(**MINILM, num_labels=1, attn_implementation="eager")
    _write("rerank", BertForSequenceClassification(tiny), 512, {"architectures": ["BertForSequenceClassification"]})
    base = BertConfig(attn_implementation="eager")
    splade = BertForMaskedLM(base)
    # As sparse as a trained model's output: about 200 words of each text have weight.
    splade.cls.predictions.bias.data.fill_(-1.5)
    _write("splade", splade, 128, {"architectures": ["BertForMaskedLM"]})
    encoder = BertModel(base, add_pooling_layer=False)
    projection = torch.nn.Linear(768, 128, bias=False)
    folder = _write("colbert", encoder, 512, {"architectures": ["HF_ColBERT"]}, projection)
    (folder / "artifact.metadata").write_text(json.dumps({"query_maxlen": 32, "doc_maxlen": 512, "dim": 128}))


def _write(name: str, model: Any, limit: int, config: dict[str, Any], projection: Any = None) -> Path:
    import torch
    from safetensors.torch import save_file

    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    model.eval()
    tensors = {key: value for key, value in model.state_dict().items() if "decoder." not in key}
    if projection is not None:
        tensors = {f"bert.{key}": value for key, value in tensors.items()} | {"linear.weight": projection.weight.data}
    save_file({key: value.contiguous() for key, value in tensors.items()}, folder / "model.safetensors")
    settings = model.config.to_dict() | config | {"model_type": "bert"}
    (folder / "config.json").write_text(json.dumps({k: v for k, v in settings.items() if not k.startswith("_")}))
    for file in _TOKENIZER:
        (folder / file).write_bytes((model_folder() / file).read_bytes())
    tokenizer = json.loads((model_folder() / "tokenizer_config.json").read_text())
    tokenizer.pop("max_length", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer | {"model_max_length": limit}))
    # fastembed adds its marker to the first two only.
    names = ["input_ids", "attention_mask", "token_type_ids"][: 2 if projection else 3]
    example = torch.ones(2, 8, dtype=torch.int64)

    class Exported(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model, self.projection = model, projection

        def forward(self, *inputs: Any) -> Any:
            output = self.model(*inputs)[0]
            return output if projection is None else torch.nn.functional.normalize(projection(output), dim=-1)

    axes = {name: {0: "batch", 1: "tokens"} for name in (*names, "output")}
    with torch.no_grad():
        torch.onnx.export(
            Exported(),
            (example, example, torch.zeros_like(example))[: len(names)],
            str(folder / "model.onnx"),
            input_names=names,
            output_names=["output"],
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
    return folder


def run(task: str, engine: str, batch: int | None) -> dict[str, Any]:
    """A child's answer."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.heads", "child", task, engine, str(batch or 0)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{task}, {engine}: {(done.stderr.strip().splitlines() or [''])[-1]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def main(tasks: list[str]) -> None:
    """Measure and print a table."""
    if not (FOLDER / "colbert" / "artifact.metadata").exists():
        subprocess.run([sys.executable, "-W", "ignore", "-m", "benchmarks.heads", "make"], cwd=ROOT, check=True)
    info = machine()
    print(f"{info['cpu']}, {info['cores']} cores, load {info['load_average_at_start']}; {versions()}\n")
    print("| task | rapidembed | fastembed, default | fastembed, best batch | speed | peak memory, MB | differs by |")
    print("|---|---|---|---|---|---|---|")
    for task in tasks:
        mine = run(task, "ours", None)
        default = run(task, "theirs", None)
        swept = {batch: run(task, "theirs", batch) for batch in BATCHES[task]}
        best = min(swept, key=lambda batch: swept[batch]["seconds"], default=None)
        others = swept[best] if best else default
        pairs = [
            (a, b) for x, y in zip(mine["digest"], default["digest"], strict=True) for a, b in zip(x, y, strict=True)
        ]
        difference = max(abs(a - b) / max(1.0, abs(b)) for a, b in pairs)
        speed = f"{default['seconds'] / mine['seconds']:.1f}x / {others['seconds'] / mine['seconds']:.1f}x"
        peaks = f"{mine['peak_mb']} / {default['peak_mb']} / {others['peak_mb']}"
        times = f"{mine['seconds']:.2f} s | {default['seconds']:.2f} s | {others['seconds']:.2f} s ({best})"
        print(f"| {TITLES[task]} | {times} | {speed} | {peaks} | {difference:.0e} |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        child(sys.argv[2], sys.argv[3], int(sys.argv[4]) or None)
    elif sys.argv[1:2] == ["make"]:
        make()
    else:
        main(sys.argv[1:] or list(TITLES))
