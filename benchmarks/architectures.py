"""One forward pass of each architecture on one core: ``python -m benchmarks.architectures [NAME ...]``.

Random weights in the shape of bge-base (12 layers of 768) with a small vocabulary, which changes no time. rapidembed's
graph, ONNX Runtime on transformers' traced export, and PyTorch take turns on the same batches of one length, unpadded;
the figure is the least processor time of several passes, which other programs on the machine hardly move. All pool
by mean. Needs torch and transformers.
"""

import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine, versions

ROUNDS = 5
BATCHES = ((1, 8), (16, 32), (4, 128), (1, 512))
VOCABULARY = 1000
_DEBERTA_V3 = {
    "relative_attention": True,
    "position_buckets": 256,
    "pos_att_type": ["p2c", "c2p"],
    "share_att_key": True,
    "norm_rel_ebd": "layer_norm",
    "position_biased_input": False,
}
_BASE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
_TOKENS = dict.fromkeys(["pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"], 0)
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "BERT": ("BertModel", {}),
    "RoBERTa": ("RobertaModel", {"max_position_embeddings": 514}),
    "MPNet": ("MPNetModel", {"max_position_embeddings": 514}),
    "DistilBERT": ("DistilBertModel", {}),
    "ELECTRA": ("ElectraModel", _BASE | {"embedding_size": 768}),
    "ALBERT": ("AlbertModel", _BASE),
    "ModernBERT": ("ModernBertModel", _BASE | {"intermediate_size": 1152, **_TOKENS}),
    "NomicBERT": ("NomicBertModel", _BASE | {"max_position_embeddings": 2048}),
    "DeBERTa-v3": ("DebertaV2Model", _BASE | _DEBERTA_V3),
}
"""Name -> class in transformers, and what differs from its default configuration."""

Run = Callable[[np.ndarray], np.ndarray]


def engines(name: str, folder: Path) -> dict[str, Run]:
    """The three ways to run a model."""
    import torch
    import transformers

    kind, changes = MODELS[name]
    torch.manual_seed(7)
    torch.set_num_threads(1)
    model = getattr(transformers, kind)
    model = model(model.config_class(vocab_size=VOCABULARY, **changes)).eval()
    model.save_pretrained(folder)

    def pytorch(ids: np.ndarray) -> np.ndarray:
        tensor = torch.from_numpy(ids)
        with torch.inference_mode():
            return model(input_ids=tensor, attention_mask=torch.ones_like(tensor)).last_hidden_state.mean(1).numpy()

    return {"rapidembed": ours(folder, model.config.model_type), "export": export(model, folder), "PyTorch": pytorch}


def ours(folder: Path, architecture: str) -> Run:
    """rapidembed's graph in a session of one thread, as its workers run it."""
    from rapidembed.graph import load_program
    from rapidembed.hub import Checkpoint
    from rapidembed.registry import ModelSpec
    from rapidembed.runtime.session import OnnxSession

    spec = ModelSpec(name=architecture, dim=768, architecture=architecture, pooling=("mean",))
    program = load_program(Checkpoint(spec, folder, ("model.safetensors",)), masked=False)
    session = OnnxSession(program, ["CPUExecutionProvider"], 1)
    return lambda ids: session.run({"input_ids": ids})


def export(model: Any, folder: Path) -> Run:
    """ONNX Runtime on the traced export, the fastest one: its attention is recognized and fused where it can be."""
    import onnxruntime
    import torch

    class Encoder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            return self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    names = ["input_ids", "attention_mask"]
    example = torch.ones(2, 8, dtype=torch.int64) * 7
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Encoder().eval(),  # the exporter gives every module back the mode that this one was in
            (example, torch.ones_like(example)),
            str(folder / "model.onnx"),
            input_names=names,
            output_names=["output"],
            dynamic_axes={name: {0: "batch", 1: "tokens"} for name in (*names, "output")},
            opset_version=17,
            dynamo=False,
        )
    model.set_attn_implementation(before)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
    return lambda ids: session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0].mean(axis=1)


def measure(runs: dict[str, Run], ids: np.ndarray) -> tuple[dict[str, float], float]:
    """Least milliseconds of each engine, and how far any is from the first at most."""
    results = [run(ids) for run in runs.values()]
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(ROUNDS):
        for name, run in runs.items():
            start = time.process_time()
            run(ids)
            best[name] = min(best[name], 1000 * (time.process_time() - start))
    return best, max(float(np.abs(result - results[0]).max()) for result in results)


def main(names: list[str]) -> None:
    """Print a table."""
    info = machine()
    print(f"{info['cpu']}, one core; {versions()}\n")
    print("| architecture | texts x tokens | rapidembed | ONNX Runtime on the export | PyTorch | speed | differs by |")
    print("|---|---:|---:|---:|---:|---|---:|")
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            runs = engines(name, Path(folder))
            for texts, tokens in BATCHES:
                ids = np.random.default_rng(7).integers(5, VOCABULARY, (texts, tokens))
                best, difference = measure(runs, ids)
                mine, *others = best.values()
                speed = " / ".join(f"{other / mine:.1f}x" for other in others)
                times = " | ".join(f"{value:.0f} ms" for value in best.values())
                print(f"| {name} | {texts} x {tokens} | {times} | {speed} | {difference:.0e} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or list(MODELS))
