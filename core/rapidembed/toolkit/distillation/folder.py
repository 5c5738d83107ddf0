"""The student as a folder that rapidembed and model2vec open, and sentence-transformers if its table is float32."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from rapidembed.registry.static_files import MODEL2VEC, TABLES
from rapidembed.toolkit.distillation.report import Report
from rapidembed.types import Vectors

TYPES = ("int8", "float32")
_LARGEST = 127
MAX_TOKENS = 512


def write_folder(folder: Path, table: Vectors, *, teacher: str, stored: str) -> None:
    """Write everything but the tokenizer and the model card."""
    rows = quantized(table) if stored == "int8" else table
    # Not safetensors' own save_file, which lets nobody but the owner read the file.
    (folder / "model.safetensors").write_bytes(save({TABLES[MODEL2VEC]: np.ascontiguousarray(rows)}))
    config = {
        "model_type": MODEL2VEC,
        "architectures": ["StaticModel"],
        "tokenizer_name": teacher,
        "hidden_dim": table.shape[1],
        "normalize": True,
        "max_length": MAX_TOKENS,
        "embedding_dtype": stored,
    }
    _write(folder / "config.json", config)
    kinds = (("StaticEmbedding", "."), ("Normalize", "1_Normalize"))
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (kind, path) in enumerate(kinds)
    ]
    _write(folder / "modules.json", modules)


def quantized(table: Vectors) -> NDArray[np.int8]:
    """The table in 8 bits with one scale, which normalizing takes out again."""
    scale = _LARGEST / max(float(np.abs(table).max()), 1e-12)
    return np.asarray(np.rint(table * np.float32(scale)), dtype=np.int8)


def write_card(folder: Path, *, name: str, teacher: str, licence: str, learned: str, report: Report) -> None:
    """Write README.md: what the model is, how it was made, how it compares."""
    licensed = f"license: {licence}\n" if licence else ""
    text = f"""---
library_name: model2vec
{licensed}base_model: {teacher}
tags: [static-embeddings, sentence-transformers]
---
# {name}

A static model: every token has one vector, and a text's vector is their mean, of length 1. Distilled by rapidembed from
`{teacher}`. {learned}

{report}

```python
from rapidembed import TextEmbedding

model = TextEmbedding("path/to/this/folder")
```
"""
    (folder / "README.md").write_text(text, encoding="utf-8")


def _write(path: Path, values: object) -> None:
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
