"""The soak test itself, for a moment; ``make soak`` runs it for an hour."""

import time
from pathlib import Path

import pytest
from rapidembed import TextEmbedding

from tests.soak.__main__ import run
from tests.soak.models import Model
from tests.soak.state import State
from tests.soak.work import Work


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_mixed_work_leaves_nothing(tmp_path: Path) -> None:
    lines, well = run(40, tmp_path)
    assert well, lines


@pytest.mark.filterwarnings("ignore")
def test_wrong_results_and_growth_are_seen(tmp_path: Path) -> None:
    model = Model("static", tmp_path / "model")
    before = State.at_rest()  # what earlier tests left is gone
    work = Work([model], tmp_path, 1)
    model.expected = [each + 1 for each in model.expected]
    work.start()
    until = time.monotonic() + 20
    while not work.wrong and time.monotonic() < until:
        time.sleep(0.01)
    work.stop()
    assert sum(work.wrong.values()) > 0
    model.close()
    kept = [TextEmbedding(model.folder), (tmp_path / "open").open("w")]
    grown = " ".join(State.now().grown(before))
    assert all(what in grown for what in ("engines", "files"))
    for each in kept:
        each.close()
