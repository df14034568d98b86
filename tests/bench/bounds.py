"""How fast events could be if they were nothing but their random numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from generator.random import fill_uniform, lanes
from generator.simd import LANES

if TYPE_CHECKING:
    from collections.abc import Callable


def lanes_bound(uniforms: int) -> Callable[[int], None]:
    """Return work that draws ``uniforms`` numbers per event from the SIMD lanes."""
    state = lanes(np.random.SeedSequence(1))
    out = np.empty(uniforms * LANES, np.float32)

    def work(n_events: int) -> None:
        for _ in range(0, n_events, LANES):
            fill_uniform(state, out)

    return work


def numpy_bound(uniforms: int) -> Callable[[int], None]:
    """Return work that draws them, in float32, from numpy's default generator."""
    rng = np.random.default_rng(1)
    out = np.empty(uniforms * LANES, np.float32)

    def work(n_events: int) -> None:
        for _ in range(0, n_events, LANES):
            rng.random(out=out, dtype=np.float32)

    return work
