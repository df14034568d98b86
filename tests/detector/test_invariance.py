"""What must not change clusters: a turn by one crystal, order of photons, padding."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.response import BackgroundLevel
from detector.shower_calibration import calibrated
from detector.shower_events import cluster_showers
from detector.simulate import ClusterModel, Detector
from detector.trigger import Trigger
from generator.simd import LANES
from tests.compare import Floats, photons_of, start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detector.simulate import Clusters
    from generator.columns import Photons

PITCH = 2 * np.pi / 144
seeds = st.integers(0, 10_000)
models = st.sampled_from(ClusterModel)
levels = st.sampled_from(BackgroundLevel)
ANY_EVENT = Trigger(enabled=False)


class Barrel(NamedTuple):
    """Photons in the barrel; azimuths in crystals, away from their edges."""

    energy: Floats
    theta: Floats
    column: Floats

    def turned(self, crystals: int) -> Photons:
        """Return a block, turned by whole crystals."""
        phi = PITCH * np.remainder(self.column + crystals, 144.0)
        return photons_of(self.energy, self.theta, phi)


def barrel(seed: int, slots: int = 3) -> Barrel:
    """Return photons that are close to each other in most events."""
    rng = np.random.default_rng(seed)
    theta = rng.uniform(0.65, 2.15, LANES) + rng.normal(0, 0.06, (slots, LANES))
    column = rng.uniform(0, 144, LANES) + rng.normal(0, 2.0, (slots, LANES))
    inside = np.clip(column - np.floor(column), 0.002, 0.998)
    energy = rng.exponential(1.0, (slots, LANES)) + 0.02
    energy[-1, rng.random(LANES) < 0.3] = 0
    # in θ, showers straddle edges too: those are the same before and after
    return Barrel(energy, np.clip(theta, 0.57, 2.24), np.floor(column) + inside)


def anywhere(seed: int, slots: int = 4) -> Photons:
    """Return photons everywhere, often near others."""
    rng = np.random.default_rng(seed)
    theta = rng.uniform(0.25, 2.65, LANES) + rng.normal(0, 0.07, (slots, LANES))
    phi = rng.uniform(0, 2 * np.pi, LANES) + rng.normal(0, 0.1, (slots, LANES))
    energy = rng.exponential(0.7, (slots, LANES)) + 0.02
    return photons_of(energy, np.abs(theta), np.remainder(phi, 6.2831853))


def reordered(photons: Photons, order: Sequence[int]) -> Photons:
    columns = (photons.energy, photons.theta, photons.phi)
    return photons_of(*(np.ascontiguousarray(c[list(order)]) for c in columns))


def differences(first: Clusters, second: Clusters, turn: float = 0.0) -> Floats:
    """Return by event the largest difference of energies [GeV] and of angles [rad]."""
    there = first.energy > 0
    phi = second.phi - first.phi - turn
    phi = np.remainder(phi + np.pi, 2 * np.pi) - np.pi
    angles = np.maximum(np.abs(second.theta - first.theta), np.abs(phi))
    energy = np.abs(second.energy - first.energy)
    return np.stack([energy.max(axis=0), (angles * there).max(axis=0)])


@given(seeds, models, levels, st.integers(1, 143))
@settings(max_examples=20)
def test_barrel_events_may_be_turned_by_crystals(
    seed: int, model: ClusterModel, level: BackgroundLevel, crystals: int
) -> None:
    """Only φ changes, if the random numbers are the same.

    Rounding moves a crystal across a threshold in less than 1 % of the events.
    """
    detector = Detector(model=model, background=level, trigger=ANY_EVENT)
    photons = barrel(seed)
    first, second = (
        detector.simulate(photons.turned(n), start(seed)) for n in (0, crystals)
    )
    energy, angle = differences(first, second, PITCH * crystals)
    close = (energy < 1e-4) & (angle < 3e-5)
    assert np.mean(close) > 0.99
    assert energy.max() < 0.05
    off = differences(first, second, PITCH * (crystals + 0.01))[1]
    assert np.all(off[first.energy[0] > 0] > 3e-5)


def test_turning_by_half_a_crystal_is_noticed() -> None:
    """Control of the test above: showers then share differently."""
    detector, photons = Detector(model=ClusterModel.SHOWER), barrel(1)
    half = replace(photons.turned(0), phi=(photons.turned(0).phi + PITCH / 2) % 6.28318)
    first, second = (detector.simulate(p, start(1)) for p in (photons.turned(0), half))
    energy, angle = differences(first, second, PITCH / 2)
    assert np.mean((energy < 1e-4) & (angle < 3e-5)) < 0.01


@given(seeds, st.permutations(range(4)))
@settings(max_examples=20)
def test_order_of_the_photons_means_nothing(seed: int, order: list[int]) -> None:
    """Showers without fluctuations; at most 1 in 1000 events is at a rule's edge."""
    detector = Detector(model=ClusterModel.SHOWER)
    photons = anywhere(seed)
    factors = calibrated(BackgroundLevel.LOW, fluctuate=False).factors
    found = []
    for block in (photons, reordered(photons, order)):
        hits = detector.hits(block, start(0))
        found.append(cluster_showers(hits, hits.energy, factors, None, start(0)))
    first, second = found
    seen = first.of_photon[order] >= 0, second.of_photon >= 0
    assert np.mean((seen[0] == seen[1]).all(axis=0)) > 0.999
    one, two = (np.sort(clusters.energy, axis=0) for clusters in (first, second))
    change = np.abs(one - two).max(axis=0)
    assert np.mean(change < 1e-4) > 0.999


@given(seeds, st.permutations(range(4)))
@settings(max_examples=10)
def test_order_means_nothing_to_the_rule_of_crystals(
    seed: int, order: list[int]
) -> None:
    """The same photons merge and fire the same lines; energies agree on average.

    The resolution is drawn slot by slot, so clusters are not the same one by one.
    """
    photons, detector = anywhere(seed), Detector(trigger=ANY_EVENT)
    first, second = (
        detector.simulate(block, start(seed), record=True)
        for block in (photons, reordered(photons, order))
    )
    numbers = [(clusters.energy > 0).sum(axis=0) for clusters in (first, second)]
    np.testing.assert_array_equal(*numbers)
    assert first.l1 is not None
    assert second.l1 is not None
    np.testing.assert_array_equal(first.l1, second.l1)
    ratio = second.energy.sum() / first.energy.sum()
    assert ratio == pytest.approx(1.0, abs=2e-3)


@given(seeds, models, st.integers(1, LANES - 1))
@settings(max_examples=10)
def test_padding_carries_nothing(seed: int, model: ClusterModel, n: int) -> None:
    """Lanes beyond the events are empty, and change nothing in the others."""
    full = anywhere(seed)
    columns = (full.energy[:, :n], full.theta[:, :n], full.phi[:, :n])
    part = photons_of(*columns)
    detector = Detector(model=model, background=BackgroundLevel.MEDIUM)
    whole, found = (
        detector.simulate(block, start(seed), record=True) for block in (full, part)
    )
    assert found.n_events == n
    assert not found.energy[:, n:].any()
    assert not found.triggered[n:].any()
    assert not found.weight_pb[n:].any()
    assert found.of_photon is not None
    assert np.all(found.of_photon[:, n:] == -1)
    assert found.l1 is not None
    assert not found.l1[n:].any()
    for name in ("energy", "theta", "phi", "triggered", "l1", "of_photon"):
        one, two = (getattr(c, name)[..., :n] for c in (whole, found))
        np.testing.assert_allclose(one, two, rtol=3e-6)
