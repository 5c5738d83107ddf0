"""Distilling: the student learns, is the same every time, and opens elsewhere (tests/golden/make_static.py)."""

import hashlib
import json

import numpy as np
import pytest
from click.testing import CliRunner
from rapidembed import TextEmbedding, UnsupportedModelError
from rapidembed.cli.app import cli
from rapidembed.toolkit import distil
from rapidembed.toolkit.distillation import report as reports
from rapidembed.toolkit.distillation.fit import FitOptions, Samples, fit, mean_cosine
from rapidembed.toolkit.distillation.retrieval import first_sentence, mean_reciprocal_rank, pairs
from rapidembed.toolkit.distillation.student_vocabulary import StudentVocabulary
from rapidembed.toolkit.distillation.weighting import principal_directions, settle, sif_weights, unfitted

from tests.golden import static_variants
from tests.golden.variants import BASE

WORDS = ["hello", "world", "quick", "brown", "fox", "jumps", "over", "lazy", "dogs", "query", "passage", "topic"]


def sentences(count: int, seed: int = 1) -> list[str]:
    random = np.random.default_rng(seed)
    texts = [" ".join(random.choice(WORDS, random.integers(12, 20))).capitalize() for _ in range(2 * count)]
    return [
        f"{first}. {rest} {number}." for number, (first, rest) in enumerate(zip(texts[::2], texts[1::2], strict=True))
    ]


@pytest.fixture(autouse=True)
def little_documentation(monkeypatch):
    """The report's set: Python's own documentation takes seconds to read."""
    monkeypatch.setattr(
        "rapidembed.toolkit.distillation.student.library_documentation", lambda: iter(sentences(60, seed=2))
    )


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "rapidembed.toolkit.distillation.student.library_documentation", lambda: iter(sentences(60, seed=2))
        )
        return distil(BASE, sentences(2000), out=tmp_path_factory.mktemp("fitted"), dimensions=24, epochs=6)


def digest(folder, *files):
    return [hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in files]


def test_fitting_helps(fitted):
    assert len(fitted.cosines) == 7
    assert 1 - fitted.cosines[-1] < 0.5 * (1 - fitted.cosines[0])


def test_same_seed_same_model(tmp_path):
    files = ("model.safetensors", "tokenizer.json", "config.json", "modules.json")
    first, again, other = (
        distil(BASE, sentences(600), out=tmp_path / name, dimensions=24, epochs=1, seed=seed).folder
        for name, seed in (("first", 0), ("again", 0), ("other", 1))
    )
    assert digest(first, *files) == digest(again, *files)
    assert digest(first, files[0]) != digest(other, files[0])


def test_what_is_written(fitted):
    with TextEmbedding(fitted.folder) as student:
        assert student.info.architecture == "model2vec"
        assert student.embedding_size == 24
        np.testing.assert_allclose(np.linalg.norm(student.encode(["hello world"])), 1, atol=1e-6)
    card = (fitted.folder / "README.md").read_text(encoding="utf-8")
    assert str(fitted.report) in card
    assert f"base_model: {BASE}" in card
    assert str(fitted.folder) in str(fitted)


def _unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_report_names_its_sets(fitted):
    sets = [(result.texts, result.pairs) for result in fitted.report.retrieval]
    assert sets == [("held-out texts", 200), ("Python documentation", 60)]
    for result in fitted.report.retrieval:
        assert 0 < result.student <= 1
        assert result.kept == result.student / result.teacher
    assert fitted.report.student.bytes < fitted.report.teacher.bytes


def test_without_texts_and_float32(tmp_path):
    with TextEmbedding(BASE) as teacher:
        done = distil(teacher, out=tmp_path / "deep" / "plain", dimensions=32, stored="float32")
        assert teacher.encode("hello").shape == (32,)  # the caller's model stays open
    assert done.cosines == ()
    assert [result.texts for result in done.report.retrieval] == ["Python documentation"]
    assert json.loads((done.folder / "config.json").read_text())["embedding_dtype"] == "float32"
    assert TextEmbedding(done.folder).encode("hello").shape == (32,)
    assert not list(tmp_path.joinpath("deep").glob(".*"))  # nothing is left of the work


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"dimensions": 33}, ValueError, "dimensions must be at most 32, which .* has, got 33"),
        ({"dimensions": 0}, ValueError, "dimensions must be a positive integer"),
        ({"epochs": 0}, ValueError, "epochs must be a positive integer"),
        ({"stored": "int4"}, ValueError, "stored must be one of int8, float32, got 'int4'"),
        ({"texts": ["hello"] * 1000}, ValueError, "at least 500 different texts, got 1"),
        ({"texts": ["hello", None]}, TypeError, r"texts\[1\] must be a str, got NoneType"),
        ({"texts": "hello"}, TypeError, "must be an iterable of str, got one str"),
    ],
)
def test_bad_arguments_leave_nothing_behind(tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        distil(BASE, **{"out": tmp_path / "out", **options})
    assert not list(tmp_path.iterdir())


def test_a_folder_with_files_is_not_overwritten(tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(ValueError, match="must be a new or empty folder"):
        distil(BASE, out=tmp_path)


def test_static_models_are_not_teachers(tmp_path):
    folder = static_variants.assemble(static_variants.VARIANTS["float32"], tmp_path / "static")
    with pytest.raises(UnsupportedModelError, match="is static already"):
        distil(folder, out=tmp_path / "out", dimensions=8)


# The parts


def test_first_sentences_and_pairs():
    assert first_sentence("One. Two! Three?") == ("One.", "Two! Three?")
    assert first_sentence("  only one  ") == ("only one", "")
    long = "This sentence is the query. " + "And this is its document, which is long enough to count. " * 2
    found = pairs([long, long, "Too short. Really.", "x" * 200], most=10)
    assert found.queries == ["This sentence is the query."]
    assert len(pairs((f"{number} {long}" for number in range(9)), most=10)) == 1  # the same document


def test_mean_reciprocal_rank():
    documents = np.eye(12, dtype=np.float32)
    assert mean_reciprocal_rank(documents, documents) == 1
    second = np.roll(documents, 1, axis=0) + documents * 0.5
    assert mean_reciprocal_rank(second, documents) == 0.5
    last = 1 - documents
    assert mean_reciprocal_rank(last, documents) == 0  # rank 12 is beyond 10


def test_principal_directions_keep_the_most():
    random = np.random.default_rng(0)
    vectors = (random.standard_normal((500, 10)) * np.geomspace(10, 0.01, 10)).astype(np.float32)
    directions = principal_directions(vectors, 4)
    np.testing.assert_allclose(directions.T @ directions, np.eye(4), atol=1e-5)
    _, _, expected = np.linalg.svd(vectors, full_matrices=False)
    np.testing.assert_allclose(np.abs(np.einsum("ij,ij->i", directions.T, expected[:4])), 1, atol=1e-4)


def test_sif_weights():
    np.testing.assert_allclose(sif_weights(np.array([0, 1, 999])), [1, 0.5, 0.001 / 1.0], rtol=2e-3)


def test_unfitted_table():
    random = np.random.default_rng(0)
    tokens = (random.standard_normal((400, 8)) * [9, 4, 2, 1, 1, 1, 1, 1] + 5).astype(np.float32)
    table = unfitted(tokens, 3)
    frequencies = 1 / np.arange(2, 402)
    frequencies /= frequencies.sum()
    whole = table * ((1e-4 + frequencies) / 1e-4)[:, None]
    np.testing.assert_allclose(frequencies @ whole, 0, atol=1e-4)  # what tokens share is gone
    np.testing.assert_allclose(whole.std(axis=0) ** 2, [9, 4, 2], rtol=0.15)  # the square root of the spread


def test_what_is_kept_lies_between_the_tables():
    counts = np.array([0, 1, 999])
    first = np.array([[1, 0], [0, 1], [0, 0.5]], dtype=np.float32)
    fitted = np.array([[5, 5], [30, 0], [0, 40]], dtype=np.float32)
    scale = (1 * 30 + 999 * 40) / (1 * 1 + 999 * 0.5)
    damped = np.array([1, 0.5, 1e-3 / (1e-3 + 0.999)]) ** 0.25
    expected = [[scale, 0], [0.8 * 30, 0.2 * scale], [0, 0.8 * 40 + 0.2 * scale * 0.5]] * damped[:, None]
    np.testing.assert_allclose(settle(fitted, first, counts), expected, rtol=1e-5)


def test_gradient_is_that_of_the_loss(monkeypatch):
    """One step against the gradient of the loss as it is written down, by differences."""
    from rapidembed.toolkit.distillation import fit as module

    random = np.random.default_rng(0)
    table = random.standard_normal((7, 5)).astype(np.float32)
    ids = [[0, 1, 1], [2, 3], [4], [5, 6, 0]]
    targets = _unit(random.standard_normal((4, 5))).astype(np.float32)

    def loss(rows):
        units = _unit(np.stack([rows[text].sum(axis=0) for text in ids]).astype(np.float64))
        cosine = 1 - np.einsum("ij,ij->i", units, targets)
        wanted, got = (module._resembling(each.astype(np.float64)) for each in (targets, units))
        off = ~np.eye(4, dtype=bool)
        return cosine.sum() - module._RESEMBLANCE * (wanted[off] * np.log(got[off])).sum()

    moved = {}
    monkeypatch.setattr(
        module._Adam, "move", lambda _, rows, gradient, share: moved.update(zip(rows, gradient, strict=True))
    )
    module._step(module._Adam(table, 1.0), ids, targets, 1.0)
    for row in range(7):
        for column in range(5):
            step = np.zeros((7, 5))
            step[row, column] = 1e-5
            numeric = (loss(table + step) - loss(table - step)) / 2e-5
            assert moved[row][column] == pytest.approx(numeric, abs=2e-3)


def test_fitting_stops_when_held_out_texts_stop_gaining():
    random = np.random.default_rng(0)
    table = random.standard_normal((20, 8)).astype(np.float32)
    noise = Samples([[i % 20, (i * 7) % 20] for i in range(64)], _unit(random.standard_normal((64, 8))).astype("f4"))
    other = Samples(noise.ids, _unit(random.standard_normal((64, 8))).astype("f4"))
    result = fit(table, noise, other, FitOptions(epochs=50, batch_size=9, rate=0.5))
    assert len(result.cosines) < 51
    assert mean_cosine(result.table, other) == pytest.approx(max(result.cosines), abs=1e-6)


def test_vocabulary_loses_only_what_it_may(tmp_path):
    whole = StudentVocabulary.read(BASE / "tokenizer.json", drop="nothing", lower_case=False)
    less = StudentVocabulary.read(BASE / "tokenizer.json", drop=r"##\d|\[.*\]", lower_case=True)
    assert len(whole.teacher_ids) - len(less.teacher_ids) == 10  # special tokens stay
    less.write(tmp_path / "tokenizer.json")
    vocabulary = less.tokenizer["model"]["vocab"]
    assert sorted(vocabulary.values()) == list(range(len(less.teacher_ids)))
    original = whole.tokenizer["model"]["vocab"]
    assert all(original[token] == less.teacher_ids[number] for token, number in vocabulary.items())
    unigram = static_variants.assemble(static_variants.VARIANTS["unigram"], tmp_path / "unigram") / "tokenizer.json"
    assert (
        len(StudentVocabulary.read(unigram, drop=".*", lower_case=False).teacher_ids) == 16
    )  # its pieces hang together


def test_command(tmp_path, monkeypatch):
    lines = "".join(json.dumps({"text": text}) + "\n" for text in sentences(600))
    (tmp_path / "mine.jsonl").write_text(lines)
    options = ["--dim", "16", "--epochs", "1", "--out", str(tmp_path / "made"), "-q"]
    done = CliRunner().invoke(cli, ["distil", str(BASE), "--texts", str(tmp_path / "mine.jsonl"), *options])
    assert done.exit_code == 0, done.output
    assert "MRR@10, held-out texts" in done.output
    assert TextEmbedding(tmp_path / "made").embedding_size == 16


@pytest.mark.parametrize(
    ("line", "message"),
    [("{", "line 2 is not JSON"), ('{"body": "x"}', "--column names another field"), ("7", "got int 7")],
)
def test_command_names_the_line_without_a_text(tmp_path, line, message):
    (tmp_path / "mine.jsonl").write_text('"fine"\n' + line + "\n")
    failed = CliRunner().invoke(cli, ["distil", str(BASE), "--texts", str(tmp_path / "mine.jsonl")])
    assert failed.exit_code == 1
    assert message in failed.output


def test_speeds_are_of_both():
    side = reports.Side(4, 10, 200.0)
    text = str(reports.Report("teacher", reports.Side(8, 100, 10.0), side, (reports.Retrieval("x", 5, 0.8, 0.6),)))
    assert "| texts/s | 10 | 200 | 20x |" in text
    assert "| MRR@10, x (5 pairs) | 0.800 | 0.600 | 75.0% |" in text
