"""Independent calculations of cross sections: quadratures and slow flat samplers.

Each returns (value, error) in pb; a quadrature's error is 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.integrate import dblquad, quad
from scipy.special import gamma

from generator import alp
from generator.beams import Beams
from generator.constants import ALPHA_0, ELECTRON_MASS_GEV, GEV2_PB
from tests.reference import bhabha, equivalent_photons, four_photon, three_photon
from tests.reference.beams import CMS_TO_LAB, LAB_TO_CMS, direction, transform

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.reference.three_photon import Region

Result = tuple[float, float]
S = Beams().s_GeV2


def averaged(run: Callable[[np.random.Generator], Result], n_parts: int) -> Result:
    """Average independent parts of a sample."""
    rng = np.random.default_rng(7)
    parts = np.array([run(rng) for _ in range(n_parts)])
    return float(parts[:, 0].mean()), float(np.hypot.reduce(parts[:, 1]) / n_parts)


def flat_three_photon(
    region: Region, n_parts: int = 24, size: int = 1_000_000
) -> Result:
    """γγγ from uniform phase space."""

    def part(rng: np.random.Generator) -> Result:
        return three_photon.flat(rng.random((5, size)), region).cross_section(size)

    return averaged(part, n_parts)


def flat_four_photon(
    region: Region, extra_GeV: float, n_parts: int = 40, size: int = 1_000_000
) -> Result:
    """γγγγ from RAMBO and Dirac spinors."""
    acceptance = four_photon.Acceptance(region, extra_GeV)

    def part(rng: np.random.Generator) -> Result:
        return four_photon.flat(size, acceptance, rng).cross_section(size)

    return averaged(part, n_parts)


def two_decays(
    region: Region, opening_deg: float, n_parts: int = 20, size: int = 500_000
) -> Result:
    """e⁺e⁻γ by two decays in a row, the closed form in float64."""

    def part(rng: np.random.Generator) -> Result:
        events = bhabha.importance(rng.random((6, size)), region, opening_deg)
        return events.cross_section(size)

    return averaged(part, n_parts)


def signal(mass_GeV: float, coupling_per_GeV: float) -> Result:
    """∫ dσ/dcosθ* of γa."""
    args = (mass_GeV, coupling_per_GeV, S)
    return float(quad(alp.differential_cross_section_pb, -1.0, 1.0, args=args)[0]), 0.0


def _structure_function() -> tuple[float, float, Callable[[float], float]]:
    """Return η, the norm of the soft peak over η, and the hard part."""
    beta = 2 * ALPHA_0 / np.pi * (np.log(S / ELECTRON_MASS_GEV**2) - 1)
    eta = beta / 2
    norm = np.exp(eta * (3 / 4 - np.euler_gamma)) / gamma(1 + eta)

    def hard(x: float) -> float:
        bracket = (1 + 3 * x**2) / (1 - x) * np.log(x) + 4 * (1 + x) * np.log1p(-x)
        return float(-beta / 4 * (1 + x) - beta**2 / 32 * (bracket + 5 + x))

    return eta, float(norm), hard


def radiated(sigma: Callable[[float], float], least: float) -> Result:
    """∫∫ D(z₋)D(z₊) σ(z₋z₊) above a threshold ``least`` of z₋z₊."""
    eta, norm, hard = _structure_function()

    def one_beam(other: float) -> float:
        low = least / other
        if low >= 1:
            return 0.0
        peak = quad(
            lambda v: sigma(other * (1 - v ** (1 / eta))),
            0,
            (1 - low) ** eta,
            limit=200,
        )[0]
        rest = quad(lambda x: hard(x) * sigma(other * x), low, 1 - 1e-12, limit=200)[0]
        return float(norm * peak + rest)

    peak = quad(
        lambda v: one_beam(1 - v ** (1 / eta)), 0, (1 - least) ** eta, limit=100
    )[0]
    rest = quad(lambda x: hard(x) * one_beam(x), least, 1 - 1e-12, limit=100)[0]
    return float(norm * peak + rest), 0.0


def radiated_signal(mass_GeV: float, coupling_per_GeV: float) -> Result:
    """γa with radiation off both beams."""
    born = alp.production_cross_section_pb
    tau = mass_GeV**2 / S
    return radiated(lambda z: float(born(mass_GeV, coupling_per_GeV, z * S)), tau)


def fusion_formula(mass_GeV: float, coupling_per_GeV: float) -> Result:
    """Equivalent photons up to Q² = s/4, with their spectra integrated here."""
    tau, q2_max = mass_GeV**2 / S, S / 4

    def spectrum(log_q2: float, x: float) -> float:
        squared = 1 + (1 - x) ** 2
        return float(squared / x - 2 * ELECTRON_MASS_GEV**2 * x / np.exp(log_q2))

    def photons(x: float) -> float:
        low = np.log(ELECTRON_MASS_GEV**2 * x**2 / (1 - x))
        high = np.log(q2_max)
        if low >= high:
            return 0.0
        return float(ALPHA_0 / (2 * np.pi) * quad(spectrum, low, high, args=(x,))[0])

    def along(log_x: float) -> float:
        x = np.exp(log_x)
        return float(photons(x) * tau * photons(tau / x))

    # σ = 8π²Γ/m ∫ f(x₁)f(x₂) δ(x₁x₂s − m²) dx₁dx₂
    integral = 2 * quad(along, np.log(tau) / 2, -1e-12, limit=200)[0] / tau
    width = coupling_per_GeV**2 * mass_GeV**3 / (64 * np.pi)
    return float(8 * np.pi**2 * width / mass_GeV / S * integral * GEV2_PB), 0.0


def fusion_with_room(mass_GeV: float, coupling_per_GeV: float) -> Result:
    """Equivalent photons up to Q² = s/4 whose virtualities leave room for the leptons.

    The error is what a coarser sum differs by.
    """
    coarse, fine = (
        float(
            equivalent_photons.possible(mass_GeV, coupling_per_GeV, S / 4, n)[1].sum()
        )
        for n in (150, 300)
    )
    return fine, abs(fine - coarse)


def two_photon_cms(cos: float) -> Result:
    """γγ with both photons inside |cosθ*| < cos: (2πα²/s)[ln((1+c)/(1−c)) − c]."""
    bracket = np.log((1 + cos) / (1 - cos)) - cos
    return float(2 * np.pi * ALPHA_0**2 / S * bracket * GEV2_PB), 0.0


def two_photon_lab(low_deg: float, high_deg: float, steps: int = 4000) -> Result:
    """γγ with both photons inside lab angles: midpoint sum over (cosθ*, φ*)."""
    cos = (np.arange(steps) + 0.5) / steps * 1.998 - 0.999
    phi = (np.arange(200) + 0.5) / 200 * np.pi
    cos_grid, phi_grid = (g.ravel() for g in np.meshgrid(cos, phi, indexing="ij"))
    inside = np.ones(cos_grid.size, bool)
    for sign in (1, -1):
        unit = sign * direction(np.arccos(cos_grid), phi_grid)
        lab = transform(CMS_TO_LAB, np.vstack([np.ones((1, cos_grid.size)), unit]))
        theta = np.degrees(np.arccos(lab[3] / lab[0]))
        inside &= (theta > low_deg) & (theta < high_deg)
    density = (1 + cos_grid**2) / (1 - cos_grid**2) * inside
    # dσ/dcosθ* = 2πα²/s (1 + c²)/(1 − c²) over half the sphere: two equal photons
    mean = density.reshape(steps, -1).mean(axis=1).sum() * 1.998 / steps
    return float(np.pi * ALPHA_0**2 / S * mean * GEV2_PB), 0.0


def background_photon(
    low_deg: float,
    high_deg: float,
    energy_cms: float,
    law: tuple[float, float, float, float],
) -> float:
    """Return the chance of one beam-background photon inside lab angles, E* above."""
    mean, softest, hardest, index = law
    cos_low, cos_high = np.cos(np.radians([high_deg, low_deg]))

    def above(phi: float, cos: float) -> float:
        sin = np.sqrt(1 - cos**2)
        unit = np.array([1, sin * np.cos(phi), sin * np.sin(phi), cos])
        needed = max(energy_cms / float((LAB_TO_CMS @ unit)[0]), softest)
        power = 1 - index
        share = hardest**power - needed**power
        return float(share / (hardest**power - softest**power))

    integral = dblquad(above, cos_low, cos_high, 0, np.pi, epsrel=1e-5)[0]
    return float(mean * np.exp(-mean) * integral / (2 * np.pi))


def omega() -> Result:
    """γω over all angles, times B(ω → π⁰γ) B(π⁰ → γγ): the closed form of the total."""
    mass, width, branching = 0.78266, 0.60e-6, 0.0835 * 0.98823
    x = 1 - mass**2 / S
    log = np.log(S / ELECTRON_MASS_GEV**2)
    radiator = 2 * ALPHA_0 / (np.pi * x) * (log - 1) * (1 - x + x**2 / 2)
    peak = 12 * np.pi**2 * width / (mass * S)
    return float(peak * radiator * branching * GEV2_PB), 0.0


def meson(mass_GeV: float, q2_form_factor_GeV: float) -> Result:
    """γP with the vacuum polarisation that BaBar corrected for, 7.5 % at this s."""
    factor = 2 * np.pi**2 * ALPHA_0**3 / 3 * (1 - mass_GeV**2 / S) ** 3
    return float(factor * (q2_form_factor_GeV / S) ** 2 * 1.075 * GEV2_PB), 0.0
