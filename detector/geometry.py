"""Crystals of the ECL: 69 rings with their real gaps, and the front faces.

Rings are numbered as basf2 theta IDs; a crystal is (ring, column) with columns counted
in azimuth from φ = 0. Ring edges: `data/ecl_rings.csv`, provenance in its header.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cache, cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import numpy as np

from generator.tables import read_table

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

BARREL_RADIUS_CM: Final = 125.6
"""Cylinder that the barrel front faces touch (from basf2's crystal placement)."""
FORWARD_FACE_CM: Final = 197.9
"""z of the forward front faces (ring mean 197.6 to 198.4 cm)."""
BACKWARD_FACE_CM: Final = -104.0
"""z of the backward front faces (ring mean −103.6 to −104.5 cm)."""

DEPTH_CM: Final = 10.0
"""Depth behind the front face at which crystals share showers: about their maximum."""

BINS_PER_RAD: Final = 300.0
"""Lookup bins are narrower than any ring or gap, so each holds at most one edge."""


class Region(IntEnum):
    """Part of the calorimeter."""

    FORWARD = 0
    BARREL = 1
    BACKWARD = 2


@dataclass(frozen=True, eq=False)
class Geometry:
    """Rings of crystals, with a lookup table from θ to ring.

    Parameters
    ----------
    theta_min, theta_max : arrays of shape (69,)
        Ring edges seen from the IP [rad].
    n_crystals : array of shape (69,)
        Crystals in each ring.
    region : array of shape (69,)
        Region of each ring.
    width_cm : array of shape (2, 69)
        Front-face size of a crystal along θ and along φ [cm].
    face_cm : array of shape (2, 69)
        Front-face centre: distance from the z axis, and z [cm].
    deep_theta : array of shape (2, 69)
        Ring edges ``DEPTH_CM`` behind the front face [rad]; crystals do not quite
        point to the IP.
    trigger_row : array of shape (69,)
        Row of trigger cells, 1 to 17.
    """

    theta_min: NDArray[np.float64]
    theta_max: NDArray[np.float64]
    n_crystals: NDArray[np.int64]
    region: NDArray[np.int64]
    width_cm: NDArray[np.float64]
    face_cm: NDArray[np.float64]
    deep_theta: NDArray[np.float64]
    trigger_row: NDArray[np.int64]

    @property
    def n_rings(self) -> int:
        """Number of rings."""
        return int(self.n_crystals.size)

    def ring(self, theta: ArrayLike) -> NDArray[np.int64]:
        """Return the ring at polar angle θ [rad], −1 in a gap or outside."""
        angle = np.asarray(theta, float)
        index = np.searchsorted(self.theta_min, angle, side="right") - 1
        inside = (index >= 0) & (angle < self.theta_max[index])
        return np.where(inside, index, -1)

    def column(self, ring: ArrayLike, phi: ArrayLike) -> NDArray[np.int64]:
        """Return the azimuthal index of a crystal at φ [rad] in a ring."""
        turn = np.mod(np.asarray(phi, float) / (2 * np.pi), 1.0)
        n = self.n_crystals[np.asarray(ring)]
        return np.asarray(np.minimum((turn * n).astype(np.int64), n - 1))

    def centre(
        self, ring: ArrayLike, column: ArrayLike
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (θ, φ) [rad] of a crystal's centre."""
        r = np.asarray(ring)
        theta = 0.5 * (self.theta_min[r] + self.theta_max[r])
        return theta, 2 * np.pi * (np.asarray(column) + 0.5) / self.n_crystals[r]

    def solid_angle_fraction(self) -> float:
        """Return the share of 4π that front faces cover in the lab."""
        caps = np.cos(self.theta_min) - np.cos(self.theta_max)
        return float(0.5 * caps.sum())

    @cached_property
    def lookup(self) -> NDArray[np.float32]:
        """Table for kernels, flat (bins × 3): ring below an edge, edge, ring above it.

        A ring of −1 is a gap; the bin of θ is ``int(BINS_PER_RAD · θ)``.
        """
        low = np.arange(int(np.pi * BINS_PER_RAD) + 2) / BINS_PER_RAD
        edges = np.unique(np.concatenate([self.theta_min, self.theta_max]))
        following = np.append(edges, np.inf)[np.searchsorted(edges, low, "right")]
        high = low + 1.0 / BINS_PER_RAD
        edge = np.where(following < high, following, np.inf)
        above = self.ring(np.where(np.isinf(edge), low, edge))
        table = np.column_stack([self.ring(low), edge, above])
        return table.astype(np.float32).reshape(-1)

    @cached_property
    def pitches(self) -> NDArray[np.float32]:
        """Azimuthal width of a crystal [rad] by ring + 1; entry 0 stands for a gap."""
        counts = np.concatenate([[1], self.n_crystals])
        return (2 * np.pi / counts).astype(np.float32)

    @cached_property
    def starts(self) -> NDArray[np.float32]:
        """First edge of a ring [rad] by ring + 1."""
        return np.concatenate([[0.0], self.theta_min]).astype(np.float32)

    @cached_property
    def widths(self) -> NDArray[np.float32]:
        """Polar width of a ring [rad] by ring + 1."""
        return np.concatenate([[1.0], self.theta_max - self.theta_min]).astype(
            np.float32
        )


@cache
def belle2() -> Geometry:
    """Return the Belle II ECL: 8736 crystals in 69 rings."""
    rows = read_table(files("detector") / "data" / "ecl_rings.csv")
    names = [Region[str(name).upper()] for name in rows["region"]]
    return Geometry(
        theta_min=np.radians(rows["theta_min_deg"]),
        theta_max=np.radians(rows["theta_max_deg"]),
        n_crystals=rows["n_crystals"].astype(np.int64),
        region=np.array(names, dtype=np.int64),
        width_cm=np.stack([rows["width_theta_cm"], rows["width_phi_cm"]]),
        face_cm=np.stack([rows["r_cm"], rows["z_cm"]]),
        deep_theta=np.radians(
            np.stack([rows["theta_min_10cm_deg"], rows["theta_max_10cm_deg"]])
        ),
        trigger_row=rows["trigger_row"].astype(np.int64),
    )
