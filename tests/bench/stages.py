"""Where the time goes: nanoseconds per event of every stage."""

from __future__ import annotations

from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from detector.crystals import hit
from detector.geometry import belle2
from detector.response import respond
from detector.separation import count_deposits, merge
from detector.simulate import Clusters
from generator.simd import LANES
from selection.candidates import Candidates, select
from selection.tally import Tally
from selection.windows import table

if TYPE_CHECKING:
    from collections.abc import Callable

    from generator.random import LaneState
    from tests.bench.chains import Chain

T = TypeVar("T")
STAGES: Final = ("generate", "hit", "merge", "trigger", "respond", "select", "tally")


class Stepper:
    """Steps through a chain block by block and looks at the clock after each stage.

    `Detector.simulate` is spelled out here, and a test compares the two.
    """

    def __init__(self, chain: Chain) -> None:
        """Set up what is the same for all blocks."""
        self.sampler, config = chain.sampler, chain.config
        self.beams, self.cuts = config.beams.build(), config.selection.cuts()
        self.detector, self.tally = config.build_detector(), Tally(table(chain.windows))
        self.spent: dict[str, int] = {}

    def _timed(self, stage: str, work: Callable[..., T], *arguments: Any) -> T:
        start = perf_counter_ns()
        result = work(*arguments)
        self.spent[stage] = perf_counter_ns() - start
        return result

    def block(self, state: LaneState) -> Candidates:
        """Run a block of LANES events; the times of its stages are in ``spent``."""
        d, trigger = self.detector, self.detector.trigger
        rule, distance = d.merge_rule, d.merge_distance
        photons = self._timed("generate", self.sampler.block, state, LANES, 1.0)
        hits = self._timed("hit", hit, photons, belle2(), d.photon_efficiency, state)
        deposits = self._timed("merge", merge, hits, d.merge_crystals, rule, distance)
        columns = self._timed("respond", respond, deposits, d.background, state)
        coarse = (trigger.merge_crystals, rule, trigger.threshold_GeV, distance)
        count = self._timed("trigger", count_deposits, hits, *coarse)
        triggered = count >= trigger.min_deposits
        clusters = Clusters(*columns, triggered, photons.weight_pb, LANES)
        candidates = self._timed("select", select, clusters, self.beams, self.cuts)
        self._timed("tally", self.tally.add, candidates)
        return candidates


def stage_times(chain: Chain, n_blocks: int) -> dict[str, float]:
    """Return ns per event of every stage: the median over ``n_blocks`` blocks."""
    stepper, state = Stepper(chain), chain.seed.chunk(0)
    spent = np.empty((n_blocks, len(STAGES)))
    for row in spent:
        stepper.block(state)
        row[:] = [stepper.spent[stage] for stage in STAGES]
    per_event = np.median(spent, axis=0) / LANES
    return dict(zip(STAGES, per_event.tolist(), strict=True))
