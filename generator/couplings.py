"""Couplings of an ALP above the electroweak scale, and the decay Z → γa.

Lagrangian −¼ g_aγγ a F F̃ − ¼ g_aγZ a F Z̃, which an ALP that couples to hypercharge,
−¼ g_aBB a B B̃, has by B = A cosθ_W − Z sinθ_W. All functions broadcast over arrays.

References
----------
.. [1] M. J. Dolan et al., JHEP 12 (2017) 094, arXiv:1709.00009.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

SIN2_THETA_W: Final = 0.23122
"""sin²θ_W at m_Z in the MS-bar scheme (PDG, remembered; the error is 4·10⁻⁵)."""
Z_MASS_GEV: Final = 91.1876
"""m_Z [GeV] (PDG, remembered)."""
Z_WIDTH_GEV: Final = 2.4955
"""Γ_Z [GeV] (PDG, remembered)."""

_SIN_2_THETA_W: Final = 2.0 * np.sqrt(SIN2_THETA_W * (1.0 - SIN2_THETA_W))


def z_width_GeV(mass_GeV: ArrayLike, z_photon_coupling_per_GeV: ArrayLike) -> Array:
    """Γ(Z → γa) = g_aγZ²/384π · ((m_Z² − m²)/m_Z)³ [GeV]; reference 1, eq. 2.9.

    The vertex is ½ g ε(ε_γ, k, ε_Z, P): half of that of two identical photons. Summed
    over polarisations Σ|M|² = ¼g² · 2(k·P)² with k·P = (m_Z² − m²)/2; a third of it
    (the Z's spins) times |k|/(8π m_Z²) is the width.

    Parameters
    ----------
    mass_GeV : array_like
        ALP mass [GeV]; above m_Z the width is 0.
    z_photon_coupling_per_GeV : array_like
        g_aγZ [GeV⁻¹].

    Raises
    ------
    ValueError
        If a mass is negative.
    """
    mass = np.asarray(mass_GeV, float)
    if not np.all(mass >= 0.0):
        msg = f"ALP mass {np.min(mass):g} GeV: must be at least 0"
        raise ValueError(msg)
    g = np.asarray(z_photon_coupling_per_GeV, float)
    left = np.clip((Z_MASS_GEV**2 - mass**2) / Z_MASS_GEV, 0.0, None)
    return np.asarray(g**2 / (384.0 * np.pi) * left**3)


def z_branching_ratio(
    mass_GeV: ArrayLike, z_photon_coupling_per_GeV: ArrayLike
) -> Array:
    """BR(Z → γa) = Γ(Z → γa)/Γ_Z with the measured Γ_Z; parameters of `z_width_GeV`."""
    return np.asarray(z_width_GeV(mass_GeV, z_photon_coupling_per_GeV) / Z_WIDTH_GEV)


def photon_coupling(hypercharge_coupling_per_GeV: ArrayLike) -> Array:
    """g_aγγ = g_aBB cos²θ_W [GeV⁻¹] of an ALP that couples to hypercharge alone."""
    g = np.asarray(hypercharge_coupling_per_GeV, float)
    return np.asarray(g * (1.0 - SIN2_THETA_W))


def hypercharge_coupling(photon_coupling_per_GeV: ArrayLike) -> Array:
    """g_aBB = g_aγγ/cos²θ_W [GeV⁻¹], the inverse of `photon_coupling`."""
    g = np.asarray(photon_coupling_per_GeV, float)
    return np.asarray(g / (1.0 - SIN2_THETA_W))


def z_photon_coupling(hypercharge_coupling_per_GeV: ArrayLike) -> Array:
    """g_aγZ = −g_aBB sin 2θ_W [GeV⁻¹]; its size is 2 tanθ_W g_aγγ = 1.10 g_aγγ."""
    g = np.asarray(hypercharge_coupling_per_GeV, float)
    return np.asarray(-_SIN_2_THETA_W * g)


def gauge_couplings(
    c_b: ArrayLike, c_w: ArrayLike, scale_GeV: float
) -> tuple[Array, Array]:
    """Return (g_aγγ, g_aγZ) [GeV⁻¹] of −¼ (a/f_a)(c_B B B̃ + c_W W W̃).

    g_aγγ = (c_B cos²θ_W + c_W sin²θ_W)/f_a and g_aγZ = sin 2θ_W (c_W − c_B)/f_a
    (remembered; the tests rotate B and W³ to A and Z).

    Parameters
    ----------
    c_b, c_w : array_like
        Coefficients of hypercharge and weak isospin.
    scale_GeV : float
        Scale f_a [GeV].

    Raises
    ------
    ValueError
        If the scale is not positive.
    """
    if not 0.0 < scale_GeV < np.inf:
        msg = f"scale f_a = {scale_GeV:g} GeV: must be positive"
        raise ValueError(msg)
    b, w = np.asarray(c_b, float) / scale_GeV, np.asarray(c_w, float) / scale_GeV
    photons = b * (1.0 - SIN2_THETA_W) + w * SIN2_THETA_W
    return np.asarray(photons), np.asarray(_SIN_2_THETA_W * (w - b))
