"""Events to cross section to coupling: prompt, long-lived, errors, bad input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fit import (
    LifetimeEfficiency,
    coupling_limit,
    coupling_mc_error,
    cross_section_limit_pb,
    solve_coupling,
)
from generator.alp import production_cross_section_pb, proper_decay_length_cm

if TYPE_CHECKING:
    from numpy.typing import NDArray

S_GEV2 = 10.58**2
EDGES_CM = np.array([0.0, 0.1, 0.5, 3.0, 20.0, 120.0])
BINS = np.array([0.42, 0.41, 0.40, 0.31, 0.07])
MEASURED = LifetimeEfficiency(EDGES_CM, BINS, np.full(5, 0.004))


def _selected(
    g: NDArray[np.float64], mass_GeV: float, luminosity_invfb: float
) -> NDArray[np.float64]:
    """Events selected at each coupling, written out bin by bin."""
    length_cm = proper_decay_length_cm(mass_GeV, g)
    kept = sum(
        value * (np.exp(-low / length_cm) - np.exp(-high / length_cm))
        for value, low, high in zip(BINS, EDGES_CM[:-1], EDGES_CM[1:], strict=True)
    )
    sigma_pb = production_cross_section_pb(mass_GeV, g, S_GEV2)
    return np.asarray(sigma_pb * luminosity_invfb * 1e3 * kept)


def test_cross_section_of_a_hand_calculation() -> None:
    # 80 events, 20 % efficiency, 445 /pb
    assert cross_section_limit_pb(80.0, 0.2, 0.445) == pytest.approx(80 / (0.2 * 445))
    np.testing.assert_array_equal(
        cross_section_limit_pb([0.0, 1.0], 0.0, 1.0), [np.inf, np.inf]
    )
    assert cross_section_limit_pb(np.ones((2, 5)), 0.3, 1.0).shape == (2, 5)


def test_coupling_of_the_reference_cross_section() -> None:
    # 0.118 pb at g = 1e-3 for a light ALP (alpha = 1/137.036, 10.58 GeV)
    assert coupling_limit(0.1183, 1e-3, S_GEV2) == pytest.approx(
        1e-3, rel=2e-3, abs=0.0
    )
    assert coupling_limit(0.0370, 6.0, S_GEV2) == pytest.approx(1e-3, rel=1e-2, abs=0.0)
    assert coupling_limit(1.0, 11.0, S_GEV2) == np.inf
    assert coupling_limit(0.0, 1.0, S_GEV2) == 0.0


@given(st.floats(0.01, 10.0), st.floats(1e-8, 1.0))
def test_coupling_inverts_the_cross_section(mass_GeV: float, g: float) -> None:
    sigma_pb = production_cross_section_pb(mass_GeV, g, S_GEV2)
    assert float(coupling_limit(sigma_pb, mass_GeV, S_GEV2)) == pytest.approx(
        g, rel=1e-12, abs=0.0
    )


@pytest.mark.parametrize("mass_GeV", [0.05, 0.1, 0.2, 0.5, 3.0, 9.0])
@pytest.mark.parametrize("luminosity_invfb", [0.445, 20.0, 5e4])
def test_long_lived_solution_against_a_scan(
    mass_GeV: float, luminosity_invfb: float
) -> None:
    events = np.array([3.0, 40.0, 900.0])
    grid = np.geomspace(1e-8, 1e2, 40_001)
    scan = _selected(grid, mass_GeV, luminosity_invfb)
    assert np.all(np.diff(scan) > 0.0)
    crossing = np.exp(np.interp(np.log(events), np.log(scan), np.log(grid)))
    g = solve_coupling(events, luminosity_invfb, mass_GeV, S_GEV2, MEASURED)
    np.testing.assert_allclose(g, crossing, rtol=1e-6)
    closure = _selected(g, mass_GeV, luminosity_invfb)
    np.testing.assert_allclose(closure, events, rtol=1e-9)


def test_prompt_limit_is_recovered() -> None:
    events = np.array([3.0, 40.0, 900.0])
    sigma_pb = cross_section_limit_pb(events, 0.42, 20.0)
    expected = coupling_limit(sigma_pb, 2.0, S_GEV2)
    prompt = LifetimeEfficiency.prompt(0.42)
    g = solve_coupling(events, 20.0, 2.0, S_GEV2, prompt)
    np.testing.assert_allclose(g, expected, rtol=1e-14)
    # at 2 GeV the measured bins describe a prompt decay too
    g = solve_coupling(events, 20.0, 2.0, S_GEV2, MEASURED)
    np.testing.assert_allclose(g, expected, rtol=1e-6)


@given(
    mass_GeV=st.floats(0.02, 10.0),
    drops=st.lists(st.floats(0.0, 0.2), min_size=5, max_size=5),
)
def test_selected_events_rise_with_the_coupling(
    mass_GeV: float, drops: list[float]
) -> None:
    """An efficiency that only falls with the decay length: slope from 2 to 4."""
    falling = np.cumsum(drops[::-1])[::-1] + 1e-6
    efficiency = LifetimeEfficiency(EDGES_CM, falling, np.zeros(5))
    g = np.geomspace(1e-7, 10.0, 2000)
    value, _ = efficiency.at(proper_decay_length_cm(mass_GeV, g))
    slope = np.diff(np.log(g**2 * value)) / np.diff(np.log(g))
    assert np.all(slope > 2.0 - 1e-6)
    assert np.all(slope < 4.0 + 1e-6)


@given(
    mass_GeV=st.floats(0.02, 10.0),
    low=st.floats(0.01, 1e5),
    factor=st.floats(1.001, 10.0),
)
def test_more_events_larger_coupling(
    mass_GeV: float, low: float, factor: float
) -> None:
    few, more = solve_coupling([low, low * factor], 20.0, mass_GeV, S_GEV2, MEASURED)
    assert more > few


@pytest.mark.parametrize("last_cm", [1.1, 10.0])
def test_first_crossing_where_efficiency_peaks_at_long_lifetimes(
    last_cm: float,
) -> None:
    """Nothing is kept of prompt decays: the events rise and fall again with g."""
    late = LifetimeEfficiency(
        np.array([0.0, 1.0, last_cm]), np.array([0.0, 0.3]), np.zeros(2)
    )
    g = np.geomspace(1e-8, 1.0, 100_001)
    length_cm = proper_decay_length_cm(0.1, g)
    kept = 0.3 * (np.exp(-1.0 / length_cm) - np.exp(-last_cm / length_cm))
    events = production_cross_section_pb(0.1, g, S_GEV2) * 5e7 * kept
    wanted = 0.9 * np.max(events)
    first = g[np.argmax(events >= wanted)]
    solved = solve_coupling([wanted, 3.0 * wanted], 5e4, 0.1, S_GEV2, late)
    assert solved[0] == pytest.approx(first, rel=1e-3, abs=0.0)
    assert solved[1] == np.inf


def test_an_efficiency_that_fluctuates_up_is_solved_too() -> None:
    noisy = LifetimeEfficiency(
        EDGES_CM, np.array([0.20, 0.45, 0.30, 0.33, 0.01]), np.zeros(5)
    )
    events = np.geomspace(1.0, 1e5, 30)
    for mass_GeV in (0.05, 0.1, 0.2, 0.4, 1.0):
        g = solve_coupling(events, 5e4, mass_GeV, S_GEV2, noisy)
        value, _ = noisy.at(proper_decay_length_cm(mass_GeV, g))
        sigma_pb = production_cross_section_pb(mass_GeV, g, S_GEV2)
        np.testing.assert_allclose(sigma_pb * 5e7 * value, events, rtol=1e-9)


def test_no_solution_and_nothing_to_exclude() -> None:
    blind = LifetimeEfficiency(np.array([0.0, 1.0]), np.zeros(1), np.zeros(1))
    events = np.array([[0.0, 3.0]])
    np.testing.assert_array_equal(
        solve_coupling(events, 1.0, 1.0, S_GEV2, blind), [[np.inf, np.inf]]
    )
    np.testing.assert_array_equal(
        solve_coupling(events, 1.0, 11.0, S_GEV2, MEASURED), [[np.inf, np.inf]]
    )
    solved = solve_coupling(events, 1.0, 1.0, S_GEV2, MEASURED)
    assert solved.shape == (1, 2)
    assert solved[0, 0] == 0.0
    assert 0.0 < solved[0, 1] < np.inf


def test_prompt_error_is_half_the_relative_error_of_the_cross_section() -> None:
    prompt = LifetimeEfficiency.prompt(0.4, 0.02)
    g = solve_coupling(50.0, 20.0, 2.0, S_GEV2, prompt)
    error = coupling_mc_error(
        g, mass_GeV=2.0, events=50.0, events_error=1.5, efficiency=prompt
    )
    expected = 0.5 * np.hypot(1.5 / 50.0, 0.02 / 0.4)
    assert float(error / g) == pytest.approx(expected, rel=1e-9, abs=0.0)


@pytest.mark.parametrize("mass_GeV", [0.05, 0.12, 0.2, 1.0])
def test_error_from_the_events_against_a_finite_difference(mass_GeV: float) -> None:
    exact = LifetimeEfficiency(EDGES_CM, BINS, np.zeros(5))
    low, middle, high = solve_coupling(
        [29.97, 30.0, 30.03], 5e4, mass_GeV, S_GEV2, exact
    )
    error = coupling_mc_error(
        middle, mass_GeV=mass_GeV, events=30.0, events_error=0.03, efficiency=exact
    )
    assert float(error) == pytest.approx(0.5 * (high - low), rel=1e-4, abs=0.0)


def test_error_is_infinite_without_a_solution() -> None:
    error = coupling_mc_error(
        [np.inf, 0.0, 1e-4],
        mass_GeV=1.0,
        events=[3.0, 0.0, 3.0],
        events_error=0.1,
        efficiency=MEASURED,
    )
    np.testing.assert_array_equal(np.isfinite(error), [False, False, True])


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_refuses_values_outside_their_range(bad: float) -> None:
    with pytest.raises(ValueError, match=r"^events: must be finite and >= 0"):
        cross_section_limit_pb(bad, 0.3, 1.0)
    with pytest.raises(ValueError, match=r"^efficiency: must be finite and >= 0"):
        cross_section_limit_pb(1.0, bad, 1.0)
    with pytest.raises(ValueError, match=r"^luminosity_invfb: must be finite and > 0"):
        cross_section_limit_pb(1.0, 0.3, bad)
    with pytest.raises(ValueError, match=r"^sigma_pb: "):
        coupling_limit(bad, 1.0, S_GEV2)
    with pytest.raises(ValueError, match=r"^mass_GeV: "):
        coupling_limit(1.0, bad, S_GEV2)
    with pytest.raises(ValueError, match=r"^s_GeV2: "):
        coupling_limit(1.0, 1.0, bad)
    with pytest.raises(ValueError, match=r"^events: "):
        solve_coupling(bad, 1.0, 1.0, S_GEV2, MEASURED)
    with pytest.raises(ValueError, match=r"^luminosity_invfb: "):
        solve_coupling(1.0, bad, 1.0, S_GEV2, MEASURED)
    with pytest.raises(ValueError, match=r"^mass_GeV: "):
        solve_coupling(1.0, 1.0, bad, S_GEV2, MEASURED)
    with pytest.raises(ValueError, match=r"^events_error: "):
        coupling_mc_error(
            1e-4, mass_GeV=1.0, events=1.0, events_error=bad, efficiency=MEASURED
        )


@pytest.mark.parametrize("zero", ["luminosity_invfb", "mass_GeV", "s_GeV2"])
def test_refuses_zero_where_nothing_would_be_produced(zero: str) -> None:
    values = {"luminosity_invfb": 1.0, "mass_GeV": 1.0, "s_GeV2": S_GEV2, zero: 0.0}
    blind = LifetimeEfficiency.prompt(0.0)
    for efficiency in (MEASURED, blind):
        with pytest.raises(ValueError, match=rf"^{zero}: must be finite and > 0"):
            solve_coupling(1.0, efficiency=efficiency, **values)
