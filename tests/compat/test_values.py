"""What fastembed 0.9.1 computed for a model of each kind and name, and for BM25 and Muvera."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import rapidembed.compat
from numpy.typing import NDArray
from rapidembed.registry import ModelSpec
from safetensors.numpy import load_file

from tests.golden import compat_pages, compat_pictures
from tests.golden.compat_calls import BM25_OPTIONS, CALLS, Results, bm25, muvera
from tests.golden.compat_models import HERE, assemble, rows
from tests.golden.stopwords import write_stopwords

EXPECTED = load_file(HERE / "compat.safetensors")
COMPAT = rapidembed.compat
for _name in ("late_interaction.token_embeddings", "postprocess", "rerank.cross_encoder"):
    import_module(f"rapidembed.compat.{_name}")
TOLERANCES = {"rerank": 1e-4, "muvera": 1e-7}
CASES = [(kind, spec) for kind, specs in rows().items() for spec in specs]

pytestmark = [pytest.mark.filterwarnings("error"), pytest.mark.filterwarnings("ignore:prithvida")]


def expected(name: str, kind: str) -> Iterator[tuple[str, NDArray]]:
    beginning = f"{name}|{kind}|"
    return ((key.removeprefix(beginning), value) for key, value in EXPECTED.items() if key.startswith(beginning))


def compare(found: Results, name: str, kind: str) -> None:
    wanted = dict(expected(name, kind))
    assert found.keys() == wanted.keys()
    for what, array in wanted.items():
        assert found[what].dtype == array.dtype, what
        if array.dtype.kind == "i":
            np.testing.assert_array_equal(found[what], array, what)
        else:
            np.testing.assert_allclose(found[what], array, atol=TOLERANCES.get(kind, 1e-5), rtol=1e-5, err_msg=what)


@pytest.mark.parametrize(("kind", "spec"), CASES, ids=[f"{kind}-{spec.name}" for kind, spec in CASES])
def test_model(kind: str, spec: ModelSpec, tmp_path: Path) -> None:
    compare(CALLS[kind](COMPAT, spec, assemble(spec, tmp_path / "model")), spec.name, kind)


@pytest.mark.parametrize("option", BM25_OPTIONS)
@pytest.mark.parametrize("shipped", [True, False])
def test_bm25(option: str, shipped: bool, tmp_path: Path) -> None:
    folder = None if shipped else write_stopwords(tmp_path / "bm25")
    compare(bm25(COMPAT, option, folder), "bm25", option)


@pytest.mark.skipif(not hasattr(rapidembed, "ImageEmbedding"), reason="there are no pictures yet")
@pytest.mark.parametrize("name", compat_pictures.NAMES)
def test_pictures(name: str, tmp_path: Path) -> None:
    compare(compat_pictures.image(COMPAT, name, tmp_path), name, "image")


@pytest.mark.parametrize("name", compat_pages.NAMES)
def test_pages(name: str, tmp_path: Path) -> None:
    compare(compat_pages.pages(COMPAT, name, tmp_path), name, "pages")


def test_muvera() -> None:
    compare(muvera(COMPAT), "muvera", "")
