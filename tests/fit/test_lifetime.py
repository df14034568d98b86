"""Efficiency folded with the exponential of the lifetime."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate

from fit import LifetimeEfficiency

EDGES_CM = np.array([0.0, 0.5, 3.0, 20.0, 120.0])
BINS = np.array([0.42, 0.40, 0.31, 0.07])
ERRORS = np.array([0.004, 0.005, 0.006, 0.003])
MEASURED = LifetimeEfficiency(EDGES_CM, BINS, ERRORS)


@pytest.mark.parametrize("length_cm", [0.03, 0.7, 9.0, 400.0])
def test_fold_against_numerical_integration(length_cm: float) -> None:
    weights = [
        integrate.quad(lambda x: np.exp(-x / length_cm) / length_cm, low, high)[0]
        for low, high in pairwise(EDGES_CM)
    ]
    efficiency, error = MEASURED.at(length_cm)
    assert float(efficiency) == pytest.approx(np.dot(weights, BINS), rel=1e-10)
    expected = np.sqrt(np.sum((np.array(weights) * ERRORS) ** 2))
    assert float(error) == pytest.approx(expected, rel=1e-10)


def test_fold_is_the_average_over_simulated_decays() -> None:
    """One Gaussian test at 4 standard deviations: false alarm 6e-5."""
    decays_cm = np.random.default_rng(1709).exponential(9.0, 50_000)
    index = np.searchsorted(EDGES_CM, decays_cm, side="right") - 1
    kept = np.append(BINS, 0.0)[index]
    tolerance = 4.0 * np.std(kept) / np.sqrt(kept.size)
    assert abs(float(MEASURED.at(9.0)[0]) - np.mean(kept)) < tolerance
    # negative control: a lifetime 5 % off
    assert abs(float(MEASURED.at(9.45)[0]) - np.mean(kept)) > tolerance


def test_limits_of_short_and_long_lifetimes() -> None:
    efficiency, error = MEASURED.at([0.0, 1e-9, 1e9, np.inf])
    np.testing.assert_allclose(efficiency[:2], BINS[0], rtol=1e-15)
    np.testing.assert_allclose(error[:2], ERRORS[0], rtol=1e-15)
    per_cm = np.sum(BINS * np.diff(EDGES_CM)) / 1e9
    assert efficiency[2] == pytest.approx(per_cm, rel=1e-6, abs=0.0)
    assert efficiency[3] == pytest.approx(0.0, abs=1e-300)


def test_prompt_does_not_depend_on_the_lifetime() -> None:
    efficiency, error = LifetimeEfficiency.prompt(0.3, 0.01).at([0.0, 1.0, 1e12])
    np.testing.assert_array_equal(efficiency, 0.3)
    np.testing.assert_array_equal(error, 0.01)


@given(st.floats(0.0, 1e6), st.floats(1.0, 100.0))
def test_longer_lifetime_lower_efficiency(length_cm: float, factor: float) -> None:
    short, long = MEASURED.at([length_cm, length_cm * factor])[0]
    assert long <= short * (1.0 + 1e-14)


def test_keeps_the_shape_and_its_own_arrays() -> None:
    assert MEASURED.at(np.ones((2, 3)))[0].shape == (2, 3)
    edges = EDGES_CM.copy()
    efficiency = LifetimeEfficiency(edges, BINS, ERRORS)
    edges[1] = 2.0
    np.testing.assert_array_equal(efficiency.edges_cm, EDGES_CM)


@pytest.mark.parametrize(
    "edges",
    [[0.1, 1.0], [0.0], [0.0, 1.0, 1.0], [0.0, 2.0, 1.0], [0.0, np.nan], [[0.0, 1.0]]],
)
def test_refuses_edges_that_do_not_rise_from_zero(edges: list[float]) -> None:
    bins = np.full(max(len(edges) - 1, 1), 0.1)
    with pytest.raises(ValueError, match=r"^edges_cm: must rise from 0"):
        LifetimeEfficiency(np.array(edges), bins, bins)


@pytest.mark.parametrize("bad", [-0.1, np.nan, np.inf])
def test_refuses_impossible_efficiencies_and_errors(bad: float) -> None:
    good = np.array([0.1, 0.2])
    wrong = np.array([0.1, bad])
    edges = np.array([0.0, 1.0, 2.0])
    with pytest.raises(ValueError, match=r"^efficiency: must be finite"):
        LifetimeEfficiency(edges, wrong, good)
    with pytest.raises(ValueError, match=r"^efficiency_error: must be finite"):
        LifetimeEfficiency(edges, good, wrong)
    with pytest.raises(ValueError, match=r"^efficiency: needs 2 bins, got shape \(3,"):
        LifetimeEfficiency(edges, np.ones(3), good)
