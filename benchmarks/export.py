"""Makes what engines load, once: ``python -m benchmarks.export SHAPE KIND``. Kept in ``benchmarks/.work``.

weights       a shape's folder with random weights; needs torch and transformers
traced        the ONNX file that fastembed runs; needs the same. Of the ways tried, the tracing exporter with eager
              attention gives the fastest file: ONNX Runtime recognizes and fuses its attention
onnx, openvino
              what sentence-transformers exports for its own backends; needs optimum-onnx, optimum-intel
onnx-qint8    what it makes of that in 8 bits by ``export_dynamic_quantized_onnx_model``, for this processor
openvino-qint8
              the same by ``export_static_quantized_openvino_model``, calibrated on paragraphs of Python's language
              reference, which are not among the texts that are measured; needs datasets
ctranslate2   what CTranslate2's converter makes, in 8 bits; needs transformers
"""

import json
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

from benchmarks import shapes
from benchmarks.client import WorkerError, run_module
from benchmarks.corpus import MAX_TOKENS, open_tokenizer, paragraphs
from benchmarks.heads import SPLADE_TOKENS
from benchmarks.machine import machine
from benchmarks.paths import WORK, model_folder
from benchmarks.shapes import COLBERT_COLUMNS, SHAPES, Shape

_RECIPE = "torch.onnx.export, tracing, eager attention, opset 17, recipe 3"
_SEED = 7
_TOKENIZER = ("tokenizer.json", "special_tokens_map.json", "vocab.txt")
_SPARSE = -2.0
"""Bias of SPLADE's words, with which random weights give a text some hundred of them, as trained ones do."""
_CALIBRATION_TOKENS = 16
"""Paragraphs of fewer tokens say little."""


def ensure(shape: str, kind: str, python: str = sys.executable) -> str | None:
    """Make it in a process of its own unless that was done before. The reason if it is impossible, else None."""
    if kind == "weights" and not SHAPES[shape].random:
        return None
    target = folder(shape, kind)
    stamp = target / "stamp.json"
    if stamp.exists() and json.loads(stamp.read_text()) == _stamp(shape, kind):
        return None
    try:
        run_module("export", shape, kind, shapes.source(shape), target, python=python)
    except WorkerError as error:
        return f"making its {kind} failed: {error}"
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
    """A folder with random weights: as sentence-transformers writes it, or with a head as its authors do."""
    import torch
    import transformers

    row = SHAPES[shape]
    torch.manual_seed(_SEED)
    kind = getattr(transformers, row.kind)
    model = kind(kind.config_class(**row.config))
    if row.head == "splade":
        model.cls.predictions.bias.data.fill_(_SPARSE)
    model.save_pretrained(target)
    _write_tokenizer(model_folder(), target, row, model.config)
    if row.head == "colbert":
        _write_projection(target)
    elif row.head is None:
        _write_modules(row, model.config.hidden_size, target)


def _write_tokenizer(source: Path, target: Path, row: Shape, config: Any) -> None:
    for name in _TOKENIZER:
        shutil.copyfile(source / name, target / name)
    # fastembed cuts at the smaller of these two: the benchmark's limit is the same for everybody.
    tokenizer = json.loads((source / "tokenizer_config.json").read_text())
    tokenizer.pop("max_length", None)
    if config.model_type != "bert":  # which alone has token types
        names = ["input_ids", "attention_mask"]
        tokenizer |= {"tokenizer_class": "PreTrainedTokenizerFast", "model_input_names": names}
    limit = SPLADE_TOKENS if row.head == "splade" else MAX_TOKENS
    _dump(target / "tokenizer_config.json", tokenizer | {"model_max_length": limit})


def _write_modules(row: Shape, dimensions: int, target: Path) -> None:
    modules = ("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")
    named = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{name}"}
        for i, (path, name) in enumerate(modules)
    ]
    _dump(target / "modules.json", named)
    _dump(target / "sentence_bert_config.json", {"max_seq_length": MAX_TOKENS, "do_lower_case": False})
    (target / "1_Pooling").mkdir()
    modes = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")
    pooling = {f"pooling_mode_{mode}": mode in (f"{row.pooling}_token", f"{row.pooling}_tokens") for mode in modes}
    _dump(target / "1_Pooling" / "config.json", pooling | {"word_embedding_dimension": dimensions})


def _write_projection(target: Path) -> None:
    """As ColBERT's authors store it: a linear layer beside the encoder, limits in ``artifact.metadata``."""
    import torch
    from safetensors.torch import load_file, save_file

    tensors = load_file(target / "model.safetensors")
    hidden = tensors["embeddings.word_embeddings.weight"].shape[1]
    projection = torch.nn.Linear(hidden, COLBERT_COLUMNS, bias=False).weight.data
    named = {f"bert.{name}": tensor for name, tensor in tensors.items() if not name.startswith("pooler.")}
    save_file(named | {"linear.weight": projection}, target / "model.safetensors")
    config = json.loads((target / "config.json").read_text())
    _dump(target / "config.json", config | {"architectures": ["HF_ColBERT"]})
    _dump(target / "artifact.metadata", {"query_maxlen": 32, "doc_maxlen": MAX_TOKENS, "dim": COLBERT_COLUMNS})


def write_traced(shape: str, source: Path, target: Path) -> None:
    """The ONNX file that fastembed runs, and what it reads beside."""
    import torch
    import transformers
    from safetensors.torch import load_file

    row = SHAPES[shape]
    kind = transformers.AutoModel if row.head in (None, "colbert") else getattr(transformers, row.kind)
    model = kind.from_pretrained(source, attn_implementation="eager", dtype=torch.float32).eval()
    projection = load_file(source / "model.safetensors")["linear.weight"] if row.head == "colbert" else None
    ones = torch.ones(2, 8, dtype=torch.int64)
    inputs = {"input_ids": ones, "attention_mask": ones}
    if model.config.model_type == "bert" and row.head != "colbert":  # whose BERT fastembed gives no token types
        inputs["token_type_ids"] = torch.zeros_like(ones)

    class Traced(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *given: Any) -> Any:
            output = model(**dict(zip(inputs, given, strict=True)))[0]
            if projection is None:
                return output
            return torch.nn.functional.normalize(output @ projection.T, dim=-1)

    output = "output" if row.head else "last_hidden_state"
    axes = {0: "batch", 1: "sequence"}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter announces its deprecation, once per operator
        torch.onnx.export(
            Traced().eval(),  # the exporter gives every module back the mode that this one was in
            tuple(inputs.values()),
            str(target / "model.onnx"),
            input_names=list(inputs),
            output_names=[output],
            dynamic_axes=dict.fromkeys((*inputs, output), axes),
            opset_version=17,
            dynamo=False,
        )
    shutil.copyfile(source / "config.json", target / "config.json")
    _write_tokenizer(source, target, row, model.config)
    if row.head is None:
        shutil.copytree(source / "1_Pooling", target / "1_Pooling")


def write_backend(source: Path, kind: str, target: Path) -> None:
    """What ``SentenceTransformer(source, backend=...)`` exports, saved as its documentation advises; and in 8 bits."""
    import sentence_transformers as st

    backend, _, reduced = kind.partition("-")
    model = st.SentenceTransformer(
        str(source), backend=backend, device="cpu", local_files_only=True, model_kwargs={"export": True}
    )
    model.save_pretrained(str(target))
    if not reduced:
        return
    (original,) = target.rglob({"onnx": "*.onnx", "openvino": "*.xml"}[backend])
    if backend == "onnx":
        known = {"avx512_vnni": "avx512_vnni", "avx512": "avx512f", "avx2": "avx2", "arm64": "asimddp"}
        instructions = next(name for name, flag in known.items() if flag in machine()["flags"])
        st.export_dynamic_quantized_onnx_model(model, instructions, str(target))
    else:
        _quantize_statically(st, model, source, target)
        original.with_suffix(".bin").unlink()
    original.unlink()


def _quantize_statically(st: Any, model: Any, source: Path, target: Path) -> None:
    """By the peer's own function with its own settings, but for the texts, which it would download."""
    tokenizer = open_tokenizer(source)
    texts = [text for text in paragraphs() if len(tokenizer.encode(text).ids) >= _CALIBRATION_TOKENS]
    rows = target.with_name(f"{target.name}.texts")
    rows.mkdir(exist_ok=True)
    (rows / "train.jsonl").write_text("".join(json.dumps({"sentence": text}) + "\n" for text in texts))
    st.export_static_quantized_openvino_model(
        model,
        quantization_config=None,
        model_name_or_path=str(target),
        dataset_name=str(rows),
        dataset_config_name="default",
        dataset_split="train",
        column_name="sentence",
    )
    shutil.rmtree(rows)


def write_ctranslate2(source: Path, target: Path) -> None:
    from ctranslate2.converters import TransformersConverter

    TransformersConverter(str(source)).convert(str(target), quantization="int8", force=True)
    shutil.copyfile(source / "tokenizer.json", target / "tokenizer.json")
    shutil.copytree(source / "1_Pooling", target / "1_Pooling")


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
        write_traced(shape, Path(source), fresh)
    elif kind == "ctranslate2":
        write_ctranslate2(Path(source), fresh)
    else:
        write_backend(Path(source), kind, fresh)
    fresh.rename(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
