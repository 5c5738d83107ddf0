"""Pictures, and texts in their space, through the real frameworks."""

import asyncio
import base64
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from haystack import Document, Pipeline
from langchain_core.embeddings import Embeddings
from llama_index.core.indices import MultiModalVectorStoreIndex
from llama_index.core.schema import ImageDocument, ImageNode, TextNode
from rapidembed import ImageEmbedding, PictureError, TextEmbedding
from rapidembed_haystack import FastembedDocumentImageEmbedder
from rapidembed_langchain import FastEmbedImageEmbeddings
from rapidembed_llamaindex import FastEmbedMultiModalEmbedding

from tests.golden.pictures import picture
from tests.golden.vision import PROCESSOR, texts, write_model, write_tokenizer

NAMES = ("landscape", "portrait", "square")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = write_model("clip", tmp_path_factory.mktemp("clip") / "model")
    (folder / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))
    write_tokenizer(folder)
    return str(folder)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    place = tmp_path_factory.mktemp("pictures")
    for name in NAMES:
        picture(name).save(place / f"{name}.png")
    return [str(place / f"{name}.png") for name in NAMES]


@pytest.fixture(scope="module")
def expected(folder, files):
    with ImageEmbedding(folder) as pictures, TextEmbedding(folder) as words:
        return pictures.encode(files), words.encode(texts("clip"))


def close(found, expected):
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_langchain(folder, files, expected):
    made = FastEmbedImageEmbeddings(model=folder)
    assert isinstance(made, Embeddings)
    assert hasattr(made, "embed_image")  # as langchain-chroma asks
    close(made.embed_image(uris=files), expected[0])
    close(asyncio.run(made.aembed_image(files)), expected[0])
    close(made.embed_documents(texts("clip")), expected[1])
    close(asyncio.run(made.aembed_query(texts("clip")[0])), expected[1][0])
    copy = pickle.loads(pickle.dumps(made))
    assert copy == made
    close(copy.embed_image(files[:1]), expected[0][:1])
    assert made.fingerprint == ImageEmbedding(folder).fingerprint
    with pytest.raises(TypeError, match="must be a list"):
        made.embed_image(files[0])
    with pytest.raises(PictureError, match=r"images\[1\].*nothing.png"):
        made.embed_image([files[0], "nothing.png"])
    with pytest.raises(ValueError, match="mystery"):
        FastEmbedImageEmbeddings(model=folder, mystery=1)


def test_a_model_of_pictures_alone_says_so(files):
    assert len(FastEmbedImageEmbeddings().embed_image(files)[0]) == 1280
    with pytest.raises(ValueError, match="builtin:image embeds pictures only"):
        FastEmbedImageEmbeddings().embed_query("a cat")
    with pytest.raises(ValueError, match="builtin:image embeds pictures only"):
        FastEmbedMultiModalEmbedding().get_query_embedding("a cat")


def test_llamaindex(folder, files, expected):
    made = FastEmbedMultiModalEmbedding(model_name=folder)
    close(made.get_image_embedding(files[0]), expected[0][0])
    close(made.get_image_embedding_batch(files), expected[0])
    close(asyncio.run(made.aget_image_embedding_batch(files)), expected[0])
    close(made.get_text_embedding_batch(texts("clip")), expected[1])
    close(made.get_query_embedding(texts("clip")[1]), expected[1][1])
    close(asyncio.run(made.aget_query_embedding(texts("clip")[1])), expected[1][1])
    again = FastEmbedMultiModalEmbedding.from_dict(made.to_dict())
    close(again.get_image_embedding(files[0]), expected[0][0])
    close(pickle.loads(pickle.dumps(made)).get_image_embedding(files[0]), expected[0][0])


def test_llamaindex_finds_pictures_by_pictures_and_by_texts(folder, files, expected):
    made = FastEmbedMultiModalEmbedding(model_name=folder)
    held = base64.b64encode(Path(files[2]).read_bytes()).decode()
    nodes = [
        TextNode(text=texts("clip")[0]),
        *(ImageNode(image_path=file, metadata={"name": file}) for file in files[:2]),
        ImageNode(image=held, metadata={"name": files[2]}),
    ]
    index = MultiModalVectorStoreIndex(nodes, embed_model=made, image_embed_model=made)
    retriever = index.as_retriever(similarity_top_k=1, image_similarity_top_k=1)
    for file in files:
        (found,) = retriever.image_to_image_retrieve(file)
        assert found.node.metadata["name"] == file
        assert found.score == pytest.approx(1, abs=1e-5)
    cosines = expected[0] @ expected[1][2] / np.linalg.norm(expected[0], axis=1)
    (found,) = retriever.text_to_image_retrieve(texts("clip")[2])
    assert found.node.metadata["name"] == files[cosines.argmax()]
    assert ImageDocument is not None


def write_pdf(path):
    """Two pages: white, and one with a black square."""
    pictures = [picture("square").convert("L").point(lambda _: 255), picture("square")]
    pictures[0].save(path, "PDF", save_all=True, append_images=pictures[1:])


def test_haystack(folder, files, expected):
    made = FastembedDocumentImageEmbedder(model=folder, progress_bar=False, root_path=str(Path(files[0]).parent))
    documents = [Document(content=name, meta={"file_path": f"{name}.png"}) for name in NAMES]
    found = made.run(documents)["documents"]
    close([document.embedding for document in found], expected[0])
    assert documents[0].embedding is None
    assert found[0].meta["embedding_source"] == {"type": "image", "file_path_meta_field": "file_path"}
    close([each.embedding for each in asyncio.run(made.run_async(documents))["documents"]], expected[0])
    pipeline = Pipeline()
    pipeline.add_component("embedder", made)
    again = Pipeline.loads(pipeline.dumps())
    close(again.run({"embedder": {"documents": documents}})["embedder"]["documents"][1].embedding, expected[0][1])
    assert made.run([]) == {"documents": []}


@pytest.mark.parametrize(
    ("meta", "message"),
    [({}, "missing the 'file_path'"), ({"file_path": "../x.png"}, "escapes"), ({"file_path": "x.png"}, "invalid")],
)
def test_haystack_refuses(folder, tmp_path, meta, message):
    made = FastembedDocumentImageEmbedder(model=folder, root_path=str(tmp_path))
    with pytest.raises(ValueError, match=message):
        made.run([Document(content="x", meta=meta)])
    with pytest.raises(TypeError, match="a list of Documents"):
        made.run("x")


def test_haystack_embeds_pages(folder, tmp_path):
    pytest.importorskip("pypdfium2")
    write_pdf(tmp_path / "two.pdf")
    made = FastembedDocumentImageEmbedder(model=folder, progress_bar=False)
    documents = [Document(meta={"file_path": str(tmp_path / "two.pdf"), "page_number": n}) for n in (1, 2)]
    first, second = (document.embedding for document in made.run(documents)["documents"])
    white = ImageEmbedding(folder).encode(np.full((48, 48, 3), 255, np.uint8))
    close(first, white)
    assert np.abs(np.subtract(first, second)).max() > 1e-2
