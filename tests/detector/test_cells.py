"""The table of crystals: sizes, positions, neighbours, distances along the surface."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.cells import (
    MIDDLE,
    N_AROUND,
    N_NEAR,
    PHI,
    REACH,
    RING,
    SIZE,
    SPAN,
    THETA,
    cells,
)
from detector.geometry import belle2
from tests.reference import clustering as reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tests.compare import Floats
    from tests.reference.clustering import Cell

ECL = belle2()
N = 8736
COLUMNS = cells().columns.astype(float)
AROUND = cells().around.reshape(-1, N_AROUND).astype(int)
RINGS = COLUMNS[RING, :N].astype(int)


@pytest.fixture(scope="module")
def grid() -> reference.Grid:
    """Return the crystals as the reference has them."""
    return reference.load_grid()


def numbers(row: NDArray[np.int64]) -> set[int]:
    """Return the neighbours of a row of the table, without the blank."""
    return set(row[row < N].tolist())


def cell_of(number: int) -> Cell:
    ring = int(RINGS[number])
    return ring, number - int(cells().first[ring])


def touching_pairs() -> Iterator[tuple[int, int]]:
    """Yield all pairs of crystals that touch, across the gaps between regions too."""
    for one in range(N):
        for other in numbers(AROUND[one, :N_NEAR]):
            if one < other:
                yield one, other


def centre(number: int) -> Floats:
    """Return where a crystal is in space, 10 cm behind its front face [cm]."""
    r, z = ECL.face_cm[:, RINGS[number]]
    outwards = 1.0 + 10.0 / np.hypot(r, z)
    phi = COLUMNS[PHI, number]
    return np.asarray(outwards * np.array([r * np.cos(phi), r * np.sin(phi), z]))


def across_shower(one: int, other: int) -> float:
    """Return the distance of two crystals across a shower between them [cm]."""
    first, second = centre(one), centre(other)
    axis = (first + second) / np.linalg.norm(first + second)
    apart = first - second
    return float(np.linalg.norm(apart - axis * (apart @ axis)))


def along_surface(one: int, other: int) -> float:
    """Return the distance of two crystals as clustering measures it [cm]."""
    turn = np.abs(COLUMNS[PHI, one] - COLUMNS[PHI, other])
    turn = np.minimum(turn, 2 * np.pi - turn)
    across = np.sqrt(COLUMNS[REACH, one] * COLUMNS[REACH, other]) * turn
    return float(np.hypot(COLUMNS[MIDDLE, one] - COLUMNS[MIDDLE, other], across))


def test_every_crystal_and_a_blank() -> None:
    first = cells().first
    assert COLUMNS.shape[1] == N + 1
    assert AROUND.shape == (N + 1, 20)
    assert first[0] == 0
    assert first[-1] == N
    np.testing.assert_array_equal(np.diff(first), ECL.n_crystals)
    np.testing.assert_array_equal(np.bincount(RINGS), ECL.n_crystals)
    assert np.all(AROUND[N] == N)
    # kernels gather the blank's place too: it must be none that spoils sums
    assert np.all(np.abs(COLUMNS[:, N]) <= COLUMNS[:, :N].max(axis=1))
    assert not any(number in numbers(AROUND[number]) for number in range(N))


def test_neighbours_are_mutual() -> None:
    for width in (N_NEAR, N_AROUND):
        links = {
            (one, other) for one in range(N) for other in numbers(AROUND[one, :width])
        }
        assert links == {(other, one) for one, other in links}


def test_neighbours_are_those_of_the_reference(grid: reference.Grid) -> None:
    """The nearest come first, the others of the 21 after them, and no crystal twice."""
    np.testing.assert_array_equal(cells().near.reshape(-1, N_NEAR), AROUND[:, :N_NEAR])
    for number in range(N):
        cell = cell_of(number)
        near = {cell_of(k) for k in numbers(AROUND[number, :N_NEAR])}
        rest = {cell_of(k) for k in numbers(AROUND[number, N_NEAR:])}
        assert near == grid.near[cell]
        assert rest == grid.around[cell] - near
        assert np.count_nonzero(AROUND[number] < N) == len(near) + len(rest)


def test_barrel_neighbours_are_the_5_by_5_without_corners() -> None:
    """Two rings from the ends; offsets in ring and column from the central crystal."""
    block = {
        (dr, dc)
        for dr in range(-2, 3)
        for dc in range(-2, 3)
        if abs(dr) + abs(dc) < 4 and (dr, dc) != (0, 0)
    }
    nine = {(dr, dc) for dr, dc in block if max(abs(dr), abs(dc)) == 1}
    inner = np.flatnonzero((RINGS >= 15) & (RINGS <= 56))
    for number in inner.tolist():
        ring, column = cell_of(number)
        for width, expected in ((N_NEAR, nine), (N_AROUND, block)):
            found = {
                (r - ring, (c - column + 72) % 144 - 72)
                for r, c in map(cell_of, numbers(AROUND[number, :width]))
            }
            assert found == expected


def test_neighbours_touch_and_leave_no_gap() -> None:
    """What neighbours in the next ring share of a crystal's azimuth adds up to all."""
    pitch = np.append(2 * np.pi / ECL.n_crystals[RINGS], 0.0)
    ring, phi = COLUMNS[RING].astype(int), COLUMNS[PHI]
    near = AROUND[:N, :N_NEAR]
    turn = np.abs(phi[near] - phi[:N, None])
    turn = np.minimum(turn, 2 * np.pi - turn)
    width = pitch[near], pitch[:N, None]
    exists, shared = near < N, 0.5 * (width[0] + width[1]) - turn
    assert np.all(shared[exists] > -1e-6)
    shared = np.clip(shared, 0.0, np.minimum(*width)) * exists
    for step in (-1, 1):
        beside = ring[near] == ring[:N, None] + step
        inside = (ring[:N] + step >= 0) & (ring[:N] + step < ECL.n_rings)
        total = (shared * beside).sum(axis=1)[inside]
        np.testing.assert_allclose(total, pitch[:N][inside], rtol=1e-5)


def test_sizes_are_those_of_the_ring_table() -> None:
    """10 cm deeper they are wider; the circumference is close to that of a circle."""
    r, z = ECL.face_cm[:, RINGS]
    distance = np.hypot(r, z)
    width = ECL.width_cm[:, RINGS] * (1 + 10 / distance)
    np.testing.assert_allclose(COLUMNS[SIZE, :N], width[0], rtol=1e-6)
    pitch = 2 * np.pi / ECL.n_crystals[RINGS]
    np.testing.assert_allclose(COLUMNS[REACH, :N] * pitch, width[1], rtol=1e-6)
    np.testing.assert_allclose(COLUMNS[REACH, :N], r * (1 + 10 / distance), rtol=0.02)
    low, high = ECL.deep_theta[:, RINGS]
    np.testing.assert_allclose(COLUMNS[SPAN, :N], high - low, rtol=1e-5)
    seen = COLUMNS[SPAN, :N] * (distance + 10)
    np.testing.assert_allclose(COLUMNS[SIZE, :N], seen, rtol=0.09)


def test_rings_follow_each_other() -> None:
    for column in (THETA, MIDDLE):
        by_ring = COLUMNS[column, cells().first[:-1]]
        assert np.all(np.diff(by_ring) > 0)
        np.testing.assert_array_equal(COLUMNS[column, :N], by_ring[RINGS])
    edges = cells().edges_cm
    assert edges[0, 0] == 0
    assert np.all(np.diff(edges.reshape(-1)) > -1e-3)
    middle = COLUMNS[MIDDLE, cells().first[:-1]]
    np.testing.assert_allclose(edges.mean(axis=1), middle, rtol=1e-6)
    within = np.diff(RINGS) == 0
    assert np.all(np.diff(COLUMNS[PHI, :N])[within] > 0)
    assert COLUMNS[PHI, :N].min() > 0
    assert COLUMNS[PHI, :N].max() < 2 * np.pi


def test_places_are_those_of_the_reference(grid: reference.Grid) -> None:
    for number in range(N):
        expected = grid.places[cell_of(number)]
        found = COLUMNS[[THETA, PHI, MIDDLE, REACH], number]
        np.testing.assert_allclose(found, expected, rtol=1e-6)


@given(st.integers(0, N - 1))
def test_places_in_a_crystal_point_to_it(number: int) -> None:
    """The centre of a crystal, deep or at the face, is in the crystal of its number."""
    ring, column = cell_of(number)
    theta, phi = COLUMNS[[THETA, PHI], number]
    assert int(ECL.ring(theta)) == ring
    assert int(ECL.column(ring, phi)) == column


def test_distances_of_neighbours_are_those_in_space() -> None:
    """Across a shower, within 4 %; 8 % backward, where crystals point 3° off the IP.

    In the barrel's ends the straight distance is longer: crystals are staggered there.
    """
    pairs = list(touching_pairs())
    assert len(pairs) > 34_000
    ratio = np.array([along_surface(*pair) / across_shower(*pair) for pair in pairs])
    backward = np.array([RINGS[one] >= 59 for one, _ in pairs])
    assert np.abs(ratio - 1)[~backward].max() < 0.04
    assert np.abs(ratio - 1)[backward].max() < 0.08
    assert np.abs(ratio - 1).mean() < 0.015
