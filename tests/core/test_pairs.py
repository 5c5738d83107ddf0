"""Pairs put together from single texts are the tokenizer's own pairs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidembed import UnsupportedModelError
from rapidembed.runtime.pairs import PairTemplate, longest_first
from rapidembed.runtime.tokenizer import Tokenizer
from rapidembed.tasks.call import Call
from rapidembed.tasks.rerank.steps import PairSteps
from tokenizers import Tokenizer as FastTokenizer
from tokenizers import models, pre_tokenizers, processors

SPECIAL = {"[CLS]": 0, "[SEP]": 1, "[UNK]": 2}
BERT = processors.TemplateProcessing(
    single="[CLS] $A [SEP]",
    pair="[CLS] $A [SEP] $B:1 [SEP]:1",
    special_tokens=[("[CLS]", 0), ("[SEP]", 1)],
)
ROBERTA = processors.RobertaProcessing(("[SEP]", 1), ("[CLS]", 0), trim_offsets=False, add_prefix_space=False)
XLNET = processors.TemplateProcessing(
    single="$A [SEP] [CLS]:2",
    pair="$A [SEP] $B:1 [SEP]:1 [CLS]:2",
    special_tokens=[("[CLS]", 0), ("[SEP]", 1)],
)
NOTHING = processors.TemplateProcessing(single="$A", pair="$A $B:1", special_tokens=[])
PROCESSORS = {"bert": BERT, "roberta": ROBERTA, "xlnet": XLNET, "nothing": NOTHING}


def make(folder, processor):
    vocab = SPECIAL | {word: len(SPECIAL) + i for i, word in enumerate("abcdefgh")}
    tokenizer = FastTokenizer(models.WordLevel(vocab, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processor
    tokenizer.save(str(folder / "tokenizer.json"))
    return tokenizer


texts = st.lists(st.sampled_from("abcdefgh"), max_size=14).map(" ".join)


@pytest.fixture(params=PROCESSORS, scope="module")
def both(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    return make(folder, PROCESSORS[request.param]), folder


@given(first=texts, second=texts, limit=st.integers(4, 30), side=st.sampled_from(["left", "right"]))
def test_pairs_are_those_of_the_tokenizer(both, first, second, limit, side):
    reference, folder = both
    reference.enable_truncation(limit, strategy="longest_first", direction=side)
    expected = reference.encode(first, second)
    ours = Tokenizer(folder, truncation_side=side)
    steps = PairSteps(Call("", limit, True), ours, PairTemplate.of(ours))
    (found,) = steps.ready([(first, second)])
    assert (found.ids, found.types) == (expected.ids, expected.type_ids)
    assert found.truncated == bool(expected.overflowing)


@given(first=st.integers(0, 40), second=st.integers(0, 40), limit=st.integers(1, 50))
def test_what_stays_fits_and_wastes_nothing(first, second, limit):
    kept = longest_first(first, second, limit)
    assert sum(kept) == min(first + second, limit)
    assert kept[0] <= first
    assert kept[1] <= second


def test_a_query_is_tokenized_once(tmp_path):
    make(tmp_path, BERT)
    tokenizer = Tokenizer(tmp_path)
    steps = PairSteps(Call("", 30, True), tokenizer, PairTemplate.of(tokenizer))
    for _ in range(3):
        steps.ready([("a b", "c"), ("a b", "d")])
    assert list(steps.queries) == ["a b"]


def test_a_pair_that_is_none_is_named_by_its_place(tmp_path):
    make(tmp_path, BERT)
    tokenizer = Tokenizer(tmp_path)
    steps = PairSteps(Call("", 30, True), tokenizer, PairTemplate.of(tokenizer))
    for index, place in ((3, 3), (None, 0)):
        with pytest.raises(TypeError, match=rf"pairs\[{place}\] must be two texts"):
            steps.prepare("ab", index)


def test_texts_out_of_order_are_refused(tmp_path):
    swapped = processors.TemplateProcessing(
        single="[CLS] $A", pair="[CLS] $B $A:1", special_tokens=[("[CLS]", 0), ("[SEP]", 1)]
    )
    make(tmp_path, swapped)
    with pytest.raises(UnsupportedModelError, match="treatment of pairs is not supported"):
        PairTemplate.of(Tokenizer(tmp_path))
