"""e⁺e⁻ → γγ, alone and with a beam-background photon."""

from __future__ import annotations

import numpy as np
import pytest

from generator.beam_background import BeamBackground
from generator.beams import Beams
from generator.columns import Photons
from generator.constants import ALPHA_0, GEV2_PB
from generator.initial_state import InitialState
from generator.pdg import PHOTON
from generator.phase_space import PhaseSpace
from generator.sampling import Stream, cross_section
from generator.simd import LANES
from generator.two_photon import TwoPhoton
from tests.compare import (
    FALSE_ALARM,
    N_SIGMA,
    Floats,
    as_reference,
    flatness,
    join,
    sample,
    start,
    weighted_chi2,
)
from tests.reference.beams import (
    CMS_TO_LAB,
    LAB_TO_CMS,
    SQRT_S,
    S,
    cms_energy,
    direction,
    four_momenta,
    from_four_momenta,
    transform,
)
from tests.reference.beams import Photons as ReferencePhotons

BORN = PhaseSpace((0, 180), theta_cms_deg=(10, 170))
WIDE = PhaseSpace()
BARREL = PhaseSpace((37.3, 123.7), 0.0, 0.65)
RADIATING = InitialState(True, 0.0051, 0.0024)
MOVING = InitialState(True, 0.7, 0.4)
"""Radiation and an exaggerated spread of the beam energies."""
BACKGROUND = BeamBackground(0.3)


def born_pb(edge: float) -> float:
    """σ(|cosθ*| < edge) = (2πα²/s) [ln((1 + c)/(1 − c)) − c]."""
    logarithm = np.log((1 + edge) / (1 - edge))
    return float(2 * np.pi * ALPHA_0**2 / S * (logarithm - edge) * GEV2_PB)


def test_born_cross_section() -> None:
    total = cross_section(TwoPhoton(BORN), Stream(1, 1), 500 * LANES)
    expected = born_pb(np.cos(np.radians(10)))
    assert abs(total.sum_pb - expected) < N_SIGMA * total.error_pb
    assert total.error_pb < 4e-4 * expected
    assert abs(0.995 * total.sum_pb - expected) > N_SIGMA * total.error_pb
    assert round(expected / 1000 * S / 10.58**2, 2) == 4.52


def test_angles_follow_the_born_distribution() -> None:
    """Four tests of flatness of the integrated distribution at 1e-4."""
    blocks = sample(TwoPhoton(BORN), 200, 2)
    photons, weight = as_reference(blocks), join([b.weight_pb for b in blocks])
    cms = transform(LAB_TO_CMS, four_momenta(photons))
    chosen = np.random.default_rng(1).random(weight.size) < weight / weight.max()
    edge = np.cos(np.radians(10))

    def below(cos: Floats) -> Floats:
        half = np.log((1 + cos) / (1 - cos)) - cos
        return np.asarray((half / (np.log((1 + edge) / (1 - edge)) - edge) + 1) / 2)

    for photon in range(2):
        cos = (cms[3, photon] / cms[0, photon])[chosen]
        assert flatness(below(np.clip(cos, -edge, edge))) > FALSE_ALARM
        phi = np.arctan2(cms[2, photon], cms[1, photon])[chosen]
        assert flatness(phi / (2 * np.pi) + 0.5) > FALSE_ALARM
    assert flatness(below(np.clip(1.02 * cos, -edge, edge))) < FALSE_ALARM


def lab_photons(cos: Floats, phi: Floats, root: Floats, rapidity: Floats) -> Floats:
    """Return CM momenta (4, 2, n) of two photons in a moving hard frame."""
    unit = direction(np.arccos(cos), phi)
    cms = np.ones((4, 2, cos.size))
    cms[1:] = np.stack([unit, -unit], axis=1)
    cms *= SQRT_S / 2 * root
    cosh, sinh = np.cosh(rapidity), np.sinh(rapidity)
    cms[0], cms[3] = cosh * cms[0] + sinh * cms[3], sinh * cms[0] + cosh * cms[3]
    return cms


def inside(photons: ReferencePhotons, space: PhaseSpace) -> Floats:
    """Return 1 for events whose photons are all in the region, (n,)."""
    degrees = np.degrees(photons.theta)
    low, high = space.theta_lab_deg
    kept = (
        (degrees > low) & (degrees < high) & (photons.energy > space.energy_lab_min_GeV)
    )
    kept &= cms_energy(photons) > space.energy_cms_min_GeV
    return np.asarray(kept.all(axis=0), dtype=float)


def test_a_lab_region_is_the_integral_over_directions() -> None:
    """Midpoint rule over cosθ* and φ*."""
    cos, phi = np.meshgrid((np.arange(4000) + 0.5) / 2000 - 1, np.arange(180) * 2.0)
    cos, phi = cos.ravel(), np.radians(phi).ravel()
    cms = lab_photons(cos, phi, np.ones_like(cos), np.zeros_like(cos))
    kept = inside(from_four_momenta(transform(CMS_TO_LAB, cms)), WIDE)
    # half of the sphere: the photons are alike
    density = 2 * np.pi * ALPHA_0**2 / S * GEV2_PB * (1 + cos**2) / (1 - cos**2)
    expected = (density * kept).sum() / (180 * 2000) / 2
    total = cross_section(TwoPhoton(WIDE), Stream(1, 2), 500 * LANES)
    assert abs(total.sum_pb - expected) < N_SIGMA * total.error_pb + 1e-3 * expected
    assert (
        abs(0.99 * total.sum_pb - expected) > N_SIGMA * total.error_pb + 1e-3 * expected
    )


@pytest.mark.parametrize("initial", [RADIATING, MOVING])
def test_moving_collisions_against_even_directions(initial: InitialState) -> None:
    state, rng, values = start(8), np.random.default_rng(7), []
    for _ in range(200):
        collisions = initial.collide(state, Beams(), 0.05)
        root, rapidity = (
            c.astype(float) for c in (collisions.root, collisions.rapidity)
        )
        cos, phi = rng.uniform(-1, 1, LANES), rng.uniform(0, 2 * np.pi, LANES)
        cms = lab_photons(cos, phi, root, rapidity)
        kept = inside(from_four_momenta(transform(CMS_TO_LAB, cms)), WIDE)
        density = kept * (1 + cos**2) / (1 - cos**2) / root**2
        values.append(density * collisions.weight)
    sums = 2 * np.pi * ALPHA_0**2 / S * GEV2_PB * np.concatenate(values)
    error = sums.std() / np.sqrt(sums.size)
    total = cross_section(TwoPhoton(WIDE, initial=initial), Stream(1, 3), 200 * LANES)
    combined = np.hypot(error, total.error_pb)
    assert combined < 0.01 * total.sum_pb
    assert abs(total.sum_pb - sums.mean()) < N_SIGMA * combined
    assert abs(0.95 * total.sum_pb - sums.mean()) > N_SIGMA * combined


@pytest.mark.parametrize("initial", [InitialState(), RADIATING])
@pytest.mark.parametrize("background", [None, BACKGROUND])
def test_cutting_a_wide_sample_is_asking_for_the_region(
    initial: InitialState, background: BeamBackground | None
) -> None:
    wide, barrel = (
        TwoPhoton(space, initial=initial, background=background)
        for space in (WIDE, BARREL)
    )
    blocks = sample(wide, 300, 5)
    weight = join([b.weight_pb for b in blocks])
    kept = weight * inside(as_reference(blocks), BARREL)
    total = cross_section(barrel, Stream(1, 4), 200 * LANES)
    combined = np.hypot(np.sqrt(weight.size * kept.var()), total.error_pb)
    assert abs(kept.sum() - total.sum_pb) < N_SIGMA * combined
    assert abs(0.9 * kept.sum() - total.sum_pb) > N_SIGMA * combined


@pytest.mark.parametrize("initial", [InitialState(), MOVING])
@pytest.mark.parametrize("background", [None, BACKGROUND])
@pytest.mark.parametrize("space", [WIDE, BARREL])
def test_weight_is_zero_exactly_outside(
    space: PhaseSpace, background: BeamBackground | None, initial: InitialState
) -> None:
    sampler = TwoPhoton(space, initial=initial, background=background)
    blocks = sample(sampler, 30, 6)
    photons, weight = as_reference(blocks), join([b.weight_pb for b in blocks])
    slim, fat = (
        PhaseSpace(
            (space.theta_lab_deg[0] + shift, space.theta_lab_deg[1] - shift),
            max(space.energy_cms_min_GeV + shift, 0),
            max(space.energy_lab_min_GeV + shift, 0),
        )
        for shift in (1e-3, -1e-3)
    )
    assert weight[inside(photons, slim) > 0].min() > 0
    assert not weight[inside(photons, fat) == 0].any()


def test_the_background_photon_multiplies_the_cross_section() -> None:
    """Pair and background are independent: σ = σ(γγ) × probability in the region."""
    pair = cross_section(TwoPhoton(WIDE), Stream(1, 5), 200 * LANES)
    both = cross_section(
        TwoPhoton(WIDE, background=BACKGROUND), Stream(1, 6), 200 * LANES
    )
    state = start(9)
    drawn = [BACKGROUND.draw(state, Beams(), WIDE).probability for _ in range(200)]
    share, error = np.mean(drawn), np.std(drawn) / np.sqrt(200 * LANES)
    expected = pair.sum_pb * share
    relative = np.sqrt(
        (error / share) ** 2
        + (pair.error_pb / pair.sum_pb) ** 2
        + (both.error_pb / both.sum_pb) ** 2
    )
    assert relative < 0.005
    assert abs(both.sum_pb - expected) < N_SIGMA * relative * expected
    assert abs(0.97 * both.sum_pb - expected) > N_SIGMA * relative * expected


def test_the_pair_is_the_same_with_background() -> None:
    blocks = sample(TwoPhoton(WIDE, background=BACKGROUND), 100, 7)
    alone = sample(TwoPhoton(WIDE), 100, 8)
    weight, plain = (join([b.weight_pb for b in part]) for part in (blocks, alone))
    scaled = weight * plain.sum() / weight.sum()
    for column in ("theta", "phi"):
        mine, theirs = (
            join([getattr(b, column)[0] for b in part]) for part in (blocks, alone)
        )
        kept, other = weight > 0, plain > 0
        pair = (mine[kept], scaled[kept]), (theirs[other], plain[other])
        assert weighted_chi2(*pair) > FALSE_ALARM
    softest = join([b.energy for b in blocks]).argmin(axis=0)
    assert (softest[weight > 0] == 2).all()


def test_photons_are_back_to_back_in_the_cms() -> None:
    photons = as_reference(sample(TwoPhoton(WIDE), 10, 3))
    total = transform(LAB_TO_CMS, four_momenta(photons)).sum(axis=1)
    np.testing.assert_allclose(total[0], SQRT_S, rtol=3e-6)
    assert np.abs(total[1:]).max() < 5e-5


def test_effective_sample_size() -> None:
    for sampler in (TwoPhoton(WIDE), TwoPhoton(BARREL, background=BACKGROUND)):
        total = cross_section(sampler, Stream(1, 7), 50 * LANES)
        assert total.effective_events / total.n_events > 0.7


def test_slots_follow_the_background() -> None:
    plain, none = TwoPhoton(), TwoPhoton(background=BeamBackground(0.0))
    fake = TwoPhoton(background=BACKGROUND)
    assert plain.slots == none.slots == 2
    assert fake.slots == 3
    for sampler in (plain, none, fake):
        block = sampler.block(start(4), 100, 1.0)
        assert isinstance(block, Photons)
        assert len(sampler.pdg) == len(sampler.parents) == sampler.slots
        assert block.energy.shape == block.theta.shape == (sampler.slots, LANES)
        assert block.n_prompt == sampler.slots
        assert set(sampler.pdg) == {PHOTON}
        assert block.weight_pb[:100].any()
        assert not block.weight_pb[100:].any()
    assert plain.name == "aa"
    first, second = (s.block(start(4), LANES, 1.0) for s in (plain, none))
    np.testing.assert_array_equal(first.weight_pb, second.weight_pb)


def test_alpha_squared() -> None:
    one, two = (
        TwoPhoton(alpha=alpha).block(start(3), LANES, 1.0)
        for alpha in (1 / 137.036, 1 / 128.0)
    )
    ratio = two.weight_pb.sum() / one.weight_pb.sum()
    assert ratio == pytest.approx((137.036 / 128) ** 2, rel=1e-6)


def test_a_region_without_opposite_photons_is_empty() -> None:
    total = cross_section(TwoPhoton(PhaseSpace((17, 40))), Stream(1, 8), 10 * LANES)
    assert total.sum_pb == total.error_pb == 0.0


def test_a_beam_line_inside_is_refused() -> None:
    with pytest.raises(ValueError, match="holds a beam line"):
        TwoPhoton(PhaseSpace((1.0, 150.0)))
