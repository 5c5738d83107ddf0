"""Thresholds: curves against scikit-learn's, and what is chosen on them."""

import json
from pathlib import Path

import numpy as np
import pytest
from rapidembed import TextEmbedding
from rapidembed.toolkit import calibrate, calibrate_background
from rapidembed.toolkit.calibration import Curve

from tests.golden import make_evaluation as golden

EXPECTED = json.loads(golden.PATH.read_text(encoding="utf-8"))
STATIC = "builtin:static-en"
ALIKE = [
    ("How do I cook rice?", "Rice is boiled in water for twenty minutes."),
    ("When does the train leave?", "The train departs at noon from platform two."),
    ("Who painted the ceiling?", "The painter of the ceiling was Michelangelo."),
    ("What do cats eat?", "A cat mostly eats meat and fish."),
    ("How is steel made?", "Steel is made of iron and carbon in a furnace."),
    ("How do I reset my password?", "A new password is set on the account page."),
]
PAIRS = [(q, d, True) for q, d in ALIKE] + [(ALIKE[i][0], ALIKE[i - 2][1], False) for i in range(6)]


def test_the_curve_is_scikit_learn_s() -> None:
    curve = Curve.of(*golden.scores())
    theirs = EXPECTED["curve"]  # with one more point, where nothing passes
    assert curve.thresholds.tolist() == theirs["thresholds"]
    assert curve.precision.tolist() == pytest.approx(theirs["precision"][:-1])
    assert curve.recall.tolist() == pytest.approx(theirs["recall"][:-1])
    assert curve.average_precision == pytest.approx(EXPECTED["average_precision"])


def test_labelled_pairs(tmp_path: Path) -> None:
    with TextEmbedding(STATIC) as model:
        best = calibrate(model, PAIRS)
        assert best.fingerprint == model.fingerprint
        scores = [float(model.encode_query(q) @ model.encode_document(d)) for q, d, _ in PAIRS]
        precise, complete = calibrate(model, PAIRS, precision=1.0), calibrate(model, PAIRS, recall=1.0)
    passed = [score >= best.threshold - 1e-6 for score in scores]
    hits = sum(p and label for p, (_, _, label) in zip(passed, PAIRS, strict=True))
    assert best.curve.f1.max() == pytest.approx(2 * hits / (sum(passed) + 6))
    wrong = [score for score, (_, _, label) in zip(scores, PAIRS, strict=True) if not label]
    right = [score for score, (_, _, label) in zip(scores, PAIRS, strict=True) if label]
    assert precise.threshold == pytest.approx(min(s for s in right if s > max(wrong)), abs=1e-6)
    assert complete.threshold == pytest.approx(min(right), abs=1e-6)
    assert "recall 1.000" in str(complete)
    best.plot(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_background(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queries, passages = [q for q, _ in ALIKE], [d for _, d in ALIKE] * 40
    found = calibrate_background(STATIC, queries, passages, passing=0.1)
    with TextEmbedding(STATIC) as model:
        scores = (model.encode_query(queries) @ model.encode_document(passages).T).ravel()
    assert (scores >= found.threshold - 1e-6).mean() == pytest.approx(0.1, abs=0.03)
    found.plot(tmp_path / "a.png")
    assert (tmp_path / "a.png").is_file()
    monkeypatch.setitem(calibrate_background.__globals__, "_PAIRS", 1000)
    drawn = calibrate_background(STATIC, queries, passages, passing=0.1)
    assert len(drawn.background) == 1000
    assert abs(drawn.threshold - found.threshold) < 0.1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: calibrate(STATIC, PAIRS[:6]), "must be of both kinds; all 6 are True"),
        (lambda: calibrate(STATIC, PAIRS, precision=2.0), "precision must be above 0 and at most 1"),
        (lambda: calibrate(STATIC, PAIRS, precision=0.9, recall=0.9), "not both"),
        (lambda: calibrate_background(STATIC, ["a"], ["b"]), "1 queries and 1 passages are too few pairs"),
        (lambda: calibrate_background(STATIC, ["a"], ["b"], passing=1), "passing must be between 0 and 1"),
        (lambda: Curve.of([1.0, np.nan], [True, False]), "equally many finite numbers"),
    ],
)
def test_what_does_not_fit_is_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_a_precision_that_is_not_to_be_had() -> None:
    pairs = [(q, d, False) for q, d in ALIKE] + [("cats", "steel", True)]
    with pytest.raises(ValueError, match=r"No threshold has a precision of 0.9; the best is"):
        calibrate(STATIC, pairs, precision=0.9)
    with pytest.raises(TypeError, match=r"pairs\[0\] must be \(query, document, True or False\)"):
        calibrate(STATIC, [("a", "b")])
