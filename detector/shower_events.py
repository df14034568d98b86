"""Showers to clusters, block by block: the loop over events of the crystal-level model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from detector.cells import SPAN, THETA, WIDTH, cells
from detector.clustering import CLUSTER_GEV, find_clusters
from detector.event import (
    COLUMNS,
    CORE,
    FOUND,
    HIT,
    MOST_CLUSTERS,
    MOST_CRYSTALS,
    N_FOUND,
    N_HIT,
    add_shower,
    clean,
    event,
)
from detector.geometry import belle2
from detector.level1 import decide_cells
from detector.shower_integrals import TILE, grid
from detector.shower_patch import PATCH, STRIDE, Patches, share_tile
from detector.trigger_cells import N_CELLS, trigger_tables
from detector.trigger_clusters import fire, make_work
from generator.columns import Column, empty
from generator.compiled import kernel
from generator.simd import LANES, f4, log, wrap_azimuth

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detector.clustering import Neighbours
    from detector.crystals import Flat, Hits
    from detector.event import Labels, Numbers
    from detector.level1 import Bits
    from generator.random import LaneState

NODES_GEV: Final = 0.05 * 2.0 ** np.arange(9)
"""Energies of the calibration, 0.05 to 12.8 GeV; in between linear in ln E."""
PLACES: Final = 8
"""Bins of the position within a ring, for the leakage where calorimeter parts end."""
MORE_CLUSTERS: Final = 3
"""Clusters that an event may have beyond its photons: split-offs."""

_0 = f4(0)
_LOW = f4(NODES_GEV[0])
_PER_STEP = f4(1.0 / np.log(NODES_GEV[1] / NODES_GEV[0]))
N_NODES: Final = NODES_GEV.size
_LAST = f4(N_NODES - 1.001)
_CLUSTER_GEV = f4(CLUSTER_GEV)


class Factors(NamedTuple):
    """Calibration of the sum of 21 crystals."""

    by_energy: Flat
    """By ring and energy (69 · nodes)."""
    by_place: Flat
    """By ring and position in θ within it (69 · ``PLACES``); applied first."""


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
    """Clusters of a block.

    A cluster is in the slot of the first photon that went into it, as the deposits of
    the separation model are; others follow, the most energetic first.
    """

    energy: Column
    """E [GeV], calibrated, (slots, LANES); 0 where there is none."""
    theta: Column
    """Polar angle [rad]."""
    phi: Column
    """Azimuth in [0, 2π) [rad]."""
    shapes: Shapes
    of_photon: NDArray[np.int32]
    """Cluster slot that each photon went into, (photon slots, LANES); −1 for none."""
    l1: Bits | None
    """First-level lines from the crystals' energies, (LANES,), if asked for."""


@kernel
def _node(energy: f4) -> f4:
    """Return the place of an energy on the calibration's grid."""
    return f4(min(max(log(max(energy, _LOW) / _LOW) * _PER_STEP, _0), _LAST))


@kernel
def interpolate(table: Flat, ring: int, energy: f4) -> f4:
    """Return a number of the calibration at an energy."""
    x = _node(energy)
    k = int(x)
    low, high = table[ring * N_NODES + k], table[ring * N_NODES + k + 1]
    return f4(low + (high - low) * (x - f4(k)))


@kernel
def _calibrate(
    crystals: Flat,
    lists: Numbers,
    found: Flat,
    counts: Labels,
    correction: Flat,
    leakage: Flat,
    rank: NDArray[np.int32],
) -> None:
    """Calibrate the clusters of an event; none has a slot yet, too small ones get none."""
    for k in range(counts[N_FOUND]):
        at = FOUND + k * COLUMNS
        ring, row = int(found[at + 6]), WIDTH * lists[CORE + k]
        into = (found[at + 1] - crystals[row + THETA]) / crystals[row + SPAN]
        place = min(max(int(f4(PLACES) * (into + f4(0.5))), 0), PLACES - 1)
        e = found[at] * leakage[ring * PLACES + place]
        found[at] = e * interpolate(correction, ring, e)
        rank[k] = -1 if found[at] >= _CLUSTER_GEV else -2


@kernel
def _next(
    found: Flat, n: int, owners: NDArray[np.int32], rank: NDArray[np.int32], slot: int
) -> int:
    """Return the cluster for a slot: its photon's, else the most energetic one left.

    −1 where there is none.
    """
    if slot < owners.size:
        owner = owners[slot]
        return owner if 0 <= owner < n and rank[owner] == -1 else -1
    best = -1
    for k in range(n):
        e = found[FOUND + k * COLUMNS]
        if rank[k] == -1 and (best < 0 or e > found[FOUND + best * COLUMNS]):
            best = k
    return best


@kernel
def _write(
    found: Flat,
    n: int,
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
    """Write the clusters of an event into their slots."""
    for slot in range(n_out):
        j, k = slot * LANES + lane, _next(found, n, owners, rank, slot)
        energy[j], theta[j], phi[j] = 0.0, 0.5 * np.pi, 0.0
        for s in range(3):
            shapes[s * n_out * LANES + j] = _0
        if k < 0:
            continue
        rank[k] = slot
        at = FOUND + k * COLUMNS
        energy[j], theta[j] = found[at], found[at + 1]
        phi[j] = wrap_azimuth(found[at + 2])
        for s in range(3):
            shapes[s * n_out * LANES + j] = found[at + 3 + s]
    for p in range(owners.size):
        owner = owners[p]
        slot = rank[owner] if 0 <= owner < n else -1
        of_photon[p * LANES + lane] = max(slot, -1)


@kernel
def fill_trigger_cells(
    energy: Flat,
    lists: Numbers,
    counts: Labels,
    of_cell: NDArray[np.int32],
    threshold: float,
    tc_energy: Flat,
    touched: NDArray[np.int32],
) -> int:
    """Add the crystals of an event up in trigger cells; return how many fired."""
    n = 0
    for k in range(counts[N_HIT]):
        c = lists[HIT + k]
        tc = of_cell[c]
        if tc_energy[tc] == _0:
            touched[n] = tc
            n += 1
        tc_energy[tc] += energy[c]
    return int(fire(f4(threshold), tc_energy, touched, n))


@kernel
def _block(
    crystals: Flat,
    near: Neighbours,
    around: Neighbours,
    event_energy: Flat,
    label: Labels,
    place: Numbers,
    free: Flat,
    lists: Numbers,
    found: Flat,
    split: Flat,
    counts: Labels,
    rings: Flat,
    state: LaneState,
    fluctuate: float,
    noise_GeV: float,
    deposit: Flat,
    hit_theta: Flat,
    hit_phi: Flat,
    hit_ring: Flat,
    impact: NDArray[np.int32],
    patch: Flat,
    noise: Flat,
    cell: NDArray[np.int32],
    scale: Flat,
    work: Flat,
    shares: Flat,
    rows: NDArray[np.int32],
    words: LaneState,
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
    threshold: float,
    of_cell: NDArray[np.int32],
    trigger_cells: NDArray[np.int32],
    tc_energy: Flat,
    touched: NDArray[np.int32],
    seed: NDArray[np.int32],
    centre: NDArray[np.int32],
    sums: Flat,
    bits: NDArray[np.int32],
) -> None:
    """Share the showers of a block, find clusters and first-level lines, tile by tile."""
    n_slots = photon_cells.size
    for lane in range(LANES):
        i = lane % TILE
        if i == 0:
            share_tile(
                state, rings, lane, n_slots, fluctuate,
                deposit, hit_theta, hit_phi, hit_ring,
                patch, noise, cell, scale, work, shares, rows, words,
            )  # fmt: skip
        for slot in range(n_slots):
            photon_cells[slot] = -1
            if deposit[slot * LANES + lane] > _0:
                photon_cells[slot] = impact[slot * LANES + lane]
                add_shower(
                    event_energy, label, lists, counts, noise_GeV,
                    slot * PATCH * STRIDE + i, STRIDE, PATCH, scale[slot * TILE + i],
                    patch, noise, cell,
                )  # fmt: skip
        find_clusters(
            crystals, near, around, event_energy, label, place, free, lists, found,
            split, counts, photon_cells, owners,
        )  # fmt: skip
        _calibrate(crystals, lists, found, counts, correction, leakage, rank)
        _write(
            found, counts[N_FOUND], n_out, lane, owners, rank,
            energy, theta, phi, shapes, of_photon,
        )  # fmt: skip
        if threshold > 0.0:
            n_fired = fill_trigger_cells(
                event_energy, lists, counts, of_cell, threshold, tc_energy, touched
            )
            bits[lane] = decide_cells(
                trigger_cells, tc_energy, touched, n_fired, seed, centre, sums
            )
            for k in range(n_fired):
                tc_energy[touched[k]] = _0
        clean(event_energy, label, free, lists, counts)


def impact_cells(hits: Hits) -> NDArray[np.int32]:
    """Return the number of the crystal that each photon hit, (slots·LANES,).

    Where there is none it is that of ring 0: look at the energy.
    """
    ring = np.maximum(hits.ring, 0.0).astype(np.int32)
    column = (hits.phi / hits.pitch).astype(np.int32)
    last = belle2().n_crystals[ring].astype(np.int32) - 1
    return np.asarray(cells().first[ring] + np.minimum(column, last))


def cluster_showers(
    hits: Hits,
    deposit: Flat,
    factors: Factors,
    noise_GeV: float | None,
    state: LaneState,
    threshold_GeV: float | None = None,
) -> ShowerClusters:
    """Share showers over crystals and find their clusters.

    Parameters
    ----------
    hits : Hits
        Photons at the crystals.
    deposit : array of shape (slots·LANES,)
        Energy of their showers [GeV].
    factors : Factors
        Calibration.
    noise_GeV : float, optional
        Noise of a crystal; None: neither noise nor fluctuations.
    state : LaneState
        Generator lanes, advanced in place.
    threshold_GeV : float, optional
        Threshold of trigger cells, to work out the first-level lines as well.

    Raises
    ------
    ValueError
        If an event may hit more crystals than there is room for.
    """
    if hits.slots * PATCH > MOST_CRYSTALS:
        most = MOST_CRYSTALS // PATCH
        msg = f"{hits.slots} photons per event: the crystal-level model holds {most}"
        raise ValueError(msg)
    n_out = hits.slots + MORE_CLUSTERS
    energy, theta, phi = (empty(n_out) for _ in range(3))
    e_out, theta_out, phi_out = (c.reshape(-1) for c in (energy, theta, phi))
    shapes = np.empty(3 * n_out * LANES, np.float32)
    of_photon = np.empty(hits.slots * LANES, np.int32)
    photon_cells, owners = np.empty((2, hits.slots), np.int32)
    rank, bits = np.empty(MOST_CLUSTERS, np.int32), np.zeros(LANES, np.int32)
    crystals, impact, patches = cells(), impact_cells(hits), Patches.empty(hits.slots)
    ev, tables = event(crystals.table.size // WIDTH), trigger_tables()
    tc_energy, touched = np.zeros(N_CELLS, np.float32), np.empty(N_CELLS, np.int32)
    work = make_work()
    fluctuate = 1.0 if noise_GeV is not None else 0.0
    _block(
        crystals.table, crystals.near, crystals.around, *ev, grid(), state, fluctuate,
        noise_GeV or 0.0, deposit, hits.theta, hits.phi, hits.ring, impact, *patches,
        *factors, n_out, photon_cells, owners, rank,
        e_out, theta_out, phi_out, shapes, of_photon, threshold_GeV or 0.0,
        tables.of_cell, tables.cells, tc_energy, touched, work.seed,
        work.centre, work.energy, bits,
    )  # fmt: skip
    return ShowerClusters(
        energy,
        theta,
        phi,
        Shapes(*shapes.reshape(3, n_out, LANES)),
        of_photon.reshape(hits.slots, LANES),
        None if threshold_GeV is None else bits,
    )
