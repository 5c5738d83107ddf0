"""The models of ``python -m benchmarks.heads``: random weights in the shapes of known ones. Needs torch, transformers.

``python -m benchmarks.heads_models`` writes each as safetensors and as the ONNX file that fastembed runs.
"""

import json
from pathlib import Path
from typing import Any

from benchmarks.paths import WORK, model_folder

HEADS = WORK / "heads"
_SEED = 7
_MINILM = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536}
_TOKENIZER = ("tokenizer.json", "special_tokens_map.json", "vocab.txt")


def make() -> None:
    """Write them all."""
    import torch
    from transformers import BertConfig, BertForMaskedLM, BertForSequenceClassification, BertModel

    torch.manual_seed(_SEED)
    tiny = BertConfig(**_MINILM, num_labels=1, attn_implementation="eager")
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

    folder = HEADS / name
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


if __name__ == "__main__":
    make()
