"""The lateral profile against quadrature of GFLASH's formulas, and its limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.shower_profile import (
    MOLIERE_CM,
    PROFILE_RANGE_GEV,
    contained,
    profile,
    spots,
)
from tests.reference import showers as reference

ENERGIES = [0.5, 0.7, 1.0, 1.5, 2.5, 4.0, 6.0, 8.0]
RADII = np.array([0.3, 0.6, 1.0, 1.5, 2.0, 3.0, 3.57, 5.0, 7.14, 10.0, 15.0, 25.0])
energies = st.floats(0.005, 12.0)


def differences(energy_GeV: float, wrong: float = 1.0) -> float:
    """Return the largest difference of the contained share, with radii stretched."""
    expected = [reference.contained_in_crystals(r, energy_GeV) for r in RADII]
    return float(np.abs(contained(wrong * RADII, energy_GeV) - expected).max())


@pytest.mark.parametrize("energy_GeV", ENERGIES)
def test_contained_energy_is_that_of_gflash(energy_GeV: float) -> None:
    """Averaged over the depth of a crystal; as a control radii 5 % too large."""
    assert differences(energy_GeV) < 0.006
    assert differences(energy_GeV, 1.05) > 0.008


@given(energies)
def test_terms_make_a_distribution(energy_GeV: float) -> None:
    weights, radii = profile(energy_GeV)
    assert weights.sum() == pytest.approx(1.0)
    assert np.all(weights > 0)
    assert np.all(np.diff(radii) > 0)
    share = contained(np.geomspace(1e-3, 1e5, 100), energy_GeV)
    assert np.all(np.diff(share) > 0)
    assert share[0] < 1e-3
    assert share[-1] == pytest.approx(1.0)


@pytest.mark.parametrize("energy_GeV", ENERGIES)
def test_one_moliere_radius_holds_nearly_nine_tenths(energy_GeV: float) -> None:
    """0.86 to 0.89; 95 to 96 % are within two, and the tail reaches far."""
    inside = contained(MOLIERE_CM * np.array([1.0, 2.0, 3.5]), energy_GeV)
    np.testing.assert_allclose(inside, [0.88, 0.955, 0.984], atol=0.022)


def test_profile_is_constant_outside_its_range() -> None:
    low, high = PROFILE_RANGE_GEV
    for energy, nearest in ((0.02, low), (0.4999, low), (9.0, high)):
        np.testing.assert_array_equal(profile(energy), profile(nearest))
    assert not np.allclose(profile(low), profile(high))
    np.testing.assert_allclose(profile([low, 1.0, high])[0][:, 1], profile(1.0)[0])


def test_number_of_spots() -> None:
    """93 ln Z E^0.876: 371 at 1 GeV."""
    assert float(spots(1.0)) == pytest.approx(93 * np.log(54))
    assert float(spots(2.0) / spots(1.0)) == pytest.approx(2**0.876)


def test_reference_rectangle_is_the_contained_energy(rng: np.random.Generator) -> None:
    """Of the reference: a large rectangle holds all; drawn spots have the profile."""
    one = reference.lateral(1.0, 1.0)
    far = (-400.0, 400.0)
    assert reference.rectangle(one, far, far) == pytest.approx(1.0, abs=1e-4)
    x, y = reference.draw_spots(one, 200_000, rng)
    for radius in (0.5, 2.0, 6.0):
        expected = reference.contained(radius, one)
        error = np.sqrt(expected * (1 - expected) / x.size)
        assert np.mean(np.hypot(x, y) < radius) == pytest.approx(
            expected, abs=3.9 * error
        )
