"""A region of phase space: what the photons of a sample must fulfil."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from generator.beams import Beams, transform

if TYPE_CHECKING:
    from numpy.typing import NDArray

HARD_PHOTONS: Final = 3
"""Photons that an event needs above the energy bounds if further ones may be softer."""


@dataclass(frozen=True, slots=True)
class PhaseSpace:
    """Angles and energies that all photons of an event share.

    Parameters
    ----------
    theta_lab_deg : tuple of two floats
        Polar angle limits in the lab [deg].
    energy_cms_min_GeV, energy_lab_min_GeV : float
        Smallest photon energy in the CM frame and in the lab [GeV].
    theta_cms_deg : tuple of two floats
        Polar angle limits in the CM frame of the nominal beams [deg].
    extra_energy_cms_min_GeV : float, optional
        Photons beyond the three hardest need only this CM energy [GeV].

    Raises
    ------
    ValueError
        If angles are not increasing within 0 to 180 deg, or no energy bound is positive
        (the cross section diverges for soft photons).
    """

    theta_lab_deg: tuple[float, float] = (17.0, 150.0)
    energy_cms_min_GeV: float = 0.25
    energy_lab_min_GeV: float = 0.0
    theta_cms_deg: tuple[float, float] = (0.0, 180.0)
    extra_energy_cms_min_GeV: float | None = None

    def __post_init__(self) -> None:
        """Refuse bounds that hold no photon or a divergent cross section."""
        for name in ("theta_lab_deg", "theta_cms_deg"):
            low, high = getattr(self, name)
            if not 0.0 <= low < high <= 180.0:
                msg = f"{name} = {getattr(self, name)}: need 0 <= low < high <= 180"
                raise ValueError(msg)
        if not max(self.energy_cms_min_GeV, self.energy_lab_min_GeV) > 0.0:
            msg = "a positive energy_cms_min_GeV or energy_lab_min_GeV is needed"
            raise ValueError(msg)
        extra = self.extra_energy_cms_min_GeV
        if extra is not None and not extra > 0.0:
            msg = f"extra_energy_cms_min_GeV = {extra:g}: must be positive"
            raise ValueError(msg)

    def rapidities_cms(self, beams: Beams) -> tuple[float, float]:
        """Return the range of atanh(cosθ*) that covers the angles of both frames.

        An empty region has its bounds in the wrong order.

        Raises
        ------
        ValueError
            If a beam line is inside: without electron mass the cross section diverges
            along it.
        """
        low, high = _edges(self, beams)
        return float(low.min()), float(high.max())

    def swaying_rapidities_cms(
        self, beams: Beams
    ) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return (a, b) of both edges, atanh(cosθ*) = a + b cosφ*: a closer cover.

        The crossing angle makes lab cones sway around the beam axis of the CM frame.

        Raises
        ------
        ValueError
            As `rapidities_cms`.
        """
        low, high = _edges(self, beams)
        cos = np.cos(_AZIMUTHS)
        sways = [float(2.0 * np.mean(edge * cos)) for edge in (low, high)]
        least = float((low - sways[0] * cos).min())
        most = float((high - sways[1] * cos).max())
        return (least, sways[0]), (most, sways[1])

    def fraction_min(self, beams: Beams) -> float:
        """Return the smallest x = 2E*/√s that the energy bounds of hard photons allow."""
        gamma = beams.lab_to_cms[0, 0]
        softest = self.energy_lab_min_GeV / (gamma + np.sqrt(gamma**2 - 1.0))
        energy = max(self.energy_cms_min_GeV, softest)
        return float(2.0 * energy / beams.sqrt_s_GeV)

    def extra_fraction_min(self, beams: Beams) -> float:
        """Return the smallest x of any photon."""
        hard = self.fraction_min(beams)
        if self.extra_energy_cms_min_GeV is None:
            return hard
        return min(2.0 * self.extra_energy_cms_min_GeV / beams.sqrt_s_GeV, hard)

    def beam_fraction_min(self, beams: Beams, photons: int) -> float:
        """Return the least that a beam must bring to make ``photons`` hard photons.

        Light-cone momenta of the photons add up to those of the beams, and the ratio of
        each photon's two is within the angular bounds.
        """
        low, high = self.rapidities_cms(beams)
        energy = 0.5 * photons * self.fraction_min(beams)  # of one beam's energy
        share = [1.0 / (1.0 + np.exp(-2.0 * eta)) for eta in (low, -high)]
        return float(min(0.99, 2.0 * energy * min(share)))

    def hard_photons(self, slots: int) -> int:
        """Return how many of ``slots`` photons must pass the energy bounds."""
        some = self.extra_energy_cms_min_GeV is not None
        return min(slots, HARD_PHOTONS) if some else slots

    def as_kernel(self) -> NDArray[np.float32]:
        """Return (θ low, θ high, cosθ* low, high, E*, E* hard, E_lab) in rad and GeV."""
        return _numbers(self)


@cache  # asked for once per block
def _numbers(space: PhaseSpace) -> NDArray[np.float32]:
    angles = np.radians(space.theta_lab_deg)
    high, low = np.cos(np.radians(space.theta_cms_deg))
    extra = space.extra_energy_cms_min_GeV
    softest = space.energy_cms_min_GeV if extra is None else extra
    energies = [softest, space.energy_cms_min_GeV, space.energy_lab_min_GeV]
    return np.array([*angles, low, high, *energies], dtype=np.float32)


_AZIMUTHS: Final = np.linspace(-np.pi, np.pi, 720, endpoint=False)


@cache
def _edges(
    space: PhaseSpace, beams: Beams
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lowest and highest CM rapidity at each of ``_AZIMUTHS`` (in the CM)."""
    lean = float(np.degrees(beams.half_crossing_rad))
    low_lab, high_lab = space.theta_lab_deg
    low_cms, high_cms = np.radians(space.theta_cms_deg)
    forward = _cone(low_lab, beams) if low_lab > lean else 0.0 * _AZIMUTHS
    backward = (
        _cone(high_lab, beams) if high_lab < 180.0 - lean else np.pi + 0.0 * forward
    )
    forward, backward = np.maximum(forward, low_cms), np.minimum(backward, high_cms)
    if forward.min() <= 0.0 or backward.max() >= np.pi:
        msg = (
            f"theta_lab_deg = {space.theta_lab_deg} holds a beam line, "
            f"{lean:.3g} deg off the z axis: the cross section diverges there"
        )
        raise ValueError(msg)
    return np.arctanh(np.cos(backward)), np.arctanh(np.cos(forward))


def _cone(theta_lab_deg: float, beams: Beams) -> NDArray[np.float64]:
    """Return the CM polar angle of a lab cone at each of ``_AZIMUTHS`` [rad]."""
    phi_lab = np.linspace(-np.pi, np.pi, 2881)
    cone = np.full_like(phi_lab, np.radians(theta_lab_deg))
    matrix = beams.lab_to_cms
    _, theta, phi = transform(matrix, np.ones_like(cone), cone, phi_lab)
    order = np.argsort(phi)
    return np.interp(_AZIMUTHS, phi[order], theta[order], period=2.0 * np.pi)
