"""The lateral profile of showers integrated over rows of crystals.

A term R²/π(r² + R²)² of the profile has a closed integral over a rectangle: with

    F(x, y) = [x/√(x² + R²) atan(y/√(x² + R²)) + y/√(y² + R²) atan(x/√(y² + R²))] / 2π

it is F at the four corners with alternating signs. Crystals are rectangles on the
surface ``DEPTH_CM`` behind the front faces.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

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
from generator.simd import atan, atan2, exp2, f4, i4, log

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detector.crystals import Flat

TILE: Final = 128
"""Lanes whose patches are in the cache together."""
ROWS: Final = 7
HALF: Final = ROWS // 2

_0, _1 = f4(0), f4(1)
_TINY = f4(1e-9)
_LOG2E = f4(np.log2(np.e))
_PER_TURN = f4(0.5 / np.pi)
_MOLIERE = f4(MOLIERE_CM)
_LOW, _HIGH = (f4(energy) for energy in PROFILE_RANGE_GEV)
# plain numbers: entries of a nested tuple would be loaded one by one
(_W0, _W0_UP), (_W1, _W1_UP), (_R0, _R0_UP), (_R1, _R1_UP), (_R2, _R2_UP) = (
    (f4(start), f4(slope)) for start, slope in TERMS
)
_SPOTS, _POWER = f4(SPOTS_AT_1_GEV), f4(SPOTS_POWER)

# Sections of the work space, TILE numbers each. One array instead of many: the compiler
# then knows that they do not overlap.
_ALONG, AZIMUTH, SPOTS_AT = 0, TILE, 2 * TILE
_WEIGHTS = (3 * TILE, 4 * TILE, 5 * TILE)
_RADII = (6 * TILE, 7 * TILE, 8 * TILE)
_ROW_LOW, _ROW_HIGH, ROW_PITCH = 9 * TILE, 10 * TILE, 11 * TILE
_ROW_AROUND, ROW_FIRST, ROW_COUNT = 12 * TILE, 13 * TILE, 14 * TILE
_PER_LOW = (15 * TILE, 16 * TILE, 17 * TILE)
_PER_HIGH = (18 * TILE, 19 * TILE, 20 * TILE)
EDGES: Final = 21 * TILE
"""Where the integrals up to every edge begin."""
SECTIONS: Final = 21 + ROWS + 1

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


@kernel
def place(
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
        work[AZIMUTH + i] = phi[j]


@kernel
def shape(energy: Flat, work: Flat) -> None:
    """Write weights and radii of `shower_profile.profile`, and the number of spots."""
    for i in range(TILE):
        e = max(energy[i], _TINY)
        x = log(min(max(e, _LOW), _HIGH))
        w0 = _W0 + _W0_UP * x
        w1 = _W1 + _W1_UP * x
        work[_WEIGHTS[0] + i], work[_WEIGHTS[1] + i] = w0, w1
        work[_WEIGHTS[2] + i] = _1 - w0 - w1
        work[_RADII[0] + i] = _MOLIERE * (_R0 + _R0_UP * x)
        work[_RADII[1] + i] = _MOLIERE * (_R1 + _R1_UP * x)
        work[_RADII[2] + i] = _MOLIERE * (_R2 + _R2_UP * x)
        work[SPOTS_AT + i] = _SPOTS * exp2(_POWER * _LOG2E * log(e))


@kernel
def gather_row(table: Flat, row: int, rings: NDArray[np.int32], work: Flat) -> None:
    """Look up the ring of one row of every patch; gathers."""
    step = 8 * (row - HALF)
    for i in range(TILE):
        at = rings[i] + i4(step)
        u = work[_ALONG + i]
        work[_ROW_LOW + i] = table[at] - u
        work[_ROW_HIGH + i] = table[at + _HIGH_CM] - u
        work[ROW_PITCH + i] = table[at + _PITCH]
        work[_ROW_AROUND + i] = table[at + _AROUND_CM]
        work[ROW_FIRST + i] = table[at + _FIRST]
        work[ROW_COUNT + i] = table[at + _COUNT]


@kernel
def prepare_row(work: Flat) -> None:
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
def integrate(width: int, work: Flat) -> None:
    """Integrate the profile over a row, up to every edge in azimuth."""
    half = f4(width // 2)
    for edge in range(width + 1):
        for i in range(TILE):
            pitch, phi = work[ROW_PITCH + i], work[AZIMUTH + i]
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
            work[EDGES + edge * TILE + i] = _PER_TURN * total
