"""The crystal-level model: showers over crystals, digits with noise, offline clusters.

Energies are calibrated with the model itself: isolated photons on every ring and at
every energy of a grid tell the mean of the 21 crystals, and how much noise and sharing
spread it. The rest of the configured resolution is put on the shower's energy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from detector.cells import Cells, cells
from detector.clustering import (
    CLUSTER_GEV,
    COLUMNS,
    MOST_CLUSTERS,
    Event,
    add_shower,
    clean,
    event,
    find_clusters,
)
from detector.crystals import Flat, Hits, hit
from detector.geometry import Region, belle2
from detector.response import BackgroundLevel, LineShape, resolution, smear_energy
from detector.shower_patch import PATCH, TILE, Patches, share
from generator.columns import Column, Photons, empty
from generator.compiled import kernel
from generator.random import LaneState, lanes
from generator.simd import LANES, f4, i4, log, wrap_azimuth

if TYPE_CHECKING:
    from numpy.typing import NDArray

NODES_GEV: Final = 0.05 * 4.0 ** np.arange(5)
"""Energies of the calibration, 0.05 to 12.8 GeV; in between linear in ln E."""
PLACES: Final = 8
"""Bins of the position within a ring, for the leakage where calorimeter parts end."""
BASE_NOISE_GEV: Final = 0.0002
"""Electronic noise of a crystal [remembered: about 200 keV]."""
MORE_CLUSTERS: Final = 3
"""Clusters that an event may have beyond its photons: split-offs."""
_CALIBRATION_BLOCKS: Final = 16
_REFERENCE_GEV: Final = 0.1
_REFERENCE_LEAKAGE_GEV: Final = 1.6
_SUMMED: Final = 21

_0, _1 = f4(0), f4(1)
_LOW = f4(NODES_GEV[0])
_PER_STEP = f4(1.0 / np.log(NODES_GEV[1] / NODES_GEV[0]))
_N_NODES: Final = NODES_GEV.size
_LAST = f4(NODES_GEV.size - 1.001)
_CLUSTER_GEV = f4(CLUSTER_GEV)


@cache
def noise_GeV(level: BackgroundLevel) -> float:
    """Return the standard deviation of a crystal's noise [GeV].

    Derived, not measured: what a background level adds to the resolution of 0.1 GeV
    photons in the barrel (in quadrature, over the low level), spread evenly over 21
    crystals, on top of ``BASE_NOISE_GEV``.
    """
    widths = [
        float(resolution(_REFERENCE_GEV, Region.BARREL, which)[0]) * _REFERENCE_GEV
        for which in (level, BackgroundLevel.LOW)
    ]
    added = (widths[0] ** 2 - widths[1] ** 2) / _SUMMED
    return float(np.sqrt(BASE_NOISE_GEV**2 + added))


@dataclass(frozen=True, slots=True)
class Shapes:
    """Shapes of clusters, arrays (slots, LANES); 0 where there is no cluster."""

    e1_e9: NDArray[np.float32]
    """Central crystal over the 3×3 around it."""
    e9_e21: NDArray[np.float32]
    """3×3 over the 21 crystals of the cluster."""
    width_cm: NDArray[np.float32]
    """Root of the energy-weighted mean square distance from the centroid [cm]."""


@dataclass(frozen=True, slots=True)
class ShowerClusters:
    """Clusters of a block, the most energetic first."""

    energy: Column
    """E [GeV], calibrated, (slots, LANES); 0 where there is none."""
    theta: Column
    phi: Column
    shapes: Shapes
    of_photon: NDArray[np.int32]
    """Cluster slot that each photon went into, (photon slots, LANES); −1 for none."""


@kernel
def _node(energy: f4) -> f4:
    """Return the place of an energy on the calibration's grid."""
    return f4(min(max(log(max(energy, _LOW) / _LOW) * _PER_STEP, _0), _LAST))


@kernel
def _between(table: Flat, ring: int, energy: f4) -> f4:
    """Return a number of the calibration at an energy."""
    x = _node(energy)
    k = int(x)
    low, high = table[ring * _N_NODES + k], table[ring * _N_NODES + k + 1]
    return f4(low + (high - low) * (x - f4(k)))


@kernel
def _widths(table: Flat, energy: Flat, ring: Flat, out: Flat) -> None:
    """Look up the intrinsic resolution of every photon."""
    for j in range(energy.size):
        out[j] = _0
        if energy[j] > _0 and ring[j] >= _0:
            out[j] = _between(table, int(ring[j]), energy[j])


@kernel
def _write(
    crystals: Cells,
    ev: Event,
    correction: Flat,
    leakage: Flat,
    n_out: int,
    lane: int,
    owners: NDArray[np.int32],
    rank: NDArray[np.int32],
    energy: Column,
    theta: Column,
    phi: Column,
    shapes: Flat,
    of_photon: NDArray[np.int32],
) -> None:
    """Calibrate and write the clusters of an event, the most energetic first."""
    n = ev.counts[1]
    for k in range(n):
        at = k * COLUMNS
        ring, core = int(ev.cluster[at + 6]), ev.core[k]
        into = (ev.cluster[at + 1] - crystals.theta[core]) / crystals.theta_width[ring]
        place = min(max(int(f4(PLACES) * (into + f4(0.5))), 0), PLACES - 1)
        e = ev.cluster[at] * leakage[ring * PLACES + place]
        ev.cluster[at] = e * _between(correction, ring, e)
        rank[k] = -1
    for slot in range(n_out):
        best = -1
        for k in range(n):
            e = ev.cluster[k * COLUMNS]
            if (
                rank[k] < 0
                and e >= _CLUSTER_GEV
                and (best < 0 or e > ev.cluster[best * COLUMNS])
            ):
                best = k
        j = slot * LANES + lane
        if best < 0:
            energy[j] = 0.0
            theta[j] = 0.5 * np.pi
            phi[j] = 0.0
            for s in range(3):
                shapes[s * n_out * LANES + j] = _0
            continue
        rank[best] = slot
        at = best * COLUMNS
        energy[j], theta[j] = ev.cluster[at], ev.cluster[at + 1]
        phi[j] = wrap_azimuth(ev.cluster[at + 2])
        for s in range(3):
            shapes[s * n_out * LANES + j] = ev.cluster[at + 3 + s]
    for p in range(owners.size):
        owner = owners[p]
        of_photon[p * LANES + lane] = rank[owner] if 0 <= owner < n else i4(-1)


@kernel
def _tile(
    crystals: Cells,
    ev: Event,
    first_lane: int,
    noise_GeV: float,
    deposit: Flat,
    impact: NDArray[np.int32],
    patch: Flat,
    noise: Flat,
    cell: NDArray[np.int32],
    scale: Flat,
    correction: Flat,
    leakage: Flat,
    n_out: int,
    photon_cells: NDArray[np.int32],
    owners: NDArray[np.int32],
    rank: NDArray[np.int32],
    energy: Column,
    theta: Column,
    phi: Column,
    shapes: Flat,
    of_photon: NDArray[np.int32],
) -> None:
    """Find the clusters of a tile of events."""
    n_slots = photon_cells.size
    for i in range(TILE):
        lane = first_lane + i
        for slot in range(n_slots):
            photon_cells[slot] = -1
            if deposit[slot * LANES + lane] > _0:
                photon_cells[slot] = impact[slot * LANES + lane]
                add_shower(
                    ev, noise_GeV, slot * PATCH * TILE + i, TILE, PATCH,
                    scale[slot * TILE + i], patch, noise, cell,
                )  # fmt: skip
        find_clusters(crystals, ev, photon_cells, owners)
        _write(
            crystals, ev, correction, leakage, n_out, lane, owners, rank,
            energy, theta, phi, shapes, of_photon,
        )  # fmt: skip
        clean(ev)


def impact_cells(hits: Hits) -> NDArray[np.int32]:
    """Return the number of the crystal that each photon hit, (slots·LANES,).

    Where there is none it is that of ring 0: look at the energy.
    """
    ring = np.maximum(hits.ring, 0.0).astype(np.int32)
    column = (hits.phi / hits.pitch).astype(np.int32)
    last = belle2().n_crystals[ring].astype(np.int32) - 1
    return cells().first[ring] + np.minimum(column, last)


@dataclass(frozen=True, eq=False)
class Calibration:
    """What the 21 crystals of isolated photons say."""

    correction: Flat
    """Factor that makes an energy of their sum, by ring and energy (69 × nodes)."""
    leakage: Flat
    """Factor before that, by position in θ within the ring (69 × ``PLACES``)."""
    spread: Flat
    """Relative spread if showers had no resolution of their own (69 × nodes)."""
    intrinsic: Flat
    """Relative resolution to be put on the energy of showers (69 × nodes)."""


@dataclass(frozen=True)
class ShowerModel:
    """Crystal-level detector.

    Parameters
    ----------
    level : BackgroundLevel
        Beam background: resolution and noise.
    shape : LineShape
        Of the energy resolution.
    tail : float
        Tail parameter of the Novosibirsk shape.
    fluctuate : bool
        Without it there are no fluctuations, noise or resolution: for tests.
    """

    level: BackgroundLevel = BackgroundLevel.LOW
    shape: LineShape = LineShape.GAUSSIAN
    tail: float = 0.4
    fluctuate: bool = True

    def cluster(self, hits: Hits, state: LaneState) -> ShowerClusters:
        """Return the clusters of a block; ``state`` is advanced in place."""
        calibration = calibrated(self.level, fluctuate=self.fluctuate)
        deposit = hits.energy
        if self.fluctuate:
            widths = np.empty_like(deposit)
            _widths(calibration.intrinsic, deposit, hits.ring, widths)
            deposit = smear_energy(hits, widths, self.shape, self.tail, state)
        return _cluster(
            hits,
            deposit,
            (calibration.correction, calibration.leakage),
            noise_GeV(self.level) if self.fluctuate else None,
            state,
        )


def _cluster(
    hits: Hits,
    deposit: Flat,
    factors: tuple[Flat, Flat],
    noise: float | None,
    state: LaneState,
) -> ShowerClusters:
    """Return the clusters of showers; no noise means no fluctuations either."""
    n_out = hits.slots + MORE_CLUSTERS
    energy, theta, phi = (empty(n_out) for _ in range(3))
    shapes = np.empty(3 * n_out * LANES, np.float32)
    of_photon = np.empty(hits.slots * LANES, np.int32)
    work = [np.empty(n, np.int32) for n in (hits.slots, hits.slots, MOST_CLUSTERS)]
    out = [c.reshape(-1) for c in (energy, theta, phi)]
    crystals, impact, patches = cells(), impact_cells(hits), Patches.empty(hits.slots)
    ev = event(crystals.ring.size)
    for first in range(0, LANES, TILE):
        share(hits, deposit, first, patches, state, fluctuate=noise is not None)
        tile = (crystals, ev, first, noise or 0.0, deposit, impact, *patches.columns)
        _tile(*tile, *factors, n_out, *work, *out, shapes, of_photon)
    return ShowerClusters(
        energy,
        theta,
        phi,
        Shapes(*shapes.reshape(3, n_out, LANES)),
        of_photon.reshape(hits.slots, LANES),
    )


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
    """Most energetic clusters of isolated photons that were seen."""

    ratio: NDArray[np.float64]
    """Energy over that of the photon."""
    ring: NDArray[np.int64]
    """Ring of the photon."""
    place: NDArray[np.int64]
    """Bin of the reconstructed position within it."""


def _sample(
    energy_GeV: float, factors: tuple[Flat, Flat], noise: float | None, seed: int
) -> _Sample:
    geometry, crystals = belle2(), cells()
    rng, state = np.random.default_rng(seed), lanes(np.random.SeedSequence(seed))
    parts = []
    low = geometry.deep_theta[0]
    for _ in range(_CALIBRATION_BLOCKS):
        hits = hit(photons_on_rings(energy_GeV, rng), geometry, 1.0, state)
        found = _cluster(hits, hits.energy, factors, noise, state)
        seen = found.energy[0] > 0.0
        ring = hits.ring[seen].astype(np.int64)
        into = (found.theta[0, seen] - low[ring]) / crystals.theta_width[ring]
        place = np.clip((PLACES * into).astype(np.int64), 0, PLACES - 1)
        parts.append(_Sample(found.energy[0, seen] / energy_GeV, ring, place))
    return _Sample(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _moments(
    ratio: NDArray[np.float64], group: NDArray[np.int64], n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and relative standard deviation of every group; 1 and 0 if empty."""
    count = np.bincount(group, minlength=n)
    safe = np.maximum(count, 1)
    mean = np.where(count > 0, np.bincount(group, ratio, n) / safe, 1.0)
    square = np.where(count > 0, np.bincount(group, ratio**2, n) / safe, 1.0)
    return mean, np.sqrt(np.maximum(square - mean**2, 0.0)) / mean


@cache
def calibrated(level: BackgroundLevel, *, fluctuate: bool = True) -> Calibration:
    """Measure the calibration; once per process and background level, in a second.

    The most energetic cluster of isolated photons is compared with their energy.
    """
    n_rings = belle2().n_rings
    noise = noise_GeV(level) if fluctuate else None
    plain = np.ones(n_rings * _N_NODES, np.float32)
    flat = np.ones(n_rings * PLACES, np.float32)
    first = _sample(_REFERENCE_LEAKAGE_GEV, (plain, flat), noise, 2026)
    by_place, _ = _moments(first.ratio, first.ring * PLACES + first.place, flat.size)
    by_ring, _ = _moments(first.ratio, first.ring, n_rings)
    leakage = (np.repeat(by_ring, PLACES) / by_place).astype(np.float32)
    mean, spread = np.empty((2, n_rings, _N_NODES))
    for node, energy in enumerate(NODES_GEV):
        sample = _sample(energy, (plain, leakage), noise, 2027 + node)
        mean[:, node], spread[:, node] = _moments(sample.ratio, sample.ring, n_rings)
    wanted = np.stack(
        [resolution(NODES_GEV, Region(r), level)[0] for r in belle2().region]
    )
    intrinsic = np.sqrt(np.maximum(wanted**2 - spread**2, 0.0))
    tables = (1.0 / mean, leakage, spread, intrinsic)
    return Calibration(*(t.astype(np.float32).reshape(-1) for t in tables))
