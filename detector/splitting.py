"""Energy of a region split between its local maxima, and the position of showers.

The algorithm of basf2 (ecl/modules/eclSplitterN1, ecl/utility/Position.cc): crystals are
shared with weights that fall with the distance from the centroids, and centroids follow
their share; a maximum that turns out to be none is dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from detector.cells import MIDDLE, PHI, REACH, SIZE, SPAN, THETA
from detector.cells import WIDTH as STEP
from detector.event import (
    ALONG,
    CENTROID,
    MAXIMA,
    MEMBERS,
    PART,
    POLAR,
    REACH_CM,
    TURN,
    WHERE,
    WHOLE,
)
from detector.shower_profile import MOLIERE_CM
from generator.compiled import device, kernel
from generator.simd import TWO_PI, exp2, f4, log

if TYPE_CHECKING:
    from detector.event import Flat, Numbers

ADD_GEV: Final = 0.0005
"""Smallest crystal in a region; also the smallest share when energy is split."""
KEEP_GEV: Final = 0.0075
"""Least energy that a maximum must keep for itself when energy is split."""
SLOPE: Final = 2.5
"""Energy is split with weights E exp(−SLOPE · distance / Molière radius)."""
SHIFT_CM: Final = 0.1
"""Splitting ends when centroids move less than this on average, or after:"""
ITERATIONS: Final = 100
LOG_OFFSET: Final = 4.0
"""Crystals weigh LOG_OFFSET + ln(share of the energy) in a position, at least 0."""

_0, _1, _PI = f4(0), f4(1), f4(np.pi)
_ADD, _KEEP = f4(ADD_GEV), f4(KEEP_GEV)
_OFFSET, _SHIFT = f4(LOG_OFFSET), f4(SHIFT_CM)
_LEAST = f4(0.999 * np.exp(-LOG_OFFSET))  # so that no weight is left by rounding
_SAME, _TINY, _LOWEST = f4(1e-5), f4(1e-30), f4(-100)
_FALL = f4(-SLOPE / MOLIERE_CM * np.log2(np.e))
_STRIDE: Final = 32
"""Loops over whole vectors have no remainder, which would take as long."""


@device
def turn_between(angle: f4) -> f4:
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
        columns[WHOLE + at] = energy[c]
        columns[POLAR + at] = crystals[row + THETA]
        columns[TURN + at] = turn_between(crystals[row + PHI] - phi)
        columns[ALONG + at] = crystals[row + MIDDLE]
        columns[REACH_CM + at] = crystals[row + REACH]


@kernel
def _split(
    energy: Flat, lists: Numbers, columns: Flat, share: Flat, size: int, n: int
) -> None:
    """Work out which share of every crystal belongs to each of ``n`` maxima."""
    for at in range(size):
        columns[PART + at] = _0  # the sum of the weights
    for m in range(n):
        mine = share[m * size : (m + 1) * size]
        at_m = CENTROID + 3 * m
        u, v, w = columns[at_m], columns[at_m + 1], columns[at_m + 2]
        peak = energy[lists[MAXIMA + m]]
        for at in range(size):
            ds, angle = columns[ALONG + at] - u, columns[TURN + at] - v
            across2 = columns[REACH_CM + at] * w * angle * angle
            distance = np.sqrt(ds * ds + across2)
            weight = peak * exp2(max(_FALL * distance, _LOWEST))
            mine[at] = weight
            columns[PART + at] += weight
    for m in range(n):
        mine = share[m * size : (m + 1) * size]
        for at in range(size):
            part = mine[at] / max(columns[PART + at], _TINY)
            mine[at] = part if part * columns[WHOLE + at] >= _ADD else _0


@kernel
def locate(columns: Flat, n: int, core: int) -> None:
    """Write energy [GeV], θ and azimuth [rad] of the ``n`` crystals at hand.

    Logarithmic weights; where all crystals that have one are in the ring of the central
    one, number ``core``, or in its column, θ or φ is the mean weighted with the energy.
    """
    padded = (n + _STRIDE - 1) // _STRIDE * _STRIDE  # whole vectors, without remainder
    for k in range(n, padded):
        columns[PART + k] = _0
    total, mean_theta, mean_turn = _0, _0, _0
    for k in range(padded):
        part = columns[PART + k]
        total += part
        mean_theta += part * columns[POLAR + k]
        mean_turn += part * columns[TURN + k]
    per, weights, log_theta, log_turn = _1 / total, _0, _0, _0
    theta_0, turn_0 = columns[POLAR + core], columns[TURN + core]
    off_theta, off_turn = _0, _0
    for k in range(padded):
        theta, turn = columns[POLAR + k], columns[TURN + k]
        w = max(_OFFSET + log(max(columns[PART + k] * per, _LEAST)), _0)
        weights += w
        log_theta += w * theta
        log_turn += w * turn
        off_theta += w * abs(theta - theta_0)
        off_turn += w * abs(turn - turn_0)
    columns[WHERE] = total
    columns[WHERE + 1] = log_theta / weights if off_theta > _SAME else mean_theta * per
    columns[WHERE + 2] = log_turn / weights if off_turn > _SAME else mean_turn * per


@device
def along_surface(crystals: Flat, core: int, theta: f4) -> f4:
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
        columns[CENTROID + 3 * m] = columns[ALONG + at]
        columns[CENTROID + 3 * m + 1] = columns[TURN + at]
        columns[CENTROID + 3 * m + 2] = columns[REACH_CM + at]
    for _ in range(ITERATIONS):
        _split(energy, lists, columns, share, size, n)
        shift = _0
        for m in range(n):
            mine = share[m * size : (m + 1) * size]
            for at in range(size):
                columns[PART + at] = columns[WHOLE + at] * mine[at]
            core = lists[MAXIMA + m]
            locate(columns, size, place[core])
            along = along_surface(crystals, core, columns[WHERE + 1])
            ds = along - columns[CENTROID + 3 * m]
            across = columns[WHERE + 2] - columns[CENTROID + 3 * m + 1]
            across *= columns[CENTROID + 3 * m + 2]
            shift += np.sqrt(ds * ds + across * across)
            columns[CENTROID + 3 * m] = along
            columns[CENTROID + 3 * m + 1] = columns[WHERE + 2]
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
def share_region(
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
