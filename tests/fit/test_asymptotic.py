"""The q-tilde formulas: precision, closure and a root-finding oracle."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import optimize, stats

from fit import asymptotic


def _log_likelihood_ratio(n: float, mean: float, best: float) -> float:
    """Return ln L(best) - ln L(mean) of a count n."""
    ratio = n * np.log(best / mean) if n > 0 else 0.0
    return float(ratio - best + mean)


def _p_value_oracle(n: float, background: float, signal: float, *, cls: bool) -> float:
    """Return CLs or CLs+b from the textbook q-tilde, without rearrangement."""
    best = max(n - background, 0.0)
    q = 2.0 * _log_likelihood_ratio(n, signal + background, best + background)
    q = q if best <= signal else 0.0
    q_asimov = 2.0 * _log_likelihood_ratio(background, signal + background, background)
    root, root_asimov = np.sqrt(q), np.sqrt(q_asimov)
    if q > q_asimov:
        root = (q + q_asimov) / (2.0 * root_asimov)
    p_signal = stats.norm.sf(root)
    return float(p_signal / stats.norm.cdf(root_asimov - root) if cls else p_signal)


def test_clsb_excludes_every_signal_after_a_large_deficit() -> None:
    limit = asymptotic.observed_limit(np.array(80.0), np.array(100.0), 0.95, cls=False)
    assert _p_value_oracle(80.0, 100.0, 1e-3, cls=False) < 0.05
    assert limit == 0.0


@given(exponent=st.floats(-30.0, 3.0))
@example(exponent=-1.0001)
@example(exponent=-1.05)
def test_log1p_remainder_against_a_hundred_digits(exponent: float) -> None:
    x = 10.0**exponent
    with localcontext() as context:
        context.prec = 100
        reference = float(Decimal(x) - (1 + Decimal(x)).ln())
    value = float(asymptotic.log1p_remainder(np.array(x)))
    # from 0.1 on the subtraction costs a factor 20 in rounding
    assert abs(value - reference) <= (1e-15 if x < 0.1 else 5e-15) * reference


@given(background=st.floats(0.0, 1e9), sigma=st.floats(0.01, 6.0))
def test_asimov_limit_closes(background: float, sigma: float) -> None:
    signal = asymptotic.asimov_limit(np.array(background), sigma)
    q = 2.0 * asymptotic.half_deviance(np.array(background), signal)
    assert np.sqrt(q) == pytest.approx(sigma, rel=1e-12, abs=0.0)


def test_asimov_limit_without_background_is_half_the_square() -> None:
    signal = asymptotic.asimov_limit(np.array(0.0), 1.6)
    assert float(signal) == pytest.approx(1.28, rel=1e-14, abs=0.0)
    assert asymptotic.asimov_limit(np.array(5.0), 0.0) == 0.0


@pytest.mark.parametrize("cls", [True, False])
@pytest.mark.parametrize(
    ("n", "background"), [(3, 3), (3, 5), (7.5, 5), (20, 5), (90, 100), (130, 100)]
)
def test_observed_limit_against_the_textbook_definition(
    n: float, background: float, *, cls: bool
) -> None:
    limit = asymptotic.observed_limit(
        np.array(n, dtype=float), np.array(background, dtype=float), 0.95, cls=cls
    )
    oracle = optimize.brentq(
        lambda signal: _p_value_oracle(n, background, signal, cls=cls) - 0.05,
        1e-3,
        1e3,
        xtol=1e-12,
        rtol=1e-13,
    )
    assert float(limit) == pytest.approx(oracle, rel=1e-9, abs=0.0)


@pytest.mark.parametrize("cls", [True, False])
@pytest.mark.parametrize("background", [0.0, 0.5, 30.0, 1e5, 1e9])
def test_observing_the_background_gives_the_median(
    background: float, *, cls: bool
) -> None:
    mean = np.array(background)
    observed = asymptotic.observed_limit(mean, mean, 0.9, cls=cls)
    sigma = asymptotic.expected_sigma(0.9, 0.0, cls=cls)
    median = asymptotic.asimov_limit(mean, sigma)
    np.testing.assert_allclose(observed, median, rtol=1e-12)


@pytest.mark.parametrize("background", [0.01, 1.0, 37.0, 1e4, 1e8])
def test_slope_against_a_finite_difference(background: float) -> None:
    step = 1e-3 * background
    points = np.array([background - step, background + step])
    low, high = asymptotic.asimov_limit(points, 1.96)
    slope = asymptotic.asimov_slope(np.array(background), 1.96)
    assert float(slope) == pytest.approx((high - low) / (2 * step), rel=1e-5, abs=0.0)


def test_slope_is_finite_without_background() -> None:
    slope = asymptotic.asimov_slope(np.array([0.0, 1e-9]), 1.96)
    assert np.all(np.isfinite(slope))
    assert np.all(asymptotic.asimov_slope(np.array([0.0, 4.0]), 0.0) == 0.0)
