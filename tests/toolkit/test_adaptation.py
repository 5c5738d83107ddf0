"""Adapters: the gradient against finite differences, what training finds, what it refuses, and every way to use one."""

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from rapidembed import IntegrityError, NoImprovementError, TextEmbedding
from rapidembed.cli.app import cli
from rapidembed.runtime.adapter import Adapter
from rapidembed.tasks.unit import unit_rows
from rapidembed.toolkit import Adaptation, adapt, fit_adapter
from rapidembed.toolkit.adaptation import selection
from rapidembed.toolkit.adaptation.factors import factors, kept, rank_of
from rapidembed.toolkit.adaptation.loss import Batch, gradient
from rapidembed.toolkit.adaptation.mining import hard_negatives
from rapidembed.toolkit.adaptation.training import NONE, Pairs

STATIC = "builtin:static-en"
RANDOM = np.random.default_rng(3)


def units(*shape: int, seed: int = 0) -> np.ndarray:
    return unit_rows(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def rotated(count: int, dim: int = 32, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Queries that are their documents, seen through a matrix that is to be undone."""
    random = np.random.default_rng(1)
    documents = units(count, dim, seed=2)
    skew = np.eye(dim) + random.normal(size=(dim, dim)) * 0.35
    queries = unit_rows((documents @ skew + noise * random.normal(size=(count, dim))).astype(np.float32))
    return queries, documents


@pytest.fixture(scope="module")
def trained() -> Adaptation:
    return fit_adapter(*rotated(600), sides="query")


# The loss


@pytest.mark.parametrize("too", [False, True])
def test_the_gradient_is_that_of_the_loss(too: bool) -> None:
    dim, pairs = 5, 7
    batch = Batch(
        unit_rows(RANDOM.normal(size=(pairs, dim))),
        unit_rows(RANDOM.normal(size=(pairs + 3, dim))),
        np.zeros((pairs, pairs + 3), bool),
    )
    batch.same[0, 4] = batch.same[4, 0] = batch.same[2, 8] = True
    matrix = np.eye(dim) + 0.3 * RANDOM.normal(size=(dim, dim))
    _, found = gradient(matrix, batch, documents_too=too, temperature=0.1)
    step = 1e-6
    for row, column in np.ndindex(dim, dim):
        change = np.zeros((dim, dim))
        change[row, column] = step
        more, less = (
            gradient(matrix + sign * change, batch, documents_too=too, temperature=0.1)[0] for sign in (1, -1)
        )
        assert found[row, column] == pytest.approx((more - less) / (2 * step), abs=1e-5)


def test_the_loss_is_cross_entropy_both_ways() -> None:
    queries, documents = units(4, 6, seed=5), units(4, 6, seed=6)
    scores = (queries @ documents.T / 0.05).astype(np.float64)
    rows = -(np.diag(scores) - np.log(np.exp(scores).sum(axis=1))).mean()
    columns = -(np.diag(scores) - np.log(np.exp(scores).sum(axis=0))).mean()
    batch = Batch(queries, documents, np.zeros((4, 4), bool))
    loss, _ = gradient(np.eye(6, dtype=np.float32), batch, documents_too=True, temperature=0.05)
    assert loss == pytest.approx((rows + columns) / 2, rel=1e-4)


def test_a_batch_knows_what_answers_twice_and_what_is_not_there() -> None:
    pairs = Pairs(units(3, 4), units(5, 4), np.array([0, 1, 0]), np.array([[2, NONE], [3, 4], [NONE, NONE]]))
    batch = pairs.batch(np.array([0, 1, 2]))
    assert np.array_equal(batch.documents, pairs.documents[[0, 1, 0, 2, 3, 4]])
    assert np.argwhere(batch.same).tolist() == [[0, 2], [2, 0]]


# Training


def test_a_skew_is_undone(trained: Adaptation) -> None:
    assert trained.after > trained.before + 5 * trained.error
    queries, documents = rotated(1500)  # the first 600 are those it was trained on
    fresh, pool = queries[600:], documents[600:]
    before, after = fresh @ pool.T, unit_rows(trained.adapter.apply(fresh)) @ pool.T
    own = np.arange(900)
    assert (after.argmax(axis=1) == own).mean() > (before.argmax(axis=1) == own).mean() + 0.05


def test_reciprocal_ranks_by_definition() -> None:
    queries, documents = rotated(40, noise=3.0)
    pairs = Pairs(queries, documents, np.arange(40)[::-1].copy(), np.empty((40, 0), np.int64))
    pool = np.arange(40)
    matrix = np.eye(32, dtype=np.float32) + 0.1 * units(32, 32)
    turned = unit_rows(documents @ matrix)
    for too in (False, True):
        order = np.argsort(-(unit_rows(queries @ matrix) @ (turned if too else documents).T), axis=1)
        ranks = [1 + row.tolist().index(own) for row, own in zip(order, pairs.answers, strict=True)]
        wanted = [1 / rank if rank <= 10 else 0 for rank in ranks]
        assert selection.reciprocal_ranks(pairs, pool, matrix, too).tolist() == pytest.approx(wanted)


def test_noise_is_refused() -> None:
    with pytest.raises(NoImprovementError, match=r"on 200 held-out queries MRR@10 went from .* chance may explain"):
        fit_adapter(units(200, 32, seed=8), units(200, 32, seed=9))


def test_many_pairs_are_measured_on_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "FEW_PAIRS", 500)
    done = fit_adapter(*rotated(600), sides="both")
    assert done.held_out == 60
    assert done.after > done.before


def test_hard_negatives_are_near_and_no_answers() -> None:
    documents = units(50, 16, seed=4)
    queries = unit_rows(documents[:8] + 0.5 * units(8, 16, seed=5))
    documents[20] = documents[0]  # another answer that nobody marked
    found = hard_negatives(queries, documents, np.arange(8), 3)
    scores = queries @ documents.T
    for query, rows in enumerate(found):
        allowed = [row for row in np.argsort(-scores[query]) if scores[query, row] <= 0.95 * scores[query, query]]
        np.testing.assert_allclose(scores[query, rows], scores[query, allowed[:3]])  # two of them are the same
    assert 20 not in found[0]


def test_factors_are_exact_or_near_and_below_a_megabyte() -> None:
    small = RANDOM.normal(size=(300, 300)).astype(np.float32)
    down, up = factors(small)
    assert np.array_equal(down @ up, small)
    assert rank_of(1024) < 130
    low = (RANDOM.normal(size=(1024, 20)) @ RANDOM.normal(size=(20, 1024))).astype(np.float32)
    down, up = factors(low)
    assert (down.nbytes + up.nbytes) < 1_000_000
    np.testing.assert_allclose(down @ up, low, atol=1e-2)
    np.testing.assert_allclose(kept(np.eye(1024, dtype=np.float32) + low), np.eye(1024) + low, atol=1e-2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"queries": units(60, 4)[0]}, r"queries must be \(vectors, dimensions\), got an array of shape \(4,\)"),
        ({"documents": units(60, 5)}, "queries have 4 dimensions, documents 5"),
        ({"queries": units(49, 4)}, "at least 50 pairs, got 49"),
        ({"documents": units(61, 4)}, "go by pairs; got 60 and 61"),
        ({"answers": [60] * 60}, "answers must be rows of the 60 documents, got 60 to 60"),
        ({"answers": [1] * 59}, "one row for each of 60 queries, got 59"),
        ({"negatives": [[1]] * 59}, "rows for each of 60 queries, got 59"),
        ({"negatives": [[1]] * 59 + [[0.5]]}, r"negatives\[59\] must be a list of whole numbers"),
        ({"mine": 60}, "mine must be below the number of documents, 60; got 60"),
        ({"mine": -1}, "mine must be a positive integer"),
        ({"sides": "document"}, 'sides must be "query" or "both"'),
        ({"epochs": 0}, "epochs must be a positive integer"),
        ({"rate": 0.0}, "rate must be a positive number"),
        ({"temperature": float("nan")}, "temperature must be a positive number"),
        ({"documents": np.full((60, 4), np.nan, np.float32)}, "documents holds NaN or infinity"),
    ],
)
def test_what_does_not_fit_is_named(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_adapter(**{"queries": units(60, 4), "documents": units(60, 4), **change})


# The file


def test_a_file_comes_back(trained: Adaptation, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    trained.adapter.save(path)
    read = Adapter.load(path)
    assert np.array_equal(read.down, trained.adapter.down)
    assert np.array_equal(read.up, trained.adapter.up)
    assert (read.sides, read.digest) == ("query", trained.adapter.digest)


def test_other_files_are_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save

    path = tmp_path / "a.safetensors"
    with pytest.raises(FileNotFoundError, match="No adapter at"):
        Adapter.load(path)
    good = {"down": np.zeros((4, 2), np.float32), "up": np.zeros((2, 4), np.float32)}
    facts = {"rapidembed.adapter": "1", "sides": "both"}
    for content, message in [
        (b"nothing", "cannot be read as safetensors"),
        (save(good), "no adapter of this version"),
        (save(good, {**facts, "sides": "left"}), "sides must be one of query, both, got 'left'"),
        (save({"down": good["down"]}, facts), "expected float32 tensors down and up"),
        (save({**good, "up": np.zeros((3, 4), np.float32)}, facts), r"up \(rank, dimensions\)"),
        (save({**good, "up": np.full((2, 4), np.inf, np.float32)}, facts), "NaN or infinity"),
    ]:
        path.write_bytes(content)
        with pytest.raises(IntegrityError, match=message):
            Adapter.load(path)


# In models


@pytest.fixture
def saved(tmp_path: Path) -> dict[str, Path]:
    """An adapter of each kind for the static model."""
    down, up = RANDOM.normal(size=(256, 8)).astype(np.float32), RANDOM.normal(size=(8, 256)).astype(np.float32)
    paths = {sides: tmp_path / f"{sides}.safetensors" for sides in ("query", "both")}
    for sides, path in paths.items():
        Adapter(down, up * 0.1, sides).save(path)
    return paths


TEXTS = ["a cat sat on the mat", "shares fell in London", "printers without paper"]


@pytest.mark.parametrize("sides", ["query", "both"])
def test_vectors_are_turned_before_they_are_cut(saved: dict[str, Path], sides: str) -> None:
    adapter = Adapter.load(saved[sides])
    with TextEmbedding(STATIC, normalize=False) as plain:
        vectors = plain.encode(TEXTS)
    turned = unit_rows(adapter.apply(vectors)[:, :100])
    frozen = unit_rows(vectors[:, :100])
    with TextEmbedding(STATIC, adapter=saved[sides], dimensions=100) as model:
        np.testing.assert_allclose(model.encode_query(TEXTS), turned, atol=1e-6)
        np.testing.assert_allclose(model.encode_query(TEXTS[0]), turned[0], atol=1e-6)
        np.testing.assert_allclose(list(model.query_embed(TEXTS)), turned, atol=1e-6)
        for others in (model.encode_document(TEXTS), model.encode(TEXTS), list(model.passage_embed(TEXTS))):
            np.testing.assert_allclose(others, turned if sides == "both" else frozen, atol=1e-6)
        assert model.info.adapter == sides


def test_fingerprints_and_copies_know_the_adapter(saved: dict[str, Path]) -> None:
    with TextEmbedding(STATIC) as plain:
        prints = {plain.fingerprint}
        assert plain.info.adapter is None
    for path in saved.values():
        with TextEmbedding(STATIC, adapter=path) as model:
            prints.add(model.fingerprint)
            for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
                assert other.fingerprint == model.fingerprint
                assert np.array_equal(other.encode_query(TEXTS), model.encode_query(TEXTS))
    assert len(prints) == 3


def test_an_adapter_is_for_one_model(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    Adapter(np.zeros((384, 1), np.float32), np.zeros((1, 384), np.float32), "both").save(path)
    with pytest.raises(ValueError, match="takes vectors of 384 dimensions, those of builtin:static-en have 256"):
        TextEmbedding(STATIC, adapter=path)
    Adapter(np.zeros((256, 1), np.float32), np.zeros((1, 256), np.float32), "both", "other", "0" * 32).save(path)
    with pytest.raises(ValueError, match="trained over other, whose weights are not those of builtin:static-en"):
        TextEmbedding(STATIC, adapter=path)
    with pytest.raises(FileNotFoundError, match="No adapter at"):
        TextEmbedding(STATIC, adapter=tmp_path / "none")
    with pytest.raises(ValueError, match="adapter must be a path or None, got 3"):
        TextEmbedding(STATIC, adapter=3)


def domain(count: int) -> list[tuple[str, str]]:
    """Pairs in which words mean other words, which no model can know."""
    words = ["red", "tiger", "sad", "seven", "piano", "rain", "gold", "river", "bread", "doctor", "train", "candle"]
    others = words[5:] + words[:5]
    random = np.random.default_rng(0)
    rows = [random.choice(12, size=4, replace=False) for _ in range(count)]
    return [(" ".join(words[i] for i in row), " ".join(others[i] for i in row)) for row in rows]


def test_adapt_learns_from_texts_and_what_it_writes_is_used(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    pairs = domain(150)
    done = adapt(
        STATIC, [(*pair, [pairs[i - 1][1]]) for i, pair in enumerate(pairs)], out=path, mine=1, epochs=3, rate=5e-3
    )
    assert done.after > done.before
    assert path.stat().st_size < 1_000_000
    assert str(done).startswith("MRR@10 of 150 held-out queries: ")
    queries, documents = zip(*domain(250)[150:], strict=True)
    found = []
    for adapter in (None, path):
        with TextEmbedding(STATIC, adapter=adapter) as model:
            scores = model.encode_query(queries) @ model.encode_document(documents).T
        found.append((scores >= np.diag(scores)[:, None]).sum(axis=1).mean())
    assert found[1] < found[0] / 2
    with TextEmbedding(STATIC, adapter=path) as model, pytest.raises(ValueError, match="leave out adapter"):
        adapt(model, pairs)


@pytest.mark.parametrize(
    ("pairs", "error", "message"),
    [
        ([("a", "b")] * 49, ValueError, "at least 50 pairs, got 49"),
        ([("a", "b"), ("a",)], TypeError, r"pairs\[1\] must be \(query, document\).* got 1 items"),
        ([("a", None)], TypeError, r"pairs\[0\]\[1\] must be a str, got NoneType"),
        ([("a", "b", "c")], TypeError, r"pairs\[0\]\[2\] must be a list of texts, got str"),
        ([("a", "b", ["c", 1])], TypeError, r"pairs\[0\]\[2\]\[1\] must be a str, got int"),
        (["ab"], TypeError, r"pairs\[0\] must be .* got str"),
    ],
)
def test_wrong_pairs_are_named(pairs: list, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        adapt("no such model", pairs)


def test_the_command(tmp_path: Path) -> None:
    pairs, out = tmp_path / "pairs.csv", tmp_path / "a.safetensors"
    pairs.write_text("question,answer\n" + "".join(f"{q},{d}\n" for q, d in domain(100)), encoding="utf-8")
    done = CliRunner().invoke(cli, ["adapt", STATIC, "--pairs", str(pairs), "-o", str(out), "-q", "--epochs", "4"])
    assert done.exit_code == 0, done.output
    assert "MRR@10 of 100 held-out queries" in done.output
    lines = tmp_path / "lines.txt"
    lines.write_text("red tiger\n", encoding="utf-8")
    done = CliRunner().invoke(cli, ["embed", "-m", STATIC, "--adapter", str(out), str(lines)])
    assert done.exit_code == 0, done.output
    pairs.write_text("question,text\na,b\n", encoding="utf-8")
    done = CliRunner().invoke(cli, ["adapt", STATIC, "--pairs", str(pairs), "-o", str(out), "-q"])
    assert "pairs.csv:2: expected a field document or passage or positive or answer, got question, text" in done.output


def test_a_compiled_folder_has_it(tmp_path: Path, minilm: str) -> None:
    path, folder = tmp_path / "a.safetensors", tmp_path / "compiled"
    down, up = RANDOM.normal(size=(384, 4)).astype(np.float32), RANDOM.normal(size=(4, 384)).astype(np.float32)
    Adapter(down, up * 0.1, "query").save(path)
    done = CliRunner().invoke(cli, ["compile", minilm, "--adapter", str(path), "-o", str(folder)])
    assert done.exit_code == 0, done.output
    with TextEmbedding(minilm, adapter=path) as model, TextEmbedding(folder) as compiled:
        assert compiled.fingerprint == model.fingerprint
        assert compiled.info.adapter == "query"
        np.testing.assert_allclose(compiled.encode_query(TEXTS), model.encode_query(TEXTS), atol=1e-6)
