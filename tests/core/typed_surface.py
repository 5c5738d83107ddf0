"""The type of every public method of every facade, as a type checker sees it: test_surface.py runs mypy over this file.

Nothing here runs. ``assert_type`` refuses Any where a type is expected.
"""

from collections.abc import Iterator
from typing import Any, assert_type

from rapidembed import (
    Chunk,
    HybridEmbedding,
    HybridTextEmbedding,
    LateInteractionTextEmbedding,
    ModelInfo,
    ModelSpec,
    RankedDocument,
    SparseEmbedding,
    SparseTextEmbedding,
    Stats,
    TextCrossEncoder,
    TextEmbedding,
)
from rapidembed.types import Vectors

LISTING = list[dict[str, Any]]
"""Facts of any type; the only Any of the surface, but for:"""
ARRAY = Any
"""What is pyarrow's, which has no types."""
COLUMN: Any = None


async def of_TextEmbedding(model: TextEmbedding, spec: ModelSpec) -> None:
    assert_type(model.encode("a"), Vectors)
    assert_type(model.encode(["a"]), Vectors)
    assert_type(model.encode_query("a"), Vectors)
    assert_type(model.encode_query(["a"]), Vectors)
    assert_type(model.encode_document("a"), Vectors)
    assert_type(model.encode_document(["a"]), Vectors)
    assert_type(await model.aencode("a"), Vectors)
    assert_type(await model.aencode(["a"]), Vectors)
    assert_type(await model.aencode_query("a"), Vectors)
    assert_type(await model.aencode_query(["a"]), Vectors)
    assert_type(await model.aencode_document("a"), Vectors)
    assert_type(await model.aencode_document(["a"]), Vectors)
    assert_type(model.embed("a"), Iterator[Vectors])
    assert_type(model.embed(["a"]), Iterator[Vectors])
    assert_type(model.query_embed("a"), Iterator[Vectors])
    assert_type(model.query_embed(["a"]), Iterator[Vectors])
    assert_type(model.passage_embed("a"), Iterator[Vectors])
    assert_type(model.passage_embed(["a"]), Iterator[Vectors])
    assert_type(model.token_count("a"), int)
    assert_type(model.chunks("a"), list[Chunk])
    assert_type(model.encode_chunks("a"), tuple[list[Chunk], Vectors])
    assert_type(model.embedding_size, int)
    assert_type(TextEmbedding.get_embedding_size("a"), int)
    assert_type(model.embed_arrow(COLUMN), ARRAY)
    assert_type(model.arrow_type(), ARRAY)
    assert_type(model.info, ModelInfo)
    assert_type(model.fingerprint, str)
    assert_type(model.stats(), Stats)
    assert_type(TextEmbedding.list_supported_models(), LISTING)
    assert_type(TextEmbedding.add_custom_model(spec), None)
    assert_type(TextEmbedding.remove_custom_model("a"), None)
    with model as entered:
        assert_type(entered, TextEmbedding)
    assert_type(model.close(), None)


async def of_SparseTextEmbedding(model: SparseTextEmbedding, spec: ModelSpec) -> None:
    assert_type(model.encode("a"), SparseEmbedding)
    assert_type(model.encode(["a"]), list[SparseEmbedding])
    assert_type(model.encode_query("a"), SparseEmbedding)
    assert_type(model.encode_query(["a"]), list[SparseEmbedding])
    assert_type(model.encode_document("a"), SparseEmbedding)
    assert_type(model.encode_document(["a"]), list[SparseEmbedding])
    assert_type(await model.aencode("a"), SparseEmbedding)
    assert_type(await model.aencode(["a"]), list[SparseEmbedding])
    assert_type(await model.aencode_query("a"), SparseEmbedding)
    assert_type(await model.aencode_query(["a"]), list[SparseEmbedding])
    assert_type(await model.aencode_document("a"), SparseEmbedding)
    assert_type(await model.aencode_document(["a"]), list[SparseEmbedding])
    assert_type(model.embed("a"), Iterator[SparseEmbedding])
    assert_type(model.embed(["a"]), Iterator[SparseEmbedding])
    assert_type(model.query_embed("a"), Iterator[SparseEmbedding])
    assert_type(model.query_embed(["a"]), Iterator[SparseEmbedding])
    assert_type(model.passage_embed("a"), Iterator[SparseEmbedding])
    assert_type(model.passage_embed(["a"]), Iterator[SparseEmbedding])
    assert_type(model.token_count("a"), int)
    assert_type(model.requires_idf, bool)
    assert_type(model.vocab_size, int)
    assert_type(model.embed_arrow(COLUMN), ARRAY)
    assert_type(model.arrow_type(), ARRAY)
    assert_type(model.info, ModelInfo)
    assert_type(model.fingerprint, str)
    assert_type(model.stats(), Stats)
    assert_type(SparseTextEmbedding.list_supported_models(), LISTING)
    assert_type(SparseTextEmbedding.add_custom_model(spec), None)
    assert_type(SparseTextEmbedding.remove_custom_model("a"), None)
    with model as entered:
        assert_type(entered, SparseTextEmbedding)
    assert_type(model.close(), None)


async def of_LateInteractionTextEmbedding(model: LateInteractionTextEmbedding, spec: ModelSpec) -> None:
    assert_type(model.encode("a"), Vectors)
    assert_type(model.encode(["a"]), list[Vectors])
    assert_type(model.encode_query("a"), Vectors)
    assert_type(model.encode_query(["a"]), list[Vectors])
    assert_type(model.encode_document("a"), Vectors)
    assert_type(model.encode_document(["a"]), list[Vectors])
    assert_type(await model.aencode("a"), Vectors)
    assert_type(await model.aencode(["a"]), list[Vectors])
    assert_type(await model.aencode_query("a"), Vectors)
    assert_type(await model.aencode_query(["a"]), list[Vectors])
    assert_type(await model.aencode_document("a"), Vectors)
    assert_type(await model.aencode_document(["a"]), list[Vectors])
    assert_type(model.embed("a"), Iterator[Vectors])
    assert_type(model.embed(["a"]), Iterator[Vectors])
    assert_type(model.query_embed("a"), Iterator[Vectors])
    assert_type(model.query_embed(["a"]), Iterator[Vectors])
    assert_type(model.passage_embed("a"), Iterator[Vectors])
    assert_type(model.passage_embed(["a"]), Iterator[Vectors])
    assert_type(model.token_count("a"), int)
    assert_type(model.embedding_size, int)
    assert_type(LateInteractionTextEmbedding.get_embedding_size("a"), int)
    assert_type(model.embed_arrow(COLUMN), ARRAY)
    assert_type(model.arrow_type(), ARRAY)
    assert_type(model.info, ModelInfo)
    assert_type(model.fingerprint, str)
    assert_type(model.stats(), Stats)
    assert_type(LateInteractionTextEmbedding.list_supported_models(), LISTING)
    assert_type(LateInteractionTextEmbedding.add_custom_model(spec), None)
    assert_type(LateInteractionTextEmbedding.remove_custom_model("a"), None)
    with model as entered:
        assert_type(entered, LateInteractionTextEmbedding)
    assert_type(model.close(), None)


async def of_HybridTextEmbedding(model: HybridTextEmbedding, spec: ModelSpec) -> None:
    assert_type(model.encode("a"), HybridEmbedding)
    assert_type(model.encode(["a"]), list[HybridEmbedding])
    assert_type(model.encode_query("a"), HybridEmbedding)
    assert_type(model.encode_query(["a"]), list[HybridEmbedding])
    assert_type(model.encode_document("a"), HybridEmbedding)
    assert_type(model.encode_document(["a"]), list[HybridEmbedding])
    assert_type(await model.aencode("a"), HybridEmbedding)
    assert_type(await model.aencode(["a"]), list[HybridEmbedding])
    assert_type(await model.aencode_query("a"), HybridEmbedding)
    assert_type(await model.aencode_query(["a"]), list[HybridEmbedding])
    assert_type(await model.aencode_document("a"), HybridEmbedding)
    assert_type(await model.aencode_document(["a"]), list[HybridEmbedding])
    assert_type(model.embed("a"), Iterator[HybridEmbedding])
    assert_type(model.embed(["a"]), Iterator[HybridEmbedding])
    assert_type(model.query_embed("a"), Iterator[HybridEmbedding])
    assert_type(model.query_embed(["a"]), Iterator[HybridEmbedding])
    assert_type(model.passage_embed("a"), Iterator[HybridEmbedding])
    assert_type(model.passage_embed(["a"]), Iterator[HybridEmbedding])
    assert_type(model.token_count("a"), int)
    assert_type(model.embedding_size, int)
    assert_type(HybridTextEmbedding.get_embedding_size("a"), int)
    assert_type(model.vocab_size, int)
    assert_type(model.embed_arrow(COLUMN), ARRAY)
    assert_type(model.arrow_type(), ARRAY)
    assert_type(model.info, ModelInfo)
    assert_type(model.fingerprint, str)
    assert_type(model.stats(), Stats)
    assert_type(HybridTextEmbedding.list_supported_models(), LISTING)
    assert_type(HybridTextEmbedding.add_custom_model(spec), None)
    assert_type(HybridTextEmbedding.remove_custom_model("a"), None)
    with model as entered:
        assert_type(entered, HybridTextEmbedding)
    assert_type(model.close(), None)


async def of_TextCrossEncoder(model: TextCrossEncoder, spec: ModelSpec) -> None:
    pair = ("a", "b")
    assert_type(model.score("a", ["b"]), Vectors)
    assert_type(model.score_pairs([pair]), Vectors)
    assert_type(model.score_labels(pair), Vectors)
    assert_type(model.rank("a", ["b"]), list[RankedDocument])
    assert_type(await model.ascore("a", ["b"]), Vectors)
    assert_type(await model.ascore_pairs([pair]), Vectors)
    assert_type(await model.ascore_labels(pair), Vectors)
    assert_type(await model.arank("a", ["b"]), list[RankedDocument])
    assert_type(model.rerank("a", ["b"]), Iterator[float])
    assert_type(model.rerank_pairs([pair]), Iterator[float])
    assert_type(model.labels, tuple[str, ...])
    assert_type(model.token_count([pair]), int)
    assert_type(model.score_arrow(COLUMN, query="a"), ARRAY)
    assert_type(model.arrow_type(), ARRAY)
    assert_type(model.info, ModelInfo)
    assert_type(model.fingerprint, str)
    assert_type(model.stats(), Stats)
    assert_type(TextCrossEncoder.list_supported_models(), LISTING)
    assert_type(TextCrossEncoder.add_custom_model(spec), None)
    assert_type(TextCrossEncoder.remove_custom_model("a"), None)
    with model as entered:
        assert_type(entered, TextCrossEncoder)
    assert_type(model.close(), None)
