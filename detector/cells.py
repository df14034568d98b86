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


class Cells(NamedTuple):
    """Columns of all crystals and of all rings (69), for kernels.

    There is one crystal more than the ECL has, a blank that fills up tables of
    neighbours: number 8736.
    """

    first: NDArray[np.int32]
    """First crystal of every ring, and their number; shape (70,)."""
    ring: NDArray[np.int32]
    """Ring of every crystal."""
    theta: NDArray[np.float32]
    """Polar angle of the centre, ``DEPTH_CM`` deep [rad]."""
    phi: NDArray[np.float32]
    """Azimuth of the centre [rad]."""
    theta_width: NDArray[np.float32]
    """Polar width of rings at that depth, (69,) [rad]."""
    along_cm: NDArray[np.float32]
    """Where rings begin and end along θ on the surface at that depth, (69, 2) [cm]."""
    around_cm: NDArray[np.float32]
    """Circumference of rings on it over 2π, (69,): azimuth × this = distance [cm]."""
    middle_cm: NDArray[np.float32]
    """Where the middle of a crystal is along θ [cm]."""
    reach_cm: NDArray[np.float32]
    """Circumference / 2π at every crystal [cm]."""
    near: NDArray[np.int32]
    """Crystals that touch one, ``N_NEAR`` each, filled up with the blank."""
    around: NDArray[np.int32]
    """Those of the 5×5 without corners but itself, ``N_AROUND`` each, filled up as
    above; the first ``N_NEAR`` are those of ``near``."""


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


def _tables(geometry: Geometry) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    counts = geometry.n_crystals
    first = np.concatenate([[0], np.cumsum(counts)])
    near = np.full((first[-1], N_NEAR), first[-1], np.int32)
    around = np.full((first[-1], N_AROUND), first[-1], np.int32)
    for ring in range(geometry.n_rings):
        own = first[ring] + np.arange(counts[ring])
        for cell, touching in zip(
            own, _within(geometry, first, ring, (0, 0)), strict=True
        ):
            near[cell, : touching.size - 1] = touching[touching != cell]
        for cell, close in zip(
            own, _within(geometry, first, ring, (1, 1, 0)), strict=True
        ):
            others = np.setdiff1d(close, np.append(near[cell], cell))
            around[cell, :N_NEAR] = near[cell]
            around[cell, N_NEAR : N_NEAR + others.size] = others
    return near, around


@cache
def cells() -> Cells:
    """Return the crystals of the Belle II ECL."""
    geometry = belle2()
    counts = geometry.n_crystals
    first = np.concatenate([[0], np.cumsum(counts)])
    ring = np.append(np.repeat(np.arange(geometry.n_rings), counts), 0)
    column = np.arange(first[-1] + 1) - first[ring]
    along, around_cm = _surface(geometry)
    near, around = _tables(geometry)
    return Cells(
        first=first.astype(np.int32),
        ring=ring.astype(np.int32),
        theta=geometry.deep_theta.mean(axis=0)[ring].astype(np.float32),
        phi=(2.0 * np.pi * (column + 0.5) / counts[ring]).astype(np.float32),
        theta_width=np.diff(geometry.deep_theta, axis=0)[0].astype(np.float32),
        along_cm=along.astype(np.float32),
        around_cm=around_cm.astype(np.float32),
        middle_cm=along.mean(axis=1)[ring].astype(np.float32),
        reach_cm=around_cm[ring].astype(np.float32),
        near=near.reshape(-1).astype(np.uint32),
        around=around.reshape(-1).astype(np.uint32),
    )
