"""True photons in, clusters and the trigger decision out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from detector.crystals import hit
from detector.geometry import belle2
from detector.response import BackgroundLevel, respond
from detector.separation import Distance, MergeRule, count_deposits, merge
from generator.columns import Column, Photons, ragged

if TYPE_CHECKING:
    from enum import StrEnum

    import awkward as ak
    from numpy.typing import NDArray

    from generator.random import LaneState


@dataclass(frozen=True, slots=True)
class Trigger:
    """The trigger of arXiv:1709.00009: enough deposits above a threshold.

    ``merge_crystals`` is the coarse clustering of the first level (4 in that paper): it
    makes one deposit of photons that are closer. 0 switches it off.

    Raises
    ------
    ValueError
        If a number is negative.
    """

    enabled: bool = True
    min_deposits: int = 3
    threshold_GeV: float = 0.1
    merge_crystals: int = 0

    def __post_init__(self) -> None:
        """Refuse negative numbers."""
        for name in ("min_deposits", "threshold_GeV", "merge_crystals"):
            value = getattr(self, name)
            if not value >= 0:
                msg = f"trigger {name} = {value:g}: need a number of at least 0"
                raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Clusters:
    """Reconstructed clusters of up to LANES events; arrays (slots, LANES)."""

    energy: Column
    """E [GeV] in the lab; 0 where there is no cluster in that slot."""
    theta: Column
    """Polar angle [rad]."""
    phi: Column
    """Azimuth in [0, 2π) [rad]."""
    triggered: NDArray[np.bool_]
    """Whether the event was triggered, shape (LANES,)."""
    weight_pb: Column
    """Share of the cross section [pb], shape (LANES,)."""
    n_events: int
    """Lanes in use."""

    def as_awkward(self) -> ak.Array:
        """Return events × clusters as a ragged awkward array (see `ragged`)."""
        return ragged(self.energy, self.theta, self.phi, self.n_events)


def _member(kind: type[StrEnum], name: str, value: str) -> StrEnum:
    try:
        return kind(value)
    except ValueError:
        allowed = ", ".join(member.value for member in kind)
        msg = f"{name} = {value!r}: allowed are {allowed}"
        raise ValueError(msg) from None


@dataclass(frozen=True, slots=True)
class Detector:
    """Fast ECL model: crystals, merging of close photons, response, trigger.

    Parameters
    ----------
    merge_crystals : int
        Photons closer than this many crystals become one cluster.
    merge_rule : MergeRule
        ``square`` (closer in θ and in φ) or ``cross`` (in either).
    merge_distance : Distance
        ``impact`` (between impact points, in crystals) or ``index``.
    photon_efficiency : float
        Chance that a photon on a crystal is reconstructed.
    background : BackgroundLevel
        Beam background that spoils the resolution.
    trigger : Trigger
        First-level trigger.

    Raises
    ------
    ValueError
        If an option is unknown, ``merge_crystals`` is negative or the efficiency is
        outside [0, 1].
    """

    merge_crystals: int = 2
    merge_rule: MergeRule = MergeRule.SQUARE
    merge_distance: Distance = Distance.IMPACT
    photon_efficiency: float = 1.0
    background: BackgroundLevel = BackgroundLevel.LOW
    trigger: Trigger = field(default_factory=Trigger)

    def __post_init__(self) -> None:
        """Take names for enum members; refuse impossible numbers."""
        for field_name, kind in (
            ("merge_rule", MergeRule),
            ("merge_distance", Distance),
            ("background", BackgroundLevel),
        ):
            member = _member(kind, field_name, getattr(self, field_name))
            object.__setattr__(self, field_name, member)
        if not self.merge_crystals >= 0:
            msg = f"merge_crystals = {self.merge_crystals:g}: need at least 0 crystals"
            raise ValueError(msg)
        if not 0.0 <= self.photon_efficiency <= 1.0:
            msg = f"photon_efficiency = {self.photon_efficiency:g}: need 0 to 1"
            raise ValueError(msg)

    def simulate(self, photons: Photons, state: LaneState) -> Clusters:
        """Return the clusters of a block; ``state`` is advanced in place."""
        hits = hit(photons, belle2(), self.photon_efficiency, state)
        rule, distance = self.merge_rule, self.merge_distance
        deposits = merge(hits, self.merge_crystals, rule, distance)
        energy, theta, phi = respond(deposits, self.background, state)
        if self.trigger.enabled:
            count = count_deposits(
                hits,
                self.trigger.merge_crystals,
                rule,
                self.trigger.threshold_GeV,
                distance,
            )
            triggered = count >= self.trigger.min_deposits
        else:
            triggered = np.ones(energy.shape[1], bool)
        return Clusters(
            energy=energy,
            theta=theta,
            phi=phi,
            triggered=triggered,
            weight_pb=photons.weight_pb,
            n_events=photons.n_events,
        )
