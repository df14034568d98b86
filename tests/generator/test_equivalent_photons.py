"""Equivalent photons against quadrature and against the Feynman diagram they stand for."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy import integrate

from generator.alp import width_GeV
from generator.equivalent_photons import (
    fusion_cross_section_pb,
    photons_per_fraction,
    photons_per_q2,
    q2_min_GeV2,
)
from tests.compare import N_SIGMA, Floats
from tests.reference import fusion as reference
from tests.reference.beams import ALPHA, PB_GEV2, SQRT_S, S

G = 1e-3
ELECTRON_MASS2 = 0.51099895e-3**2


@pytest.mark.parametrize("x", [1e-4, 0.01, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("q2_max", [1e-2, 1.0, S / 4])
def test_spectrum_is_the_integral_over_q2(x: float, q2_max: float) -> None:
    low = float(q2_min_GeV2(x))
    found, _ = integrate.quad(
        lambda t: np.exp(t) * photons_per_q2(x, np.exp(t)),
        np.log(low * (1 + 1e-12)),
        np.log(q2_max),
        epsabs=0,
        epsrel=1e-10,
    )
    assert photons_per_fraction(x, q2_max) == pytest.approx(found, rel=1e-8)
    # negative control: without the mass term
    leading = (1 + (1 - x) ** 2) / x * np.log(q2_max / low) * ALPHA / (2 * np.pi)
    assert found != pytest.approx(leading, rel=1e-4)


def test_no_photons_below_the_smallest_virtuality() -> None:
    low = float(q2_min_GeV2(0.5))
    assert low == pytest.approx(ELECTRON_MASS2 / 2)
    assert photons_per_q2(0.5, 0.99 * low) == 0.0
    assert photons_per_q2(0.5, 1.01 * low) > 0.0
    assert photons_per_fraction(0.5, 0.5 * low) == 0.0
    # for any x the photons at Q²min are left with α/2π · x/Q²
    x = np.array([1e-3, 0.1, 0.9])
    least = photons_per_q2(x, q2_min_GeV2(x)) * q2_min_GeV2(x)
    np.testing.assert_allclose(least, ALPHA / (2 * np.pi) * x, rtol=1e-9)


@pytest.mark.parametrize(
    ("mass", "kinematic_pb", "mass_pb"),
    [
        (0.1, "4.4", "2.1"),
        (0.3, "2.7", "1.6"),
        (1.0, "1.28", "0.92"),
        (3.0, "0.41", "0.37"),  # 0.3646 rounded up
        (6.0, "0.105", "0.11"),
        (9.0, "0.019", "0.021"),
    ],
)
def test_cross_sections(mass: float, kinematic_pb: str, mass_pb: str) -> None:
    """Closure with an independent estimate, to the digits that it has."""
    for q2_max, known in ((S / 4, kinematic_pb), (mass**2, mass_pb)):
        found = fusion_cross_section_pb(mass, G, S, q2_max)
        last_digit = 10.0 ** -len(known.split(".")[1])
        assert abs(found - float(known)) < 0.6 * last_digit


def by_scipy(mass: float, q2_max: float) -> float:
    """Return ∫ over x₁ and Q₁² of the photons of one beam times f of the other."""
    tau = mass**2 / S

    def photons(x: float) -> float:
        low = ELECTRON_MASS2 * x**2 / (1 - x)
        if low >= q2_max:
            return 0.0
        log, rest = np.log(q2_max / low), 1 / q2_max - 1 / low
        total = (1 + (1 - x) ** 2) / x * log + 2 * ELECTRON_MASS2 * x * rest
        return float(ALPHA / (2 * np.pi) * total)

    def integrand(log_q2: float, log_x: float) -> float:
        x, q2 = np.exp(log_x), np.exp(log_q2)
        bracket = (1 + (1 - x) ** 2) / x / q2 - 2 * ELECTRON_MASS2 * x / q2**2
        return float(ALPHA / (2 * np.pi) * bracket * q2 * photons(tau / x))

    def lowest(log_x: float) -> float:
        x = np.exp(log_x)
        return float(min(np.log(ELECTRON_MASS2 * x**2 / (1 - x)), np.log(q2_max)))

    value, _ = integrate.dblquad(
        integrand, np.log(tau) + 1e-9, -1e-9, lowest, np.log(q2_max), epsrel=1e-5
    )
    # 8π²Γ/m δ(x₁x₂s − m²) after dx₂ dln x₁
    return float(8 * np.pi**2 * width_GeV(mass, G) / mass / S * value * PB_GEV2)


@pytest.mark.parametrize(("mass", "q2_max"), [(0.3, S / 4), (3.0, 9.0), (9.0, 81.0)])
def test_cross_section_against_double_quadrature(mass: float, q2_max: float) -> None:
    found = fusion_cross_section_pb(mass, G, S, q2_max)
    assert found == pytest.approx(by_scipy(mass, q2_max), rel=1e-4)
    assert found != pytest.approx(by_scipy(mass, 1.05 * q2_max), rel=1e-3)


def test_resonance_of_two_photons() -> None:
    """8π²Γ/m δ(ŝ − m²) is (πg²m/16) δ(√ŝ − m): dŝ = 2m d√ŝ."""
    mass = np.array([0.1, 1.0, 9.0])
    first = 8 * np.pi**2 * width_GeV(mass, G) / mass / (2 * mass)
    np.testing.assert_allclose(first, np.pi * G**2 * mass / 16, rtol=1e-12)


@cache
def diagram(mass: float) -> reference.Points:
    """Return 300 000 events of the exact diagram."""
    return reference.events(mass, G, 300_000, np.random.default_rng(1))


def leading_logarithm(mass: float, q2_max: float) -> float:
    """Return σ with spectra without the mass term, the negative control."""
    log_x = np.linspace(np.log(mass**2 / S), 0, 4001)[1:-1]
    product = np.ones_like(log_x)
    for x in (np.exp(log_x), np.exp(log_x)[::-1]):
        logarithm = np.log(np.maximum(q2_max / q2_min_GeV2(x), 1))
        product *= ALPHA / (2 * np.pi) * (1 + (1 - x) ** 2) * logarithm
    return float(np.pi * G**2 / 8 * np.trapezoid(product, log_x) * PB_GEV2)


def summed(weights: Floats) -> tuple[float, float]:
    """Return sum and error."""
    return float(weights.sum()), float(np.sqrt((weights**2).sum()))


@pytest.mark.parametrize("mass", [0.3, 3.0])
def test_small_virtualities_against_the_diagram(mass: float) -> None:
    """For Q² < m²/100 the diagram is the formula; at 1e-4 false alarms a mass.

    This proves the spectra, mass term included, and the normalisation.
    """
    points = diagram(mass)
    weights = np.where((points.q2 < 0.01 * mass**2).all(axis=0), points.weight_pb, 0)
    value, error = summed(weights)
    assert error < 0.005 * value
    expected = fusion_cross_section_pb(mass, G, S, 0.01 * mass**2)
    assert abs(value - expected) < N_SIGMA * error
    wrong = leading_logarithm(mass, 0.01 * mass**2)
    assert abs(value - wrong) > 2 * N_SIGMA * error


@pytest.mark.parametrize(("mass", "total_pb"), [(0.3, 2.02), (3.0, 0.370)])
def test_choices_of_q2_max_against_the_diagram(mass: float, total_pb: float) -> None:
    """Q²max = s/4 is too much and m² too little: the table in `generator.fusion`."""
    value, error = summed(diagram(mass).weight_pb)
    assert abs(value - total_pb) < N_SIGMA * error + 0.005 * total_pb
    assert fusion_cross_section_pb(mass, G, S, S / 4) > 1.1 * value
    assert fusion_cross_section_pb(mass, G, S, mass**2) < 0.99 * value


def test_diagram_against_traces() -> None:
    """The reference itself: closed form against Dirac matrices, and conservation."""
    points = diagram(3.0)
    chosen = np.flatnonzero((points.weight_pb > 0) & (points.q2.min(axis=0) > 1e-2))
    for index in chosen[:20]:
        electron, positron, alp = (
            p[:, [index]] for p in (points.electron, points.positron, points.alp)
        )
        total = (electron + positron + alp)[:, 0]
        np.testing.assert_allclose(total, [SQRT_S, 0, 0, 0], atol=1e-6)
        x = (
            1 - (electron[0] + electron[3]) / SQRT_S,
            1 - (positron[0] - positron[3]) / SQRT_S,
        )
        q2 = points.q2[:, [index]]
        beams, photons = reference.exchanged(electron, positron, x, q2)
        closed = reference.squared(beams, photons, q2)[0]
        assert closed == pytest.approx(reference.trace(points, index), rel=1e-5)


def test_nothing_above_threshold() -> None:
    assert fusion_cross_section_pb(SQRT_S * 1.001, G, S, 1.0) == 0.0
    assert fusion_cross_section_pb(SQRT_S * 0.999, G, S, 1.0) > 0.0
