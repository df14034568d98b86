"""Crystals to clusters: connected regions, local maxima, sums of 21 crystals.

The algorithm of basf2's offline reconstruction (ecl/modules: eclCRFinder,
eclLocalMaximumFinder, eclSplitterN1), with the defaults of its parameters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from detector.cells import MIDDLE, N_AROUND, N_NEAR, PHI, REACH, RING, THETA
from detector.cells import WIDTH as STEP
from detector.event import (
    ALONG,
    COLUMNS,
    CORE,
    FOUND,
    HIT,
    MAX_MAXIMA,
    MAXIMA,
    MEMBERS,
    MOST_CLUSTERS,
    N_FOUND,
    N_HIT,
    PART,
    POLAR,
    SEEDS,
    TURN,
    WHERE,
)
from detector.splitting import (
    ADD_GEV,
    along_surface,
    locate,
    share_region,
    turn_between,
)
from generator.compiled import kernel
from generator.simd import f4

if TYPE_CHECKING:
    from detector.event import Flat, Labels, Numbers

Neighbours = NDArray[np.uint16]

SEED_GEV: Final = 0.010
"""Smallest crystal that starts a region, and smallest local maximum."""
GROW_GEV: Final = 0.0015
"""Smallest crystal that takes its neighbours into a region."""
CLUSTER_GEV: Final = 0.020
"""Smallest cluster that is kept."""

_0 = f4(0)
_SEED, _GROW, _ADD = f4(SEED_GEV), f4(GROW_GEV), f4(ADD_GEV)


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
        columns[PART + n] = e
        columns[POLAR + n] = crystals[row + THETA]
        columns[ALONG + n] = crystals[row + MIDDLE]
        columns[TURN + n] = turn_between(crystals[row + PHI] - phi)
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
    own = columns[PART]
    locate(columns, n, 0)
    total, theta, turn = columns[WHERE], columns[WHERE + 1], columns[WHERE + 2]
    u, reach, spread = along_surface(crystals, core, theta), _0, _0
    reach = crystals[STEP * core + REACH]
    for k in range(n):
        ds, across = columns[ALONG + k] - u, reach * (columns[TURN + k] - turn)
        spread += columns[PART + k] * (ds * ds + across * across)
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
    n_seeds = 0
    for k in range(counts[N_HIT]):
        c = lists[HIT + k]
        free[c] = energy[c] if energy[c] >= _ADD else _0
        lists[SEEDS + n_seeds] = c
        n_seeds += 1 if energy[c] >= _SEED else 0
    begin, region = 0, 0
    for _ in range(n_seeds):
        # the most energetic first: the order of photons must not matter
        seed = lists[SEEDS]
        for k in range(1, n_seeds):
            c = lists[SEEDS + k]
            seed = c if free[c] > free[seed] else seed
        if free[seed] == _0:
            break
        end = _grow(near, energy, free, lists, seed, begin)
        n = _find_maxima(near, energy, label, lists, region, begin, end)
        size, first = end - begin, counts[N_FOUND]
        n = share_region(
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
