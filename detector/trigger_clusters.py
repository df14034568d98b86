"""Clusters of trigger cells in one event, as scalar functions for kernels.

A fired trigger cell (TC) is the seed of a cluster unless its upper or left neighbour
fired, or the lower and the lower left one both. Of the seed and its fired neighbours
the most energetic TC is the centre; the cluster is the centre and what fired around it.
Two seeds may have one centre: that cluster then counts twice, as in the trigger. Facts,
not code, from basf2 (trg/ecl/src/TrgEclCluster.cc).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.trigger_cells import AROUND, N_AROUND, PAIR, ROW, VETOES
from generator.compiled import device, kernel
from generator.simd import f4, i4

if TYPE_CHECKING:
    from detector.crystals import Flat

Table = NDArray[np.int32]
"""`TriggerTables.cells`."""
MAX_CLUSTERS: Final = 6
"""Clusters that the readout keeps: those of the lowest seeds."""
_0 = f4(0)


class Work(NamedTuple):
    """Clusters of one event: work space and result of `decide`, (``MAX_CLUSTERS``,)."""

    seed: NDArray[np.int32]
    centre: NDArray[np.int32]
    energy: NDArray[np.float32]


def make_work() -> Work:
    """Return work space for `decide`."""
    seed, centre = np.zeros(MAX_CLUSTERS, np.int32), np.zeros(MAX_CLUSTERS, np.int32)
    return Work(seed, centre, np.zeros(MAX_CLUSTERS, np.float32))


@device
def _keep(seeds: NDArray[np.int32], n_kept: int, tc: int) -> int:
    """Insert a seed among the lowest ``MAX_CLUSTERS``; return how many there are."""
    last = min(n_kept, MAX_CLUSTERS - 1)
    if n_kept == MAX_CLUSTERS and tc > seeds[last]:
        return n_kept
    k = last
    while k > 0 and seeds[k - 1] > tc:
        seeds[k] = seeds[k - 1]
        k -= 1
    seeds[k] = tc
    return last + 1


@device
def find_seeds(
    cells: Table,
    energy: Flat,
    fired: NDArray[np.int32],
    n_fired: int,
    seeds: NDArray[np.int32],
) -> tuple[int, i4]:
    """Return the number of seeds kept, and of all seeds in rows 2 to 15."""
    n_kept, n_isolated = 0, i4(0)
    for f in range(n_fired):
        tc = fired[f]
        alone = max(energy[cells[tc, VETOES]], energy[cells[tc, VETOES + 1]])
        alone = max(alone, energy[cells[tc, VETOES + 2]])
        both = min(energy[cells[tc, PAIR]], energy[cells[tc, PAIR + 1]])
        if max(alone, both) <= _0:
            n_kept = _keep(seeds, n_kept, tc)
            n_isolated += i4(2 <= cells[tc, ROW] <= 15)
    return n_kept, n_isolated


@device
def build(cells: Table, energy: Flat, seed: int) -> tuple[int, f4]:
    """Return the centre and the energy [GeV] of the cluster of a seed."""
    centre, most = seed, energy[seed]
    total = most
    for k in range(cells[seed, N_AROUND]):
        tc = cells[seed, AROUND + k]
        total += energy[tc]
        if energy[tc] > most:
            centre, most = tc, energy[tc]
    if centre != seed:
        total = most
        for k in range(cells[centre, N_AROUND]):
            total += energy[cells[centre, AROUND + k]]
    return centre, total


@kernel
def fire(
    threshold: f4, energy: Flat, touched: NDArray[np.int32], n_touched: int
) -> int:
    """Keep the TCs that reach ``threshold`` [GeV]; return their number.

    The others get energy 0; those that fired move to the front of ``touched``.
    """
    n_fired = 0
    for k in range(n_touched):
        tc = touched[k]
        if energy[tc] >= threshold:
            touched[n_fired] = tc
            n_fired += 1
        else:
            energy[tc] = _0
    return n_fired
