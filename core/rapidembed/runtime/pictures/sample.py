"""The pictures that activations are observed on before weights are rounded.

They are drawn: discs of all sizes that lie over each other, as leaves on the ground. What photographs have in common,
edges and plain areas at every scale, such pictures have too (Lee, Mumford and Huang 2001).
"""

import numpy as np
from numpy.typing import NDArray

_BATCHES, _ROWS = 4, 8
_DISCS = 160
_SMALLEST, _LARGEST = 0.02, 0.5
"""Radii, as a part of the shorter side."""


def drawn(size: tuple[int, int]) -> list[list[NDArray[np.uint8]]]:
    """Batches of pictures, (height, width, 3) each; the same ones every time."""
    random = np.random.default_rng(1)
    return [[_picture(random, *size) for _ in range(_ROWS)] for _ in range(_BATCHES)]


def _picture(random: np.random.Generator, height: int, width: int) -> NDArray[np.uint8]:
    down, across = np.ogrid[:height, :width]
    picture = np.empty((height, width, 3), dtype=np.float32)
    picture[:] = random.uniform(0, 255, 3)
    # Density falls with the third power of the radius: so there is as much of every size.
    spread = random.uniform(_LARGEST**-2, _SMALLEST**-2, _DISCS) ** -0.5 * min(height, width)
    for radius in np.sort(spread)[::-1]:
        y, x = random.uniform(0, height), random.uniform(0, width)
        picture[(down - y) ** 2 + (across - x) ** 2 < radius**2] = random.uniform(0, 255, 3)
    shade = random.uniform(0.7, 1.0) + random.uniform(-0.3, 0.3) * (across / width) + 0.1 * (down / height)
    noise = random.normal(0, 6, picture.shape)
    return np.clip(picture * shade[..., None] + noise, 0, 255).astype(np.uint8)
