"""True photons in, clusters and the trigger decision out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.crystals import AT_THE_IP, NO_MATERIAL, Material, Vector, hit
from detector.geometry import DEPTH_CM, belle2
from detector.hlt import high_level
from detector.level1 import level1
from detector.overlay import Overlay, background_photons, overlaid
from detector.response import (
    TAIL,
    BackgroundLevel,
    LineShape,
    respond,
    shape_constants,
)
from detector.separation import Distance, MergeRule, merge
from detector.shower import ShowerModel
from detector.timing import in_time, measure_times
from detector.trigger import Trigger
from generator.beams import Beams
from generator.columns import Column, Photons, ragged
from generator.simd import LANES

if TYPE_CHECKING:
    import awkward as ak
    from numpy.typing import NDArray

    from detector.crystals import Flat, Hits
    from detector.level1 import Bits
    from detector.shower_events import Shapes
    from generator.random import LaneState

IN_TIME_NS: Final = 200.0
"""Time window of the HLT's clusters [ns]."""


class ClusterModel(StrEnum):
    """How photons become clusters."""

    SEPARATION = "separation"
    SHOWER = "shower"


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
    of_photon: NDArray[np.int32] | None = None
    """Cluster slot that each photon went into, (photon slots, LANES), −1 for none."""
    shapes: Shapes | None = None
    """Shapes of clusters, in the crystal-level model."""
    time_ns: Flat | None = None
    """Times of clusters [ns], (slots, LANES), if beam background is laid over."""
    l1: Bits | None = None
    """First-level lines that fired (`L1Line`), shape (LANES,), if they were needed."""
    hlt: Bits | None = None
    """High-level lines (`HltLine`), shape (LANES,), if they were needed."""

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
    """Fast ECL model: crystals, clusters, response, trigger.

    Parameters
    ----------
    merge_crystals : int
        Photons closer than this many crystals become one cluster (``separation``).
    merge_rule : MergeRule
        ``square`` (closer in θ and in φ) or ``cross`` (in either).
    merge_distance : Distance
        ``impact`` (between impact points, in crystals) or ``index``.
    photon_efficiency : float
        Chance that a photon on a crystal is reconstructed.
    background : BackgroundLevel
        Beam background that spoils the resolution.
    trigger : Trigger
        What the analysis asks of the trigger.
    model : ClusterModel
        ``separation``: the rule of N crystals, with the configured resolution in energy
        and angles. ``shower``: showers over crystals, with noise and offline clustering.
    line_shape : LineShape
        Of the energy resolution.
    tail : float
        Tail parameter of the Novosibirsk line shape.
    material : Material
        In front of the calorimeter.
    luminous_cm : tuple of float
        Gaussian spreads (x, y, z) of the collisions [cm].
    overlay : Overlay
        Beam-background photons in every event.
    time_cut_ns : float
        Clusters farther from the collision are dropped, where background is laid over.
    beams : Beams
        For the CM energies of the high-level trigger.

    Raises
    ------
    ValueError
        If an option is unknown or a number out of range.
    """

    merge_crystals: int = 2
    merge_rule: MergeRule = MergeRule.SQUARE
    merge_distance: Distance = Distance.IMPACT
    photon_efficiency: float = 1.0
    background: BackgroundLevel = BackgroundLevel.LOW
    trigger: Trigger = field(default_factory=Trigger)
    model: ClusterModel = ClusterModel.SEPARATION
    line_shape: LineShape = LineShape.GAUSSIAN
    tail: float = TAIL
    material: Material = NO_MATERIAL
    luminous_cm: Vector = AT_THE_IP
    overlay: Overlay = field(default_factory=Overlay)
    time_cut_ns: float = IN_TIME_NS
    beams: Beams = field(default_factory=Beams)

    def __post_init__(self) -> None:
        """Take names for enum members; refuse impossible numbers."""
        for field_name, kind in (
            ("merge_rule", MergeRule),
            ("merge_distance", Distance),
            ("background", BackgroundLevel),
            ("model", ClusterModel),
            ("line_shape", LineShape),
        ):
            member = _member(kind, field_name, getattr(self, field_name))
            object.__setattr__(self, field_name, member)
        if not self.merge_crystals >= 0:
            msg = f"merge_crystals = {self.merge_crystals:g}: need at least 0 crystals"
            raise ValueError(msg)
        if not 0.0 <= self.photon_efficiency <= 1.0:
            msg = f"photon_efficiency = {self.photon_efficiency:g}: need 0 to 1"
            raise ValueError(msg)
        if not self.time_cut_ns > 0.0:
            msg = f"time_cut_ns = {self.time_cut_ns:g}: need a time above 0"
            raise ValueError(msg)
        shape_constants(self.line_shape, self.tail)

    def hits(self, photons: Photons, state: LaneState) -> Hits:
        """Return the photons at the crystals, without beam background."""
        depth = DEPTH_CM if self.model is ClusterModel.SHOWER else 0.0
        return hit(
            photons,
            belle2(),
            self.photon_efficiency,
            state,
            self.material,
            self.luminous_cm,
            depth,
        )

    @property
    def shower_model(self) -> ShowerModel:
        """Crystal-level model with this detector's response."""
        return ShowerModel(self.background, self.line_shape, self.tail)

    def simulate(
        self, photons: Photons, state: LaneState, *, record: bool = False
    ) -> Clusters:
        """Return the clusters of a block; ``state`` is advanced in place.

        With ``record`` they tell the cluster of every photon and all trigger lines, also
        those that the trigger does not ask for.
        """
        hits, times = self.hits(photons, state), None
        if self.overlay.mean > 0.0:
            hits, times = self._overlay(hits, photons.n_events, state)
        found = self._cluster(hits, photons, state, record=record)
        if times is not None:
            found = self._select_in_time(found, hits, times, state)
        hlt = None
        if record or self.trigger.needs_hlt:
            boost = self.beams.kernel_to_cms
            hlt = high_level(found.energy, found.theta, found.phi, boost)
        rule, distance = self.merge_rule, self.merge_distance
        triggered = self.trigger.decide(hits, rule, distance, found.l1, hlt)
        return replace(found, triggered=triggered, hlt=hlt)

    def _overlay(
        self, hits: Hits, n_events: int, state: LaneState
    ) -> tuple[Hits, Flat]:
        """Lay beam background over; return all photons and their times [ns]."""
        extra, times = background_photons(self.overlay, state, n_events)
        more = hit(extra, belle2(), self.photon_efficiency, state)
        prompt = np.zeros(hits.slots * LANES, np.float32)
        return overlaid(hits, more), np.concatenate([prompt, times])

    def _cluster(
        self, hits: Hits, photons: Photons, state: LaneState, *, record: bool
    ) -> Clusters:
        """Return clusters; the trigger decision is still missing."""
        with_l1 = record or self.trigger.needs_l1
        threshold = self.trigger.threshold_GeV or None
        pending = np.ones(LANES, bool)
        weight, n = photons.weight_pb, photons.n_events
        if self.model is ClusterModel.SHOWER:
            found = self.shower_model.cluster(
                hits, state, threshold if with_l1 else None
            )
            return Clusters(
                found.energy,
                found.theta,
                found.phi,
                pending,
                weight,
                n,
                of_photon=found.of_photon,
                shapes=found.shapes,
                l1=found.l1,
            )
        merged = merge(hits, self.merge_crystals, self.merge_rule, self.merge_distance)
        columns = respond(merged, self.background, state, self.line_shape, self.tail)
        owners = None
        if record or self.overlay.mean > 0.0:
            label = np.where(hits.energy > 0.0, merged.label, -1)
            owners = label.astype(np.int32).reshape(hits.slots, LANES)
        l1 = level1(hits, threshold) if with_l1 and threshold else None
        return Clusters(*columns, pending, weight, n, of_photon=owners, l1=l1)

    def _select_in_time(
        self, found: Clusters, hits: Hits, times: Flat, state: LaneState
    ) -> Clusters:
        """Measure the times of clusters and drop those that are late.

        The time of a cluster is that of its most energetic photon.
        """
        assert found.of_photon is not None  # asked for with background
        true, most = (np.zeros(found.energy.shape, np.float32) for _ in range(2))
        lane = np.arange(LANES)
        for slot, owner in enumerate(found.of_photon):
            part = slice(slot * LANES, (slot + 1) * LANES)
            energy = hits.energy[part]
            lead = (owner >= 0) & (energy > most[owner, lane])
            true[owner[lead], lane[lead]] = times[part][lead]
            most[owner[lead], lane[lead]] = energy[lead]
        flat = measure_times(found.energy, true.reshape(-1), self.background, state)
        measured = flat.reshape(found.energy.shape)
        kept = in_time(found.energy, measured, self.background)
        kept &= np.abs(measured) < self.time_cut_ns
        owner = found.of_photon
        still = (owner >= 0) & kept[owner, lane]
        return replace(
            found,
            energy=np.where(kept, found.energy, 0.0),
            of_photon=np.where(still, owner, -1).astype(np.int32),
            time_ns=np.where(kept, measured, 0.0).astype(np.float32),
        )
