"""Sampler of e⁺e⁻ → e⁺e⁻a: distributions, kinematics, flight and tracks."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
from scipy import stats

from generator.columns import Photons
from generator.fusion import Fusion, QSquaredMax
from generator.initial_state import InitialState
from generator.pdg import ALP
from generator.signal import Exponential
from generator.simd import LANES
from tests.compare import (
    FALSE_ALARM,
    Floats,
    as_reference,
    flatness,
    join,
    sample,
    start,
)
from tests.reference import equivalent_photons as quadrature
from tests.reference.beams import (
    LAB_TO_CMS,
    SQRT_S,
    four_momenta,
    transform,
)

G = 1e-3
ELECTRON_MASS = 0.51099895e-3
CHOICES = tuple(QSquaredMax)


class Events(NamedTuple):
    """Possible events of the product in the CM frame."""

    momenta: Floats
    """Shape (4, slots, n)."""
    weight_pb: Floats


@cache
def events(mass: float, q2_max: QSquaredMax | float, n_blocks: int = 100) -> Events:
    """Return events without track veto."""
    blocks = sample(Fusion(mass, G, q2_max=q2_max, veto_tracks=False), n_blocks, 1)
    weight = join([b.weight_pb for b in blocks])
    momenta = transform(LAB_TO_CMS, four_momenta(as_reference(blocks)))
    return Events(momenta[:, :, weight > 0], weight[weight > 0])


def rapidity(momenta: Floats) -> Floats:
    """Return the rapidity of the ALP along the electron beam."""
    alp = momenta[:, 2] + momenta[:, 3]
    return np.asarray(np.arctanh(alp[3] / alp[0]))


def chi2(found: Floats, weight: Floats, edges: Floats, expected: Floats) -> float:
    """Return the p-value of weighted entries against exact contents of the bins."""
    sums = np.histogram(found, edges, weights=weight)[0]
    variances = np.histogram(found, edges, weights=weight**2)[0]
    return float(
        stats.chi2.sf(((sums - expected) ** 2 / variances).sum(), expected.size)
    )


@pytest.mark.parametrize("mass", [0.3, 3.0])
@pytest.mark.parametrize("choice", CHOICES)
def test_rapidity_of_the_alp(mass: float, choice: QSquaredMax) -> None:
    """χ² in 30 bins at 1e-4, norm included; the outermost slices are left out."""
    found = events(mass, choice)
    q2_max = Fusion(mass, G, q2_max=choice).q2_max_GeV2
    y, slices = quadrature.possible(mass, G, q2_max)
    expected = slices.reshape(30, -1)[1:-1].sum(axis=1)
    edges = (np.log(SQRT_S / mass) * np.linspace(-1, 1, 31))[1:-1]
    assert edges[0] < y[8] < edges[1]
    values = rapidity(found.momenta)
    assert chi2(values, found.weight_pb, edges, expected) > FALSE_ALARM
    # negative control: 3 % more forward
    forward = values + 0.03 * np.log(SQRT_S / mass)
    assert chi2(forward, found.weight_pb, edges, expected) < FALSE_ALARM


def virtualities(found: Events) -> Floats:
    """Return Q² = 2p·p′ of electron and positron, shape (2, n), without mₑ."""
    momenta = found.momenta[:, :2]
    unit = momenta[1:] / np.linalg.norm(momenta[1:], axis=0)
    along = np.array([1.0, -1.0])[:, None]
    chord2 = unit[0] ** 2 + unit[1] ** 2 + (unit[2] - along) ** 2
    return np.asarray(SQRT_S * momenta[0] * chord2 / 2)


def drawn_virtualities(found: Events, mass: float) -> Floats:
    """Return the Q² that was drawn, from p⊥ and the ALP's rapidity, shape (2, n)."""
    y = rapidity(found.momenta)
    x = mass / SQRT_S * np.exp(np.stack([y, -y]))
    pt2 = found.momenta[1, :2] ** 2 + found.momenta[2, :2] ** 2
    return np.asarray((pt2 + (ELECTRON_MASS * x) ** 2) / (1 - x))


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("mass", [1.0, 3.0])
def test_virtuality_of_the_electrons(mass: float, side: int) -> None:
    """χ² of Q² from the electrons' momenta in 20 bins at 1e-4, Q²max = m²/100."""
    q2_max = 0.01 * mass**2
    found = events(mass, q2_max, 60)
    logs = np.linspace(np.log(1e-6), np.log(q2_max / 2), 21)
    expected = quadrature.by_virtuality(mass, G, q2_max, logs)
    values = np.log(virtualities(found)[side])
    assert chi2(values, found.weight_pb, logs, expected) > FALSE_ALARM
    # negative control: one side's weight like 1/Q^2.06
    tilted = found.weight_pb * np.exp(-0.03 * (values - logs.mean()))
    assert chi2(values, tilted, logs, expected) < FALSE_ALARM


@pytest.mark.parametrize(
    ("choice", "median", "tail"),
    [(QSquaredMax.KINEMATIC, 0.012, 0.5), (QSquaredMax.MASS, 0.005, 0.15)],
)
@pytest.mark.parametrize("mass", [0.1, 1.0, 3.0])
def test_virtuality_is_the_drawn_one(
    mass: float, choice: QSquaredMax, median: float, tail: float
) -> None:
    """Half of the events agree to a per cent, 90 % to ``tail``: the scheme's order."""
    found = events(mass, choice)
    drawn = drawn_virtualities(found, mass)
    big = drawn > 1e-6  # neither the mass nor float32 matter
    away = np.abs(np.log(virtualities(found)[big] / drawn[big]))
    assert np.quantile(away, 0.5) < median
    assert np.quantile(away, 0.9) < tail


@pytest.mark.parametrize("mass", [0.05, 0.3, 3.0, 9.0])
@pytest.mark.parametrize("choice", CHOICES)
def test_kinematics(mass: float, choice: QSquaredMax) -> None:
    """Energy, momentum and mass of the photon pair, to float32."""
    momenta = events(mass, choice, 10).momenta
    total = momenta.sum(axis=1)
    np.testing.assert_allclose(total[0], SQRT_S, rtol=2e-6)
    assert np.abs(total[1:]).max() < 2e-5
    unit = momenta[1:] / np.linalg.norm(momenta[1:], axis=0)
    chord2 = ((unit[:, 2] - unit[:, 3]) ** 2).sum(axis=0)
    found = np.sqrt(momenta[0, 2] * momenta[0, 3] * chord2)
    np.testing.assert_allclose(found, mass, rtol=4e-6 + 2e-6 * SQRT_S / mass)


@pytest.mark.parametrize("mass", [0.3, 6.0])
def test_decay_is_isotropic(mass: float) -> None:
    """Helicity cosine and azimuths, unweighted: the decay has no weight."""
    momenta = events(mass, QSquaredMax.KINEMATIC).momenta
    alp = momenta[:, 2] + momenta[:, 3]
    size = np.linalg.norm(alp[1:], axis=0)
    cos = (momenta[0, 2] - momenta[0, 3]) / size
    assert flatness(0.5 + 0.5 * cos) > FALSE_ALARM
    assert flatness(0.5 + 0.5 * np.sign(cos) * np.abs(cos) ** 1.05) < FALSE_ALARM
    # about the flight direction, from the plane of flight and beam
    normal = np.stack([-alp[2], alp[1], 0 * size]) / np.hypot(alp[1], alp[2])
    in_plane = np.cross(normal, alp[1:] / size, axis=0)
    across = [(momenta[1:, 2] * axis).sum(axis=0) for axis in (in_plane, normal)]
    turn = 0.5 + np.arctan2(across[1], across[0]) / (2 * np.pi)
    assert flatness(turn) > FALSE_ALARM
    assert flatness(turn**1.02) < FALSE_ALARM
    for slot in (0, 1):
        # float32 in the lab does not resolve the smallest p⊥
        _, x, y, _ = momenta[:, slot, np.hypot(*momenta[1:3, slot]) > 1e-4]
        assert flatness(0.5 + np.arctan2(y, x) / (2 * np.pi)) > FALSE_ALARM


def test_decay_vertex() -> None:
    """Along the ALP, exponential with mean (p/m)·cτ; electrons come from the IP."""
    blocks = sample(Fusion(0.3, G, Exponential(2.0)), 40, 5)
    photons = as_reference(blocks)
    assert photons.vertex is not None
    assert not photons.vertex[:, :2].any()
    vertex, momentum = photons.vertex[:, 2], four_momenta(photons)[1:, 2:].sum(axis=1)
    length, size = (np.linalg.norm(v, axis=0) for v in (vertex, momentum))
    np.testing.assert_allclose(vertex / length, momentum / size, atol=2e-5)
    proper = length * 0.3 / size
    stored = join(
        [b.proper_length_cm for b in blocks if b.proper_length_cm is not None]
    )
    np.testing.assert_allclose(proper, stored, rtol=2e-5)
    assert flatness(np.exp(-proper / 2.0)) > FALSE_ALARM
    assert flatness(np.exp(-proper / 2.1)) < FALSE_ALARM
    assert {b.n_prompt for b in blocks} == {2}


def test_prompt_decay_has_no_vertex() -> None:
    block = Fusion(1.0, G).block(start(4), LANES, 1.0)
    assert block.vertex_cm is None
    assert block.n_prompt == 4


def test_tracks_are_lost_one_by_one() -> None:
    """A factor for each electron inside, exactly."""
    plain, vetoed = (
        Fusion(3.0, G, track_loss=0.1, veto_tracks=veto).block(start(6), LANES, 1.0)
        for veto in (False, True)
    )
    theta = np.degrees(plain.theta[:2])
    inside = ((theta > 17) & (theta < 150)).sum(axis=0)
    assert {0, 1, 2} == set(inside[plain.weight_pb > 0])
    np.testing.assert_allclose(vetoed.weight_pb, plain.weight_pb * 0.1**inside)
    np.testing.assert_array_equal(vetoed.energy, plain.energy)


def test_columns_and_padding() -> None:
    sampler = Fusion(0.1, 2 * G, initial=InitialState(radiation=True))
    block = sampler.block(start(7), 100, 1.0)
    assert isinstance(block, Photons)
    assert block.energy.shape == (sampler.slots, LANES)
    assert sampler.pdg == (11, -11, 22, 22)
    assert sampler.parents == (0, 0, ALP, ALP)
    assert not block.weight_pb[100:].any()
    assert block.weight_pb[:100].any()
    assert np.isfinite([block.energy, block.theta, block.phi]).all()
    assert block.energy.min() >= 0
    half = Fusion(0.1, G, initial=sampler.initial).block(start(7), 100, 1.0)
    np.testing.assert_allclose(block.weight_pb, 4 * half.weight_pb)


@pytest.mark.parametrize("mass", [0.0, -1.0, 10.58, np.nan])
def test_bad_mass(mass: float) -> None:
    with pytest.raises(ValueError, match=r"ALP mass .* is outside \(0, 10\.58\)"):
        Fusion(mass, G)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"coupling_per_GeV": 0.0}, "coupling 0 /GeV: must be positive"),
        ({"q2_max": -1.0}, r"q2_max = -1 GeV\^2: must be positive"),
        ({"q2_max": np.nan}, r"q2_max = nan GeV\^2: must be positive"),
        ({"track_loss": 1.5}, "track_loss = 1.5: need a probability"),
        ({"tracks_deg": (90.0, 20.0)}, "tracks_deg = .*: need 0 <= low < high"),
    ],
)
def test_refusals(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Fusion(**{"mass_GeV": 1.0, "coupling_per_GeV": G, **changes})  # type: ignore[arg-type]
