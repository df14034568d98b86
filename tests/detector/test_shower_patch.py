"""Shares of crystals against quadrature, and fluctuations against showers of spots."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from detector.cells import cells
from detector.crystals import Hits, hit
from detector.geometry import belle2
from detector.shower_events import impact_cells
from detector.shower_integrals import TILE
from detector.shower_patch import PATCH, Patches, share
from detector.shower_profile import profile, spots
from generator.simd import LANES
from tests.compare import FALSE_ALARM, N_SIGMA, Floats, flatness, photons_of, start
from tests.reference import clustering, showers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from generator.random import LaneState
    from tests.reference.clustering import Cell, Grid

ECL = belle2()
CORE = PATCH // 2
seeds = st.integers(0, 10_000)
energies = st.floats(0.02, 8.0)


class Dealt(NamedTuple):
    """Showers over crystals, arrays (slots, PATCH, LANES)."""

    share: Floats
    """Energy over that of the shower."""
    noise: Floats
    cell: NDArray[np.int64]


@pytest.fixture(scope="module")
def grid() -> Grid:
    """Return the crystals as the reference has them."""
    return clustering.load_grid()


def deal(hits: Hits, state: LaneState, *, fluctuate: bool) -> Dealt:
    """Share all showers of a block, tile by tile."""
    patches, tiles = Patches.empty(hits.slots), []
    for lane in range(0, LANES, TILE):
        share(hits, hits.energy, lane, patches, state, fluctuate=fluctuate)
        energy, noise, cell = (
            column.reshape(hits.slots, PATCH, -1)[..., :TILE].copy()
            for column in (patches.energy, patches.noise, patches.cell)
        )
        scale = patches.scale.reshape(hits.slots, 1, TILE).astype(float)
        tiles.append((energy * scale, noise, cell))
    energy, noise, cell = (np.concatenate(x, axis=-1) for x in zip(*tiles, strict=True))
    true = hits.energy.reshape(hits.slots, 1, LANES)
    exists = (true > 0) & (cell >= 0)
    safe = np.where(true > 0, true, 1.0)
    return Dealt(np.where(exists, energy / safe, 0.0), noise.astype(float), cell)


def at(energy: Floats, theta: Floats, phi: Floats) -> Hits:
    """Return hits of photons from the IP."""
    return hit(
        photons_of(energy, theta, np.remainder(phi, 6.2831853)), ECL, 1.0, start(0)
    )


def anywhere(seed: int, energy_GeV: float, low: int = 0, high: int = 68) -> Hits:
    """Return one photon per event on the rings from ``low`` to ``high``."""
    rng = np.random.default_rng(seed)
    ring = rng.integers(low, high + 1, (1, LANES))
    start_, stop = ECL.theta_min[ring], ECL.theta_max[ring]
    theta = start_ + (stop - start_) * rng.random((1, LANES))
    phi = rng.uniform(0.0, 2 * np.pi, (1, LANES))
    return at(np.full((1, LANES), energy_GeV), theta, phi)


def alike(energy_GeV: float, theta: float, phi: float, slots: int = 1) -> Hits:
    """Return one photon many times."""
    columns = [np.full((slots, LANES), x) for x in (energy_GeV, theta, phi)]
    return at(*columns)


def cell_of(number: int) -> Cell:
    first = cells().first
    ring = int(np.searchsorted(first, number, side="right")) - 1
    return ring, number - int(first[ring])


def along_cm(theta: float, ring: int, grid: Grid) -> float:
    """Return where a photon that hits a ring is along θ."""
    one = grid.rings[ring]
    return one.start_cm + (theta - one.low) / (one.high - one.low) * one.size_cm


def terms(energy_GeV: float) -> showers.Profile:
    weights, radii = profile(energy_GeV)
    return showers.Profile(tuple(weights.tolist()), tuple(radii.tolist()))


PLACES = [
    (1.0, 1.553, 1.003),  # barrel
    (0.1, 0.9012, 0.0004),  # barrel, at φ = 0
    (5.0, 1.2345, 6.2829),  # barrel, before φ = 2π
    (2.0, 0.3571, 2.468),  # forward, 96 crystals next to 64
    (0.5, 0.2702, 5.001),  # forward, 48 next to 64
    (3.0, 2.4613, 3.999),  # backward
    (1.0, 2.2384, 0.77),  # last ring of the barrel
]


@pytest.mark.parametrize(("energy_GeV", "theta", "phi"), PLACES)
def test_shares_are_integrals_of_the_profile(
    energy_GeV: float, theta: float, phi: float, grid: Grid
) -> None:
    """The central crystal and some others, near and far, to 1e-5."""
    hits = alike(energy_GeV, theta, phi)
    found = deal(hits, start(1), fluctuate=False)
    seen = float(hits.theta[0]), float(hits.phi[0])
    at_cm = along_cm(seen[0], int(hits.ring[0]), grid)
    for k in (0, 5, 11, 12, CORE, CORE + 1, 25, 27, 33, 36):
        number = int(found.cell[0, k, 0])
        if number < 0:
            continue
        place, ring = grid.places[cell_of(number)], grid.rings[cell_of(number)[0]]
        x = (ring.start_cm - at_cm, ring.start_cm + ring.size_cm - at_cm)
        turn = (place.phi - seen[1] + np.pi) % (2 * np.pi) - np.pi
        half = np.pi / ring.n
        y = (ring.reach_cm * (turn - half), ring.reach_cm * (turn + half))
        expected = showers.rectangle(terms(energy_GeV), x, y)
        assert found.share[0, k, 0] == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize(("energy_GeV", "theta", "phi"), [PLACES[1], PLACES[3]])
def test_crystals_have_the_energy_that_they_contain(
    energy_GeV: float, theta: float, phi: float, grid: Grid
) -> None:
    """The sum of all crystals is the energy times the profile's integral over rows."""
    hits = alike(energy_GeV, theta, phi)
    dealt, first = deal(hits, start(1), fluctuate=False), 0
    ring, turn = int(hits.ring[0]), float(hits.phi[0]) / (2 * np.pi)
    at_cm, inside = along_cm(float(hits.theta[0]), ring, grid), 0.0
    for row, width in zip(
        range(ring - 3, ring + 4), (3, 5, 7, 7, 7, 5, 3), strict=True
    ):
        one = grid.rings[row]
        low = np.floor(turn * one.n) - width // 2 - turn * one.n
        y = 2 * np.pi * one.reach_cm / one.n * np.array([low, low + width])
        x = (one.start_cm - at_cm, one.start_cm + one.size_cm - at_cm)
        inside += showers.rectangle(terms(energy_GeV), x, (float(y[0]), float(y[1])))
        first += width
    assert first == PATCH
    total = energy_GeV * dealt.share[0].sum(axis=0)
    np.testing.assert_allclose(total, energy_GeV * inside, rtol=1e-5)


@given(seeds, energies)
@settings(max_examples=20)
def test_a_patch_holds_nearly_all(seed: int, energy_GeV: float) -> None:
    """Four rings from the ends of the calorimeter; nowhere more than everything."""
    total = deal(anywhere(seed, energy_GeV), start(0), fluctuate=False).share.sum(
        axis=1
    )
    assert total.max() <= 1.0
    inner = anywhere(seed, energy_GeV, 17, 54)
    held = deal(inner, start(0), fluctuate=False).share.sum(axis=1)
    assert held.min() > 0.98
    varied = deal(inner, start(seed), fluctuate=True).share.sum(axis=1)
    assert varied.max() < 1.0


@given(seeds)
@settings(max_examples=20)
def test_patch_is_around_the_crystal_that_is_hit(seed: int) -> None:
    """7×7 without corners of three, each crystal once; the rows are rings."""
    hits = anywhere(seed, 1.0)
    cell = deal(hits, start(0), fluctuate=False).cell[0]
    core = impact_cells(hits)
    np.testing.assert_array_equal(cell[CORE], core)
    ring, first = hits.ring.astype(int), cells().first
    rows = np.repeat(np.arange(-3, 4), (3, 5, 7, 7, 7, 5, 3))[:, None] + ring
    outside = (rows < 0) | (rows >= ECL.n_rings)
    np.testing.assert_array_equal(cell == -1, outside)
    inside = np.clip(rows, 0, ECL.n_rings - 1)
    found = np.searchsorted(first, cell, side="right") - 1
    np.testing.assert_array_equal(found[~outside], inside[~outside])
    ordered = np.sort(cell, axis=0)
    repeated = (np.diff(ordered, axis=0) == 0) & (ordered[1:] >= 0)
    assert not repeated.any()


def test_without_fluctuations_random_numbers_do_not_matter() -> None:
    hits = anywhere(3, 0.7)
    first, second = (deal(hits, start(seed), fluctuate=False) for seed in (1, 2))
    np.testing.assert_array_equal(first.share, second.share)
    np.testing.assert_array_equal(first.cell, second.cell)
    assert not np.array_equal(first.noise, second.noise)
    other = deal(hits, start(1), fluctuate=True)
    np.testing.assert_array_equal(other.noise, first.noise)
    assert not np.allclose(other.share, first.share, rtol=0.01)


@pytest.mark.parametrize("fluctuate", [False, True])
def test_lanes_and_tiles_are_alike(fluctuate: bool) -> None:
    """One photon and one state of the generator in every lane."""
    hits, state = alike(0.8, 1.2, 3.0, slots=2), start(5).reshape(4, LANES)
    state[:] = state[:, :1]
    dealt = deal(hits, state.reshape(-1), fluctuate=fluctuate)
    for column in dealt:
        np.testing.assert_array_equal(column, column[..., :1] + 0 * column)
    same = np.array_equal(dealt.share[0], dealt.share[1])
    assert same is not fluctuate


def test_absent_photons_deposit_nothing() -> None:
    hits = at(np.zeros((1, LANES)), np.full((1, LANES), 0.555), np.ones((1, LANES)))
    patches = Patches.empty(1)
    share(hits, hits.energy, 0, patches, start(0))
    assert not patches.scale.any()


MANY = 8 * LANES
SPOTS_SHOWERS = 4000


@pytest.mark.parametrize(("energy_GeV", "theta", "phi"), PLACES[:6])
def test_fluctuations_are_those_of_spots(
    energy_GeV: float, theta: float, phi: float, grid: Grid
) -> None:
    """Means of crystals at 1e-4, variances to 10 %, where there are 8 spots or more.

    Against spots dropped one by one, and against the variance p (1 − p)/N of their
    number; as a control half as many spots.
    """
    energy_GeV = min(energy_GeV, 1.5)  # spots take time
    hits = alike(energy_GeV, theta, phi, slots=8)
    dealt = deal(hits, start(11), fluctuate=True)
    mine = np.moveaxis(dealt.share, 1, 0).reshape(PATCH, MANY)
    p = deal(hits, start(0), fluctuate=False).share[0, :, 0]
    n = round(float(spots(energy_GeV)))
    at_cm = along_cm(float(hits.theta[0]), int(hits.ring[0]), grid)
    rng = np.random.default_rng(12)
    dropped = showers.draw_spots(terms(energy_GeV), n * SPOTS_SHOWERS, rng)
    ring, column = showers.bin_spots(at_cm, float(hits.phi[0]), dropped, grid)
    number = np.where(ring < 0, -1, cells().first[ring] + column)
    number = number.reshape(SPOTS_SHOWERS, n)
    tested = np.flatnonzero(p * n > 8)
    assert tested.size > 0
    for k in tested:
        theirs = np.mean(number == dealt.cell[0, k, 0], axis=1)
        sigma = np.sqrt(p[k] * (1 - p[k]) / n)
        error = sigma / np.sqrt(MANY)
        assert abs(mine[k].mean() - p[k]) < N_SIGMA * error + 0.01 * p[k]
        assert stats.ttest_ind(mine[k], theirs, equal_var=False).pvalue > FALSE_ALARM
        assert mine[k].std() == pytest.approx(sigma, rel=0.05)
        assert mine[k].var() == pytest.approx(theirs.var(), rel=0.10)
        assert mine[k].var() != pytest.approx(2 * theirs.var(), rel=0.10)


def test_noise_is_normal_and_independent() -> None:
    """At 1e-4 each; widths 3 % off must fail."""
    dealt = deal(alike(1.0, 1.5, 1.0, slots=2), start(21), fluctuate=True)
    noise = np.moveaxis(dealt.noise, 1, 0).reshape(PATCH, -1)
    assert flatness(stats.norm.cdf(noise.reshape(-1))) > FALSE_ALARM
    assert flatness(stats.norm.cdf(1.03 * noise.reshape(-1))) < FALSE_ALARM
    correlation = np.corrcoef(noise)[np.triu_indices(PATCH, 1)]
    limit = stats.norm.isf(FALSE_ALARM / 2 / correlation.size) / np.sqrt(2 * LANES)
    assert np.abs(correlation).max() < limit
    core = np.moveaxis(dealt.share, 1, 0).reshape(PATCH, -1)[CORE]
    assert abs(np.corrcoef(core, noise[CORE])[0, 1]) < limit
