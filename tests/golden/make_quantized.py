"""Writes quantized.json: vectors, what sentence-transformers makes of them, and what FAISS finds among them.

The second needs faiss-cpu; ``python tests/golden/make_quantized.py`` with both, or once with each: parts that cannot be
made stay as they are.
"""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np

PATH = Path(__file__).with_name("quantized.json")
COUNT, DIM = 40, 24


def vectors(seed: int, count: int = COUNT) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(size=(count, DIM))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


def main() -> None:
    golden = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {}
    calibration, rows = vectors(1), vectors(2, 6) * 1.3  # some lie beyond the calibrated ranges
    if find_spec("sentence_transformers"):
        from sentence_transformers import __version__
        from sentence_transformers.quantization import quantize_embeddings

        golden["sentence_transformers"] = __version__
        golden["codes"] = {
            precision: quantize_embeddings(rows, precision, calibration_embeddings=calibration).tolist()
            for precision in ("float32", "int8", "uint8", "binary", "ubinary")
        }
    if find_spec("faiss"):
        import faiss

        index = faiss.IndexBinaryFlat(DIM)
        index.add(np.packbits(calibration > 0, axis=1))
        distances, _ = index.search(np.packbits(rows > 0, axis=1), COUNT)
        direct = faiss.IndexScalarQuantizer(DIM, faiss.ScalarQuantizer.QT_8bit_direct, faiss.METRIC_INNER_PRODUCT)
        codes = np.array(golden["codes"]["uint8"], dtype=np.float32)
        direct.add(codes)
        golden["faiss"] = {
            "version": faiss.__version__,
            "distances": distances.tolist(),
            "binary_index": faiss.serialize_index_binary(index).tobytes().hex(),
            "direct_codes": faiss.vector_to_array(direct.codes).tolist(),
        }
    PATH.write_text(json.dumps(golden, indent=None) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
