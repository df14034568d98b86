"""The 576 trigger cells: which crystals they sum, what they touch, where they point.

A trigger cell (TC) sums a block of about 4×4 crystals. Rows 1 to 3 are the forward
endcap, 4 to 15 the barrel, 16 and 17 the backward endcap; within a row TCs are counted
in azimuth from the first crystal on. Facts, not code, from basf2
(trg/ecl/src/TrgEclMapping.cc, TrgEclCluster.cc, TrgEclMaster.cc).

Where the first crystal is in real azimuth does not matter here except through the
crossing angle of the beams. It is taken to begin at φ = 0, as everywhere in this
package; the list of TC positions in basf2 is one crystal further round.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from detector.geometry import belle2
from generator.beams import Beams, transform

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_CELLS: Final = 576
"""Trigger cells."""
PARTS: Final = (range(4, 16), range(1, 4), range(16, 18))
"""Rows of barrel, forward and backward endcap, in the order of the readout."""
PER_ROW: Final = {
    1: 16,
    2: 32,
    3: 32,
    **dict.fromkeys(range(4, 16), 36),
    16: 32,
    17: 32,
}
"""TCs in azimuth by row."""

# Where a TC is among the five of a forward pair of columns, the four of a backward one.
_FORWARD: Final = {(2, 0): 1, (3, 0): 2, (3, 1): 3, (2, 1): 4}
_BACKWARD: Final = {(17, 1): 0, (16, 1): 1, (16, 0): 2, (17, 0): 3}


# Columns of `TriggerTables.cells`.
ROW: Final = 0
"""Row, 1 to 17."""
COLUMN: Final = 1
"""Position in azimuth within the row."""
THETA_CMS: Final = 2
"""Polar angle of a photon through the centre in the CM frame [deg], rounded."""
PHI_CMS: Final = 3
"""Its azimuth there, 0 to 359 [deg], rounded."""
TENTHS: Final = 4
"""Its 10 E_lab/E*, rounded."""
VETOES: Final = 5
"""Three TCs that keep one from being a seed if any of them fired."""
PAIR: Final = 8
"""Two TCs that keep it from being a seed if both fired."""
N_AROUND: Final = 10
"""Number of TCs that touch it."""
AROUND: Final = 11
"""Up to eight TCs that touch it, then −1."""
_WIDTH: Final = 19


class TriggerTables(NamedTuple):
    """Trigger cells as integers, for kernels."""

    of_cell: NDArray[np.int32]
    """TC of every crystal, by its number in `detector.cells`; shape (8736,)."""
    first: NDArray[np.int32]
    """First crystal of every ring, and the number of crystals; shape (70,)."""
    cells: NDArray[np.int32]
    """A row of numbers for every TC, shape (576, 19).

    One array for all: numba counts references to each array of a tuple it touches, and
    with an array for every quantity this took more time than the trigger itself.
    """


def number(row: int, column: int) -> int:
    """Return the number of a TC; columns are counted modulo the row's.

    Numbers follow the order in which the trigger keeps clusters: barrel (by azimuth,
    then row), forward and backward endcap, each in the order of basf2's TC IDs.
    """
    column %= PER_ROW[row]
    pair, odd = divmod(column, 2)
    if row == 1:
        return 432 + 5 * column
    if row in PARTS[1]:
        return 432 + 5 * pair + _FORWARD[row, odd]
    if row in PARTS[2]:
        return 512 + 4 * pair + _BACKWARD[row, odd]
    return 12 * column + row - 4


def _facing(row: int, column: int, other: int, margin: int) -> list[int]:
    """Return the TCs of another row of the same part at the azimuth of one.

    With a ``margin`` of 1 those that touch it at a corner count as well.
    """
    if not any(row in part and other in part for part in PARTS):
        return []
    n, m = PER_ROW[row], PER_ROW[other]
    start = (column * m - margin) // n
    stop = -(-((column + 1) * m + margin) // n)  # rounded up
    return [number(other, k) for k in range(start, stop)]


def _neighbours(row: int, column: int) -> tuple[list[int], list[int], list[int]]:
    """Return which TCs veto a seed alone, which as a pair, and which touch it.

    In the readout's picture azimuth runs downwards and θ to the left: the upper and
    the left neighbours veto, and the lower together with the lower left one. A TC of
    row 1 has two on its left.
    """
    upper, lower = number(row, column - 1), number(row, column + 1)
    left = _facing(row, column, row + 1, 0)
    vetoes = [upper, left[0], left[-1]] if left else [upper] * 3
    # without a lower left one: the upper one stands in, which vetoes anyway
    below = _facing(row, column, row + 1, 1)[-1] if left else upper
    right = _facing(row, column, row - 1, 1)
    around = [upper, *right, lower, *reversed(_facing(row, column, row + 1, 1))]
    return vetoes, [lower, below], around


def _centres() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (θ, φ) [rad] of the TCs' centres, seen from the IP.

    In θ the mean of the crystals' front faces, which is within 0.4 deg of basf2's list
    of TC positions; in φ the middle.
    """
    geometry = belle2()
    theta, phi = np.empty(N_CELLS), np.empty(N_CELLS)
    for row, n in PER_ROW.items():
        rings = geometry.trigger_row == row
        share = geometry.n_crystals[rings]
        radius, z = np.average(geometry.face_cm[:, rings], axis=1, weights=share)
        own = [number(row, column) for column in range(n)]
        theta[own] = np.arctan2(radius, z)
        phi[own] = 2 * np.pi * (np.arange(n) + 0.5) / n
    return theta, phi


def _of_crystals() -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the TC of every crystal and the first crystal of every ring.

    144 crystals over 32 TCs alternate between 5 and 4.
    """
    geometry = belle2()
    numbers = [
        number(row, column * PER_ROW[row] // n)
        for row, n in zip(geometry.trigger_row, geometry.n_crystals, strict=True)
        for column in range(n)
    ]
    first = np.concatenate([[0], np.cumsum(geometry.n_crystals)])
    return np.array(numbers, np.int32), first.astype(np.int32)


def make_tables(beams: Beams) -> TriggerTables:
    """Return the tables of a trigger that was set up for ``beams``.

    Parameters
    ----------
    beams : Beams
        For the CM angles and energies of the TCs.
    """
    cells = np.full((N_CELLS, _WIDTH), -1, np.int32)
    for row, n in PER_ROW.items():
        for column in range(n):
            vetoes, pair, around = _neighbours(row, column)
            numbers = [*vetoes, *pair, len(around), *around]
            one = cells[number(row, column)]
            one[ROW], one[COLUMN] = row, column
            one[VETOES : VETOES + len(numbers)] = numbers
    energy, theta, phi = transform(beams.lab_to_cms, np.ones(N_CELLS), *_centres())
    cells[:, THETA_CMS] = np.rint(np.degrees(theta))
    cells[:, PHI_CMS] = np.rint(np.degrees(phi)) % 360
    cells[:, TENTHS] = np.rint(10.0 / energy)
    return TriggerTables(*_of_crystals(), cells)


@cache
def trigger_tables() -> TriggerTables:
    """Return the tables for the nominal beams, which real beams are always near."""
    return make_tables(Beams())
