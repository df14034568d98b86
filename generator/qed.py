"""Tree-level squared matrix elements of QED, spin-averaged, electron mass neglected.

Invariants are written as d = x(1 − cosθ*) and u = x(1 + cosθ*) with x = 2E*/√s, so that
p(e⁻)·k = s d/4 and p(e⁺)·k = s u/4.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from generator.constants import ALPHA_0


def three_photon_shape(d1: Any, u1: Any, d2: Any, u2: Any, d3: Any, u3: Any) -> Any:
    """Return Σ dᵢuᵢ(dᵢ² + uᵢ²) / Π dᵢuᵢ: |M|² of e⁺e⁻ → γγγ up to a constant.

    Plain arithmetic: numpy arrays and kernels use the same lines.

    References
    ----------
    .. [1] F. A. Berends, R. Kleiss, Nucl. Phys. B186 (1981) 22 (form remembered; the
       tests derive it again from the six Feynman diagrams).
    """
    p1, p2, p3 = d1 * u1, d2 * u2, d3 * u3
    numerator = (
        p1 * (d1 * d1 + u1 * u1) + p2 * (d2 * d2 + u2 * u2) + p3 * (d3 * d3 + u3 * u3)
    )
    return numerator / (p1 * p2 * p3)


def three_photon_constant(s_GeV2: float, *, alpha: float = ALPHA_0) -> float:
    """Return 16 e⁶/s [GeV⁻²]: |M|² = constant × `three_photon_shape`."""
    return 16.0 * (4.0 * np.pi * alpha) ** 3 / s_GeV2


def two_photon_shape(d1: Any, u1: Any) -> Any:
    """Return d/u + u/d: |M|² of e⁺e⁻ → γγ up to a constant; same lines for kernels."""
    return d1 / u1 + u1 / d1


def two_photon_squared(d1: Any, u1: Any, *, alpha: float = ALPHA_0) -> Any:
    """Return |M|² of e⁺e⁻ → γγ = 2e⁴(d/u + u/d)."""
    return 2.0 * (4.0 * np.pi * alpha) ** 2 * two_photon_shape(d1, u1)


def radiative_bhabha_shape(
    d1: Any, u1: Any, y1: Any, d2: Any, u2: Any, y2: Any, d3: Any, u3: Any, y3: Any
) -> Any:
    """Return |M|² of e⁺e⁻ → e⁺e⁻γ up to a constant.

    1 is the photon, 2 the electron and 3 the positron; y = 1 − x, so that s·y is the
    squared mass of the other two. With q the outgoing and p the incoming momenta

        s = (p₊ + p₋)²    t = (p₊ − q₊)² = −s u₃/2    u = (p₊ − q₋)² = −s u₂/2
        s′ = (q₊ + q₋)²   t′ = (p₋ − q₋)² = −s d₂/2   u′ = (p₋ − q₊)² = −s d₃/2

    the squared matrix element is e⁶ A·W with

        A = [ss′(s² + s′²) + tt′(t² + t′²) + uu′(u² + u′²)] / (ss′tt′)
        W = s/((p₊k)(p₋k)) + s′/((q₊k)(q₋k)) − t/((p₊k)(q₊k)) − t′/((p₋k)(q₋k))
            + u/((p₊k)(q₋k)) + u′/((p₋k)(q₊k)).

    Plain arithmetic: numpy arrays and kernels use the same lines.

    References
    ----------
    .. [1] F. A. Berends, R. Kleiss, P. De Causmaecker, R. Gastmans, T. T. Wu, Phys.
       Lett. B103 (1981) 124 (form remembered; the tests derive it again from the eight
       Feynman diagrams).
    """
    t_channel, u_channel = d2 * u3, d3 * u2
    numerator = (
        16.0 * y1 * (1.0 + y1 * y1)
        + t_channel * (d2 * d2 + u3 * u3)
        + u_channel * (d3 * d3 + u2 * u2)
    )
    beams = 4.0 / (d1 * u1) + (u3 / y2 - u2 / y3) / u1 + (d2 / y3 - d3 / y2) / d1
    return numerator / (4.0 * y1 * t_channel) * (beams + y1 / (y2 * y3))


def radiative_bhabha_constant(s_GeV2: float, *, alpha: float = ALPHA_0) -> float:
    """Return 4 e⁶/s [GeV⁻²]: |M|² = constant × `radiative_bhabha_shape`."""
    return 4.0 * (4.0 * np.pi * alpha) ** 3 / s_GeV2
