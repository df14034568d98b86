"""Showers shared over 37 crystals: the profile's integrals, fluctuations and noise.

A term R²/π(r² + R²)² of the profile has a closed integral over a rectangle: with

    F(x, y) = [x/√(x² + R²) atan(y/√(x² + R²)) + y/√(y² + R²) atan(x/√(y² + R²))] / 2π

it is F at the four corners with alternating signs. Crystals are rectangles on the
surface ``DEPTH_CM`` behind the front faces. A shower is made of N spots, so a crystal
with the share p holds a number of spots of mean and variance N·p; a log-normal number
of that mean and variance stands for it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from detector.cells import cells
from detector.geometry import belle2
from detector.shower_profile import (
    MOLIERE_CM,
    PROFILE_RANGE_GEV,
    SPOTS_AT_1_GEV,
    SPOTS_POWER,
    TERMS,
)
from generator.compiled import device, kernel
from generator.random import LaneState, draw
from generator.simd import LANES, atan, atan2, exp2, f4, i4, log, normals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detector.crystals import Flat, Hits

TILE: Final = 128
"""Lanes whose patches are in the cache together."""
STRIDE: Final = TILE + 16
"""From one crystal to the next [numbers]: an odd number of cache lines, so that those of
an event are in different parts of the cache."""
ROWS: Final = 7
HALF: Final = ROWS // 2
WIDTHS: Final = (3, 5, 7, 7, 7, 5, 3)
"""Crystals in the rows of a patch."""
STARTS: Final = (0, 3, 8, 15, 22, 29, 34)
"""First crystal of the rows."""
PATCH: Final = sum(WIDTHS)
"""Crystals of a shower: 37."""

_0, _1, _H = f4(0), f4(1), f4(0.5)
_TINY = f4(1e-9)
_LARGEST = f4(0.995)
"""Most that a patch holds: the last term of the profile reaches far."""
_LOG2E = f4(np.log2(np.e))
_PER_TURN = f4(0.5 / np.pi)
_MOLIERE = f4(MOLIERE_CM)
_LOW, _HIGH = (f4(energy) for energy in PROFILE_RANGE_GEV)
_TERMS = tuple((f4(start), f4(slope)) for start, slope in TERMS)
_SPOTS, _POWER = f4(SPOTS_AT_1_GEV), f4(SPOTS_POWER)


# Columns of the table of rings.
_LOW_CM, _HIGH_CM, _PITCH, _AROUND_CM, _FIRST, _COUNT, _DEEP_LOW, _CM_PER_RAD = range(8)


@cache
def grid() -> Flat:
    """Return a table of the rings, flat (69 + 6) × 8: a line of the cache for each.

    Where a ring begins and ends along θ [cm], width of a crystal in azimuth [rad],
    circumference over 2π [cm], number of the first crystal and of crystals, lower edge
    in θ at depth [rad], and how far along the surface a radian is [cm]. The three rings
    beyond both ends have no size and the first crystal −1.
    """
    geometry, crystals = belle2(), cells()
    low, high = geometry.deep_theta
    along = crystals.edges_cm
    table = np.zeros((geometry.n_rings + 2 * HALF, 8), np.float32)
    table[:, [_LOW_CM, _HIGH_CM]] = 1e4
    table[:, _FIRST] = -1.0
    table[:, [_PITCH, _AROUND_CM, _COUNT, _CM_PER_RAD]] = 1.0
    table[HALF:-HALF] = np.column_stack(
        [
            along,
            2.0 * np.pi / geometry.n_crystals,
            crystals.around_cm,
            crystals.first[:-1],
            geometry.n_crystals,
            low,
            np.diff(along, axis=1)[:, 0] / (high - low),
        ]
    )
    return table.reshape(-1)


class Patches(NamedTuple):
    """Deposits of a tile of events; flat, crystal k of slot s at (s·PATCH + k)·STRIDE."""

    energy: Flat
    """Energy over ``scale`` [GeV]."""
    noise: Flat
    """Standard normal numbers, one for every crystal."""
    cell: NDArray[np.int32]
    """Number of the crystal; −1 where there is none."""
    scale: Flat
    """Factor of the energies of a shower, (slots·TILE,)."""
    work: Flat
    """Work space: numbers of every photon and of the row of crystals at hand."""
    sums: Flat
    """Work space: sums of the shares dealt and of their means, (2·TILE,)."""
    rings: NDArray[np.int32]
    """Work space: where the table of rings holds the photon's own, (TILE,)."""
    words: LaneState
    """Generator lanes of the tile, (4·TILE,)."""

    @classmethod
    def empty(cls, slots: int) -> Patches:
        """Return uninitialised patches.

        They are parts of one page-aligned array. Addresses that differ by a little more
        than a multiple of 4096 bytes look the same to a processor that wants to load
        after a store: where numpy put the arrays made a factor of three in time.
        """
        crystals = slots * PATCH
        sizes = np.array([*3 * [crystals * STRIDE], slots, _SECTIONS, 2, 1, 4])
        sizes[3:] *= TILE
        memory = np.empty(int(sizes.sum()) + _PAGE, np.float32)
        start = -memory.ctypes.data % (4 * _PAGE) // 4
        stops = start + np.cumsum(sizes)
        parts = np.split(memory, [start, *stops])[1:-1]
        energy, noise, cell, scale, work, sums, rings, words = parts
        numbers = (cell.view(np.int32), scale, work, sums, rings.view(np.int32))
        return cls(energy, noise, *numbers, words.view(np.uint32))


_PAGE: Final = 1024
"""Float32 numbers in a page of memory."""
# Sections of the work space, TILE numbers each. One array instead of many: the compiler
# then knows that they do not overlap.
_ALONG, _AZIMUTH, _SPOTS_AT = 0, TILE, 2 * TILE
_WEIGHTS = (3 * TILE, 4 * TILE, 5 * TILE)
_RADII = (6 * TILE, 7 * TILE, 8 * TILE)
_ROW_LOW, _ROW_HIGH, _ROW_PITCH = 9 * TILE, 10 * TILE, 11 * TILE
_ROW_AROUND, _ROW_FIRST, _ROW_COUNT = 12 * TILE, 13 * TILE, 14 * TILE
_PER_LOW = (15 * TILE, 16 * TILE, 17 * TILE)
_PER_HIGH = (18 * TILE, 19 * TILE, 20 * TILE)
_EDGES = 21 * TILE
_SECTIONS: Final = 21 + ROWS + 1
_1T, _2T, _3T, _4T = TILE, 2 * TILE, 3 * TILE, 4 * TILE


@device
def _between(low: f4, high: f4, per_low: f4, per_high: f4, y: f4, radius: f4) -> f4:
    """Return 2π [F(high, y) − F(low, y)] of the module's docstring.

    ``per_low`` is 1/√(low² + R²). Two arctangents are taken together:
    atan a − atan b = atan2(a − b, 1 + ab), which is between 0 and π for a > b.
    """
    per_y = _1 / np.sqrt(y * y + radius * radius)
    a, b = high * per_y, low * per_y
    return f4(
        y * per_y * atan2(a - b, _1 + a * b)
        + high * per_high * atan(y * per_high)
        - low * per_low * atan(y * per_low)
    )


@device
def _fluctuated(share: f4, spots: f4, z: f4) -> f4:
    """Return a log-normal number with the mean ``share`` and variance share/spots."""
    p = max(share, _TINY)
    k = p * spots
    variance = log((k + _1) / k)
    return f4(p * exp2(_LOG2E * (np.sqrt(variance) * z - _H * variance)))


@kernel
def _place(
    table: Flat,
    offset: int,
    theta: Flat,
    phi: Flat,
    ring: Flat,
    work: Flat,
    rings: NDArray[np.int32],
) -> None:
    """Write where photons are along θ [cm], and their azimuth; gathers."""
    for i in range(TILE):
        j = offset + i
        at = i4(8) * (i4(max(ring[j], _0)) + i4(HALF))  # in a gap the ring is −1
        rings[i] = at
        into = (theta[j] - table[at + _DEEP_LOW]) * table[at + _CM_PER_RAD]
        work[_ALONG + i] = table[at + _LOW_CM] + into
        work[_AZIMUTH + i] = phi[j]


@kernel
def _shape(offset: int, energy: Flat, work: Flat) -> None:
    """Write weights and radii of `shower_profile.profile`, and the number of spots."""
    for i in range(TILE):
        e = max(energy[offset + i], _TINY)
        x = log(min(max(e, _LOW), _HIGH))
        w0 = _TERMS[0][0] + _TERMS[0][1] * x
        w1 = _TERMS[1][0] + _TERMS[1][1] * x
        work[_WEIGHTS[0] + i], work[_WEIGHTS[1] + i] = w0, w1
        work[_WEIGHTS[2] + i] = _1 - w0 - w1
        work[_RADII[0] + i] = _MOLIERE * (_TERMS[2][0] + _TERMS[2][1] * x)
        work[_RADII[1] + i] = _MOLIERE * (_TERMS[3][0] + _TERMS[3][1] * x)
        work[_RADII[2] + i] = _MOLIERE * (_TERMS[4][0] + _TERMS[4][1] * x)
        work[_SPOTS_AT + i] = _SPOTS * exp2(_POWER * _LOG2E * log(e))


@kernel
def _gather_row(table: Flat, row: int, rings: NDArray[np.int32], work: Flat) -> None:
    """Look up the ring of one row of every patch; gathers."""
    step = 8 * (row - HALF)
    for i in range(TILE):
        at = rings[i] + i4(step)
        u = work[_ALONG + i]
        work[_ROW_LOW + i] = table[at] - u
        work[_ROW_HIGH + i] = table[at + _HIGH_CM] - u
        work[_ROW_PITCH + i] = table[at + _PITCH]
        work[_ROW_AROUND + i] = table[at + _AROUND_CM]
        work[_ROW_FIRST + i] = table[at + _FIRST]
        work[_ROW_COUNT + i] = table[at + _COUNT]


@kernel
def _prepare_row(work: Flat) -> None:
    """Work out 1/√(x² + R²) of the row's edges in θ."""
    for i in range(TILE):
        low, high = work[_ROW_LOW + i], work[_ROW_HIGH + i]
        r0, r1, r2 = work[_RADII[0] + i], work[_RADII[1] + i], work[_RADII[2] + i]
        work[_PER_LOW[0] + i] = _1 / np.sqrt(low * low + r0 * r0)
        work[_PER_LOW[1] + i] = _1 / np.sqrt(low * low + r1 * r1)
        work[_PER_LOW[2] + i] = _1 / np.sqrt(low * low + r2 * r2)
        work[_PER_HIGH[0] + i] = _1 / np.sqrt(high * high + r0 * r0)
        work[_PER_HIGH[1] + i] = _1 / np.sqrt(high * high + r1 * r1)
        work[_PER_HIGH[2] + i] = _1 / np.sqrt(high * high + r2 * r2)


@kernel
def _integrate(width: int, work: Flat) -> None:
    """Integrate the profile over a row, up to every edge in azimuth."""
    half = f4(width // 2)
    for edge in range(width + 1):
        for i in range(TILE):
            pitch, phi = work[_ROW_PITCH + i], work[_AZIMUTH + i]
            column = np.floor(phi / pitch) + (f4(edge) - half)
            v = work[_ROW_AROUND + i] * (column * pitch - phi)
            low, high = work[_ROW_LOW + i], work[_ROW_HIGH + i]
            total = work[_WEIGHTS[0] + i] * _between(
                low, high, work[_PER_LOW[0] + i], work[_PER_HIGH[0] + i],
                v, work[_RADII[0] + i],
            )  # fmt: skip
            total += work[_WEIGHTS[1] + i] * _between(
                low, high, work[_PER_LOW[1] + i], work[_PER_HIGH[1] + i],
                v, work[_RADII[1] + i],
            )  # fmt: skip
            total += work[_WEIGHTS[2] + i] * _between(
                low, high, work[_PER_LOW[2] + i], work[_PER_HIGH[2] + i],
                v, work[_RADII[2] + i],
            )  # fmt: skip
            work[_EDGES + edge * TILE + i] = _PER_TURN * total


@kernel
def _deal_row(
    words: LaneState,
    start: int,
    width: int,
    fluctuate: float,
    work: Flat,
    patch: Flat,
    noise: Flat,
    sums: Flat,
) -> None:
    """Deal shares to the crystals of a row, from crystal number ``start`` on."""
    # views, not offsets: the compiler then sees that they do not overlap
    w0, w1, w2, w3 = words[:_1T], words[_1T:_2T], words[_2T:_3T], words[_3T:_4T]
    dealt, mean = sums[:_1T], sums[_1T:_2T]
    spots = work[_SPOTS_AT : _SPOTS_AT + TILE]
    for k in range(width):
        at, edge = start + k * STRIDE, _EDGES + k * TILE
        into, other = patch[at : at + TILE], noise[at : at + TILE]
        before, after = work[edge : edge + TILE], work[edge + TILE : edge + 2 * TILE]
        for i in range(TILE):
            share = max(after[i] - before[i], _0)
            a, lane = draw((w0[i], w1[i], w2[i], w3[i]))
            b, lane = draw(lane)
            w0[i], w1[i], w2[i], w3[i] = lane
            z, other[i] = normals(a, b)
            varied = _fluctuated(share, spots[i], z)
            into[i] = varied if fluctuate > 0.0 else share
            dealt[i] += into[i]
            mean[i] += share


@kernel
def _number_row(start: int, width: int, work: Flat, cell: NDArray[np.int32]) -> None:
    """Write the numbers of a row's crystals."""
    for k in range(width):
        for i in range(TILE):
            count, first = i4(work[_ROW_COUNT + i]), i4(work[_ROW_FIRST + i])
            column = i4(np.floor(work[_AZIMUTH + i] / work[_ROW_PITCH + i]))
            column = column + i4(k - width // 2)
            column = column + count if column < i4(0) else column
            column = column - count if column >= count else column
            cell[start + k * STRIDE + i] = first + column if first >= i4(0) else i4(-1)


@kernel
def _normalise(
    words: LaneState,
    fluctuate: float,
    energy: Flat,
    work: Flat,
    sums: Flat,
    scale: Flat,
) -> None:
    """Work out the factor that makes energies of shares.

    What is outside of the patch fluctuates like one more crystal.
    """
    # views, not offsets: the compiler then sees that they do not overlap
    w0, w1, w2, w3 = words[:_1T], words[_1T:_2T], words[_2T:_3T], words[_3T:_4T]
    for i in range(TILE):
        a, lane = draw((w0[i], w1[i], w2[i], w3[i]))
        b, lane = draw(lane)
        w0[i], w1[i], w2[i], w3[i] = lane
        z, _ = normals(a, b)
        outside = _fluctuated(
            _1 - min(sums[TILE + i], _LARGEST), work[_SPOTS_AT + i], z
        )
        total = sums[i] + outside if fluctuate > 0.0 else _1
        scale[i] = energy[i] / total


@kernel
def share_tile(
    state: LaneState,
    table: Flat,
    first_lane: int,
    n_slots: int,
    fluctuate: float,
    energy: Flat,
    theta: Flat,
    phi: Flat,
    ring: Flat,
    patch: Flat,
    noise: Flat,
    cell: NDArray[np.int32],
    scale: Flat,
    work: Flat,
    sums: Flat,
    rings: NDArray[np.int32],
    words: LaneState,
) -> None:
    """Do what `share` does."""
    for word in range(4):
        for i in range(TILE):
            words[word * TILE + i] = state[word * LANES + first_lane + i]
    for slot in range(n_slots):
        offset, at = slot * LANES + first_lane, slot * TILE
        _place(table, offset, theta, phi, ring, work, rings)
        _shape(offset, energy, work)
        sums[:] = _0
        for row in range(ROWS):
            width, start = WIDTHS[row], (slot * PATCH + STARTS[row]) * STRIDE
            _gather_row(table, row, rings, work)
            _prepare_row(work)
            _integrate(width, work)
            _deal_row(words, start, width, fluctuate, work, patch, noise, sums)
            _number_row(start, width, work, cell)
        showers = energy[offset : offset + TILE]
        _normalise(words, fluctuate, showers, work, sums, scale[at : at + TILE])
    for word in range(4):
        for i in range(TILE):
            state[word * LANES + first_lane + i] = words[word * TILE + i]


def share(
    hits: Hits,
    energy: Flat,
    first_lane: int,
    patches: Patches,
    state: LaneState,
    *,
    fluctuate: bool = True,
) -> None:
    """Share the showers of a tile of events over crystals.

    Parameters
    ----------
    hits : Hits
        Photons at the crystals.
    energy : array of shape (slots·LANES,)
        Energy of the showers [GeV], the resolution included.
    first_lane : int
        First lane of the tile.
    patches : Patches
        Filled in place.
    state : LaneState
        Generator lanes, advanced in place.
    fluctuate : bool
        Whether shares fluctuate with the number of spots.
    """
    share_tile(
        state,
        grid(),
        first_lane,
        hits.slots,
        1.0 if fluctuate else 0.0,
        energy,
        hits.theta,
        hits.phi,
        hits.ring,
        *patches,
    )
