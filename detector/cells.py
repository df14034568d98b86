"""The 8736 crystals one by one: numbering, positions near the shower maximum, neighbours.

Crystal (ring, column) has the number ``first[ring] + column``. Rings next to each other
may have different numbers of crystals, so neighbours are defined by touching in azimuth;
the numbers of rings tell neighbours in θ, also across the gaps between regions, as
basf2's neighbour map does [remembered].
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from detector.geometry import DEPTH_CM, belle2

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detector.geometry import Geometry

N_NEAR: Final = 8
"""Most crystals that touch one."""
N_AROUND: Final = 20
"""Most crystals in the 5×5 without corners around one."""
_TOUCH: Final = 1e-6
"""Tolerance [rad] of edges that coincide."""


# Columns of the table of crystals: θ and φ of the centre [rad], where it is along θ
# [cm], circumference / 2π there [cm], ring, polar width [rad] and size along θ [cm].
THETA, PHI, MIDDLE, REACH, RING, SPAN, SIZE = range(7)
WIDTH: Final = 8
"""Length of a row of the table."""


class Cells(NamedTuple):
    """All crystals, flat tables for kernels; positions are ``DEPTH_CM`` deep.

    There is one crystal more than the ECL has, a blank that fills up tables of
    neighbours: number 8736.
    """

    first: NDArray[np.int32]
    """First crystal of every ring, and their number; shape (70,)."""
    table: NDArray[np.float32]
    """``WIDTH`` numbers for every crystal: half a line of the cache."""
    near: NDArray[np.uint16]
    """The ``N_NEAR`` crystals that touch one, filled up with the blank."""
    around: NDArray[np.uint16]
    """The 5×5 without corners around a crystal, ``N_AROUND`` each, itself excluded.
    First the ``N_NEAR`` that touch it; both parts are filled up with the blank.
    """
    edges_cm: NDArray[np.float32]
    """Where rings begin and end along θ, (69, 2) [cm]."""
    around_cm: NDArray[np.float32]
    """Circumference of rings over 2π, (69,): azimuth × this = distance [cm]."""

    @property
    def columns(self) -> NDArray[np.float32]:
        """The table by column, shape (``WIDTH``, 8737)."""
        return self.table.reshape(-1, WIDTH).T


def _surface(geometry: Geometry) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where rings lie along θ (69, 2), and their circumference / 2π [cm].

    Crystals widen with the distance from the IP.
    """
    distance = np.hypot(*geometry.face_cm)
    width = geometry.width_cm * (1.0 + DEPTH_CM / distance)
    low, high = geometry.deep_theta
    deep = distance + DEPTH_CM
    gaps = (low[1:] - high[:-1]) * 0.5 * (deep[1:] + deep[:-1])
    starts = np.concatenate([[0.0], np.cumsum(width[0, :-1] + gaps)])
    edges = np.stack([starts, starts + width[0]], axis=1)
    return edges, width[1] * geometry.n_crystals / (2.0 * np.pi)


def _touching(
    geometry: Geometry, ring: int, other: int, extra: int
) -> NDArray[np.bool_]:
    """Return which crystals of two rings touch in azimuth, (n, m).

    With ``extra`` crystals of the average of the two pitches in between they still
    count.
    """
    n, m = geometry.n_crystals[[ring, other]]
    pitch = np.pi / n + np.pi / m  # distance of the centres of two that touch
    centre = (np.arange(n) + 0.5) / n, (np.arange(m) + 0.5) / m
    turn = np.abs(centre[0][:, None] - centre[1][None, :])
    apart = 2.0 * np.pi * np.minimum(turn, 1.0 - turn)
    # same pitch: the centres of neighbours are 1 pitch apart, or 0 beside them
    return np.asarray(apart < (1 + extra) * pitch + _TOUCH)


def _within(
    geometry: Geometry, first: NDArray[np.int64], ring: int, reach: tuple[int, ...]
) -> list[NDArray[np.int64]]:
    """Return the crystals within reach of every one of a ring, itself included.

    ``reach[d]`` are the crystals that may be in between, d rings away.
    """
    others = range(max(ring - len(reach) + 1, 0), ring + len(reach))
    found = [
        (first[other], _touching(geometry, ring, other, reach[abs(other - ring)]))
        for other in others
        if other < geometry.n_rings
    ]
    return [
        np.concatenate([start + np.flatnonzero(mask[k]) for start, mask in found])
        for k in range(geometry.n_crystals[ring])
    ]


def _neighbours(geometry: Geometry) -> NDArray[np.uint16]:
    first = np.concatenate([[0], np.cumsum(geometry.n_crystals)])
    around = np.full((first[-1] + 1, N_AROUND), first[-1], np.uint16)
    for ring in range(geometry.n_rings):
        near = _within(geometry, first, ring, (0, 0))
        close = _within(geometry, first, ring, (1, 1, 0))
        for cell, touching, all_of_them in zip(
            range(first[ring], first[ring + 1]), near, close, strict=True
        ):
            touching_others = touching[touching != cell]
            others = np.setdiff1d(all_of_them, touching)
            around[cell, : touching_others.size] = touching_others
            around[cell, N_NEAR : N_NEAR + others.size] = others
    return around


@cache
def cells() -> Cells:
    """Return the crystals of the Belle II ECL."""
    geometry = belle2()
    counts = geometry.n_crystals
    first = np.concatenate([[0], np.cumsum(counts)])
    ring = np.append(np.repeat(np.arange(geometry.n_rings), counts), 0)
    column = np.arange(first[-1] + 1) - first[ring]
    column[-1] = 0  # the blank: kernels gather its place too
    edges, around_cm = _surface(geometry)
    around = _neighbours(geometry)
    table = np.zeros((ring.size, WIDTH), np.float32)
    table[:, THETA] = geometry.deep_theta.mean(axis=0)[ring]
    table[:, PHI] = 2.0 * np.pi * (column + 0.5) / counts[ring]
    table[:, MIDDLE] = edges.mean(axis=1)[ring]
    table[:, REACH] = around_cm[ring]
    table[:, RING] = ring
    table[:, SPAN] = np.diff(geometry.deep_theta, axis=0)[0, ring]
    table[:, SIZE] = np.diff(edges, axis=1)[ring, 0]
    return Cells(
        first=first.astype(np.int32),
        table=table.reshape(-1),
        near=np.ascontiguousarray(around[:, :N_NEAR]).reshape(-1),
        around=around.reshape(-1),
        edges_cm=edges.astype(np.float32),
        around_cm=around_cm.astype(np.float32),
    )
