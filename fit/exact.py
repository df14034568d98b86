"""Exact Poisson limits: tails, quantiles and the CLs root, for arrays of counts.

The number of observed events may be real: P(n ≤ N | μ) is then continued by the
regularised incomplete gamma function Q(N + 1, μ). The public functions of
`fit.counting` accept integers only; the continuation serves smooth derivatives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaincc, gammaincinv, gammaln, ndtr, xlogy

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TINY = 1e-300
_FAR_SIGMA = 12.0
_FRACTION_DEPTH = 40
_MAX_NEWTON_STEPS = 100


def poisson_cdf(
    count: NDArray[np.float64], mean: NDArray[np.float64]
) -> NDArray[np.float64]:
    """P(n ≤ count | mean), same shape as the broadcast arguments; 0 below count 0."""
    return np.where(count >= 0, gammaincc(np.maximum(count, 0.0) + 1.0, mean), 0.0)


def poisson_quantile(mean: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Return the smallest count N with P(n ≤ N | mean) ≥ Φ(sigma).

    Parameters
    ----------
    mean : ndarray
        Expected events, any shape.
    sigma : float
        Quantile in Gaussian standard deviations; 0 is the median.

    Returns
    -------
    ndarray
        Integer-valued counts, shape of `mean`. The start is the Cornish-Fisher
        expansion, off by a count or two at most; steps of one do the rest.
    """
    level = float(ndtr(sigma))
    start = mean + sigma * np.sqrt(mean) + (sigma**2 - 1.0) / 6.0
    count = np.maximum(np.floor(start), 0.0)
    while np.any(too_high := poisson_cdf(count - 1.0, mean) >= level):
        count = np.where(too_high, count - 1.0, count)
    while np.any(too_low := poisson_cdf(count, mean) < level):
        count = np.where(too_low, count + 1.0, count)
    return np.asarray(count)


def clsb_limit(
    count: NDArray[np.float64], background: NDArray[np.float64], cl: float
) -> NDArray[np.float64]:
    """Signal S [events] with P(n ≤ count | S + background) = 1 − cl, floored at 0."""
    total: NDArray[np.float64] = gammaincinv(count + 1.0, cl)
    return np.maximum(total - background, 0.0)


def cls_limit(
    count: NDArray[np.float64], background: NDArray[np.float64], cl: float
) -> NDArray[np.float64]:
    """Signal S [events] with P(n ≤ count | S + B) / P(n ≤ count | B) = 1 − cl.

    Notes
    -----
    ln Q(N + 1, μ) is concave and falls in μ, so Newton's method needs no bracket: from
    the CLs+b limit (never above the root) the first step lands on or above the root and
    the next ones descend to it quadratically.
    """
    signal = clsb_limit(count, background, cl)
    log_alpha = np.log1p(-cl)
    for _ in range(_MAX_NEWTON_STEPS):
        excess = _log_cls(count, background, signal) - log_alpha
        _, hazard = _log_cdf_and_hazard(count, background + signal)
        step = excess / hazard
        signal = np.maximum(signal + step, 0.0)
        tolerance = 1e-13 * signal + 4.0 * np.spacing(background + signal)
        if np.all(np.abs(step) <= tolerance):
            break
    return signal


def _log_cls(
    count: NDArray[np.float64],
    background: NDArray[np.float64],
    signal: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Logarithm of P(n ≤ N | S + B) / P(n ≤ N | B).

    Far below the background both tails underflow. With hazard h = P(N) / P(n ≤ N) the
    ratio is that of the two P(N), which is elementary, times h(B) / h(S + B).
    """
    log_background, hazard_background = _log_cdf_and_hazard(count, background)
    log_total, hazard_total = _log_cdf_and_hazard(count, background + signal)
    relative = signal / np.maximum(background, 1.0)
    elementary = count * np.log1p(relative) - signal
    far_ratio = elementary + np.log(hazard_background / hazard_total)
    return np.where(_is_far(count, background), far_ratio, log_total - log_background)


def _is_far(count: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether the count is more than 12 standard deviations below the mean."""
    return mean > count + _FAR_SIGMA * (np.sqrt(count + 1.0) + 1.0)


def _log_cdf_and_hazard(
    count: NDArray[np.float64], mean: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return ln P(n ≤ N | μ) and −d ln P(n ≤ N | μ)/dμ = P(N | μ) / P(n ≤ N | μ)."""
    log_pmf = xlogy(count, mean) - mean - gammaln(count + 1.0)
    cdf = np.maximum(gammaincc(count + 1.0, mean), _TINY)
    far = _is_far(count, mean)
    far_hazard = _far_hazard(count, np.where(far, mean, np.inf))
    hazard = np.where(far, far_hazard, np.exp(log_pmf) / cdf)
    log_cdf = np.where(far, log_pmf - np.log(far_hazard), np.log(cdf))
    return log_cdf, np.maximum(hazard, _TINY)


def _far_hazard(
    count: NDArray[np.float64], mean: NDArray[np.float64]
) -> NDArray[np.float64]:
    """P(N | μ) / P(n ≤ N | μ) for μ far above N; 1 at infinite μ.

    Legendre's continued fraction of the upper incomplete gamma function
    (Abramowitz & Stegun 6.5.31, even part), evaluated from the tail: at 12 standard
    deviations 40 levels are exact to rounding.
    """
    finite = np.isfinite(mean)
    if not np.any(finite):
        return np.ones_like(mean)
    x = np.where(finite, mean, count + 2.0)
    tail = np.zeros_like(x)
    for level in range(_FRACTION_DEPTH, 0, -1):
        tail = level * (level - 1.0 - count) / (x + 2.0 * level - count - tail)
    return np.where(finite, (x - count - tail) / x, 1.0)
