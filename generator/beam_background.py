"""Photons of the beam background that fall into an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from generator.simd import LANES
from generator.units import uniform

if TYPE_CHECKING:
    from generator.beams import Beams
    from generator.columns import Column
    from generator.phase_space import PhaseSpace
    from generator.random import LaneState


class BackgroundPhoton(NamedTuple):
    """One photon per event in the lab; columns of shape (LANES,)."""

    energy: Column
    """E [GeV]."""
    theta: Column
    """Polar angle [rad]."""
    phi: Column
    """Azimuth in [0, 2π) [rad]."""
    probability: Column
    """Share of an event with exactly one background photon, here: averages to it."""


@dataclass(frozen=True, slots=True)
class BeamBackground:
    """Rate and spectrum of in-time beam-background photons: an assumption, to be scanned.

    No measured number or spectrum of such photons is public, so none of the defaults is
    more than a guess: scan ``mean`` from 0 to 1. The photons are isotropic in the lab,
    their number follows Poisson statistics, and they point to the interaction point like
    any cluster does.

    Parameters
    ----------
    mean : float
        Photons per event above ``energy_min_GeV``, in time, in the whole solid angle.
    energy_min_GeV, energy_max_GeV : float
        Ends of the spectrum in the lab [GeV].
    index : float
        The spectrum is dN/dE ∝ E^−index.

    Raises
    ------
    ValueError
        If the mean is negative, the range of energies empty or the index not finite.
    """

    mean: float = 0.1
    energy_min_GeV: float = 0.1
    energy_max_GeV: float = 2.0
    index: float = 3.0

    def __post_init__(self) -> None:
        """Refuse rates and spectra that do not exist."""
        if not 0.0 <= self.mean < np.inf:
            msg = (
                f"mean = {self.mean:g} background photons: need a number of at least 0"
            )
            raise ValueError(msg)
        if not 0.0 < self.energy_min_GeV < self.energy_max_GeV < np.inf:
            msg = (
                f"background energies from {self.energy_min_GeV:g} to "
                f"{self.energy_max_GeV:g} GeV: need 0 < energy_min_GeV < energy_max_GeV"
            )
            raise ValueError(msg)
        if not np.isfinite(self.index):
            msg = f"index = {self.index:g}: need a finite number"
            raise ValueError(msg)

    @property
    def one_photon(self) -> float:
        """Probability of exactly one photon; two or more make too many clusters.

        Of those some would be soft or outside the region of an analysis, so this is
        slightly too small where ``mean`` is large.
        """
        return float(self.mean * np.exp(-self.mean))

    def draw(
        self, state: LaneState, beams: Beams, phase_space: PhaseSpace
    ) -> BackgroundPhoton:
        """Return one photon per event, inside the phase space where it can be.

        Its direction is drawn within the lab angles and its energy above what the
        phase space asks for in that direction; the probability accounts for both.

        Parameters
        ----------
        state : LaneState
            Generator lanes, advanced in place.
        beams : Beams
            Beams of the CM frame.
        phase_space : PhaseSpace
            Region; outside it the probability is 0.
        """
        u = uniform(state, 3).reshape(3, LANES).astype(np.float64)
        high, low = np.cos(np.radians(phase_space.theta_lab_deg))
        cos, phi = low + (high - low) * u[0], 2.0 * np.pi * u[1]
        sin = np.sqrt(1.0 - cos**2)
        unit = np.stack([np.ones(LANES), sin * np.cos(phi), sin * np.sin(phi), cos])
        # energy and momentum along the electron beam in the CM frame, for E = 1
        e_cms, _, _, z_cms = beams.lab_to_cms @ unit
        softest = np.maximum(
            phase_space.energy_cms_min_GeV / e_cms, phase_space.energy_lab_min_GeV
        )
        energy, above = self.energies(u[2], softest)
        high_cms, low_cms = np.cos(np.radians(phase_space.theta_cms_deg))
        inside = (z_cms > low_cms * e_cms) & (z_cms < high_cms * e_cms)
        probability = self.one_photon * 0.5 * (high - low) * above * inside
        return BackgroundPhoton(energy, np.arccos(cos), phi, probability)

    def energies(self, u: Column, softest: Column) -> tuple[Column, Column]:
        """Return energies above ``softest``, and the share of the spectrum above it.

        Parameters
        ----------
        u : array
            Uniform numbers in (0, 1); the energy rises or falls with them.
        softest : array
            Lower ends [GeV], broadcast against ``u``; below the spectrum's own end they
            have no effect.
        """
        slope = 1.0 - self.index if self.index != 1.0 else 1e-12  # continuous there
        low = np.clip(softest, self.energy_min_GeV, self.energy_max_GeV)
        # with ℓ = ln(E/low): dN/dℓ ∝ exp(slope·ℓ)
        above = np.expm1(slope * np.log(self.energy_max_GeV / low))
        log_ratio = np.log(self.energy_max_GeV / self.energy_min_GeV)
        share = (
            (low / self.energy_min_GeV) ** slope * above / np.expm1(slope * log_ratio)
        )
        return low * np.exp(np.log1p(u * above) / slope), share
