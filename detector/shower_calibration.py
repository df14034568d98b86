"""Calibration of the crystal-level model with the model itself.

Isolated photons on every ring and at every energy of a grid tell the mean of the 21
crystals, and how much noise and sharing spread it. The rest of the configured resolution
is what showers get. Where a part of the calorimeter ends, crystals leak more than the
resolution allows: there showers get none, and the resolution is worse than configured.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from detector.crystals import hit
from detector.geometry import Region, belle2
from detector.response import BackgroundLevel, resolution
from detector.shower_events import (
    N_NODES,
    NODES_GEV,
    PLACES,
    Factors,
    cluster_showers,
    interpolate,
)
from generator.columns import Photons
from generator.compiled import kernel
from generator.random import lanes
from generator.simd import LANES, f4

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detector.crystals import Flat, Hits

BASE_NOISE_GEV: Final = 0.0002
"""Electronic noise of a crystal [remembered: about 200 keV]."""
_BLOCKS: Final = 16
_SOFT_GEV: Final = 0.1
_LEAKAGE_GEV: Final = 1.6
_SUMMED: Final = 21
_SEED: Final = 2026
_TAIL: Final = 0.158655
"""Below one standard deviation of a normal number."""
_0 = f4(0)


@cache
def noise_GeV(level: BackgroundLevel) -> float:
    """Return the standard deviation of a crystal's noise [GeV].

    Derived, not measured: what a background level adds to the resolution of 0.1 GeV
    photons in the barrel (in quadrature, over the low level), spread evenly over 21
    crystals, on top of ``BASE_NOISE_GEV``.
    """
    widths = [
        float(resolution(_SOFT_GEV, Region.BARREL, which)[0]) * _SOFT_GEV
        for which in (level, BackgroundLevel.LOW)
    ]
    added = (widths[0] ** 2 - widths[1] ** 2) / _SUMMED
    return float(np.sqrt(BASE_NOISE_GEV**2 + added))


@dataclass(frozen=True, eq=False)
class Calibration:
    """What the 21 crystals of isolated photons say."""

    factors: Factors
    """Make an energy of their sum."""
    spread: Flat
    """Relative spread if showers had no resolution of their own (69 · nodes)."""
    intrinsic: Flat
    """Relative resolution to be put on the energy of showers (69 · nodes)."""

    def widths(self, hits: Hits) -> Flat:
        """Return the relative resolution of every photon's shower, (slots·LANES,)."""
        out = np.empty_like(hits.energy)
        _widths(self.intrinsic, hits.energy, hits.ring, out)
        return out


@kernel
def _widths(table: Flat, energy: Flat, ring: Flat, out: Flat) -> None:
    """Look up the intrinsic resolution of every photon."""
    for j in range(energy.size):
        out[j] = _0
        if energy[j] > _0 and ring[j] >= _0:
            out[j] = interpolate(table, int(ring[j]), energy[j])


def photons_on_rings(energy_GeV: float, rng: np.random.Generator) -> Photons:
    """Return a block of single photons, evenly over all rings and inside each."""
    geometry = belle2()
    ring = np.arange(LANES) % geometry.n_rings
    low, high = geometry.theta_min[ring], geometry.theta_max[ring]
    theta = (low + (high - low) * rng.random(LANES))[np.newaxis]
    phi = 2.0 * np.pi * rng.random((1, LANES))
    energy = np.full((1, LANES), energy_GeV)
    return Photons(energy, theta, phi, np.ones(LANES), LANES, n_prompt=1)


class _Sample(NamedTuple):
    """Clusters of isolated photons that were seen."""

    ratio: NDArray[np.float64]
    """Energy over that of the photon."""
    ring: NDArray[np.int64]
    """Ring of the photon."""
    place: NDArray[np.int64]
    """Bin of the reconstructed position within it."""


def _sample(
    energy_GeV: float, factors: Factors, noise: float | None, seed: int
) -> _Sample:
    geometry = belle2()
    rng, state = np.random.default_rng(seed), lanes(np.random.SeedSequence(seed))
    parts, span = [], np.diff(geometry.deep_theta, axis=0)[0]
    low = geometry.deep_theta[0]
    for _ in range(_BLOCKS):
        hits = hit(photons_on_rings(energy_GeV, rng), geometry, 1.0, state)
        found = cluster_showers(hits, hits.energy, factors, noise, state)
        seen = found.energy[0] > 0.0
        ring = hits.ring[seen].astype(np.int64)
        into = (found.theta[0, seen] - low[ring]) / span[ring]
        place = np.clip((PLACES * into).astype(np.int64), 0, PLACES - 1)
        parts.append(_Sample(found.energy[0, seen] / energy_GeV, ring, place))
    return _Sample(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _means(
    ratio: NDArray[np.float64], group: NDArray[np.int64], n: int
) -> NDArray[np.float64]:
    """Return the mean of every group, 1 of an empty one."""
    count = np.bincount(group, minlength=n)
    return np.where(count > 0, np.bincount(group, ratio, n) / np.maximum(count, 1), 1.0)


def _by_ring(sample: _Sample) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean of every ring, and half of its central 68.3 %: no tails."""
    means, spreads = np.ones((2, belle2().n_rings))
    for ring in range(means.size):
        ratio = sample.ratio[sample.ring == ring]
        low, high = np.quantile(ratio, [_TAIL, 1.0 - _TAIL])
        means[ring], spreads[ring] = ratio.mean(), 0.5 * (high - low)
    return means, spreads


@cache
def calibrated(level: BackgroundLevel, *, fluctuate: bool = True) -> Calibration:
    """Measure the calibration; once per process and background level, in two seconds.

    Clusters of isolated photons are compared with the energy of these.
    """
    n_rings = belle2().n_rings
    noise = noise_GeV(level) if fluctuate else None
    plain = np.ones(n_rings * N_NODES, np.float32)
    flat = np.ones(n_rings * PLACES, np.float32)
    first = _sample(_LEAKAGE_GEV, Factors(plain, flat), noise, _SEED)
    by_place = _means(first.ratio, first.ring * PLACES + first.place, flat.size)
    by_ring = _means(first.ratio, first.ring, n_rings)
    leakage = (np.repeat(by_ring, PLACES) / by_place).astype(np.float32)
    mean, spread = np.ones((2, n_rings, N_NODES))
    # twice: what a photon leaves in a cluster of another ring has that ring's factor
    for turn in range(2):
        factors = Factors((1.0 / mean).astype(np.float32).reshape(-1), leakage)
        for node, energy in enumerate(NODES_GEV):
            seed = _SEED + 1 + node + N_NODES * turn
            found, spread[:, node] = _by_ring(_sample(energy, factors, noise, seed))
            mean[:, node] *= found
    wanted = np.stack(
        [resolution(NODES_GEV, Region(r), level)[0] for r in belle2().region]
    )
    intrinsic = np.sqrt(np.maximum(wanted**2 - spread**2, 0.0))
    by_energy, spreads, widths = (
        table.astype(np.float32).reshape(-1)
        for table in (1.0 / mean, spread, intrinsic)
    )
    return Calibration(Factors(by_energy, leakage), spreads, widths)
