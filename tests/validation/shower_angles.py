"""Angular resolution of the crystal-level model next to the parametrised one.

Command line: ``python -m tests.validation.shower_angles``. Showers decide the angles in
that model; nothing is tuned to the parametrisation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from detector.crystals import hit
from detector.geometry import Region, belle2
from detector.response import BackgroundLevel, resolution
from detector.shower import ShowerModel
from generator.simd import LANES
from tests.compare import Floats, photons_of, start

if TYPE_CHECKING:
    from tests.reference.beams import Ints

ENERGIES_GEV: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
RIMS: Final = (0, 12, 13, 58, 59, 68)
"""Rings where a part of the calorimeter ends."""
_LOW, _HIGH = 0.158655, 0.841345


class Sample(NamedTuple):
    """Most energetic clusters of isolated photons."""

    ratio: Floats
    """Energy over the true one."""
    theta: Floats
    """Measured less true polar angle [rad]."""
    phi: Floats
    """Measured less true azimuth [rad]."""


def inner_rings(region: Region) -> Ints:
    """Return the rings of a region that are not at its rims."""
    rings = np.flatnonzero(belle2().region == region)
    return np.asarray(rings[~np.isin(rings, RIMS)])


def measure(
    model: ShowerModel, energy_GeV: float, rings: Ints, n_blocks: int, seed: int = 1
) -> Sample:
    """Return clusters of photons that are spread evenly over rings and inside each."""
    rng, state, geometry, parts = np.random.default_rng(seed), start(seed), belle2(), []
    for _ in range(n_blocks):
        ring = rng.choice(rings, (1, LANES))
        low, high = geometry.theta_min[ring], geometry.theta_max[ring]
        theta = low + (high - low) * rng.random((1, LANES))
        phi = 6.2831853 * rng.random((1, LANES))
        photons = photons_of(np.full((1, LANES), energy_GeV), theta, phi)
        found = model.cluster(hit(photons, geometry, 1.0, state), state)
        most, lane = found.energy.argmax(axis=0), np.arange(LANES)
        turn = np.remainder(found.phi[most, lane] - phi[0] + np.pi, 2 * np.pi) - np.pi
        ratio = found.energy[most, lane] / energy_GeV
        parts.append((ratio, found.theta[most, lane] - theta[0], turn))
    return Sample(*np.concatenate(parts, axis=1))


def width(values: Floats) -> float:
    """Return half of the central 68.27 % interval."""
    low, high = np.quantile(values, [_LOW, _HIGH])
    return float(high - low) / 2


def table(n_blocks: int = 20, level: BackgroundLevel = BackgroundLevel.LOW) -> Table:
    """Return widths and biases of both angles by region and energy [mrad]."""
    title = f"Angles of isolated photons in mrad, background {level}; (parametrised)"
    result, model = Table(title=title), ShowerModel(level)
    for header in ("region", "E [GeV]", "σ_θ", "", "σ_φ", "", "bias θ", "bias φ"):
        result.add_column(header, justify="left" if header == "region" else "right")
    for region in Region:
        for energy in ENERGIES_GEV:
            sample = measure(model, energy, inner_rings(region), n_blocks)
            _, *expected = resolution(energy, region, level)
            row = [region.name.lower(), f"{energy:g}"]
            for angle, sigma in zip(sample[1:], expected, strict=True):
                row += [f"{1e3 * width(angle):.2f}", f"({1e3 * sigma:.2f})"]
            row += [f"{1e3 * np.median(angle):+.2f}" for angle in sample[1:]]
            result.add_row(*row)
    return result


if __name__ == "__main__":
    Console(width=100).print(table())
