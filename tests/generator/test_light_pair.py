"""The sampler aimed at light pairs: a part of γγγ, event by event and in sum."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pytest

from generator.initial_state import InitialState
from generator.light_pair import LightPair
from generator.phase_space import PhaseSpace
from generator.sampling import Stream, cross_section
from generator.simd import LANES
from generator.three_photon import ThreePhoton
from tests.compare import (
    FALSE_ALARM,
    N_SIGMA,
    Floats,
    as_reference,
    join,
    sample,
    weighted_chi2,
)
from tests.reference.beams import LAB_TO_CMS, SQRT_S, four_momenta, transform

WIDE = PhaseSpace()
PAIRS = ((1, 2), (0, 2), (0, 1))
RADIATING = InitialState(radiation=True)


@cache
def events(sampler: ThreePhoton | LightPair, n_blocks: int) -> tuple[Floats, Floats]:
    """Return four-momenta (4, 3, n) in the CM frame and weights of events inside."""
    blocks = sample(sampler, n_blocks, 5)
    weight = join([b.weight_pb for b in blocks])
    four = transform(LAB_TO_CMS, four_momenta(as_reference(blocks)))
    return four[..., weight > 0], weight[weight > 0]


def pair_masses(four: Floats) -> Floats:
    pairs = np.array([four[:, i] + four[:, j] for i, j in PAIRS])
    squares = pairs[:, 0] ** 2 - (pairs[:, 1:] ** 2).sum(axis=1)
    return np.asarray(np.sqrt(np.maximum(squares, 0)))


def helicity(four: Floats) -> Floats:
    pair = np.linalg.norm(four[1:, 1] + four[1:, 2], axis=0)
    return np.asarray((four[0, 1] - four[0, 2]) / pair)


@pytest.mark.parametrize("refined", [False, True])
@pytest.mark.parametrize("space", [WIDE, PhaseSpace((37.3, 123.7), 0.0, 1.0)])
def test_ranges_of_masses_add_up(space: PhaseSpace, refined: bool) -> None:
    """Four ranges against the other sampler of the same process."""
    edges = (0.0, 0.3, 1.0, 3.0, SQRT_S - 1e-3)
    parts = [
        cross_section(
            LightPair(space, refined=refined, pair_mass_GeV=(low, high)),
            Stream(1, k),
            100 * LANES,
        )
        for k, (low, high) in enumerate(itertools.pairwise(edges))
    ]
    whole = cross_section(ThreePhoton(space), Stream(1, 9), 300 * LANES)
    error = np.hypot(whole.error_pb, np.hypot.reduce([p.error_pb for p in parts]))
    difference = sum(p.sum_pb for p in parts) - whole.sum_pb
    assert abs(difference) < N_SIGMA * error
    assert abs(difference - parts[1].sum_pb) > N_SIGMA * error  # a range is missing


def test_events_are_those_of_the_plain_sampler() -> None:
    """χ² of five distributions below 1.5 GeV; a wrong power of the mass fails."""
    aimed, weight = events(LightPair(pair_mass_GeV=(0.0, 1.5)), 200)
    plain, plain_weight = events(ThreePhoton(), 1500)
    light = pair_masses(plain).min(axis=0) < 1.5
    plain, plain_weight = plain[..., light], plain_weight[light]

    def observables(four: Floats) -> dict[str, Floats]:
        hardest, softest = four[0].argmax(axis=0), four[0].min(axis=0)
        cos = (four[3] / four[0])[hardest, np.arange(hardest.size)]
        return {
            "m": pair_masses(four).min(axis=0),
            "recoil cos": cos,
            "softest E": softest,
            "other m": np.sort(pair_masses(four), axis=0)[1],
            "azimuth": np.arctan2(four[2], four[1])[0],
        }

    mine, theirs = observables(aimed), observables(plain)
    for name in ("m", "recoil cos", "softest E", "other m"):
        first, second = (mine[name], weight), (theirs[name], plain_weight)
        assert weighted_chi2(first, second) > FALSE_ALARM, name
    tilted = weight * mine["m"] ** 0.2 / np.average(mine["m"] ** 0.2, weights=weight)
    assert weighted_chi2((mine["m"], tilted), (theirs["m"], plain_weight)) < FALSE_ALARM


@pytest.mark.parametrize("initial", [InitialState(), RADIATING])
def test_the_pair_is_the_lightest_and_in_range(initial: InitialState) -> None:
    sampler = LightPair(initial=initial, pair_mass_GeV=(0.2, 0.4), helicity_max=0.6)
    four, _ = events(sampler, 100)
    masses = pair_masses(four)
    assert (masses[0] <= masses[1:].min(axis=0) * (1 + 1e-5)).all()
    assert masses[0].min() + 1e-3 > 0.2
    assert masses[0].max() < 0.4 + 1e-3
    if not initial.radiation:
        assert np.abs(helicity(four)).max() < 0.6 + 1e-3
        np.testing.assert_allclose(four[0].sum(axis=0), SQRT_S, rtol=3e-6)


def test_a_bound_on_the_helicity_cuts_nothing_else() -> None:
    free = LightPair(pair_mass_GeV=(0.1, 0.8))
    four, weight = events(free, 200)
    kept = np.abs(helicity(four)) < 0.7
    cut = float(weight[kept].sum())
    error = float(np.sqrt((weight[kept] ** 2).sum()))
    bound = LightPair(pair_mass_GeV=(0.1, 0.8), helicity_max=0.7)
    asked = cross_section(bound, Stream(3, 3), 100 * LANES)
    assert abs(asked.sum_pb - cut) < N_SIGMA * np.hypot(error, asked.error_pb)
    assert abs(weight.sum() - cut) > N_SIGMA * np.hypot(error, asked.error_pb)


def test_radiation_adds_up_too() -> None:
    edges = (0.0, 1.0, SQRT_S - 1e-3)
    parts = [
        cross_section(
            LightPair(initial=RADIATING, pair_mass_GeV=pair), Stream(4, k), 300 * LANES
        )
        for k, pair in enumerate(itertools.pairwise(edges))
    ]
    whole = cross_section(ThreePhoton(initial=RADIATING), Stream(4, 9), 300 * LANES)
    error = np.hypot(whole.error_pb, np.hypot.reduce([p.error_pb for p in parts]))
    difference = sum(p.sum_pb for p in parts) - whole.sum_pb
    assert abs(difference) < N_SIGMA * error
    assert error < 0.02 * whole.sum_pb


@pytest.mark.parametrize(
    ("pair", "most", "message"),
    [
        ((1.0, 1.0), 1.0, "need 0 <= low < high"),
        ((-0.1, 1.0), 1.0, "need 0 <= low < high"),
        ((0.1, 11.0), 1.0, r"<= sqrt\(s\) = 10\.58 GeV"),
        ((0.1, float("nan")), 1.0, "need 0 <= low < high"),
        ((0.1, 1.0), 0.0, r"helicity_max = 0: need a number in \(0, 1\]"),
        ((0.1, 1.0), 1.1, r"helicity_max = 1\.1"),
    ],
)
def test_refusals(pair: tuple[float, float], most: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LightPair(pair_mass_GeV=pair, helicity_max=most)
