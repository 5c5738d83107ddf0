"""What is checked of every output."""

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import IntegrityError, NonFiniteError
from rapidembed.registry.heads import output_shape
from rapidembed.runtime.backends import BACKENDS
from rapidembed.runtime.engine import EngineKey


def check_output(output: NDArray[np.float32], length: int, key: EngineKey) -> None:
    """Check the output of a batch.

    Args:
        output: (inputs, ...).
        length: tokens of each row.
        key: what computed it.

    Raises:
        IntegrityError: it has another shape than the head's.
        NonFiniteError: it holds NaN or infinity.
    """
    spec = key.checkpoint.spec
    shape = tuple(output_shape(spec, len(output), length)[1:])
    if output.shape[1:] != shape:
        raise IntegrityError(f"{spec.name}: expected results of {shape}, got {output.shape[1:]}.")
    finite = np.isfinite(output)
    if not finite.all():
        rows = np.flatnonzero(~finite.reshape(len(output), -1).all(axis=1))
        raise NonFiniteError(
            f"{spec.name} produced NaN or infinity for rows {rows.tolist()} of a batch of {len(output)} "
            f"({key.backend} {BACKENDS[key.backend].version}, device {key.placement.label})."
        )
