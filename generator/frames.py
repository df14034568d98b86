"""Lorentz transformation inside kernels: the beams cross in the x–z plane.

The nine numbers of a transformation are `Beams.kernel_to_lab` or `kernel_to_cms`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from generator.compiled import device
from generator.simd import atan2, azimuth

if TYPE_CHECKING:
    from generator.simd import f4

Boost = NDArray[np.float32]


@device
def lab_direction(boost: Boost, e: f4, x: f4, y: f4, z: f4) -> tuple[f4, f4, f4]:
    """Return (E, θ, φ) in the new frame of a massless (e, x, y, z)."""
    energy = boost[0] * e + boost[1] * x + boost[2] * z
    new_x = boost[3] * e + boost[4] * x + boost[5] * z
    new_z = boost[6] * e + boost[7] * x + boost[8] * z
    theta = atan2(np.sqrt(new_x * new_x + y * y), new_z)
    return energy, theta, azimuth(y, new_x)
