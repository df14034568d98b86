from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate

from generator import alp
from generator.beams import Beams

S = Beams().s_GeV2
masses = st.floats(0.05, 10.0)
couplings = st.floats(1e-6, 1e-2)


@pytest.mark.parametrize("mass", [0.01, 0.5, 3.0, 7.0, 10.5])
def test_total_is_the_integral_of_the_differential(mass: float) -> None:
    found, _ = integrate.quad(
        lambda c: alp.differential_cross_section_pb(c, mass, 1e-3, S), -1, 1
    )
    total = float(alp.production_cross_section_pb(mass, 1e-3, S))
    assert total == pytest.approx(found, rel=1e-9)
    # negative control: the angular part alone is not normalised like this
    assert total != pytest.approx(found * 128 / 96, rel=1e-3)


def test_differential_against_equation_2_7() -> None:
    cos = np.linspace(-1, 1, 21)
    found = alp.differential_cross_section_pb(cos, 2.0, 1e-3, S)
    shape = 3 + np.cos(2 * np.arccos(cos))
    natural = 1e-6 / 137.036 / 128 * shape * (1 - 4 / S) ** 3
    np.testing.assert_allclose(found, natural * 0.3893793721e9, rtol=1e-9)
    assert found[0] == pytest.approx(2 * found[10])


@pytest.mark.parametrize(
    ("mass", "sigma_pb"),
    [(0.01, 0.118), (1.0, 0.1152), (3.0, 0.0921), (6.0, 0.0370), (9.0, 0.0025)],
)
def test_cross_section(mass: float, sigma_pb: float) -> None:
    found = float(alp.production_cross_section_pb(mass, 1e-3, S))
    digits = 4 if mass > 0.5 else 3
    assert round(found, digits) == sigma_pb


def test_running_coupling_scales_the_cross_section() -> None:
    default = alp.production_cross_section_pb(1.0, 1e-3, S)
    running = alp.production_cross_section_pb(1.0, 1e-3, S, alpha=1 / 128)
    assert running / default == pytest.approx(137.036 / 128)


def test_no_production_above_threshold() -> None:
    assert np.all(alp.production_cross_section_pb([10.6, 20.0], 1.0, S) == 0)


@pytest.mark.parametrize(
    ("mass", "coupling", "length_cm", "relative"),
    [
        (0.2, 1e-3, 0.013, 0.04),
        (0.2, 1e-4, 1.3, 0.04),
        (0.2, 4e-5, 8.0, 0.06),
        (0.1, 1e-4, 21.0, 0.03),
        (0.5, 4e-5, 0.2, 0.1),
    ],
)
def test_decay_length(
    mass: float, coupling: float, length_cm: float, relative: float
) -> None:
    momentum = alp.recoil_energy_GeV(mass, S)
    found = float(alp.decay_length_cm(mass, coupling, momentum))
    assert found == pytest.approx(length_cm, rel=relative)
    # 64 π E_a/(g² m⁴) in natural units
    natural = 64 * np.pi * momentum / (coupling**2 * mass**4) * 1.973269804e-14
    assert found == pytest.approx(natural, rel=1e-12)


def test_width() -> None:
    assert float(alp.width_GeV(2.0, 1e-3)) == pytest.approx(8e-6 / (64 * np.pi))
    product = alp.width_GeV(0.3, 1e-4) * alp.proper_decay_length_cm(0.3, 1e-4)
    assert product == pytest.approx(1.973269804e-14)


@given(masses)
def test_two_body_energies(mass: float) -> None:
    recoil = float(alp.recoil_energy_GeV(mass, S))
    e_alp = np.sqrt(S) - recoil
    assert e_alp**2 - recoil**2 == pytest.approx(mass**2, abs=1e-10)


@given(masses, couplings)
def test_scaling(mass: float, coupling: float) -> None:
    one = alp.decay_length_cm(mass, coupling, 5.0)
    assert alp.decay_length_cm(mass, 2 * coupling, 5.0) == pytest.approx(one / 4)
    assert alp.decay_length_cm(2 * mass, coupling, 5.0) == pytest.approx(one / 16)
    section = alp.production_cross_section_pb(mass, coupling, S)
    doubled = alp.production_cross_section_pb(mass, 2 * coupling, S)
    assert doubled == pytest.approx(4 * section)


def test_equation_2_6() -> None:
    length = alp.decay_length_cm(0.1, 2e-5, alp.recoil_energy_GeV(0.1, S))
    survival = alp.survival_probability(0.1, 2e-5, S)
    assert survival == pytest.approx(np.exp(-300 / length))
    shorter = alp.survival_probability(0.1, 2e-5, S, detector_length_cm=100.0)
    assert shorter**3 == pytest.approx(survival)


@given(masses, couplings)
def test_survival_is_a_falling_probability(mass: float, coupling: float) -> None:
    strengths = coupling * np.array([1.0, 1.5, 3.0])
    survival = alp.survival_probability(mass, strengths, S)
    assert np.all((survival >= 0) & (survival <= 1))
    assert np.all(np.diff(survival) <= 0)


def test_broadcasting() -> None:
    grid = alp.production_cross_section_pb(np.ones((3, 1)), np.full(4, 1e-3), S)
    assert grid.shape == (3, 4)
    assert alp.width_GeV(1.0, 1e-3).shape == ()
