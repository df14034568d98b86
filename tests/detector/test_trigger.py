"""What an analysis asks of the trigger, and the decision."""

from __future__ import annotations

import numpy as np
import pytest

from detector.crystals import hit
from detector.geometry import belle2
from detector.separation import Distance, MergeRule
from detector.simulate import ClusterModel, Clusters, Detector
from detector.trigger import Trigger
from detector.trigger_lines import HltLine, L1Line
from generator.signal import Signal
from generator.simd import LANES
from tests.compare import sample, start

RULES = (MergeRule.SQUARE, Distance.IMPACT)


def simulated(
    trigger: Trigger, model: ClusterModel = ClusterModel.SEPARATION
) -> Clusters:
    block = sample(Signal(0.5), 1, 3)[0]
    return Detector(trigger=trigger, model=model).simulate(block, start(1), record=True)


@pytest.mark.parametrize("model", ClusterModel)
def test_one_line_of_each_level_must_fire(model: ClusterModel) -> None:
    trigger = Trigger(l1=("lml0", "lml1"), hlt=("neutral_barrel",))
    found = simulated(trigger, model)
    assert found.l1 is not None
    assert found.hlt is not None
    first = (found.l1 & (L1Line.LML0.bit | L1Line.LML1.bit)) != 0
    second = (found.hlt & HltLine.NEUTRAL_BARREL.bit) != 0
    np.testing.assert_array_equal(found.triggered, first & second)
    shares = [float(np.mean(x)) for x in (first, second, found.triggered)]
    assert 0.1 < shares[2] < min(shares[:2]) < max(shares[:2]) < 1.0


def test_only_the_named_levels_count() -> None:
    l1, hlt = Trigger(l1=("lml1",)), Trigger(hlt=("gg_barrel_loose",))
    assert (l1.needs_l1, l1.needs_hlt) == (True, False)
    assert (hlt.needs_l1, hlt.needs_hlt) == (False, True)
    found = simulated(l1)
    assert found.l1 is not None
    np.testing.assert_array_equal(found.triggered, (found.l1 & L1Line.LML1.bit) != 0)


def test_more_lines_trigger_more() -> None:
    few = simulated(Trigger(l1=("lml12",))).triggered
    more = simulated(Trigger(l1=("lml12", "lml1"))).triggered
    assert np.all(more[few])
    assert more.sum() > few.sum()


def test_without_lines_deposits_count() -> None:
    block = sample(Signal(0.2), 1, 3)[0]
    hits = hit(block, belle2(), 1.0, start(2))
    fine = Trigger().decide(hits, *RULES, None, None)
    coarse = Trigger(merge_crystals=4).decide(hits, *RULES, None, None)
    off = Trigger(enabled=False, l1=("c5",)).decide(hits, *RULES, None, None)
    assert np.all(fine[coarse])
    assert coarse.sum() < 0.5 * fine.sum()
    assert off.all()
    assert off.shape == (LANES,)


def test_lines_are_worked_out_only_if_needed() -> None:
    block = sample(Signal(0.5), 1, 3)[0]
    plain = Detector().simulate(block, start(1))
    assert plain.l1 is None
    assert plain.hlt is None
    assert plain.of_photon is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"l1": ("lml99",)}, "trigger line 'lml99': allowed are elow, ehigh"),
        ({"hlt": ("lml1",)}, "trigger line 'lml1': allowed are gg2clst"),
        ({"l1": ("lml1",), "threshold_GeV": 0.0}, "lines of trigger cells need"),
    ],
)
def test_bad_lines(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Trigger(**options)  # type: ignore[arg-type]
