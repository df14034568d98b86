"""First-level trigger, cell by cell in plain Python: sets of (row, φ index)."""

from __future__ import annotations

import csv
import math
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from .beams import LAB_TO_CMS, direction, transform
from .detector import RINGS_FILE, load_rings

if TYPE_CHECKING:
    from collections.abc import Iterable

Cell: TypeAlias = tuple[int, int]
"""Row 1 to 17 and index in azimuth from 0 on."""

FIRST_RING = (0, 4, 9, 13, 17, 21, 25, 29, 33, 37, 41, 45, 49, 53, 57, 59, 63, 69)
"""First ring of every row, and the number of rings."""
MOST = 6
"""Clusters that are kept."""
RINGS = load_rings()


class Cluster(NamedTuple):
    """A cluster of cells."""

    centre: Cell
    energy: float
    theta: int
    """Polar angle in the CM frame, whole degrees."""
    phi: int
    factor: float
    """E_lab/E*, one decimal."""

    def star(self, threshold: float) -> bool:
        """Return whether E* is above a threshold."""
        return self.energy > self.factor * threshold


def in_azimuth(row: int) -> int:
    """Return how many cells a row has."""
    if row == 1:
        return 16
    return 36 if 4 <= row <= 15 else 32


def all_cells() -> list[Cell]:
    """Return the 576 cells."""
    return [(row, phi) for row in range(1, 18) for phi in range(in_azimuth(row))]


def cell_of(ring: int, column: int) -> Cell:
    """Return the cell of a crystal; 144 crystals in 32 cells go by 5 and 4."""
    row, n = bisect_right(FIRST_RING, ring), int(RINGS.n_crystals[ring])
    if (n, in_azimuth(row)) == (144, 32):
        nine, rest = divmod(column, 9)
        return row, 2 * nine + (rest > 4)
    return row, column // (n // in_azimuth(row))


def wrap(row: int, phi: int) -> Cell:
    """Return a cell whose azimuth may be off by a turn."""
    return row, phi % in_azimuth(row)


def upper(cell: Cell) -> Cell:
    """Return the cell before it in azimuth."""
    return wrap(cell[0], cell[1] - 1)


def lower(cell: Cell) -> Cell:
    """Return the cell after it in azimuth."""
    return wrap(cell[0], cell[1] + 1)


def left(cell: Cell) -> set[Cell]:
    """Return what is beside it in the next row of its part; two cells for row 1."""
    row, phi = cell
    if row in (3, 15, 17):
        return set()
    if row == 1:
        return {(2, 2 * phi), (2, 2 * phi + 1)}
    return {(row + 1, phi)}


def lower_left(cell: Cell) -> set[Cell]:
    """Return the first cell after those of `left`."""
    row, phi = cell
    if row in (3, 15, 17):
        return set()
    return {wrap(2, 2 * phi + 2) if row == 1 else wrap(row + 1, phi + 1)}


def around(cell: Cell) -> set[Cell]:
    """Return the cells that touch it."""
    row, phi = cell
    found = {upper(cell), lower(cell)}
    if row == 1:
        return found | {wrap(2, 2 * phi + step) for step in (-1, 0, 1, 2)}
    if row == 2:
        corner = -1 if phi % 2 == 0 else 1
        found |= {wrap(1, phi // 2), wrap(1, phi // 2 + corner)}
    elif row not in (4, 16):
        found |= {wrap(row - 1, phi + step) for step in (-1, 0, 1)}
    if row not in (3, 15, 17):
        found |= {wrap(row + 1, phi + step) for step in (-1, 0, 1)}
    return found


def order(cell: Cell) -> tuple[int, int, int]:
    """Return a key that sorts cells as the trigger does."""
    row, phi = cell
    if 4 <= row <= 15:
        return 0, phi, row
    if row == 1:
        return 1, phi, 0
    if row <= 3:
        return 1, phi // 2, [(2, 0), (3, 0), (3, 1), (2, 1)].index((row, phi % 2)) + 1
    return 2, phi // 2, [(17, 1), (16, 1), (16, 0), (17, 0)].index((row, phi % 2))


def theta_of(row: int) -> float:
    """Return θ of a row's cells [rad]: of the mean of its crystals' front faces."""
    lines = RINGS_FILE.read_text(encoding="utf-8").splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    faces = [
        (float(ring["r_cm"]), float(ring["z_cm"]))
        for ring in rows[FIRST_RING[row - 1] : FIRST_RING[row]]
        for _ in range(int(ring["n_crystals"]))
    ]
    return math.atan2(sum(r for r, _ in faces), sum(z for _, z in faces))


def in_cms(cell: Cell) -> tuple[int, int, float]:
    """Return θ* and φ* [deg] of a photon through the centre, and E_lab/E*."""
    row, phi = cell
    azimuth = 2 * np.pi * (phi + 0.5) / in_azimuth(row)
    unit = direction(np.asarray(THETA[row]), np.asarray(azimuth))
    e, x, y, z = transform(LAB_TO_CMS, np.concatenate([[1.0], unit]))
    theta = round(float(np.degrees(np.arccos(z / e))))
    return theta, round(float(np.degrees(np.arctan2(y, x)))) % 360, round(1 / e, 1)


THETA = {row: theta_of(row) for row in range(1, 18)}
CMS = {cell: in_cms(cell) for cell in all_cells()}


def fired_cells(
    photons: Iterable[tuple[int, int, float]], threshold: float
) -> dict[Cell, float]:
    """Return the energies of fired cells from (ring, column, energy) of photons."""
    sums: dict[Cell, float] = {}
    for ring, column, energy in photons:
        cell = cell_of(ring, column)
        sums[cell] = sums.get(cell, 0.0) + energy
    return {cell: energy for cell, energy in sums.items() if energy >= threshold}


def is_seed(cell: Cell, fired: set[Cell]) -> bool:
    """Return whether a fired cell starts a cluster."""
    if fired & ({upper(cell)} | left(cell)):
        return False
    return not (lower(cell) in fired and fired & lower_left(cell))


def find_clusters(cells: dict[Cell, float]) -> tuple[list[Cluster], int]:
    """Return the clusters that are kept, and the number of seeds in rows 2 to 15."""
    fired = set(cells)
    seeds = sorted((cell for cell in fired if is_seed(cell, fired)), key=order)
    found = []
    for seed in seeds[:MOST]:
        near = {seed} | (around(seed) & fired)
        centre = max(near, key=lambda cell: cells[cell])
        members = {centre} | (around(centre) & fired)
        energy = sum(cells[cell] for cell in members)
        found.append(Cluster(centre, energy, *CMS[centre]))
    return found, sum(2 <= row <= 15 for row, _ in seeds)


def apart(one: Cluster, other: Cluster) -> int:
    """Return |Δφ*| in whole degrees, 0 to 180."""
    turn = abs(one.phi - other.phi)
    return min(turn, 360 - turn)


def is_bhabha(one: Cluster, other: Cluster) -> bool:
    """Return whether a pair fulfils the 3D Bhabha veto."""
    return (
        apart(one, other) > 160
        and 165 < one.theta + other.theta < 190
        and one.star(3)
        and other.star(3)
        and (one.star(4.5) or other.star(4.5))
    )


def in_rows(clusters: list[Cluster], threshold: float, *rows: int) -> int:
    """Return how many clusters in the rows have E* above a threshold."""
    return sum(c.star(threshold) and c.centre[0] in rows for c in clusters)


def sum_lines(total: float, icn: int, *, bha: bool) -> dict[str, bool]:
    """Return the lines of the energy sum and of the isolated clusters."""
    return {
        "elow": total > 0.5,
        "ehigh": total > 1,
        "elum": total > 3,
        "hie": total > 1 and not bha,
        "lume": total > 3,
        "hade": total > 3 and not bha,
        "bhie": total > 1,
        "bha3d": bha,
    } | {f"c{n}": icn >= n and not bha for n in (2, 3, 4, 5)}


def cluster_lines(clusters: list[Cluster], *, bha: bool) -> dict[str, bool]:
    """Return the lines that ask for single clusters."""
    single = sum(c.energy > 0.3 for c in clusters) == 1
    wide = [c.energy for c in clusters if 2 <= c.centre[0] <= 16]
    sides, ends = in_rows(clusters, 2, 2, 3, 15, 16), in_rows(clusters, 2, 1, 17)
    hardest = max((c.energy for c in clusters), default=0.0)
    return {
        "lml0": len(clusters) >= 3 and hardest > 0.3 and not bha,
        "lml1": in_rows(clusters, 2, *range(4, 15)) > 0,
        "lml2": sides > 0 and not bha,
        "lml3": sides > 0 and bha,
        "lml4": ends > 0 and not bha,
        "lml5": ends > 0 and bha,
        "lml6": in_rows(clusters, 1, *range(4, 16)) == 1 and single,
        "lml7": in_rows(clusters, 1, 2, 3, 16) == 1 and single,
        "lml12": len(wide) >= 3 and max(wide) > 0.5 and not bha,
        "lml13": in_rows(clusters, 0.5, *range(6, 12)) == 1 and single,
    }


def pair_lines(pairs: list[tuple[Cluster, Cluster]], *, hard: bool) -> dict[str, bool]:
    """Return the lines that ask for a pair and no hard cluster."""
    back = [(a.energy, b.energy) for a, b in pairs if apart(a, b) > 170]
    sums = [a.theta + b.theta for a, b in pairs if apart(a, b) > 160]
    return {
        "lml8": any(min(pair) > 0.25 for pair in back) and not hard,
        "lml9": any(min(pair) < 0.25 < max(pair) for pair in back) and not hard,
        "lml10": any(160 < theta < 200 for theta in sums) and not hard,
        "lml11": not hard,
    }


def lines(cells: dict[Cell, float]) -> set[str]:
    """Return the names of the lines that an event of fired cells fires."""
    if not cells:
        return set()
    clusters, icn = find_clusters(cells)
    pairs = [(a, b) for k, a in enumerate(clusters) for b in clusters[:k]]
    total = sum(energy for (row, _), energy in cells.items() if 2 <= row <= 15)
    bha = any(is_bhabha(a, b) for a, b in pairs)
    verdicts = {
        **sum_lines(total, icn, bha=bha),
        **cluster_lines(clusters, bha=bha),
        **pair_lines(pairs, hard=any(c.star(2) for c in clusters)),
        "gg": len(clusters) == 2,
        "c3hie": len(clusters) == 3 and total > 1,
    }
    return {name for name, verdict in verdicts.items() if verdict}
