"""Upper limits of a counting experiment with known background.

What to use when (every limit is one-sided, on the number S of signal events):

``cls-exact``
    CLs with Poisson probabilities, P(n ≤ N | S+B) / P(n ≤ N | B) = 1 − CL. Never
    excludes a signal to which the experiment is blind. The default for few events.
``clsb-exact``
    CLs+b, P(n ≤ N | S+B) = 1 − CL: the rule of arXiv:1709.00009. Covers exactly or
    more, but a downward fluctuation can exclude S = 0 (the limit is floored there).
``cls-asymptotic``, ``clsb-asymptotic``
    The same with the large-sample distribution of q̃ (arXiv:1007.1727). Smooth in B,
    but optimistic for few events: at 95 % the exact CLs median is higher by half at
    B = 0, by 15 % at 1, 5 % at 10 and 2 % at 100, the −2σ band by 20 % at 10.

A known background means: its systematic uncertainty is not part of the limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from fit import asymptotic, exact
from fit.results import MEDIAN, METHODS, QUANTILES_SIGMA, ExpectedLimits, Method

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_SLOPE_STEP: Final = 1e-3


def upper_limit(
    observed: ArrayLike, background: ArrayLike, *, cl: float, method: Method
) -> NDArray[np.float64]:
    """Signal events excluded by an observed count.

    Parameters
    ----------
    observed : array_like
        Observed events; integers for the exact methods, any real ≥ 0 otherwise.
    background : array_like
        Expected background events, ≥ 0; broadcast against `observed`.
    cl : float
        Confidence level, in (0, 1).
    method : Method
        How to set the limit.

    Returns
    -------
    ndarray
        Upper limit on the signal [events], broadcast shape, ≥ 0.

    Raises
    ------
    ValueError
        If a count is negative, not finite or (exact methods) not an integer, if `cl` is
        outside (0, 1) or `method` is unknown.
    """
    _check(cl, method)
    count, mean = np.broadcast_arrays(
        _events("observed", observed), _events("background", background)
    )
    if method in {"cls-exact", "clsb-exact"}:
        if np.any(count != np.floor(count)):
            msg = f"observed: {method} needs integer counts, got {observed!r}"
            raise ValueError(msg)
        return _exact_limit(count, mean, cl, method)
    return asymptotic.observed_limit(count, mean, cl, cls=_is_cls(method))


def expected_limits(
    background: ArrayLike, *, cl: float, method: Method
) -> ExpectedLimits:
    """Quantiles of the upper limit when only background is there.

    Parameters
    ----------
    background : array_like
        Expected background events, ≥ 0, any shape.
    cl : float
        Confidence level, in (0, 1).
    method : Method
        How to set the limit.

    Returns
    -------
    ExpectedLimits
        `events` of shape (..., 5): quantiles −2σ, −1σ, median, +1σ, +2σ.

    Raises
    ------
    ValueError
        If a background is negative or not finite, if `cl` is outside (0, 1) or `method`
        is unknown.

    Notes
    -----
    The limit never falls when the count grows, so its quantiles are the limits at the
    quantiles of the count (`exact.poisson_quantile`). One exception follows the rule of
    arXiv:1709.00009: the centre of ``clsb-exact`` is the limit at the integer closest
    to B (halves upwards), which is the Poisson median or one more than it. At large B
    its 90 % limit is 1.2816 √B. The exact centres are steps in B.

    The asymptotic quantiles solve √q_A(S) = Φ⁻¹(1 − α Φ(N)) + N for CLs and
    Φ⁻¹(1 − α) + N, floored at 0, for CLs+b. They are finite at B = 0 too, where the
    count does not fluctuate and the true bands have no width: use an exact method.
    """
    _check(cl, method)
    mean = _events("background", background)
    columns = [_expected(mean, sigma, cl, method) for sigma in QUANTILES_SIGMA]
    return ExpectedLimits(np.stack(columns, axis=-1), cl, method)


def limit_derivative(
    background: ArrayLike, *, cl: float, method: Method
) -> NDArray[np.float64]:
    """Slope dS/dB of the median expected limit, to propagate an error of B.

    Parameters
    ----------
    background : array_like
        Expected background events, ≥ 0, any shape.
    cl : float
        Confidence level, in (0, 1).
    method : Method
        How the limit is set.

    Returns
    -------
    ndarray
        dS/dB, shape of `background`; at large B it is S/2B.

    Raises
    ------
    ValueError
        As `expected_limits`.

    Notes
    -----
    The exact medians are saw-teeth in B: the count jumps by one, between jumps S falls.
    Their slope is that of the smooth curve through the teeth, the limit at the real
    count N = B (incomplete gamma function), by a central difference of 0.1 %.
    The asymptotic slope diverges logarithmically at B → 0 and is frozen below
    `asymptotic.SLOPE_FLOOR_EVENTS`.
    """
    _check(cl, method)
    mean = _events("background", background)
    if method in {"cls-asymptotic", "clsb-asymptotic"}:
        sigma = asymptotic.expected_sigma(cl, 0.0, cls=_is_cls(method))
        return asymptotic.asimov_slope(mean, sigma)
    step = _SLOPE_STEP * (1.0 + mean)
    low, high = np.maximum(mean - step, 0.0), mean + step
    rise = _exact_limit(high, high, cl, method) - _exact_limit(low, low, cl, method)
    return np.asarray(rise / (high - low))


def _expected(
    mean: NDArray[np.float64], sigma: float, cl: float, method: Method
) -> NDArray[np.float64]:
    """One quantile of the expected limit [events], shape of `mean`."""
    if method in {"cls-asymptotic", "clsb-asymptotic"}:
        root_q = asymptotic.expected_sigma(cl, sigma, cls=_is_cls(method))
        return asymptotic.asimov_limit(mean, root_q)
    if method == "clsb-exact" and sigma == QUANTILES_SIGMA[MEDIAN]:
        return _exact_limit(np.floor(mean + 0.5), mean, cl, method)
    return _exact_limit(exact.poisson_quantile(mean, sigma), mean, cl, method)


def _exact_limit(
    count: NDArray[np.float64], mean: NDArray[np.float64], cl: float, method: Method
) -> NDArray[np.float64]:
    """Exact limit at a real count [events]."""
    solve = exact.cls_limit if _is_cls(method) else exact.clsb_limit
    return np.asarray(solve(count, mean, cl))


def _is_cls(method: Method) -> bool:
    return method in {"cls-exact", "cls-asymptotic"}


def _check(cl: float, method: Method) -> None:
    if not 0.0 < cl < 1.0:
        msg = f"cl: {cl!r} is not between 0 and 1 (exclusive)"
        raise ValueError(msg)
    if method not in METHODS:
        msg = f"method: {method!r} is unknown; allowed: {', '.join(METHODS)}"
        raise ValueError(msg)


def _events(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return `values` as float64 if all are finite and not negative."""
    events = np.asarray(values, dtype=np.float64)
    bad = ~(np.isfinite(events) & (events >= 0.0))
    if np.any(bad):
        msg = f"{name}: events must be finite and >= 0, got {events[bad].flat[0]}"
        raise ValueError(msg)
    return events
