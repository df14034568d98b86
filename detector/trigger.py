"""Which events the experiment keeps: the 2017 paper's simple trigger, or real lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detector.separation import Distance, MergeRule, count_deposits
from detector.trigger_lines import HltLine, L1Line
from generator.simd import LANES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detector.crystals import Hits
    from detector.level1 import Bits


@dataclass(frozen=True, slots=True)
class Trigger:
    """What an analysis asks of the trigger.

    Without lines it is the trigger of arXiv:1709.00009: enough deposits above a
    threshold. With lines an event must fire one of ``l1``, if there are any, and one of
    ``hlt``, if there are any.

    Parameters
    ----------
    enabled : bool
        Without it every event is triggered.
    min_deposits : int
        Deposits that the simple trigger wants.
    threshold_GeV : float
        Smallest deposit; of the lines, smallest energy of a trigger cell.
    merge_crystals : int
        Coarse clustering of the first level in the simple trigger: photons closer than
        this are one deposit (4 in that paper). 0 switches it off.
    l1, hlt : tuples of str
        Names of `L1Line` and `HltLine`.

    Raises
    ------
    ValueError
        If a number is negative or a line unknown.
    """

    enabled: bool = True
    min_deposits: int = 3
    threshold_GeV: float = 0.1
    merge_crystals: int = 0
    l1: tuple[str, ...] = ()
    hlt: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse negative numbers and unknown lines."""
        for name in ("min_deposits", "threshold_GeV", "merge_crystals"):
            value = getattr(self, name)
            if not value >= 0:
                msg = f"trigger {name} = {value:g}: need a number of at least 0"
                raise ValueError(msg)
        if self.l1 and not self.threshold_GeV > 0.0:
            msg = "trigger threshold_GeV = 0: lines of trigger cells need a threshold"
            raise ValueError(msg)
        L1Line.mask(self.l1)
        HltLine.mask(self.hlt)

    @property
    def needs_l1(self) -> bool:
        """Whether a decision needs the first-level lines."""
        return self.enabled and bool(self.l1)

    @property
    def needs_hlt(self) -> bool:
        """Whether a decision needs the high-level lines."""
        return self.enabled and bool(self.hlt)

    def decide(
        self,
        hits: Hits,
        rule: MergeRule,
        distance: Distance,
        l1: Bits | None,
        hlt: Bits | None,
    ) -> NDArray[np.bool_]:
        """Return which events are triggered, shape (LANES,).

        Parameters
        ----------
        hits : Hits
            Photons at the crystals, for the simple trigger.
        rule, distance : MergeRule, Distance
            How it merges photons.
        l1, hlt : arrays of shape (LANES,), optional
            Lines that fired, where they are needed.
        """
        passed = np.ones(LANES, bool)
        if not self.enabled:
            return passed
        if not (self.l1 or self.hlt):
            count = count_deposits(
                hits, self.merge_crystals, rule, self.threshold_GeV, distance
            )
            return np.asarray(count >= self.min_deposits)
        if self.l1 and l1 is not None:
            passed &= (l1 & L1Line.mask(self.l1)) != 0
        if self.hlt and hlt is not None:
            passed &= (hlt & HltLine.mask(self.hlt)) != 0
        return passed
