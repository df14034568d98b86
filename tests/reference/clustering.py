"""Clusters of crystals in plain Python: dictionaries and sets, one event at a time.

Written from the definitions of the offline reconstruction: regions grow from crystals of
10 MeV through those of 1.5 MeV and end at those of 0.5 MeV; every local maximum of 10 MeV
is a cluster, and a region is shared out between its maxima; a cluster has 21 crystals and
a logarithmically weighted position.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from math import exp, hypot, log, pi, radians, sqrt
from typing import NamedTuple, TypeAlias

from .detector import RINGS_FILE

Cell: TypeAlias = tuple[int, int]
"""Ring and column of a crystal."""
Energies: TypeAlias = dict[Cell, float]
"""Energies of crystals [GeV]."""

DEPTH_CM = 10.0
MOLIERE_CM = 3.57
SEED, GROW, ADD, KEEP = 0.010, 0.0015, 0.0005, 0.0075
MAX_MAXIMA = 10
SLOPE = 2.5
SHIFT_CM = 0.1
ITERATIONS = 100
LOG_OFFSET = 4.0


class Ring(NamedTuple):
    """Crystals of one ring, 10 cm deep."""

    n: int
    low: float
    high: float
    start_cm: float
    """Where it begins along θ."""
    size_cm: float
    reach_cm: float
    """Circumference over 2π."""
    face_cm: tuple[float, float]
    """Centre of the front face: distance from the axis, and z."""


class Place(NamedTuple):
    """Centre of a crystal."""

    theta: float
    phi: float
    along_cm: float
    reach_cm: float


@dataclass(frozen=True)
class Grid:
    """All crystals."""

    rings: list[Ring]
    places: dict[Cell, Place]
    near: dict[Cell, set[Cell]]
    """Crystals that touch one."""
    around: dict[Cell, set[Cell]]
    """Those of the 5×5 without corners; the crystal itself is in neither."""


class Cluster(NamedTuple):
    """Sum and shape of up to 21 crystals; the sum is not calibrated."""

    core: Cell
    energy: float
    theta: float
    phi: float
    e1_e9: float
    e9_e21: float
    width_cm: float


class Found(NamedTuple):
    """Clusters of an event."""

    clusters: list[Cluster]
    owner: dict[Cell, int]
    """Cluster with the largest share of a crystal, where any has a share."""
    contested: bool
    """Whether two regions compete for a crystal: then the order of seeds matters."""


def load_rings() -> list[Ring]:
    """Read the ring table."""
    lines = RINGS_FILE.read_text(encoding="utf-8").splitlines()
    rings: list[Ring] = []
    previous = (0.0, 0.0)  # depth seen from the IP, and size
    for row in csv.DictReader(line for line in lines if not line.startswith("#")):
        face = float(row["r_cm"]), float(row["z_cm"])
        distance = hypot(*face)
        growth = (distance + DEPTH_CM) / distance
        low = radians(float(row["theta_min_10cm_deg"]))
        start = 0.0
        if rings:
            gap = (low - rings[-1].high) * (previous[0] + distance + DEPTH_CM) / 2
            start = rings[-1].start_cm + previous[1] + gap
        size, n = float(row["width_theta_cm"]) * growth, int(row["n_crystals"])
        previous = distance + DEPTH_CM, size
        reach = float(row["width_phi_cm"]) * growth * n / (2 * pi)
        high = radians(float(row["theta_max_10cm_deg"]))
        rings.append(Ring(n, low, high, start, size, reach, face))
    return rings


def _steps(n: int, column: int, m: int, other: int) -> float:
    """Return the distance in azimuth of two crystals, in mean pitches."""
    apart = abs((2 * column + 1) * m - (2 * other + 1) * n) % (2 * n * m)
    return min(apart, 2 * n * m - apart) / (n + m)


def load_grid() -> Grid:
    """Work out places and neighbours of all crystals."""
    rings = load_rings()
    places, near, around = {}, defaultdict(set), defaultdict(set)
    for r, ring in enumerate(rings):
        for column in range(ring.n):
            cell = r, column
            middle = ring.start_cm + ring.size_cm / 2
            phi = 2 * pi * (column + 0.5) / ring.n
            theta = (ring.low + ring.high) / 2
            places[cell] = Place(theta, phi, middle, ring.reach_cm)
            for other in range(max(r - 2, 0), min(r + 3, len(rings))):
                m = rings[other].n
                reach = {0: 2, 1: 2, 2: 1}[abs(other - r)]
                guess = int(phi / (2 * pi) * m)
                for candidate in range(guess - 4, guess + 5):
                    steps = _steps(ring.n, column, m, candidate % m)
                    neighbour = other, candidate % m
                    if neighbour == cell or steps > reach:
                        continue
                    around[cell].add(neighbour)
                    if abs(other - r) < 2 and steps <= 1:
                        near[cell].add(neighbour)
    return Grid(rings, places, dict(near), dict(around))


def _turn(phi: float, reference: float) -> float:
    """Return the difference of two azimuths in [−π, π)."""
    return (phi - reference + pi) % (2 * pi) - pi


def connected(energy: Energies, grid: Grid) -> list[set[Cell]]:
    """Return the regions, in the order of the crystals they are found from."""
    free = {cell for cell, e in energy.items() if e >= ADD}
    regions = []
    for seed, e in energy.items():
        if seed not in free or e < SEED:
            continue
        region, border = {seed}, [seed]
        while border:
            cell = border.pop()
            if energy[cell] < GROW:
                continue
            fresh = (grid.near[cell] & free) - region
            region |= fresh
            border += fresh
        free -= region
        regions.append(region)
    return regions


def contested(regions: list[set[Cell]], energy: Energies, grid: Grid) -> bool:
    """Return whether a crystal touches one that grows in another region."""
    home = {cell: k for k, region in enumerate(regions) for cell in region}
    return any(
        home.get(other, k) != k
        for cell, k in home.items()
        if energy[cell] >= GROW
        for other in grid.near[cell]
    )


def local_maxima(region: set[Cell], energy: Energies, grid: Grid) -> list[Cell]:
    """Return the local maxima; the highest crystal if there are none or too many."""
    found = [
        cell
        for cell in region
        if energy[cell] >= SEED
        and all(energy.get(other, 0.0) <= energy[cell] for other in grid.near[cell])
    ]
    if 0 < len(found) < MAX_MAXIMA:
        return found
    return [max(region, key=lambda cell: energy[cell])]


def position(part: Energies, core: Cell, grid: Grid) -> tuple[float, float]:
    """Return θ and the azimuth from that of the core."""
    total = sum(part.values())
    weight = {
        cell: LOG_OFFSET + log(e / total)
        for cell, e in part.items()
        if e > total * exp(-LOG_OFFSET)
    }
    centre = grid.places[core]
    result = []
    for coordinate in ("theta", "phi"):
        origin = getattr(centre, coordinate)
        offset = {
            cell: _turn(getattr(grid.places[cell], coordinate), origin) for cell in part
        }
        spread = any(abs(offset[cell]) > 1e-9 for cell in weight)
        chosen = weight if spread else part
        mean = sum(w * offset[cell] for cell, w in chosen.items())
        result.append(mean / sum(chosen.values()))
    return centre.theta + result[0], result[1]


def _along(theta: float, core: Cell, grid: Grid) -> float:
    ring = grid.rings[core[0]]
    into = (theta - ring.low) / (ring.high - ring.low)
    return ring.start_cm + ring.size_cm * into


def _share(
    region: set[Cell],
    energy: Energies,
    centroids: dict[Cell, tuple[float, float]],
    grid: Grid,
) -> dict[Cell, Energies]:
    """Return for every maximum its share of the crystals, given the centroids."""
    shares: dict[Cell, Energies] = {maximum: {} for maximum in centroids}
    for cell in region:
        place, weights = grid.places[cell], {}
        for maximum, (along, phi) in centroids.items():
            reach2 = place.reach_cm * grid.places[maximum].reach_cm
            across2 = reach2 * _turn(place.phi, phi) ** 2
            distance = sqrt((place.along_cm - along) ** 2 + across2)
            weights[maximum] = energy[maximum] * exp(-SLOPE * distance / MOLIERE_CM)
        total = sum(weights.values())
        for maximum, w in weights.items():
            part = w / total
            shares[maximum][cell] = part if part * energy[cell] >= ADD else 0.0
    return shares


def _iterate(
    region: set[Cell], energy: Energies, maxima: list[Cell], grid: Grid
) -> dict[Cell, Energies]:
    """Share crystals out until the centroids stay where they are."""
    centroids = {m: (grid.places[m].along_cm, grid.places[m].phi) for m in maxima}
    for _ in range(ITERATIONS):
        shares = _share(region, energy, centroids, grid)
        shifts = []
        for m, (along, phi) in centroids.items():
            part = {cell: energy[cell] * s for cell, s in shares[m].items()}
            theta, turn = position(part, m, grid)
            moved = _along(theta, m, grid), grid.places[m].phi + turn
            across = grid.places[m].reach_cm * _turn(moved[1], phi)
            shifts.append(hypot(moved[0] - along, across))
            centroids[m] = moved
        if sum(shifts) < SHIFT_CM * len(shifts):
            break
    return shares


def split(
    region: set[Cell], energy: Energies, maxima: list[Cell], grid: Grid
) -> dict[Cell, Energies]:
    """Return the share of every crystal that each maximum has, false maxima dropped."""
    while len(maxima) > 1:
        shares = _iterate(region, energy, maxima, grid)
        false = [
            m
            for m in maxima
            if energy[m] * shares[m][m] < KEEP
            or any(
                energy[cell] * s > energy[m]
                for cell, s in shares[m].items()
                if cell != m
            )
        ]
        if not false:
            return shares
        weakest = min(false, key=lambda m: energy[m])
        maxima = [m for m in maxima if m != weakest]
    return {maxima[0]: dict.fromkeys(region, 1.0)}


def measure(share: Energies, energy: Energies, core: Cell, grid: Grid) -> Cluster:
    """Return the cluster of a maximum."""
    inside = {core, *grid.around[core]} & share.keys()
    part = {cell: share[cell] * energy[cell] for cell in inside}
    total, centre = sum(part.values()), grid.places[core]
    nine = sum(e for cell, e in part.items() if cell in {core, *grid.near[core]})
    theta, turn = position(part, core, grid)
    along, spread = _along(theta, core, grid), 0.0
    for cell, e in part.items():
        place = grid.places[cell]
        across = centre.reach_cm * (_turn(place.phi, centre.phi) - turn)
        spread += e * ((place.along_cm - along) ** 2 + across**2)
    phi = (centre.phi + turn) % (2 * pi)
    width = sqrt(spread / total)
    return Cluster(core, total, theta, phi, part[core] / nine, nine / total, width)


def find(energy: Energies, grid: Grid) -> Found:
    """Find the clusters of an event; the order of ``energy`` is that of the seeds."""
    regions = connected(energy, grid)
    clusters: list[Cluster] = []
    owner = {}
    for region in regions:
        maxima = local_maxima(region, energy, grid)
        shares = split(region, energy, maxima, grid)
        for cell in region:
            best = max(shares, key=lambda m: shares[m][cell])
            if shares[best][cell] > 0.0:
                owner[cell] = len(clusters) + list(shares).index(best)
        clusters += [measure(share, energy, m, grid) for m, share in shares.items()]
    return Found(clusters, owner, contested(regions, energy, grid))
