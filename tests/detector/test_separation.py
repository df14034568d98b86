"""The N-crystal rule against the reference, and properties it must have."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from detector.crystals import Hits, hit
from detector.geometry import belle2
from detector.separation import (
    Distance,
    MergeRule,
    count_deposits,
    labels,
    merge,
)
from generator.simd import LANES
from tests.compare import FALSE_ALARM, Floats, photons_of, start
from tests.reference import detector as reference
from tests.reference.beams import Bools
from tests.reference.beams import Photons as ReferencePhotons
from tests.reference.detector import Rings, Rule

if TYPE_CHECKING:
    from numpy.typing import NDArray

RULES = {MergeRule.SQUARE: Rule.SQUARE, MergeRule.CROSS: Rule.CROSS}
ECL = belle2()
seeds = st.integers(0, 10_000)
rules = st.sampled_from(MergeRule)
distances = st.sampled_from(Distance)


def crowded(seed: int, slots: int = 4) -> Hits:
    """Return photons a few crystals apart, everywhere and often around φ = 0."""
    rng = np.random.default_rng(seed)
    theta = rng.uniform(0.25, 2.65, LANES) + rng.normal(0, 0.08, (slots, LANES))
    around = np.where(rng.random(LANES) < 0.5, 0.0, rng.uniform(0, 6.3, LANES))
    phi = np.remainder(around + rng.normal(0, 0.1, (slots, LANES)), 2 * np.pi)
    energy = rng.exponential(1.0, (slots, LANES)) + 0.01
    energy[:, rng.random(LANES) < 0.1] = 0  # some events with absent photons
    energy[-1, rng.random(LANES) < 0.2] = 0
    block = photons_of(energy, np.abs(theta), phi)
    return hit(block, ECL, 0.97, start(seed))


def rows(column: NDArray[np.float32]) -> Floats:
    return column.reshape(-1, LANES).astype(float)


def index_labels(
    hits: Hits, n: int, rule: MergeRule, rings: Rings
) -> NDArray[np.int64]:
    """Return the reference's labels: distances of (ring, column) indices."""
    ring = rows(hits.ring).astype(int)
    pitch = 2 * np.pi / rings.n_crystals[ring]
    column = np.floor(rows(hits.phi_crystal) / pitch).astype(int)
    links = reference.linked(
        reference.separate(ring, column % rings.n_crystals[ring], rings), n, RULES[rule]
    )
    return reference.group(links, rows(hits.energy) > 0)


def impact_links(hits: Hits, n: float, rule: MergeRule, rings: Rings) -> Bools:
    """Return which pairs of impact points are closer than ``n`` crystals."""
    ring, theta, phi = rows(hits.ring).astype(int), rows(hits.theta), rows(hits.phi)
    low, high = rings.theta_min[ring], rings.theta_max[ring]
    across = ring + (theta - low) / (high - low)
    pitch = 2 * np.pi / rings.n_crystals[ring]
    first, second = np.triu_indices(len(ring), 1)
    turn = np.abs(phi[first] - phi[second])
    turn = np.minimum(turn, 2 * np.pi - turn) / np.maximum(pitch[first], pitch[second])
    near = np.abs(across[first] - across[second]) < n, turn < n
    both, either = near[0] & near[1], near[0] | near[1]
    return np.asarray(both if rule is MergeRule.SQUARE else either)


def impact_labels(
    hits: Hits, n: float, rule: MergeRule, rings: Rings
) -> NDArray[np.int64]:
    """Return labels of the impact-point rule in float64."""
    seen = rows(hits.energy) > 0
    return reference.group(impact_links(hits, n, rule, rings), seen)


@pytest.mark.parametrize("rule", MergeRule)
@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 6])
def test_index_labels_are_those_of_the_reference(
    n: int, rule: MergeRule, rings: Rings
) -> None:
    for seed in range(5):
        hits = crowded(seed)
        found = labels(hits, n, rule, Distance.INDEX).reshape(-1, LANES)
        np.testing.assert_array_equal(found, index_labels(hits, n, rule, rings))


@pytest.mark.parametrize("rule", MergeRule)
@pytest.mark.parametrize("n", [0, 1, 2, 3, 4])
def test_impact_labels_in_float64(n: int, rule: MergeRule, rings: Rings) -> None:
    """Events whose labels change within the rounding of 2e-3 crystals are left out."""
    for seed in range(5):
        hits = crowded(seed)
        found = labels(hits, n, rule).reshape(-1, LANES)
        low, high = (impact_labels(hits, n + d, rule, rings) for d in (-2e-3, 1e-4))
        clear = (low == high).all(axis=0)
        assert clear.mean() > 0.97
        np.testing.assert_array_equal(found[:, clear], high[:, clear])
        wrong = impact_labels(hits, n + 0.2, rule, rings)
        assert not np.array_equal(found[:, clear], wrong[:, clear])


def test_the_sample_has_what_the_rules_are_about() -> None:
    """Control of the test above: N and the rule change the labels, chains occur."""
    hits = crowded(0)
    shares = [
        (labels(hits, n, rule, distance) != own()).mean()
        for n in (2, 3)
        for rule in MergeRule
        for distance in Distance
    ]
    assert len(set(shares)) == 8
    assert min(shares) > 0.05
    pairs = [
        labels(sub_hits(hits, [first, second]), 3, MergeRule.SQUARE)[LANES:] == 0
        for first, second in ((0, 1), (0, 2), (1, 2))
    ]
    chains = (pairs[0].astype(int) + pairs[1] + pairs[2]) == 2
    assert chains.sum() > 20


def own(slots: int = 4) -> NDArray[np.int64]:
    return np.repeat(np.arange(slots), LANES)


def sub_hits(hits: Hits, order: list[int]) -> Hits:
    """Return hits with slots taken in another order, or fewer of them."""

    def pick(column: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.ascontiguousarray(column.reshape(-1, LANES)[order]).reshape(-1)

    names = [column.name for column in fields(hits) if column.name != "slots"]
    return Hits(len(order), *(pick(getattr(hits, name)) for name in names))


@pytest.mark.parametrize("rule", MergeRule)
@pytest.mark.parametrize("n", [1, 2, 4])
def test_deposits_are_those_of_the_reference(
    n: int, rule: MergeRule, rings: Rings
) -> None:
    hits = crowded(11)
    seen = rows(hits.energy) > 0
    label = index_labels(hits, n, rule, rings)
    photons = ReferencePhotons(rows(hits.energy), rows(hits.theta), rows(hits.phi))
    region = rings.region[rows(hits.ring).astype(int)]
    expected = reference.merge(photons, region, label, seen)
    found = merge(hits, n, rule, Distance.INDEX)
    exists = expected.exists
    np.testing.assert_array_equal(rows(found.energy) > 0, exists)
    np.testing.assert_allclose(rows(found.energy), expected.energy, rtol=2e-6)
    assert np.abs(rows(found.theta) - expected.theta)[exists].max() < 2e-6
    turn = np.remainder(rows(found.phi) - expected.phi + np.pi, 2 * np.pi) - np.pi
    # an energy-weighted mean of azimuths is only defined well below half a turn
    spread = np.abs(turn)[exists]
    assert np.mean(spread < 5e-6) > (0.999 if rule is MergeRule.SQUARE else 0.97)
    hardest = rings.region[rows(found.ring).astype(int)]
    np.testing.assert_array_equal(hardest[exists], expected.region[exists])


@given(seeds, rules, distances, st.integers(0, 6))
def test_energy_is_conserved(
    seed: int, rule: MergeRule, distance: Distance, n: int
) -> None:
    hits = crowded(seed)
    before = rows(hits.energy).sum(axis=0)
    after = rows(merge(hits, n, rule, distance).energy).sum(axis=0)
    np.testing.assert_allclose(after, before, rtol=1e-6)


@given(seeds, rules)
def test_no_merging_within_zero_crystals(seed: int, rule: MergeRule) -> None:
    hits = crowded(seed)
    deposits = merge(hits, 0, rule)
    np.testing.assert_array_equal(deposits.energy, hits.energy)
    seen = hits.energy > 0
    np.testing.assert_allclose(deposits.theta[seen], hits.theta[seen], rtol=1e-6)
    np.testing.assert_array_equal(deposits.ring[seen], hits.ring[seen])


@given(seeds, rules, distances, st.integers(1, 6))
def test_more_crystals_merge_more(
    seed: int, rule: MergeRule, distance: Distance, n: int
) -> None:
    hits = crowded(seed)
    fine, coarse = (
        (rows(merge(hits, crystals, rule, distance).energy) > 0).sum(axis=0)
        for crystals in (n - 1, n)
    )
    assert np.all(coarse <= fine)
    assert np.any(coarse < fine)


@given(seeds, st.integers(1, 6))
def test_cross_merges_what_square_merges(seed: int, n: int) -> None:
    hits = crowded(seed)
    square, cross = (
        (rows(merge(hits, n, rule).energy) > 0).sum(axis=0) for rule in RULES
    )
    assert np.all(cross <= square)


@given(seeds, rules, distances, st.integers(1, 4), st.permutations(range(4)))
def test_order_of_the_photons_means_nothing(
    seed: int, rule: MergeRule, distance: Distance, n: int, order: list[int]
) -> None:
    hits = crowded(seed)
    there = merge(hits, n, rule, distance)
    back = merge(sub_hits(hits, order), n, rule, distance)
    for first, second in (
        (there.energy, back.energy),
        (there.energy * there.theta, back.energy * back.theta),
    ):
        np.testing.assert_allclose(
            np.sort(rows(first), axis=0), np.sort(rows(second), axis=0), rtol=1e-5
        )


@given(seeds, rules, distances, st.integers(1, 4))
def test_connection_is_transitive(
    seed: int, rule: MergeRule, distance: Distance, n: int
) -> None:
    """Photons that a third one connects have one label, the lowest slot's."""
    hits = crowded(seed)
    label = labels(hits, n, rule, distance).reshape(-1, LANES)
    for first, second in ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)):
        two = sub_hits(hits, [first, second])
        pair = labels(two, n, rule, distance).reshape(2, LANES)
        close = pair[1] == 0
        np.testing.assert_array_equal(label[first, close], label[second, close])
    assert np.all(label <= np.arange(4)[:, None])
    leaders = np.take_along_axis(label, label, axis=0)
    np.testing.assert_array_equal(leaders, label)


def test_neighbours_across_phi_zero() -> None:
    phi = np.radians([[359.0], [1.0], [180.0]])
    hits = hit(
        photons_of(np.array([[1.0], [3.0], [2.0]]), np.full((3, 1), 1.5), phi),
        ECL,
        1.0,
        start(0),
    )
    deposits = merge(hits, 2, MergeRule.SQUARE)
    np.testing.assert_allclose(rows(deposits.energy)[:, 0], [4, 0, 2])
    np.testing.assert_allclose(
        np.degrees(rows(deposits.phi)[[0, 2], 0]), [0.5, 180], atol=1e-4
    )


@pytest.mark.parametrize(
    ("crystals", "distance", "share"),
    [
        (1.5, Distance.INDEX, 0.5),
        (1.5, Distance.IMPACT, 1.0),
        (2.2, Distance.INDEX, 0.0),
        (1.0, Distance.INDEX, 1.0),
        (2.2, Distance.IMPACT, 0.0),
    ],
)
def test_edge_of_the_two_distances(
    crystals: float, distance: Distance, share: float, rng: np.random.Generator
) -> None:
    """N = 2: index merges half of what is 1.5 crystals apart (binomial, 1e-4)."""
    phi = rng.uniform(0, 2 * np.pi, LANES)
    phi = np.remainder([phi, phi + crystals * np.radians(2.5)], 2 * np.pi)
    block = photons_of(np.ones((2, LANES)), np.full((2, LANES), 1.5), phi)
    label = labels(hit(block, ECL, 1.0, start(0)), 2, MergeRule.SQUARE, distance)
    merged = int((label[LANES:] == 0).sum())
    assert stats.binomtest(merged, LANES, share).pvalue > FALSE_ALARM
    assert stats.binomtest(merged, LANES, 0.25 + 0.3 * share).pvalue < FALSE_ALARM


@pytest.mark.parametrize("threshold", [0.1, 0.5])
@pytest.mark.parametrize("n", [1, 2, 4])
@pytest.mark.parametrize("rule", MergeRule)
def test_counting_for_the_trigger(
    threshold: float, n: int, rule: MergeRule, rings: Rings
) -> None:
    hits = crowded(21)
    label = index_labels(hits, n, rule, rings)
    energy = rows(hits.energy)
    sums = np.array([(energy * (label == slot)).sum(axis=0) for slot in range(4)])
    found = count_deposits(hits, n, rule, threshold, Distance.INDEX)
    borderline = (np.abs(sums - threshold) < 1e-6).any(axis=0)
    expected = (sums >= threshold).sum(axis=0)
    np.testing.assert_array_equal(found[~borderline], expected[~borderline])
    assert borderline.mean() < 0.01
