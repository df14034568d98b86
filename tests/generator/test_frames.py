from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from generator.beams import Beams, transform
from generator.compiled import kernel
from generator.frames import Boost, lab_direction
from generator.simd import f4

if TYPE_CHECKING:
    from tests.compare import Floats


@kernel
def _move(boost: Boost, photons: Floats, out: Floats) -> None:
    for i in range(photons.shape[1]):
        e, x, y, z = photons[0, i], photons[1, i], photons[2, i], photons[3, i]
        out[0, i], out[1, i], out[2, i] = lab_direction(
            boost, f4(e), f4(x), f4(y), f4(z)
        )


@pytest.mark.parametrize("to_lab", [True, False])
def test_float32_kernel_against_float64(to_lab: bool) -> None:
    beams, rng = Beams(), np.random.default_rng(2)
    energy, phi = rng.uniform(0.05, 8, 20_000), rng.uniform(0, 2 * np.pi, 20_000)
    theta = np.arccos(rng.uniform(-1, 1, 20_000))
    unit = [np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)]
    photons, moved = energy * np.array([np.ones(20_000), *unit]), np.empty((3, 20_000))
    matrix, boost = (
        (beams.cms_to_lab, beams.kernel_to_lab)
        if to_lab
        else (beams.lab_to_cms, beams.kernel_to_cms)
    )
    _move(boost, photons, moved)
    e, t, p = transform(matrix, energy, theta, phi)
    np.testing.assert_allclose(moved[0], e, rtol=1e-6)
    np.testing.assert_allclose(moved[1], t, atol=2e-6)
    turn = np.remainder(moved[2] - p + np.pi, 2 * np.pi) - np.pi
    assert np.abs(turn * np.sin(t)).max() < 2e-6
    assert moved[2].min() >= 0
    assert moved[2].max() < 2 * np.pi
