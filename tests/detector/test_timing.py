"""Times of clusters: published windows, pulls, and what is kept."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from detector import timing
from detector.response import BackgroundLevel
from detector.timing import (
    dt99_ns,
    dt99_ns_mev,
    in_time,
    measure_times,
    time_resolution_ns,
)
from generator.random import fill_uniform
from generator.simd import LANES
from tests.compare import FALSE_ALARM, Floats, flatness, start
from tests.test_bench import MACHINE, PACKED, _assembly, needs_known_assembly

LOW, MEDIUM, HIGH = BackgroundLevel
ENERGIES = st.floats(0.001, 12.0)


@pytest.mark.parametrize(
    ("energy_GeV", "level", "expected_ns"),
    [(0.1, LOW, 17), (1.0, LOW, 3.5), (0.1, HIGH, 54), (1.0, HIGH, 5.4)],
)
def test_windows_to_the_quoted_digit(
    energy_GeV: float, level: BackgroundLevel, expected_ns: float
) -> None:
    found = float(dt99_ns(energy_GeV, level))
    assert found == pytest.approx(expected_ns, rel=0.01)


def parabola(dose: float) -> float:
    return 1684 + 3080 * dose - 613.9 * dose**2


def test_window_stays_at_the_maximum_of_the_parabola() -> None:
    best = optimize.minimize_scalar(lambda g: -parabola(g), bounds=(0, 5))
    assert best.x == pytest.approx(2.51, abs=0.01)
    for dose in (0.0, 1.0, 2.0, 2.5):
        assert dt99_ns_mev(dose) == pytest.approx(parabola(dose))
    for dose in (best.x, 3.0, 10.0, np.inf):
        assert dt99_ns_mev(dose) == pytest.approx(-best.fun)
    assert parabola(3.0) < 0.98 * dt99_ns_mev(3.0)


@pytest.mark.parametrize("dose", [-0.1, np.nan])
def test_doses_that_do_not_exist(dose: float) -> None:
    with pytest.raises(ValueError, match=f"dose = {dose:g} MeV/µs: need a number"):
        dt99_ns_mev(dose)


@given(first=ENERGIES, second=ENERGIES)
def test_windows_shrink_with_energy_and_grow_with_background(
    first: float, second: float
) -> None:
    soft, hard = sorted((first, second))
    for level in BackgroundLevel:
        assert dt99_ns(soft, level) >= dt99_ns(hard, level) >= 3.5
    assert dt99_ns(soft, LOW) <= dt99_ns(soft, MEDIUM) <= dt99_ns(soft, HIGH)


@given(energy=ENERGIES, level=st.sampled_from(BackgroundLevel))
def test_window_holds_99_percent_of_a_gaussian(
    energy: float, level: BackgroundLevel
) -> None:
    in_sigmas = dt99_ns(energy, level) / time_resolution_ns(energy, level)
    assert 2 * stats.norm.sf(float(in_sigmas)) == pytest.approx(0.01, rel=1e-3)


def test_no_energy_has_no_time() -> None:
    assert np.isinf(time_resolution_ns([0.0], LOW)).all()


def errors(energy_GeV: float, level: BackgroundLevel) -> Floats:
    """Return measured minus true times [ns]."""
    energy, state = np.full(3 * LANES, energy_GeV, np.float32), start(1)
    true = np.linspace(-200, 200, 3 * LANES).astype(np.float32)
    measured = [measure_times(energy, true, level, state) - true for _ in range(10)]
    return np.asarray(np.concatenate(measured), float)


@pytest.mark.parametrize("level", BackgroundLevel)
@pytest.mark.parametrize("energy_GeV", [0.03, 0.4, 3.0])
def test_pulls_are_standard_normal(energy_GeV: float, level: BackgroundLevel) -> None:
    """χ² at 1e-4; a resolution 4 % off must fail."""
    pull = errors(energy_GeV, level) / time_resolution_ns(energy_GeV, level)
    assert flatness(stats.norm.cdf(pull)) > FALSE_ALARM
    assert flatness(stats.norm.cdf(1.04 * pull)) < FALSE_ALARM


@pytest.mark.parametrize("level", BackgroundLevel)
def test_99_percent_of_soft_clusters_are_in_time(level: BackgroundLevel) -> None:
    """Binomial test at 1e-4; a collision a fifth of the window off must fail."""
    late, energy = errors(0.04, level), 0.04
    kept = int(in_time(energy, late, level).sum())
    assert stats.binomtest(kept, late.size, 0.99).pvalue > FALSE_ALARM
    off = 0.2 * dt99_ns(energy, level)
    fewer = int(in_time(energy, late, level, off).sum())
    assert stats.binomtest(fewer, late.size, 0.99).pvalue < FALSE_ALARM
    same = int(in_time(energy, late + off, level, off).sum())
    assert same == kept


def test_clusters_that_are_kept() -> None:
    """E > 20 MeV and (inside 42 ns at 40 MeV, or E > 50 MeV)."""
    energy = np.array([0.0, 0.019, 0.021, 0.04, 0.04, 0.04, 0.051, 0.051])
    time = np.array([0.0, 0.0, 0.0, 41.0, -43.0, 43.0, 43.0, -1e6])
    expected = [False, False, True, True, False, False, True, True]
    assert in_time(energy, time, LOW).tolist() == expected
    assert in_time(energy, time + 7.0, LOW, 7.0).tolist() == expected
    assert in_time(0.04, 43.0, HIGH)
    assert not in_time(energy, time, LOW, 90.0)[2:6].any()


def test_times_of_nothing_and_of_columns() -> None:
    """Absent photons keep their time; (slots, LANES) in float64 are taken as well."""
    flat = np.tile([0.0, 0.3], LANES).astype(np.float32)
    true = np.arange(2 * LANES, dtype=np.float32)
    state, other, fresh = start(2), start(2), start(2)
    measured = measure_times(flat, true, HIGH, state)
    np.testing.assert_array_equal(measured[::2], true[::2])
    assert np.all(measured[1::2] != true[1::2])
    column = flat.reshape(2, LANES).astype(float)
    again = measure_times(column, true, HIGH, other)
    np.testing.assert_allclose(again, measured, atol=1e-3)
    fill_uniform(fresh, np.empty(4 * LANES, np.float32))
    for used in (state, other):
        np.testing.assert_array_equal(used, fresh)


def test_photons_are_timed_independently() -> None:
    """Correlations of slots at 1e-4; a common part of 1/20 must show."""
    late = errors(0.2, LOW).reshape(10, 3, LANES).transpose(1, 0, 2).reshape(3, -1)
    limit = stats.norm.isf(FALSE_ALARM / 2) / np.sqrt(late.shape[1])
    assert np.abs(np.corrcoef(late)[np.triu_indices(3, 1)]).max() < limit
    assert abs(np.corrcoef(late[0] + 0.05 * late[1], late[1])[0, 1]) > limit


@needs_known_assembly
def test_kernel_vectorises() -> None:
    energy = np.full(LANES, 0.3, np.float32)
    for column in (energy, energy.astype(float)):
        measure_times(column, energy, LOW, start(3))
    kernel: Any = timing._measure
    options = {"error_model": "numpy", "nogil": True}
    options["fastmath"] = kernel.targetoptions["fastmath"]
    assembly = _assembly(kernel, options)
    assert len(re.findall(PACKED[MACHINE], assembly)) >= 20
    assert "gather" not in assembly
