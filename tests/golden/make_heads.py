"""Recompute ``heads.safetensors``: ``python -m tests.golden.make_heads``.

Runs where sentence-transformers and fastembed are installed. For every model of ``heads.py`` it keeps what
sentence-transformers computes (PyTorch, CPU, fp32, one input at a time), after checking it against the same inputs in
one padded batch, against transformers alone, and, where it can run the model, against fastembed on an ONNX export.
"""

import json
import platform
import string
import tempfile
from pathlib import Path
from typing import Any

import fastembed
import numpy as np
import onnx
import sentence_transformers
import torch
import transformers
from fastembed.common.model_description import ModelSource
from fastembed.late_interaction.colbert import Colbert
from fastembed.rerank.cross_encoder import TextCrossEncoder
from fastembed.sparse.if_splade import IfSplade
from fastembed.sparse.splade_pp import SpladePP
from numpy.typing import NDArray
from safetensors.numpy import save_file
from sentence_transformers import CrossEncoder, MultiVectorEncoder, SparseEncoder
from transformers import AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification, AutoTokenizer

from tests.golden.heads import (
    COLBERTS,
    DOCUMENTS,
    PAIRS,
    QUERIES,
    RERANKERS,
    SPLADES,
    assemble_colbert,
    assemble_reranker,
    assemble_splade,
)
from tests.golden.variants import HERE

TOLERANCE = 1e-5
FP32 = {"device": "cpu", "local_files_only": True, "model_kwargs": {"dtype": torch.float32}}
Arrays = list[NDArray[np.float32]]


def close(some: Any, others: Any, tolerance: float = TOLERANCE / 2) -> None:
    """Raise unless two lists of arrays agree, within the same program to half the tolerance that tests are given."""
    for one, other in zip(some, others, strict=True):
        np.testing.assert_allclose(one, other, atol=tolerance, rtol=tolerance)


def scores(folder: Path) -> Arrays:
    """Logits of the pairs."""
    model = CrossEncoder(str(folder), **FP32)
    alone = model.predict(PAIRS, activation_fn=torch.nn.Identity(), batch_size=1)
    close([alone], [model.predict(PAIRS, activation_fn=torch.nn.Identity(), batch_size=64)])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    plain = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    encoded = (tokenizer([query], [document], truncation=True, return_tensors="pt") for query, document in PAIRS)
    with torch.inference_mode():
        close(alone, [plain(**inputs).logits.squeeze(0).numpy().squeeze() for inputs in encoded])
    return [alone]


def token_vectors(folder: Path) -> tuple[Arrays, Arrays]:
    """Vectors of the queries and the documents."""
    model = MultiVectorEncoder(str(folder), **FP32)
    found = []
    for encode, texts in ((model.encode_query, QUERIES), (model.encode_document, DOCUMENTS)):
        alone = encode(texts, batch_size=1, convert_to_numpy=True)
        close(alone, encode(texts, batch_size=64, convert_to_numpy=True))
        found.append([np.ascontiguousarray(array) for array in alone])
    return found[0], found[1]


def word_weights(folder: Path) -> tuple[Arrays, Arrays]:
    """Weights of the vocabulary's words, for the queries and the documents, one array each."""
    model = SparseEncoder(str(folder), **FP32)
    found = []
    for encode, texts in ((model.encode_query, QUERIES), (model.encode_document, DOCUMENTS)):
        alone = encode(texts, batch_size=1, convert_to_sparse_tensor=False).numpy()
        close(alone, encode(texts, batch_size=64, convert_to_sparse_tensor=False).numpy())
        found.append([alone])
    return found[0], found[1]


def check_splade_with_fastembed(folder: Path, documents: NDArray[np.float32]) -> Arrays:
    """fastembed's SPLADE gives the same; what its inference-free one makes of documents and queries is returned."""
    model = AutoModelForMaskedLM.from_pretrained(folder)
    export(model, folder / "model.onnx", ["input_ids", "attention_mask"])
    words = documents.shape[1]
    peer = SpladePP("prithivida/Splade_PP_en_v1", specific_model_path=str(folder))
    close([dense(peer.embed(DOCUMENTS), words)], [documents], TOLERANCE)
    vocabulary = AutoTokenizer.from_pretrained(folder).get_vocab()
    (folder / "idf.json").write_text(json.dumps({token: 1 + number / 64 for token, number in vocabulary.items()}))
    free = IfSplade("opensearch-project/opensearch-neural-sparse-encoding-doc-v3-gte", specific_model_path=str(folder))
    return [dense(free.embed(DOCUMENTS), words), dense(free.query_embed(QUERIES), words)]


def dense(vectors: Any, words: int) -> NDArray[np.float32]:
    """Sparse embeddings as rows."""
    rows = []
    for vector in vectors:
        row = np.zeros(words, dtype=np.float32)
        row[vector.indices] = vector.values
        rows.append(row)
    return np.stack(rows)


class Projected(torch.nn.Module):
    """Encoder and projection, for export."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.encoder = AutoModel.from_pretrained(folder)
        weight = torch.from_numpy(_linear(folder))
        self.linear = torch.nn.Linear(*weight.shape[::-1], bias=False)
        self.linear.weight.data.copy_(weight)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Token vectors, each of length 1, as the curated ONNX files give them."""
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return torch.nn.functional.normalize(self.linear(hidden), dim=-1)


def check_colbert_with_transformers(folder: Path, queries: Arrays, documents: Arrays) -> None:
    """The encoder of transformers and the paper's steps, a text at a time, give the same in the authors' layout."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    settings = json.loads((folder / "artifact.metadata").read_text())
    query_marker, document_marker, mask, *skipped = tokenizer.convert_tokens_to_ids(
        ["[unused0]", "[unused1]", "[MASK]", *string.punctuation]
    )
    skipped = {number for number in skipped if number != tokenizer.unk_token_id}

    def vectors(ids: list[int], seen: int) -> NDArray[np.float32]:
        attention = torch.tensor([[1] * seen + [0] * (len(ids) - seen)])
        hidden = model(input_ids=torch.tensor([ids]), attention_mask=attention).last_hidden_state[0]
        return torch.nn.functional.normalize(hidden @ torch.from_numpy(_linear(folder)).T, dim=-1).numpy()

    def marked(text: str, marker: int, limit: int) -> list[int]:
        first, *rest = tokenizer(text, truncation=True, max_length=limit - 1)["input_ids"]
        return [first, marker, *rest]

    with torch.inference_mode():
        for text, expected in zip(QUERIES, queries, strict=True):
            ids = marked(text, query_marker, settings["query_maxlen"])
            filling = [mask] * (settings["query_maxlen"] - len(ids))
            close([vectors(ids + filling, len(ids))], [expected])
        for text, expected in zip(DOCUMENTS, documents, strict=True):
            ids = marked(text, document_marker, settings["doc_maxlen"])
            kept = [number not in skipped for number in ids]
            close([vectors(ids, len(ids))[kept]], [expected])


def check_colbert_with_fastembed(folder: Path, queries: Arrays, documents: Arrays) -> None:
    """fastembed's Colbert gives the same, where queries fit into their fixed length."""
    export(Projected(folder), folder / "model.onnx", ["input_ids", "attention_mask"])
    tokenizer, settings = AutoTokenizer.from_pretrained(folder), json.loads((folder / "artifact.metadata").read_text())
    colbert = type("Tiny", (Colbert,), {})
    colbert.QUERY_MARKER_TOKEN_ID, colbert.DOCUMENT_MARKER_TOKEN_ID = tokenizer.convert_tokens_to_ids(
        ["[unused0]", "[unused1]"]
    )
    colbert.MIN_QUERY_LENGTH = settings["query_maxlen"] - 1
    colbert.RESERVED_MARKER_TOKENS = 64 - settings["doc_maxlen"] + 1
    model = colbert("colbert-ir/colbertv2.0", specific_model_path=str(folder))
    close(model.query_embed(QUERIES[:3]), queries[:3])
    # fastembed takes words that the tokenizer does not know for punctuation; only texts without such words are alike.
    known = [0, 1, 2, 5, 6]
    close(model.embed([DOCUMENTS[i] for i in known]), [documents[i] for i in known])


def check_reranker_with_fastembed(folder: Path, expected: NDArray[np.float32]) -> None:
    """fastembed's cross-encoder gives the same."""
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    names = ["input_ids", "attention_mask", "token_type_ids"]
    export(model, folder / "onnx" / "model.onnx", names)
    TextCrossEncoder.add_custom_model("tiny", sources=ModelSource(hf="tiny"))
    peer = TextCrossEncoder("tiny", specific_model_path=str(folder))
    close([list(peer.rerank_pairs(PAIRS))], [expected])


def export(model: torch.nn.Module, path: Path, names: list[str]) -> None:
    """Write an ONNX file with free batch and length."""
    path.parent.mkdir(exist_ok=True)
    example = {name: torch.ones((2, 5), dtype=torch.int64) for name in names}
    axes = {name: {0: torch.export.Dim("batch"), 1: torch.export.Dim("tokens", max=64)} for name in names}
    torch.onnx.export(model.eval(), (), str(path), kwargs=example, dynamic_shapes=axes, dynamo=True, verbose=False)
    onnx.checker.check_model(str(path))


def _linear(folder: Path) -> NDArray[np.float32]:
    from safetensors.numpy import load_file

    return load_file(folder / "model.safetensors")["linear.weight"]


def main() -> None:
    """Write the file."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    found: dict[str, NDArray[np.float32]] = {}

    def keep(name: str, arrays: Arrays) -> None:
        found.update({f"{name}/{i}": np.ascontiguousarray(array, np.float32) for i, array in enumerate(arrays)})

    with tempfile.TemporaryDirectory() as root:
        for name, reranker in RERANKERS.items():
            folder = assemble_reranker(reranker, Path(root) / f"reranker-{name}")
            keep(f"rerank/{name}", scores(folder))
            if name == "plain":
                check_reranker_with_fastembed(folder, found["rerank/plain/0"])
        for name, colbert in COLBERTS.items():
            folder = assemble_colbert(colbert, Path(root) / f"colbert-{name}")
            queries, documents = token_vectors(folder)
            keep(f"late/{name}/query", queries)
            keep(f"late/{name}/document", documents)
            if name == "authors":
                check_colbert_with_transformers(folder, queries, documents)
                check_colbert_with_fastembed(folder, queries, documents)
        for name, splade in SPLADES.items():
            folder = assemble_splade(splade, Path(root) / f"splade-{name}")
            queries, documents = word_weights(folder)
            keep(f"sparse/{name}/query", queries)
            keep(f"sparse/{name}/document", documents)
            if name == "alone":
                keep("sparse/fastembed-inference-free", check_splade_with_fastembed(folder, documents[0]))
    versions = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "sentence-transformers": sentence_transformers.__version__,
        "fastembed": fastembed.__version__,
    }
    save_file(found, HERE / "heads.safetensors", versions | {"tolerance": str(TOLERANCE)})


if __name__ == "__main__":
    main()
