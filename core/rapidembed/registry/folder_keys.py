"""Every file that says something of a model, every key of it, who reads the key, and what is done with it here.

The readers of this package are driven by this table: :func:`check` refuses by name what is neither read nor known to
change no number. ``docs/folders.md`` is made of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rapidembed.errors import UnsupportedModelError
from rapidembed.registry.config_file import ConfigFile

Use = Literal["read", "refused", "nothing"]
_ST, _HF, _PYLATE, _MODEL2VEC, _PEFT = (
    "sentence-transformers",
    "transformers",
    "PyLate",
    "model2vec",
    "peft",
)


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a file, or several with one fate."""

    names: str
    """Separated by spaces."""
    reader: str
    use: Use
    """"read"; "refused", unless its value is null or one of ``unless``; "nothing": it changes no number."""
    note: str
    unless: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class File:
    """One kind of file."""

    name: str
    keys: tuple[Key, ...]
    others: Use = "refused"
    """What is done with keys that are not listed."""
    why: str = ""
    """The reason, where they are not refused."""

    def find(self, name: str) -> Key | None:
        """The entry of a key."""
        return next((key for key in self.keys if name in key.names.split()), None)


def check(file: ConfigFile, kind: File, within: str = "") -> None:
    """Refuse keys and values that may change numbers in a way that is not computed here.

    Args:
        file: the file, or an object within it.
        kind: its entry in the table.
        within: names that object, for messages.

    Raises:
        UnsupportedModelError: names the file, the key and its value.
    """
    for name, value in file.values.items():
        key = kind.find(name)
        use = kind.others if key is None else key.use
        if use != "refused" or (key is not None and (value is None or value in key.unless)):
            continue
        known = f"; known: {', '.join(map(repr, (None, *key.unless)))}" if key is not None else ""
        raise UnsupportedModelError(
            f"{file.path}: {within and within + '.'}{name}={value!r} is not supported{known}. See docs/folders.md."
        )


LIMIT_FILES = tuple(
    f"sentence_{name}_config.json"
    for name in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
"""Settings of the Transformer module; the first that says anything counts."""

MODULES = File(
    "modules.json",
    (
        Key("type", _ST, "read", "the whole dotted name of the module's class; others' classes are refused"),
        Key("path", _ST, "read", "folder of the module"),
        Key("idx name", _ST, "nothing", "modules run in the order of the file"),
        Key("kwargs", _ST, "nothing", "names of arguments that calls may pass on; none are"),
    ),
)
TRANSFORMER = File(
    "sentence_bert_config.json",
    (
        Key("max_seq_length", _ST, "read", "longest text in tokens"),
        Key("do_lower_case", _ST, "read", "whether texts are lowered first"),
        Key("tokenizer_args processor_kwargs", _ST, "read", "lie over tokenizer_config.json"),
        Key("config_args config_kwargs", _ST, "read", "lie over config.json"),
        Key("model_args model_kwargs", _ST, "read", "see the arguments of models below"),
        Key("modality_config", _ST, "read", 'what is computed of a text; "message" is refused, others are unused'),
        Key("module_output_name", _ST, "read", "must be that of the task"),
        Key("transformer_task", _ST, "read", "must be that of the task"),
        Key(
            "query_length document_length query_expansion",
            _ST,
            "read",
            "limits of queries and documents; of late interaction",
        ),
        Key("processing_kwargs", _ST, "read", "max_length of text; other arguments of calls are refused"),
        Key("tokenizer_name_or_path", _ST, "refused", "the tokenizer of another model"),
        Key("unpad_inputs cache_dir", _ST, "nothing", "how, not what is computed"),
    ),
)
MODEL_ARGUMENTS = File(
    "model_args in it",
    (
        Key("attn_implementation", _HF, "nothing", "another order of the same sums"),
        Key("torch_dtype dtype", _HF, "nothing", "weights are computed with as float32, or see precision="),
        Key("trust_remote_code", _ST, "nothing", "dropped there too; no code is run"),
        Key("device_map low_cpu_mem_usage offload_folder use_cache token revision", _HF, "nothing", "loading"),
        Key("add_pooling_layer", _HF, "nothing", "a layer that no module reads"),
        Key("use_safetensors", _HF, "refused", "other weights", (True,)),
        Key("file_name provider export", _ST, "nothing", "of its ONNX and OpenVINO backends"),
    ),
)
SETTINGS = File(
    "config_sentence_transformers.json",
    (
        Key("prompts default_prompt_name", _ST, "read", "texts put before inputs; null is none"),
        Key("truncate_dim", _ST, "read", "dimensions that are kept, after normalizing"),
        Key("similarity_fn_name", _ST, "read", "told by info"),
        Key("model_type", _ST, "read", "must be that of the task"),
        Key("__version__ requirements", _ST, "nothing", "of the program that wrote it"),
        Key("query_prefix document_prefix query_length document_length", _PYLATE, "read", "of late interaction"),
        Key("do_query_expansion attend_to_expansion_tokens skiplist_words", _PYLATE, "read", "of late interaction"),
        Key("attend_to_mask_tokens", _PYLATE, "refused", "an older name", (False,)),
        Key("score_type activation_fn", _ST, "nothing", "of rerankers, see config.json"),
    ),
)
POOLING = File(
    "Pooling/config.json",
    (
        Key("pooling_mode", _ST, "read", "one or several"),
        Key("pooling_mode_cls_token pooling_mode_max_tokens pooling_mode_mean_tokens", _ST, "read", "up to 5"),
        Key("pooling_mode_mean_sqrt_len_tokens pooling_mode_weightedmean_tokens", _ST, "read", "up to 5"),
        Key("pooling_mode_lasttoken", _ST, "read", "up to 5"),
        Key("embedding_dimension word_embedding_dimension", _ST, "read", "must be that of the token vectors"),
        Key("include_prompt", _ST, "read", "whether the prompt's tokens are pooled"),
    ),
)
DENSE = File(
    "Dense/config.json",
    (
        Key("in_features out_features bias activation_function use_residual", _ST, "read", "of the layer"),
        Key("module_input_name module_output_name", _ST, "read", "must be what the task computes"),
    ),
)
NORMALIZE = File(
    "Normalize/config.json",
    (Key("module_input_name module_output_name", _ST, "read", "must be what the task computes"),),
)
LAYER_NORM = File("LayerNorm/config.json", (Key("dimension", _ST, "read", "of the layer"),))
TOKENIZER = File(
    "tokenizer_config.json",
    (
        Key("tokenizer_class", _HF, "read", "classes that are built anew from their vocabulary are here too"),
        Key("model_max_length max_len", _HF, "read", "longest text, where sentence-transformers has no limit"),
        Key("truncation_side", _HF, "read", "which end of a long text is kept"),
        Key("do_lower_case strip_accents tokenize_chinese_chars", _HF, "read", "of BERT's classes"),
        Key("keep_accents split_by_punct add_prefix_space unk_id", _HF, "read", "of the classes that have it"),
        Key("bos_token eos_token unk_token sep_token pad_token cls_token mask_token", _HF, "read", "one token"),
        Key("extra_special_tokens additional_special_tokens", _HF, "read", "and other keys that end in _token"),
        Key("added_tokens_decoder", _HF, "read", "tokens and their flags"),
        Key("add_bos_token add_eos_token", _HF, "read", "without tokenizer.json; else it says that"),
        Key("split_special_tokens", _HF, "read", "whether special tokens in a text are text"),
        Key("auto_map", _HF, "read", "refused where only code of the author's can make the tokenizer"),
        Key("init_inputs", _HF, "refused", "arguments without a name", ([], ())),
        Key("fast_tokenizer_files", _HF, "refused", "a tokenizer.json for each version", ([],)),
        Key("padding_side pad_to_multiple_of pad_token_type_id", _HF, "nothing", "padding is never seen"),
        Key("do_basic_tokenize never_split use_fast legacy sp_model_kwargs", _HF, "nothing", "slow tokenizers'"),
        Key("max_length stride truncation_strategy", _HF, "nothing", "calls say their own"),
        Key("clean_up_tokenization_spaces spaces_between_special_tokens errors trim_offsets", _HF, "nothing",
            "of decoding"),
        Key("chat_template use_default_system_prompt processor_class", _HF, "nothing", "not of embedding"),
        Key("name_or_path tokenizer_file special_tokens_map_file vocab_file merges_file backend is_local",
            _HF, "nothing", "where it came from"),
    ),
    others="nothing",
    why="transformers takes any key, and its tokenizers read none beyond these",
)  # fmt: skip
CONFIG = File(
    "config.json",
    (
        Key("model_type architectures auto_map", _HF, "read", "which graph is built; unknown ones are refused"),
        Key("the architecture's own", _HF, "read", "sizes, activations, norms, positions; unknown values refused"),
        Key("pad_token_id", _HF, "read", "where positions are counted from it"),
        Key("id2label num_labels", _HF, "read", "of rerankers"),
        Key("tokenizer_class", _HF, "read", "where tokenizer_config.json has none"),
        Key("is_causal", _HF, "read", "must be what the architecture is by itself"),
        Key("pruned_heads", _HF, "refused", "heads of attention that were taken out", ({},)),
        Key("quantization_config compression_config", _HF, "refused", "weights in a packed format"),
        Key("torch_dtype dtype", _HF, "nothing", "weights are computed with as float32, or see precision="),
        Key("output_hidden_states output_attentions use_cache return_dict chunk_size_feed_forward", _HF,
            "nothing", "what else is returned, and how it is computed"),
    ),
    others="nothing",
    why="transformers takes any key, and its models read none beyond these",
)  # fmt: skip
ADAPTER = File(
    "adapter_config.json",
    (
        Key("peft_type", _PEFT, "read", "LORA; others are refused"),
        Key("r lora_alpha use_rslora fan_in_fan_out bias", _PEFT, "read", "LoRA is merged into the weights at load"),
        Key("target_modules", _PEFT, "nothing", "the names of the adapter's tensors say it"),
        Key("base_model_name_or_path", _PEFT, "read", "a folder here, or nothing; others are refused"),
        Key("rank_pattern alpha_pattern", _PEFT, "refused", "other ranks for some layers", ({},)),
        Key("use_dora", _PEFT, "refused", "another kind of adapter", (False,)),
        Key("modules_to_save trainable_token_indices layer_replication target_parameters", _PEFT, "refused",
            "weights that are exchanged", ([],)),
        Key("task_type inference_mode lora_dropout init_lora_weights layers_to_transform layers_pattern", _PEFT,
            "nothing", "of training"),
        Key("exclude_modules auto_mapping revision megatron_config megatron_core loftq_config", _PEFT, "nothing",
            "of training"),
        Key("eva_config corda_config lora_bias peft_version qalora_group_size use_qalora", _PEFT, "nothing",
            "of training"),
    ),
)  # fmt: skip
MODEL2VEC = File(
    "config.json of model2vec",
    (
        Key("model_type normalize max_length", _MODEL2VEC, "read", "what is done with the table"),
        Key("architectures hidden_dim tokenizer_name", _MODEL2VEC, "nothing", "the table's own shape counts"),
        Key("apply_pca apply_zipf sif_coefficient seq_length vocabulary_quantization embedding_dtype", _MODEL2VEC,
            "nothing", "of the distillation"),
    ),
    others="nothing",
    why="model2vec reads no other key",
)  # fmt: skip

MASK = File(
    "MultiVectorMask/config.json",
    (
        Key("skiplist_words", _ST, "read", "tokens of documents that get no vector"),
        Key("skiplist_tasks", _ST, "refused", "whose tokens", (["document"],)),
        Key("keep_only_token_ids", _ST, "refused", "a list of tokens that alone get vectors"),
    ),
)
SPLADE = File(
    "SpladePooling/config.json",
    (
        Key("pooling_strategy activation_function", _ST, "read", "how logits become weights of words"),
        Key("embedding_dimension word_embedding_dimension chunk_size", _ST, "nothing", "sizes"),
    ),
)

WHOLE: tuple[Key, ...] = (
    Key("tokenizer.json", _HF, "read", "of classes that are built anew its vocabulary, else all; never its padding"),
    Key("vocab.txt vocab.json merges.txt", _HF, "read", "where there is no tokenizer.json"),
    Key("special_tokens_map.json added_tokens.json", _HF, "read", "where added_tokens_decoder is missing"),
    Key("sentencepiece.bpe.model spiece.model tokenizer.model spm.model", _HF, "refused", "without a tokenizer.json"),
    Key("model.safetensors model.safetensors.index.json", _HF, "read", "weights of 16 to 64 bits"),
    Key("pytorch_model.bin pytorch_model.bin.index.json", _HF, "read", "without safetensors; read, never run"),
    Key("onnx/model.onnx", _ST, "read", "where no graph can be built of the weights"),
    Key("tf_model.h5 flax_model.msgpack", _HF, "refused", "alone"),
    Key("adapter_model.safetensors", _PEFT, "read", "with adapter_config.json"),
    Key("router_config.json", _ST, "read", "routes of sparse models; others are refused"),
    Key("artifact.metadata", "ColBERT", "read", "lengths and markers of an HF_ColBERT"),
    Key("colbert_linear.pt sparse_linear.pt", "FlagEmbedding", "read", "of BGE-M3"),
    Key("*.py", _HF, "nothing", "code is never run; what needs it is refused by its class"),
    Key("generation_config.json chat_template.jinja preprocessor_config.json processor_config.json README.md", _HF,
        "nothing", "not of embedding text"),
)  # fmt: skip
"""Files that count as a whole."""

FILES: tuple[File, ...] = (
    MODULES,
    TRANSFORMER,
    MODEL_ARGUMENTS,
    SETTINGS,
    POOLING,
    DENSE,
    NORMALIZE,
    LAYER_NORM,
    MASK,
    SPLADE,
    TOKENIZER,
    CONFIG,
    ADAPTER,
    MODEL2VEC,
)

ALIASES: Mapping[str, Mapping[str, str]] = {
    "distilbert": {"hidden_size": "dim", "num_attention_heads": "n_heads", "num_hidden_layers": "n_layers"}
}
"""By model_type: names under which transformers takes a key of config.json too, as other architectures call it."""
