"""Beam-background photons: rate, spectrum, directions, and the region they fall into."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from generator.beam_background import BackgroundPhoton, BeamBackground
from generator.beams import Beams
from generator.phase_space import PhaseSpace
from generator.simd import LANES
from tests.compare import FALSE_ALARM, N_SIGMA, Floats, flatness, start, weighted_chi2
from tests.reference.beams import LAB_TO_CMS, direction, transform

EVERYWHERE = PhaseSpace((0, 180), 0.0, 0.01)
WIDE = PhaseSpace()
MIXED = PhaseSpace((37.3, 123.7), 0.3, 0.65, (50.0, 160.0))


def draw(
    background: BeamBackground, space: PhaseSpace, n_blocks: int = 100
) -> BackgroundPhoton:
    state = start(1)
    drawn = [background.draw(state, Beams(), space) for _ in range(n_blocks)]
    return BackgroundPhoton(*(np.concatenate(c) for c in zip(*drawn, strict=True)))


def naive(
    background: BeamBackground, space: PhaseSpace, n: int
) -> tuple[BackgroundPhoton, Floats]:
    """Return photons of the whole sphere and spectrum, and the weight of those inside."""
    rng = np.random.default_rng(5)
    energies = np.geomspace(
        background.energy_min_GeV, background.energy_max_GeV, 20_001
    )
    rate = energies**-background.index
    below = integrate.cumulative_trapezoid(rate, energies, initial=0.0)
    energy = np.interp(rng.random(n), below / below[-1], energies)
    theta, phi = np.arccos(rng.uniform(-1, 1, n)), rng.uniform(0, 2 * np.pi, n)
    four = energy * np.concatenate([np.ones((1, n)), direction(theta, phi)])
    cms = transform(LAB_TO_CMS, four)
    cms_deg = np.degrees(np.arctan2(np.hypot(cms[1], cms[2]), cms[3]))
    inside = (cms[0] > space.energy_cms_min_GeV) & (energy > space.energy_lab_min_GeV)
    for deg, (low, high) in (
        (np.degrees(theta), space.theta_lab_deg),
        (cms_deg, space.theta_cms_deg),
    ):
        inside &= (deg > low) & (deg < high)
    one = stats.poisson.pmf(1, background.mean)
    return BackgroundPhoton(energy, theta, phi, np.full(n, one / n)), inside


@pytest.mark.parametrize("index", [-1.0, 0.0, 1.0, 3.0])
def test_spectrum_and_directions(index: float) -> None:
    """Five tests of flatness at 1e-4."""
    background = BeamBackground(0.3, 0.2, 1.5, index)
    photons = draw(background, EVERYWHERE)
    norm, _ = integrate.quad(lambda e: e**-index, 0.2, 1.5)
    table = np.linspace(0.2, 1.5, 20_001)
    below = integrate.cumulative_trapezoid(table**-index, table, initial=0.0) / norm
    assert flatness(np.interp(photons.energy, table, below)) > FALSE_ALARM
    assert flatness((1 + np.cos(photons.theta)) / 2) > FALSE_ALARM
    assert flatness(photons.phi / (2 * np.pi)) > FALSE_ALARM
    assert 0.2 <= photons.energy.min() < photons.energy.max() <= 1.5
    np.testing.assert_allclose(
        photons.probability, stats.poisson.pmf(1, 0.3), rtol=1e-9
    )
    wrong = np.interp(1.01 * photons.energy, table, below)
    assert flatness(wrong) < FALSE_ALARM


def test_the_spectrum_is_smooth_in_its_index() -> None:
    below, at, above = (
        draw(BeamBackground(0.1, 0.1, 2.0, index), WIDE, 1)
        for index in (1.0 - 1e-7, 1.0, 1.0 + 1e-7)
    )
    for column in range(4):
        np.testing.assert_allclose(below[column], at[column], rtol=1e-6)
        np.testing.assert_allclose(above[column], at[column], rtol=1e-6)


@pytest.mark.parametrize("space", [WIDE, MIXED])
@pytest.mark.parametrize("index", [1.0, 3.0])
def test_region_against_drawing_everywhere(space: PhaseSpace, index: float) -> None:
    """Probability and three distributions at 1e-4, normalisation included."""
    background = BeamBackground(0.4, index=index)
    photons = draw(background, space)
    expected, inside = naive(background, space, 1_000_000)
    weight = photons.probability / photons.probability.size
    error = np.hypot(
        np.sqrt((weight**2).sum() - weight.sum() ** 2 / weight.size),
        expected.probability[0] * np.sqrt(np.count_nonzero(inside)),
    )
    total = (expected.probability * inside).sum()
    assert abs(weight.sum() - total) < N_SIGMA * error
    assert abs(0.9 * weight.sum() - total) > N_SIGMA * error
    for mine, theirs in zip(photons[:3], expected[:3], strict=True):
        other = (theirs[inside], expected.probability[inside])
        assert weighted_chi2((mine, weight), other, 20) > FALSE_ALARM
    other = (expected.energy[inside], expected.probability[inside])
    assert weighted_chi2((1.02 * photons.energy, weight), other, 20) < FALSE_ALARM


def test_every_photon_passes_the_energies_of_the_region() -> None:
    photons = draw(BeamBackground(), MIXED)
    unit = np.concatenate([np.ones((1, photons.theta.size)), direction(*photons[1:3])])
    cms = transform(LAB_TO_CMS, photons.energy * unit)
    assert cms[0].min() > MIXED.energy_cms_min_GeV * (1 - 1e-9)
    assert photons.energy.min() > MIXED.energy_lab_min_GeV * (1 - 1e-9)
    polar = np.degrees(np.arctan2(np.hypot(cms[1], cms[2]), cms[3]))
    inside = (polar > 50) & (polar < 160)
    np.testing.assert_array_equal(photons.probability > 0, inside)
    assert 0.5 < inside.mean() < 1


def test_a_region_above_the_spectrum_is_empty() -> None:
    photons = draw(BeamBackground(), PhaseSpace(energy_lab_min_GeV=2.5), 1)
    assert not photons.probability.any()
    assert np.isfinite(photons.energy).all()


def test_exactly_one_photon_is_poisson() -> None:
    for mean in (0.0, 0.1, 1.0, 3.0):
        one = BeamBackground(mean).one_photon
        assert one == pytest.approx(stats.poisson.pmf(1, mean))


def test_same_lanes_same_photons() -> None:
    first, second = (BeamBackground().draw(start(2), Beams(), WIDE) for _ in range(2))
    for one, two in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, two)
        assert one.shape == (LANES,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-0.1,), "mean = -0.1 background photons: need a number of at least 0"),
        ((np.nan,), "mean = nan"),
        ((np.inf,), "mean = inf"),
        ((0.1, 0.0), "background energies from 0 to 2 GeV: need 0 < energy_min_GeV"),
        ((0.1, 2.0, 2.0), "background energies from 2 to 2 GeV"),
        ((0.1, 0.1, np.inf), "background energies from 0.1 to inf GeV"),
        ((0.1, 0.1, 2.0, np.nan), "index = nan: need a finite number"),
        ((0.1, 0.1, 2.0, np.inf), "index = inf"),
    ],
)
def test_refusals(arguments: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BeamBackground(*arguments)
