"""The whole detector against the reference, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from detector.crystals import hit
from detector.geometry import belle2
from detector.response import BackgroundLevel
from detector.separation import Distance, MergeRule, count_deposits
from detector.simulate import Clusters, Detector
from detector.trigger import Trigger
from generator.signal import Exponential, Prompt, Signal
from generator.simd import LANES
from tests.compare import (
    FALSE_ALARM,
    Floats,
    as_reference,
    contingency,
    photons_of,
    sample,
    start,
)
from tests.reference import detector as reference
from tests.reference.detector import Rings, Rule, Settings
from tests.reference.response import Background

if TYPE_CHECKING:
    from tests.reference.beams import Bools

Numbers: TypeAlias = NDArray[np.integer] | NDArray[np.bool_] | Floats
PAPER = Trigger(merge_crystals=4)


def simulate(detector: Detector, sampler: Signal, n_blocks: int) -> list[Clusters]:
    state = start(99)
    return [detector.simulate(block, state) for block in sample(sampler, n_blocks, 5)]


def column(clusters: list[Clusters], name: str) -> Floats:
    return np.concatenate([getattr(c, name) for c in clusters], axis=-1)


def expected(
    settings: Settings, sampler: Signal, n_blocks: int, rings: Rings
) -> tuple[reference.Clusters, Bools]:
    """Run the reference on other events of the same sampler."""
    photons = as_reference(sample(sampler, n_blocks, 6))
    return reference.simulate(photons, settings, rings, np.random.default_rng(7))


@pytest.mark.parametrize(
    ("mass", "crystals", "rule", "decay"),
    [
        (0.2, 1, MergeRule.SQUARE, Prompt()),
        (0.3, 2, MergeRule.SQUARE, Prompt()),
        (0.5, 4, MergeRule.CROSS, Prompt()),
        (1.0, 2, MergeRule.CROSS, Prompt()),
        (3.0, 4, MergeRule.SQUARE, Prompt()),
        (0.3, 2, MergeRule.SQUARE, Exponential(1.0)),
    ],
)
def test_detector_against_the_reference(
    mass: float,
    crystals: int,
    rule: MergeRule,
    decay: Prompt | Exponential,
    rings: Rings,
) -> None:
    """Nine distributions and two rates: 11 tests at 1e-4, with two controls."""
    sampler = Signal(mass, decay=decay)
    detector = Detector(
        merge_crystals=crystals,
        merge_rule=rule,
        merge_distance=Distance.INDEX,
        photon_efficiency=0.95,
        background=BackgroundLevel.MEDIUM,
        trigger=PAPER,
    )
    settings = Settings(crystals, Rule(rule.value), 0.95, Background.MEDIUM)
    mine = simulate(detector, sampler, 50)
    theirs, fired = expected(settings, sampler, 50, rings)
    exists = column(mine, "energy") > 0
    for slot in range(3):
        for name in ("energy", "theta", "phi"):
            first = column(mine, name)[slot, exists[slot]]
            second = getattr(theirs, name)[slot, theirs.exists[slot]]
            assert contingency(first, second, 40) > FALSE_ALARM, (slot, name)
    numbers = (exists.sum(axis=0), theirs.exists.sum(axis=0))
    assert same_shares(*numbers) > FALSE_ALARM
    assert same_shares(column(mine, "triggered"), fired) > FALSE_ALARM
    # negative controls: the other number of crystals, the other trigger clustering
    if rule is MergeRule.SQUARE and mass < 1:
        other = simulate(replace(detector, merge_crystals=crystals + 1), sampler, 50)
        wrong = (column(other, "energy") > 0).sum(axis=0)
        assert same_shares(wrong, numbers[1]) < FALSE_ALARM
        fine = simulate(replace(detector, trigger=Trigger()), sampler, 50)
        triggered = column(fine, "triggered")
        assert same_shares(triggered, fired) < FALSE_ALARM


def same_shares(first: Numbers, second: Numbers) -> float:
    """Return the p-value of two samples of small integers being alike."""
    highest = int(max(first.max(), second.max()))  # booleans are 0 and 1
    counts = np.zeros((2, highest + 1))
    counts[0] = np.bincount(first.astype(int), minlength=highest + 1)
    counts[1] = np.bincount(second.astype(int), minlength=highest + 1)
    return float(stats.chi2_contingency(counts[:, counts.sum(axis=0) > 0]).pvalue)


def test_trigger_counts_deposits() -> None:
    energy = np.array([[0.11, 0.09, 5.0], [2.0, 2.0, 0.0], [3.0, 3.0, 5.0]])
    phi = np.radians([[0.0] * 3, [90.0] * 3, [180.0] * 3])
    block = photons_of(energy, np.full((3, 3), 1.5), phi)
    found = Detector().simulate(block, start(0)).triggered[:3]
    assert found.tolist() == [True, False, False]
    two = Detector(trigger=Trigger(min_deposits=2)).simulate(block, start(0))
    assert two.triggered[:3].all()
    off = Detector(trigger=Trigger(enabled=False)).simulate(block, start(0))
    assert off.triggered.all()


def test_soft_photons_together_reach_the_threshold() -> None:
    energy = np.array([[0.06], [0.06], [0.06]])
    phi = np.radians([[10.0], [11.0], [100.0]])
    hits = hit(photons_of(energy, np.full((3, 1), 1.5), phi), belle2(), 1.0, start(0))
    assert count_deposits(hits, 2, MergeRule.SQUARE, 0.1)[0] == 1
    assert count_deposits(hits, 0, MergeRule.SQUARE, 0.1)[0] == 0
    assert count_deposits(hits, 0, MergeRule.SQUARE, 0.05)[0] == 3


def test_trigger_merges_coarsely() -> None:
    """8 deg apart in azimuth: three barrel crystals, one trigger cluster of four."""
    phi = np.radians([[1.0], [9.0], [180.0]])
    block = photons_of(np.ones((3, 1)), np.full((3, 1), 1.5), phi)
    fine, coarse = (
        Detector(trigger=Trigger(merge_crystals=n)).simulate(block, start(0))
        for n in (1, 4)
    )
    assert fine.triggered[0]
    assert not coarse.triggered[0]
    assert (coarse.energy[:, 0] > 0).all()  # the offline clusters stay three


def test_same_lanes_give_the_same_clusters() -> None:
    block = sample(Signal(1.0), 1, 1)[0]
    first, second = (Detector().simulate(block, start(4)) for _ in range(2))
    np.testing.assert_array_equal(first.energy, second.energy)
    other = Detector().simulate(block, start(5))
    assert not np.array_equal(first.energy, other.energy)
    assert first.weight_pb is block.weight_pb


def test_clusters_as_awkward() -> None:
    clusters = Detector().simulate(sample(Signal(0.2), 1, 1)[0], start(4))
    array = clusters.as_awkward()
    assert len(array) == LANES
    counts = (clusters.energy > 0).sum(axis=0)
    assert [len(event) for event in array.E.to_list()] == counts.tolist()
    assert {2, 3} <= set(counts.tolist())


def test_bad_detector() -> None:
    for efficiency in (-0.1, 1.2, np.nan):
        with pytest.raises(ValueError, match=r"photon_efficiency = .*: need 0 to 1"):
            Detector(photon_efficiency=efficiency)
    with pytest.raises(ValueError, match="merge_crystals = -1: need at least 0"):
        Detector(merge_crystals=-1)


def test_bad_trigger() -> None:
    with pytest.raises(ValueError, match="trigger min_deposits = -1: need"):
        Trigger(min_deposits=-1)
    with pytest.raises(ValueError, match="trigger merge_crystals = -2: need"):
        Trigger(merge_crystals=-2)
    for threshold in (-0.1, np.nan):
        with pytest.raises(ValueError, match=r"trigger threshold_GeV = .*: need"):
            Trigger(threshold_GeV=threshold)


def test_options_by_name_are_the_members() -> None:
    by_name = Detector(merge_rule="cross", background="high")  # type: ignore[arg-type]
    assert by_name.merge_rule is MergeRule.CROSS
    assert by_name.background is BackgroundLevel.HIGH


@pytest.mark.parametrize("option", ["merge_rule", "merge_distance", "background"])
def test_unknown_options_are_refused(option: str) -> None:
    with pytest.raises(ValueError, match=f"{option} = 'circle': allowed are"):
        Detector(**{option: "circle"})  # type: ignore[arg-type]
