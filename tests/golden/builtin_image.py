"""What the reference network of ``builtin:image`` is given, and where its answers are."""

from pathlib import Path

import numpy as np

from tests.golden.pictures import array

FILE = Path(__file__).parent / "builtin_image.safetensors"


def pixels() -> np.ndarray:
    """Three pictures, float32 (3, 3, 224, 224), normalized as the network expects it."""
    pictures = [array(224, 224), array(448, 448)[::2, ::2], 255 - array(280, 230)[:224, :224]]
    return ((np.stack(pictures).transpose(0, 3, 1, 2).astype(np.float32) - 127) / 128).copy()
