"""First-level ECL trigger: the lines that trigger cells and their clusters fire.

Facts, not code, from basf2 (trg/ecl/src/TrgEclMaster.cc). A trigger cell (TC) fires
above a threshold; the first six clusters of fired TCs are looked at. A CM energy is
E_lab over a factor known for the centre to 0.1; angles are whole degrees. Lines are
conditions, not rates.

Left out are the lines hie1 to hie4, whose definitions are not clear, and bits for
calibration and τ pairs. An event without a fired TC fires nothing, though lml11 asks
only for the absence of something: the trigger does not look at events without a hit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from detector.trigger_cells import (
    N_CELLS,
    PHI_CMS,
    ROW,
    TENTHS,
    THETA_CMS,
    TriggerTables,
    trigger_tables,
)
from detector.trigger_clusters import (
    Table,
    Work,
    build,
    find_seeds,
    fire,
    make_work,
)
from detector.trigger_lines import L1Line
from generator.compiled import device, kernel
from generator.simd import LANES, f4, i4

if TYPE_CHECKING:
    from detector.crystals import Flat, Hits

Bits = NDArray[np.int32]
"""Lines of every event, shape (LANES,): ``bits & L1Line.mask(...)``."""
_0 = f4(0)
i8 = np.int64

_ELOW, _EHIGH, _ELUM, _HIE, _LUME, _HADE, _BHIE = range(7)
_C2, _C3, _C4, _C5 = range(7, 11)
_LML0, _LML1, _LML2, _LML3, _LML4, _LML5, _LML6 = range(11, 18)
_LML7, _LML8, _LML9, _LML10, _LML11, _LML12, _LML13 = range(18, 25)
_BHA3D, _GG, _C3HIE = range(25, len(L1Line))

# Counters of clusters, 4 bits each in one integer: there are at most MAX_CLUSTERS.
# By E* above 2, 1 and 0.5 GeV, E above 0.3 and 0.5 GeV, and the rows.
_HARD_MIDDLE, _HARD_SIDES, _HARD_ENDS, _MEDIUM_BARREL, _MEDIUM_SIDES = 0, 4, 8, 12, 16
_SOFT_CENTRAL, _WIDE, _WIDE_500, _ANY_300 = 20, 24, 28, 32
_ALL_HARD: Final = i8(0xFFF)
# What a pair of clusters may be.
_VETO, _BACK_HIGH, _BACK_LOW, _OPPOSITE = i8(1), i8(2), i8(4), i8(8)


@device
def _per_cms(cells: Table, tc: int) -> f4:
    """Return E_lab of a photon with E* = 1 GeV [GeV]."""
    return f4(f4(0.1) * f4(cells[tc, TENTHS]))


@device
def _count(row: int, energy: f4, per_cms: f4) -> i8:
    """Return 1 in every counter that the cluster belongs to."""
    middle, barrel = i8(4 <= row <= 14), i8(4 <= row <= 15)
    wide, central = i8(2 <= row <= 16), i8(6 <= row <= 11)
    hard, medium = i8(energy > f4(2) * per_cms), i8(energy > per_cms)
    soft = i8(energy > f4(0.5) * per_cms)
    return (
        ((hard & middle) << _HARD_MIDDLE)
        | ((hard & wide & (1 - middle)) << _HARD_SIDES)
        | ((hard & (1 - wide)) << _HARD_ENDS)
        | ((medium & barrel) << _MEDIUM_BARREL)
        | ((medium & wide & (1 - barrel)) << _MEDIUM_SIDES)
        | ((soft & central) << _SOFT_CENTRAL)
        | (wide << _WIDE)
        | ((wide & i8(energy > f4(0.5))) << _WIDE_500)
        | (i8(energy > f4(0.3)) << _ANY_300)
    )


@device
def _kinds(cells: Table, first: int, second: int, one: f4, other: f4) -> i8:
    """Return what two clusters are as a pair, from their centres and energies."""
    turn = abs(cells[first, PHI_CMS] - cells[second, PHI_CMS])
    turn = min(turn, 360 - turn)
    theta = cells[first, THETA_CMS] + cells[second, THETA_CMS]
    low, high = min(one, other), max(one, other)
    one_gev, other_gev = _per_cms(cells, first), _per_cms(cells, second)
    both = (one > f4(3) * one_gev) & (other > f4(3) * other_gev)
    either = (one > f4(4.5) * one_gev) | (other > f4(4.5) * other_gev)
    kinds = _VETO if (turn > 160) & (165 < theta < 190) & both & either else i8(0)
    if (turn > 170) & (high > f4(0.25)):
        kinds |= _BACK_HIGH if low > f4(0.25) else _BACK_LOW
    return kinds | (_OPPOSITE if (turn > 160) & (160 < theta < 200) else i8(0))


@device
def _sum_lines(total: f4, n_isolated: i4, n_clusters: int, veto: i8) -> i8:
    """Return the lines of the energy sum [GeV] and of the number of clusters."""
    low, high, lum = i8(total > f4(0.5)), i8(total > f4(1)), i8(total > f4(3))
    clear = i8(1) - veto
    bits = (low << _ELOW) | (high << _EHIGH) | (lum << _ELUM)
    bits |= (high << _BHIE) | (lum << _LUME) | (veto << _BHA3D)
    bits |= ((high & clear) << _HIE) | ((lum & clear) << _HADE)
    for k in range(4):
        bits |= (clear & i8(n_isolated >= k + 2)) << (_C2 + k)
    bits |= i8(n_clusters == 2) << _GG
    return bits | ((high & i8(n_clusters == 3)) << _C3HIE)


@device
def _number(counts: i8, counter: int) -> i8:
    return (counts >> counter) & i8(15)


@device
def _low_multiplicity_lines(counts: i8, kinds: i8, n_clusters: int) -> i8:
    veto = kinds & _VETO
    clear = i8(1) - veto
    sides = i8(_number(counts, _HARD_SIDES) > 0)
    ends = i8(_number(counts, _HARD_ENDS) > 0)
    some, single = i8(_number(counts, _ANY_300) > 0), i8(_number(counts, _ANY_300) == 1)
    three = clear & i8(_number(counts, _WIDE) >= 3)
    none = i8((counts & _ALL_HARD) == 0)
    return (
        ((clear & some & i8(n_clusters >= 3)) << _LML0)
        | (i8(_number(counts, _HARD_MIDDLE) > 0) << _LML1)
        | ((sides & clear) << _LML2)
        | ((sides & veto) << _LML3)
        | ((ends & clear) << _LML4)
        | ((ends & veto) << _LML5)
        | ((single & i8(_number(counts, _MEDIUM_BARREL) == 1)) << _LML6)
        | ((single & i8(_number(counts, _MEDIUM_SIDES) == 1)) << _LML7)
        | ((none & i8((kinds & _BACK_HIGH) != 0)) << _LML8)
        | ((none & i8((kinds & _BACK_LOW) != 0)) << _LML9)
        | ((none & i8((kinds & _OPPOSITE) != 0)) << _LML10)
        | (none << _LML11)
        | ((three & i8(_number(counts, _WIDE_500) > 0)) << _LML12)
        | ((single & i8(_number(counts, _SOFT_CENTRAL) == 1)) << _LML13)
    )


@kernel
def decide_cells(
    cells: Table,
    energy: Flat,
    fired: NDArray[np.int32],
    n_fired: int,
    seed: NDArray[np.int32],
    centre: NDArray[np.int32],
    sums: Flat,
) -> int:
    """Do what `decide` does, with the arrays of its tuples.

    To be called in loops over events: taking an array out of a tuple counts a reference
    every time, which is slow.
    """
    if n_fired == 0:
        return 0
    n_clusters, n_isolated = find_seeds(cells, energy, fired, n_fired, seed)
    counts = kinds = i8(0)
    for k in range(n_clusters):
        centre[k], sums[k] = build(cells, energy, seed[k])
        tc = centre[k]
        counts += _count(cells[tc, ROW], sums[k], _per_cms(cells, tc))
        for other in range(k):
            kinds |= _kinds(cells, tc, centre[other], sums[k], sums[other])
    total = _0
    for f in range(n_fired):
        inside = 2 <= cells[fired[f], ROW] <= 15
        total += energy[fired[f]] if inside else _0
    bits = _sum_lines(total, n_isolated, n_clusters, kinds & _VETO)
    return int(bits | _low_multiplicity_lines(counts, kinds, n_clusters))


@kernel
def decide(
    tables: TriggerTables,
    energy: Flat,
    fired: NDArray[np.int32],
    n_fired: int,
    work: Work,
) -> int:
    """Return the lines (bits of `L1Line`) of one event; no memory is allocated.

    Parameters
    ----------
    tables : TriggerTables
        Of `trigger_tables`.
    energy : array of float32, shape (576,)
        Energy of every TC that fired, 0 elsewhere [GeV].
    fired : array of int32
        The TCs that fired, each once, in any order.
    n_fired : int
        Number of them.
    work : Work
        Of `make_work`; the clusters stay there, seeds in ascending order.
    """
    arrays = (work.seed, work.centre, work.energy)
    return decide_cells(tables.cells, energy, fired, n_fired, *arrays)


@kernel
def _decide_all(
    tables: TriggerTables,
    threshold: float,
    deposit: Flat,
    ring: Flat,
    phi_crystal: Flat,
    pitch: Flat,
    energy: Flat,
    touched: NDArray[np.int32],
    work: Work,
    bits: Bits,
) -> None:
    """Fill the TCs of every event, decide, and empty those that were touched."""
    of_cell, first, cells = tables.of_cell, tables.first, tables.cells
    seed, centre, sums = work.seed, work.centre, work.energy
    for i in range(LANES):
        n_touched = 0
        for j in range(i, deposit.size, LANES):
            if deposit[j] > _0:
                r = i4(ring[j])
                column = i4(phi_crystal[j] / pitch[j])
                tc = of_cell[min(first[r] + column, first[r + 1] - 1)]
                if energy[tc] == _0:
                    touched[n_touched] = tc
                    n_touched += 1
                energy[tc] += deposit[j]
        n_fired = fire(f4(threshold), energy, touched, n_touched)
        bits[i] = decide_cells(cells, energy, touched, n_fired, seed, centre, sums)
        for k in range(n_fired):
            energy[touched[k]] = _0


def level1(hits: Hits, threshold_GeV: float = 0.1) -> Bits:
    """Return the first-level lines of a block, bits of `L1Line`.

    Every photon leaves all its energy in the TC of the crystal that it hits.

    Parameters
    ----------
    hits : Hits
        Photons at the crystals.
    threshold_GeV : float
        A TC with at least this energy fires [GeV]; 0.1 is basf2's default.
    """
    energy, touched = np.zeros(N_CELLS, np.float32), np.empty(N_CELLS, np.int32)
    columns = (hits.energy, hits.ring, hits.phi_crystal, hits.pitch)
    bits = np.empty(LANES, np.int32)
    work = (energy, touched, make_work())
    _decide_all(trigger_tables(), threshold_GeV, *columns, *work, bits)
    return bits
