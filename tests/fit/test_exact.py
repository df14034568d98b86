"""Poisson tails, quantiles and the CLs root against independent oracles."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fit import exact


def _exact_tail(count: int, mean: Fraction) -> Fraction:
    """Return e^mean P(n <= count | mean) in rational arithmetic."""
    term = total = Fraction(1)
    for k in range(1, count + 1):
        term *= mean / k
        total += term
    return total


@given(
    mean=st.floats(0.0, 1e9),
    sigma=st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.0]),
)
def test_quantile_is_the_smallest_count_that_reaches_the_level(
    mean: float, sigma: float
) -> None:
    count = exact.poisson_quantile(np.array(mean), sigma)
    level = stats.norm.cdf(sigma)
    assert count == np.floor(count)
    assert exact.poisson_cdf(count, np.array(mean)) >= level
    assert exact.poisson_cdf(count - 1.0, np.array(mean)) < level


def test_quantile_matches_scipy() -> None:
    mean = np.concatenate([np.linspace(0.0, 30.0, 601), np.geomspace(30, 1e7, 50)])
    for sigma in (-2.0, -1.0, 0.0, 1.0, 2.0):
        expected = stats.poisson.ppf(stats.norm.cdf(sigma), mean)
        expected[mean == 0.0] = 0.0
        np.testing.assert_array_equal(exact.poisson_quantile(mean, sigma), expected)


@pytest.mark.parametrize(
    ("count", "background"),
    [(0, 0), (0, 3), (5, 0), (2, 60), (10, 200), (50, 1), (100, 250), (100, 1000)],
)
def test_cls_root_in_rational_arithmetic(count: int, background: int) -> None:
    root = exact.cls_limit(np.array(float(count)), np.array(float(background)), 0.95)
    signal = Fraction(float(root))
    tails = _exact_tail(count, background + signal) / _exact_tail(
        count, Fraction(background)
    )
    assert float(tails) * np.exp(-float(root)) == pytest.approx(0.05, rel=1e-12)


def test_cls_root_where_both_tails_underflow() -> None:
    background = np.array([1e3, 1e6, 1e9])
    no_event = exact.cls_limit(np.zeros(3), background, 0.9)
    np.testing.assert_allclose(no_event, -np.log(0.1), rtol=1e-12)
    # one event: exp(-S) (1 + B + S) / (1 + B) = 0.1
    one_event = exact.cls_limit(np.ones(3), background, 0.9)
    ratio = np.exp(-one_event) * (1.0 + one_event / (1.0 + background))
    np.testing.assert_allclose(ratio, 0.1, rtol=1e-12)


def test_cls_limit_is_continuous_where_the_far_tail_begins() -> None:
    background = np.linspace(150.0, 600.0, 4001)
    limit = exact.cls_limit(np.full_like(background, 100.0), background, 0.95)
    steps = np.diff(limit)
    assert np.all(steps < 0.0)
    assert np.max(np.abs(np.diff(steps))) < 1e-5 * np.max(limit)
