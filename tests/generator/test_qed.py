"""Matrix elements: closed forms against diagrams, symmetries, limits, crossing."""

from __future__ import annotations

from itertools import permutations, product
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import integrate

from generator.constants import GEV2_PB
from generator.qed import (
    three_photon_constant,
    three_photon_shape,
    two_photon_squared,
)
from tests.reference import feynman, three_photon
from tests.reference.beams import ALPHA, SQRT_S, S

if TYPE_CHECKING:
    from tests.compare import Floats

E_SQUARED = 4 * np.pi * ALPHA


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(1981)


def invariants(momenta: Floats) -> tuple[Floats, Floats]:
    """Return d and u of CM four-momenta (4, 3, n)."""
    return (momenta[0] - momenta[3]) / (SQRT_S / 2), (momenta[0] + momenta[3]) / (
        SQRT_S / 2
    )


def closed_form(momenta: Floats) -> Floats:
    d, u = invariants(momenta)
    shape = three_photon_shape(d[0], u[0], d[1], u[1], d[2], u[2])
    return np.asarray(three_photon_constant(S) * shape)


def beam_along_z(n: int) -> tuple[Floats, Floats]:
    half, zero = np.full(n, SQRT_S / 2), np.zeros(n)
    return np.stack([half, zero, zero, half]), np.stack([half, zero, zero, -half])


def test_closed_form_is_the_six_diagrams(rng: np.random.Generator) -> None:
    momenta = three_photon.flat_momenta(rng.random((5, 500)))
    diagrams = feynman.matrix_element_squared(*beam_along_z(500), momenta)
    np.testing.assert_allclose(closed_form(momenta), diagrams, rtol=1e-9)
    # negative control: one sign wrong in the numerator
    d, u = invariants(momenta)
    wrong = three_photon_shape(d[0], u[0], d[1], u[1], d[2], -u[2])
    assert not np.allclose(three_photon_constant(S) * wrong, diagrams, rtol=1e-2)


def test_bose_symmetry(rng: np.random.Generator) -> None:
    d, u = invariants(three_photon.flat_momenta(rng.random((5, 500))))
    first = three_photon_shape(d[0], u[0], d[1], u[1], d[2], u[2])
    for i, j, k in permutations(range(3)):
        other = three_photon_shape(d[i], u[i], d[j], u[j], d[k], u[k])
        np.testing.assert_allclose(other, first, rtol=1e-12)
    mixed = three_photon_shape(d[0], u[1], d[1], u[0], d[2], u[2])
    assert not np.allclose(mixed, first, rtol=1e-2)


def test_charge_conjugation(rng: np.random.Generator) -> None:
    d, u = invariants(three_photon.flat_momenta(rng.random((5, 500))))
    there = three_photon_shape(d[0], u[0], d[1], u[1], d[2], u[2])
    back = three_photon_shape(u[0], d[0], u[1], d[1], u[2], d[2])
    np.testing.assert_allclose(back, there, rtol=1e-13)


def dot(first: Floats, second: Floats) -> Floats:
    return np.asarray(np.einsum("m,m...,m...->...", feynman.METRIC, first, second))


def compton_diagrams(
    electron: Floats, photon_in: Floats, electron_out: Floats, photons: Floats
) -> Floats:
    """|M|² of e⁻γ → e⁻γγ, spin-averaged: Dirac matrices with the photon incoming."""
    lines = np.stack([-photon_in, photons[:, 0], photons[:, 1]], axis=1)
    states = [
        feynman.linear_polarisations(photon_in),
        feynman.linear_polarisations(photons[:, 0]),
        feynman.linear_polarisations(photons[:, 1]),
    ]
    total = np.zeros(electron.shape[1])
    for chosen in product(*states):
        string = feynman.amplitude_matrix(electron, lines, chosen)
        total += feynman.squared_string(electron, electron_out, string)
    return E_SQUARED**3 * total


def test_crossing_to_double_compton_scattering(rng: np.random.Generator) -> None:
    """Continued to k₁ → −k, p₂ → −p′, the closed form is −|M|² of e⁻γ → e⁻γγ."""
    out = three_photon.flat_momenta(rng.random((5, 500)))
    electron, photon = beam_along_z(500)
    electron_out, photons = out[:, 0], out[:, 1:]
    diagrams = compton_diagrams(electron, photon, electron_out, photons)
    assert np.all(diagrams > 0)
    crossed = np.concatenate([-photon[:, None], photons], axis=1)
    t = -2 * dot(electron, electron_out)
    d = np.stack([4 * dot(electron, crossed[:, i]) / t for i in range(3)])
    u = np.stack([-4 * dot(electron_out, crossed[:, i]) / t for i in range(3)])
    shape = three_photon_shape(d[0], u[0], d[1], u[1], d[2], u[2])
    constant = np.array([three_photon_constant(float(value)) for value in t])
    np.testing.assert_allclose(-constant * shape, diagrams, rtol=1e-8)
    # negative control: the incoming photon's sign not flipped in one invariant
    wrong = three_photon_shape(-d[0], u[0], d[1], u[1], d[2], u[2])
    assert not np.allclose(-constant * wrong, diagrams, rtol=1e-2)


def soft_event(rng: np.random.Generator, n: int, fraction: float) -> Floats:
    """Return CM four-momenta whose photon 2 has x = ``fraction``."""
    cos, phi = rng.uniform(-0.9, 0.9, (2, n)), rng.uniform(0, 2 * np.pi, (2, n))
    sin = np.sqrt(1 - cos**2)
    unit = np.stack([sin * np.cos(phi), sin * np.sin(phi), cos])
    between = (unit[:, 0] * unit[:, 1]).sum(axis=0)
    hard = (1 - fraction) / (1 - fraction * (1 - between) / 2)
    momenta = np.empty((4, 3, n))
    momenta[:, 0] = hard * np.stack([np.ones(n), *unit[:, 0]])
    momenta[:, 2] = fraction * np.stack([np.ones(n), *unit[:, 1]])
    momenta[:, 1] = -momenta[:, 0] - momenta[:, 2]
    momenta[0, 1] = 2 - momenta[0, 0] - momenta[0, 2]
    return momenta * SQRT_S / 2


def eikonal_ratio(momenta: Floats) -> Floats:
    """|M(γγγ)|² over |M(γγ)|² times the eikonal factor e² s/((p₁k)(p₂k))."""
    d, u = invariants(momenta)
    factor = E_SQUARED * 16 / (S * d[2] * u[2])
    pair = two_photon_squared(d[0] / (d[0] + u[0]), u[0] / (d[0] + u[0]))
    return np.asarray(closed_form(momenta) / (factor * pair))


def test_soft_limit_is_eikonal(rng: np.random.Generator) -> None:
    np.testing.assert_allclose(eikonal_ratio(soft_event(rng, 500, 1e-6)), 1, rtol=5e-5)
    # negative control: a hard photon is not eikonal
    assert np.abs(eikonal_ratio(soft_event(rng, 500, 0.5)) - 1).max() > 0.05


def test_two_photon_cross_section() -> None:
    """4.52 nb between 10 and 170 deg: dσ = |M|² dcosθ / (64π s) for two equal photons."""
    edge = np.cos(np.radians(10))
    total, _ = integrate.quad(lambda c: two_photon_squared(1 - c, 1 + c), -edge, edge)
    sigma_nb = total / (64 * np.pi * S) * GEV2_PB / 1000
    closed = 2 * np.pi * ALPHA**2 / S * (np.log((1 + edge) / (1 - edge)) - edge)
    assert sigma_nb == pytest.approx(closed * GEV2_PB / 1000, rel=1e-8)
    assert round(sigma_nb * S / 10.58**2, 2) == 4.52


def test_coupling_enters_cubed() -> None:
    ratio = three_photon_constant(S, alpha=2 / 137.036) / three_photon_constant(S)
    assert ratio == pytest.approx(8)
