from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.beams import Beams, boost, transform
from tests.reference import beams as reference

METRIC = np.diag([1.0, -1.0, -1.0, -1.0])
any_beams = st.builds(
    Beams,
    electron_GeV=st.floats(0.5, 100),
    positron_GeV=st.floats(0.5, 100),
    half_crossing_rad=st.floats(0, 0.5),
)
angles = st.tuples(st.floats(1e-3, np.pi - 1e-3), st.floats(0, 2 * np.pi - 1e-9))


def test_nominal_energy() -> None:
    assert Beams().sqrt_s_GeV == pytest.approx(10.579, abs=5e-4)
    assert Beams().s_GeV2 == pytest.approx(reference.S, rel=1e-14)


def test_boost_against_the_reference() -> None:
    np.testing.assert_allclose(Beams().lab_to_cms, reference.LAB_TO_CMS, atol=1e-14)
    velocity = Beams().lab_to_cms[0, 1:] / -Beams().lab_to_cms[0, 0]
    # the crossing angle gives the boost its x part
    np.testing.assert_allclose(velocity, [0.0415, 0.0, 0.2729], atol=2e-4)


@given(any_beams)
def test_cms_frame(beams: Beams) -> None:
    lean = np.cos(beams.half_crossing_rad) ** 2
    s = 4 * beams.electron_GeV * beams.positron_GeV * lean
    assert beams.s_GeV2 == pytest.approx(s, rel=1e-9)
    half = beams.sqrt_s_GeV / 2
    tolerance = 1e-9 * max(beams.electron_GeV, beams.positron_GeV)
    electron = beams.lab_to_cms @ beams.electron
    positron = beams.lab_to_cms @ beams.positron
    np.testing.assert_allclose(electron, [half, 0, 0, half], atol=tolerance)
    np.testing.assert_allclose(positron, [half, 0, 0, -half], atol=tolerance)


@given(any_beams)
def test_boost_there_and_back(beams: Beams) -> None:
    there, back = beams.lab_to_cms, beams.cms_to_lab
    np.testing.assert_allclose(back @ there, np.eye(4), atol=1e-9)
    np.testing.assert_allclose(there.T @ METRIC @ there, METRIC, atol=1e-9)


@given(any_beams, st.floats(1e-3, 50), angles)
def test_photon_there_and_back(
    beams: Beams, energy: float, angle: tuple[float, float]
) -> None:
    photon = [np.array([value]) for value in (energy, *angle)]
    there = transform(beams.lab_to_cms, photon[0], photon[1], photon[2])
    back = transform(beams.cms_to_lab, *there)
    assert there[0] > 0
    assert back[0] == pytest.approx(energy, rel=1e-9)
    assert back[1] == pytest.approx(angle[0], abs=1e-7)
    turn = (back[2] - angle[1]) * np.sin(angle[0])
    assert np.abs(np.remainder(turn + np.pi, 2 * np.pi) - np.pi) < 1e-7


def test_transform_against_four_vectors() -> None:
    rng = np.random.default_rng(1)
    energy = rng.uniform(0.1, 7, (3, 500))
    theta, phi = rng.uniform(0.01, 3.1, (3, 500)), rng.uniform(0, 2 * np.pi, (3, 500))
    momenta = reference.four_momenta(reference.Photons(energy, theta, phi))
    moved = reference.transform(reference.LAB_TO_CMS, momenta)
    expected = reference.from_four_momenta(moved)
    found = transform(Beams().lab_to_cms, energy, theta, phi)
    for new, old in zip(found, expected[:3], strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-12, atol=1e-12)


def test_no_boost_at_rest() -> None:
    np.testing.assert_array_equal(boost(np.zeros(3)), np.eye(4))
    symmetric = Beams(5.0, 5.0, 0.0)
    np.testing.assert_allclose(symmetric.lab_to_cms, np.eye(4), atol=1e-15)


def test_y_is_untouched() -> None:
    """The kernels leave the y row and column out."""
    matrix = Beams().lab_to_cms
    np.testing.assert_array_equal(matrix[2], [0, 0, 1, 0])
    np.testing.assert_array_equal(matrix[:, 2], [0, 0, 1, 0])
    kept = matrix[np.ix_([0, 1, 3], [0, 1, 3])]
    np.testing.assert_allclose(
        Beams().kernel_to_cms.reshape(3, 3), kept, rtol=1e-7, atol=1e-9
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 4.0, 0.0), "beam energies 0 and 4 GeV"),
        ((7.0, -4.0, 0.0), "both must be positive"),
        ((7.0, np.nan, 0.0), "both must be positive"),
        ((7.0, 4.0, 1.6), "half_crossing_rad = 1.6"),
        ((7.0, 4.0, -0.1), "half_crossing_rad = -0.1"),
    ],
)
def test_bad_input(arguments: tuple[float, float, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Beams(*arguments)
