"""Photons closer than N crystals become one cluster.

Two readings of the 2017 paper's rule (arXiv:1709.00009 section 5): ``square`` merges
photons that are closer than N crystals in θ *and* in φ, which is what clustering around
local maxima does; ``cross`` merges them when closer than N in *either*.

Two ways to measure the distance: ``impact`` between the impact points, in units of the
crystals hit; ``index`` between the (ring, column) indices. Whole indices shorten it: two
photons 1.5 crystals apart are 1 or 2 indices apart with equal chance, so ``index`` has
the half height of the edge at N − 1/2 crystals, ``impact`` at N.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from generator.compiled import kernel
from generator.simd import LANES, TWO_PI, f4, i4, wrap_azimuth

if TYPE_CHECKING:
    from detector.crystals import Flat, Hits

Labels = NDArray[np.int32]
_0, _1, _PI = f4(0), f4(1), f4(np.pi)
_TOLERANCE: Final = f4(1e-3)
"""Crystals; distances of whole crystals are whole numbers only up to float32 rounding."""


class MergeRule(StrEnum):
    """When two photons are one cluster."""

    SQUARE = "square"
    CROSS = "cross"


class Distance(StrEnum):
    """What is counted in crystals."""

    IMPACT = "impact"
    INDEX = "index"


@dataclass(frozen=True, slots=True)
class Deposits:
    """Merged photons before the response; flat columns, E = 0 where absent.

    A deposit sits in the slot of its first photon, so a signal photon that merged with
    nothing keeps its true slot.
    """

    slots: int
    energy: Flat
    theta: Flat
    phi: Flat
    ring: Flat
    """Ring of the most energetic photon in the deposit."""
    label: Labels = field(default_factory=lambda: np.zeros(0, np.int32))
    """Slot of the deposit that every photon is part of, absent ones included."""


@kernel
def _label(
    n_slots: int,
    n_crystals: float,
    cross: int,
    energy: Flat,
    theta_at: Flat,
    phi_at: Flat,
    pitch: Flat,
    label: Labels,
    low: Labels,
    high: Labels,
) -> None:
    """Give photons that are connected through close neighbours one label.

    Pair by pair: label ``high`` of a close pair is renamed ``low`` (−1 if not close).
    """
    limit = f4(n_crystals) - _TOLERANCE
    for slot in range(n_slots):
        for i in range(LANES):
            label[slot * LANES + i] = i4(slot)
    for first in range(n_slots):
        for second in range(first):
            for i in range(LANES):
                j, k = first * LANES + i, second * LANES + i
                apart = abs(phi_at[j] - phi_at[k])
                apart = min(apart, TWO_PI - apart) / max(pitch[j], pitch[k])
                near_phi = i4(apart < limit)
                near_theta = i4(abs(theta_at[j] - theta_at[k]) < limit)
                both, either = near_phi & near_theta, near_phi | near_theta
                near = i4(min(energy[j], energy[k]) > _0)
                near = near & (either if cross != 0 else both)
                low[i] = min(label[j], label[k])
                high[i] = max(label[j], label[k]) if near != i4(0) else i4(-1)
            for slot in range(n_slots):
                for i in range(LANES):
                    j = slot * LANES + i
                    label[j] = low[i] if label[j] == high[i] else label[j]


@kernel
def _sum(
    n_slots: int,
    label: Labels,
    energy: Flat,
    theta: Flat,
    phi: Flat,
    sums: Flat,
    theta_sums: Flat,
    phi_sums: Flat,
    energy_out: Flat,
    theta_out: Flat,
    phi_out: Flat,
) -> None:
    """Add up the photons of every label: one deposit per label, in its slot.

    Azimuths are averaged as differences to the slot's own photon: safe at φ = 0.
    """
    for slot in range(n_slots):
        for i in range(LANES):
            sums[i] = theta_sums[i] = phi_sums[i] = _0
        for other in range(n_slots):
            for i in range(LANES):
                j, k = slot * LANES + i, other * LANES + i
                e = energy[k] if label[k] == i4(slot) else _0
                turn = phi[k] - phi[j]
                turn = turn - TWO_PI if turn > _PI else turn
                turn = turn + TWO_PI if turn < -_PI else turn
                sums[i] += e
                theta_sums[i] += e * theta[k]
                phi_sums[i] += e * turn
        for i in range(LANES):
            j = slot * LANES + i
            safe = sums[i] if sums[i] > _0 else _1
            energy_out[j] = sums[i]
            theta_out[j] = theta_sums[i] / safe
            phi_out[j] = wrap_azimuth(phi[j] + phi_sums[i] / safe)


@kernel
def _lead(
    n_slots: int, label: Labels, energy: Flat, ring: Flat, best: Flat, out: Flat
) -> None:
    """Give every label the ring of its most energetic photon."""
    for slot in range(n_slots):
        for i in range(LANES):
            best[i] = _0
            out[slot * LANES + i] = ring[slot * LANES + i]
        for other in range(n_slots):
            for i in range(LANES):
                j, k = slot * LANES + i, other * LANES + i
                e = energy[k] if label[k] == i4(slot) else _0
                new, old, most = ring[k], out[j], best[i]
                out[j] = new if e > most else old
                best[i] = max(e, most)


@kernel
def _count_above(
    n_slots: int,
    threshold: float,
    label: Labels,
    energy: Flat,
    sums: Flat,
    count: Labels,
) -> None:
    """Count labels whose summed energy reaches ``threshold``."""
    for slot in range(n_slots):
        for other in range(n_slots):
            for i in range(LANES):
                k = other * LANES + i
                sums[i] += energy[k] if label[k] == i4(slot) else _0
        for i in range(LANES):
            count[i] += i4(sums[i] >= f4(threshold))
            sums[i] = _0


@cache
def _unconnected(slots: int) -> Labels:
    """Return the labels of photons that merge with nothing; read-only."""
    label = np.repeat(np.arange(slots, dtype=np.int32), LANES)
    label.flags.writeable = False
    return label


def labels(
    hits: Hits,
    n_crystals: float,
    rule: MergeRule,
    distance: Distance = Distance.IMPACT,
) -> Labels:
    """Return for every photon the lowest slot it is connected to, (slots·LANES,).

    Connection is transitive: photons in a chain of close neighbours are one cluster.

    Parameters
    ----------
    hits : Hits
        Photons at the crystals.
    n_crystals : float
        Photons closer than this many crystals are connected; 0 connects none.
    rule : MergeRule
        ``square`` or ``cross``.
    distance : Distance
        Between impact points or between indices.
    """
    if n_crystals == 0:
        return _unconnected(hits.slots)
    label = np.empty(hits.slots * LANES, np.int32)
    low, high = np.empty(LANES, np.int32), np.empty(LANES, np.int32)
    index = distance is Distance.INDEX
    theta_at, phi_at = (hits.ring, hits.phi_crystal) if index else (hits.row, hits.phi)
    columns = (hits.energy, theta_at, phi_at, hits.pitch)
    cross = int(rule is MergeRule.CROSS)
    _label(hits.slots, n_crystals, cross, *columns, label, low, high)
    return label


def merge(
    hits: Hits,
    n_crystals: float,
    rule: MergeRule,
    distance: Distance = Distance.IMPACT,
) -> Deposits:
    """Join photons closer than ``n_crystals`` into deposits.

    Energies add up; the direction is the energy-weighted mean.
    """
    label = labels(hits, n_crystals, rule, distance)
    sums, weighted_theta, weighted_phi = (np.empty(LANES, np.float32) for _ in range(3))
    energy, theta, phi, ring = (
        np.empty(hits.slots * LANES, np.float32) for _ in range(4)
    )
    columns = (hits.energy, hits.theta, hits.phi)
    work = (sums, weighted_theta, weighted_phi)
    _sum(hits.slots, label, *columns, *work, energy, theta, phi)
    _lead(hits.slots, label, hits.energy, hits.ring, sums, ring)
    return Deposits(hits.slots, energy, theta, phi, ring, label)


def count_deposits(
    hits: Hits,
    n_crystals: float,
    rule: MergeRule,
    threshold_GeV: float,
    distance: Distance = Distance.IMPACT,
) -> Labels:
    """Return how many merged deposits reach a threshold, shape (LANES,)."""
    label = labels(hits, n_crystals, rule, distance)
    sums, count = np.zeros(LANES, np.float32), np.zeros(LANES, np.int32)
    _count_above(hits.slots, threshold_GeV, label, hits.energy, sums, count)
    return count
