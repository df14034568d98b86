"""Resolution against the published table, pulls of the smeared clusters, line shapes."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from detector import response
from detector.crystals import Hits
from detector.geometry import Region, belle2
from detector.response import (
    BackgroundLevel,
    LineShape,
    coefficients,
    relative_width,
    resolution,
    respond,
    shape_constants,
    shaped,
    smear_energy,
)
from detector.separation import Deposits
from generator.random import LaneState, fill_uniform
from generator.simd import LANES
from tests.compare import FALSE_ALARM, Floats, flatness, start
from tests.reference import response as reference
from tests.test_bench import MACHINE, PACKED, _assembly, needs_known_assembly

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


# line shapes

GAUSSIAN, NOVOSIBIRSK = LineShape.GAUSSIAN, LineShape.NOVOSIBIRSK
TAILS = st.floats(0.0, 4.999)


def hits_with(energy_GeV: float, slots: int, ring: float = 30.0) -> Hits:
    """Return photons of one energy on one ring; other columns are not looked at."""
    energy, rings = (np.full(slots * LANES, x, np.float32) for x in (energy_GeV, ring))
    return Hits(slots, energy, rings, rings, rings, rings, rings, rings)


def deviations(shape: LineShape, tail: float, repeats: int = 10) -> Floats:
    """Return (E − peak)/σ of photons of 1 GeV, σ = 0.1 %, shape (slots, n)."""
    hits, sigma, state = (
        hits_with(1.0, 3),
        np.full(3 * LANES, 1e-3, np.float32),
        start(5),
    )
    smeared = [smear_energy(hits, sigma, shape, tail, state) for _ in range(repeats)]
    columns = np.concatenate([e.reshape(3, LANES) for e in smeared], axis=1)
    return (columns.astype(float) - 1.0) / float(sigma[0])


def states_agree(first: LaneState, second: LaneState) -> bool:
    return bool(np.array_equal(first, second))


@pytest.mark.parametrize("tail", [0.05, 0.4, 0.41, 1.0, 2.0])
def test_line_shape_is_the_novosibirsk_function(tail: float) -> None:
    """χ² at 1e-4 against the integral of the function; two wrong shapes must fail."""
    found = deviations(NOVOSIBIRSK, tail, 30).reshape(-1)
    assert flatness(reference.novosibirsk_cdf(found, tail)) > FALSE_ALARM
    assert flatness(reference.novosibirsk_cdf(1.05 * found, tail)) < FALSE_ALARM
    assert flatness(reference.novosibirsk_cdf(found, tail + 0.1)) < FALSE_ALARM


def test_gaussian_line_shape() -> None:
    found = deviations(GAUSSIAN, 0.4).reshape(-1)
    assert flatness(stats.norm.cdf(found)) > FALSE_ALARM
    assert flatness(stats.norm.cdf(1.03 * found)) < FALSE_ALARM
    assert flatness(reference.novosibirsk_cdf(found, 0.1)) < FALSE_ALARM


@pytest.mark.parametrize("shape", LineShape)
def test_slots_are_smeared_independently(shape: LineShape) -> None:
    """Correlations of ranks at 1e-4; a common part of 1/20 must show."""
    ranks = stats.rankdata(deviations(shape, 0.4, 40), axis=1)
    limit = stats.norm.isf(FALSE_ALARM / 2) / np.sqrt(ranks.shape[1])
    assert np.abs(np.corrcoef(ranks)[np.triu_indices(3, 1)]).max() < limit
    assert abs(np.corrcoef(ranks[0] + 0.05 * ranks[1], ranks[1])[0, 1]) > limit


@pytest.mark.parametrize("tail", [0.1, 0.4, 1.5])
def test_sigma_is_the_full_width_over_2_355(tail: float) -> None:
    """Of the reference, which the test above ties the product to; peak at 0."""

    def height(deviation: float) -> float:
        value = reference.novosibirsk(np.array([deviation, 0.0]), tail)
        return float(value[0] / value[1] - 0.5)

    low, high = optimize.brentq(height, -9, 0), optimize.brentq(height, 0, 0.999 / tail)
    assert high - low == pytest.approx(np.sqrt(8 * np.log(2)), rel=1e-9)
    assert -low > high
    nearby = reference.novosibirsk(np.linspace(-0.1, 0.1, 201), tail)
    assert int(np.argmax(nearby)) == 100


@given(tail=TAILS, normal=st.floats(-5.8, 5.8))
def test_deviation_is_the_closed_form(tail: float, normal: float) -> None:
    """Also for tails that are nearly none; a larger normal number is a larger energy."""
    constants = shape_constants(NOVOSIBIRSK, tail)
    root = np.sqrt(np.log(4.0))
    t = -np.arcsinh(tail * root) / root
    expected = -np.expm1(t * t + t * normal) / tail if tail > 1e-9 else normal
    found = float(shaped(np.float32(normal), constants))
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-5)
    assert float(shaped(np.float32(normal + 0.1), constants)) > found


def test_default_is_gaussian_and_any_shape_draws_alike() -> None:
    energy = np.full(3 * LANES, 0.7, np.float32)
    deposits = Deposits(3, energy, energy, energy, energy + 29)
    default, plain, none, tailed = (start(4) for _ in range(4))
    low = BackgroundLevel.LOW
    first = respond(deposits, low, default)
    for other in (
        respond(deposits, low, plain, GAUSSIAN, 1.3),
        respond(deposits, low, none, NOVOSIBIRSK, 0.0),
    ):
        np.testing.assert_array_equal(first, other)
    last = respond(deposits, low, tailed, NOVOSIBIRSK)
    np.testing.assert_array_equal(first[1:], last[1:])
    assert np.mean(last[0] < 0.7) > 0.6 > np.mean(first[0] < 0.7)
    for state in (plain, none, tailed):
        assert states_agree(state, default)
    fresh, row = start(4), np.empty(12 * LANES, np.float32)
    fill_uniform(fresh, row)
    assert states_agree(fresh, default)


def test_response_has_the_line_shape() -> None:
    """Both line shapes at 1e-4 in `respond`, each the control of the other."""
    column, state = np.ones(LANES, np.float32), start(6)
    deposits = Deposits(1, column, column, column, 30 * column)
    sigma = float(resolution(1.0, Region.BARREL, BackgroundLevel.LOW)[0])
    for shape in LineShape:
        blocks = [
            respond(deposits, BackgroundLevel.LOW, state, shape)[0] for _ in range(20)
        ]
        found = (np.concatenate(blocks, axis=1)[0] - 1.0) / sigma
        tailed = flatness(reference.novosibirsk_cdf(found, response.TAIL))
        plain = flatness(stats.norm.cdf(found))
        right, wrong = (tailed, plain) if shape is NOVOSIBIRSK else (plain, tailed)
        assert right > FALSE_ALARM > wrong


@pytest.mark.parametrize("shape", LineShape)
def test_smearing_takes_two_numbers_per_slot(shape: LineShape) -> None:
    state, fresh, row = start(7), start(7), np.empty(8 * LANES, np.float32)
    hits, sigma = hits_with(0.0, 4), np.ones(4 * LANES, np.float32)
    assert not smear_energy(hits, sigma, shape, 0.4, state).any()  # absent stay absent
    fill_uniform(fresh, row)
    assert states_agree(state, fresh)
    unsmeared = smear_energy(hits_with(0.3, 4), 0 * sigma, shape, 0.4, state)
    np.testing.assert_array_equal(unsmeared, np.float32(0.3))
    wide = smear_energy(hits_with(0.3, 4), sigma, shape, 0.4, state)
    assert wide.min() == 0.0


@pytest.mark.parametrize("level", BackgroundLevel)
def test_relative_width_of_every_photon(level: BackgroundLevel) -> None:
    energy = np.geomspace(0.001, 8, 3 * LANES).astype(np.float32)
    rings = np.arange(3 * LANES) % 69
    hits = Hits(3, energy, *(rings.astype(np.float32) for _ in range(6)))
    regions = belle2().region[rings]
    found = relative_width(hits, level)
    for region in Region:
        here = regions == region
        expected, other = (
            resolution(energy[here], r, level)[0]
            for r in (region, Region((region + 1) % 3))
        )
        np.testing.assert_allclose(found[here], expected, rtol=2e-5)
        assert not np.allclose(found[here], other, rtol=2e-5)
    assert np.all(relative_width(hits_with(0.0, 2, -1.0), level) > 0)


@pytest.mark.parametrize("tail", [-0.1, 5.0, np.nan, np.inf])
@pytest.mark.parametrize("shape", LineShape)
def test_bad_tails_are_refused(shape: LineShape, tail: float) -> None:
    hits, flat = hits_with(1.0, 1), np.ones(LANES, np.float32)
    deposits, level = Deposits(1, flat, flat, flat, flat), BackgroundLevel.LOW
    message = re.escape(f"tail = {tail:g} of the energy response: need 0 <= tail < 5")
    for work in (
        lambda: shape_constants(shape, tail),
        lambda: smear_energy(hits, flat, shape, tail, start(1)),
        lambda: respond(deposits, level, start(1), shape, tail),
    ):
        with pytest.raises(ValueError, match=message):
            work()


@needs_known_assembly
@pytest.mark.parametrize("name", ["_respond", "_smear", "_width"])
def test_kernels_vectorise_for_every_shape(name: str) -> None:
    hits, flat = hits_with(1.0, 1), np.ones(LANES, np.float32)
    level = BackgroundLevel.LOW
    for shape in LineShape:
        respond(Deposits(1, flat, flat, flat, flat), level, start(1), shape)
        smear_energy(hits, relative_width(hits, level), shape, 0.4, start(1))
    kernel: Any = getattr(response, name)
    assert len(kernel.signatures) == (1 if name == "_width" else 2)
    options = {"error_model": "numpy", "nogil": True}
    options["fastmath"] = kernel.targetoptions["fastmath"]
    assembly = _assembly(kernel, options)
    assert len(re.findall(PACKED[MACHINE], assembly)) >= 20
    assert "gather" not in assembly
