"""``rapidembed migrate-check``: which class gives the vectors of an index."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from rapidembed import TextEmbedding
from rapidembed.cli.app import cli
from rapidembed.compat import TextEmbedding as Compat
from rapidembed.compat.check import compare

TEXTS = ["hello world", "the quick brown fox", "two dogs"]
PREFIXED = "intfloat/multilingual-e5-large"


def run(*words: object, code: int = 0) -> str:
    done = CliRunner().invoke(cli, ["migrate-check", *map(str, words)])
    assert done.exit_code == code, done.output
    return done.output


def test_a_model_that_both_see_alike(minilm: str, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.stack(list(Compat(minilm).embed(TEXTS))) * 3)
    (tmp_path / "t.txt").write_text("\n".join(TEXTS))
    shown = run(minilm, tmp_path / "v.npy", tmp_path / "t.txt")
    assert shown.count("the same") == 3
    np.save(tmp_path / "v.npy", np.random.default_rng(0).normal(size=(3, 384)))
    shown = run(minilm, tmp_path / "v.npy", tmp_path / "t.txt", code=1)
    assert shown.count("different") == 3
    assert "No class gives these vectors" in shown
    assert "are not one" not in shown


def test_a_model_with_prompts_tells_them_apart(minilm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from rapidembed.registry import ModelSpec

    monkeypatch.setattr(ModelSpec, "document_prompt", "passage: ")
    stored = TextEmbedding(minilm, prompts={"document": "passage: "}).encode_document(TEXTS)
    first, *others = compare(minilm, stored, TEXTS)
    assert (first.way, first.verdict) == ("rapidembed.TextEmbedding.encode_document", "the same")
    assert [match.verdict for match in others] == ["different", "different"]


def test_what_cannot_be_compared(minilm: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"3 texts need an array \(3, dimensions\), got \(2, 384\)"):
        compare(minilm, np.ones((2, 384)), TEXTS)
    with pytest.raises(ValueError, match="The index has 3 dimensions, the model 384"):
        compare(minilm, np.ones((3, 3)), TEXTS)
    found = compare(PREFIXED, np.ones((3, 1024)), TEXTS, {"cache_dir": tmp_path, "local_files_only": True})
    assert {match.verdict for match in found} == {"not tried"}
    assert all("multilingual-e5-large" in match.reason for match in found)
