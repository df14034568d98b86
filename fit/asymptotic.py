"""Asymptotic counting limits with the test statistic q̃ (arXiv:1007.1727).

One bin, known background B. The Asimov value of the statistic for a signal S is
q_A(S) = 2 [S − B ln(1 + S/B)], written so that nothing cancels for S ≪ B.
Use the exact methods below about 100 background events (bands) or 10 (median).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import erfcx, log_ndtr, ndtr, ndtri

from fit.roots import bisect

if TYPE_CHECKING:
    from numpy.typing import NDArray

SLOPE_FLOOR_EVENTS: Final = 1e-3
"""Background [events] below which the slope of the limit is frozen."""

_TINY = 1e-290
_SQRT2 = float(np.sqrt(2.0))
_SERIES_BELOW = 0.1
_SERIES_TERMS = 7
_MAX_NEWTON_STEPS = 50


def log1p_remainder(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return x − ln(1 + x) for x ≥ 0, to rounding also where it is about x²/2.

    With u = x/(2 + x), ln(1 + x) = 2 (u + u³/3 + u⁵/5 + …) and x − 2u = x u.
    """
    small = np.minimum(x, _SERIES_BELOW)
    u = small / (2.0 + small)
    tail = np.zeros_like(u)
    for order in range(2 * _SERIES_TERMS + 1, 1, -2):
        tail = u**2 * (tail + 1.0 / order)
    return np.where(x < _SERIES_BELOW, small * u - 2.0 * u * tail, x - np.log1p(x))


def half_deviance(
    count: NDArray[np.float64], excess: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Log-likelihood lost, ln L(count) − ln L(count + excess), for excess ≥ 0.

    Equals excess − count ln(1 + excess/count), and excess itself at count 0.
    """
    scale = np.maximum(count, _TINY)
    return np.where(count > _TINY, scale * log1p_remainder(excess / scale), excess)


def expected_sigma(cl: float, quantile_sigma: float, *, cls: bool) -> float:
    """Square root of q_A at a quantile N of the limit, floored at 0.

    CLs: Φ⁻¹(1 − α Φ(N)) + N; CLs+b: Φ⁻¹(1 − α) + N, with α = 1 − cl (the error bands
    of arXiv:1007.1727 and their CLs counterpart). The median is N = 0.
    """
    power = float(ndtr(quantile_sigma)) if cls else 1.0
    return max(quantile_sigma - float(ndtri((1.0 - cl) * power)), 0.0)


def asimov_limit(background: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Signal S [events] with sqrt(q_A(S)) = sigma, shape of `background`.

    Without background S = sigma²/2. The start is the root of the lower bound
    S²/(B + S) ≤ q_A; q_A is convex, so Newton descends from it without a bracket.
    """
    target = 0.5 * sigma**2
    signal = target + np.sqrt(target**2 + 2.0 * target * background)
    if target == 0.0:
        return signal
    for _ in range(_MAX_NEWTON_STEPS):
        excess = half_deviance(background, signal) - target
        step = excess * (background + signal) / signal
        signal = signal - step
        if np.all(np.abs(step) <= 1e-14 * signal):
            break
    return signal


def asimov_slope(background: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Slope dS/dB of `asimov_limit`, (1 + x) ln(1 + x)/x − 1 with x = S/B.

    It diverges like ln(1/B) at B → 0, so it is frozen below `SLOPE_FLOOR_EVENTS`.
    """
    if sigma == 0.0:
        return np.zeros_like(background)
    floored = np.maximum(background, SLOPE_FLOOR_EVENTS)
    x = asimov_limit(floored, sigma) / floored
    return np.asarray(x - (1.0 + x) * log1p_remainder(x) / x)


def observed_limit(
    count: NDArray[np.float64],
    background: NDArray[np.float64],
    cl: float,
    *,
    cls: bool,
) -> NDArray[np.float64]:
    """Signal S [events] excluded by an observed (real) count, broadcast shape.

    Notes
    -----
    The smallest S above which the asymptotic p-value of q̃ (CLs+b), or its ratio to
    that of the background (CLs), stays below 1 − cl; 0 if that holds for all S > 0.
    """
    log_alpha = float(np.log1p(-cl))

    def too_weak(signal: NDArray[np.float64]) -> NDArray[np.bool_]:
        return _log_p_value(count, background, signal, cls=cls) > log_alpha

    high = np.maximum(count - background, 0.0) + np.sqrt(count + background) + 1.0
    while np.any(weak := too_weak(high)):
        high = np.where(weak, 2.0 * high, high)
    return bisect(too_weak, np.zeros_like(high), high)


def _log_p_value(
    count: NDArray[np.float64],
    background: NDArray[np.float64],
    signal: NDArray[np.float64],
    *,
    cls: bool,
) -> NDArray[np.float64]:
    """Logarithm of the asymptotic p-value of q̃ (arXiv:1007.1727 section 3.7)."""
    best = count - background
    half_asimov = half_deviance(background, signal)
    asimov = np.sqrt(2.0 * half_asimov)
    above = np.sqrt(2.0 * half_deviance(count, np.maximum(signal - best, 0.0)))
    # a deficit has q̃ − q_A = 2 (1 − n/B) B ln(1 + S/B)
    deficit = np.maximum(-best, 0.0) / np.maximum(background, _TINY)
    half_extra = deficit * (signal - half_asimov)
    shift = half_extra / np.maximum(asimov, _TINY)
    root_q = np.where(best < 0.0, asimov + shift, above)
    if not cls:
        return np.asarray(log_ndtr(-root_q))
    # both tails underflow below the background: ln Φ(−x) = ln erfcx(x/√2) − x²/2 − ln 2
    scaled_ratio = erfcx((asimov + shift) / _SQRT2) / erfcx(shift / _SQRT2)
    below_ratio = np.log(scaled_ratio) - half_asimov - half_extra
    above_ratio = log_ndtr(-above) - log_ndtr(asimov - above)
    return np.asarray(np.where(best < 0.0, below_ratio, above_ratio))
