"""Candidates from the same clusters: kernels against the reference, event by event."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest

from detector.simulate import Clusters, Detector
from generator.beams import Beams
from generator.sampling import Stream, blocks
from generator.signal import Signal
from generator.simd import LANES
from generator.three_photon import ThreePhoton
from selection.candidates import Candidates, Cuts, Stage, select
from tests.compare import Floats, start
from tests.reference import selection as reference
from tests.reference.detector import Clusters as ReferenceClusters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from generator.sampling import Sampler
    from tests.reference.beams import Bools

BEAMS, CUTS = Beams(), Cuts()


def clusters_of(
    energy: Floats, theta: Floats, phi: Floats, triggered: Bools | None = None
) -> Clusters:
    """Return a block of clusters from arrays (slots, n), n ≤ LANES."""
    slots, n = energy.shape
    columns = np.zeros((3, slots, LANES))
    columns[1] = np.pi / 2
    columns[:, :, :n] = energy, theta, phi
    fired = np.ones(LANES, np.bool_)
    fired[:n] = True if triggered is None else triggered
    weight = np.zeros(LANES)
    weight[:n] = 1.0
    return Clusters(columns[0], columns[1], columns[2], fired, weight, n)


def simulated(sampler: Sampler, seed: int) -> Clusters:
    state = start(seed)
    return Detector().simulate(sampler.block(state, LANES, 1.0), state)


def random_clusters(seed: int, slots: int) -> Clusters:
    """Return clusters of no process, with absent, soft and forward ones."""
    rng = np.random.default_rng(seed)
    energy = rng.exponential(1.0, (slots, LANES))
    energy[rng.random((slots, LANES)) < 0.1] = 0
    theta, phi = (
        rng.uniform(0.2, 2.75, (slots, LANES)),
        rng.uniform(0, 6.28, energy.shape),
    )
    return clusters_of(energy, theta, phi, rng.random(LANES) < 0.8)


class Expected(NamedTuple):
    """What the reference makes of a block."""

    level_low: NDArray[np.int64]
    level_high: NDArray[np.int64]
    accepted: Bools
    pairs: reference.Candidates
    clear: Bools
    """Whether no cut is within float32 rounding, shape (LANES,)."""


def expect(clusters: Clusters) -> Expected:
    exists = clusters.energy > 0
    plain = ReferenceClusters(
        clusters.energy,
        clusters.theta,
        clusters.phi,
        np.ones(exists.shape, np.int64),
        exists,
    )
    energy, hard, good = reference.good_clusters(plain)
    passed = exists.sum(axis=0) >= 3
    level = passed.astype(int)
    for mask in (clusters.triggered, hard.sum(axis=0) == 3, good.sum(axis=0) == 3):
        passed = passed & mask
        level = level + passed
    pairs = reference.candidates(*reference.take_three(plain, energy, good & passed))
    levels = []
    for name in reference.Name:
        full = level.copy()
        full[passed] += reference.pass_helicity(pairs, name)
        levels.append(full)
    distance = np.full(LANES, np.inf)
    for margin in (energy - 0.25, clusters.theta - np.radians(17.0)):
        distance = np.minimum(distance, np.abs(margin).min(axis=0))
    upper = np.abs(clusters.theta - np.radians(150.0)).min(axis=0)
    clear = np.minimum(distance, upper) > 2e-6
    cosine = np.abs(pairs.cos_helicity)
    ordered = np.sort(pairs.mass_squared, axis=0)
    close = (np.abs(cosine - 0.6) < 1e-4) | (np.abs(cosine - 0.9) < 1e-4)
    close |= ordered[1] - ordered[0] < 1e-4 * ordered[0]
    clear[passed] &= ~close.any(axis=0)
    return Expected(levels[0], levels[1], passed, pairs, clear)


SAMPLES = {
    "signal 0.2": lambda: simulated(Signal(0.2), 1),
    "signal 1": lambda: simulated(Signal(1.0), 2),
    "signal 8": lambda: simulated(Signal(8.0), 3),
    "three photons": lambda: simulated(ThreePhoton(), 4),
    "random 3": lambda: random_clusters(5, 3),
    "random 5": lambda: random_clusters(6, 5),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_levels_are_those_of_the_reference(name: str) -> None:
    clusters = SAMPLES[name]()
    found, expected = select(clusters, BEAMS, CUTS), expect(clusters)
    clear = expected.clear
    assert clear.mean() > 0.98
    np.testing.assert_array_equal(found.level_low[clear], expected.level_low[clear])
    np.testing.assert_array_equal(found.level_high[clear], expected.level_high[clear])
    assert np.unique(found.level_low).size >= 3  # the sample exercises the cuts


@pytest.mark.parametrize("name", SAMPLES)
def test_kinematics_are_those_of_the_reference(name: str) -> None:
    """Pair k is the reference's pair 2 − k; float32 limits the opening angle."""
    clusters = SAMPLES[name]()
    found, expected = select(clusters, BEAMS, CUTS), expect(clusters)
    kept = expected.accepted & expected.clear
    inner = expected.clear[expected.accepted]
    assert kept.sum() > 100
    mass2 = found.pair_m2.reshape(3, LANES)[::-1, kept]
    theirs = expected.pairs.mass_squared[:, inner]
    np.testing.assert_allclose(np.sqrt(mass2), np.sqrt(theirs), rtol=5e-6, atol=3e-6)
    energy = found.energy_cms.reshape(3, LANES)[:, kept]
    np.testing.assert_allclose(energy, expected.pairs.energy_cms[:, inner], rtol=1e-6)
    lightest = found.lightest_m2[kept]
    np.testing.assert_array_equal(lightest, mass2.min(axis=0))


def levels_of(clusters: Clusters, cuts: Cuts = CUTS) -> tuple[int, int]:
    found: Candidates = select(clusters, BEAMS, cuts)
    return int(found.level_low[0]), int(found.level_high[0])


def three(energy: tuple[float, ...], theta_deg: tuple[float, ...]) -> Clusters:
    phi = np.radians([[0.0], [120.0], [240.0], [300.0]])[: len(energy)]
    theta = np.radians(theta_deg)[:, None]
    return clusters_of(np.array(energy)[:, None], theta, phi)


@pytest.mark.parametrize(
    ("energy", "theta_deg", "level"),
    [
        ((3.0, 3.0), (90, 90), Stage.GENERATED),
        ((3.0, 3.0, 0.2), (90, 90, 90), Stage.TRIGGER),
        ((3.0, 3.0, 3.0, 3.0), (90, 90, 90, 90), Stage.TRIGGER),
        ((3.0, 3.0, 3.0), (90, 90, 16), Stage.ENERGY),
        ((3.0, 3.0, 3.0), (90, 90, 151), Stage.ENERGY),
        ((3.0, 3.0, 3.0), (90, 90, 90), Stage.HELICITY),
        ((3.0, 3.0, 3.0, 0.1), (90, 90, 90, 90), Stage.HELICITY),
    ],
)
def test_last_stage(
    energy: tuple[float, ...], theta_deg: tuple[float, ...], level: Stage
) -> None:
    assert levels_of(three(energy, theta_deg)) == (level, level)


def test_untriggered_events_stop_there() -> None:
    clusters = three((3.0, 3.0, 3.0), (90, 90, 90))
    clusters.triggered[0] = False
    assert levels_of(clusters) == (Stage.DETECTED, Stage.DETECTED)


def test_cuts_are_the_ones_given() -> None:
    clusters = three((3.0, 3.0, 0.2), (90, 90, 40))
    assert levels_of(clusters, Cuts(energy_cms_min_GeV=0.1))[0] >= Stage.ACCEPTANCE
    tight = Cuts(energy_cms_min_GeV=0.1, theta_lab_deg=(45.0, 150.0))
    assert levels_of(clusters, tight) == (Stage.ENERGY, Stage.ENERGY)
    even = three((3.0, 3.0, 2.0), (90, 90, 90))
    strict = Cuts(helicity_low=1e-3, helicity_high=1e-3)
    assert levels_of(even, strict) == (Stage.ACCEPTANCE, Stage.ACCEPTANCE)


def test_signal_pair_is_pair_zero() -> None:
    found = select(simulated(Signal(3.0), 7), BEAMS, CUTS)
    kept = found.level_high >= Stage.HELICITY
    pairs = np.sqrt(found.pair_m2.reshape(3, LANES)[:, kept])
    assert np.median(np.abs(pairs[0] - 3.0)) < 0.05
    assert np.median(np.abs(pairs[1] - 3.0)) > 0.5


@pytest.mark.parametrize(
    ("cuts", "message"),
    [
        ({"energy_cms_min_GeV": -0.1}, "energy_cms_min_GeV = -0.1: need at least 0"),
        ({"helicity_low": 0.0}, "helicity cuts 0 and 0.9"),
        ({"helicity_high": -1.0}, "both must be positive"),
    ],
)
def test_bad_cuts(cuts: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Cuts(
            energy_cms_min_GeV=cuts.get("energy_cms_min_GeV", 0.25),
            helicity_low=cuts.get("helicity_low", 0.6),
            helicity_high=cuts.get("helicity_high", 0.9),
        )


@pytest.mark.parametrize("angles", [(150.0, 17.0), (-5.0, 90.0), (17.0, 181.0)])
def test_bad_angles(angles: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="need 0 <= low < high <= 180"):
        Cuts(theta_lab_deg=angles)


def test_candidates_as_awkward() -> None:
    beams, cuts = Beams(), Cuts()
    photons, state = next(blocks(Signal(1.0), Stream(1, 1), 1000))
    found = select(Detector().simulate(photons, state), beams, cuts)
    events = found.as_awkward()
    assert len(events) == 1000
    assert events.pair_m2.to_numpy().shape == (1000, 3)
    good = events[events.level_low >= int(Stage.ACCEPTANCE)]
    smallest = good.pair_m2.to_numpy().min(axis=1)
    np.testing.assert_array_equal(good.lightest_m2.to_numpy(), smallest)
    assert good.weight_pb.to_numpy().sum() == pytest.approx(len(good) / 1000)
