"""e⁺e⁻ → e⁺e⁻γ: matrix element against diagrams, sampler against another algorithm."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from generator.beams import Beams
from generator.bhabha import SHARES, RadiativeBhabha
from generator.columns import Photons
from generator.initial_state import InitialState
from generator.pdg import ELECTRON, PHOTON, POSITRON
from generator.phase_space import PhaseSpace
from generator.qed import radiative_bhabha_constant, radiative_bhabha_shape
from generator.running import alpha_ratio
from generator.sampling import Stream, cross_section
from generator.simd import LANES
from tests.compare import (
    FALSE_ALARM,
    N_SIGMA,
    Floats,
    as_reference,
    join,
    sample,
    start,
    weighted_chi2,
)
from tests.reference import bhabha as reference
from tests.reference.beams import (
    ALPHA,
    CMS_TO_LAB,
    LAB_TO_CMS,
    PB_GEV2,
    SQRT_S,
    S,
    cms_energy,
    four_momenta,
    from_four_momenta,
    transform,
)
from tests.reference.beams import Photons as ReferencePhotons
from tests.reference.bhabha import Momenta, dot
from tests.reference.checks import REGIONS
from tests.reference.feynman import linear_polarisations
from tests.reference.three_photon import VOLUME, Region

WIDE = PhaseSpace()
BARREL = PhaseSpace((37.3, 123.7), 0.0, 0.65)
RADIATING = InitialState(True, 0.0051, 0.0024)
E_SQUARED = 4 * np.pi * ALPHA


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(1982)


# the matrix element


def invariants(p: Momenta) -> list[Floats]:
    """Return d, u, y of photon, electron and positron from products of momenta."""
    total = p.electron_in + p.positron_in
    s = dot(total, total)
    numbers = []
    for particle in (p.photon, p.electron_out, p.positron_out):
        d, u = (4 * dot(beam, particle) / s for beam in (p.electron_in, p.positron_in))
        numbers += [d, u, 1 - 2 * dot(total, particle) / s]
    return numbers


def closed_form(p: Momenta) -> Floats:
    constant = radiative_bhabha_constant(1.0) / dot(
        p.electron_in + p.positron_in, p.electron_in + p.positron_in
    )
    return np.asarray(constant * radiative_bhabha_shape(*invariants(p)))


def test_closed_form_is_the_eight_diagrams(rng: np.random.Generator) -> None:
    p = reference.flat_events(rng.random((5, 300)))
    diagrams = reference.radiative_squared(p)
    np.testing.assert_allclose(closed_form(p), diagrams, rtol=1e-9)
    np.testing.assert_allclose(reference.closed_form(p), diagrams, rtol=1e-9)
    # negative controls: the wrong lepton in one pole, the wrong sign between channels
    numbers = invariants(p)
    numbers[4], numbers[7] = numbers[7], numbers[4]
    wrong = radiative_bhabha_constant(S) * radiative_bhabha_shape(*numbers)
    assert not np.allclose(wrong, diagrams, rtol=1e-2)
    polarisation = linear_polarisations(p.photon)[0]
    s, t = (reference.strings(c, p.photon, polarisation) for c in reference.channels(p))
    flipped = reference.total(p, s, t) - reference.interference(p, s, t) / 2
    assert not np.allclose(flipped, reference.total(p, s, t), rtol=1e-2)


def test_diagrams_are_gauge_invariant(rng: np.random.Generator) -> None:
    p = reference.flat_events(rng.random((5, 100)))
    physical = reference.radiative_squared(p)
    assert np.all(reference.radiative_squared(p, longitudinal=True) < 1e-9 * physical)


def test_crossing_to_moller_scattering(rng: np.random.Generator) -> None:
    """Continued to p₊ → −q₂, q₊ → −p₂ it is |M|² of e⁻e⁻ → e⁻e⁻γ, symmetric in both."""
    p = reference.flat_events(rng.random((5, 300)))
    first, second = p.electron_out, p.positron_out

    def moller(one: Floats, two: Floats) -> Momenta:
        return Momenta(p.electron_in, -two, one, -p.positron_in, p.photon)

    crossed = closed_form(moller(first, second))
    assert np.all(crossed > 0)
    diagrams = reference.radiative_squared(moller(first, second))
    np.testing.assert_allclose(crossed, diagrams, rtol=1e-8)
    np.testing.assert_allclose(closed_form(moller(second, first)), crossed, rtol=1e-8)
    # negative control: before crossing, electron and positron are not alike
    swapped = p._replace(electron_out=second, positron_out=first)
    assert not np.allclose(closed_form(swapped), closed_form(p), rtol=1e-1)


def soft_events(rng: np.random.Generator, n: int, fraction: float) -> Momenta:
    """Return events whose photon has x = ``fraction``."""
    cos, phi = rng.uniform(-0.9, 0.9, (2, n)), rng.uniform(0, 2 * np.pi, (2, n))
    sin = np.sqrt(1 - cos**2)
    unit = np.stack([np.ones((2, n)), sin * np.cos(phi), sin * np.sin(phi), cos])
    between = (unit[1:, 0] * unit[1:, 1]).sum(axis=0)
    electron = (1 - fraction) / (1 - fraction * (1 - between) / 2) * unit[:, 0]
    photon = fraction * unit[:, 1]
    one, zero = np.ones(n), np.zeros(n)
    beams = np.stack([one, zero, zero, one]), np.stack([one, zero, zero, -one])
    positron = beams[0] + beams[1] - electron - photon
    return Momenta(*(SQRT_S / 2 * v for v in (*beams, electron, positron, photon)))


def born(cos: Floats) -> Floats:
    """|M|² of e⁺e⁻ → e⁺e⁻: 2e⁴ (s⁴ + t⁴ + u⁴)/(s²t²)."""
    t, u = -(1 - cos) / 2, -(1 + cos) / 2
    return np.asarray(2 * E_SQUARED**2 * (1 + t**4 + u**4) / t**2)


def eikonal_ratio(p: Momenta) -> Floats:
    """|M(e⁺e⁻γ)|² over Born × the eikonal factor −e² j²."""
    outgoing = zip(p[:4], (1, -1, -1, 1), strict=True)
    current = np.sum([sign * q / dot(q, p.photon) for q, sign in outgoing], axis=0)
    cos = p.electron_out[3] / p.electron_out[0]
    return np.asarray(closed_form(p) / (-E_SQUARED * dot(current, current) * born(cos)))


def test_soft_limit_is_eikonal_times_born(rng: np.random.Generator) -> None:
    soft = soft_events(rng, 300, 1e-6)
    cos = soft.electron_out[3] / soft.electron_out[0]
    np.testing.assert_allclose(reference.born_squared(soft), born(cos), rtol=1e-4)
    np.testing.assert_allclose(eikonal_ratio(soft), 1, rtol=1e-4)
    # negative control: a hard photon is not eikonal
    assert np.abs(eikonal_ratio(soft_events(rng, 300, 0.5)) - 1).max() > 0.05


# the sampler


def whole(
    space: PhaseSpace = WIDE, initial: InitialState | None = None
) -> RadiativeBhabha:
    """Return the sampler with every track lost."""
    return RadiativeBhabha(space, initial=initial or InitialState(), track_loss=1.0)


@cache
def weighted(space: PhaseSpace, n_blocks: int = 200) -> tuple[ReferencePhotons, Floats]:
    blocks = sample(whole(space), n_blocks, 1)
    return as_reference(blocks), join([b.weight_pb for b in blocks])


@pytest.mark.parametrize(("space", "name"), [(WIDE, "wide"), (BARREL, "barrel-0.65")])
def test_cross_section_is_that_of_two_decays(space: PhaseSpace, name: str) -> None:
    """Another algorithm, matrix element and frame: 0.3 % together."""
    total = cross_section(whole(space), Stream(1, 1), 500 * LANES)
    u = np.random.default_rng(2).random((6, 500_000))
    value, error = reference.importance(u, REGIONS[name][0], 3.0).cross_section(500_000)
    combined = np.hypot(error, total.error_pb)
    assert combined < 0.004 * value
    assert abs(total.sum_pb - value) < N_SIGMA * combined
    assert abs(0.97 * total.sum_pb - value) > N_SIGMA * combined


def test_cross_section_is_that_of_flat_phase_space() -> None:
    """Far from all poles nothing but |M|² is needed."""
    space, region = PhaseSpace((50, 110), 1.5), Region(50, 110, 1.5)
    sampler = RadiativeBhabha(space, track_loss=1.0, min_opening_deg=40.0)
    total = cross_section(sampler, Stream(1, 1), 300 * LANES)
    u = np.random.default_rng(4).random((6, 500_000))
    for algorithm, columns in ((reference.flat, 5), (reference.importance, 6)):
        value, error = algorithm(u[:columns], region, 40.0).cross_section(500_000)
        combined = np.hypot(error, total.error_pb)
        assert combined < 0.03 * value
        assert abs(total.sum_pb - value) < N_SIGMA * combined
    assert abs(0.9 * total.sum_pb - value) > N_SIGMA * combined


def observables(photons: ReferencePhotons) -> dict[str, Floats]:
    cms = transform(LAB_TO_CMS, four_momenta(photons))
    values = {
        "E photon": cms[0, 0],
        "E electron": cms[0, 1],
        "E_lab positron": photons.energy[2],
    }
    for i, name in enumerate(("photon", "electron", "positron")):
        values[f"cos {name}"] = cms[3, i] / cms[0, i]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        values[f"mass {i}{j}"] = dot(cms[:, i], cms[:, j])
        values[f"angle {i}{j}"] = values[f"mass {i}{j}"] / (cms[0, i] * cms[0, j])
    around = np.arctan2(cms[2], cms[1])
    values["azimuth"] = np.cos(around[0] - around[1])
    return values


@pytest.mark.parametrize("name", ["wide", "barrel-0.65"])
def test_distributions_are_those_of_two_decays(name: str) -> None:
    """Thirteen χ² tests at 1e-4 a region, normalisation included."""
    photons, weight = weighted({"wide": WIDE, "barrel-0.65": BARREL}[name])
    u = np.random.default_rng(3).random((6, 500_000))
    expected = reference.importance(u, REGIONS[name][0], 3.0)
    mine, theirs = observables(photons), observables(expected.photons)
    for key, values in mine.items():
        other = (theirs[key], expected.weight_pb)
        assert weighted_chi2((values, weight), other) > FALSE_ALARM, key
    # negative controls: energies 1 % up, electron and positron mixed up
    other = (theirs["E electron"], expected.weight_pb)
    assert weighted_chi2((1.01 * mine["E electron"], weight), other) < FALSE_ALARM
    assert weighted_chi2((mine["cos positron"], weight), other) < FALSE_ALARM


def test_charge_conjugation() -> None:
    """Electron and positron look alike from their own beams, though channels differ."""
    assert SHARES[0] != SHARES[1]
    space = PhaseSpace((0, 180), 0.25, theta_cms_deg=(20, 160))
    photons, weight = weighted(space)
    values = observables(photons)
    kept = np.flatnonzero(weight)
    first, second = kept[::2], kept[1::2]  # different events, to be independent
    electron = values["cos electron"][first], weight[first]
    positron = -values["cos positron"][second], weight[second]
    assert weighted_chi2(electron, positron) > FALSE_ALARM
    assert weighted_chi2(electron, (-positron[0], positron[1])) < FALSE_ALARM


def test_events_are_closed() -> None:
    photons, weight = weighted(WIDE)
    total = transform(LAB_TO_CMS, four_momenta(photons)).sum(axis=1)[:, weight > 0]
    np.testing.assert_allclose(total[0], SQRT_S, rtol=3e-6)
    assert np.abs(total[1:]).max() < 5e-5


def margins(photons: ReferencePhotons, space: PhaseSpace) -> Floats:
    """Return how far every event is inside the region, (n,)."""
    low, high = np.radians(space.theta_lab_deg)
    momenta = transform(LAB_TO_CMS, four_momenta(photons))
    margin = [
        photons.theta - low,
        high - photons.theta,
        (cms_energy(photons) - space.energy_cms_min_GeV) / SQRT_S,
        (photons.energy - space.energy_lab_min_GeV) / SQRT_S,
    ]
    opening = np.radians(reference.opening_deg(momenta) - 3.0)
    return np.asarray(np.minimum(np.min(margin, axis=(0, 1)), opening))


@pytest.mark.parametrize("initial", [InitialState(), RADIATING])
@pytest.mark.parametrize("space", [WIDE, BARREL])
def test_weight_is_zero_exactly_outside(
    space: PhaseSpace, initial: InitialState
) -> None:
    blocks = sample(whole(space, initial), 50, 1)
    weight = join([b.weight_pb for b in blocks])
    with np.errstate(invalid="ignore"):
        margin = margins(as_reference(blocks), space)
    clear = np.abs(margin) > 1e-4  # angles between directions in float32
    assert clear.mean() > 0.99
    np.testing.assert_array_equal(weight[clear] != 0, margin[clear] > 0)
    assert np.isfinite(weight).all()


@pytest.mark.parametrize("initial", [InitialState(), RADIATING])
def test_cutting_a_wide_sample_is_asking_for_the_region(initial: InitialState) -> None:
    blocks = sample(whole(WIDE, initial), 400, 5)
    weight = join([b.weight_pb for b in blocks])
    kept = np.where(margins(as_reference(blocks), BARREL) > 0, weight, 0)
    error = np.sqrt(weight.size * kept.var())
    total = cross_section(whole(BARREL, initial), Stream(1, 3), 200 * LANES)
    combined = np.hypot(error, total.error_pb)
    assert abs(kept.sum() - total.sum_pb) < N_SIGMA * combined
    assert abs(0.93 * kept.sum() - total.sum_pb) > N_SIGMA * combined


MOVING = InitialState(True, 0.7, 0.4)
"""Radiation and an exaggerated spread of the beam energies."""


def moved_flat(n_blocks: int, region: Region) -> tuple[float, float]:
    """Return σ of moving collisions from flat phase space, boosted event by event."""
    state, sums = start(8), []
    for u in np.random.default_rng(7).random((n_blocks, 5, LANES)):
        collisions = MOVING.collide(state, Beams(), 0.1)
        root, cosh, sinh, weight = (
            column.astype(float)
            for column in (
                collisions.root,
                collisions.cosh,
                collisions.sinh,
                collisions.weight,
            )
        )
        p = reference.flat_events(u)
        cms = root * np.stack([p.photon, p.electron_out, p.positron_out], axis=1)
        cms[0], cms[3] = cosh * cms[0] + sinh * cms[3], sinh * cms[0] + cosh * cms[3]
        lab = from_four_momenta(transform(CMS_TO_LAB, cms))
        inside = region.contains(lab) & (reference.opening_deg(cms) > 30.0)
        sums.append(weight / root**2 * reference.closed_form(p) * inside)
    values = VOLUME / (2 * S) * PB_GEV2 * np.concatenate(sums)
    return float(values.mean()), float(values.std() / np.sqrt(values.size))


def test_moving_collisions_against_flat_phase_space() -> None:
    value, error = moved_flat(400, Region(50, 110, 1.0))
    sampler = RadiativeBhabha(
        PhaseSpace((50, 110), 1.0),
        initial=MOVING,
        track_loss=1.0,
        min_opening_deg=30.0,
    )
    total = cross_section(sampler, Stream(1, 4), 200 * LANES)
    combined = np.hypot(error, total.error_pb)
    assert combined < 0.03 * value
    assert abs(total.sum_pb - value) < N_SIGMA * combined
    assert abs(0.85 * total.sum_pb - value) > N_SIGMA * combined


def test_effective_sample_size() -> None:
    for space, share in ((WIDE, 0.33), (BARREL, 0.4)):
        total = cross_section(whole(space), Stream(1, 2), 100 * LANES)
        assert total.effective_events / total.n_events > share


def test_weights_are_bounded() -> None:
    _, weight = weighted(WIDE)
    kept = weight[weight > 0]
    assert kept.max() / kept.mean() < 30


def test_running_coupling_dresses_the_exchanged_photon() -> None:
    plain, dressed = (
        RadiativeBhabha(running_alpha=running, refined=False).block(
            start(3), LANES, 1.0
        )
        for running in (False, True)
    )
    kept = plain.weight_pb > 0
    ratio = dressed.weight_pb[kept] / plain.weight_pb[kept]
    cms = transform(LAB_TO_CMS, four_momenta(as_reference([plain])))[:, :, kept]
    # t′ = −√s (E − p_z) of the electron, t = −√s (E + p_z) of the positron
    t_product = S * (cms[0, 1] - cms[3, 1]) * (cms[0, 2] + cms[3, 2])
    expected = alpha_ratio(-np.sqrt(t_product)) ** 2
    np.testing.assert_allclose(ratio, expected, rtol=1e-6)
    assert 1.01 < ratio.min() < ratio.max() < 1.1


def test_every_electron_loses_its_track() -> None:
    one, two = (
        RadiativeBhabha(track_loss=loss, refined=False)
        .block(start(3), LANES, 1.0)
        .weight_pb
        for loss in (0.01, 1.0)
    )
    np.testing.assert_allclose(one, 1e-4 * two, rtol=1e-12)
    assert one.any()
    none = cross_section(RadiativeBhabha(track_loss=0.0), Stream(1, 1), 100)
    assert none.sum_pb == none.error_pb == none.effective_events == 0.0


def test_alpha_cubed() -> None:
    one, two = (
        RadiativeBhabha(alpha=alpha).block(start(3), LANES, 1.0)
        for alpha in (1 / 137.036, 1 / 128.0)
    )
    ratio = two.weight_pb.sum() / one.weight_pb.sum()
    assert ratio == pytest.approx((137.036 / 128) ** 3, rel=1e-9)


def test_particles_and_padding() -> None:
    sampler = RadiativeBhabha()
    assert (sampler.name, sampler.pdg) == ("eea", (PHOTON, ELECTRON, POSITRON))
    assert sampler.slots == len(sampler.pdg) == len(sampler.parents) == 3
    block = sampler.block(start(4), 100, 1.0)
    assert not block.weight_pb[100:].any()
    assert block.weight_pb[:100].any()
    assert block.n_prompt == 3
    assert isinstance(block, Photons)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"track_loss": -0.1}, r"track_loss = -0.1: need a probability, 0 to 1"),
        ({"track_loss": 1.5}, "track_loss = 1.5"),
        ({"track_loss": float("nan")}, "track_loss = nan"),
        ({"min_opening_deg": 0.0}, r"min_opening_deg = 0: need a number in \(0, 120\)"),
        ({"min_opening_deg": 120.0}, "min_opening_deg = 120"),
        ({"phase_space": PhaseSpace((1.0, 150.0))}, "holds a beam line"),
    ],
)
def test_refusals(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RadiativeBhabha(**arguments)
