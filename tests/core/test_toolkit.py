"""Fusion, MaxSim and MUVERA against cases by hand, fastembed's encodings and its published first values."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidembed.tasks.chunks import chunks
from rapidembed.toolkit import fuse
from rapidembed.toolkit.max_sim import max_sim
from rapidembed.toolkit.muvera import Muvera, _nearest_occupied

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "muvera.json").read_text(encoding="utf-8"))


def unit_vectors(dim: int, count: int) -> np.ndarray:
    drawn = np.random.default_rng(count).normal(size=(count, dim))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


# Fusion


def test_reciprocal_rank_by_hand() -> None:
    fused = fuse.reciprocal_rank([["a", "b", "c"], ["b", "d"], []])
    assert fused == [("b", 1 / 62 + 1 / 61), ("a", 1 / 61), ("d", 1 / 62), ("c", 1 / 63)]
    fused = fuse.reciprocal_rank([[1, 2], [2, 3]], k=1, weights=[2.0, 0.5])
    assert fused == [(1, 2 / 2), (2, 2 / 3 + 0.5 / 2), (3, 0.5 / 3)]
    assert fuse.reciprocal_rank([]) == []


def test_weighted_by_hand() -> None:
    fused = fuse.weighted([{"a": 3.0, "b": 1.0}, [("b", 10.0), ("c", -1.0)]], weights=[1.0, 0.5])
    assert fused == [("b", 6.0), ("a", 3.0), ("c", -0.5)]
    assert fuse.weighted([{"x": 1.0}, {"y": 1.0}]) == [("x", 1.0), ("y", 1.0)]


def test_relative_score_by_hand() -> None:
    # 9, 5, 1 -> 1, 0.5, 0; 0.8, 0.6 -> 1, 0; 7 alone -> 1.
    fused = fuse.relative_score([{"a": 9, "b": 5, "c": 1}, {"b": 0.8, "d": 0.6}, {"c": 7}], weights=[1, 2, 0.25])
    assert fused == [("b", 2.5), ("a", 1.0), ("c", 0.25), ("d", 0.0)]
    assert fuse.relative_score([{"a": -5.0, "b": -5.0}]) == [("a", 1.0), ("b", 1.0)]
    assert fuse.relative_score([{}, {}]) == []


@given(st.lists(st.dictionaries(st.integers(0, 9), st.floats(-1e6, 1e6), max_size=6), max_size=4))
def test_fused_rankings_hold_everything_once_in_order(searches: list[dict[int, float]]) -> None:
    rankings = [list(search) for search in searches]
    everything = {item for search in searches for item in search}
    for fused in (fuse.reciprocal_rank(rankings), fuse.weighted(searches), fuse.relative_score(searches)):
        assert {item for item, _ in fused} == everything
        assert len(fused) == len(everything)
        assert all(one >= two for (_, one), (_, two) in pairwise(fused))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fuse.reciprocal_rank([["a"], ["b", "b"]]), r"rankings\[1\] names an item twice"),
        (lambda: fuse.reciprocal_rank([["a"]], k=0), "k must be a positive integer"),
        (lambda: fuse.reciprocal_rank([["a"]], weights=[1, 2]), "one number for each of the 1 searches, got 2"),
        (lambda: fuse.weighted([{"a": 1.0}], weights=[-1.0]), "weights must be finite numbers from 0 on"),
        (lambda: fuse.weighted([[("a", 1.0), ("a", 2.0)]]), r"searches\[0\] scores an item twice"),
        (lambda: fuse.relative_score([{"a": float("nan")}]), "scores must be finite"),
    ],
)
def test_fusion_of_what_does_not_fit(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


# MaxSim


def test_runs_of_sets_hold_as_many_vectors_and_sets_as_they_may() -> None:
    lengths = [1, 2, 1, 9, 1, 1, 1]
    assert list(chunks(lengths, 4)) == [(0, 3), (3, 4), (4, 7)]
    assert list(chunks(lengths, 4, 2)) == [(0, 2), (2, 3), (3, 4), (4, 6), (6, 7)]
    assert list(chunks([], 4)) == []


def test_max_sim_by_hand_and_by_definition() -> None:
    query = np.array([[1.0, 0.0], [0.0, 1.0]])
    documents = [np.array([[0.5, 0.1], [0.2, 0.9], [0.4, 0.4]]), np.array([[0.3, 0.3]]), -query]
    np.testing.assert_allclose(max_sim(query, documents), [1.4, 0.6, 0.0], rtol=1e-6)
    query, documents = unit_vectors(32, 9), [unit_vectors(32, count) for count in (1, 7, 300, 2)]
    scores = max_sim(query, documents)
    np.testing.assert_allclose(scores, [(query @ d.T).max(axis=1).sum() for d in documents], rtol=1e-5)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(max_sim(query, np.stack([documents[1]] * 3)), [scores[1]] * 3, rtol=1e-6)
    assert max_sim(query, []).shape == (0,)


def test_max_sim_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    query, documents = unit_vectors(16, 5), [unit_vectors(16, 1 + count % 9) for count in range(50)]
    whole = max_sim(query, documents)
    monkeypatch.setitem(max_sim.__globals__, "_CHUNK_VECTORS", 10)
    np.testing.assert_allclose(max_sim(query, documents), whole, rtol=1e-6)


@pytest.mark.parametrize("bad", [np.ones(4), np.ones((2, 3)), np.ones((0, 4))])
def test_max_sim_names_what_does_not_fit(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"documents\[1\] must be an array \(m, 4\)"):
        max_sim(np.ones((2, 4)), [np.ones((1, 4)), bad])
    with pytest.raises(ValueError, match="query must be an array"):
        max_sim(np.ones(4), [])


# MUVERA


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: f"{case['arguments']} {case['vectors']}")
def test_muvera_equals_fastembed(case: dict) -> None:
    muvera, vectors = Muvera(*case["arguments"]), unit_vectors(case["arguments"][0], case["vectors"])
    for how, expected in case["expected"].items():
        encoded = muvera.process(vectors, how[0] == "1", how[1] == "1")
        assert (encoded.shape, encoded.dtype) == ((muvera.embedding_size,), np.float32)
        np.testing.assert_allclose(encoded[:: GOLDEN["sample"]], expected, atol=2e-6)
    assert np.array_equal(muvera.process_document(vectors), muvera.process(vectors))
    assert np.array_equal(muvera.process_query(vectors), muvera.process(vectors, False, False))


def test_muvera_s_published_first_values() -> None:
    # fastembed's own test; its numbers are double precision.
    vectors = np.random.default_rng(42).random((10, 128))
    muvera = Muvera(dim=128, k_sim=5, dim_proj=16, r_reps=20, random_seed=42)
    np.testing.assert_allclose(muvera.process(vectors)[:3], [-2.61810007e-04, 1.89005750, -2.32070747], atol=1e-6)
    query = muvera.process_query(vectors)
    np.testing.assert_allclose(query[query != 0][:3], [-0.85783903, 1.1077204, -0.09522747], atol=1e-6)


def test_many_sets_are_encoded_as_each_alone() -> None:
    sets = [unit_vectors(32, 1 + count * 7 % 90) for count in range(250)]
    for k_sim in (2, 9, 12):
        muvera = Muvera(32, k_sim=k_sim, dim_proj=4, r_reps=3)
        some = sets if k_sim == 2 else sets[:30]
        np.testing.assert_allclose(
            muvera.process_documents(some), [muvera.process_document(each) for each in some], atol=1e-6
        )
        np.testing.assert_allclose(
            muvera.process_queries(some), [muvera.process_query(each) for each in some], atol=1e-6
        )
    assert muvera.process_documents([]).shape == (0, muvera.embedding_size)


def test_muvera_estimates_max_sim() -> None:
    generator = np.random.default_rng(7)
    documents = [unit_vectors(64, count) for count in range(20, 60)]
    muvera = Muvera(64, k_sim=4, dim_proj=32, r_reps=40)
    encoded = muvera.process_documents(documents)
    for wanted in (3, 17, 30):
        query = documents[wanted][:12] + generator.normal(size=(12, 64)).astype(np.float32) * 0.03
        assert int(np.argmax(max_sim(query, documents))) == wanted
        assert wanted in np.argsort(encoded @ muvera.process_query(query))[-3:]


@given(
    st.integers(1, 6).flatmap(lambda bits: st.tuples(st.just(bits), st.sets(st.integers(0, 2**bits - 1), min_size=1)))
)
def test_nearest_cluster_by_definition(given: tuple[int, set[int]]) -> None:
    bits, occupied = given
    mask = np.isin(np.arange(2**bits), list(occupied))[None]
    expected = [min(occupied, key=lambda o, c=c: ((o ^ c).bit_count(), o)) for c in range(2**bits)]
    assert _nearest_occupied(mask, bits)[0].tolist() == expected


def test_a_vector_on_a_hyperplane_falls_where_double_precision_says() -> None:
    muvera = Muvera(8, k_sim=3, dim_proj=2, r_reps=5)
    plane = muvera._hyperplanes[:, 4]
    vectors = np.random.default_rng(3).normal(size=(500, 8))
    vectors -= np.outer(vectors @ plane / (plane @ plane), plane) * (1 + 1e-9)
    sides = (vectors @ muvera._hyperplanes > 0).reshape(500, 5, 3) @ (1, 2, 4)
    assert np.array_equal(muvera._hash(vectors.astype(np.float32), vectors), sides)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dim": 8, "dim_proj": 9}, "dim_proj must be at most dim, which is 8; got 9"),
        ({"dim": 0}, "dim must be a positive integer"),
        ({"dim": 32, "k_sim": 17}, "k_sim must be at most 16"),
        ({"dim": 32, "r_reps": 0}, "r_reps must be a positive integer"),
    ],
)
def test_impossible_muveras(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Muvera(**arguments)


@pytest.mark.parametrize("bad", [np.ones(16), np.ones((3, 15)), np.ones((0, 16))])
def test_muvera_names_what_does_not_fit(bad: np.ndarray) -> None:
    muvera = Muvera(16)
    with pytest.raises(ValueError, match=r"Set 1 must be an array \(n, 16\) of at least one vector"):
        muvera.process_documents([np.ones((2, 16)), bad])
    with pytest.raises(ValueError, match=r"at least one vector"):
        muvera.process_query(bad)


def test_from_multivector_model() -> None:
    class Model:
        embedding_size = 24

    muvera = Muvera.from_multivector_model(Model(), k_sim=2, dim_proj=8, r_reps=3, random_seed=1)
    assert (muvera.dim, muvera.embedding_size) == (24, 3 * 4 * 8)
