"""Accept-reject: one weight, the right distribution and cross section, from the seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from generator.bhabha import RadiativeBhabha
from generator.columns import Photons
from generator.initial_state import InitialState
from generator.pdg import PHOTON
from generator.phase_space import PhaseSpace
from generator.sampling import Stream, blocks, cross_section
from generator.signal import Exponential, Signal
from generator.simd import LANES
from generator.units import uniform
from generator.unweight import ABOVE, Unweighted, ceiling, unweight
from tests.compare import FALSE_ALARM, N_SIGMA, Floats, flatness, weighted_chi2

if TYPE_CHECKING:
    from generator.random import LaneState

STREAM = Stream(4, 99)
SIGMA_PB = 7.0


@dataclass(frozen=True)
class Power:
    """One photon of energy uniform in (0, 1) and weight σ (p + 1) E^p."""

    power: float
    name: str = "power"
    slots: int = 1
    pdg: tuple[int, ...] = (PHOTON,)
    parents: tuple[int, ...] = (0,)

    def block(self, state: LaneState, n_events: int, scale: float) -> Photons:
        energy = uniform(state, 1).astype(np.float64)
        weight = scale * SIGMA_PB * (self.power + 1.0) * energy**self.power
        weight[n_events:] = 0.0
        angle = np.ones((1, LANES))
        return Photons(energy[np.newaxis], angle, angle, weight, n_events, n_prompt=1)


def events(sample: Unweighted) -> tuple[Floats, Floats]:
    """Return (slots, n) energies and n weights."""
    found = list(sample.blocks())
    assert all(b.n_events == LANES for b in found[:-1])
    energy = np.concatenate([b.energy[:, : b.n_events] for b in found], axis=1)
    return energy, np.concatenate([b.weight_pb[: b.n_events] for b in found])


def test_accepted_events_follow_the_weight() -> None:
    """E³ is uniform for a weight ∝ E²; accepting with w² gives E⁵, which fails."""
    sampler, n = Power(2.0), 20_000
    energy, weight = events(unweight(sampler, STREAM, n))
    assert energy.shape == (1, n)
    assert flatness(energy[0] ** 3) > FALSE_ALARM
    assert weight.max() < 1.001 * weight.min()
    squared, _ = events(unweight(Power(4.0), STREAM, n))
    assert flatness(squared[0] ** 5) > FALSE_ALARM
    assert flatness(squared[0] ** 3) < FALSE_ALARM


@pytest.mark.parametrize("power", [0.0, 2.0, -0.4])
def test_weights_sum_to_the_cross_section(power: float) -> None:
    """The last one has no largest weight."""
    n = 30_000
    sample = unweight(Power(power), STREAM, n)
    _, weight = events(sample)
    assert weight.size == n
    assert weight.sum() == pytest.approx(sample.tried.sum_pb, rel=1e-12)
    assert sample.kept.sum_pb == pytest.approx(sample.tried.sum_pb, rel=1e-12)
    assert sample.kept.largest_pb == pytest.approx(weight.max())
    error = sample.tried.error_pb
    assert abs(sample.tried.sum_pb - SIGMA_PB) <= N_SIGMA * error
    largest = (power + 1.0) * SIGMA_PB / sample.ceiling_pb
    if power >= 0.0:
        assert sample.efficiency == pytest.approx(1.0 / (power + 1.0), rel=0.02)
        assert largest < 1.001
    above = weight > 1.0000001 * sample.unit_pb
    assert sample.above == pytest.approx(weight[above].sum() / weight.sum())
    assert sample.above < 3.0 * ABOVE


def test_an_unbounded_weight_keeps_its_distribution() -> None:
    """Events above the ceiling carry their excess; without it the tail would be low."""
    n = 200_000
    energy, weight = events(unweight(Power(-0.4), STREAM, n))
    tail = energy[0] < 1e-5
    expected = SIGMA_PB * 1e-5**0.6
    error = np.sqrt((weight[tail] ** 2).sum())
    assert abs(weight[tail].sum() - expected) < N_SIGMA * error
    assert weight[tail].max() > 1.5 * np.median(weight)
    cut = np.median(weight) * tail.sum()
    assert abs(cut - expected) > N_SIGMA * error


def test_events_of_a_process_agree_with_the_weighted_ones() -> None:
    """Energies of photon and electron, angle of the photon, norm included.

    e⁺e⁻γ has the widest spread of weights. False alarm of each comparison: 1 in 10⁴.
    The control accepts with w².
    """
    sampler, n = RadiativeBhabha(PhaseSpace()), 30_000

    def observables(found: list[Photons]) -> tuple[Floats, Floats]:
        energy = np.concatenate([b.energy[:, : b.n_events] for b in found], axis=1)
        theta = np.concatenate([b.theta[:, : b.n_events] for b in found], axis=1)
        values = np.stack([energy[0], energy[1], theta[0]])
        return values, np.concatenate([b.weight_pb[: b.n_events] for b in found])

    values, weight = observables([b for b, _ in blocks(sampler, STREAM, 8 * n)])
    values, weight = values[:, weight > 0.0], weight[weight > 0.0]
    sample = unweight(sampler, STREAM, n)
    flat, unit = observables(list(sample.blocks()))
    share = weight / np.quantile(weight, 0.999)
    wrong = share**2 > np.random.default_rng(1).random(weight.size)
    equal = np.full(wrong.sum(), weight.sum() / wrong.sum())
    control = []
    for row, other in zip(values, flat, strict=True):
        assert weighted_chi2((row, weight), (other, unit)) > FALSE_ALARM
        control.append(weighted_chi2((row[wrong], equal), (other, unit)))
    assert min(control) < FALSE_ALARM
    direct = cross_section(sampler, STREAM, 8 * n)
    error = np.hypot(direct.error_pb, sample.tried.error_pb)
    assert abs(direct.sum_pb - sample.tried.sum_pb) < N_SIGMA * error
    assert 0.02 < sample.efficiency < 0.2


def test_samples_repeat_and_differ_from_weighted_ones() -> None:
    first, again = (events(unweight(Power(1.0), STREAM, 5000))[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other, _ = events(unweight(Power(1.0), Stream(5, 99), 5000))
    assert not np.array_equal(first, other)
    weighted = next(blocks(Power(1.0), STREAM, LANES))[0].energy
    assert np.intersect1d(first, weighted).size < 20  # float32 numbers meet by chance


def test_fewer_events_are_the_first_ones() -> None:
    few, many = (events(unweight(Power(1.0), STREAM, n))[0] for n in (100, 5000))
    np.testing.assert_array_equal(few, many[:, :100])


def test_decays_stay_with_their_events() -> None:
    """The vertex is where the sum of both photons leads in the proper time."""
    signal = Signal(0.3, decay=Exponential(1.0), initial=InitialState(radiation=True))
    (block, *_) = unweight(signal, STREAM, 3000).blocks()
    assert block.vertex_cm is not None
    assert block.proper_length_cm is not None
    sin = np.sin(block.theta)
    unit = np.stack([sin * np.cos(block.phi), sin * np.sin(block.phi)])
    momentum = (block.energy * unit)[:, 1:].sum(axis=1)
    expected = momentum / 0.3 * block.proper_length_cm
    np.testing.assert_allclose(block.vertex_cm[:2], expected, rtol=1e-3, atol=1e-4)


def test_progress_counts_accepted_blocks() -> None:
    calls: list[int] = []
    unweight(Power(2.0), STREAM, 5 * LANES + 7, lambda: calls.append(1))
    assert len(calls) == 5


@pytest.mark.parametrize("share", [0.0, 1e-3, 0.1])
def test_the_ceiling_leaves_its_share_above(share: float) -> None:
    weight = np.random.default_rng(3).exponential(size=20_000)
    limit = ceiling(weight, share)
    above = weight[weight > limit].sum() / weight.sum()
    assert above <= share
    assert share - above <= weight.max() / weight.sum()


def test_equal_weights_are_all_accepted() -> None:
    assert ceiling(np.full(100, 0.3)) == 0.3
    sample = unweight(Signal(1.0, 2.5), STREAM, 5000)
    assert (sample.efficiency, sample.above) == (1.0, 0.0)
    np.testing.assert_allclose(events(sample)[1], 2.5 / 5000, rtol=1e-6)


def test_what_cannot_be_unweighted_is_refused() -> None:
    with pytest.raises(ValueError, match="none of 9 pilot events is inside the region"):
        ceiling(np.zeros(9))
    with pytest.raises(ValueError, match="a weight of -2 pb is negative"):
        ceiling(np.array([1.0, -2.0]))
    with pytest.raises(ValueError, match="at least one event, not 0"):
        unweight(Power(1.0), STREAM, 0)
