"""ONNX files as they are found: which output is meant, what a run is fed, and whether shapes are fixed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.hub.onnx_file import OnnxFile, Value, read_onnx
from rapidembed.registry import ModelSpec
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.encoder_config import counts_from_padding
from rapidembed.registry.heads import HEADS

_IDS, _MASK, _TYPES, _POSITIONS, _TASK = "input_ids", "attention_mask", "token_type_ids", "position_ids", "task_id"
_TOKEN_OUTPUTS = ("last_hidden_state", "token_embeddings")


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What a run of an ONNX file needs to know."""

    output: str
    """Name of the output to read."""
    rows: int | None
    """Texts of every run, where the file fixes their number."""
    tokens: int | None
    """Tokens that every text must have, where the file fixes their number."""
    inputs: frozenset[str]
    """Names of what it is fed."""
    masked: bool
    """Whether the file can be told which tokens are padding."""

    @classmethod
    def read(cls, path: Path, spec: ModelSpec) -> "Export":
        """Look at the file before it is loaded.

        Raises:
            UnsupportedModelError: it has no output that the model's head or pooling is for, or fixes shapes in a way
                that no text could be given.
            IntegrityError: it is damaged, or lacks the output that is named.
        """
        file = read_onnx(path)
        inputs = {value.name: value for value in file.inputs}
        pictures = HEADS[spec.head].pictures
        shapes = [
            value.shape for name, value in inputs.items() if value.shape and (pictures or name in (_IDS, _MASK, _TYPES))
        ]
        rows = _fixed(path, [shape[0] for shape in shapes])
        if pictures:
            return cls(output=_output(path, file, spec), rows=rows, tokens=None, inputs=frozenset(inputs), masked=False)
        tokens = _fixed(path, [shape[1] for shape in shapes if len(shape) > 1])
        if tokens is not None and _MASK not in inputs:
            raise UnsupportedModelError(
                f"{path} takes texts of exactly {tokens} tokens, and has no {_MASK} to tell which of them are padding."
            )
        return cls(
            output=_output(path, file, spec), rows=rows, tokens=tokens, inputs=frozenset(inputs), masked=_MASK in inputs
        )


def check_text_inputs(path: Path, found: Iterable[str], spec: ModelSpec, config: ConfigFile) -> None:
    """Check that a file which reads texts is fed with nothing else.

    Raises:
        UnsupportedModelError: it wants inputs that nothing is known for.
    """
    known = {_IDS, _MASK, _TYPES, *([_TASK] if spec.tasks else [])}
    if not counts_from_padding(config):
        known.add(_POSITIONS)
    if unknown := sorted(set(found) - known):
        raise UnsupportedModelError(
            f"{path} wants the inputs {', '.join(unknown)}, which cannot be filled here; known: "
            f"{', '.join(sorted(known))}."
        )
    if _IDS not in found:
        raise UnsupportedModelError(f"{path} has no input {_IDS}, so it does not take tokens.")


def _fixed(path: Path, sizes: Sequence[int | None]) -> int | None:
    stated = {size for size in sizes if size is not None}
    if len(stated) > 1:
        raise UnsupportedModelError(f"{path} wants inputs of different sizes: {', '.join(map(str, sorted(stated)))}.")
    return next(iter(stated), None)


def _output(path: Path, file: OnnxFile, spec: ModelSpec) -> str:
    """The output that the spec names; else the one whose shape the model's head or pooling is for."""
    outputs = file.outputs
    names = [value.name for value in outputs]
    if isinstance(spec.output, str) and spec.output in names:
        return spec.output
    if isinstance(spec.output, int) and 0 < spec.output < len(names):
        return names[spec.output]
    if spec.output != 0 or not names:
        raise IntegrityError(f"{path} has no output {spec.output!r}; it has: {', '.join(names)}.")
    rank = _rank(spec)
    if rank is None:
        return names[0]
    fitting = [value for value in outputs if value.shape is None or len(value.shape) == rank]
    if spec.head == "picture" and not fitting:  # a pooled map of features, whose sides are 1
        fitting = [value for value in outputs if value.shape is not None and value.shape[2:] in ((1, 1), [1, 1])]
    named = [value for value in fitting if rank == 3 and value.name in _TOKEN_OUTPUTS]
    chosen = next(iter(named or fitting), None)
    if chosen is None:
        raise UnsupportedModelError(
            f"{path} has no output of {rank} dimensions, which {_purpose(spec)} is for; it has: "
            f"{', '.join(map(_described, outputs))}."
        )
    return chosen.name


def _rank(spec: ModelSpec) -> int | None:
    """Dimensions of the output that is read; None: the first is meant, whatever it is."""
    if spec.head in ("attention", "mlm"):  # logits of tokens, or pooled ones
        return None
    if spec.head in ("pool", "picture"):
        return 2 if spec.pooling == ("none",) else 3
    return 2 if spec.head == "classification" else 3


def _purpose(spec: ModelSpec) -> str:
    return f"the pooling {', '.join(spec.pooling)}" if spec.head in ("pool", "picture") else f"the head {spec.head!r}"


def _described(value: Value) -> str:
    shape = "unknown shape" if value.shape is None else " x ".join("?" if n is None else str(n) for n in value.shape)
    return f"{value.name} ({shape})"
