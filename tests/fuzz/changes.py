"""All that is done to a model's files: each change is drawn from its own random numbers and says what it did."""

import random
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.files import add_file, change_json, change_text, lead_out, name_outside, not_a_file, remove
from tests.fuzz.tokenizers import change_steps, change_vocabulary
from tests.fuzz.weights import as_torch, change_bytes, change_header, change_onnx, hostile_pickle, huge_weights

Change = Callable[[Path, Path, random.Random], str | None]
"""Takes the model's folder, a folder outside with the same model, and random numbers; None: there was nothing to do."""

CHANGES: tuple[tuple[Change, int], ...] = (
    (change_json, 12),
    (change_text, 3),
    (add_file, 2),
    (remove, 1),
    (not_a_file, 1),
    (lead_out, 2),
    (name_outside, 2),
    (change_header, 4),
    (change_bytes, 3),
    (huge_weights, 1),
    (hostile_pickle, 1),
    (as_torch, 1),
    (change_onnx, 3),
    (change_vocabulary, 3),
    (change_steps, 3),
)
"""Each with how often it is drawn."""
