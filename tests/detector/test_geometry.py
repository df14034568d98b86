"""Rings of the ECL, crystals and the lookup table of the kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.geometry import BINS_PER_RAD, Region, belle2
from tests.reference.detector import find_crystals, load_rings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.compare import Floats

ECL = belle2()


def test_counts() -> None:
    assert ECL.n_rings == 69
    assert ECL.n_crystals.sum() == 8736
    counts = {r: int(ECL.n_crystals[ECL.region == r].sum()) for r in Region}
    assert counts == {Region.FORWARD: 1152, Region.BARREL: 6624, Region.BACKWARD: 960}
    assert ECL.n_crystals[:13].tolist() == [48] * 2 + [64] * 3 + [96] * 6 + [144] * 2
    assert ECL.n_crystals[59:].tolist() == [144] * 2 + [96] * 5 + [64] * 3
    assert np.all(np.diff(ECL.region) >= 0)


def test_rings_do_not_overlap_and_leave_two_gaps() -> None:
    assert np.all(ECL.theta_min < ECL.theta_max)
    gaps = ECL.theta_min[1:] - ECL.theta_max[:-1]
    assert np.flatnonzero(gaps).tolist() == [12, 58]
    np.testing.assert_allclose(np.degrees(gaps[[12, 58]]), [0.87, 2.03], atol=0.01)


def test_solid_angle() -> None:
    assert ECL.solid_angle_fraction() == pytest.approx(0.924, abs=0.003)
    # the same by counting directions of a fine grid
    cos = np.linspace(-1, 1, 200_001)
    share = np.mean(ECL.ring(np.arccos(cos)) >= 0)
    assert share == pytest.approx(ECL.solid_angle_fraction(), abs=1e-4)


def test_every_direction_has_one_crystal_or_none() -> None:
    theta = np.linspace(0, np.pi, 40_001)
    inside = (theta[:, None] >= ECL.theta_min) & (theta[:, None] < ECL.theta_max)
    assert set(inside.sum(axis=1)) == {0, 1}
    expected = np.where(inside.any(axis=1), inside.argmax(axis=1), -1)
    np.testing.assert_array_equal(ECL.ring(theta), expected)
    phi = np.linspace(0, 2 * np.pi, 10_001)
    for ring in (0, 4, 10, 30, 60, 68):
        column = ECL.column(ring, phi[:-1])
        assert np.unique(column).tolist() == list(range(ECL.n_crystals[ring]))
        assert np.all(np.diff(column) >= 0)


def test_crystals_against_the_reference() -> None:
    rng = np.random.default_rng(1)
    theta, phi = rng.uniform(0, np.pi, 100_000), rng.uniform(0, 2 * np.pi, 100_000)
    ring, column, hit = find_crystals(theta, phi, load_rings())
    np.testing.assert_array_equal(ECL.ring(theta), np.where(hit, ring, -1))
    np.testing.assert_array_equal(ECL.column(ring, phi)[hit], column[hit])


def test_centre_round_trip_of_all_crystals() -> None:
    ring = np.repeat(np.arange(ECL.n_rings), ECL.n_crystals)
    column = np.concatenate([np.arange(n) for n in ECL.n_crystals])
    assert ring.size == 8736
    theta, phi = ECL.centre(ring, column)
    np.testing.assert_array_equal(ECL.ring(theta), ring)
    np.testing.assert_array_equal(ECL.column(ring, phi), column)
    assert np.unique(np.stack([theta, phi]), axis=1).shape == (2, 8736)


@given(st.integers(0, 68), st.floats(-20, 20))
def test_columns_are_periodic(ring: int, phi: float) -> None:
    column = int(ECL.column(ring, phi))
    assert 0 <= column < ECL.n_crystals[ring]
    pitch = 2 * np.pi / ECL.n_crystals[ring]
    away = abs(np.remainder(phi / pitch, 1) - 0.5)
    if away < 0.499:  # not on an edge
        assert int(ECL.column(ring, phi + 2 * np.pi)) == column


def lookup_ring(theta: Floats) -> NDArray[np.int64]:
    """Read the table the way the kernel does, in float32."""
    angle = theta.astype(np.float32)
    bins = (angle * np.float32(BINS_PER_RAD)).astype(int)
    low, edge, high = ECL.lookup.reshape(-1, 3)[bins].T
    return np.asarray(np.where(angle >= edge, high, low).astype(np.int64))


def test_lookup_is_the_search() -> None:
    theta = np.linspace(0, np.pi, 1_000_001)
    np.testing.assert_array_equal(
        lookup_ring(theta)[clear(theta)], ECL.ring(theta)[clear(theta)]
    )
    assert clear(theta).mean() > 0.999


def clear(theta: Floats) -> NDArray[np.bool_]:
    """Return what is farther than float32 rounding from every edge."""
    edges = np.unique(np.concatenate([ECL.theta_min, ECL.theta_max]))
    index = np.searchsorted(edges, theta)
    before, after = edges[index - 1], edges[np.minimum(index, edges.size - 1)]
    nearest = np.minimum(np.abs(theta - before), np.abs(theta - after))
    return np.asarray(nearest > 5e-7)


def test_lookup_at_the_edges() -> None:
    edges = np.unique(np.concatenate([ECL.theta_min, ECL.theta_max]))
    for step in (-1e-6, 1e-6):
        np.testing.assert_array_equal(lookup_ring(edges + step), ECL.ring(edges + step))
    # and at the float32 edge itself, which belongs to the ring above
    above = np.array([ECL.ring(edge + 1e-6) for edge in edges])
    np.testing.assert_array_equal(lookup_ring(edges), above)
    poles = np.array([0.0, np.pi])
    np.testing.assert_array_equal(lookup_ring(poles), [-1, -1])


def test_one_edge_a_bin() -> None:
    edges = np.unique(np.concatenate([ECL.theta_min, ECL.theta_max]))
    assert np.diff(edges).min() > 1 / BINS_PER_RAD


def test_pitches() -> None:
    assert ECL.pitches.size == 70
    np.testing.assert_allclose(np.degrees(ECL.pitches[1]), 7.5, rtol=1e-6)
    np.testing.assert_allclose(np.degrees(ECL.pitches[14:60]), 2.5, rtol=1e-6)
