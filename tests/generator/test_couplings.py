"""Couplings by rotating the gauge fields, Z → γa by a sum over polarisations."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.couplings import (
    SIN2_THETA_W,
    Z_MASS_GEV,
    gauge_couplings,
    hypercharge_coupling,
    photon_coupling,
    z_branching_ratio,
    z_photon_coupling,
    z_width_GeV,
)
from tests.reference.fusion import epsilon

if TYPE_CHECKING:
    from tests.compare import Floats

TENSOR = epsilon()


def width_by_polarisations(mass: float, coupling: float) -> float:
    """Return Γ(Z → γa) from explicit polarisation vectors.

    −¼ g a F Z̃ = −¼ g a ½ε(F, Z) with F = i(kε − εk) twice: vertex ½ g ε(ε_γ, k, ε_Z, P).
    """
    momentum = (Z_MASS_GEV**2 - mass**2) / (2 * Z_MASS_GEV)
    photon = momentum * np.array([1, 0, 0, 1])
    transverse = [np.array([0, 1, 0, 0]), np.array([0, 0, 1, 0])]
    z_boson, spins = np.array([Z_MASS_GEV, 0, 0, 0]), np.eye(4)[1:]
    total = 0.0
    for light, heavy in product(transverse, spins):
        fields = [
            np.outer(p, e) - np.outer(e, p)
            for p, e in ((photon, light), (z_boson, heavy))
        ]
        contracted = np.einsum("abcd,ab,cd", TENSOR, *fields)
        total += (0.25 * coupling * 0.5 * contracted) ** 2
    return float(momentum / (8 * np.pi * Z_MASS_GEV**2) * total / 3)


@pytest.mark.parametrize("mass", [0.0, 1.0, 50.0, 90.0])
def test_z_width_against_the_polarisation_sum(mass: float) -> None:
    assert z_width_GeV(mass, 1e-3) == pytest.approx(width_by_polarisations(mass, 1e-3))
    # negative control: the vertex of two identical particles is twice as large
    assert z_width_GeV(mass, 2e-3) != pytest.approx(width_by_polarisations(mass, 1e-3))


def test_z_branching_ratio() -> None:
    """By hand: 1e-6/(384π) · 91.1876³ / 2.4955."""
    assert z_branching_ratio(0.0, 1e-3) == pytest.approx(2.5187e-4, rel=1e-4)
    masses = np.array([0.0, 10.0, 91.1876, 91.2, 200.0])
    found = z_branching_ratio(masses, 1e-3)
    assert np.all(np.diff(found[:3]) < 0)
    assert not found[2:].any()


def rotated(c_b: float, c_w: float) -> Floats:
    """Return the quadratic form of (A, Z) from c_B B² + c_W W₃² with B, W₃ of A, Z."""
    angle = np.arcsin(np.sqrt(SIN2_THETA_W))
    cos, sin = np.cos(angle), np.sin(angle)
    fields = np.array([[cos, -sin], [sin, cos]])  # rows: B = cA − sZ, W₃ = sA + cZ
    form: Floats = fields.T @ np.diag([c_b, c_w]) @ fields
    return form


@given(st.floats(-5, 5), st.floats(-5, 5))
def test_couplings_are_a_rotation(c_b: float, c_w: float) -> None:
    """FF̃ has the diagonal element, FZ̃ the off-diagonal one twice."""
    form = rotated(c_b, c_w)
    photons, mixed = gauge_couplings(c_b, c_w, 1000.0)
    assert photons == pytest.approx(form[0, 0] / 1000, abs=1e-15)
    assert mixed == pytest.approx(2 * form[0, 1] / 1000, abs=1e-15)
    # SU(2) × U(1) symmetric couplings do not mix
    assert gauge_couplings(c_b, c_b, 1.0)[1] == pytest.approx(0.0, abs=1e-15)


def test_hypercharge_alone() -> None:
    couplings = np.array([1e-4, 1e-3])
    general = gauge_couplings(couplings, 0.0, 1.0)
    np.testing.assert_allclose(photon_coupling(couplings), general[0], rtol=1e-14)
    np.testing.assert_allclose(z_photon_coupling(couplings), general[1], rtol=1e-14)
    back = hypercharge_coupling(photon_coupling(couplings))
    np.testing.assert_allclose(back, couplings, rtol=1e-14)
    ratio = -z_photon_coupling(1.0) / photon_coupling(1.0)
    assert round(float(ratio), 2) == 1.10
    tangent = np.tan(np.arcsin(np.sqrt(SIN2_THETA_W)))
    assert ratio == pytest.approx(2 * tangent)


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"ALP mass -1 GeV: must be at least 0"):
        z_width_GeV([1.0, -1.0], 1e-3)
    for scale in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match=r"f_a = .* GeV: must be positive"):
            gauge_couplings(1.0, 1.0, scale)
