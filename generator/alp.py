"""An axion-like particle that couples to photons: width, cross section, flight.

Lagrangian −¼ g a F F̃, g in GeV⁻¹. All functions broadcast over arrays.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from generator.constants import ALPHA_0, GEV2_PB, HBARC_GEV_CM

Array = NDArray[np.float64]


def width_GeV(mass_GeV: ArrayLike, coupling_per_GeV: ArrayLike) -> Array:
    """Γ(a → γγ) = g² m³ / 64π [GeV] (convention of arXiv:1709.00009)."""
    mass, g = np.asarray(mass_GeV, float), np.asarray(coupling_per_GeV, float)
    return np.asarray(g**2 * mass**3 / (64.0 * np.pi))


def proper_decay_length_cm(mass_GeV: ArrayLike, coupling_per_GeV: ArrayLike) -> Array:
    """Proper decay length cτ = ħc / Γ [cm]."""
    return np.asarray(HBARC_GEV_CM / width_GeV(mass_GeV, coupling_per_GeV))


def recoil_energy_GeV(mass_GeV: ArrayLike, s_GeV2: float) -> Array:
    """CM energy of the recoil photon, (s − m²)/2√s [GeV]; arXiv:1709.00009 eq. 5.1."""
    mass = np.asarray(mass_GeV, float)
    return np.asarray((s_GeV2 - mass**2) / (2.0 * np.sqrt(s_GeV2)))


def production_cross_section_pb(
    mass_GeV: ArrayLike,
    coupling_per_GeV: ArrayLike,
    s_GeV2: float,
    *,
    alpha: float = ALPHA_0,
) -> Array:
    """σ(e⁺e⁻ → γa) = g² α/24 (1 − m²/s)³ [pb]: arXiv:1709.00009 eq. 2.7 integrated.

    Parameters
    ----------
    mass_GeV, coupling_per_GeV : array_like
        ALP mass [GeV] and coupling g [GeV⁻¹].
    s_GeV2 : float
        Mandelstam s [GeV²].
    alpha : float
        Fine-structure constant; α(0) as in arXiv:2007.13071.
    """
    mass, g = np.asarray(mass_GeV, float), np.asarray(coupling_per_GeV, float)
    phase_space = np.clip(1.0 - mass**2 / s_GeV2, 0.0, None) ** 3
    return np.asarray(g**2 * alpha / 24.0 * phase_space * GEV2_PB)


def differential_cross_section_pb(
    cos_theta_cms: ArrayLike,
    mass_GeV: ArrayLike,
    coupling_per_GeV: ArrayLike,
    s_GeV2: float,
    *,
    alpha: float = ALPHA_0,
) -> Array:
    """dσ/dcosθ* = g² α/128 (3 + cos 2θ*)(1 − m²/s)³ [pb]; arXiv:1709.00009 eq. 2.7."""
    cos = np.asarray(cos_theta_cms, float)
    shape = 3.0 + (2.0 * cos**2 - 1.0)
    total = production_cross_section_pb(mass_GeV, coupling_per_GeV, s_GeV2, alpha=alpha)
    return np.asarray(total * 24.0 / 128.0 * shape)


def decay_length_cm(
    mass_GeV: ArrayLike, coupling_per_GeV: ArrayLike, momentum_GeV: ArrayLike
) -> Array:
    """Mean flight distance ℓ = (p_a/m) cτ [cm] of an ALP of momentum p_a [GeV]."""
    flight = np.asarray(momentum_GeV, float) / np.asarray(mass_GeV, float)
    return np.asarray(flight * proper_decay_length_cm(mass_GeV, coupling_per_GeV))


def survival_probability(
    mass_GeV: ArrayLike,
    coupling_per_GeV: ArrayLike,
    s_GeV2: float,
    *,
    detector_length_cm: float = 300.0,
) -> Array:
    """P(no decay within L_D) = exp(−L_D/ℓ), arXiv:1709.00009 eq. 2.6.

    ℓ uses the CM momentum p_a = (s − m²)/2√s, as that paper does; L_D = 300 cm is its
    approximate outer radius of the barrel KLM.
    """
    length = decay_length_cm(
        mass_GeV, coupling_per_GeV, recoil_energy_GeV(mass_GeV, s_GeV2)
    )
    return np.asarray(np.exp(-detector_length_cm / length))
