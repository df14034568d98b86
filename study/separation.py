"""What becomes of the photons of an ALP, and which trigger lines see it.

A work unit follows the photons of one mass through every way to make clusters. The two
photons of the ALP are resolved (two clusters), merged (one) or lost: outside of the
calorimeter, in a gap, not detected, or below the smallest cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.geometry import Region, belle2
from detector.separation import Distance, MergeRule
from detector.trigger import Trigger
from detector.trigger_lines import HltLine, L1Line
from generator.processes import stream
from generator.sampling import blocks
from generator.signal import Signal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detector.simulate import ClusterModel, Clusters, Detector
    from generator.beams import Beams
    from generator.columns import Photons
    from generator.random import LaneState
    from study.config import Config, Variant

    Counts = NDArray[np.int64]

REGIONS: Final = (*(region.name.lower() for region in Region), "all")
"""Where the more energetic photon of the ALP goes; all: anywhere, also nowhere."""
OPENING_EDGES: Final = np.arange(0.0, 10.01, 0.25)
"""Bins of the opening angle, in widths of the crystal that photon hits."""
SIMPLE_LINES: Final = {
    "2017": Trigger(merge_crystals=0),
    "2017-coarse": Trigger(merge_crystals=4),
}
"""The trigger of arXiv:1709.00009, without and with its coarse clustering."""
ALP: Final = (1, 2)
"""Slots of its photons."""
_LOST: Final = 2


@dataclass(frozen=True, slots=True)
class Followed:
    """Counts of one mass."""

    mass_GeV: float
    outcomes: Counts
    """Events by variant, region and outcome, (variants, 4, 3)."""
    openings: Counts
    """The same by opening angle, both photons being on crystals, (…, 4, bins, 3)."""
    lines: Counts
    """Accepted events that fire each line, by model, (models, lines)."""
    accepted: int
    """Events whose photons are all in the acceptance of the selection."""


def models(config: Config) -> tuple[Variant, ...]:
    """Return the variants whose trigger lines are counted: one for each model."""
    chosen: dict[ClusterModel, Variant] = {}
    for variant in config.variants(shower=True):
        chosen.setdefault(variant.model, variant)
    return tuple(chosen.values())


def line_names() -> list[tuple[str, str]]:
    """Return (level, line) in the order of the counts."""
    return [
        *(("l1", str(line)) for line in L1Line),
        *(("hlt", str(line)) for line in HltLine),
        *(("simple", name) for name in SIMPLE_LINES),
    ]


def follow(mass_GeV: float, config: Config) -> Followed:
    """Follow the photons of one mass.

    Every variant sees the same photons with the same random numbers. Events are counted,
    not weighted: they are prompt and without radiation, whatever is configured.

    Parameters
    ----------
    mass_GeV : float
        ALP mass [GeV].
    config : Config
        The study.
    """
    variants, beams = config.variants(shower=True), config.beams.build()
    detectors = [config.build_detector(variant) for variant in variants]
    bins = OPENING_EDGES.size - 1
    outcomes = np.zeros((len(variants), len(REGIONS), 3), np.int64)
    openings = np.zeros((len(variants), len(REGIONS), bins, 3), np.int64)
    triggering, accepted = models(config), 0
    lines = np.zeros((len(triggering), len(line_names())), np.int64)
    sampler = Signal(mass_GeV, beams=beams)
    seed = stream("signal-separation", config.seed, mass_GeV)
    response = stream("signal-separation-response", config.seed, mass_GeV).chunk(0)
    for photons, _ in blocks(sampler, seed, config.events.separation):
        kinds, inside = _Kinds.of(photons), _accepted(photons, config, beams)
        accepted += int(inside.sum())
        state = response
        for k, variant in enumerate(variants):
            state = response.copy()
            clusters = detectors[k].simulate(photons, state, record=True)
            kinds.count(clusters, outcomes[k], openings[k])
            if variant in triggering:
                fired = _fired(clusters, photons, detectors[k], response.copy())
                lines[triggering.index(variant)] += fired[:, inside].sum(axis=1)
        response = state
    return Followed(mass_GeV, outcomes, openings, lines, accepted)


def _accepted(photons: Photons, config: Config, beams: Beams) -> NDArray[np.bool_]:
    """Return which events have all photons in the acceptance, by their truth."""
    cuts = config.selection
    e, theta, phi = (
        c[:, : photons.n_events] for c in (photons.energy, photons.theta, photons.phi)
    )
    row = beams.lab_to_cms[0]
    sin = np.sin(theta)
    star = e * (
        row[0]
        + row[1] * sin * np.cos(phi)
        + row[2] * sin * np.sin(phi)
        + row[3] * np.cos(theta)
    )
    low, high = np.radians([cuts.theta_lab_min_deg, cuts.theta_lab_max_deg])
    good = (theta > low) & (theta < high) & (star > cuts.energy_cms_min_GeV)
    return np.asarray(good.all(axis=0))


@dataclass(frozen=True, slots=True)
class _Kinds:
    """Region and opening angle of the events of a block, by their truth."""

    region: NDArray[np.int64]
    """Region of the more energetic photon of the ALP, 3 for none."""
    opening: NDArray[np.int64]
    """Bin of the opening angle; −1 unless both photons are on crystals."""

    @classmethod
    def of(cls, photons: Photons) -> _Kinds:
        """Return those of a block of prompt signal."""
        n, geometry = photons.n_events, belle2()
        e, theta, phi = (
            c[list(ALP), :n] for c in (photons.energy, photons.theta, photons.phi)
        )
        ring = geometry.ring(theta)
        lead = np.argmax(e, axis=0), np.arange(n)
        own = ring[lead]
        region = np.where(own >= 0, geometry.region[own], len(Region))
        width = (geometry.theta_max - geometry.theta_min)[own]
        crystals = opening_rad(theta, phi) / width
        found = np.searchsorted(OPENING_EDGES, crystals, side="right") - 1
        seen = (ring >= 0).all(axis=0) & (found < OPENING_EDGES.size - 1)
        return cls(region, np.where(seen, found, -1))

    def count(self, clusters: Clusters, outcomes: Counts, openings: Counts) -> None:
        """Add the events of a block to the counts of a variant."""
        outcome = outcome_of(clusters)
        some = self.region < len(Region)
        np.add.at(outcomes, (self.region[some], outcome[some]), 1)
        outcomes[-1] += np.bincount(outcome, minlength=3)
        seen = self.opening >= 0  # then it has a region
        where = (self.opening[seen], outcome[seen])
        np.add.at(openings, (self.region[seen], *where), 1)
        np.add.at(openings[-1], where, 1)


def opening_rad(
    theta: NDArray[np.float64], phi: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the angle between two directions [rad]; θ and φ of shape (2, n)."""
    # haversines keep their precision at small angles
    across = np.sin(theta[0]) * np.sin(theta[1]) * np.sin(0.5 * (phi[0] - phi[1])) ** 2
    sine2 = np.sin(0.5 * (theta[0] - theta[1])) ** 2 + across
    return np.asarray(2.0 * np.arcsin(np.sqrt(sine2)))


def outcome_of(clusters: Clusters) -> NDArray[np.int64]:
    """Return 0 (resolved), 1 (merged) or 2 (lost) for every event of a block."""
    assert clusters.of_photon is not None  # recorded
    first, second = clusters.of_photon[list(ALP), : clusters.n_events]
    merged = (first == second).astype(np.int64)
    return np.asarray(np.where((first < 0) | (second < 0), _LOST, merged))


def _fired(
    clusters: Clusters, photons: Photons, detector: Detector, state: LaneState
) -> NDArray[np.bool_]:
    """Return which lines every event fires, (lines, n)."""
    assert clusters.l1 is not None  # recorded
    assert clusters.hlt is not None
    bits = [(clusters.l1 & line.bit) != 0 for line in L1Line]
    bits += [(clusters.hlt & line.bit) != 0 for line in HltLine]
    hits = detector.hits(photons, state)
    for trigger in SIMPLE_LINES.values():
        rule, distance = MergeRule.SQUARE, Distance.IMPACT
        bits.append(trigger.decide(hits, rule, distance, None, None))
    return np.stack(bits)[:, : clusters.n_events]
