"""Every architecture gives transformers' numbers: see tests/golden/make_architectures.py."""

import json
from functools import cache, partial

import numpy as np
import pytest
from rapidembed import (
    IntegrityError,
    LateInteractionTextEmbedding,
    SparseTextEmbedding,
    TextCrossEncoder,
    TextEmbedding,
    TruncationWarning,
    UnsupportedModelError,
)
from rapidembed.graph import load_program
from rapidembed.graph.architectures import MODULES
from rapidembed.hub import Checkpoint
from rapidembed.registry import LateInteraction, ModelSpec, SparseWeights, discover
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.own_code import read_architecture
from rapidembed.runtime.session import OnnxSession
from rapidembed.runtime.tokenizer import Tokenizer
from safetensors.numpy import load_file, save_file

from tests.fakes import compare
from tests.golden.architectures import GROUPS, VARIANTS
from tests.golden.bert_kin import PAIRS, POSITIONS
from tests.golden.pages import DESCRIBED
from tests.golden.tiny import HIDDEN, changed, write_modules
from tests.golden.variants import HERE

TOLERANCE = 1e-5
CPU = ["CPUExecutionProvider"]
MADE = {group: GROUPS[group].made for group in GROUPS}
REFERENCE = {group: GROUPS[group].results for group in GROUPS}
close = partial(compare.close, tolerance=TOLERANCE)


def variant_of(group, name):
    return GROUPS[group].variants[name]


ENCODERS = [each for each in VARIANTS if variant_of(*each).head == "tokens"]
TEXTS = GROUPS["bert"].recipe.texts


@pytest.fixture
def folder(group, name, tmp_path):
    return GROUPS[group].assemble(name, MADE[group][name], tmp_path / "model")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Folders of variants for tests that leave them as they are, each made once."""
    root = tmp_path_factory.mktemp("models")

    @cache
    def folder(group, name):
        return GROUPS[group].assemble(name, MADE[group][name], root / group / name)

    return folder


def reference(group, name, what):
    """What is expected of a variant; None if nothing is stored."""
    same = variant_of(group, name).same_as or name
    keys = (GROUPS[group].key(each, what) for each in (name, same))
    return next((REFERENCE[group][key] for key in keys if key in REFERENCE[group]), None)


def spec(group, name, **other):
    """A head's spec as the facades have it."""
    variant = variant_of(group, name)
    values = {
        "dim": reference(group, name, variant.lengths[0]).shape[-1],
        "head": variant.head,
        "sparse": SparseWeights() if variant.head == "mlm" else None,
        "tasks": {} if variant.task is None else {"some task": 5},
    }
    return ModelSpec(name=name, architecture=MADE[group][name]["config"]["model_type"], **(values | other))


def session(folder, spec, *, masked):
    return OnnxSession(load_program(Checkpoint(spec, folder, ("model.safetensors",)), masked=masked), CPU, 1)


def run(graph, given, task=None):
    known = given | {"task_id": np.array(task or 0, dtype=np.int64)}
    return graph.run({name: known[name] for name in graph.inputs})


def inputs(group, name, length):
    return GROUPS[group].inputs(name, length, MADE[group][name]["config"])


def padded(group, name, filling):
    """The texts of all lengths as one batch."""
    lengths = variant_of(group, name).lengths
    fillings = {"input_ids": filling, "token_type_ids": 1, "attention_mask": 0}

    def row(length):
        given = inputs(group, name, length) | {"attention_mask": np.ones((1, length), np.int64)}
        padding = ((0, 0), (0, max(lengths) - length))
        return {key: np.pad(array, padding, constant_values=fillings[key]) for key, array in given.items()}

    rows = [row(length) for length in lengths]
    return {key: np.concatenate([row[key] for row in rows]) for key in fillings}


@pytest.mark.parametrize(("group", "name"), VARIANTS)
def test_results_are_those_of_transformers(group, name, models):
    graph, variant = session(models(group, name), spec(group, name), masked=False), variant_of(group, name)
    for length in variant.lengths:
        given = inputs(group, name, length)
        backwards = {key: array[:, ::-1] for key, array in given.items()}
        found = run(graph, {key: np.concatenate([array, backwards[key]]) for key, array in given.items()}, variant.task)
        close(found, [reference(group, name, length), run(graph, backwards, variant.task)[0]])


@pytest.mark.parametrize(("group", "name"), VARIANTS)
def test_padding_changes_nothing(group, name, models):
    variant, graph = variant_of(group, name), session(models(group, name), spec(group, name), masked=True)
    found = [row for filling in (0, 9) for row in run(graph, padded(group, name, filling), variant.task)]
    for row, length in zip(found, 2 * variant.lengths, strict=True):
        wanted = reference(group, name, length)
        if variant.head == "mlm":  # only weights above zero count
            row, wanted = np.maximum(row, 0), np.maximum(wanted, 0)
        close([row[:length] if variant.head == "tokens" else row], [wanted])


@pytest.mark.parametrize(("group", "name"), ENCODERS)
@pytest.mark.parametrize("masked", [False, True])
def test_the_first_token_alone(group, name, models, masked):
    variant = variant_of(group, name)
    graph = session(models(group, name), spec(group, name, head="pool", pooling=("cls",)), masked=masked)
    if masked:
        found = run(graph, padded(group, name, 9), variant.task)
    else:
        found = [run(graph, inputs(group, name, length), variant.task)[0] for length in variant.lengths]
    close(found, [reference(group, name, length)[0] for length in variant.lengths])


@pytest.mark.parametrize(("group", "name"), [each for each in ENCODERS if variant_of(*each).hides_tokens])
@pytest.mark.parametrize("masked", [False, True])
def test_tokens_hidden_from_the_others(group, name, models, masked):
    """As late interaction has them, whose queries are filled up; without a stored result, against the masked form."""
    variant = variant_of(group, name)
    given = inputs(group, name, max(variant.lengths))
    given["attention_mask"] = np.ones_like(given["input_ids"])
    given["attention_mask"][:, -HIDDEN:] = 0
    hiding = spec(group, name, late=LateInteraction(expansion_length=64))
    wanted = reference(group, name, "hidden")
    if wanted is None:
        wanted = run(session(models(group, name), spec(group, name), masked=True), given)[0]
    close(run(session(models(group, name), hiding, masked=masked), given, variant.task), [wanted])


def dense(model, texts):
    table = np.zeros((len(texts), model.vocab_size), dtype=np.float32)
    for row, embedding in zip(table, model.encode_document(texts), strict=True):
        row[embedding.indices] = embedding.values
    return table


FACADES = {
    "tokens": (TextEmbedding, lambda model, texts: model.encode(texts)),
    "classification": (TextCrossEncoder, lambda model, texts: model.score_pairs(PAIRS)),
    "mlm": (SparseTextEmbedding, dense),
}


@pytest.mark.parametrize(("group", "name"), [each for each in VARIANTS if reference(*each, "texts") is not None])
@pytest.mark.filterwarnings("ignore::rapidembed.TruncationWarning")
def test_facades(group, name, models):
    facade, compute = FACADES[variant_of(group, name).head]
    with facade(models(group, name)) as model:
        assert model.info.architecture == architecture(group, name)
        close(compute(model, GROUPS[group].recipe.texts), reference(group, name, "texts"))


@pytest.mark.parametrize("group", [group for group in GROUPS if "base" in GROUPS[group].variants])
def test_weights_of_half_precision(group, tmp_path):
    """They are converted when they are loaded, also where a graph takes rows of a matrix."""
    folders = [GROUPS[group].assemble("base", MADE[group]["base"], tmp_path / name) for name in ("half", "rounded")]
    half = {name: array.astype(np.float16) for name, array in load_file(folders[0] / "model.safetensors").items()}
    save_file(half, folders[0] / "model.safetensors")
    save_file({name: array.astype(np.float32) for name, array in half.items()}, folders[1] / "model.safetensors")
    graphs = [session(folder, spec(group, "base"), masked=False) for folder in folders]
    close(*(run(graph, inputs(group, "base", 17)) for graph in graphs))


def architecture(group, name):
    return read_architecture(ConfigFile(HERE, MADE[group][name]["config"]))


def test_every_architecture_is_tested():
    of_texts = {name for name, module in MODULES.items() if ".vision." not in module}
    of_pages = {described["config"]["model_type"] for described in json.loads(DESCRIBED.read_text()).values()}
    tested = {architecture(*each) for each in VARIANTS} | of_pages | {"bert"}
    assert tested == of_texts, "pictures' have tests of their own"


@pytest.mark.parametrize(("group", "name"), [("bert", "distilbert")])
def test_a_width_of_another_name_is_read_for_every_task(group, name, folder):
    """Without modules.json the config says it; a ColBERT's token vectors have the same mean."""
    expected = reference(group, name, "texts")
    write_modules(folder, ["Transformer"])
    with LateInteractionTextEmbedding(folder) as model, pytest.warns(TruncationWarning):
        close([tokens.mean(axis=0) for tokens in model.encode_document(TEXTS)], expected)
    (folder / "modules.json").unlink()
    with TextEmbedding(folder, pooling="mean") as model, pytest.warns(TruncationWarning):
        close(model.encode(TEXTS), expected)


@pytest.mark.parametrize(
    ("group", "name"), [("bert", name) for name in ("roberta", "roberta_padding", "mpnet", "mpnet_padding")]
)
def test_positions_behind_the_padding_token_limit_the_length(folder):
    """Both config.json and a tokenizer that says nothing better count positions that no token can have."""
    settings = {"model_max_length": 42, "tokenizer_class": "PreTrainedTokenizerFast"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    with TextEmbedding(folder) as model:
        assert model.info.max_tokens == POSITIONS
        with pytest.warns(TruncationWarning, match=f"more than {POSITIONS} tokens"):
            model.encode(TEXTS[-1])
    with pytest.raises(ValueError, match=f"at most {POSITIONS}, the positions"):
        TextEmbedding(folder, max_tokens=POSITIONS + 1)


@pytest.mark.parametrize(("group", "name"), [("jina_embeddings_v3", "first task")])
def test_queries_and_documents_have_their_adapters(folder):
    spec = discover(folder, "tiny")
    assert spec.tasks == {"retrieval.query": 0, "retrieval.passage": 1, "separation": 2}
    graph, tokens = session(folder, spec, masked=False), Tokenizer(folder).encode(["hello world"], 64)[0].ids
    expected = [run(graph, {"input_ids": np.array([tokens])}, task)[0] for task in (0, 1)]
    assert np.abs(expected[0] - expected[1]).max() > 100 * TOLERANCE
    with TextEmbedding(str(folder)) as model:
        close([model.encode_query("hello world")], expected[:1])
        close([model.encode_document("hello world"), model.encode("hello world")], [expected[1]] * 2)


# Refusals


@pytest.mark.parametrize(("group", "name"), [("bert", "deberta")])
@pytest.mark.parametrize("masked", [False, True])
def test_tokens_that_others_do_not_see_are_refused(group, name, folder, masked):
    hiding = spec(group, name, late=LateInteraction(expansion_length=POSITIONS))
    with pytest.raises(UnsupportedModelError, match="tokens that the others do not see are not supported"):
        session(folder, hiding, masked=masked)


@pytest.mark.parametrize(("group", "name"), [("bert", name) for name in ("electra", "albert", "deberta")])
def test_a_head_that_cannot_be_built_is_named(name, folder):
    (folder / "modules.json").unlink()
    with pytest.raises(UnsupportedModelError, match=f"the head 'mlm' can be built for model_type '{name}"):
        SparseTextEmbedding(folder)


@pytest.mark.parametrize(("group", "name"), [("bert", "roberta")])
def test_a_padding_token_that_is_no_number_is_named(group, name, folder):
    (folder / "config.json").write_text(json.dumps(MADE[group][name]["config"] | {"pad_token_id": "<pad>"}))
    with pytest.raises(IntegrityError, match="pad_token_id to be a number from 0 on, got '<pad>'"):
        TextEmbedding(folder)


_GPT_2 = {"n_embd": 16, "n_head": 2, "n_inner": 24, "n_layer": 2}
REFUSED = [
    ("bert", "roberta", {"position_embedding_type": "relative_key"}, "position_embedding_type='relative_key'"),
    ("bert", "roberta", {"is_decoder": True}, "is_decoder=True"),
    ("bert", "roberta", {"add_cross_attention": True}, "add_cross_attention=True"),
    ("bert", "roberta", {"hidden_act": "mystery"}, "hidden_act='mystery' is unknown"),
    ("bert", "roberta", {"architectures": ["RobertaForTokenClassification"]}, "'RobertaForTokenClassification'"),
    ("bert", "mpnet", {"relative_attention_num_buckets": 16}, "relative_attention_num_buckets=16 .* 29 or more"),
    ("bert", "mpnet", {"hidden_act": "mish"}, "hidden_act='mish'"),
    ("bert", "distilbert", {"n_heads": 3}, "hidden_size 16 is not a multiple of 3"),
    ("bert", "distilbert", {"activation": "mish"}, "hidden_act='mish'"),
    ("bert", "electra", {"position_embedding_type": "relative_key"}, "position_embedding_type='relative_key'"),
    ("bert", "electra", {"is_decoder": True}, "is_decoder=True"),
    ("bert", "deberta", {"pos_att_type": "c2p|p2p"}, "pos_att_type 'p2p' is not supported; known: c2p, p2c"),
    ("bert", "deberta", {"norm_rel_ebd": "batch_norm"}, "norm_rel_ebd 'batch_norm' is not supported"),
    ("bert", "deberta", {"conv_kernel_size": 3}, "conv_kernel_size=3"),
    ("bert", "deberta", {"embedding_size": 8}, "embedding_size=8"),
    ("bert", "deberta", {"attention_head_size": 8}, "attention_head_size=8"),
    ("bert", "deberta", {"pooler_hidden_act": "tanh"}, "pooler_hidden_act='tanh'"),
    (
        "bert",
        "albert",
        {"position_embedding_type": "relative_key_query"},
        "position_embedding_type='relative_key_query'",
    ),
    ("modernbert", "base", {"local_attention": 1}, "local_attention=1"),
    (
        "modernbert",
        "base",
        {"layer_types": ["full_attention", "chunked", "full_attention"]},
        "'chunked' is not supported",
    ),
    ("modernbert", "base", {"num_attention_heads": 3}, "16 is not a multiple of 3"),
    ("modernbert", "base", {"num_attention_heads": 16}, "heads of an even width, got 1"),
    ("modernbert", "base", {"rope_parameters": {"rope_type": "yarn"}}, "rope_type='yarn'"),
    ("modernbert", "base", {"rope_parameters": {"sliding_attention": {"rope_type": "yarn"}}}, "rope_type='yarn'"),
    ("modernbert", "base", {"rope_scaling": {"type": "linear", "factor": 2.0}}, "rope_scaling={'type': 'linear'"),
    ("modernbert", "base", {"partial_rotary_factor": 0.5}, r"partial_rotary_factor=0\.5"),
    ("modernbert", "base", {"hidden_activation": "tanh"}, "'tanh' is unknown"),
    ("gte", "base", {"pack_qkv": False}, "pack_qkv=False"),
    ("gte", "base", {"position_embedding_type": "absolute"}, "position_embedding_type='absolute'"),
    ("gte", "base", {"layer_norm_type": "rms_norm"}, "layer_norm_type='rms_norm'"),
    ("gte", "base", {"logn_attention_scale": True}, "logn_attention_scale=True"),
    ("gte", "base", {"rope_scaling": {"type": "linear", "factor": 2.0}}, "type='linear'"),
    ("gte", "base", {"rope_scaling": {"type": "ntk", "factor": 2.0, "mixed_b": 0.6}}, r"mixed_b=0\.6"),
    ("gte", "base", {"rope_scaling": {"type": "ntk", "factor": 0.5}}, "rope_scaling={'type': 'ntk', 'factor': 0.5}"),
    ("gte", "base", {"num_attention_heads": 3}, "16 is not a multiple of 3"),
    ("gte", "base", {"auto_map": {"AutoModel": "someone/else--modeling_other.GteModel"}}, "'gte with code of its own'"),
    ("gemma3_text", "base", {"use_bidirectional_attention": False}, "only use_bidirectional_attention=True"),
    ("gemma3_text", "base", {"use_bidirectional_attention": None}, "only use_bidirectional_attention=True"),
    ("gemma3_text", "base", {"sliding_window": 1}, "sliding_window=1"),
    ("gemma3_text", "base", {"attn_logit_softcapping": 50.0}, r"attn_logit_softcapping=50\.0"),
    ("gemma3_text", "base", {"num_key_value_heads": 3}, "4 heads of queries do not share 3 heads of keys"),
    ("gemma3_text", "base", {"layer_types": ["full_attention"]}, "layer_types must name 3 layers"),
    ("qwen3", "base", {"use_sliding_window": True}, "use_sliding_window=True"),
    ("qwen3", "base", {"layer_types": ["sliding_attention"] * 2}, "'sliding_attention' is not supported; known: full"),
    ("qwen3", "base", {"is_causal": False}, "is_causal=False"),
    ("qwen3", "base", {"rope_parameters": {"rope_type": "yarn", "factor": 4.0}}, "rope_type='yarn'"),
    ("jina_bert", "base", {"position_embedding_type": "absolute"}, "only position_embedding_type='alibi'"),
    ("jina_bert", "base", {"feed_forward_type": "original"}, "feed_forward_type='original' is not supported"),
    ("jina_bert", "base", {"num_attention_heads": 5}, "24 is not a multiple of 5"),
    ("jina_bert", "base", {"is_decoder": True}, "is_decoder=True"),
    ("jina_bert", "base", {"auto_map": None, "architectures": ["BertModel"]}, "position_embedding_type='alibi'"),
    ("jina_embeddings_v3", "base", {"position_embedding_type": "absolute"}, "position_embedding_type='absolute'"),
    ("jina_embeddings_v3", "base", {"num_attention_heads": 3}, "16 is not a multiple of 3"),
    (
        "jina_embeddings_v3",
        "base",
        {"lora_adaptations": ["retrieval.query"]},
        "must name retrieval.query and retrieval.passage",
    ),
    (
        "jina_embeddings_v3",
        "base",
        {"lora_adaptations": ["retrieval.query", "retrieval.passage"]},
        r"adapters \(lora_adaptations\) only give vectors",
    ),
    ("nomic_bert", "base", {"causal": True}, "causal=True"),
    ("nomic_bert", "base", {"prenorm": True}, "prenorm=True"),
    ("nomic_bert", "base", {"use_rms_norm": True}, "use_rms_norm=True"),
    ("nomic_bert", "base", {"rotary_scaling_factor": 2.0}, r"rotary_scaling_factor=2\.0"),
    ("nomic_bert", "base", {"rotary_emb_fraction": 0.5}, r"rotary_emb_fraction=0\.5"),
    ("nomic_bert", "base", {"qkv_proj_bias": True}, "qkv_proj_bias=True"),
    ("nomic_bert", "base", {"rotary_emb_interleaved": True}, "rotary_emb_interleaved=True"),
    ("nomic_bert", "base", {"moe_every_n_layers": 2}, "moe_every_n_layers=2"),
    ("nomic_bert", "base", {"head_dim": 4}, "head_dim=4"),
    ("nomic_bert", "base", _GPT_2 | {"activation_function": "gelu"}, "activation_function='gelu'"),
    (
        "nomic_bert",
        "base",
        {"auto_map": {"AutoModel": "x--modeling_hf_nomic_bert.Other"}},
        "'nomic_bert with code of its own'",
    ),
    ("modernbert", "base", {"auto_map": {"AutoModel": "code.Model"}}, "auto_map"),
]


@pytest.mark.parametrize(("group", "name", "change", "message"), REFUSED)
def test_unknown_config_values_are_refused_by_name(group, name, change, message, folder):
    config = changed(MADE[group][name]["config"], GROUPS[group].variants[name].published)
    (folder / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(UnsupportedModelError, match=message):
        session(folder, spec(group, name), masked=False)
