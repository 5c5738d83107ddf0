"""Qdrant's local inference over rapidembed: dense, sparse, late interaction, in memory and in a folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.golden import compat_pages, compat_pictures
from tests.golden.compat_models import assemble, rows

pytest.importorskip("qdrant_client")

USES = """
import numpy as np
from rapidembed.compat import LateInteractionMultimodalEmbedding, LateInteractionTextEmbedding, install_as_fastembed

install_as_fastembed()
from qdrant_client import QdrantClient, models

DENSE, SPARSE, LATE = "thenlper/gte-base", "Qdrant/bm42-all-minilm-l6-v2-attentions", "colbert-ir/colbertv2.0"
TEXTS = ["the quick brown fox", "a lazy dog", "hello world"]


def document(text, model, kind):
    return models.Document(text=text, model=model, options={"specific_model_path": f"{ROOT}/{kind}"})


def max_sim(query, text):
    model = LateInteractionTextEmbedding(LATE, specific_model_path=f"{ROOT}/late_interaction")
    query, text = next(model.query_embed(query)), next(model.embed(text))
    query = query / np.linalg.norm(query, axis=1, keepdims=True)
    return float((query @ text.T).max(axis=1).sum())


def use(client, **options):
    multi = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
    client.create_collection(
        "texts",
        vectors_config={
            "dense": models.VectorParams(size=6, distance=models.Distance.COSINE),
            "late": models.VectorParams(size=6, distance=models.Distance.COSINE, multivector_config=multi),
        },
        sparse_vectors_config={"sparse": models.SparseVectorParams(modifier=models.Modifier.IDF)},
    )
    points = [
        models.PointStruct(
            id=number,
            payload={"text": text},
            vector={
                "dense": document(text, DENSE, "dense"),
                "sparse": document(text, SPARSE, "sparse"),
                "late": document(text, LATE, "late_interaction"),
            },
        )
        for number, text in enumerate(TEXTS)
    ]
    client.upload_points("texts", points, wait=True, **options)
    for text in TEXTS:
        for name, model in (("dense", DENSE), ("sparse", SPARSE)):
            found = client.query_points("texts", query=document(text, model, name), using=name, limit=1).points
            assert found[0].payload["text"] == text, (name, text, found)
        found = client.query_points("texts", query=document(text, LATE, "late_interaction"), using="late").points
        assert [abs(point.score - max_sim(text, point.payload["text"])) < 1e-3 for point in found] == [True] * 3
    fused = client.query_points(
        "texts",
        prefetch=[
            models.Prefetch(query=document(TEXTS[0], DENSE, "dense"), using="dense", limit=3),
            models.Prefetch(query=document(TEXTS[0], SPARSE, "sparse"), using="sparse", limit=3),
        ],
        query=models.FusionQuery(fusion=models.Fusion.RRF),
    ).points
    assert fused[0].payload["text"] == TEXTS[0]


def use_pictures(client):
    model, options = "Qdrant/clip-ViT-B-32-vision", {"specific_model_path": f"{ROOT}/image"}
    client.create_collection("pictures", models.VectorParams(size=12, distance=models.Distance.COSINE))
    pictures = [models.Image(image=f"{ROOT}/{number}.png", model=model, options=options) for number in range(4)]
    client.upload_points("pictures", [models.PointStruct(id=n, vector=one) for n, one in enumerate(pictures)])
    for number, picture in enumerate(pictures):
        assert client.query_points("pictures", query=picture, limit=1).points[0].id == number


def use_pages(client):
    model, options = "Qdrant/colmodernvbert", {"specific_model_path": f"{ROOT}/pages"}
    multi = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
    vectors = models.VectorParams(size=128, distance=models.Distance.COSINE, multivector_config=multi)
    client.create_collection("pages", vectors)
    pages = [models.Image(image=f"{ROOT}/{number}.png", model=model, options=options) for number in range(4)]
    client.upsert("pages", [models.PointStruct(id=n, vector=one) for n, one in enumerate(pages)])
    question = models.Document(text="what did rent cost?", model=model, options=options)
    found = client.query_points("pages", query=question, with_vectors=True).points
    assert sorted(point.id for point in found) == [0, 1, 2, 3]
    made = LateInteractionMultimodalEmbedding(model, **options)
    query = next(iter(made.embed_text("what did rent cost?")))
    query = query / np.linalg.norm(query, axis=1, keepdims=True)
    for point in found:
        score = (query @ np.array(point.vector).T).max(axis=1).sum()
        assert abs(point.score - score) < 1e-3


if __name__ == "__main__":
    use_pictures(QdrantClient(":memory:"))
    use_pages(QdrantClient(":memory:"))
    use(QdrantClient(":memory:"))
    use(QdrantClient(path=FOLDER), parallel=2)
    print("used")
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    models = rows()
    (bm42,) = [row for row in models["sparse"] if row.head == "attention"]
    assemble(models["dense"][24], tmp_path / "dense")
    assemble(models["late_interaction"][0], tmp_path / "late_interaction")
    assemble(bm42, tmp_path / "sparse")
    compat_pictures.assemble("Qdrant/clip-ViT-B-32-vision", tmp_path / "image")
    compat_pages.assemble("Qdrant/colmodernvbert", tmp_path / "pages")
    compat_pictures.write_pictures(tmp_path)
    return tmp_path


def test_local_inference(root: Path) -> None:
    script = root / "main.py"
    script.write_text(f"ROOT, FOLDER = {str(root)!r}, {str(root / 'index')!r}\n{USES}")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "used\n"
