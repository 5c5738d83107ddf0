"""Layouts on disk: what is kept where no layout can tell a model."""

from pathlib import Path

import pytest
from rapidembed import UnsupportedModelError
from rapidembed.graph.kept_layout import Found, cached_layout


def test_a_kept_refusal_names_the_folder_that_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPIDEMBED_CACHE_DIR", str(tmp_path / "cache"))
    asked = []

    def ask(folder: Path) -> str:
        def find() -> Found:
            asked.append(folder)
            raise UnsupportedModelError(f"{folder}/config.json: no.")

        with pytest.raises(UnsupportedModelError) as caught:
            cached_layout("key", find, folder)
        return str(caught.value)

    one, other = tmp_path / "one", tmp_path / "other"
    assert [ask(one), ask(other), ask(one)] == [f"{folder}/config.json: no." for folder in (one, other, one)]
    assert asked == [one]
    (kept,) = (tmp_path / "cache" / "graphs").iterdir()
    assert str(one) not in kept.read_text(encoding="utf-8")
