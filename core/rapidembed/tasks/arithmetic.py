"""What computes a model, and in which precision: what the options ask for, and what there is."""

from rapidembed.errors import DeviceError, UnsupportedModelError
from rapidembed.graph import Compiled, read_record
from rapidembed.graph.architectures import CONVOLUTIONS
from rapidembed.hub import Checkpoint
from rapidembed.registry.static_files import STATIC_ARCHITECTURES
from rapidembed.runtime.backends import BACKENDS, DEFAULT, FLOAT32, Numbers, float32, require
from rapidembed.runtime.cpu import integer_kind
from rapidembed.runtime.device import Placement
from rapidembed.tasks.options import ModelOptions

_TABLES = BACKENDS["numpy"].numbers("auto")
"""Of static models."""


def arithmetic_on(options: ModelOptions, placement: Placement, checkpoint: Checkpoint) -> Numbers:
    """Precision and backend; "auto" is float32 (of a backend without, what it has), "fast" what a table says.

    Float32 is rapidembed-native's where that is installed and computes the model, else ONNX Runtime's.

    Raises:
        DeviceError: it is for the CPU, but another device computes, or it is not to be had here.
        UnsupportedModelError: the model has but one precision, or backend.
    """
    static = checkpoint.spec.architecture in STATIC_ARCHITECTURES
    if options.precision == "fast" and (checkpoint.spec.architecture in CONVOLUTIONS or checkpoint.spec.head == "page"):
        return BACKENDS[options.backend].numbers("auto")
    free = not (static or checkpoint.is_onnx) and placement.on_cpu and options.providers is None
    chosen = _chosen_here(options, checkpoint) if free else None
    numbers = chosen or BACKENDS[options.backend].numbers(options.precision)
    if numbers == FLOAT32:
        return _TABLES if static else numbers
    if static:
        raise UnsupportedModelError(
            f"{checkpoint.spec.name} is a static model, which looks vectors up; leave precision and backend out."
        )
    if not placement.on_cpu:
        other = numbers.backend != DEFAULT
        option = f'backend="{numbers.backend}"' if other else f'precision="{numbers.precision}"'
        raise DeviceError(f"{option} is for the CPU, but the device is {placement.label}.")
    require(numbers)
    return numbers


def _chosen_here(options: ModelOptions, checkpoint: Checkpoint) -> Numbers | None:
    """What the machine, or a compiled folder, says where the options leave it open; None: they do not."""
    if options.precision == "fast":
        from rapidembed.runtime.fast import fastest

        return fastest(options.backend, checkpoint)
    if options.precision != "auto" or options.backend != DEFAULT:
        return None
    record = read_record(checkpoint.root)
    return float32(checkpoint) if record is None else _compiled(record, checkpoint)


def _compiled(record: Compiled, checkpoint: Checkpoint) -> Numbers:
    """What a compiled folder is for.

    Raises:
        DeviceError: its integers are for other CPUs.
    """
    if record.integers not in (None, integer_kind()):
        raise DeviceError(
            f"{checkpoint.root} was compiled for CPUs of the kind {record.integers}, this one is {integer_kind()}. "
            'Compile the model on such a machine, or give a precision, such as "fp32".'
        )
    return Numbers(record.precision, record.backend)
