"""Trigger cells: counts, neighbours and CM angles, against definitions by (row, φ)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from detector.cells import cells
from detector.geometry import belle2
from detector.trigger_cells import (
    AROUND,
    COLUMN,
    N_AROUND,
    N_CELLS,
    PAIR,
    PER_ROW,
    PHI_CMS,
    ROW,
    TENTHS,
    THETA_CMS,
    VETOES,
    make_tables,
    number,
    trigger_tables,
)
from generator.beams import Beams
from tests.reference import level1 as reference

if TYPE_CHECKING:
    from tests.compare import Floats

ECL = belle2()
TABLES = trigger_tables()
RING = np.repeat(np.arange(ECL.n_rings), ECL.n_crystals)
"""Ring of every crystal."""
ROWS = [  # row: first and last ring, TCs in azimuth, crystals per TC, θ range [deg]
    (1, 0, 3, 16, {14}, 12.4, 18.4),
    (2, 4, 8, 32, {14}, 18.4, 25.8),
    (3, 9, 12, 32, {14, 16}, 25.8, 31.4),
    (4, 13, 16, 36, {16}, 32.2, 37.8),
    (5, 17, 20, 36, {16}, 37.8, 44.1),
    (6, 21, 24, 36, {16}, 44.1, 51.3),
    (7, 25, 28, 36, {16}, 51.3, 59.3),
    (8, 29, 32, 36, {16}, 59.3, 68.1),
    (9, 33, 36, 36, {16}, 68.1, 77.6),
    (10, 37, 40, 36, {16}, 77.6, 87.5),
    (11, 41, 44, 36, {16}, 87.5, 97.5),
    (12, 45, 48, 36, {16}, 97.5, 107.2),
    (13, 49, 52, 36, {16}, 107.2, 116.4),
    (14, 53, 56, 36, {16}, 116.4, 124.8),
    (15, 57, 58, 36, {8}, 124.8, 128.7),
    (16, 59, 62, 32, {14, 16}, 130.7, 139.6),
    (17, 63, 68, 32, {15}, 139.6, 155.0),
]
# Distance from the z axis and z of TC centres [cm], rows 1 to 17: the list of positions
# in basf2's trg/ecl/src/TrgEclMapping.cc, which averages over the crystals.
POSITIONS_CM = [
    *[(55.11, 197.05), (81.67, 197.32), (109.93, 197.54), (127.57, 183.29)],
    *[(127.43, 147.75), (127.23, 116.42), (126.97, 88.42), (126.65, 62.94)],
    *[(126.25, 39.24), (125.80, 16.62), (125.63, -5.53), (126.03, -27.84)],
    *[(126.46, -50.91), (126.82, -75.42), (127.05, -95.04), (106.33, -103.78)],
    *[(70.10, -103.51)],
]


def tcs(row: int) -> list[int]:
    """Return the numbers of a row, in azimuth."""
    return [number(row, column) for column in range(PER_ROW[row])]


def cell_name(tc: int) -> reference.Cell:
    return int(TABLES.cells[tc, ROW]), int(TABLES.cells[tc, COLUMN])


def test_counts_and_numbering() -> None:
    """Numbers are a permutation; cells are counted barrel, forward, backward."""
    found = [number(*cell) for cell in reference.all_cells()]
    assert sorted(found) == list(range(N_CELLS))
    assert [cell_name(tc) for tc in found] == reference.all_cells()
    assert set(TABLES.of_cell.tolist()) == set(found)
    part = np.select([TABLES.cells[:, ROW] < 4, TABLES.cells[:, ROW] > 15], [1, 2], 0)
    assert np.bincount(part).tolist() == [432, 80, 64]
    assert np.all(np.diff(part) >= 0)


def test_numbers_sort_as_the_trigger_does() -> None:
    by_number = sorted(reference.all_cells(), key=lambda cell: number(*cell))
    assert by_number == sorted(reference.all_cells(), key=reference.order)


@pytest.mark.parametrize(("row", "first", "last", "n", "crystals", "low", "high"), ROWS)
def test_rows(
    row: int, first: int, last: int, n: int, crystals: set[int], low: float, high: float
) -> None:
    assert PER_ROW[row] == n
    per_tc = np.bincount(TABLES.of_cell, minlength=N_CELLS)[tcs(row)]
    assert set(per_tc.tolist()) == crystals
    inside = np.isin(TABLES.of_cell, tcs(row))
    rings = RING[inside]
    assert (rings.min(), rings.max()) == (first, last)
    assert inside.sum() == ECL.n_crystals[first : last + 1].sum() == per_tc.sum()
    edges = np.degrees([ECL.theta_min[first], ECL.theta_max[last]])
    np.testing.assert_allclose(edges, [low, high], atol=0.06)


def test_every_crystal_is_in_the_one_trigger_cell_of_the_reference() -> None:
    assert TABLES.of_cell.shape == (8736,)
    np.testing.assert_array_equal(TABLES.first, cells().first)
    for crystal, ring in enumerate(RING.tolist()):
        column = crystal - int(cells().first[ring])
        expected = reference.cell_of(ring, column)
        assert cell_name(TABLES.of_cell[crystal]) == expected, (ring, column)


def test_crystals_of_a_trigger_cell_are_next_to_each_other() -> None:
    """In every ring they are consecutive, 2 to 5 of them."""
    for tc in range(N_CELLS):
        crystals = np.flatnonzero(TABLES.of_cell == tc)
        for ring in np.unique(RING[crystals]):
            own = crystals[RING[crystals] == ring]
            assert np.all(np.diff(own) == 1)
            assert 2 <= own.size <= 5


def test_centres_are_near_those_of_basf2() -> None:
    assert np.abs(expected_theta() - basf2_theta())[3:15].max() < 0.07
    assert np.abs(expected_theta() - basf2_theta()).max() < 0.4
    low, high = np.array(ROWS, dtype=object)[:, [5, 6]].T.astype(float)
    middle = 0.5 * (low + high)  # control: the middle of a row is not good enough
    assert np.abs(middle - basf2_theta()).max() > 1.3


def basf2_theta() -> Floats:
    r, z = np.array(POSITIONS_CM).T
    return np.asarray(np.degrees(np.arctan2(r, z)))


def expected_theta() -> Floats:
    """Return θ of the rows' centres [deg] from the reference."""
    return np.degrees([reference.theta_of(row) for row in range(1, 18)])


def names(numbers: object) -> set[reference.Cell]:
    return {cell_name(tc) for tc in np.asarray(numbers).tolist()}


def test_neighbours_are_those_of_the_reference() -> None:
    for cell in reference.all_cells():
        one = TABLES.cells[number(*cell)]
        n = int(one[N_AROUND])
        assert names(one[AROUND : AROUND + n]) == reference.around(cell), cell
        assert len(reference.around(cell)) == n
        assert np.all(one[AROUND + n :] == -1)


def test_what_keeps_a_cell_from_being_a_seed() -> None:
    for cell in reference.all_cells():
        one = TABLES.cells[number(*cell)]
        vetoes = {reference.upper(cell)} | reference.left(cell)
        assert names(one[VETOES : VETOES + 3]) == vetoes, cell
        # without a lower left cell the upper one stands in: it vetoes by itself
        pair = reference.lower_left(cell) or {reference.upper(cell)}
        assert names(one[PAIR : PAIR + 2]) == {reference.lower(cell)} | pair, cell


def test_touching_is_mutual_and_stays_in_a_part() -> None:
    parts = (range(4, 16), range(1, 4), range(16, 18))
    part = {row: k for k, rows in enumerate(parts) for row in rows}
    for tc in range(N_CELLS):
        near = TABLES.cells[tc, AROUND : AROUND + TABLES.cells[tc, N_AROUND]]
        for other in near:
            assert tc in TABLES.cells[other, AROUND:]
            assert part[cell_name(tc)[0]] == part[cell_name(other)[0]]


def test_cms_numbers_are_those_of_the_reference() -> None:
    for cell in reference.all_cells():
        one = TABLES.cells[number(*cell)]
        theta, phi, factor = reference.CMS[cell]
        assert (one[THETA_CMS], one[PHI_CMS]) == (theta, phi), cell
        assert one[TENTHS] == round(10 * factor), cell


def test_without_a_crossing_angle_rows_are_symmetric() -> None:
    """θ* and the factor depend on the row only, and φ* is the azimuth in the lab."""
    table = make_tables(Beams(half_crossing_rad=0.0)).cells
    for row in range(1, 18):
        own = table[tcs(row)]
        assert np.unique(own[:, [THETA_CMS, TENTHS]], axis=0).shape == (1, 2)
        turn = 360 * (np.arange(PER_ROW[row]) + 0.5) / PER_ROW[row]
        assert np.abs(own[:, PHI_CMS] - turn).max() <= 0.5
    crossed = TABLES.cells[tcs(9)]
    assert np.unique(crossed[:, THETA_CMS]).size > 1
