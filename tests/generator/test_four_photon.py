"""Sampler of e⁺e⁻ → γγγγ: phase space, cross sections, distributions and weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from generator import four_photon
from generator.beams import Beams
from generator.columns import Photons
from generator.constants import ALPHA_0, GEV2_PB
from generator.four_photon import FourPhoton
from generator.initial_state import Collisions, InitialState
from generator.phase_space import PhaseSpace
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
from tests.reference import feynman
from tests.reference import four_photon as reference
from tests.reference.beams import (
    LAB_TO_CMS,
    SQRT_S,
    S,
    cms_energy,
    four_momenta,
    transform,
)
from tests.reference.beams import Photons as ReferencePhotons
from tests.reference.four_photon import Acceptance
from tests.reference.three_photon import Region, Weighted

if TYPE_CHECKING:
    from generator.frames import Flat

ALL_HARD = PhaseSpace()
SOURCE = PhaseSpace(extra_energy_cms_min_GeV=0.1)
BARREL = PhaseSpace((37.3, 123.7), 0.0, 1.0, extra_energy_cms_min_GeV=0.1)
SPACES = [ALL_HARD, SOURCE, BARREL]
TRIED = 300_000


def acceptance(space: PhaseSpace) -> Acceptance:
    energies = (space.energy_cms_min_GeV, space.energy_lab_min_GeV)
    region = Region(*space.theta_lab_deg, *energies)
    return Acceptance(region, space.extra_energy_cms_min_GeV)


@cache
def flat(space: PhaseSpace) -> Weighted:
    return reference.flat(TRIED, acceptance(space), np.random.default_rng(41))


@cache
def weighted(space: PhaseSpace, n_blocks: int = 100) -> tuple[ReferencePhotons, Floats]:
    """Return events of the product: photons and weights [pb]."""
    blocks = sample(FourPhoton(space), n_blocks, 1)
    return as_reference(blocks), join([b.weight_pb for b in blocks])


def inside(space: PhaseSpace) -> tuple[ReferencePhotons, Floats]:
    """Return the events that have a weight."""
    photons, weight = weighted(space)
    kept = weight > 0
    return ReferencePhotons(*(c[:, kept] for c in photons[:3])), weight[kept]


def cms_momenta(photons: ReferencePhotons) -> Floats:
    return transform(LAB_TO_CMS, four_momenta(photons))


# reference


def test_reference_amplitude_is_the_sum_of_24_diagrams() -> None:
    momenta = reference.flat_momenta(200, np.random.default_rng(1))
    half, zero = np.full(200, SQRT_S / 2), np.zeros(200)
    beams = np.stack([half, zero, zero, half]), np.stack([half, zero, zero, -half])
    diagrams = feynman.matrix_element_squared(*beams, momenta)
    mine = reference.matrix_element_squared(momenta)
    np.testing.assert_allclose(mine, diagrams, rtol=1e-10)


# phase space


def test_mapping_has_the_volume_of_phase_space(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without |M|²; 88 % of the volume, a share known from flat events."""
    monkeypatch.setattr(four_photon, "apply_matrix_element", lambda *_: None)
    space = PhaseSpace((0.0, 180.0), 0.3, theta_cms_deg=(12.0, 168.0))
    plain = FourPhoton(space, refined=False)
    total = cross_section(plain, Stream(1, 1), 200 * LANES)
    # what is left of the weight: e⁸/2 (s/4)⁻² / (2s · 4!)
    rest = (4 * np.pi * ALPHA_0) ** 4 / 2 / (S / 4) ** 2 / (48 * S) * GEV2_PB
    volume, error = total.sum_pb / rest, total.error_pb / rest
    momenta = reference.flat_momenta(TRIED, np.random.default_rng(2))
    cos = np.abs(momenta[3] / momenta[0])
    kept = (momenta[0] > 0.3) & (cos < np.cos(np.radians(12)))
    share = kept.all(axis=0).mean()
    expected = share * S**2 * (np.pi / 2) ** 3 / (2 * np.pi) ** 8 / 12
    error = np.hypot(error, expected * np.sqrt((1 - share) / share / TRIED))
    assert error < 0.01 * expected
    assert abs(volume - expected) < N_SIGMA * error
    assert abs(1.05 * volume - expected) > N_SIGMA * error  # negative control


def test_events_are_closed() -> None:
    photons, _ = inside(SOURCE)
    total = cms_momenta(photons).sum(axis=1)
    np.testing.assert_allclose(total[0], SQRT_S, rtol=3e-6)
    assert np.abs(total[1:]).max() < 5e-5


def margin(photons: ReferencePhotons, space: PhaseSpace) -> Floats:
    """Return how far inside (> 0) or outside an event is, relative."""
    low, high = np.radians(space.theta_lab_deg)
    energy = cms_energy(photons)
    hard = np.minimum(
        energy - space.energy_cms_min_GeV, photons.energy - space.energy_lab_min_GeV
    )
    extra = space.extra_energy_cms_min_GeV
    needed = 4 if extra is None else 3
    softest = space.energy_cms_min_GeV if extra is None else extra
    margins = [
        (photons.theta - low).min(axis=0),
        (high - photons.theta).min(axis=0),
        np.sort(hard, axis=0)[4 - needed] / SQRT_S,
        (energy - softest).min(axis=0) / SQRT_S,
    ]
    return np.asarray(np.min(margins, axis=0))


@pytest.mark.parametrize("space", SPACES)
def test_weight_is_zero_exactly_outside(space: PhaseSpace) -> None:
    photons, weight = weighted(space)
    distance = margin(photons, space)
    clear = np.abs(distance) > 3e-6  # the kernel decides in float32
    np.testing.assert_array_equal(weight[clear] > 0, distance[clear] > 0)
    assert np.isfinite(weight).all()
    assert np.isfinite([photons.energy, photons.theta, photons.phi]).all()


def test_every_event_has_its_own_matrix_element(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Weights with over weights without |M|²; float32 momenta give 3 digits."""
    plain = FourPhoton(SOURCE, refined=False)
    with_it = sample(plain, 1, 7)[0]
    monkeypatch.setattr(four_photon, "apply_matrix_element", lambda *_: None)
    without = sample(plain, 1, 7)[0]
    kept = with_it.weight_pb > 0
    np.testing.assert_array_equal(kept, without.weight_pb > 0)
    momenta = cms_momenta(as_reference([with_it]))[:, :, kept]
    ratio = with_it.weight_pb[kept] / without.weight_pb[kept]
    squared = ratio / 2 * (4 * np.pi * ALPHA_0) ** 4 / (S / 4) ** 2
    expected = reference.matrix_element_squared(momenta)
    np.testing.assert_allclose(squared, expected, rtol=5e-3)
    assert not np.allclose(squared[1:], expected[:-1], rtol=0.1)


# cross section


@pytest.mark.parametrize("space", SPACES)
def test_cross_section_is_that_of_flat_phase_space(space: PhaseSpace) -> None:
    total = cross_section(FourPhoton(space), Stream(1, 1), 100 * LANES)
    value, error = flat(space).cross_section(TRIED)
    assert error < 0.04 * value
    combined = np.hypot(error, total.error_pb)
    assert abs(total.sum_pb - value) < N_SIGMA * combined
    # negative control: identical photons not counted once, or alpha of the Z mass
    assert abs((128 / 137.036) ** -4 * total.sum_pb - value) > N_SIGMA * combined


def observables(photons: ReferencePhotons) -> dict[str, Floats]:
    """Return what does not depend on the order of the photons."""
    cms = cms_momenta(photons)
    pairs = [cms[:, i] + cms[:, j] for i in range(4) for j in range(i)]
    return {
        "softest E*": cms[0].min(axis=0),
        "hardest E*": cms[0].max(axis=0),
        "largest cos theta*": (cms[3] / cms[0]).max(axis=0),
        "lightest pair": np.min([feynman.square(pair) for pair in pairs], axis=0),
        "hardest theta": np.take_along_axis(
            photons.theta, cms[:1].argmax(axis=1), axis=0
        )[0],
    }


def test_distributions_are_those_of_flat_phase_space() -> None:
    """Five χ² tests at 1e-4, normalisation included."""
    photons, weight = inside(SOURCE)
    mine = observables(photons)
    expected = flat(SOURCE)
    theirs = observables(expected.photons)
    for key in mine:
        first, second = (mine[key], weight), (theirs[key], expected.weight_pb)
        assert weighted_chi2(first, second, 12) > FALSE_ALARM, key
    # negative control: phase space alone
    second = (theirs["softest E*"], np.full_like(expected.weight_pb, 3.08e-5))
    assert weighted_chi2((mine["softest E*"], weight), second, 12) < FALSE_ALARM


@pytest.mark.parametrize("space", SPACES)
def test_cutting_a_wider_sample(space: PhaseSpace) -> None:
    wide = PhaseSpace((15.0, 155.0), 0.1)
    photons, weight = weighted(wide, 300)
    kept = np.where(acceptance(space).contains(photons), weight, 0.0)
    error = np.sqrt((kept**2).sum())
    total = cross_section(FourPhoton(space), Stream(1, 3), 100 * LANES)
    combined = np.hypot(error, total.error_pb)
    assert combined < 0.04 * total.sum_pb
    assert abs(kept.sum() - total.sum_pb) < N_SIGMA * combined
    # negative control: nothing cut
    assert abs(weight.sum() - total.sum_pb) > N_SIGMA * combined


# initial state


@dataclass(frozen=True)
class Fixed(InitialState):
    """Every collision at one √ŝ, in a frame of one rapidity."""

    root: float = 0.8
    lean: float = 0.3

    def collide_at(
        self,
        u: Flat,  # noqa: ARG002
        beams: Beams,  # noqa: ARG002
        fraction_min: float,  # noqa: ARG002
        hard_share: float = 0.0,  # noqa: ARG002
    ) -> Collisions:
        numbers = [self.root, self.lean, np.cosh(self.lean), np.sinh(self.lean), 1.0]
        return Collisions(*(np.full(LANES, v, np.float32) for v in numbers))


@pytest.mark.parametrize("lean", [0.3, -0.5])
def test_moving_frame(lean: float) -> None:
    """σ in a region of the lab when the hard process moves along the beams."""
    moving = FourPhoton(BARREL, initial=Fixed(lean=lean), refined=False)
    total = cross_section(moving, Stream(1, 4), 100 * LANES)
    value, error = reference.flat(
        TRIED, acceptance(BARREL), np.random.default_rng(5), root=0.8, rapidity=lean
    ).cross_section(TRIED)
    combined = np.hypot(error, total.error_pb)
    assert abs(total.sum_pb - value) < N_SIGMA * combined
    # negative control: the frame moves the other way
    other = FourPhoton(BARREL, initial=Fixed(lean=-lean), refined=False)
    wrong = cross_section(other, Stream(1, 4), 100 * LANES)
    assert abs(wrong.sum_pb - value) > N_SIGMA * combined


def test_radiation() -> None:
    """With radiation off the beams, in the region of the lab; without it as control."""
    initial = InitialState(radiation=True)
    space = PhaseSpace(energy_cms_min_GeV=2.0, extra_energy_cms_min_GeV=1.0)
    total = cross_section(FourPhoton(space, initial=initial), Stream(1, 5), 200 * LANES)
    state = start(6)
    drawn = [initial.collide(state, Beams(), 0.0) for _ in range(TRIED // LANES)]
    columns = [
        np.concatenate([getattr(c, name) for c in drawn]).astype(np.float64)
        for name in ("root", "rapidity", "weight")
    ]
    n = columns[0].size
    rng = np.random.default_rng(7)
    root, rapidity, weight = columns
    radiating = {"root": root, "rapidity": rapidity, "radiation": weight}
    value, error = reference.flat(n, acceptance(space), rng, **radiating).cross_section(
        n
    )
    combined = np.hypot(error, total.error_pb)
    assert abs(total.sum_pb - value) < N_SIGMA * combined
    born = cross_section(FourPhoton(space), Stream(1, 5), 200 * LANES)
    assert abs(born.sum_pb - value) > N_SIGMA * combined


# weights


@pytest.mark.parametrize(
    ("space", "share"), [(ALL_HARD, 0.7), (SOURCE, 0.7), (BARREL, 0.6)]
)
def test_effective_sample_size(space: PhaseSpace, share: float) -> None:
    total = cross_section(FourPhoton(space), Stream(1, 2), 100 * LANES)
    assert total.effective_events / total.n_events > share


def test_weights_inside_vary_little() -> None:
    for refined, most in ((False, 3), (True, 10)):
        blocks = sample(FourPhoton(SOURCE, refined=refined), 50, 9)
        weight = join([b.weight_pb for b in blocks])
        kept = weight[weight > 0]
        assert kept.max() / kept.mean() < most


def test_alpha_to_the_fourth() -> None:
    one, two = (
        FourPhoton(alpha=alpha).block(start(3), LANES, 1.0)
        for alpha in (1 / 137.036, 1 / 128.0)
    )
    ratio = two.weight_pb.sum() / one.weight_pb.sum()
    assert ratio == pytest.approx((137.036 / 128) ** 4, rel=1e-6)


def test_padding_has_no_weight() -> None:
    block = FourPhoton().block(start(4), 100, 1.0)
    assert not block.weight_pb[100:].any()
    assert block.weight_pb[:100].any()
    assert block.n_prompt == 4
    assert isinstance(block, Photons)


# refusals


@pytest.mark.parametrize("energy", [2.7, 4.0, 6.0])
@pytest.mark.parametrize("radiation", [False, True])
def test_energies_too_large_for_four_photons(energy: float, radiation: bool) -> None:
    sampler = FourPhoton(
        PhaseSpace(energy_cms_min_GeV=energy),
        initial=InitialState(radiation=radiation),
    )
    block = sampler.block(start(8), LANES, 1.0)
    assert not block.weight_pb.any()


@pytest.mark.parametrize("angles", [(2.0, 150.0), (17.0, 178.0)])
def test_beam_line_inside(angles: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=r"holds a beam line, 2\.38 deg off"):
        FourPhoton(PhaseSpace(angles))
