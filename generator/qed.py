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


def two_photon_squared(d1: Any, u1: Any, *, alpha: float = ALPHA_0) -> Any:
    """Return |M|² of e⁺e⁻ → γγ = 2e⁴(d/u + u/d)."""
    return 2.0 * (4.0 * np.pi * alpha) ** 2 * (d1 / u1 + u1 / d1)
