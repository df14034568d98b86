"""Clusters of users: the same selection as the toy's own clusters."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from detector.simulate import Clusters, Detector
from generator.beams import Beams
from generator.sampling import Stream, blocks
from generator.signal import Signal
from generator.simd import LANES
from selection.candidates import Cuts, Stage, select
from selection.ntuple import clusters

BEAMS, CUTS = Beams(), Cuts()
N_EVENTS = 2 * LANES + 100


@pytest.fixture(scope="module")
def own() -> list[Clusters]:
    """Return the toy's clusters of a signal sample."""
    detector = Detector()
    sample = blocks(Signal(1.0), Stream(1, 98), N_EVENTS)
    return [detector.simulate(photons, state) for photons, state in sample]


def as_user(own: list[Clusters]) -> ak.Array:
    """Return them the way a flat ntuple of basf2 has them."""
    listed = ak.concatenate([block.as_awkward() for block in own])
    return ak.zip(
        {
            "clusterE": listed["E"],
            "clusterTheta": listed["theta"],
            "clusterPhi": listed["phi"],
        },
        depth_limit=1,
    )


def test_users_clusters_pass_the_same_cuts(own: list[Clusters]) -> None:
    """Slots may differ, since absent clusters close up; decisions and masses may not."""
    fired = np.concatenate([block.triggered[: block.n_events] for block in own])
    theirs = list(clusters(as_user(own), triggered=fired))
    assert [block.n_events for block in theirs] == [LANES, LANES, 100]
    for mine, user in zip(own, theirs, strict=True):
        n = mine.n_events
        one, two = select(mine, BEAMS, CUTS), select(user, BEAMS, CUTS)
        np.testing.assert_array_equal(one.level_low[:n], two.level_low[:n])
        np.testing.assert_array_equal(one.level_high[:n], two.level_high[:n])
        kept = one.level_low[:n] >= Stage.ACCEPTANCE
        assert kept.sum() > 0.5 * n
        np.testing.assert_array_equal(
            one.lightest_m2[:n][kept], two.lightest_m2[:n][kept]
        )


def test_without_a_decision_everything_was_triggered(own: list[Clusters]) -> None:
    (first, *_) = clusters(as_user(own))
    assert first.triggered[: first.n_events].all()
    (none, *_) = clusters(as_user(own), triggered=np.zeros(N_EVENTS, np.bool_))
    assert not none.triggered.any()
    assert select(none, BEAMS, CUTS).level_low.max() == Stage.DETECTED


def test_weights(own: list[Clusters]) -> None:
    weight = np.arange(1, N_EVENTS + 1, dtype=np.float64)
    found = [block.weight_pb for block in clusters(as_user(own), weight_pb=weight)]
    assert sum(column.sum() for column in found) == pytest.approx(weight.sum())
    equal = [block.weight_pb for block in clusters(as_user(own))]
    assert sum(column.sum() for column in equal) == pytest.approx(1.0)
    assert not equal[-1][100:].any()


def test_padding_is_no_event(own: list[Clusters]) -> None:
    *_, last = clusters(as_user(own))
    assert not last.energy[:, 100:].any()
    assert not last.triggered[100:].any()


def test_bad_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="no column for phi: need one of phi, phi_lab"):
        list(clusters(ak.Array([{"E": [1.0], "theta": [1.0]}])))
    bad = ak.Array([{"E": [np.nan], "theta": [1.0], "phi": [1.0]}])
    with pytest.raises(ValueError, match="column E holds numbers that are not finite"):
        list(clusters(bad))


def test_a_decision_per_event_is_needed(own: list[Clusters]) -> None:
    with pytest.raises(ValueError, match="triggered: need one value per event"):
        list(clusters(as_user(own), triggered=np.ones(3, bool)))
