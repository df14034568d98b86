"""Crystals to clusters: connected regions, local maxima, splitting; one event at a time.

The algorithm of basf2's offline reconstruction (ecl/modules: eclCRFinder,
eclLocalMaximumFinder, eclSplitterN1; ecl/utility/Position.cc), with the defaults of its
parameters. Kernels work on the arrays of an `Event`, sized for the whole calorimeter and
cleaned crystal by crystal, so that the work goes with the crystals that are hit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from detector.cells import N_AROUND, N_NEAR
from detector.shower_profile import MOLIERE_CM
from generator.compiled import device, kernel
from generator.simd import TWO_PI, exp2, f4, i4, log

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detector.cells import Cells
    from detector.crystals import Flat

SEED_GEV: Final = 0.010
"""Smallest crystal that starts a region, and smallest local maximum."""
GROW_GEV: Final = 0.0015
"""Smallest crystal that takes its neighbours into a region."""
ADD_GEV: Final = 0.0005
"""Smallest crystal in a region; also the smallest share when energy is split."""
KEEP_GEV: Final = 0.0075
"""Least energy that a maximum must keep for itself when energy is split."""
MAX_MAXIMA: Final = 10
"""A region with this many maxima is one shower."""
CLUSTER_GEV: Final = 0.020
"""Smallest cluster that is kept."""
SLOPE: Final = 2.5
"""Energy is split with weights E exp(−SLOPE · distance / Molière radius)."""
SHIFT_CM: Final = 0.1
"""Splitting ends when centroids move less than this on average, or after:"""
ITERATIONS: Final = 100
LOG_OFFSET: Final = 4.0
"""Crystals weigh LOG_OFFSET + ln(share of the energy) in a position, at least 0."""

MOST_CRYSTALS: Final = 1024
_STRIDE: Final = 32
MOST_CLUSTERS: Final = 32
_UNSEEN, _LOOSE = i4(-2), i4(-1)
_0, _1, _PI = f4(0), f4(1), f4(np.pi)
_SEED, _GROW, _ADD, _KEEP = (f4(e) for e in (SEED_GEV, GROW_GEV, ADD_GEV, KEEP_GEV))
_OFFSET, _SHIFT = f4(LOG_OFFSET), f4(SHIFT_CM)
_LEAST = f4(np.exp(-LOG_OFFSET))
_SAME, _TINY, _LOWEST = f4(1e-5), f4(1e-30), f4(-100)
_FALL = f4(-SLOPE / MOLIERE_CM * np.log2(np.e))


class Event(NamedTuple):
    """Crystals and clusters of one event, and what finding them needs.

    Arrays over all crystals include the blank of `Cells`, which is never hit.
    """

    energy: Flat
    """Energy of every crystal [GeV]."""
    label: NDArray[np.int32]
    """Region of every crystal; −1: in none, −2: not hit."""
    hit: NDArray[np.int32]
    """The crystals that are hit."""
    members: NDArray[np.int32]
    """Crystals of the regions, region after region."""
    place: NDArray[np.int32]
    """Where a crystal stands in ``members``, counted from its region's begin."""
    maxima: NDArray[np.int32]
    """Local maxima of the region at hand."""
    share: Flat
    """Share of the energy of a region's crystals that belongs to a maximum."""
    centroid: Flat
    """Of every maximum: along θ [cm], azimuth [rad], circumference / 2π there [cm]."""
    whole: Flat
    """Crystals at hand, side by side: energy [GeV],"""
    part: Flat
    """energy of the shower at hand [GeV],"""
    polar: Flat
    """polar angle [rad],"""
    turn: Flat
    """azimuth from a crystal of reference [rad],"""
    along: Flat
    """place along θ [cm],"""
    reach: Flat
    """circumference / 2π [cm]."""
    where: Flat
    """Position of the shower at hand: energy [GeV], θ and azimuth as above [rad]."""
    cluster: Flat
    """Columns `CLUSTER` of the clusters found, (MOST_CLUSTERS · COLUMNS,)."""
    core: NDArray[np.int32]
    """Central crystal of every cluster."""
    counts: NDArray[np.int32]
    """Crystals hit, clusters found, local maxima of the region at hand."""


CLUSTER: Final = ("energy", "theta", "phi", "e1_e9", "e9_e21", "width_cm", "ring")
COLUMNS: Final = len(CLUSTER)


def event(n_cells: int) -> Event:
    """Return an empty event; ``n_cells`` counts the blank."""
    floats, numbers = np.float32, np.uint32
    return Event(
        energy=np.zeros(n_cells, floats),
        label=np.full(n_cells, _UNSEEN, np.int32),
        hit=np.empty(MOST_CRYSTALS, numbers),
        members=np.empty(MOST_CRYSTALS, numbers),
        place=np.empty(n_cells, numbers),
        maxima=np.empty(MOST_CRYSTALS, numbers),
        share=np.empty(MAX_MAXIMA * MOST_CRYSTALS, floats),
        centroid=np.empty(3 * MAX_MAXIMA, floats),
        whole=np.zeros(MOST_CRYSTALS, floats),
        part=np.zeros(MOST_CRYSTALS, floats),
        polar=np.zeros(MOST_CRYSTALS, floats),
        turn=np.zeros(MOST_CRYSTALS, floats),
        along=np.zeros(MOST_CRYSTALS, floats),
        reach=np.zeros(MOST_CRYSTALS, floats),
        where=np.empty(3, floats),
        cluster=np.empty(MOST_CLUSTERS * COLUMNS, floats),
        core=np.empty(MOST_CLUSTERS, numbers),
        counts=np.zeros(3, np.int32),
    )


@kernel
def add_shower(
    ev: Event,
    noise_GeV: float,
    first: int,
    step: int,
    n: int,
    scale: float,
    patch: Flat,
    noise: Flat,
    cell: NDArray[np.int32],
) -> None:
    """Add ``n`` crystals of a shower, ``step`` apart in the patch.

    A crystal that is hit for the first time gets its noise.
    """
    energy, label, hit, count = ev.energy, ev.label, ev.hit, ev.counts[0]
    for k in range(n):
        at = first + k * step
        c = cell[at]
        if c < 0:
            continue
        if label[c] == _UNSEEN:
            if count == MOST_CRYSTALS:
                continue
            label[c] = _LOOSE
            hit[count] = c
            count += 1
            energy[c] = f4(noise_GeV) * noise[at]
        energy[c] += f4(scale) * patch[at]
    ev.counts[0] = count


@kernel
def clean(ev: Event) -> None:
    """Empty an event."""
    energy, label, hit = ev.energy, ev.label, ev.hit
    for k in range(ev.counts[0]):
        energy[hit[k]] = _0
        label[hit[k]] = _UNSEEN
    ev.counts[0] = ev.counts[1] = 0


@kernel
def _grow(
    near: NDArray[np.int32], ev: Event, seed: int, region: int, begin: int
) -> int:
    """Collect the region of a seed in ``members`` from ``begin``; return its end.

    Its local maxima are counted on the way, and the most energetic crystal stands for
    a region that has none, or too many.
    """
    energy, label, members, place = ev.energy, ev.label, ev.members, ev.place
    label[seed], members[begin], place[seed] = region, seed, 0
    head, end, best, count = begin, begin + 1, seed, 0
    while head < end:
        c = members[head]
        head += 1
        e = energy[c]
        if e < _GROW:
            continue
        highest = _0
        for k in range(N_NEAR * c, N_NEAR * c + N_NEAR):
            # without branches: which neighbours are new is anybody's guess
            other = near[k]
            old, at, e_other = label[other], place[other], energy[other]
            highest = max(highest, e_other)
            new = (old == _LOOSE) & (e_other >= _ADD)
            label[other] = region if new else old
            place[other] = end - begin if new else at
            members[end] = other
            end += 1 if new else 0
        if highest <= e and e >= _SEED:
            ev.maxima[count] = c
            count += 1
        best = c if e > energy[best] else best
    if count == 0 or count >= MAX_MAXIMA:
        ev.maxima[0] = best
        count = 1
    ev.counts[2] = count
    return end


@device
def _turn(angle: f4) -> f4:
    """Bring a difference of azimuths to [−π, π]."""
    angle = angle - TWO_PI if angle > _PI else angle
    return angle + TWO_PI if angle < -_PI else angle


@kernel
def _gather(cells: Cells, ev: Event, begin: int, size: int, core: int) -> None:
    """Put the crystals of a region side by side."""
    for at in range(size):
        c = ev.members[begin + at]
        ev.whole[at] = ev.energy[c]
        ev.polar[at] = cells.theta[c]
        ev.turn[at] = _turn(cells.phi[c] - cells.phi[core])
        ev.along[at], ev.reach[at] = cells.middle_cm[c], cells.reach_cm[c]


@kernel
def _split(ev: Event, size: int, n: int) -> None:
    """Work out which share of every crystal belongs to each of ``n`` maxima."""
    along, turn, reach, total = ev.along, ev.turn, ev.reach, ev.part
    total[:size] = _0
    for m in range(n):
        share = ev.share[m * size : (m + 1) * size]
        u, v, w = ev.centroid[3 * m], ev.centroid[3 * m + 1], ev.centroid[3 * m + 2]
        peak = ev.energy[ev.maxima[m]]
        for at in range(size):
            ds, angle = along[at] - u, turn[at] - v
            distance = np.sqrt(ds * ds + reach[at] * w * angle * angle)
            share[at] = peak * exp2(max(_FALL * distance, _LOWEST))
            total[at] += share[at]
    for m in range(n):
        share = ev.share[m * size : (m + 1) * size]
        for at in range(size):
            mine = share[at] / max(total[at], _TINY)
            share[at] = mine if mine * ev.whole[at] >= _ADD else _0


@kernel
def _locate(ev: Event, n: int, core: int) -> None:
    """Write energy [GeV], θ and azimuth [rad] of the ``n`` crystals at hand.

    Logarithmic weights; where all crystals that have one are in the ring of the central
    one, number ``core``, or in its column, θ or φ is the mean weighted with the energy.
    """
    part, polar, turn = ev.part, ev.polar, ev.turn
    padded = (n + _STRIDE - 1) // _STRIDE * _STRIDE  # whole vectors, without remainder
    part[n:padded] = _0
    total, mean_theta, mean_turn = _0, _0, _0
    for k in range(padded):
        total += part[k]
        mean_theta += part[k] * polar[k]
        mean_turn += part[k] * turn[k]
    per, weights, log_theta, log_turn = _1 / total, _0, _0, _0
    theta_0, turn_0, off_theta, off_turn = polar[core], turn[core], _0, _0
    for k in range(padded):
        w = max(_OFFSET + log(max(part[k] * per, _LEAST)), _0)
        weights += w
        log_theta += w * polar[k]
        log_turn += w * turn[k]
        off_theta += w * abs(polar[k] - theta_0)
        off_turn += w * abs(turn[k] - turn_0)
    ev.where[0] = total
    ev.where[1] = log_theta / weights if off_theta > _SAME else mean_theta * per
    ev.where[2] = log_turn / weights if off_turn > _SAME else mean_turn * per


@device
def _along(cells: Cells, core: int, theta: f4) -> f4:
    """Return where θ is along the surface [cm]; θ is near a crystal, ``core``."""
    ring = cells.ring[core]
    size = cells.along_cm[ring, 1] - cells.along_cm[ring, 0]
    into = (theta - cells.theta[core]) / cells.theta_width[ring]
    return cells.middle_cm[core] + size * into


@kernel
def _iterate(cells: Cells, ev: Event, begin: int, end: int, n: int) -> None:
    """Split a region; centroids start on their crystals and follow their share."""
    centroid, whole, part, size = ev.centroid, ev.whole, ev.part, end - begin
    _gather(cells, ev, begin, size, ev.maxima[0])
    for m in range(n):
        at = ev.place[ev.maxima[m]]
        centroid[3 * m], centroid[3 * m + 1] = ev.along[at], ev.turn[at]
        centroid[3 * m + 2] = ev.reach[at]
    for _ in range(ITERATIONS):
        _split(ev, size, n)
        shift = _0
        for m in range(n):
            share = ev.share[m * size : (m + 1) * size]
            for at in range(size):
                part[at] = whole[at] * share[at]
            _locate(ev, size, ev.place[ev.maxima[m]])
            along = _along(cells, ev.maxima[m], ev.where[1])
            ds = along - centroid[3 * m]
            across = (ev.where[2] - centroid[3 * m + 1]) * centroid[3 * m + 2]
            shift += np.sqrt(ds * ds + across * across)
            centroid[3 * m], centroid[3 * m + 1] = along, ev.where[2]
        if shift < _SHIFT * f4(n):
            return


@kernel
def _weakest_false(ev: Event, begin: int, size: int, n: int) -> int:
    """Return the weakest maximum that is none any more, −1 if all are.

    A maximum must keep ``KEEP_GEV``, and no other crystal may have more of its energy
    than the maximum's crystal has in all.
    """
    energy, share, worst = ev.energy, ev.share, -1
    for m in range(n):
        core = ev.maxima[m]
        own = energy[core]
        false = own * share[m * size + ev.place[core]] < _KEEP
        for at in range(size):
            c = ev.members[begin + at]
            false = false or (c != core and energy[c] * share[m * size + at] > own)
        if false and (worst < 0 or own < energy[ev.maxima[worst]]):
            worst = m
    return worst


@kernel
def _share_region(cells: Cells, ev: Event, begin: int, end: int, n: int) -> int:
    """Give crystals to maxima, dropping false ones; return how many are left."""
    while n > 1:
        _iterate(cells, ev, begin, end, n)
        false = _weakest_false(ev, begin, end - begin, n)
        if false < 0:
            return n
        n -= 1
        ev.maxima[false] = ev.maxima[n]
    return n


@kernel
def _gather_21(
    cells: Cells, ev: Event, size: int, m: int, alone: bool
) -> tuple[int, float]:
    """Put the 21 crystals of a cluster side by side; return how many, and E9 [GeV]."""
    energy, label, share, place = ev.energy, ev.label, ev.share, ev.place
    part, polar, turn, along = ev.part, ev.polar, ev.turn, ev.along
    core = ev.maxima[m]
    region, phi, n, nine = label[core], cells.phi[core], 0, _0
    for k in range(-1, N_AROUND):
        c = core if k < 0 else cells.around[N_AROUND * core + k]
        mine = label[c] == region
        e = energy[c]
        if not alone and mine:
            e *= share[m * size + place[c]]
        part[n], polar[n], along[n] = e, cells.theta[c], cells.middle_cm[c]
        turn[n] = _turn(cells.phi[c] - phi)
        nine += e if mine and k < N_NEAR else _0  # the nearest come first
        n += 1 if mine else 0
    return n, nine


@kernel
def _measure(cells: Cells, ev: Event, size: int, m: int, alone: bool) -> None:
    """Append the cluster of a maximum: its 21 crystals and their shape."""
    if ev.counts[1] == MOST_CLUSTERS:
        return
    core = ev.maxima[m]
    n, nine = _gather_21(cells, ev, size, m, alone)
    _locate(ev, n, 0)
    energy, theta, turn = ev.where[0], ev.where[1], ev.where[2]
    u, reach, spread = _along(cells, core, theta), cells.reach_cm[core], _0
    part, along, turns = ev.part, ev.along, ev.turn
    for k in range(n):
        ds, across = along[k] - u, reach * (turns[k] - turn)
        spread += part[k] * (ds * ds + across * across)
    at, cluster = ev.counts[1] * COLUMNS, ev.cluster
    ev.core[ev.counts[1]] = core
    ev.counts[1] += 1
    cluster[at], cluster[at + 1], cluster[at + 2] = (
        energy,
        theta,
        cells.phi[core] + turn,
    )
    cluster[at + 3], cluster[at + 4] = part[0] / f4(nine), f4(nine) / energy
    cluster[at + 5] = np.sqrt(max(spread / energy, _0))
    cluster[at + 6] = f4(cells.ring[core])


@kernel
def _largest_share(ev: Event, size: int, n: int, place: int) -> int:
    """Return the maximum with the largest share of a crystal."""
    best = 0
    for m in range(1, n):
        if ev.share[m * size + place] > ev.share[best * size + place]:
            best = m
    return best


@kernel
def find_clusters(
    cells: Cells,
    ev: Event,
    photon_cells: NDArray[np.int32],
    owners: NDArray[np.int32],
) -> None:
    """Find all clusters of an event, and the cluster that each photon went into.

    Parameters
    ----------
    cells : Cells
        The crystals.
    ev : Event
        Crystals with energy; gets the clusters, in the order of the regions.
    photon_cells : array of int
        Crystal that a photon hit, −1 for none.
    owners : array of int
        Cluster with the largest share of that crystal; −1 if it is in no region.
    """
    owners[:] = -1
    begin, region = 0, 0
    for k in range(ev.counts[0]):
        seed = ev.hit[k]
        if ev.label[seed] != _LOOSE or ev.energy[seed] < _SEED:
            continue
        end = _grow(cells.near, ev, seed, region, begin)
        n = _share_region(cells, ev, begin, end, ev.counts[2])
        first, size = ev.counts[1], end - begin
        for m in range(n):
            _measure(cells, ev, size, m, n == 1)
        for p in range(photon_cells.size):
            c = photon_cells[p]
            if c >= 0 and ev.label[c] == region:
                owners[p] = first + _largest_share(ev, size, n, ev.place[c])
        begin, region = end, region + 1
