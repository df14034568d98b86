"""One mass point: errors against toys, consistency, scaling, edges of a scan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fit import (
    METHODS,
    LifetimeEfficiency,
    Method,
    cross_section_limit_pb,
    expected_limits,
    limit_at,
    limit_derivative,
    solve_coupling,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

S_GEV2 = 10.58**2
EDGES_CM = np.array([0.0, 0.1, 0.5, 3.0, 20.0, 120.0])
BINS = np.array([0.42, 0.41, 0.40, 0.31, 0.07])
MEASURED = LifetimeEfficiency(EDGES_CM, BINS, np.full(5, 0.004))


def _fluctuated_couplings(n_toys: int) -> NDArray[np.float64]:
    """Median couplings at 0.1 GeV of samples that fluctuate by their errors."""
    rng = np.random.default_rng(2007)
    background = 400.0 + 12.0 * rng.standard_normal(n_toys)
    medians = expected_limits(background, cl=0.9, method="cls-asymptotic").median
    bins = BINS * (1.0 + 0.02 * rng.standard_normal((n_toys, 5)))
    return np.array(
        [
            float(
                solve_coupling(
                    events,
                    5e4,
                    0.1,
                    S_GEV2,
                    LifetimeEfficiency(EDGES_CM, values, np.zeros(5)),
                )
            )
            for events, values in zip(medians, bins, strict=True)
        ]
    )


def test_error_against_fluctuated_samples() -> None:
    """One test of a standard deviation at 4.5 of its errors: false alarm 7e-6."""
    n_toys = 800
    limit = limit_at(
        0.1,
        background_events=400.0,
        background_error=12.0,
        efficiency=LifetimeEfficiency(EDGES_CM, BINS, 0.02 * BINS),
        luminosity_invfb=5e4,
        s_GeV2=S_GEV2,
        cl=0.9,
        method="cls-asymptotic",
    )
    spread = np.std(_fluctuated_couplings(n_toys))
    tolerance = 4.5 / np.sqrt(2.0 * n_toys)
    assert limit.g_median_mc_error == pytest.approx(spread, rel=tolerance, abs=0.0)
    # negative control: the slope of a prompt ALP, 2, is wrong here
    events = limit.events[2]
    slope = limit_derivative(400.0, cl=0.9, method="cls-asymptotic")
    relative = np.hypot(
        slope * 12.0 / events, limit.efficiency_error[2] / limit.efficiency[2]
    )
    assert 0.5 * relative * limit.g_per_GeV[2] != pytest.approx(
        spread, rel=tolerance, abs=0.0
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("mass_GeV", [0.1, 1.0, 8.0])
def test_one_call_from_background_to_coupling(mass_GeV: float, method: Method) -> None:
    limit = limit_at(
        mass_GeV,
        background_events=5e3,
        background_error=50.0,
        efficiency=MEASURED,
        luminosity_invfb=20.0,
        s_GeV2=S_GEV2,
        cl=0.95,
        method=method,
    )
    assert (limit.mass_GeV, limit.luminosity_invfb) == (mass_GeV, 20.0)
    assert (limit.cl, limit.method) == (0.95, method)
    np.testing.assert_array_equal(
        limit.events, expected_limits(5e3, cl=0.95, method=method).events
    )
    seen = limit.events > 0.0
    sigma_pb = cross_section_limit_pb(limit.events, limit.efficiency, 20.0)
    np.testing.assert_allclose(limit.sigma_pb[seen], sigma_pb[seen], rtol=1e-10)
    np.testing.assert_array_equal(limit.g_per_GeV[~seen], 0.0)
    np.testing.assert_array_equal(limit.sigma_pb[~seen], 0.0)
    assert np.all(np.diff(limit.g_per_GeV) > 0.0)
    assert 0.0 < limit.g_median_mc_error < 0.02 * limit.g_per_GeV[2]


@pytest.mark.parametrize("method", METHODS)
def test_edges_of_a_scan_are_infinite_or_finite_but_never_nan(method: Method) -> None:
    blind = LifetimeEfficiency(np.array([0.0, 1.0]), np.zeros(1), np.zeros(1))
    for mass_GeV, efficiency in ((0.1, blind), (10.6, MEASURED), (0.1, MEASURED)):
        limit = limit_at(
            mass_GeV,
            background_events=0.0,
            background_error=0.0,
            efficiency=efficiency,
            luminosity_invfb=20.0,
            s_GeV2=S_GEV2,
            cl=0.9,
            method=method,
        )
        solved = mass_GeV < 10.0 and efficiency is MEASURED
        assert np.all(np.isfinite(limit.g_per_GeV) == solved)
        assert np.all(np.isfinite(limit.sigma_pb) == solved)
        assert np.isfinite(limit.g_median_mc_error) == solved
        assert np.all(np.isfinite(limit.efficiency))


def _median_coupling(luminosity_invfb: float, method: Method, density: float) -> float:
    limit = limit_at(
        1.0,
        background_events=density * luminosity_invfb,
        background_error=0.0,
        efficiency=LifetimeEfficiency.prompt(0.4),
        luminosity_invfb=luminosity_invfb,
        s_GeV2=S_GEV2,
        cl=0.9,
        method=method,
    )
    return float(limit.g_per_GeV[2])


@pytest.mark.parametrize("method", METHODS)
def test_luminosity_scaling_of_the_2017_projection(method: Method) -> None:
    # 0.54 pb in the window at 1 GeV: 20 /fb and 50 /ab differ by 2500^(1/4) in g
    ratio = _median_coupling(20.0, method, 540.0) / _median_coupling(5e4, method, 540.0)
    assert ratio == pytest.approx(2500.0**0.25, rel=5e-3, abs=0.0)


@given(
    luminosity_invfb=st.floats(1e-3, 1e4),
    factor=st.floats(1.01, 100.0),
    method=st.sampled_from(["cls-asymptotic", "clsb-asymptotic"]),
)
def test_more_luminosity_stronger_limit(
    luminosity_invfb: float, factor: float, method: Method
) -> None:
    weak = _median_coupling(luminosity_invfb, method, 30.0)
    assert _median_coupling(luminosity_invfb * factor, method, 30.0) < weak


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_refuses_an_impossible_background_error(bad: float) -> None:
    with pytest.raises(ValueError, match=r"^background_error: "):
        limit_at(
            1.0,
            background_events=1.0,
            background_error=bad,
            efficiency=MEASURED,
            luminosity_invfb=1.0,
            s_GeV2=S_GEV2,
            cl=0.9,
            method="cls-exact",
        )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("factor", [0.3, 1.0, 1.5])
def test_a_radiative_factor_scales_the_coupling_of_a_prompt_alp(
    factor: float, method: Method
) -> None:
    """g ∝ R^(−1/2) at the same efficiency, and the cross section does not change."""
    plain, scaled = (
        limit_at(
            3.0,
            background_events=400.0,
            background_error=0.0,
            efficiency=LifetimeEfficiency.prompt(0.4),
            luminosity_invfb=20.0,
            s_GeV2=S_GEV2,
            cl=0.9,
            method=method,
            radiative_factor=value,
        )
        for value in (1.0, factor)
    )
    np.testing.assert_allclose(
        scaled.g_per_GeV, plain.g_per_GeV * factor**-0.5, rtol=1e-9
    )
    np.testing.assert_allclose(scaled.sigma_pb, plain.sigma_pb, rtol=1e-9)
    np.testing.assert_array_equal(scaled.events, plain.events)


def test_a_radiative_factor_is_as_good_as_luminosity_for_a_long_lived_alp() -> None:
    """N = L R σ ε: at 0.1 GeV the lifetime at the limit changes with g."""
    events = np.array([3.0, 40.0, 900.0])
    low = solve_coupling(events, 5e4, 0.1, S_GEV2, MEASURED, 0.5)
    np.testing.assert_allclose(
        low, solve_coupling(events, 2.5e4, 0.1, S_GEV2, MEASURED)
    )
    prompt = solve_coupling(events, 5e4, 0.1, S_GEV2, MEASURED) * 0.5**-0.5
    assert np.any(abs(low / prompt - 1.0) > 0.02)  # negative control


def test_the_error_of_a_radiative_factor_counts_as_one_of_the_efficiency() -> None:
    def error(factor_error: float, efficiency_error: float) -> float:
        limit = limit_at(
            3.0,
            background_events=400.0,
            background_error=0.0,
            efficiency=LifetimeEfficiency.prompt(0.4, efficiency_error),
            luminosity_invfb=20.0,
            s_GeV2=S_GEV2,
            cl=0.9,
            method="cls-exact",
            radiative_factor=0.8,
            radiative_factor_error=factor_error,
        )
        return float(limit.g_median_mc_error / limit.g_per_GeV[2])

    assert error(0.016, 0.0) == pytest.approx(0.01)
    assert error(0.016, 0.0) == pytest.approx(error(0.0, 0.008))
    assert error(0.016, 0.008) == pytest.approx(0.01 * 2.0**0.5)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("radiative_factor", 0.0),
        ("radiative_factor", -1.0),
        ("radiative_factor", np.nan),
        ("radiative_factor_error", -1.0),
        ("radiative_factor_error", np.inf),
    ],
)
def test_refuses_an_impossible_radiative_factor(name: str, bad: float) -> None:
    values = {"radiative_factor": 1.0, "radiative_factor_error": 0.0, name: bad}
    with pytest.raises(ValueError, match=f"^{name}: "):
        limit_at(
            1.0,
            background_events=1.0,
            background_error=0.0,
            efficiency=MEASURED,
            luminosity_invfb=1.0,
            s_GeV2=S_GEV2,
            cl=0.9,
            method="cls-exact",
            **values,
        )
