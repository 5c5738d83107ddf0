"""Every way to ask an embedding facade for the same texts gives the same results."""

import pytest
from rapidembed import HybridTextEmbedding, LateInteractionTextEmbedding, SparseTextEmbedding, TextEmbedding

from tests.fakes.compare import close
from tests.golden import hybrid
from tests.golden.heads import COLBERTS, SPLADES, assemble_colbert, assemble_splade
from tests.golden.tiny import BASE

pytestmark = pytest.mark.filterwarnings("ignore::rapidembed.TruncationWarning")

TEXTS = ["hello world.", "", "a", "the quick, brown fox!", "hello world.", "日本", "the dog " * 12, "a b", "fox dog"]
FACADES = {
    "text": (TextEmbedding, lambda folder: BASE),
    "bm25": (SparseTextEmbedding, lambda folder: "Qdrant/bm25"),
    "sparse": (SparseTextEmbedding, lambda folder: assemble_splade(SPLADES["splade"], folder)),
    "sparse, looked up": (SparseTextEmbedding, lambda folder: assemble_splade(SPLADES["looked_up"], folder)),
    "late interaction": (LateInteractionTextEmbedding, lambda folder: assemble_colbert(COLBERTS["fixed"], folder)),
    "hybrid": (HybridTextEmbedding, hybrid.assemble),
}
ROLES = ("", "_query", "_document")
STREAMS = {"embed": "encode", "query_embed": "encode_query", "passage_embed": "encode_document"}


@pytest.fixture(scope="module", params=list(FACADES))
def model(request, tmp_path_factory):
    facade, assemble = FACADES[request.param]
    with facade(assemble(tmp_path_factory.mktemp("forms") / "model")) as model:
        yield model


def parts(results):
    """Hybrid results are three of other kinds."""
    return [[one.dense, one.token_vectors, one.sparse] if hasattr(one, "token_vectors") else one for one in results]


def agree(found, expected):
    close(parts(found), parts(expected))


@pytest.mark.parametrize("batch_size", [1, 3, 256])
@pytest.mark.parametrize("parallel", [None, 2])
def test_all_forms_agree(model, batch_size, parallel):
    options = {"batch_size": batch_size, "parallel": parallel}
    for role in ROLES:
        encode = getattr(model, f"encode{role}")
        expected = [encode(text) for text in TEXTS]
        agree(encode(TEXTS, **options), expected)
        agree(encode(iter(TEXTS), **options), expected)
    for stream, name in STREAMS.items():
        iterate, expected = getattr(model, stream), [getattr(model, name)(text) for text in TEXTS]
        agree(list(iterate(TEXTS, **options)), expected)
        agree(list(iterate(iter(TEXTS), **options)), expected)
        agree(list(iterate(TEXTS[0], **options)), expected[:1])


async def test_async_forms_agree(model):
    for role in ROLES:
        encode, aencode = getattr(model, f"encode{role}"), getattr(model, f"aencode{role}")
        agree(await aencode(TEXTS), encode(TEXTS))
        agree([await aencode("a")], [encode("a")])
