"""The running fine-structure constant: vacuum polarisation of one virtual photon.

α(q²) = α/(1 − Δα(q²)), with q² > 0 for a timelike photon (real part) and q² < 0 for a
spacelike one. Leptons enter at one loop, exactly. The hadronic part is an approximation:

    Δα_had(q²) = A ln(1 + |q²|/B),   A = (α/3π) R,

with the parton model's slope A, and B such that |1/(1 − Δα)|² at q² = 112 GeV² is what
hep-ex/0605018 uses. It is smooth: for timelike photons it is meant away from
resonances. Against the spacelike fit of [1]_ it is low by 10 to 20 % from 3 to 120 GeV²
(up to 0.0016 in Δα), and by 30 to 50 % below 1 GeV² (up to 0.0012).

References
----------
.. [1] H. Burkhardt, F. Jegerlehner, G. Penso, C. Verzegnassi, Z. Phys. C43 (1989) 497.
"""

from __future__ import annotations

from typing import Final, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from generator.constants import ALPHA_0, ELECTRON_MASS_GEV

Array = NDArray[np.float64]

LEPTON_MASSES_GEV: Final = (ELECTRON_MASS_GEV, 0.1056583755, 1.77686)
"""Of e, μ and τ (PDG; remembered beyond the electron's)."""
ANCHOR_GEV2: Final = 112.0
"""q² at which the total is known."""
ANCHOR_CORRECTION: Final = 1.075
"""(α(q²)/α)² there, ± 0.002 (hep-ex/0605018)."""
R_RATIO: Final = 10.0 / 3.0 * (1.0 + 0.18 / np.pi)
"""R of u, d, s and c, with α_s(10.6 GeV) = 0.18 (remembered); b is at its threshold."""
_SERIES_BELOW: Final = 1e-3
"""|q²|/4m² below which the closed form loses digits."""
_MOMENTS: Final = (4.0 / 5.0, 12.0 / 35.0, 64.0 / 315.0, 32.0 / 231.0)
"""Of R(s): ∫ vⁿ⁻¹ √(1 − v) (1 + v/2) dv, v = 4m²/s from 0 to 1, n = 1 to 4."""


def lepton_shift(q2_GeV2: ArrayLike, mass_GeV: float) -> Array:
    """Return the part of Δα(q²) that one charged lepton brings, at one loop.

    Parameters
    ----------
    q2_GeV2 : array_like
        Momentum squared of the photon [GeV²], of either sign.
    mass_GeV : float
        Lepton mass [GeV].

    References
    ----------
    .. [1] M. E. Peskin, D. V. Schroeder, An Introduction to Quantum Field Theory,
       eq. 7.90 (closed form remembered; the tests integrate the dispersion relation).
    """
    scale = np.asarray(q2_GeV2, float) / (4.0 * mass_GeV**2)
    small = np.abs(scale) < _SERIES_BELOW
    y = 1.0 / np.where(small, 1.0, scale)
    beta = np.sqrt(np.abs(1.0 - y))
    above = beta * np.log((1.0 + beta) ** 2 / np.abs(y))
    below = 2.0 * beta * np.arctan2(1.0, beta)  # 0 < q² < 4m²
    closed = -5.0 / 3.0 - y + (1.0 + 0.5 * y) * np.where(y > 1.0, below, above)
    a, b, c, d = _MOMENTS
    series = -scale * (a + scale * (b + scale * (c + scale * d)))
    return np.asarray(ALPHA_0 / (3.0 * np.pi) * np.where(small, series, closed))


def leptonic_shift(q2_GeV2: ArrayLike) -> Array:
    """Return Δα(q²) of e, μ and τ."""
    parts = [lepton_shift(q2_GeV2, mass) for mass in LEPTON_MASSES_GEV]
    return np.asarray(np.sum(parts, axis=0))


def _anchored() -> tuple[float, float]:
    """Return slope A and scale B [GeV²] of the hadronic part; B comes out as 0.6."""
    total = 1.0 - 1.0 / np.sqrt(ANCHOR_CORRECTION)
    hadrons = total - float(leptonic_shift(ANCHOR_GEV2))
    slope = ALPHA_0 / (3.0 * np.pi) * R_RATIO
    return slope, ANCHOR_GEV2 / float(np.expm1(hadrons / slope))


_SLOPE, _SCALE_GEV2 = _anchored()


def hadronic_shift(q2_GeV2: ArrayLike) -> Array:
    """Return Δα(q²) of hadrons, approximately (see the top of this module)."""
    size = np.abs(np.asarray(q2_GeV2, float))
    return np.asarray(_SLOPE * np.log1p(size / _SCALE_GEV2))


@overload
def alpha_ratio(q2_GeV2: float) -> float: ...
@overload
def alpha_ratio(q2_GeV2: Array) -> Array: ...
def alpha_ratio(q2_GeV2: float | Array) -> float | Array:
    """Return α(q²)/α(0) = 1/(1 − Δα(q²)).

    A cross section with one virtual photon of that q² takes the square. To be applied
    where one photon is exchanged at a fixed q²: e⁺e⁻ → γ*→ γX at s, e⁺e⁻γ. Not to be
    applied to a resonance with its measured Γ(e⁺e⁻), which contains it.

    Parameters
    ----------
    q2_GeV2 : float or array
        Momentum squared of the photon [GeV²]: positive if timelike.

    Returns
    -------
    float or array
        As the argument.
    """
    ratio = 1.0 / (1.0 - leptonic_shift(q2_GeV2) - hadronic_shift(q2_GeV2))
    return ratio if isinstance(q2_GeV2, np.ndarray) else float(ratio)
