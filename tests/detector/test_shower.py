"""The crystal-level model as a detector: clusters of blocks, pairs of photons, trigger."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.crystals import hit
from detector.geometry import Region, belle2
from detector.level1 import level1
from detector.response import BackgroundLevel, LineShape, resolution
from detector.shower import ShowerModel
from detector.shower_calibration import noise_GeV
from detector.simulate import ClusterModel, Detector
from detector.trigger_cells import PER_ROW
from detector.trigger_lines import L1Line
from generator.simd import LANES
from tests.compare import N_SIGMA, Floats, photons_of, start
from tests.validation import pi0
from tests.validation.pi0 import (
    ENERGIES_GEV,
    half_point_GeV,
    pair,
    share_resolved,
    smallest_opening,
)

if TYPE_CHECKING:
    from detector.crystals import Hits
    from detector.shower_events import ShowerClusters
    from generator.columns import Photons

ECL = belle2()
STILL = ShowerModel(fluctuate=False)
SHOWER = Detector(model=ClusterModel.SHOWER)
seeds = st.integers(0, 10_000)


def singles(energy_GeV: float | Floats, seed: int, low: int, high: int) -> Photons:
    """Return a photon per event on the rings from ``low`` to ``high``."""
    rng = np.random.default_rng(seed)
    ring = rng.integers(low, high + 1, (1, LANES))
    bottom, top = ECL.theta_min[ring], ECL.theta_max[ring]
    theta = bottom + (top - bottom) * rng.random((1, LANES))
    phi = rng.uniform(0.0, 6.2831853, (1, LANES))
    return photons_of(energy_GeV + np.zeros((1, LANES)), theta, phi)


def seen(photons: Photons) -> Hits:
    return hit(photons, ECL, 1.0, start(0))


def found(model: ShowerModel, photons: Photons, seed: int = 1) -> ShowerClusters:
    return model.cluster(seen(photons), start(seed))


# clusters


@pytest.mark.parametrize("level", BackgroundLevel)
def test_clusters_are_in_the_slots_of_their_photons(level: BackgroundLevel) -> None:
    """Others follow by energy; shapes in their ranges, and none without a cluster."""
    rng = np.random.default_rng(3)
    theta = rng.uniform(0.2, 2.75, (3, LANES))
    phi = rng.uniform(0.0, 6.2831853, (3, LANES))
    photons = photons_of(rng.exponential(1.0, (3, LANES)), theta, phi)
    clusters = found(ShowerModel(level), photons)
    assert clusters.energy.shape == (6, LANES)
    assert clusters.l1 is None
    there, own = clusters.energy > 0, clusters.of_photon
    assert np.all(np.diff(clusters.energy[3:], axis=0) <= 0)
    slot = np.arange(3)[:, None]
    assert np.all((own == slot) == there[:3])
    assert np.all(own <= slot)
    assert own.min() == -1
    assert np.all(np.take_along_axis(clusters.energy, own, axis=0)[own >= 0] > 0)
    assert clusters.energy[there].min() >= 0.02
    assert clusters.theta[there].min() > ECL.deep_theta[0, 0]
    assert clusters.theta[there].max() < ECL.deep_theta[1, -1]
    assert clusters.phi.min() >= 0
    assert clusters.phi.max() < 2 * np.pi
    shapes = clusters.shapes
    for column in (shapes.e1_e9, shapes.e9_e21, shapes.width_cm):
        assert column.shape == there.shape
        assert not column[~there].any()
    for ratio in (shapes.e1_e9, shapes.e9_e21):
        assert ratio[there].min() > 0
        assert ratio[there].max() <= 1.01  # noise may be negative


def test_photons_that_are_lost_have_no_cluster() -> None:
    theta = np.array([[0.1], [0.555], [1.5], [2.265], [3.0]]) + np.zeros(LANES)
    photons = photons_of(0 * theta + 1.0, theta, 0 * theta + np.arange(5)[:, None])
    clusters = found(STILL, photons)
    assert np.all((clusters.energy > 0).sum(axis=0) == 1)
    np.testing.assert_array_equal(clusters.of_photon[:, 0], [-1, -1, 2, -1, -1])


@given(seeds, st.floats(0.05, 8.0))
@settings(max_examples=10)
def test_without_fluctuations_photons_are_measured_well(
    seed: int, energy_GeV: float
) -> None:
    """Two rings from the rims: mean energy to 0.3 %, spread 1.5 %, angles to a crystal."""
    photons = singles(energy_GeV, seed, 15, 56)
    clusters, again = found(STILL, photons), found(STILL, photons, seed=2)
    np.testing.assert_array_equal(clusters.energy, again.energy)
    ratio = clusters.energy[0] / energy_GeV
    assert ratio.mean() == pytest.approx(1.0, abs=0.003)
    assert ratio.std() < 0.015
    assert np.all(clusters.energy[1:] == 0)
    turn = (clusters.phi[0] - photons.phi[0] + np.pi) % (2 * np.pi) - np.pi
    assert np.abs(turn).max() < np.radians(1.25)
    assert np.abs(clusters.theta[0] - photons.theta[0]).max() < np.radians(1.25)


def test_options_of_the_response_reach_the_showers() -> None:
    """Resolution only where something fluctuates; the tail moves the mean down."""
    hits = seen(singles(1.0, 4, 20, 50))
    np.testing.assert_array_equal(STILL.deposits(hits, start(1)), hits.energy)
    assert STILL.noise_GeV is None
    noises = [ShowerModel(level).noise_GeV for level in BackgroundLevel]
    assert noises == [noise_GeV(level) for level in BackgroundLevel]
    assert noises == sorted(noises, key=lambda noise: noise or 0.0)
    assert noises[0] == pytest.approx(2e-4)
    plain, tailed = (
        ShowerModel(shape=shape).deposits(hits, start(2)).astype(float)
        for shape in LineShape
    )
    assert abs(plain.mean() - 1) < 0.002
    assert tailed.mean() < 1 - 0.005


def test_noise_adds_what_a_background_level_adds() -> None:
    """21 crystals of noise are the difference in quadrature of 0.1 GeV in the barrel."""
    low, high = (
        float(resolution(0.1, Region.BARREL, level)[0]) * 0.1
        for level in (BackgroundLevel.LOW, BackgroundLevel.HIGH)
    )
    noise = noise_GeV(BackgroundLevel.HIGH), noise_GeV(BackgroundLevel.LOW)
    added = np.sqrt(21 * (noise[0] ** 2 - noise[1] ** 2))
    assert added == pytest.approx(np.sqrt(high**2 - low**2), rel=1e-6)


# pairs of photons


@pytest.mark.parametrize(
    ("detector", "expected"),
    [
        (Detector(merge_crystals=1), 5.5),
        (Detector(merge_crystals=2), 2.8),
        (SHOWER, 3.7),
    ],
)
def test_half_of_symmetric_pi0_are_resolved(
    detector: Detector, expected: float
) -> None:
    """Up to 3 GeV with two crystals; the crystal-level model does somewhat better."""
    shares = [share_resolved(detector, e, smallest_opening(e)) for e in ENERGIES_GEV]
    assert shares[0] == pytest.approx(1.0, abs=0.01)
    assert shares[-1] < 0.01
    assert np.all(np.diff(shares) < 0.01)
    assert half_point_GeV(shares) == pytest.approx(expected, abs=0.25)


def test_the_table_of_pi0() -> None:
    table = pi0.table()
    assert table.row_count == len(pi0.VARIANTS)
    halves = [str(cell) for cell in table.columns[-1].cells]
    assert halves[2] == "< 2 GeV"
    assert all(half.endswith(" GeV") for half in halves)


@given(st.floats(0.01, 0.16), st.floats(1.0, 2.5), st.sampled_from([0.6, 2.0, 8.0]))
@settings(max_examples=15)
def test_wider_pairs_are_resolved_more_often(
    opening: float, factor: float, energy_GeV: float
) -> None:
    """Within the error of the difference of two shares, at 1e-4; in every model."""
    for detector in (Detector(), SHOWER):
        close, wide = (
            share_resolved(detector, energy_GeV, angle)
            for angle in (opening, factor * opening)
        )
        error = np.sqrt((close * (1 - close) + wide * (1 - wide)) / LANES)
        assert wide >= close - N_SIGMA * error
        assert share_resolved(detector, energy_GeV, 0.3) == 1.0


def moved_out(photons: Photons, length_cm: float) -> Photons:
    """Return pairs that start away from the IP, on the line half way between them."""
    turn = (photons.phi[1] - photons.phi[0] + np.pi) % (2 * np.pi) - np.pi
    theta, phi = photons.theta.mean(axis=0), photons.phi[0] + turn / 2
    sin, cos = np.sin(theta), np.cos(theta)
    vertex = length_cm * np.stack([sin * np.cos(phi), sin * np.sin(phi), cos])
    return photons_of(photons.energy, photons.theta, photons.phi, vertex)


@pytest.mark.parametrize("length_cm", [0.0, 30.0, 60.0])
@pytest.mark.parametrize("model", ClusterModel)
def test_displaced_pairs_look_narrower(model: ClusterModel, length_cm: float) -> None:
    """By (R − L)/R, and the mass with them, if they decay L from the IP; to 2 %.

    R is the front face or, for showers, 10 cm behind it.
    """
    opening, energy = 0.3, 2.0
    photons = moved_out(pair(energy, opening), length_cm)
    clusters = Detector(model=model).simulate(photons, start(7))
    e, theta, phi = (x[:2] for x in (clusters.energy, clusters.theta, clusters.phi))
    cosine = np.cos(theta).prod(axis=0)
    cosine += np.sin(theta).prod(axis=0) * np.cos(phi[0] - phi[1])
    mass = np.sqrt(2 * e.prod(axis=0) * (1 - cosine))
    radius = 135.6 if model is ClusterModel.SHOWER else 125.6
    shrunk = (radius - length_cm) / radius
    seen_opening = float(np.median(np.arccos(cosine)))
    assert seen_opening == pytest.approx(opening * shrunk, rel=0.02)
    true_mass = energy * np.sin(opening / 2)
    assert np.median(mass) == pytest.approx(true_mass * shrunk, rel=0.02)


# trigger


def cell_middles(energy_GeV: float, seed: int) -> Photons:
    """Return a photon per event in the middle of a trigger cell of 4×4 crystals."""
    rng = np.random.default_rng(seed)
    row = rng.integers(4, 15, (1, LANES))
    column = rng.integers(0, PER_ROW[4], (1, LANES))
    first = np.array([np.flatnonzero(ECL.trigger_row == r)[0] for r in range(1, 18)])
    theta = ECL.theta_max[first[row - 1] + 1] + 1e-4
    phi = 2 * np.pi * (column + 0.5) / PER_ROW[4] + 1e-4
    return photons_of(np.full((1, LANES), energy_GeV), theta, phi)


@pytest.mark.parametrize(
    ("energy_GeV", "number"), [(0.13, 1), (0.2, 1), (0.8, 2), (1.5, 2), (3.5, 2)]
)
def test_lines_of_isolated_photons_are_those_of_whole_photons(
    energy_GeV: float, number: int
) -> None:
    """Below 4 GeV no other trigger cell reaches 0.1 GeV; in all, some lines differ."""
    hits = seen(cell_middles(energy_GeV, 1))
    expected = level1(hits, 0.1)
    found_there = STILL.cluster(hits, start(1), 0.1).l1
    assert found_there is not None
    np.testing.assert_array_equal(found_there, expected)
    assert expected.all()
    assert len(set(expected.tolist())) == number


def test_photons_between_trigger_cells_may_fire_none() -> None:
    """0.15 GeV in the corner of four cells; as one photon it is always in one cell."""
    hits = seen(cell_middles(0.15, 1))
    shift = np.float32(2 * np.pi / PER_ROW[4] / 2)
    phi = np.mod(hits.phi + shift, np.float32(2 * np.pi))
    corner = replace(hits, phi=phi)
    bits = STILL.cluster(corner, start(1), 0.1).l1
    assert bits is not None
    assert not bits.any()
    assert level1(hits, 0.1).all()


@pytest.mark.parametrize("model", ClusterModel)
def test_lines_are_recorded_on_request(model: ClusterModel) -> None:
    photons, detector = cell_middles(2.0, 3), Detector(model=model)
    with_lines = detector.simulate(photons, start(4), record=True)
    without = detector.simulate(photons, start(4))
    assert without.l1 is None
    assert without.hlt is None
    assert with_lines.l1 is not None
    assert with_lines.hlt is not None
    assert np.mean(with_lines.l1 & L1Line.mask(["ehigh"]) != 0) > 0.99
    np.testing.assert_array_equal(with_lines.energy, without.energy)
