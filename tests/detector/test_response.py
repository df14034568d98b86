"""Resolution against the published table, and pulls of the smeared clusters."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from detector.geometry import Region, belle2
from detector.response import BackgroundLevel, coefficients, resolution, respond
from detector.separation import Deposits
from generator.simd import LANES
from tests.compare import FALSE_ALARM, Floats, flatness, start
from tests.reference import response as reference

LEVELS = {
    BackgroundLevel.LOW: reference.Background.LOW,
    BackgroundLevel.MEDIUM: reference.Background.MEDIUM,
    BackgroundLevel.HIGH: reference.Background.HIGH,
}
# published to 0.1, from coefficients with more digits than are public
ROUNDING = 0.06
BARREL_ENERGY = {
    0.05: (3.9, 6.9, 11.3),
    0.1: (3.3, 4.8, 7.7),
    0.2: (2.8, 3.5, 5.1),
    0.5: (2.3, 2.5, 3.0),
    1.0: (2.0, 2.1, 2.2),
    2.0: (1.9, 1.9, 1.9),
    7.0: (1.7, 1.8, 2.0),
}
FORWARD_ENERGY = {
    0.05: (3.8, 6.7, 10.2),
    0.1: (3.2, 4.7, 7.0),
    0.5: (2.2, 2.4, 2.9),
    2.0: (2.0, 2.0, 2.0),
    7.0: (2.0, 2.1, 2.1),
}
BACKWARD_ENERGY = {
    0.05: (4.0, 8.7, 16.3),
    0.1: (3.3, 6.0, 10.5),
    0.5: (2.4, 2.8, 3.7),
    2.0: (2.3, 2.4, 2.4),
    7.0: (2.5, 2.8, 2.9),
}


@pytest.mark.parametrize(
    ("region", "table"),
    [
        (Region.BARREL, BARREL_ENERGY),
        (Region.FORWARD, FORWARD_ENERGY),
        (Region.BACKWARD, BACKWARD_ENERGY),
    ],
)
def test_energy_resolution_to_the_quoted_digit(
    region: Region, table: dict[float, tuple[float, ...]]
) -> None:
    for energy, percents in table.items():
        for level, percent in zip(BackgroundLevel, percents, strict=True):
            sigma = 100 * float(resolution(energy, region, level)[0])
            assert sigma == pytest.approx(percent, abs=ROUNDING), (energy, level)


@pytest.mark.parametrize(
    ("region", "theta_mrad", "phi_mrad"),
    [
        (Region.BARREL, (7.8, 4.8, 3.9, 3.1, 2.3), (9.6, 5.9, 4.5, 3.3, 2.0)),
        (Region.FORWARD, (5.4, 3.4, 2.7, 2.1, 1.5), (13.8, 8.8, 7.0, 5.4, 3.8)),
        (Region.BACKWARD, (8.7, 5.3, 4.3, 3.5, 2.7), (12.7, 8.5, 6.9, 5.4, 3.6)),
    ],
)
def test_angular_resolution_to_the_quoted_digit(
    region: Region, theta_mrad: tuple[float, ...], phi_mrad: tuple[float, ...]
) -> None:
    energies = np.array([0.1, 0.5, 1.0, 2.0, 5.0])
    _, theta, phi = resolution(energies, region, BackgroundLevel.LOW)
    np.testing.assert_allclose(1000 * theta, theta_mrad, atol=ROUNDING)
    np.testing.assert_allclose(1000 * phi, phi_mrad, atol=ROUNDING)


@pytest.mark.parametrize("level", BackgroundLevel)
@pytest.mark.parametrize("region", Region)
def test_resolution_is_that_of_the_reference(
    region: Region, level: BackgroundLevel
) -> None:
    energy = np.geomspace(0.001, 8, 300)
    expected = reference.resolution(energy, np.full(300, int(region)), LEVELS[level])
    found = resolution(energy, region, level)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert np.all(found > 0)


def test_constant_below_the_cut_energy() -> None:
    sigma = resolution(np.array([0.001, 0.02]), Region.BARREL, BackgroundLevel.LOW)
    np.testing.assert_allclose(sigma[0], 0.0467, rtol=1e-6)
    np.testing.assert_allclose(sigma[1], 9.31e-3, rtol=1e-6)
    np.testing.assert_allclose(sigma[2], 10.8e-3, rtol=1e-6)


def test_table_is_complete() -> None:
    for level in BackgroundLevel:
        table = coefficients(level)
        assert table.shape == (3, 3, 6)
        assert np.isfinite(table).all()
        assert np.all(table[..., 4:] > 0)


def pulls(
    energy_GeV: float, theta: float, level: BackgroundLevel, repeats: int = 20
) -> tuple[Floats, Floats, Floats]:
    """Return (reconstructed − true) of E/E, θ and φ around φ = 0.001."""
    column = np.ones(LANES, np.float32)
    ring = float(belle2().ring(theta))
    deposits = Deposits(
        1, energy_GeV * column, theta * column, 0.001 * column, ring * column
    )
    state = start(1)
    blocks = [respond(deposits, level, state) for _ in range(repeats)]
    e, t, p = (np.concatenate([b[k][0] for b in blocks]) for k in range(3))
    assert p.min() >= 0
    assert p.max() < 2 * np.pi
    turn = np.remainder(p - 0.001 + np.pi, 2 * np.pi) - np.pi
    return e / energy_GeV - 1, t - theta, turn


@pytest.mark.parametrize("level", BackgroundLevel)
@pytest.mark.parametrize(
    ("region", "theta"),
    [(Region.FORWARD, 0.4), (Region.BARREL, 1.5), (Region.BACKWARD, 2.5)],
)
@pytest.mark.parametrize("energy_GeV", [0.015, 0.3, 4.0])
def test_pulls_are_standard_normal(
    energy_GeV: float, region: Region, theta: float, level: BackgroundLevel
) -> None:
    """Three χ² tests at 1e-4 each; widths 6 % off must fail."""
    sigmas = resolution(energy_GeV, region, level)
    for difference, sigma in zip(pulls(energy_GeV, theta, level), sigmas, strict=True):
        pull = difference / sigma
        assert flatness(stats.norm.cdf(pull)) > FALSE_ALARM
        assert flatness(stats.norm.cdf(1.06 * pull)) < FALSE_ALARM


def test_errors_are_uncorrelated() -> None:
    differences = np.array(pulls(1.0, 1.5, BackgroundLevel.LOW))
    correlation = np.asarray(np.corrcoef(differences))[np.triu_indices(3, 1)]
    limit = stats.norm.isf(FALSE_ALARM / 2) / np.sqrt(differences.shape[1])
    assert np.abs(correlation).max() < limit
    differences[0] += (
        0.05 * differences[1] * differences[0].std() / differences[1].std()
    )
    mixed = np.asarray(np.corrcoef(differences))[0, 1]
    assert abs(mixed) > limit


def test_absent_deposits_stay_absent() -> None:
    zero = np.zeros(2 * LANES, np.float32)
    deposits = Deposits(2, zero, zero + 1, zero, zero - 1)
    energy, theta, phi = respond(deposits, BackgroundLevel.HIGH, start(2))
    assert not energy.any()
    assert np.isfinite(theta).all()
    assert np.isfinite(phi).all()


def test_energy_never_falls_below_zero() -> None:
    """At 26 % resolution a 4-σ fluctuation would be negative."""
    tiny = np.full(4 * LANES, 1e-3, np.float32)
    deposits = Deposits(4, tiny, tiny + 2.5, tiny, np.full(4 * LANES, 65, np.float32))
    state = start(3)
    smallest = [
        respond(deposits, BackgroundLevel.HIGH, state)[0].min() for _ in range(30)
    ]
    assert min(smallest) == 0
