"""Boosts of whole blocks against 4×4 matrices in float64, and the bounds they check."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from generator.beams import Beams, boost, transform
from generator.frames import Momenta, decay_vertices_cm, to_lab
from generator.initial_state import Collisions, InitialState
from generator.phase_space import PhaseSpace
from generator.random import lanes
from generator.simd import LANES

if TYPE_CHECKING:
    from tests.compare import Floats

BEAMS = Beams()
SLOTS = 3


def massless(seed: int) -> tuple[Momenta, Floats]:
    """Return random momenta as columns, and as (4, slots, LANES) in float64."""
    rng = np.random.default_rng(seed)
    energy, cos = (
        rng.uniform(0.05, 8, (SLOTS, LANES)),
        rng.uniform(-1, 1, (SLOTS, LANES)),
    )
    phi, sin = rng.uniform(0, 2 * np.pi, (SLOTS, LANES)), np.sqrt(1 - cos**2)
    four = energy * np.array(
        [np.ones_like(cos), sin * np.cos(phi), sin * np.sin(phi), cos]
    )
    columns = four.astype(np.float32).reshape(4, -1)
    return Momenta(*columns), four


def moving(seed: int) -> Collisions:
    """Return collisions with radiation and an exaggerated spread of the energies."""
    state = lanes(np.random.SeedSequence(seed))
    return InitialState(True, 0.7, 0.4).collide(state, BEAMS, 0.1)


def in_cms(four: Floats, collisions: Collisions) -> Floats:
    """Boost (4, slots, LANES) along z, event by event, in float64."""
    rapidity = collisions.rapidity.astype(float)
    cosh, sinh = np.cosh(rapidity), np.sinh(rapidity)
    e, x, y, z = four
    return np.array([cosh * e + sinh * z, x, y, sinh * e + cosh * z])


@pytest.mark.parametrize("radiating", [False, True])
def test_to_lab_against_float64(radiating: bool) -> None:
    momenta, four = massless(2)
    state = lanes(np.random.SeedSequence(1))
    still = InitialState().collide(state, BEAMS, 0.1)
    collisions = moving(3) if radiating else still
    photons = to_lab(momenta, np.ones(LANES), LANES, collisions, BEAMS)
    e, x, y, z = in_cms(four, collisions)
    theta, phi = np.arctan2(np.hypot(x, y), z), np.arctan2(y, x)
    e, theta, phi = transform(BEAMS.cms_to_lab, e, theta, phi)
    np.testing.assert_allclose(photons.energy, e, rtol=3e-6)
    np.testing.assert_allclose(photons.theta, theta, atol=4e-6)
    turn = np.remainder(photons.phi - phi + np.pi, 2 * np.pi) - np.pi
    assert np.abs(turn * np.sin(theta)).max() < 4e-6
    assert photons.phi.min() >= 0
    assert photons.phi.max() < 2 * np.pi
    np.testing.assert_array_equal(photons.weight_pb, collisions.weight)


@pytest.mark.parametrize(
    "space",
    [
        PhaseSpace(),
        PhaseSpace((0, 180), 0.3, 0.0, (40.0, 110.0)),
        PhaseSpace((30, 120), 0.0, 0.8),
        PhaseSpace((5.0, 170.0), 2.0, extra_energy_cms_min_GeV=0.2),
    ],
)
def test_the_phase_space_cuts_what_an_analysis_would_cut(space: PhaseSpace) -> None:
    momenta, four = massless(4)
    collisions = moving(5)
    photons = to_lab(momenta, np.ones(LANES), LANES, collisions, BEAMS, space)
    e, x, y, z = in_cms(four, collisions)
    cms_deg = np.degrees(np.arctan2(np.hypot(x, y), z))
    lab_deg = np.degrees(photons.theta)
    inside = (lab_deg > space.theta_lab_deg[0]) & (lab_deg < space.theta_lab_deg[1])
    inside &= (cms_deg > space.theta_cms_deg[0]) & (cms_deg < space.theta_cms_deg[1])
    hard = (e > space.energy_cms_min_GeV) & (photons.energy > space.energy_lab_min_GeV)
    extra = space.extra_energy_cms_min_GeV
    soft = hard if extra is None else e > extra
    expected = (inside & soft).all(axis=0) & (hard.sum(axis=0) >= SLOTS)
    assert 0 < expected.sum() < LANES
    kept = photons.weight_pb > 0
    # single precision may decide differently on the very edge
    assert (kept != expected).sum() <= 1
    wrong = to_lab(
        momenta,
        np.ones(LANES),
        LANES,
        collisions,
        BEAMS,
        replace(space, theta_lab_deg=(60.0, 90.0)),
    )
    assert ((wrong.weight_pb > 0) != expected).sum() > 10


def test_padding_has_no_weight() -> None:
    momenta, _ = massless(6)
    photons = to_lab(momenta, np.ones(LANES), 100, moving(7), BEAMS)
    assert (photons.weight_pb[:100] > 0).all()
    assert not photons.weight_pb[100:].any()


def test_vertices_lie_on_the_flight_of_the_parent() -> None:
    momenta, four = massless(8)
    collisions, flight = moving(9), np.random.default_rng(1).exponential(2.0, LANES)
    vertex = decay_vertices_cm(momenta, 0.5, flight, collisions, BEAMS)
    parent = in_cms(four, collisions)[:, 1:].sum(axis=1)
    expected = (BEAMS.cms_to_lab @ parent)[1:] * flight / 0.5
    np.testing.assert_allclose(vertex, expected, rtol=1e-5, atol=1e-4)


def test_a_beam_that_keeps_less_moves_the_frame_against_it() -> None:
    """Fractions (z₋, z₊) give ŝ = z₋z₊s and the velocity (z₋ − z₊)/(z₋ + z₊)."""
    collisions = moving(10)
    velocity = np.tanh(collisions.rapidity.astype(float))
    minus = collisions.root * np.exp(collisions.rapidity)
    plus = collisions.root * np.exp(-collisions.rapidity)
    np.testing.assert_allclose(velocity, (minus - plus) / (minus + plus), atol=1e-6)
    matrix = boost(np.array([0.0, 0.0, -velocity[0]]))
    np.testing.assert_allclose(matrix[0, 0], collisions.cosh[0], rtol=1e-6)
    np.testing.assert_allclose(matrix[0, 3], collisions.sinh[0], atol=1e-6)
