"""Makes what engines load, once: ``python -m benchmarks.export SHAPE KIND``. Kept in ``benchmarks/.work``.

weights   a shape's folder with random weights; needs torch and transformers
traced    the ONNX file that fastembed runs; needs the same. Of the ways tried, the tracing exporter with eager
          attention gives the fastest file: ONNX Runtime recognizes and fuses its attention
onnx, openvino
          what sentence-transformers exports for its own backends; needs optimum-onnx, optimum-intel
"""

import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

from benchmarks import shapes
from benchmarks.client import without_paths
from benchmarks.corpus import MAX_TOKENS
from benchmarks.paths import ROOT, WORK, model_folder
from benchmarks.shapes import SHAPES

_RECIPE = "torch.onnx.export, tracing, eager attention, opset 17, recipe 2"
_SEED = 7
_TOKENIZER = ("tokenizer.json", "special_tokens_map.json", "vocab.txt")


def ensure(shape: str, kind: str, python: str = sys.executable) -> str | None:
    """Make it in a process of its own unless that was done before. The reason if it is impossible, else None."""
    if kind == "weights" and not SHAPES[shape].random:
        return None
    target = folder(shape, kind)
    stamp = target / "stamp.json"
    if stamp.exists() and json.loads(stamp.read_text()) == _stamp(shape, kind):
        return None
    command = [python, "-m", "benchmarks.export", shape, kind, str(shapes.source(shape)), str(target)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"code {done.returncode}"])[-1]
        return f"making its {kind} failed: {without_paths(last)}"
    _dump(stamp, _stamp(shape, kind))
    return None


def folder(shape: str, kind: str) -> Path:
    """Where it is."""
    return shapes.source(shape) if kind == "weights" else WORK / "exports" / shape / kind


def _stamp(shape: str, kind: str) -> dict[str, str]:
    """What the files were made from."""
    made_from = {"recipe": _RECIPE, "shape": repr(SHAPES[shape])}
    if kind == "weights":
        return made_from
    weights = (shapes.source(shape) / "model.safetensors").stat()
    return made_from | {"weights": f"{weights.st_size} bytes, {weights.st_mtime_ns}"}


def write_weights(shape: str, target: Path) -> None:
    """A folder as sentence-transformers writes it, with random weights."""
    import torch
    import transformers

    row, real = SHAPES[shape], model_folder()
    torch.manual_seed(_SEED)
    kind = getattr(transformers, row.kind)
    model = kind(kind.config_class(**row.config))
    model.save_pretrained(target)
    for name in _TOKENIZER:
        shutil.copyfile(real / name, target / name)
    tokenizer = json.loads((real / "tokenizer_config.json").read_text())
    if model.config.model_type != "bert":  # which alone has token types
        tokenizer |= {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_input_names": ["input_ids", "attention_mask"],
        }
    _dump(target / "tokenizer_config.json", tokenizer)
    modules = ("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")
    _dump(
        target / "modules.json",
        [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{name}"}
            for i, (path, name) in enumerate(modules)
        ],
    )
    _dump(target / "sentence_bert_config.json", {"max_seq_length": MAX_TOKENS, "do_lower_case": False})
    (target / "1_Pooling").mkdir()
    pooling = {
        f"pooling_mode_{mode}": False for mode in ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")
    }
    pooling["pooling_mode_cls_token" if row.pooling == "cls" else "pooling_mode_mean_tokens"] = True
    _dump(target / "1_Pooling" / "config.json", {"word_embedding_dimension": model.config.hidden_size, **pooling})


def write_traced(source: Path, target: Path) -> None:
    """Write model.onnx (output last_hidden_state, any batch and length) and the tokenizer's files."""
    import torch
    from transformers import AutoModel

    model = AutoModel.from_pretrained(source, attn_implementation="eager", dtype=torch.float32).eval()
    example = torch.ones(2, 8, dtype=torch.int64)
    inputs = {"input_ids": example, "attention_mask": example}
    if model.config.model_type == "bert":
        inputs["token_type_ids"] = torch.zeros_like(example)
    axes = {0: "batch", 1: "sequence"}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter announces its deprecation, once per operator
        torch.onnx.export(
            _LastHiddenState(model, tuple(inputs)),
            tuple(inputs.values()),
            str(target / "model.onnx"),
            input_names=list(inputs),
            output_names=["last_hidden_state"],
            dynamic_axes=dict.fromkeys((*inputs, "last_hidden_state"), axes),
            opset_version=17,
            dynamo=False,
        )
    for name in ("config.json", *_TOKENIZER):
        shutil.copyfile(source / name, target / name)
    shutil.copytree(source / "1_Pooling", target / "1_Pooling")
    # fastembed cuts at the smaller of these two: the benchmark's limit is the same for everybody.
    config = json.loads((source / "tokenizer_config.json").read_text())
    config.pop("max_length", None)
    _dump(target / "tokenizer_config.json", config | {"model_max_length": MAX_TOKENS})


def _LastHiddenState(model, names):  # noqa: N802 - a class that can only be made once torch is imported
    import torch

    class LastHiddenState(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *inputs):
            return self.model(**dict(zip(names, inputs, strict=True))).last_hidden_state

    return LastHiddenState().eval()  # the exporter gives every module back the mode that this one was in


def write_backend(source: Path, backend: str, target: Path) -> None:
    """What ``SentenceTransformer(source, backend=backend)`` exports, saved as its documentation advises."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(
        str(source), backend=backend, device="cpu", local_files_only=True, model_kwargs={"export": True}
    )
    model.save_pretrained(str(target))


def _dump(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1))


def main(shape: str, kind: str, source: str, target: str) -> None:
    fresh = Path(f"{target}.new")
    for old in (fresh, target):
        shutil.rmtree(old, ignore_errors=True)
    fresh.mkdir(parents=True)
    if kind == "weights":
        write_weights(shape, fresh)
    elif kind == "traced":
        write_traced(Path(source), fresh)
    else:
        write_backend(Path(source), kind, fresh)
    fresh.rename(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
