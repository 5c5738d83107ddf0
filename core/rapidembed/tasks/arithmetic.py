"""What computes a model, and in which precision: what the options ask for, and what there is."""

from typing import cast

from rapidembed.errors import DeviceError, UnsupportedModelError
from rapidembed.graph import Compiled, read_record
from rapidembed.hub import Checkpoint
from rapidembed.registry.static_files import STATIC_ARCHITECTURES
from rapidembed.runtime.cpu import integer_kind
from rapidembed.runtime.device import Placement
from rapidembed.tasks.options import ModelOptions
from rapidembed.types import Backend, Precision


def arithmetic_on(options: ModelOptions, placement: Placement, checkpoint: Checkpoint) -> tuple[Precision, Backend]:
    """Precision and backend; "auto" is float32, "fast" what a table says of this machine.

    Raises:
        DeviceError: it is for the CPU, but another device computes, or it is not to be had here.
        UnsupportedModelError: the model has but one precision, or backend.
    """
    backend = cast("Backend", options.backend)
    fixed = checkpoint.is_onnx or checkpoint.spec.architecture in STATIC_ARCHITECTURES or not placement.on_cpu
    if options.precision == "fast" and not fixed and options.providers is None:
        from rapidembed.runtime.fast import fastest

        return fastest(backend)
    record = None if fixed else read_record(checkpoint.root)
    if record is not None and options.precision == "auto" and backend == "onnxruntime" and options.providers is None:
        return _compiled(record, checkpoint)
    precision = cast("Precision", "fp32" if options.precision in ("auto", "fast") else options.precision)
    if (precision, backend) == ("fp32", "onnxruntime"):
        return precision, backend
    name = checkpoint.spec.name
    if checkpoint.spec.architecture in STATIC_ARCHITECTURES:
        raise UnsupportedModelError(
            f"{name} is a static model, which looks vectors up; leave precision and backend out."
        )
    if not placement.on_cpu:
        option = f'backend="{backend}"' if backend != "onnxruntime" else f'precision="{precision}"'
        raise DeviceError(f"{option} is for the CPU, but the device is {placement.label}.")
    _require(precision, backend)
    return precision, backend


def _compiled(record: Compiled, checkpoint: Checkpoint) -> tuple[Precision, Backend]:
    """What a compiled folder is for, if that can be had here."""
    if record.integers not in (None, integer_kind()):
        raise DeviceError(
            f"{checkpoint.root} was compiled for CPUs of the kind {record.integers}, this one is {integer_kind()}. "
            'Compile the model on such a machine, or give a precision, such as "fp32".'
        )
    _require(record.precision, record.backend)
    return record.precision, record.backend


def _require(precision: Precision, backend: Backend) -> None:
    if backend == "openvino":
        from rapidembed.runtime.openvino import require

        require(precision)
