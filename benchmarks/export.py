"""Exports the weights package to the ONNX file that fastembed runs: ``python -m benchmarks.export``.

Of the ways tried, the tracing exporter with eager attention gives the fastest file: ONNX Runtime recognizes and fuses
its attention. Needs torch and transformers once; the export is kept in ``benchmarks/.work``.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

from benchmarks.client import without_paths
from benchmarks.corpus import MAX_TOKENS
from benchmarks.paths import ROOT, WORK, model_folder

EXPORT = WORK / "export"
_RECIPE = "torch.onnx.export, tracing, eager attention, opset 17, recipe 1"
_COPIED = ("config.json", "tokenizer.json", "special_tokens_map.json", "vocab.txt")


def ensure_export() -> str | None:
    """Export in a process of its own unless it was done before. The reason if that is impossible, else None."""
    stamp = EXPORT / "stamp.json"
    if stamp.exists() and json.loads(stamp.read_text()) == _stamp():
        return None
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.export"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return None
    last = (done.stderr.strip().splitlines() or [f"code {done.returncode}"])[-1]
    return f"the ONNX export failed: {without_paths(last)}"


def export(source: Path, target: Path) -> None:
    """Write model.onnx (output last_hidden_state, any batch and length) and the tokenizer's files."""
    import torch
    from transformers import AutoModel

    model = AutoModel.from_pretrained(source, attn_implementation="eager", dtype=torch.float32).eval()
    example = torch.ones(2, 8, dtype=torch.int64)
    inputs = {"input_ids": example, "attention_mask": example, "token_type_ids": torch.zeros_like(example)}
    axes = {0: "batch", 1: "sequence"}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter announces its deprecation, once per operator
        torch.onnx.export(
            _LastHiddenState(model),
            tuple(inputs.values()),
            str(target / "model.onnx"),
            input_names=list(inputs),
            output_names=["last_hidden_state"],
            dynamic_axes=dict.fromkeys((*inputs, "last_hidden_state"), axes),
            opset_version=17,
            dynamo=False,
        )
    for name in _COPIED:
        shutil.copyfile(source / name, target / name)
    # fastembed cuts at the smaller of these two: the benchmark's limit is the same for everybody.
    config = json.loads((source / "tokenizer_config.json").read_text())
    config.pop("max_length", None)
    config["model_max_length"] = MAX_TOKENS
    (target / "tokenizer_config.json").write_text(json.dumps(config))


def _LastHiddenState(model):  # noqa: N802 - a class that can only be made once torch is imported
    import torch

    class LastHiddenState(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids, attention_mask, token_type_ids):
            return self.model(
                input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
            ).last_hidden_state

    return LastHiddenState()


def _stamp() -> dict[str, str]:
    weights = (model_folder() / "model.safetensors").read_bytes()
    return {"recipe": _RECIPE, "weights_sha256": hashlib.sha256(weights).hexdigest()}


def main() -> None:
    fresh = WORK / "export.new"
    for folder in (fresh, EXPORT):
        shutil.rmtree(folder, ignore_errors=True)
    fresh.mkdir(parents=True)
    export(model_folder(), fresh)
    (fresh / "stamp.json").write_text(json.dumps(_stamp()))
    fresh.rename(EXPORT)
    print(f"exported to {EXPORT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
