"""Calorimeter model `separation`: crystals hit, photons merged, clusters smeared."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .beams import Bools, Floats, Ints, Photons, direction
from .response import Background, resolution

BARREL_RADIUS_CM = 125.6
FORWARD_Z_CM = 197.9
BACKWARD_Z_CM = -104.0
TRIGGER_THRESHOLD = 0.1
TWO_PI = 2 * np.pi
REGIONS = ("forward", "barrel", "backward")
RINGS_FILE = Path(__file__).parents[2] / "detector" / "data" / "ecl_rings.csv"


class Rule(Enum):
    """When two photons are one cluster: closer than N in both indices, or in one."""

    SQUARE = "square"
    CROSS = "cross"


class Rings(NamedTuple):
    """Polar-angle rings of crystals, from forward to backward."""

    theta_min: Floats
    theta_max: Floats
    n_crystals: Ints
    region: Ints


class Clusters(NamedTuple):
    """Clusters in the laboratory, shape (p, n); entries where not `exists` are 0.

    A cluster stands in the row of the first of its photons.
    """

    energy: Floats
    theta: Floats
    phi: Floats
    region: Ints
    exists: Bools


@dataclass(frozen=True)
class Settings:
    """What the detector does to photons."""

    crystals: int = 2
    rule: Rule = Rule.SQUARE
    efficiency: float = 1.0
    background: Background = Background.LOW
    trigger: bool = True
    trigger_crystals: int = 4
    impact: bool = False
    """Measure distances between impact points instead of crystal indices."""


def load_rings(path: Path = RINGS_FILE) -> Rings:
    """Read the ring table (ring, region, n_crystals, theta_min_deg, theta_max_deg)."""
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    return Rings(
        np.deg2rad([float(row["theta_min_deg"]) for row in rows]),
        np.deg2rad([float(row["theta_max_deg"]) for row in rows]),
        np.array([int(row["n_crystals"]) for row in rows]),
        np.array([REGIONS.index(row["region"]) for row in rows]),
    )


def apparent(photons: Photons) -> tuple[Photons, Bools]:
    """Return the directions seen from the interaction point, and which photons hit.

    A photon flies from its vertex to the front face (a cylinder closed by two
    planes); one that starts outside is lost. Prompt photons are unchanged.
    """
    if photons.vertex is None:
        return photons, np.ones(photons.energy.shape, dtype=np.bool_)
    start = photons.vertex
    unit = direction(photons.theta, photons.phi)
    inside = np.hypot(start[0], start[1]) < BARREL_RADIUS_CM
    inside &= (start[2] < FORWARD_Z_CM) & (start[2] > BACKWARD_Z_CM)
    a = unit[0] ** 2 + unit[1] ** 2
    b = start[0] * unit[0] + start[1] * unit[1]
    c = start[0] ** 2 + start[1] ** 2 - BARREL_RADIUS_CM**2
    with np.errstate(divide="ignore", invalid="ignore"):
        to_barrel = (np.sqrt(b**2 - a * c) - b) / a
        end = np.where(unit[2] > 0, FORWARD_Z_CM, BACKWARD_Z_CM)
        to_end = (end - start[2]) / unit[2]
    x, y, z = start + np.fmin(to_barrel, to_end) * unit
    moved = (start != 0).any(axis=0)
    theta = np.where(moved, np.arctan2(np.hypot(x, y), z), photons.theta)
    phi = np.where(moved, np.arctan2(y, x) % TWO_PI, photons.phi)
    return Photons(photons.energy, theta, phi), inside


def find_crystals(theta: Floats, phi: Floats, rings: Rings) -> tuple[Ints, Ints, Bools]:
    """Return ring and column of each photon, and whether it hit a crystal."""
    ring = np.searchsorted(rings.theta_min, theta, side="right") - 1
    hit = (ring >= 0) & (theta < rings.theta_max[ring])
    count = rings.n_crystals[ring]
    column = np.minimum(np.int64(phi / TWO_PI * count), count - 1)
    return ring, column, hit


class Separation(NamedTuple):
    """Distances of the pairs (0, 1), (0, 2), (1, 2), ... in crystals, (pairs, n).

    `ring` is the distance in θ, `turn / turn_unit` the one in azimuth over the larger
    of the two pitches. Between indices all three are integers, so comparing them with
    a number of crystals is exact.
    """

    ring: Ints | Floats
    turn: Ints | Floats
    turn_unit: Ints | Floats


def separate(ring: Ints, column: Ints, rings: Rings) -> Separation:
    """Return the crystal distances between all pairs of photons.

    Centres are at (2 c + 1) / (2 n) turns, so two of them differ by
    |(2 c1 + 1) n2 - (2 c2 + 1) n1| / (2 n1 n2) turns; the pitch is 1/min(n1, n2).
    """
    first, second = np.triu_indices(len(ring), 1)
    count, centre = rings.n_crystals[ring], 2 * column + 1
    n_first, n_second = count[first], count[second]
    turn = np.abs(centre[first] * n_second - centre[second] * n_first)
    turn = np.minimum(turn, 2 * n_first * n_second - turn)
    return Separation(
        np.abs(ring[first] - ring[second]), turn, 2 * np.maximum(n_first, n_second)
    )


def separate_impacts(
    theta: Floats, phi: Floats, ring: Ints, rings: Rings
) -> Separation:
    """Return the distances between the impact points of all pairs of photons.

    In θ a photon is at its ring number plus the fraction of the ring it has crossed.
    """
    first, second = np.triu_indices(len(ring), 1)
    width = rings.theta_max[ring] - rings.theta_min[ring]
    row = ring + (theta - rings.theta_min[ring]) / width
    pitch = TWO_PI / rings.n_crystals[ring]
    turn = np.abs(phi[first] - phi[second])
    turn = np.minimum(turn, TWO_PI - turn)
    return Separation(
        np.abs(row[first] - row[second]),
        turn,
        np.maximum(pitch[first], pitch[second]),
    )


def linked(separation: Separation, crystals: int, rule: Rule) -> Bools:
    """Return which pairs are closer than `crystals`, shape (pairs, n)."""
    near_theta = separation.ring < crystals
    near_phi = separation.turn < crystals * separation.turn_unit
    if rule is Rule.SQUARE:
        return np.asarray(near_theta & near_phi)
    return np.asarray(near_theta | near_phi)


def group(links: Bools, seen: Bools) -> Ints:
    """Return for each photon the first photon it is connected to, shape (p, n).

    Connections are transitive; photons not `seen` connect to nothing.
    """
    p, n = seen.shape
    pairs = np.triu_indices(p, 1)
    links = links & seen[pairs[0]] & seen[pairs[1]]
    touched = links.any(axis=0)
    reach = np.zeros((p, p, np.count_nonzero(touched)), dtype=np.bool_)
    reach[pairs] = reach[pairs[::-1]] = links[:, touched]
    reach[np.arange(p), np.arange(p)] = True
    for via in range(p):
        reach |= reach[:, via, None] & reach[None, via]
    label = np.repeat(np.arange(p)[:, None], n, axis=1)
    label[:, touched] = np.argmax(reach, axis=1)
    return label


def merge(photons: Photons, region: Ints, label: Ints, seen: Bools) -> Clusters:
    """Turn photons into clusters, joining those of one label."""
    clusters = Clusters(
        np.where(seen, photons.energy, 0.0),
        np.where(seen, photons.theta, 0.0),
        np.where(seen, photons.phi, 0.0),
        np.where(seen, region, 0),
        seen.copy(),
    )
    shared = (label != np.arange(len(label))[:, None]).any(axis=0)
    joined = _join(Clusters._make(c[:, shared] for c in clusters), label[:, shared])
    for column, replacement in zip(clusters, joined, strict=True):
        column[:, shared] = replacement
    return clusters


def _join(photons: Clusters, label: Ints) -> Clusters:
    """Sum photons of one label: angles weighted by energy, the azimuth unwrapped."""
    p = len(label)
    member = (label[None] == np.arange(p)[:, None, None]) & photons.exists
    share = np.where(member, photons.energy, 0.0)
    energy = share.sum(axis=1)
    exists = member.any(axis=1)
    norm = np.where(exists, energy, 1.0)
    seed = np.argmax(share, axis=1)
    seed_phi = np.take_along_axis(photons.phi, seed, axis=0)
    turn = photons.phi - seed_phi[:, None]
    turn -= TWO_PI * np.rint(turn / TWO_PI)
    phi = (seed_phi + (share * turn).sum(axis=1) / norm) % TWO_PI
    return Clusters(
        energy,
        (share * photons.theta).sum(axis=1) / norm,
        np.where(exists, phi, 0.0),
        np.where(exists, np.take_along_axis(photons.region, seed, axis=0), 0),
        exists,
    )


def smear(
    clusters: Clusters, background: Background, rng: np.random.Generator
) -> Clusters:
    """Add Gaussian errors of energy, theta and phi to every cluster."""
    energy = np.where(clusters.exists, clusters.energy, 1.0)
    widths = resolution(energy, clusters.region, background)
    noise = rng.standard_normal((3, *energy.shape))
    theta = clusters.theta + widths[1] * noise[1]
    phi = (clusters.phi + widths[2] * noise[2]) % TWO_PI
    exists = clusters.exists
    return Clusters(
        np.where(exists, energy * (1 + widths[0] * noise[0]), 0.0),
        np.where(exists, theta, 0.0),
        np.where(exists, phi, 0.0),
        clusters.region,
        exists,
    )


def triggered(energy: Floats, label: Ints, seen: Bools) -> Bools:
    """Return whether at least three deposits reach the threshold, shape (n,)."""
    photon_energy = np.where(seen, energy, 0.0)
    deposits = np.zeros_like(photon_energy)
    for leader in range(len(seen)):
        deposits[leader] = (photon_energy * (label == leader)).sum(axis=0)
    return np.asarray((deposits >= TRIGGER_THRESHOLD).sum(axis=0) >= 3)


def simulate(
    photons: Photons, settings: Settings, rings: Rings, rng: np.random.Generator
) -> tuple[Clusters, Bools]:
    """Turn photons into clusters.

    Returns
    -------
    clusters
        Smeared clusters, shape (p, n).
    trigger
        Whether the event was triggered, shape (n,); all true if switched off.
    """
    aimed, seen = apparent(photons)
    ring, column, hit = find_crystals(aimed.theta, aimed.phi, rings)
    seen &= hit
    if settings.efficiency < 1:
        seen &= rng.random(seen.shape) < settings.efficiency
    apart = (
        separate_impacts(aimed.theta, aimed.phi, ring, rings)
        if settings.impact
        else separate(ring, column, rings)
    )
    label = group(linked(apart, settings.crystals, settings.rule), seen)
    merged = merge(aimed, rings.region[ring], label, seen)
    fired = np.ones(seen.shape[1], dtype=np.bool_)
    if settings.trigger:
        coarse = linked(apart, settings.trigger_crystals, settings.rule)
        fired = triggered(aimed.energy, group(coarse, seen), seen)
    return smear(merged, settings.background, rng), fired
