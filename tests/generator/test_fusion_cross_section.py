"""Sampler of e⁺e⁻ → e⁺e⁻a: cross sections, of all events and of the untagged ones."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from generator.beams import Beams
from generator.equivalent_photons import fusion_cross_section_pb
from generator.fusion import Fusion, QSquaredMax
from generator.initial_state import InitialState
from generator.sampling import Stream, cross_section
from generator.simd import LANES
from tests.compare import N_SIGMA, join, sample, start
from tests.reference import equivalent_photons as quadrature
from tests.reference import fusion as reference
from tests.reference.beams import SQRT_S, S

G = 1e-3
CHOICES = tuple(QSquaredMax)


@pytest.mark.parametrize("mass", [0.1, 1.0, 9.0])
@pytest.mark.parametrize("choice", CHOICES)
def test_cross_section(mass: float, choice: QSquaredMax) -> None:
    """Against quadrature of what is possible: 3 pulls (0.3 % false alarms), errors below 0.3 %."""
    sampler = Fusion(mass, G, q2_max=choice, veto_tracks=False)
    total = cross_section(sampler, Stream(1, 1), 300 * LANES)
    assert total.error_pb < 0.003 * total.sum_pb
    expected = quadrature.possible(mass, G, sampler.q2_max_GeV2)[1].sum()
    assert abs(total.sum_pb - expected) < 3 * total.error_pb
    assert abs(total.sum_pb - 1.02 * expected) > 3 * total.error_pb
    formula = fusion_cross_section_pb(mass, G, S, sampler.q2_max_GeV2)
    assert total.sum_pb < formula


@pytest.mark.parametrize("mass", [0.1, 1.0, 3.0])
def test_small_virtualities_give_the_formula(mass: float) -> None:
    """Almost all events of small Q² are possible: the plain closure."""
    sampler = Fusion(mass, G, q2_max=0.01 * mass**2, veto_tracks=False)
    total = cross_section(sampler, Stream(1, 2), 200 * LANES)
    expected = fusion_cross_section_pb(mass, G, S, 0.01 * mass**2)
    assert abs(total.sum_pb - expected) < N_SIGMA * total.error_pb + 2e-4 * expected
    assert total.error_pb < 0.003 * expected


@pytest.mark.parametrize(
    ("mass", "choice", "share"),
    [
        (0.1, QSquaredMax.KINEMATIC, 0.240),
        (0.1, QSquaredMax.MASS, 0.0029),
        (1.0, QSquaredMax.KINEMATIC, 0.113),
        (1.0, QSquaredMax.MASS, 0.0074),
        (6.0, QSquaredMax.KINEMATIC, 0.044),
    ],
)
def test_impossible_events(mass: float, choice: QSquaredMax, share: float) -> None:
    """How many draws have no event: few only if p⊥ is below the mass."""
    blocks = sample(Fusion(mass, G, q2_max=choice, veto_tracks=False), 50, 1)
    impossible = np.mean(join([b.weight_pb for b in blocks]) == 0)
    assert impossible == pytest.approx(share, rel=0.2)


@pytest.mark.parametrize(
    ("mass", "choice", "low", "high"),
    [
        (0.3, QSquaredMax.KINEMATIC, 1.05, 1.10),
        (0.3, QSquaredMax.MASS, 0.79, 0.84),
        (3.0, QSquaredMax.KINEMATIC, 0.99, 1.03),
        (3.0, QSquaredMax.MASS, 0.99, 1.03),
    ],
)
def test_untagged_part_against_the_diagram(
    mass: float, choice: QSquaredMax, low: float, high: float
) -> None:
    """Size of the approximation where it matters: the table in the module."""
    total = cross_section(
        Fusion(mass, G, q2_max=choice, track_loss=0.0), Stream(1, 3), 100 * LANES
    )
    assert low < total.sum_pb / untagged_diagram(mass) < high


@cache
def untagged_diagram(mass: float) -> float:
    points = reference.events(mass, G, 300_000, np.random.default_rng(2))
    angles = [reference.angle_deg(p) for p in (points.electron, points.positron)]
    seen = [(angle > 17) & (angle < 150) for angle in angles]
    return float(points.weight_pb[~(seen[0] | seen[1])].sum())


@pytest.mark.parametrize("mass", [1.0, 8.0])
def test_radiation_lowers_the_collision_energy(mass: float) -> None:
    """σ(ŝ) averaged over the collisions, with Q²max fixed; at 1e-4."""
    initial, beams = InitialState(radiation=True), Beams()
    q2_max = 0.001 * mass**2
    sampler = Fusion(mass, G, initial=initial, q2_max=q2_max, veto_tracks=False)
    total = cross_section(sampler, Stream(1, 4), 100 * LANES)
    roots = np.linspace(mass / SQRT_S, 1, 100)
    table = [fusion_cross_section_pb(mass, G, S * r**2, q2_max) for r in roots]
    state, means = start(8), []
    for _ in range(100):
        found = initial.collide(state, beams, mass**2 / S)
        means.append(np.mean(found.weight * np.interp(found.root, roots, table)))
    expected, spread = np.mean(means), np.std(means) / 10
    error = np.hypot(total.error_pb, spread)
    assert abs(total.sum_pb - expected) < N_SIGMA * error + 1e-3 * expected
    assert abs(total.sum_pb - table[-1]) > N_SIGMA * error + 1e-3 * expected


@pytest.mark.parametrize(("mass", "share"), [(0.1, 0.6), (1.0, 0.65), (9.0, 0.55)])
@pytest.mark.parametrize("choice", CHOICES)
def test_effective_sample_size(mass: float, share: float, choice: QSquaredMax) -> None:
    total = cross_section(Fusion(mass, G, q2_max=choice), Stream(1, 5), 50 * LANES)
    assert total.effective_events / total.n_events > share
