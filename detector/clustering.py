"""Crystals to clusters: connected regions, local maxima, splitting; one event at a time.

The algorithm of basf2's offline reconstruction (ecl/modules: eclCRFinder,
eclLocalMaximumFinder, eclSplitterN1; ecl/utility/Position.cc), with the defaults of its
parameters. Kernels work on the arrays of an `Event`, which hold the whole calorimeter
and are cleaned crystal by crystal, so that the work goes with the crystals that are hit.

They take the arrays one by one, and few of them: numba counts a reference to every array
that is taken out of a tuple, which would take more time than the clustering.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from detector.cells import (
    MIDDLE,
    N_AROUND,
    N_NEAR,
    PHI,
    REACH,
    RING,
    SIZE,
    SPAN,
    THETA,
)
from detector.cells import WIDTH as STEP
from detector.shower_profile import MOLIERE_CM
from generator.compiled import device, kernel
from generator.simd import TWO_PI, exp2, f4, i4, log

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detector.crystals import Flat

    Numbers = NDArray[np.uint32]
    Labels = NDArray[np.int32]
    Neighbours = NDArray[np.uint16]

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
"""Crystals that an event may hit."""
MOST_CLUSTERS: Final = 32
CLUSTER: Final = ("energy", "theta", "phi", "e1_e9", "e9_e21", "width_cm", "ring")
"""Columns of the clusters found."""
COLUMNS: Final = len(CLUSTER) + 1

_UNSEEN, _LOOSE = i4(-2), i4(-1)
_0, _1, _PI = f4(0), f4(1), f4(np.pi)
_SEED, _GROW, _ADD, _KEEP = (f4(e) for e in (SEED_GEV, GROW_GEV, ADD_GEV, KEEP_GEV))
_OFFSET, _SHIFT = f4(LOG_OFFSET), f4(SHIFT_CM)
_LEAST = f4(np.exp(-LOG_OFFSET))
_SAME, _TINY, _LOWEST = f4(1e-5), f4(1e-30), f4(-100)
_FALL = f4(-SLOPE / MOLIERE_CM * np.log2(np.e))
_STRIDE: Final = 32

# Sections of `Event.lists`,
HIT, MEMBERS, MAXIMA, CORE = (k * MOST_CRYSTALS for k in range(4))
# of `Event.columns`: crystals of a shower side by side (energy, that of the shower,
# polar angle, azimuth from a reference, along θ, circumference / 2π), then centroids of
# maxima (along θ, azimuth, circumference / 2π), the position of the shower at hand
# (energy, θ, azimuth), and the clusters;
_WHOLE, _PART, _POLAR, _TURN, _ALONG, _REACH = (k * MOST_CRYSTALS for k in range(6))
_CENTROID, _WHERE = 6 * MOST_CRYSTALS, 6 * MOST_CRYSTALS + 3 * MAX_MAXIMA
FOUND: Final = _WHERE + 3
# and `Event.counts`.
N_HIT, N_FOUND = 0, 1


class Event(NamedTuple):
    """Crystals and clusters of one event, and what finding them needs."""

    energy: Flat
    """Energy of every crystal [GeV], the blank of `Cells` included."""
    label: Labels
    """Region of every crystal; −1: in none, −2: not hit."""
    place: Numbers
    """Where a crystal stands in its region, if that is split."""
    free: Flat
    """Energy of the crystals that a region may still take [GeV], else 0."""
    lists: Numbers
    """Crystals: hit, of the regions, local maxima of one, centres of clusters."""
    columns: Flat
    """Work space and the clusters found, from ``FOUND`` on ``COLUMNS`` numbers each."""
    share: Flat
    """Share of the energy of a region's crystals that belongs to each maximum."""
    counts: Labels
    """Crystals hit, clusters found."""


def event(n_cells: int) -> Event:
    """Return an empty event; ``n_cells`` counts the blank."""
    return Event(
        energy=np.zeros(n_cells, np.float32),
        label=np.full(n_cells, _UNSEEN, np.int32),
        place=np.zeros(n_cells, np.uint32),
        free=np.zeros(n_cells, np.float32),
        lists=np.zeros(4 * MOST_CRYSTALS, np.uint32),
        columns=np.zeros(FOUND + MOST_CLUSTERS * COLUMNS, np.float32),
        share=np.zeros(MAX_MAXIMA * MOST_CRYSTALS, np.float32),
        counts=np.zeros(2, np.int32),
    )


@kernel
def add_shower(
    energy: Flat,
    label: Labels,
    lists: Numbers,
    counts: Labels,
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
    count = counts[N_HIT]
    for k in range(n):
        at = first + k * step
        c = cell[at]
        if c < 0:
            continue
        if label[c] == _UNSEEN:
            if count == MOST_CRYSTALS:
                continue
            label[c] = _LOOSE
            lists[HIT + count] = c
            count += 1
            energy[c] = f4(noise_GeV) * noise[at]
        energy[c] += f4(scale) * patch[at]
    counts[N_HIT] = count


@kernel
def clean(
    energy: Flat, label: Labels, free: Flat, lists: Numbers, counts: Labels
) -> None:
    """Empty an event."""
    for k in range(counts[N_HIT]):
        c = lists[HIT + k]
        energy[c] = free[c] = _0
        label[c] = _UNSEEN
    counts[N_HIT] = counts[N_FOUND] = 0


@kernel
def _grow(
    near: Neighbours, energy: Flat, free: Flat, lists: Numbers, seed: int, begin: int
) -> int:
    """Collect the region of a seed among the members from ``begin``; return its end."""
    lists[MEMBERS + begin], free[seed] = seed, _0
    head, end = begin, begin + 1
    while head < end:
        c = lists[MEMBERS + head]
        head += 1
        if energy[c] < _GROW:
            continue
        for k in range(N_NEAR * c, N_NEAR * c + N_NEAR):
            # without branches: which neighbours are free is anybody's guess
            other = near[k]
            taken = free[other] > _0
            lists[MEMBERS + end] = other
            free[other] = _0
            end += 1 if taken else 0
    return end


@kernel
def _find_maxima(
    near: Neighbours,
    energy: Flat,
    label: Labels,
    lists: Numbers,
    region: int,
    begin: int,
    end: int,
) -> int:
    """Label a region and collect its local maxima; return how many there are.

    The most energetic crystal stands for a region that has none, or too many.
    """
    best, count = lists[MEMBERS + begin], 0
    for at in range(begin, end):
        c = lists[MEMBERS + at]
        label[c] = region
        e = energy[c]
        if e < _SEED:
            continue
        highest = _0
        for k in range(N_NEAR * c, N_NEAR * c + N_NEAR):
            highest = max(highest, energy[near[k]])
        if highest <= e:
            lists[MAXIMA + count] = c
            count += 1
        best = c if e > energy[best] else best
    if count == 0 or count >= MAX_MAXIMA:
        lists[MAXIMA] = best
        count = 1
    return count


@device
def _turn(angle: f4) -> f4:
    """Bring a difference of azimuths to [−π, π]."""
    angle = angle - TWO_PI if angle > _PI else angle
    return angle + TWO_PI if angle < -_PI else angle


@kernel
def _gather(
    crystals: Flat,
    energy: Flat,
    lists: Numbers,
    columns: Flat,
    begin: int,
    size: int,
    core: int,
) -> None:
    """Put the crystals of a region side by side."""
    phi = crystals[STEP * core + PHI]
    for at in range(size):
        c = lists[MEMBERS + begin + at]
        row = STEP * c
        columns[_WHOLE + at] = energy[c]
        columns[_POLAR + at] = crystals[row + THETA]
        columns[_TURN + at] = _turn(crystals[row + PHI] - phi)
        columns[_ALONG + at] = crystals[row + MIDDLE]
        columns[_REACH + at] = crystals[row + REACH]


@kernel
def _split(
    energy: Flat, lists: Numbers, columns: Flat, share: Flat, size: int, n: int
) -> None:
    """Work out which share of every crystal belongs to each of ``n`` maxima."""
    for at in range(size):
        columns[_PART + at] = _0  # the sum of the weights
    for m in range(n):
        mine = share[m * size : (m + 1) * size]
        at_m = _CENTROID + 3 * m
        u, v, w = columns[at_m], columns[at_m + 1], columns[at_m + 2]
        peak = energy[lists[MAXIMA + m]]
        for at in range(size):
            ds, angle = columns[_ALONG + at] - u, columns[_TURN + at] - v
            across2 = columns[_REACH + at] * w * angle * angle
            distance = np.sqrt(ds * ds + across2)
            weight = peak * exp2(max(_FALL * distance, _LOWEST))
            mine[at] = weight
            columns[_PART + at] += weight
    for m in range(n):
        mine = share[m * size : (m + 1) * size]
        for at in range(size):
            part = mine[at] / max(columns[_PART + at], _TINY)
            mine[at] = part if part * columns[_WHOLE + at] >= _ADD else _0


@kernel
def _locate(columns: Flat, n: int, core: int) -> None:
    """Write energy [GeV], θ and azimuth [rad] of the ``n`` crystals at hand.

    Logarithmic weights; where all crystals that have one are in the ring of the central
    one, number ``core``, or in its column, θ or φ is the mean weighted with the energy.
    """
    padded = (n + _STRIDE - 1) // _STRIDE * _STRIDE  # whole vectors, without remainder
    for k in range(n, padded):
        columns[_PART + k] = _0
    total, mean_theta, mean_turn = _0, _0, _0
    for k in range(padded):
        part = columns[_PART + k]
        total += part
        mean_theta += part * columns[_POLAR + k]
        mean_turn += part * columns[_TURN + k]
    per, weights, log_theta, log_turn = _1 / total, _0, _0, _0
    theta_0, turn_0 = columns[_POLAR + core], columns[_TURN + core]
    off_theta, off_turn = _0, _0
    for k in range(padded):
        theta, turn = columns[_POLAR + k], columns[_TURN + k]
        w = max(_OFFSET + log(max(columns[_PART + k] * per, _LEAST)), _0)
        weights += w
        log_theta += w * theta
        log_turn += w * turn
        off_theta += w * abs(theta - theta_0)
        off_turn += w * abs(turn - turn_0)
    columns[_WHERE] = total
    columns[_WHERE + 1] = log_theta / weights if off_theta > _SAME else mean_theta * per
    columns[_WHERE + 2] = log_turn / weights if off_turn > _SAME else mean_turn * per


@device
def _along_surface(crystals: Flat, core: int, theta: f4) -> f4:
    """Return where θ is along the surface [cm]; θ is near a crystal, ``core``."""
    row = STEP * core
    into = (theta - crystals[row + THETA]) / crystals[row + SPAN]
    return f4(crystals[row + MIDDLE] + crystals[row + SIZE] * into)


@kernel
def _iterate(
    crystals: Flat,
    energy: Flat,
    place: Numbers,
    lists: Numbers,
    columns: Flat,
    share: Flat,
    begin: int,
    size: int,
    n: int,
) -> None:
    """Split a region; centroids start on their crystals and follow their share."""
    _gather(crystals, energy, lists, columns, begin, size, lists[MAXIMA])
    for m in range(n):
        at = place[lists[MAXIMA + m]]
        columns[_CENTROID + 3 * m] = columns[_ALONG + at]
        columns[_CENTROID + 3 * m + 1] = columns[_TURN + at]
        columns[_CENTROID + 3 * m + 2] = columns[_REACH + at]
    for _ in range(ITERATIONS):
        _split(energy, lists, columns, share, size, n)
        shift = _0
        for m in range(n):
            mine = share[m * size : (m + 1) * size]
            for at in range(size):
                columns[_PART + at] = columns[_WHOLE + at] * mine[at]
            core = lists[MAXIMA + m]
            _locate(columns, size, place[core])
            along = _along_surface(crystals, core, columns[_WHERE + 1])
            ds = along - columns[_CENTROID + 3 * m]
            across = columns[_WHERE + 2] - columns[_CENTROID + 3 * m + 1]
            across *= columns[_CENTROID + 3 * m + 2]
            shift += np.sqrt(ds * ds + across * across)
            columns[_CENTROID + 3 * m] = along
            columns[_CENTROID + 3 * m + 1] = columns[_WHERE + 2]
        if shift < _SHIFT * f4(n):
            return


@kernel
def _weakest_false(
    energy: Flat,
    place: Numbers,
    lists: Numbers,
    share: Flat,
    begin: int,
    size: int,
    n: int,
) -> int:
    """Return the weakest maximum that is none any more, −1 if all are.

    A maximum must keep ``KEEP_GEV``, and no other crystal may have more of its energy
    than the maximum's crystal has in all.
    """
    worst = -1
    for m in range(n):
        core = lists[MAXIMA + m]
        own = energy[core]
        false = own * share[m * size + place[core]] < _KEEP
        for at in range(size):
            c = lists[MEMBERS + begin + at]
            false = false or (c != core and energy[c] * share[m * size + at] > own)
        if false and (worst < 0 or own < energy[lists[MAXIMA + worst]]):
            worst = m
    return worst


@kernel
def _share_region(
    crystals: Flat,
    energy: Flat,
    place: Numbers,
    lists: Numbers,
    columns: Flat,
    share: Flat,
    begin: int,
    size: int,
    n: int,
) -> int:
    """Give crystals to maxima, dropping false ones; return how many are left."""
    if n > 1:
        for at in range(size):
            place[lists[MEMBERS + begin + at]] = at
    while n > 1:
        _iterate(crystals, energy, place, lists, columns, share, begin, size, n)
        false = _weakest_false(energy, place, lists, share, begin, size, n)
        if false < 0:
            return n
        n -= 1
        lists[MAXIMA + false] = lists[MAXIMA + n]
    return n


@kernel
def _gather_21(
    crystals: Flat,
    around: Neighbours,
    energy: Flat,
    label: Labels,
    place: Numbers,
    columns: Flat,
    share: Flat,
    core: int,
    offset: int,
) -> tuple[int, f4]:
    """Put the 21 crystals of a cluster side by side; return how many, and E9 [GeV].

    ``offset`` is where the shares of the maximum begin, −1 if it has the whole region.
    """
    region, phi, n, nine = label[core], crystals[STEP * core + PHI], 0, _0
    for k in range(-1, N_AROUND):
        c = core if k < 0 else around[N_AROUND * core + k]
        mine = label[c] == region
        e, row = energy[c], STEP * c
        if offset >= 0 and mine:
            e *= share[offset + place[c]]
        columns[_PART + n] = e
        columns[_POLAR + n] = crystals[row + THETA]
        columns[_ALONG + n] = crystals[row + MIDDLE]
        columns[_TURN + n] = _turn(crystals[row + PHI] - phi)
        nine += e if mine and k < N_NEAR else _0  # the nearest come first
        n += 1 if mine else 0
    return n, nine


@kernel
def _measure(
    crystals: Flat,
    around: Neighbours,
    energy: Flat,
    label: Labels,
    place: Numbers,
    lists: Numbers,
    columns: Flat,
    share: Flat,
    counts: Labels,
    core: int,
    offset: int,
) -> None:
    """Append the cluster of a maximum: its 21 crystals and their shape."""
    number = counts[N_FOUND]
    if number == MOST_CLUSTERS:
        return
    n, nine = _gather_21(
        crystals, around, energy, label, place, columns, share, core, offset
    )
    own = columns[_PART]
    _locate(columns, n, 0)
    total, theta, turn = columns[_WHERE], columns[_WHERE + 1], columns[_WHERE + 2]
    u, reach, spread = _along_surface(crystals, core, theta), _0, _0
    reach = crystals[STEP * core + REACH]
    for k in range(n):
        ds, across = columns[_ALONG + k] - u, reach * (columns[_TURN + k] - turn)
        spread += columns[_PART + k] * (ds * ds + across * across)
    lists[CORE + number] = core
    counts[N_FOUND] += 1
    at = FOUND + number * COLUMNS
    columns[at], columns[at + 1] = total, theta
    columns[at + 2] = crystals[STEP * core + PHI] + turn
    columns[at + 3], columns[at + 4] = own / f4(nine), f4(nine) / total
    columns[at + 5] = np.sqrt(max(spread / total, _0))
    columns[at + 6] = crystals[STEP * core + RING]


@kernel
def find_clusters(
    crystals: Flat,
    near: Neighbours,
    around: Neighbours,
    energy: Flat,
    label: Labels,
    place: Numbers,
    free: Flat,
    lists: Numbers,
    columns: Flat,
    share: Flat,
    counts: Labels,
    photon_cells: NDArray[np.int32],
    owners: NDArray[np.int32],
) -> None:
    """Find all clusters of an event, and the cluster that each photon went into.

    Parameters
    ----------
    crystals, near, around : arrays
        Tables of `Cells`.
    energy, label, place, free, lists, columns, share, counts : arrays
        The `Event`: crystals with energy. Gets the clusters, in the order of regions.
    photon_cells : array of int
        Crystal that a photon hit, −1 for none.
    owners : array of int
        Cluster with the largest share of that crystal; −1 if it is in no region.
    """
    owners[:] = -1
    for k in range(counts[N_HIT]):
        c = lists[HIT + k]
        free[c] = energy[c] if energy[c] >= _ADD else _0
    begin, region = 0, 0
    for k in range(counts[N_HIT]):
        seed = lists[HIT + k]
        if free[seed] < _SEED:
            continue
        end = _grow(near, energy, free, lists, seed, begin)
        n = _find_maxima(near, energy, label, lists, region, begin, end)
        size, first = end - begin, counts[N_FOUND]
        n = _share_region(
            crystals, energy, place, lists, columns, share, begin, size, n
        )  # fmt: skip
        for m in range(n):
            _measure(
                crystals, around, energy, label, place, lists, columns, share, counts,
                lists[MAXIMA + m], m * size if n > 1 else -1,
            )  # fmt: skip
        for p in range(photon_cells.size):
            c = photon_cells[p]
            if c >= 0 and label[c] == region:
                best, at = 0, place[c]  # of no use, and not used, where n is 1
                for m in range(1, n):
                    if share[m * size + at] > share[best * size + at]:
                        best = m
                owners[p] = first + best
        begin, region = end, region + 1
