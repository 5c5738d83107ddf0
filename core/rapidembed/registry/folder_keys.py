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
_SENTENCE, _TRANSFORMERS, _PYLATE, _MODEL2VEC, _PEFT = (
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


def check(file: ConfigFile, kind: File) -> None:
    """Refuse keys and values that may change numbers in a way that is not computed here.

    Raises:
        UnsupportedModelError: names the file, the key and its value.
    """
    for name, value in file.values.items():
        key = kind.find(name)
        use = kind.others if key is None else key.use
        if use != "refused" or (key is not None and (value is None or value in key.unless)):
            continue
        known = f"; known: {', '.join(map(repr, (None, *key.unless)))}" if key is not None else ""
        raise UnsupportedModelError(f"{file.path}: {name}={value!r} is not supported{known}. See docs/folders.md.")


LIMIT_FILES = tuple(
    f"sentence_{name}_config.json"
    for name in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
"""Settings of the Transformer module; the first that says anything counts."""

MODULES = File(
    "modules.json",
    (
        Key("type", _SENTENCE, "read", "the whole dotted name of the module's class; others' classes are refused"),
        Key("path", _SENTENCE, "read", "folder of the module"),
        Key("idx name", _SENTENCE, "nothing", "modules run in the order of the file"),
        Key("kwargs", _SENTENCE, "nothing", "names of arguments that calls may pass on; none are"),
    ),
)
TRANSFORMER = File(
    "sentence_bert_config.json",
    (
        Key("max_seq_length", _SENTENCE, "read", "longest text in tokens"),
        Key("do_lower_case", _SENTENCE, "read", "whether texts are lowered first"),
        Key("tokenizer_args processor_kwargs", _SENTENCE, "read", "lie over tokenizer_config.json"),
        Key("config_args config_kwargs", _SENTENCE, "read", "lie over config.json"),
        Key("model_args model_kwargs", _SENTENCE, "read", "see the arguments of models below"),
        Key(
            "modality_config", _SENTENCE, "read", 'what is computed of a text; "message" is refused, others are unused'
        ),
        Key("module_output_name", _SENTENCE, "read", "must be that of the task"),
        Key("transformer_task", _SENTENCE, "read", "must be that of the task"),
        Key("query_length document_length query_expansion", _SENTENCE, "read", "of late interaction; else refused"),
        Key("processing_kwargs", _SENTENCE, "refused", "arguments of every call of the tokenizer", ({},)),
        Key("tokenizer_name_or_path", _SENTENCE, "refused", "the tokenizer of another model"),
        Key("unpad_inputs cache_dir", _SENTENCE, "nothing", "how, not what is computed"),
    ),
)
MODEL_ARGUMENTS = File(
    "model_args in it",
    (
        Key("attn_implementation", _TRANSFORMERS, "nothing", "another order of the same sums"),
        Key("torch_dtype dtype", _TRANSFORMERS, "nothing", "weights are computed with as float32, or see precision="),
        Key("trust_remote_code", _SENTENCE, "nothing", "dropped there too; no code is run"),
        Key(
            "device_map low_cpu_mem_usage offload_folder use_cache token revision", _TRANSFORMERS, "nothing", "loading"
        ),
        Key("add_pooling_layer", _TRANSFORMERS, "nothing", "a layer that no module reads"),
        Key("use_safetensors", _TRANSFORMERS, "refused", "other weights", (True,)),
        Key("file_name provider export", _SENTENCE, "nothing", "of its ONNX and OpenVINO backends"),
    ),
)
SETTINGS = File(
    "config_sentence_transformers.json",
    (
        Key("prompts default_prompt_name", _SENTENCE, "read", "texts put before inputs; null is none"),
        Key("truncate_dim", _SENTENCE, "read", "dimensions that are kept, after normalizing"),
        Key("similarity_fn_name", _SENTENCE, "read", "told by info"),
        Key("model_type", _SENTENCE, "read", "must be that of the task"),
        Key("__version__ requirements", _SENTENCE, "nothing", "of the program that wrote it"),
        Key("query_prefix document_prefix query_length document_length", _PYLATE, "read", "of late interaction"),
        Key("do_query_expansion attend_to_expansion_tokens skiplist_words", _PYLATE, "read", "of late interaction"),
        Key("attend_to_mask_tokens", _PYLATE, "refused", "an older name", (False,)),
        Key("score_type activation_fn", _SENTENCE, "nothing", "of rerankers, see config.json"),
    ),
)
POOLING = File(
    "Pooling/config.json",
    (
        Key("pooling_mode", _SENTENCE, "read", "one or several"),
        Key("pooling_mode_cls_token pooling_mode_max_tokens pooling_mode_mean_tokens", _SENTENCE, "read", "up to 5"),
        Key("pooling_mode_mean_sqrt_len_tokens pooling_mode_weightedmean_tokens", _SENTENCE, "read", "up to 5"),
        Key("pooling_mode_lasttoken", _SENTENCE, "read", "up to 5"),
        Key("embedding_dimension word_embedding_dimension", _SENTENCE, "read", "must be that of the token vectors"),
        Key("include_prompt", _SENTENCE, "read", "whether the prompt's tokens are pooled"),
    ),
)
DENSE = File(
    "Dense/config.json",
    (
        Key("in_features out_features bias activation_function use_residual", _SENTENCE, "read", "of the layer"),
        Key("module_input_name module_output_name", _SENTENCE, "read", "must be what the task computes"),
    ),
)
NORMALIZE = File(
    "Normalize/config.json",
    (Key("module_input_name module_output_name", _SENTENCE, "read", "must be what the task computes"),),
)
LAYER_NORM = File("LayerNorm/config.json", (Key("dimension", _SENTENCE, "read", "of the layer"),))
TOKENIZER = File(
    "tokenizer_config.json",
    (
        Key("tokenizer_class", _TRANSFORMERS, "read", "classes that are built anew from their vocabulary are here too"),
        Key("model_max_length max_len", _TRANSFORMERS, "read", "longest text, where sentence-transformers has no limit"),
        Key("truncation_side", _TRANSFORMERS, "read", "which end of a long text is kept"),
        Key("do_lower_case strip_accents tokenize_chinese_chars", _TRANSFORMERS, "read", "of BERT's classes"),
        Key("keep_accents split_by_punct add_prefix_space unk_id", _TRANSFORMERS, "read", "of the classes that have it"),
        Key("bos_token eos_token unk_token sep_token pad_token cls_token mask_token", _TRANSFORMERS, "read", "one token"),
        Key("extra_special_tokens additional_special_tokens", _TRANSFORMERS, "read", "and other keys that end in _token"),
        Key("added_tokens_decoder", _TRANSFORMERS, "read", "tokens and their flags"),
        Key("add_bos_token add_eos_token", _TRANSFORMERS, "read", "without tokenizer.json; else it says that"),
        Key("split_special_tokens", _TRANSFORMERS, "read", "whether special tokens in a text are text"),
        Key("auto_map", _TRANSFORMERS, "read", "refused where only code of the author's can make the tokenizer"),
        Key("init_inputs", _TRANSFORMERS, "refused", "arguments without a name", ([], ())),
        Key("fast_tokenizer_files", _TRANSFORMERS, "refused", "a tokenizer.json for each version", ([],)),
        Key("padding_side pad_to_multiple_of pad_token_type_id", _TRANSFORMERS, "nothing", "padding is never seen"),
        Key("do_basic_tokenize never_split use_fast legacy sp_model_kwargs", _TRANSFORMERS, "nothing", "slow tokenizers'"),
        Key("max_length stride truncation_strategy", _TRANSFORMERS, "nothing", "calls say their own"),
        Key("clean_up_tokenization_spaces spaces_between_special_tokens errors trim_offsets", _TRANSFORMERS, "nothing",
            "of decoding"),
        Key("chat_template use_default_system_prompt processor_class", _TRANSFORMERS, "nothing", "not of embedding"),
        Key("name_or_path tokenizer_file special_tokens_map_file vocab_file merges_file backend is_local",
            _TRANSFORMERS, "nothing", "where it came from"),
    ),
    others="nothing",
    why="transformers takes any key, and its tokenizers read none beyond these",
)  # fmt: skip
CONFIG = File(
    "config.json",
    (
        Key("model_type architectures auto_map", _TRANSFORMERS, "read", "which graph is built; unknown ones are refused"),
        Key("the architecture's own", _TRANSFORMERS, "read", "sizes, activations, norms, positions; unknown values refused"),
        Key("pad_token_id", _TRANSFORMERS, "read", "where positions are counted from it"),
        Key("id2label num_labels", _TRANSFORMERS, "read", "of rerankers"),
        Key("tokenizer_class", _TRANSFORMERS, "read", "where tokenizer_config.json has none"),
        Key("pruned_heads", _TRANSFORMERS, "refused", "heads of attention that were taken out", ({},)),
        Key("quantization_config compression_config", _TRANSFORMERS, "refused", "weights in a packed format"),
        Key("torch_dtype dtype", _TRANSFORMERS, "nothing", "weights are computed with as float32, or see precision="),
        Key("output_hidden_states output_attentions use_cache return_dict chunk_size_feed_forward", _TRANSFORMERS,
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
        Key("base_model_name_or_path", _PEFT, "read", "needed where the folder has no weights of its own"),
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

FILES: tuple[File, ...] = (
    MODULES,
    TRANSFORMER,
    MODEL_ARGUMENTS,
    SETTINGS,
    POOLING,
    DENSE,
    NORMALIZE,
    LAYER_NORM,
    TOKENIZER,
    CONFIG,
    ADAPTER,
    MODEL2VEC,
)

ALIASES: Mapping[str, Mapping[str, str]] = {
    "distilbert": {"hidden_size": "dim", "num_attention_heads": "n_heads", "num_hidden_layers": "n_layers"}
}
"""By model_type: names under which transformers takes a key of config.json too, as other architectures call it."""
