"""Radiation against quadrature of the structure function, and that against the radiator.

The structure function is written here a second time, in float64 and from its formula; the
radiator of Kuraev and Fadin is another calculation of the same, for both beams at once.
"""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import gamma

from generator.beams import Beams
from generator.constants import ALPHA_0, ELECTRON_MASS_GEV
from generator.initial_state import InitialState, radiator_exponent, soft_factor
from generator.simd import LANES
from tests.compare import FALSE_ALARM, N_SIGMA, Floats, start, weighted_chi2

BEAMS = Beams()
LOG = np.log(BEAMS.s_GeV2 / ELECTRON_MASS_GEV**2)
BETA = 2 * ALPHA_0 / np.pi * (LOG - 1)
LEAST = 0.01
RADIATING = InitialState(radiation=True)


def soft_norm() -> float:
    return float(
        np.exp(BETA / 2 * (3 / 4 - np.euler_gamma)) / gamma(1 + BETA / 2) * BETA / 2
    )


def hard_part(x: Floats) -> Floats:
    """The structure function without its soft peak."""
    bracket = (1 + 3 * x**2) / (1 - x) * np.log(x) + 4 * (1 + x) * np.log1p(-x) + 5 + x
    return np.asarray(-BETA / 4 * (1 + x) - BETA**2 / 32 * bracket)


def moment(power: float, least: float = 0.0) -> float:
    """∫ x^power D(x) dx above ``least``; the peak with v = (1 − x)^{β/2}."""
    eta = BETA / 2
    peak = quad(
        lambda v: (1 - v ** (1 / eta)) ** power, 0, (1 - least) ** eta, epsabs=1e-12
    )[0]
    hard = quad(lambda x: x**power * hard_part(x), max(least, 1e-12), 1 - 1e-12)[0]
    return float(soft_norm() / eta * peak + hard)


def test_constants() -> None:
    assert radiator_exponent(BEAMS.s_GeV2) == pytest.approx(BETA)
    assert soft_factor(BETA) * BETA / 2 == pytest.approx(soft_norm())
    assert pytest.approx(0.0877, abs=1e-4) == BETA


def test_the_structure_function_is_normalised() -> None:
    """Evolution conserves the electron: ∫D = 1 up to the third order in β/2."""
    assert moment(0.0) == pytest.approx(1.0, abs=2 * (BETA / 2) ** 3)
    # leading logarithms: β/4 · ∫(x − 1)(1 + x²)/(1 − x) dx = −β/3 is the loss of ln⟨x⟩
    assert moment(1.0) == pytest.approx(np.exp(-BETA / 3), abs=2 * (BETA / 2) ** 3)


def kuraev_fadin(x: float) -> float:
    """The radiator F(x) of both beams, s′ = s(1 − x): eq. 28 of Kuraev and Fadin."""
    soft = 1 + ALPHA_0 / np.pi * (np.pi**2 / 3 - 1 / 2) + 3 * BETA / 4
    soft -= BETA**2 / 24 * (LOG / 3 + 2 * np.pi**2 - 37 / 4)
    bracket = -4 * (2 - x) * np.log(x) - (1 + 3 * (1 - x) ** 2) / x * np.log(1 - x)
    return float(
        BETA * x ** (BETA - 1) * soft
        - BETA * (1 - x / 2)
        + BETA**2 / 8 * (bracket - 6 + x)
    )


def convolution_above(cut: float) -> float:
    """Probability that s′/s > 1 − cut, from two structure functions."""
    eta = BETA / 2

    def kept_by_the_other(x: float) -> float:
        least = min((1 - cut) / x, 1.0)
        return moment(0.0, least)

    def peak(v: float) -> float:
        return kept_by_the_other(1 - v ** (1 / eta))

    soft = quad(peak, 0, cut**eta, epsabs=1e-9, limit=200)[0] * soft_norm() / eta
    hard = quad(
        lambda x: float(hard_part(np.asarray(x))) * kept_by_the_other(x),
        1 - cut,
        1 - 1e-12,
    )[0]
    return float(soft + hard)


@pytest.mark.parametrize("cut", [0.01, 0.1, 0.5])
def test_two_beams_make_the_radiator(cut: float) -> None:
    """Both hold soft photons to all orders; the radiator has the K factor besides.

    They may differ by β²/24·L/3 (e⁺e⁻ pairs, only in the radiator) and higher orders.
    """
    k_factor = 1 + ALPHA_0 / np.pi * (np.pi**2 / 3 - 1 / 2)
    exponent = BETA
    radiator = quad(
        lambda v: (
            kuraev_fadin(v ** (1 / exponent)) * v ** (1 / exponent - 1) / exponent
        ),
        1e-12,
        cut**exponent,
    )[0]
    assert convolution_above(cut) * k_factor == pytest.approx(radiator, rel=4e-3)
    assert convolution_above(cut) != pytest.approx(radiator, rel=4e-3)


@cache
def radiated(n_blocks: int = 300, seed: int = 1) -> tuple[Floats, Floats, Floats]:
    """Return z₋, z₊ and weights of many collisions."""
    state = start(seed)
    found = [RADIATING.collide(state, BEAMS, LEAST) for _ in range(n_blocks)]
    root = np.concatenate([c.root for c in found]).astype(float)
    lean = np.exp(np.concatenate([c.rapidity for c in found]).astype(float))
    weight = np.concatenate([c.weight for c in found]).astype(float)
    return root * lean, root / lean, weight / weight.size


def mean(values: Floats) -> tuple[float, float]:
    n = values.size
    return float(values.sum()), float(np.sqrt(n) * values.std())


@pytest.mark.parametrize("power", [0, 1, 2, 4])
def test_moments_against_quadrature(power: int) -> None:
    """Norm, mean s′ and higher moments, of ŝ/s = z₋z₊ above the bound on each."""
    first, second, weight = radiated()
    found, error = mean(weight * (first * second) ** power)
    expected = moment(power, LEAST) ** 2
    assert abs(found - expected) < N_SIGMA * error
    assert error < 1e-3
    if power:  # negative control: no radiation
        assert abs(1.0 - expected) > N_SIGMA * error


def test_mean_shift_of_s() -> None:
    """⟨1 − s′/s⟩, the first of the numbers that radiation is known by."""
    first, second, weight = radiated()
    found, error = mean(weight * (1 - first * second))
    expected = moment(0, LEAST) ** 2 - moment(1, LEAST) ** 2
    assert abs(found - expected) < N_SIGMA * error
    assert expected == pytest.approx(1 - np.exp(-2 * BETA / 3), abs=0.003)


def test_soft_limit() -> None:
    """P(1 − z < ε) → ε^{β/2}·norm: the exponentiated peak."""
    first, _, weight = radiated()
    for exponent in (-3, -6, -12):
        found, error = mean(weight * (1 - first < 10.0**exponent))
        if exponent < -6:  # 1 − z is lost in float32: compare where it is 0
            continue
        expected = soft_norm() / (BETA / 2) * 10.0 ** (exponent * BETA / 2)
        other = moment(0, LEAST)
        assert abs(found - expected * other) < N_SIGMA * error + 2e-3 * expected


def test_distribution_of_one_beam() -> None:
    """χ² against the density, bin by bin; a radiator of another strength fails."""
    first, _, weight = radiated()
    edges = np.array([LEAST, 0.05, 0.2, 0.4, 0.6, 0.8, 0.9, 0.97, 0.99, 0.999, 1.01])
    parts = [
        moment(0, a) - (moment(0, b) if b < 1 else 0.0)
        for a, b in itertools.pairwise(edges)
    ]
    expected = np.array(parts) * moment(0, LEAST)
    index = np.digitize(first, edges) - 1
    sums = np.bincount(index, weight, edges.size - 1)
    variance = np.bincount(index, weight**2, edges.size - 1)
    pull = (sums - expected) / np.sqrt(variance)
    assert (pull**2).sum() < 40.0  # 10 bins: false alarm 2e-5
    wrong = (sums - 1.05 * expected) / np.sqrt(variance)
    assert (wrong**2).sum() > 40.0


def test_both_beams_radiate_alike() -> None:
    first, second, weight = radiated()
    half = weight.size // 2
    one, two, share = first[:half], second[half:], weight[:half]
    hard_one, hard_two = one < 0.999, two < 0.999
    other = (two[hard_two], weight[half:][hard_two])
    assert weighted_chi2((one[hard_one], share[hard_one]), other) > FALSE_ALARM
    less = one[hard_one] ** 1.1
    assert weighted_chi2((less, share[hard_one]), other) < FALSE_ALARM


def test_energy_spread() -> None:
    """SuperKEKB's two beams: σ(√s) = 5.0 MeV; the weights stay 1."""
    state, spreads = start(2), InitialState(False, 5.13e-3, 2.375e-3)
    found = [spreads.collide(state, BEAMS, LEAST) for _ in range(100)]
    root = np.concatenate([c.root for c in found]).astype(float)
    expected = np.hypot(5.13e-3 / 7.007, 2.375e-3 / 4.0) / 2 * BEAMS.sqrt_s_GeV
    width = root.std() * BEAMS.sqrt_s_GeV
    assert abs(width / expected - 1) < N_SIGMA / np.sqrt(2 * root.size) + 1e-4
    assert expected == pytest.approx(5.0e-3, rel=0.01)
    assert all((c.weight == 1).all() for c in found)


def test_nothing_by_default() -> None:
    collisions = InitialState().collide(start(3), BEAMS, LEAST)
    assert (collisions.root == 1).all()
    assert (collisions.rapidity == 0).all()
    assert collisions.root.size == LANES
    with pytest.raises(ValueError, match="read-only"):
        collisions.root[0] = 2


@pytest.mark.parametrize("spreads", [(-1e-3, 0.0), (0.0, float("nan"))])
def test_impossible_spreads(spreads: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="need numbers of at least 0"):
        InitialState(False, *spreads)
