"""Tokenizers put together from vocabularies give the ids of tokenizer.json, and of transformers where noted."""

import json
import shutil
from pathlib import Path

import pytest
from rapidembed import IntegrityError, TextEmbedding, UnsupportedModelError
from rapidembed.runtime.tokenizer_files import load_tokenizer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

TINY = Path(__file__).parents[1] / "golden" / "base"
TEXTS = [
    "",
    "hello world",
    "The QUICK brown fox, jumps over 2 lazy dogs!",
    "Crème brûlée: naïve Straße, 日本語 ΟΔΟΣ \N{ROCKET}",
    "a [MASK] in [SEP] the text [CLS]",
    "  spaces\tand\nlines  ",
    "<mask> and <s> tokens",
]


def ids(tokenizer: Tokenizer) -> list[list[int]]:
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return [encoding.ids for encoding in tokenizer.encode_batch(TEXTS)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(TINY, tmp_path / "model")
    return tmp_path / "model"


def write_vocabulary(folder: Path) -> None:
    vocabulary = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    words = sorted(vocabulary, key=vocabulary.__getitem__)
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in words), encoding="utf-8")
    (folder / "tokenizer.json").unlink()


def settings(folder: Path, **values: object) -> None:
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_word_pieces(folder: Path) -> None:
    expected = ids(load_tokenizer(folder))
    write_vocabulary(folder)
    assert ids(load_tokenizer(folder)) == expected


@pytest.mark.parametrize(
    "name", ["BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer", "ElectraTokenizerFast", None]
)
def test_classes_that_share_berts_rules(folder: Path, name: str | None) -> None:
    expected = ids(load_tokenizer(folder))
    write_vocabulary(folder)
    settings(folder, tokenizer_class=name or "")
    assert ids(load_tokenizer(folder)) == expected


def test_words_of_up_to_a_hundred_characters_are_cut(folder: Path) -> None:
    write_vocabulary(folder)
    unknown = json.loads((TINY / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]["[UNK]"]
    tokenizer = load_tokenizer(folder)
    tokenizer.no_truncation()
    assert [unknown in tokenizer.encode("a" * length).ids for length in (100, 101)] == [False, True]


def test_settings_are_obeyed(folder: Path) -> None:
    write_vocabulary(folder)
    lower = ids(load_tokenizer(folder))
    settings(folder, do_lower_case=False)
    assert ids(load_tokenizer(folder)) != lower
    settings(folder, do_lower_case=True, strip_accents=False)
    assert ids(load_tokenizer(folder)) != lower


def byte_level(folder: Path) -> Tokenizer:
    """A trained byte-level BPE with RoBERTa's template, and its vocabulary files in ``folder``."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(["hello world and the lazy dog, hello again"] * 9, trainer)
    tokenizer.add_special_tokens(["<mask>"])
    (cls, sep) = (("<s>", 0), ("</s>", 2))
    tokenizer.post_processor = processors.RobertaProcessing(sep, cls, add_prefix_space=False)
    tokenizer.model.save(str(folder))
    vocabulary = json.loads((folder / "vocab.json").read_text()) | {"<mask>": tokenizer.token_to_id("<mask>")}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    return tokenizer


def test_byte_level_pieces(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "roberta"}')
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "RobertaTokenizer"}')
    expected = ids(byte_level(tmp_path))
    found = ids(load_tokenizer(tmp_path))
    assert found[:-1] == expected[:-1]
    mask = load_tokenizer(tmp_path).token_to_id("<mask>")
    assert mask in found[-1]


@pytest.mark.parametrize("file", ["sentencepiece.bpe.model", "tokenizer.model"])
def test_sentencepiece_is_named_with_the_remedy(folder: Path, file: str) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / file).write_bytes(b"\n\x0e\n\x05<unk>")
    settings(folder, tokenizer_class="XLMRobertaTokenizer")
    with pytest.raises(UnsupportedModelError, match=rf"'XLMRoberta' from {file}\. Save it once where transformers"):
        TextEmbedding(folder)


def test_a_vocabulary_without_its_special_tokens_is_named(folder: Path) -> None:
    write_vocabulary(folder)
    path = folder / "vocab.txt"
    path.write_text(path.read_text(encoding="utf-8").replace("[SEP]", "[XXX]"), encoding="utf-8")
    with pytest.raises(IntegrityError, match=r"puts '\[SEP\]' around every text"):
        TextEmbedding(folder)


def test_a_folder_without_any_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    with pytest.raises(UnsupportedModelError, match="from its other files"):
        TextEmbedding(folder)
