"""Folders drawn at random come out as sentence-transformers has them, or are refused by name: ``make reference``."""

import os

import pytest

pytest.importorskip("sentence_transformers")

from tests.reference.fuzz import draw, run

FIRST, LAST = (int(seed) for seed in os.environ.get("RAPIDEMBED_TEST_SEEDS", "0:60").split(":"))


@pytest.mark.reference
@pytest.mark.parametrize("seed", range(FIRST, LAST))
def test_a_folder_is_what_it_is_to_its_author(seed: int) -> None:
    outcome, done = run(draw(seed))
    assert outcome.kind in ("equal", "refused", "not run"), f"{outcome.kind}: {outcome.detail}\n" + "\n".join(done)
