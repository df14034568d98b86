"""Counting limits: closure, textbook numbers, an oracle, toys, coverage, bad input."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from fit import (
    METHODS,
    ExpectedLimits,
    Method,
    expected_limits,
    limit_derivative,
    upper_limit,
)

EXACT: tuple[Method, ...] = ("cls-exact", "clsb-exact")
ASYMPTOTIC: tuple[Method, ...] = ("cls-asymptotic", "clsb-asymptotic")
PROBABILITIES = stats.norm.cdf([-2.0, -1.0, 0.0, 1.0, 2.0])

counts = st.integers(0, 3000)
backgrounds = st.floats(0.0, 3000.0)
# below 0.5 the p-value of q-tilde is constant up to the best fit: no limit to order
levels = st.floats(0.6, 0.999)
methods = st.sampled_from(METHODS)


def _oracle(n: int, background: float, cl: float, method: Method) -> float:
    """Root of the definition with scipy's Poisson distribution and Brent's method."""
    cdf = stats.poisson.cdf
    below = cdf(n, background) if method == "cls-exact" else 1.0
    if cdf(n, background) <= (1.0 - cl) * below:
        return 0.0
    return float(
        optimize.brentq(
            lambda signal: cdf(n, signal + background) - (1.0 - cl) * below,
            0.0,
            n + 100.0 + 20.0 * np.sqrt(n),
            xtol=1e-12,
            rtol=1e-13,
        )
    )


@pytest.mark.parametrize("cl", [0.9, 0.95])
@pytest.mark.parametrize("method", EXACT)
def test_exact_limits_against_the_oracle(method: Method, cl: float) -> None:
    for n in (0, 1, 2, 5, 20, 100, 1000):
        for background in (0.0, 0.3, 1.0, 4.2, 25.0, 110.0, 990.0):
            limit = upper_limit(n, background, cl=cl, method=method)
            if stats.poisson.cdf(n, background) < 1e-12:
                continue  # scipy's ratio of tails has lost its digits here
            oracle = _oracle(n, background, cl, method)
            assert float(limit) == pytest.approx(oracle, rel=1e-9, abs=1e-11)


@given(n=counts, background=backgrounds, cl=levels)
def test_cls_at_the_limit_is_one_minus_cl(n: int, background: float, cl: float) -> None:
    limit = float(upper_limit(n, background, cl=cl, method="cls-exact"))
    below = stats.poisson.cdf(n, background)
    if below > 1e-200:
        assert stats.poisson.cdf(n, limit + background) / below == pytest.approx(
            1.0 - cl, rel=1e-9
        )


@given(n=counts, background=backgrounds, cl=levels)
def test_clsb_at_the_limit_is_one_minus_cl(
    n: int, background: float, cl: float
) -> None:
    limit = float(upper_limit(n, background, cl=cl, method="clsb-exact"))
    p_value = stats.poisson.cdf(n, limit + background)
    if limit > 0.0:
        assert p_value == pytest.approx(1.0 - cl, rel=1e-9)
    else:
        assert p_value <= (1.0 - cl) * (1.0 + 1e-9)


@pytest.mark.parametrize("cl", [0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize("method", EXACT)
def test_nothing_seen_nothing_expected(method: Method, cl: float) -> None:
    expected = pytest.approx(-np.log(1.0 - cl), rel=1e-13, abs=0.0)
    assert float(upper_limit(0, 0.0, cl=cl, method=method)) == expected
    for limit in expected_limits(0.0, cl=cl, method=method).events:
        assert limit == expected


@pytest.mark.parametrize(
    ("cl", "kind", "constants"),
    [
        (0.95, "cls", (1.0517, 1.4120, 1.9600, 2.7273, 3.6561)),
        (0.90, "cls", (0.8372, 1.1478, 1.6449, 2.3778, 3.2947)),
        (0.90, "clsb", (0.0, 0.2816, 1.2816, 2.2816, 3.2816)),
        (0.95, "clsb", (0.0, 0.6449, 1.6449, 2.6449, 3.6449)),
    ],
)
@pytest.mark.parametrize("suffix", ["exact", "asymptotic"])
def test_large_backgrounds_give_the_gaussian_constants(
    cl: float, kind: str, constants: tuple[float, ...], suffix: str
) -> None:
    method = next(m for m in METHODS if m == f"{kind}-{suffix}")
    limits = expected_limits(1e9, cl=cl, method=method)
    np.testing.assert_allclose(limits.events / np.sqrt(1e9), constants, atol=2e-4)


@pytest.mark.parametrize("method", METHODS)
def test_finite_from_no_background_to_a_billion(method: Method) -> None:
    background = np.concatenate([[0.0, 1e-320, 1e-12], np.geomspace(1e-3, 1e9, 300)])
    for cl in (0.01, 0.3, 0.9, 0.95, 1.0 - 1e-9):
        limits = expected_limits(background, cl=cl, method=method).events
        assert np.all(np.isfinite(limits))
        assert np.all(limits >= 0.0)
        assert np.all(np.diff(limits, axis=-1) >= -1e-9 * limits[..., 1:])
        slopes = limit_derivative(background, cl=cl, method=method)
        assert np.all(np.isfinite(slopes))


@pytest.mark.parametrize("method", METHODS)
def test_observed_limits_are_finite_far_from_the_background(method: Method) -> None:
    observed = np.array([0.0, 1.0, 100.0, 1e6, 1e9])
    limits = upper_limit(
        observed[:, np.newaxis], [0.0, 1.0, 50.0, 1e5, 1e9], cl=0.95, method=method
    )
    assert limits.shape == (5, 5)
    assert np.all(np.isfinite(limits))
    assert np.all(np.diff(limits, axis=0) >= 0.0)


@pytest.mark.parametrize(
    ("background", "median", "lowest"),
    [(0.0, 1.56, 5.42), (1.0, 1.145, 2.11), (10.0, 1.05, 1.18), (100.0, 1.02, 1.05)],
)
def test_how_optimistic_the_asymptotic_limits_are(
    background: float, median: float, lowest: float
) -> None:
    """Exact over asymptotic CLs at 95 %, as documented: averaged over the teeth."""
    teeth = background + np.linspace(-0.5, 0.5, 201) * min(background, 4.0)
    exact = expected_limits(teeth, cl=0.95, method="cls-exact").events
    asymptotic = expected_limits(teeth, cl=0.95, method="cls-asymptotic").events
    ratio = np.mean(exact / asymptotic, axis=0)
    assert ratio[2] == pytest.approx(median, abs=0.015)
    assert ratio[0] == pytest.approx(lowest, rel=0.02)


def test_centre_of_clsb_is_the_integer_closest_to_the_background() -> None:
    background = np.linspace(0.0, 40.0, 801)
    limits = expected_limits(background, cl=0.9, method="clsb-exact")
    closest = np.floor(background + 0.5)
    rule = upper_limit(closest, background, cl=0.9, method="clsb-exact")
    np.testing.assert_array_equal(limits.median, rule)
    poisson_median = np.where(background > 0, stats.poisson.ppf(0.5, background), 0)
    assert set(closest - poisson_median) == {0.0, 1.0}


def test_other_medians_are_poisson_medians() -> None:
    background = np.linspace(0.01, 40.0, 501)
    limits = expected_limits(background, cl=0.9, method="cls-exact")
    median = stats.poisson.ppf(0.5, background)
    rule = upper_limit(median, background, cl=0.9, method="cls-exact")
    np.testing.assert_allclose(limits.median, rule, rtol=1e-12)


def _bands_hold(limits: np.ndarray, bands: np.ndarray) -> bool:
    """Whether each band is the quantile of its toys, with ties on either side.

    Ten one-sided binomial tests at 4.5 standard deviations: a false alarm has a
    probability below 10 x 3.4e-6 = 3.4e-5 per call.
    """
    error = 4.5 * np.sqrt(PROBABILITIES * (1.0 - PROBABILITIES) / limits.size)
    below = np.array([np.mean(limits < band * (1.0 - 1e-9)) for band in bands])
    up_to = np.array([np.mean(limits <= band * (1.0 + 1e-9)) for band in bands])
    return bool(
        np.all(below <= PROBABILITIES + error) & np.all(up_to >= PROBABILITIES - error)
    )


@pytest.mark.parametrize("background", [0.0, 3.3, 50.2, 1000.1])
@pytest.mark.parametrize("method", EXACT)
def test_exact_bands_are_quantiles_of_toys(method: Method, background: float) -> None:
    rng = np.random.default_rng(20170909)
    toys = rng.poisson(background, 20_000)
    limits = upper_limit(toys, background, cl=0.9, method=method)
    bands = expected_limits(background, cl=0.9, method=method).events
    assert _bands_hold(limits, bands)


@pytest.mark.parametrize("method", EXACT)
def test_bands_of_another_background_fail_the_toys(method: Method) -> None:
    rng = np.random.default_rng(20170909)
    limits = upper_limit(rng.poisson(50.2, 20_000), 50.2, cl=0.9, method=method)
    assert not _bands_hold(limits, expected_limits(54.0, cl=0.9, method=method).events)


@pytest.mark.parametrize("method", ASYMPTOTIC)
def test_asymptotic_bands_are_quantiles_of_toys(method: Method) -> None:
    background = 1e6
    rng = np.random.default_rng(10071727)
    toys = rng.poisson(background, 5_000)
    limits = upper_limit(toys, background, cl=0.95, method=method)
    bands = expected_limits(background, cl=0.95, method=method).events
    assert _bands_hold(limits, bands)
    assert not _bands_hold(limits, bands + 0.2 * np.sqrt(background))


def _coverage(signal: float, background: float, cl: float, method: Method) -> float:
    """Probability that the upper limit is not below the true signal."""
    n = np.arange(0, int(signal + background + 12 * np.sqrt(signal + background)) + 30)
    limits = upper_limit(n, background, cl=cl, method=method)
    covered = limits >= signal * (1.0 - 1e-12)
    return float(np.sum(stats.poisson.pmf(n, signal + background)[covered]))


@pytest.mark.parametrize("method", EXACT)
@pytest.mark.parametrize("cl", [0.9, 0.95])
def test_exact_limits_cover(method: Method, cl: float) -> None:
    for background in (0.0, 0.4, 3.0, 25.0):
        for signal in np.linspace(0.05, 15.0, 60):
            assert _coverage(signal, background, cl, method) >= cl - 1e-9


def test_asymptotic_limits_undercover_without_background() -> None:
    coverage = [_coverage(s, 0.0, 0.95, "clsb-asymptotic") for s in (1.4, 2.0, 2.5)]
    assert min(coverage) < 0.9


@given(n=counts, background=backgrounds, cl=levels, method=methods)
def test_more_events_weaker_limit(
    n: int, background: float, cl: float, method: Method
) -> None:
    few, more = upper_limit([n, n + 1], background, cl=cl, method=method)
    assert more >= few
    assert more > few or few == 0.0


@given(
    n=counts,
    background=backgrounds,
    extra=st.floats(0.01, 100.0),
    cl=levels,
    method=st.sampled_from([*EXACT, "clsb-asymptotic"]),
)
def test_more_background_stronger_limit_at_a_fixed_count(
    n: int, background: float, extra: float, cl: float, method: Method
) -> None:
    """Not so for asymptotic CLs: at n = 0 it rises from 1.92 (B = 0) to 3.00 at 95 %."""
    less, more = upper_limit(n, [background, background + extra], cl=cl, method=method)
    assert more <= less * (1.0 + 1e-10)


@given(
    background=st.floats(0.0, 1e8),
    factor=st.floats(1.001, 3.0),
    cl=levels,
    method=st.sampled_from(ASYMPTOTIC),
)
def test_more_background_weaker_expected_limit(
    background: float, factor: float, cl: float, method: Method
) -> None:
    pair = [background, background * factor]
    less, more = expected_limits(pair, cl=cl, method=method).events
    assert np.all(more >= less * (1.0 - 1e-14))


@given(n=counts, background=backgrounds, cl=st.floats(0.6, 0.99), method=methods)
def test_higher_confidence_weaker_limit(
    n: int, background: float, cl: float, method: Method
) -> None:
    limit = upper_limit(n, background, cl=cl, method=method)
    assert upper_limit(n, background, cl=cl + 0.005, method=method) >= limit


@given(n=counts, background=backgrounds, cl=levels)
def test_cls_is_never_stronger_than_clsb(n: int, background: float, cl: float) -> None:
    cls = upper_limit(n, background, cl=cl, method="cls-exact")
    clsb = upper_limit(n, background, cl=cl, method="clsb-exact")
    assert cls >= clsb * (1.0 - 1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_slope_of_the_median_between_distant_backgrounds(method: Method) -> None:
    low, high = 400.0, 900.0
    background = np.linspace(low, high, 5001)
    slopes = limit_derivative(background, cl=0.9, method=method)
    rise = np.mean(slopes) * (high - low)
    # over hundreds of teeth; one tooth is up to ~1 event high
    teeth = np.array([np.linspace(b - 5.0, b + 5.0, 1000) for b in (low, high)])
    medians = expected_limits(teeth, cl=0.9, method=method).median.mean(axis=-1)
    assert rise == pytest.approx(medians[1] - medians[0], rel=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_slope_at_large_background_is_that_of_a_square_root(method: Method) -> None:
    background = 1e8
    median = expected_limits(background, cl=0.9, method=method).median
    slope = limit_derivative(background, cl=0.9, method=method)
    assert float(slope) == pytest.approx(float(median) / (2.0 * background), rel=1e-3)


def test_shapes_and_what_the_container_carries() -> None:
    limits = expected_limits(np.ones((3, 2)), cl=0.9, method="cls-exact")
    assert isinstance(limits, ExpectedLimits)
    assert limits.events.shape == (3, 2, 5)
    assert limits.median.shape == (3, 2)
    assert (limits.cl, limits.method, limits.one_sided) == (0.9, "cls-exact", True)
    assert limits.quantiles_sigma == (-2.0, -1.0, 0.0, 1.0, 2.0)
    assert expected_limits(1.0, cl=0.9, method="cls-exact").events.shape == (5,)
    assert expected_limits([], cl=0.9, method="cls-exact").events.shape == (0, 5)
    for method in METHODS:
        assert upper_limit([[1, 2, 3]], 1.0, cl=0.9, method=method).shape == (1, 3)
        assert limit_derivative(np.ones(4), cl=0.9, method=method).shape == (4,)
        assert isinstance(upper_limit(3, 1.0, cl=0.9, method=method), np.ndarray)
    assert get_args(Method) == METHODS


@pytest.mark.parametrize("cl", [0.0, 1.0, -0.1, 95.0, float("nan")])
def test_refuses_a_confidence_level_outside_its_range(cl: float) -> None:
    for method in METHODS:
        with pytest.raises(ValueError, match=r"^cl: .* between 0 and 1"):
            upper_limit(1, 1.0, cl=cl, method=method)
        with pytest.raises(ValueError, match=r"^cl: "):
            expected_limits(1.0, cl=cl, method=method)
        with pytest.raises(ValueError, match=r"^cl: "):
            limit_derivative(1.0, cl=cl, method=method)


@pytest.mark.parametrize("background", [-1e-9, np.nan, np.inf, [3.0, -2.0]])
def test_refuses_an_impossible_background(background: float | list[float]) -> None:
    for method in METHODS:
        with pytest.raises(ValueError, match=r"^background: events must be finite"):
            upper_limit(1, background, cl=0.9, method=method)
        with pytest.raises(ValueError, match=r"^background: "):
            expected_limits(background, cl=0.9, method=method)
        with pytest.raises(ValueError, match=r"^background: "):
            limit_derivative(background, cl=0.9, method=method)


def test_refuses_an_impossible_count() -> None:
    for method in METHODS:
        with pytest.raises(ValueError, match=r"^observed: events must be finite"):
            upper_limit(-1, 1.0, cl=0.9, method=method)
    for method in EXACT:
        with pytest.raises(ValueError, match=r"^observed: .* needs integer counts"):
            upper_limit(1.5, 1.0, cl=0.9, method=method)


def test_refuses_an_unknown_method() -> None:
    with pytest.raises(ValueError, match=r"^method: 'bayes' .* allowed: cls-exact, "):
        upper_limit(1, 1.0, cl=0.9, method="bayes")  # type: ignore[arg-type]
