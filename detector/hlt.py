"""High-level trigger: the filter lines that clusters alone decide.

Facts, not code, from basf2 (hlt/softwaretrigger: FilterCalculator.cc and
filter_categories.py). Clusters above 0.1 GeV in the lab count. There are no tracks and
no shower shapes here: that a cluster is neutral or looks like a photon is not asked for,
nor are the vetoes ee1leg, ee1leg1clst, ee1leg1trk and eeBrem. Lines are conditions, not
rates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from detector.trigger_lines import HltLine
from generator.compiled import device, kernel
from generator.simd import LANES, atan2, f4, i4, sincos

if TYPE_CHECKING:
    from detector.level1 import Bits
    from generator.columns import Column
    from generator.frames import Boost

Flat = NDArray[np.float32]
Columns = tuple[Flat, ...]
"""E*, momentum (x, y, z) in the CM [GeV] and θ in the lab [deg], flat columns."""
Counts = NDArray[np.int32]
_0, _180, _360, _DEG = f4(0), f4(180), f4(360), f4(180.0 / np.pi)
E_MIN_GeV: Final = 0.1
"""Clusters with less energy in the lab are not looked at."""
_E_MIN = f4(E_MIN_GeV)

_GG2CLST, _EE2CLST, _BARREL, _ENDCAP, _GG_LOOSE = range(5)
_SINGLE, _SINGLE_WIDE, _SINGLE_LOW = range(5, len(HltLine))

# Counters of clusters by E* above 0.3, 2, 2, 1, 1, 0.5 GeV and by region.
_N_COUNTERS: Final = 6
_LOOSE, _HARD_BARREL, _HARD_ENDS, _NARROW, _WIDE, _LOW = (
    k * LANES for k in range(_N_COUNTERS)
)


@device
def _inside(angle: f4, low: f4, high: f4) -> i4:
    """Return 1 if an angle [deg] is in [low, high)."""
    return i4(angle >= low) & i4(angle < high)


@kernel
def _to_cms(
    boost: Boost,
    energy: Column,
    theta: Column,
    phi: Column,
    star: Flat,
    x: Flat,
    y: Flat,
    z: Flat,
    degrees: Flat,
) -> None:
    """Momenta of all clusters in the CM [GeV], and θ in the lab [deg]."""
    for j in range(energy.size):
        e, angle = f4(energy[j]), f4(theta[j])
        st, ct = sincos(angle)
        sp, cp = sincos(f4(phi[j]))
        e = e if e > _E_MIN else _0
        ux, uy, uz = e * st * cp, e * st * sp, e * ct
        star[j] = boost[0] * e + boost[1] * ux + boost[2] * uz
        x[j] = boost[3] * e + boost[4] * ux + boost[5] * uz
        y[j] = uy
        z[j] = boost[6] * e + boost[7] * ux + boost[8] * uz
        degrees[j] = angle * _DEG


@kernel
def _count(star: Flat, degrees: Flat, counts: Counts) -> None:
    """Count clusters of every kind."""
    counts[:] = i4(0)
    for slot in range(star.size // LANES):
        for i in range(LANES):
            e, angle = star[slot * LANES + i], degrees[slot * LANES + i]
            barrel = _inside(angle, f4(32), f4(130))
            ends = _inside(angle, f4(22), f4(32)) | _inside(angle, f4(130), f4(145))
            hard, medium, soft = i4(e > f4(2)), i4(e > f4(1)), i4(e > f4(0.5))
            counts[_LOOSE + i] += i4(e > f4(0.3))
            counts[_HARD_BARREL + i] += hard & barrel
            counts[_HARD_ENDS + i] += hard & ends
            counts[_NARROW + i] += medium & _inside(angle, f4(45), f4(115))
            counts[_WIDE + i] += medium & _inside(angle, f4(30), f4(130))
            counts[_LOW + i] += soft & _inside(angle, f4(44), f4(98))


@kernel
def _rank(columns: Columns, first: Counts, second: Counts, best: Columns) -> None:
    """Copy the two clusters with the highest E* to ``best``, slot 0 and slot 1.

    One quantity at a time: with all arrays in one loop it would not vectorise.
    """
    star, high = columns[0], best[0]
    for quantity in best:
        quantity[:] = _0
    for slot in range(star.size // LANES):
        for i in range(LANES):
            e = star[slot * LANES + i]
            first[i], second[i] = i4(e > high[i]), i4(e > high[LANES + i])
        for q in range(len(best)):
            column, out = columns[q], best[q]
            for i in range(LANES):
                new, old, lower = column[slot * LANES + i], out[i], out[LANES + i]
                lower = new if second[i] != i4(0) else lower
                out[LANES + i] = old if first[i] != i4(0) else lower
                out[i] = new if first[i] != i4(0) else old


@kernel
def _filter(best: Columns, counts: Counts, bits: Bits) -> None:
    """Decide from the counters and the two clusters with the highest E*."""
    star, x, y, z, degrees = best
    for a in range(LANES):
        b = LANES + a
        turn = abs(atan2(y[a], x[a]) - atan2(y[b], x[b])) * _DEG
        turn = min(turn, _360 - turn)
        high, low = star[a], star[b]
        theta = atan2(np.sqrt(x[a] * x[a] + y[a] * y[a]), z[a])
        theta += atan2(np.sqrt(x[b] * x[b] + y[b] * y[b]), z[b])
        opposite = i4(abs(theta * _DEG - _180) < f4(15))
        hard = opposite & i4(low > f4(3)) & i4(high > f4(4.5))
        gg = hard & i4(turn > f4(178))
        ee = hard & i4(turn > f4(160)) & i4(turn < f4(178))
        barrel = _inside(degrees[a], f4(32), f4(130))
        barrel |= _inside(degrees[b], f4(32), f4(130))
        loose = barrel & i4(low > f4(2)) & i4(high > f4(4)) & i4(turn > f4(177))
        alone = i4(counts[_LOOSE + a] == i4(1))
        n_barrel, n_ends = counts[_HARD_BARREL + a], counts[_HARD_ENDS + a]
        line = (gg << i4(_GG2CLST)) | (ee << i4(_EE2CLST)) | (loose << i4(_GG_LOOSE))
        line |= (i4(n_barrel > i4(0)) & (i4(1) - gg)) << i4(_BARREL)
        line |= (i4(n_ends > i4(0)) & (i4(1) - gg) & (i4(1) - ee)) << i4(_ENDCAP)
        line |= (alone & i4(counts[_NARROW + a] == i4(1))) << i4(_SINGLE)
        line |= (alone & i4(counts[_WIDE + a] == i4(1))) << i4(_SINGLE_WIDE)
        line |= (alone & i4(counts[_LOW + a] == i4(1))) << i4(_SINGLE_LOW)
        bits[a] = line


def high_level(energy: Column, theta: Column, phi: Column, boost: Boost) -> Bits:
    """Return the high-level lines of a block of clusters, bits of `HltLine`.

    Parameters
    ----------
    energy, theta, phi : arrays of shape (slots, LANES)
        Clusters in the lab [GeV, rad, rad]; E = 0 where there is none.
    boost : array of shape (9,)
        ``Beams.kernel_to_cms`` of the real beams.
    """
    flat = energy.reshape(-1), theta.reshape(-1), phi.reshape(-1)
    columns = tuple(np.empty(energy.size, np.float32) for _ in range(5))
    best = tuple(np.empty(2 * LANES, np.float32) for _ in range(5))
    counts = np.empty(_N_COUNTERS * LANES, np.int32)
    first, second, bits = (np.empty(LANES, np.int32) for _ in range(3))
    _to_cms(boost, *flat, *columns)
    _count(columns[0], columns[4], counts)
    _rank(columns, first, second, best)
    _filter(best, counts, bits)
    return bits
