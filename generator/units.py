"""Points of the unit hypercube, which samplers map to events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from generator.random import LaneState, fill_uniform
from generator.simd import LANES

if TYPE_CHECKING:
    from numpy.typing import NDArray


def uniform(state: LaneState, dimensions: int) -> NDArray[np.float32]:
    """Return uniform numbers in (0, 1), flat columns of dimensions·LANES."""
    out = np.empty(dimensions * LANES, np.float32)
    fill_uniform(state, out)
    return out
