"""Points of the unit hypercube that samplers map to events, plain or from cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from generator.random import LaneState, fill_uniform
from generator.simd import LANES

Flat = NDArray[np.float32]


def uniform(state: LaneState, dimensions: int) -> Flat:
    """Return uniform numbers in (0, 1), flat columns of dimensions·LANES."""
    out = np.empty(dimensions * LANES, np.float32)
    fill_uniform(state, out)
    return out
