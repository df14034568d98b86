"""Equivalent photons: a beam of electrons as a beam of nearly real photons.

A photon takes the fraction x of its electron's (light-cone) momentum and has
the virtuality Q² = −q².

References
----------
.. [1] V. M. Budnev et al., Phys. Rept. 15 (1975) 181 (remembered; the tests compare with
   the Feynman diagram of e⁺e⁻ → e⁺e⁻a).
.. [2] M. J. Dolan et al., JHEP 12 (2017) 094, arXiv:1709.00009.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from generator.constants import ALPHA_0, ELECTRON_MASS_GEV, GEV2_PB

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from generator.alp import Array


def q2_min_GeV2(x: ArrayLike) -> Array:
    """Return the smallest Q² = mₑ²x²/(1 − x) of a photon with fraction x [GeV²]."""
    x = np.asarray(x, float)
    return np.asarray((ELECTRON_MASS_GEV * x) ** 2 / (1.0 - x))


def photons_per_q2(x: ArrayLike, q2_GeV2: ArrayLike) -> Array:
    """Return d²n/dx dQ² of the photons of a beam [GeV⁻²]; 0 below Q²min.

    (α/2π) [(1 + (1 − x)²)/(x Q²) − 2mₑ²x/Q⁴], reference 1 of the module.

    Parameters
    ----------
    x : array_like
        Fraction of the beam momentum, 0 < x < 1.
    q2_GeV2 : array_like
        Virtuality Q² [GeV²].
    """
    x, q2 = np.asarray(x, float), np.asarray(q2_GeV2, float)
    bracket = (1.0 + (1.0 - x) ** 2) / (x * q2)
    bracket -= 2.0 * ELECTRON_MASS_GEV**2 * x / q2**2
    return np.where(q2 < q2_min_GeV2(x), 0.0, ALPHA_0 / (2.0 * np.pi) * bracket)


def photons_per_fraction(x: ArrayLike, q2_max_GeV2: ArrayLike) -> Array:
    """Return f(x) = dn/dx, the integral of `photons_per_q2` up to Q²max.

    Parameters
    ----------
    x : array_like
        Fraction of the beam momentum, 0 < x < 1.
    q2_max_GeV2 : array_like
        Largest virtuality [GeV²].
    """
    x, low = np.asarray(x, float), q2_min_GeV2(x)
    high = np.maximum(np.asarray(q2_max_GeV2, float), low)
    bracket = (1.0 + (1.0 - x) ** 2) / x * np.log(high / low)
    bracket += 2.0 * ELECTRON_MASS_GEV**2 * x * (1.0 / high - 1.0 / low)
    return np.asarray(ALPHA_0 / (2.0 * np.pi) * bracket)


def fusion_cross_section_pb(
    mass_GeV: float, coupling_per_GeV: float, s_GeV2: float, q2_max_GeV2: float
) -> float:
    """Return σ(e⁺e⁻ → e⁺e⁻a) of equivalent photons of both beams [pb].

    (πg²/8) ∫ dln x₁ x₁f(x₁) x₂f(x₂) with x₁x₂ = m²/s, which follows from
    σ(γγ → a) = (8π²Γ/m) δ(ŝ − m²) = (πg²m/16) δ(m_γγ − m), eq. 2.8 of reference 2.

    Parameters
    ----------
    mass_GeV, coupling_per_GeV : float
        ALP mass [GeV] and coupling g [GeV⁻¹]; masses of at least √s give 0.
    s_GeV2 : float
        Mandelstam s [GeV²].
    q2_max_GeV2 : float
        Largest virtuality of either photon [GeV²].
    """
    if mass_GeV**2 >= s_GeV2:
        return 0.0
    log_tau = np.log(mass_GeV**2 / s_GeV2)
    # symmetric in x₁ and x₂: twice the half up to 1, with ln x₁ = ½ t² ln τ
    nodes, weights = np.polynomial.legendre.leggauss(64)
    t = 0.5 + 0.5 * nodes
    log_x1 = 0.5 * log_tau * t**2
    numbers = np.ones_like(t)
    for log_x in (log_x1, log_tau - log_x1):
        x = np.exp(log_x)
        numbers *= x * photons_per_fraction(x, q2_max_GeV2)
    integral = float(-log_tau * (weights * t * numbers).sum())
    return np.pi * coupling_per_GeV**2 / 8.0 * integral * GEV2_PB
