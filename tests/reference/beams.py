"""Beams, the frame of the collision and the photon columns.

The laboratory z axis is the bisector of the two beam lines, along the electron beam;
both beams lean towards +x. The CM frame is reached by a pure boost and a rotation in
the x-z plane that puts the electron on +z.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]

ELECTRON_ENERGY = 7.007
POSITRON_ENERGY = 4.000
HALF_CROSSING = 0.0415
ALPHA = 1 / 137.036
PB_GEV2 = 0.3893793721e9
"""(hbar c)^2 in pb GeV^2."""


class Photons(NamedTuple):
    """Photons in the laboratory, photon number on axis 0, event on axis 1.

    Parameters
    ----------
    energy, theta, phi
        Shape (p, n): GeV, rad in [0, pi], rad in [0, 2 pi).
    vertex
        Origin of each photon, shape (3 coordinates, p, n) in cm, or None if prompt.
    """

    energy: Floats
    theta: Floats
    phi: Floats
    vertex: Floats | None = None


def beam_momenta() -> tuple[Floats, Floats]:
    """Return the (E, px, py, pz) of the electron and the positron in GeV."""
    lean, along = np.sin(HALF_CROSSING), np.cos(HALF_CROSSING)
    electron = ELECTRON_ENERGY * np.array([1.0, lean, 0.0, along])
    positron = POSITRON_ENERGY * np.array([1.0, lean, 0.0, -along])
    return electron, positron


def _pure_boost(total: Floats) -> Floats:
    """Return the 4x4 matrix that takes `total` (E, p) to rest without a rotation."""
    gamma = total[0] / np.sqrt(total[0] ** 2 - total[1:] @ total[1:])
    beta = total[1:] / total[0]
    matrix = np.empty((4, 4))
    matrix[0, 0] = gamma
    matrix[0, 1:] = matrix[1:, 0] = -gamma * beta
    along = np.outer(beta, beta) / (beta @ beta)
    matrix[1:, 1:] = np.eye(3) + (gamma - 1) * along
    return matrix


def _lab_to_cms() -> Floats:
    electron, positron = beam_momenta()
    boost = _pure_boost(electron + positron)
    _, px, _, pz = boost @ electron
    tilt = np.arctan2(px, pz)
    rotation = np.eye(4)
    rotation[1, 1] = rotation[3, 3] = np.cos(tilt)
    rotation[1, 3], rotation[3, 1] = -np.sin(tilt), np.sin(tilt)
    return rotation @ boost


LAB_TO_CMS: Floats = _lab_to_cms()
_METRIC = np.diag([1.0, -1.0, -1.0, -1.0])
CMS_TO_LAB: Floats = _METRIC @ LAB_TO_CMS.T @ _METRIC
SQRT_S = float((LAB_TO_CMS @ np.sum(beam_momenta(), axis=0))[0])
S = SQRT_S**2


def transform(matrix: Floats, momenta: Floats) -> Floats:
    """Apply a 4x4 Lorentz matrix to four-momenta of shape (4, ...)."""
    moved: Floats = np.einsum("ij,j...->i...", matrix, momenta)
    return moved


def direction(theta: Floats, phi: Floats) -> Floats:
    """Return unit vectors of shape (3, ...) from polar and azimuthal angles in rad."""
    transverse = np.sin(theta)
    return np.stack([transverse * np.cos(phi), transverse * np.sin(phi), np.cos(theta)])


def four_momenta(photons: Photons) -> Floats:
    """Return laboratory four-momenta of shape (4, p, n) in GeV."""
    unit = direction(photons.theta, photons.phi)
    return np.concatenate([photons.energy[None], photons.energy * unit])


def from_four_momenta(momenta: Floats, vertex: Floats | None = None) -> Photons:
    """Return photon columns from massless four-momenta of shape (4, p, n)."""
    energy, px, py, pz = momenta
    phi = np.arctan2(py, px)
    phi[phi < 0] += 2 * np.pi
    return Photons(energy, np.arctan2(np.hypot(px, py), pz), phi, vertex)


def cms_energy(photons: Photons) -> Floats:
    """Return the energies E* in the CM frame, shape (p, n), in GeV."""
    row = LAB_TO_CMS[0]
    sin_theta = np.sin(photons.theta)
    lean = row[1] * sin_theta * np.cos(photons.phi) + row[3] * np.cos(photons.theta)
    energy: Floats = photons.energy * (row[0] + lean)
    return energy
