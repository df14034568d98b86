"""Showers shared over 37 crystals: what a photon leaves in each, with fluctuations.

A shower is made of N spots, so a crystal with the share p holds a number of spots of
mean and variance N·p; a log-normal number of that mean and variance stands for it.

A patch is seven rings of up to seven crystals around the one that is hit, without the
corners. It holds all of the 21 crystals of a cluster, one crystal off centre or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from detector.shower_integrals import (
    AZIMUTH,
    EDGES,
    ROW_COUNT,
    ROW_FIRST,
    ROW_PITCH,
    ROWS,
    SECTIONS,
    SPOTS_AT,
    TILE,
    gather_row,
    grid,
    integrate,
    place,
    prepare_row,
    shape,
)
from generator.compiled import device, kernel
from generator.random import LaneState, draw
from generator.simd import LANES, exp2, f4, i4, log, normals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detector.crystals import Flat, Hits

STRIDE: Final = TILE + 16
"""From one crystal to the next [numbers]: an odd number of cache lines, so that those of
an event are in different parts of the cache."""
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
_1T, _2T, _3T, _4T = TILE, 2 * TILE, 3 * TILE, 4 * TILE
_PAGE: Final = 1024
"""Float32 numbers in a page of memory."""


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
        sizes = np.array([*3 * [crystals * STRIDE], slots, SECTIONS, 2, 1, 4])
        sizes[3:] *= TILE
        memory = np.empty(int(sizes.sum()) + _PAGE, np.float32)
        start = -memory.ctypes.data % (4 * _PAGE) // 4
        stops = start + np.cumsum(sizes)
        parts = np.split(memory, [start, *stops])[1:-1]
        energy, noise, cell, scale, work, sums, rings, words = parts
        numbers = (cell.view(np.int32), scale, work, sums, rings.view(np.int32))
        return cls(energy, noise, *numbers, words.view(np.uint32))


@device
def _fluctuated(share: f4, spots: f4, z: f4) -> f4:
    """Return a log-normal number with the mean ``share`` and variance share/spots."""
    p = max(share, _TINY)
    k = p * spots
    variance = log((k + _1) / k)
    return f4(p * exp2(_LOG2E * (np.sqrt(variance) * z - _H * variance)))


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
    spots = work[SPOTS_AT : SPOTS_AT + TILE]
    for k in range(width):
        at, edge = start + k * STRIDE, EDGES + k * TILE
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
            count, first = i4(work[ROW_COUNT + i]), i4(work[ROW_FIRST + i])
            column = i4(np.floor(work[AZIMUTH + i] / work[ROW_PITCH + i]))
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
        outside = _fluctuated(_1 - min(sums[TILE + i], _LARGEST), work[SPOTS_AT + i], z)
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
        place(table, offset, theta, phi, ring, work, rings)
        showers = energy[offset : offset + TILE]
        shape(showers, work)
        sums[:] = _0
        for row in range(ROWS):
            width, start = WIDTHS[row], (slot * PATCH + STARTS[row]) * STRIDE
            gather_row(table, row, rings, work)
            prepare_row(work)
            integrate(width, work)
            _deal_row(words, start, width, fluctuate, work, patch, noise, sums)
            _number_row(start, width, work, cell)
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
