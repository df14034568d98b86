"""A region of phase space: what every photon of a sample must fulfil."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from generator.beams import Beams, transform

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class PhaseSpace:
    """Lab angles and energies that all photons of an event share.

    Parameters
    ----------
    theta_lab_deg : tuple of two floats
        Polar angle limits in the lab [deg].
    energy_cms_min_GeV, energy_lab_min_GeV : float
        Smallest photon energy in the CM frame and in the lab [GeV].

    Raises
    ------
    ValueError
        If the angles are not increasing within 0 to 180 deg, or no energy bound is
        positive (the cross section diverges for soft photons).
    """

    theta_lab_deg: tuple[float, float] = (17.0, 150.0)
    energy_cms_min_GeV: float = 0.25
    energy_lab_min_GeV: float = 0.0

    def __post_init__(self) -> None:
        """Refuse bounds that hold no photon or a divergent cross section."""
        low, high = self.theta_lab_deg
        if not 0.0 < low < high < 180.0:
            msg = f"theta_lab_deg = {self.theta_lab_deg}: need 0 < low < high < 180"
            raise ValueError(msg)
        if max(self.energy_cms_min_GeV, self.energy_lab_min_GeV) <= 0.0:
            msg = "a positive energy_cms_min_GeV or energy_lab_min_GeV is needed"
            raise ValueError(msg)

    def rapidities_cms(self, beams: Beams) -> tuple[float, float]:
        """Return the range of atanh(cosθ*) that covers the lab angles.

        Raises
        ------
        ValueError
            If a beam line is inside the lab angles: without electron mass the cross
            section diverges along it.
        """
        low, high = self.theta_lab_deg
        lean = float(np.degrees(beams.half_crossing_rad))
        if low <= lean or high >= 180.0 - lean:
            msg = (
                f"theta_lab_deg = {self.theta_lab_deg} holds a beam line, "
                f"{lean:.3g} deg off the z axis: the cross section diverges there"
            )
            raise ValueError(msg)
        phi = np.linspace(0.0, 2.0 * np.pi, 721)
        cones = np.radians(self.theta_lab_deg)[:, np.newaxis] + 0.0 * phi
        _, theta, _ = transform(beams.lab_to_cms, np.ones_like(cones), cones, phi)
        eta = np.arctanh(np.cos(theta))
        return float(eta[1].min()), float(eta[0].max())

    def fraction_min(self, beams: Beams) -> float:
        """Return the smallest x = 2E*/√s that the energy bounds allow."""
        gamma = beams.lab_to_cms[0, 0]
        softest = self.energy_lab_min_GeV / (gamma + np.sqrt(gamma**2 - 1.0))
        energy = max(self.energy_cms_min_GeV, softest)
        return float(2.0 * energy / beams.sqrt_s_GeV)

    def as_kernel(self) -> NDArray[np.float32]:
        """Return (θ low, θ high, E*, E_lab) in rad and GeV, shape (4,)."""
        low, high = np.radians(self.theta_lab_deg)
        bounds = [low, high, self.energy_cms_min_GeV, self.energy_lab_min_GeV]
        return np.array(bounds, dtype=np.float32)
