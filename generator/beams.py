"""Beams with a crossing angle and the Lorentz transformation lab ↔ CM.

Lab frame: z is the bisector of the two beam lines and points along the electron beam;
both beams lean towards +x by half the crossing angle. CM frame: the pure boost to the
rest frame, then a rotation about y that puts the electron on +z. The angle θ* of every
formula is measured from the electron in that frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def boost(velocity: Matrix) -> Matrix:
    """Return the 4×4 boost (E, x, y, z) into the frame moving with ``velocity``.

    Parameters
    ----------
    velocity : array of shape (3,)
        Velocity of the new frame in the old one, in units of c.

    References
    ----------
    .. [1] J. D. Jackson, Classical Electrodynamics, eq. (11.98).
    """
    beta2 = float(velocity @ velocity)
    gamma = 1.0 / np.sqrt(1.0 - beta2)
    matrix = np.eye(4)
    matrix[0, 0] = gamma
    matrix[0, 1:] = matrix[1:, 0] = -gamma * velocity
    if beta2 > 0.0:
        matrix[1:, 1:] += (gamma - 1.0) * np.outer(velocity, velocity) / beta2
    return matrix


@dataclass(frozen=True)
class Beams:
    """Two ultra-relativistic beams; electron masses are neglected.

    Parameters
    ----------
    electron_GeV, positron_GeV : float
        Beam energies [GeV]; SuperKEKB nominal 7.007 and 4.000.
    half_crossing_rad : float
        Angle of each beam to the z axis [rad]; nominal 0.0415.

    Raises
    ------
    ValueError
        If an energy is not positive or the beams do not meet head-on within 90 deg.
    """

    electron_GeV: float = 7.007
    positron_GeV: float = 4.000
    half_crossing_rad: float = 0.0415

    def __post_init__(self) -> None:
        """Refuse beams that do not collide."""
        if not (self.electron_GeV > 0.0 and self.positron_GeV > 0.0):
            msg = (
                f"beam energies {self.electron_GeV:g} and {self.positron_GeV:g} GeV: "
                "both must be positive"
            )
            raise ValueError(msg)
        if not 0.0 <= self.half_crossing_rad < np.pi / 2:
            msg = f"half_crossing_rad = {self.half_crossing_rad:g}: need 0 to pi/2"
            raise ValueError(msg)

    def _momentum(self, energy: float, direction: int) -> Matrix:
        lean = self.half_crossing_rad
        return energy * np.array([1.0, np.sin(lean), 0.0, direction * np.cos(lean)])

    @cached_property
    def electron(self) -> Matrix:
        """Electron four-momentum (E, x, y, z) in the lab [GeV], shape (4,)."""
        return self._momentum(self.electron_GeV, +1)

    @cached_property
    def positron(self) -> Matrix:
        """Positron four-momentum (E, x, y, z) in the lab [GeV], shape (4,)."""
        return self._momentum(self.positron_GeV, -1)

    @cached_property
    def s_GeV2(self) -> float:
        """Mandelstam s [GeV²]."""
        total = self.electron + self.positron
        return float(total[0] ** 2 - total[1:] @ total[1:])

    @property
    def sqrt_s_GeV(self) -> float:
        """CM energy √s [GeV]; 10.579 at the nominal energies."""
        return float(np.sqrt(self.s_GeV2))

    @cached_property
    def lab_to_cms(self) -> Matrix:
        """4×4 transformation of (E, x, y, z) from the lab to the CM frame."""
        total = self.electron + self.positron
        pure = boost(total[1:] / total[0])
        _, x, _, z = pure @ self.electron
        angle = np.arctan2(x, z)
        rotation = np.eye(4)
        rotation[1, 1] = rotation[3, 3] = np.cos(angle)
        rotation[1, 3], rotation[3, 1] = -np.sin(angle), np.sin(angle)
        return rotation @ pure

    @cached_property
    def cms_to_lab(self) -> Matrix:
        """4×4 transformation of (E, x, y, z) from the CM frame to the lab."""
        metric = np.diag([1.0, -1.0, -1.0, -1.0])
        return np.asarray(metric @ self.lab_to_cms.T @ metric)

    @cached_property
    def kernel_to_lab(self) -> NDArray[np.float32]:
        """Nine coefficients of ``cms_to_lab`` for `generator.frames`, shape (9,)."""
        return _in_plane(self.cms_to_lab)

    @cached_property
    def kernel_to_cms(self) -> NDArray[np.float32]:
        """Nine coefficients of ``lab_to_cms`` for `generator.frames`, shape (9,)."""
        return _in_plane(self.lab_to_cms)


def _in_plane(matrix: Matrix) -> NDArray[np.float32]:
    """Return the (E, x, z) rows and columns, flat; y does not change."""
    return np.asarray(matrix[np.ix_([0, 1, 3], [0, 1, 3])], np.float32).ravel()


def transform(
    matrix: Matrix, energy: Matrix, theta: Matrix, phi: Matrix
) -> tuple[Matrix, Matrix, Matrix]:
    """Transform massless (E, θ, φ) with a 4×4 Lorentz matrix, in float64.

    Parameters
    ----------
    matrix : array of shape (4, 4)
        ``Beams.lab_to_cms`` or ``Beams.cms_to_lab``.
    energy, theta, phi : arrays of one common shape
        Photon energy [GeV], polar angle and azimuth [rad].

    Returns
    -------
    tuple of three arrays of that shape
        E [GeV], θ [rad], φ in [0, 2π) [rad].
    """
    sin = np.sin(theta)
    unit = np.stack(
        [np.ones_like(theta), sin * np.cos(phi), sin * np.sin(phi), np.cos(theta)]
    )
    e, x, y, z = energy * np.tensordot(matrix, unit, axes=1)
    return e, np.arctan2(np.hypot(x, y), z), np.mod(np.arctan2(y, x), 2 * np.pi)
