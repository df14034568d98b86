"""``limits.csv``: the contract's columns, the best selection, what sets a limit."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from selection.candidates import SelectionName
from study.limits_table import (
    Background,
    Row,
    lifetime_efficiency,
    limiting_factor,
    rows,
)
from study.names import LIMIT_COLUMNS as COLUMNS
from tests.study.engineered import EDGES_CM, N_EVENTS, point
from tests.study.small import small_config

if TYPE_CHECKING:
    from study.sums import SignalPoint

CONFIG = small_config("limits.methods=['cls-exact']", "limits.confidence_levels=[0.9]")
BANDS = ("minus2", "minus1", "median", "plus1", "plus2")


def low_rows(
    item: SignalPoint, sigma_pb: float = 10.0, error_pb: float = 0.0
) -> list[Row]:
    key = (item.mass_GeV, SelectionName.LOW)
    found = rows([item], {key: Background(sigma_pb, error_pb)}, CONFIG)
    return [row for row in found if row.selection is SelectionName.LOW]


def test_columns_are_the_agreed_ones() -> None:
    before = (
        "mass_GeV selection observable luminosity_invfb cl method signal_efficiency "
        "signal_efficiency_error radiative_factor radiative_factor_error "
        "background_events background_events_error"
    )
    bands = [
        f"{name}_{band}"
        for name in ("events", "sigma_pb", "g_per_GeV")
        for band in BANDS
    ]
    after = "g_per_GeV_median_mc_error limited_by best"
    assert list(COLUMNS) == [*before.split(), *bands, *after.split()]
    assert len(low_rows(point())[0].cells()) == len(COLUMNS)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (point(), "statistics"),
        (point(detected=0.3, triggered=0.3, selected=0.2), "merged photons"),
        (point(triggered=0.3, selected=0.2), "trigger"),
        (point(0.1, late=0.0), "lifetime"),
        (point(window=False, selected=0.0), "selection"),
        (
            point(detected=0.01, triggered=0.01, selected=0.0, window=False),
            "merged photons",
        ),
    ],
)
def test_what_sets_the_limit(item: SignalPoint, reason: str) -> None:
    assert {row.limited_by for row in low_rows(item)} == {reason}


def test_the_worst_of_several_losses_is_named() -> None:
    item = point(detected=0.3, triggered=0.05, selected=0.02)
    efficiency = lifetime_efficiency(item, 0)
    assert limiting_factor(item, efficiency, 0.02) == "trigger"
    assert limiting_factor(item, efficiency, 0.0002) == "lifetime"


def test_a_loss_of_half_is_still_statistics() -> None:
    item = point(detected=0.41, triggered=0.21, selected=0.2)
    assert limiting_factor(item, lifetime_efficiency(item, 0), 0.11) == "statistics"


def test_limits_follow_the_fourth_root_of_the_luminosity() -> None:
    """With background and a prompt decay g ∝ L^(−1/4): 2500^(1/4) = 7.07.

    The 20 /fb limit on 2·10⁵ background events is Gaussian to 0.1 %.
    """
    small, large = low_rows(point())
    assert small.median / large.median == pytest.approx(2500**0.25, rel=2e-3)
    assert small.median / large.median != pytest.approx(2500**0.5, rel=0.5)


def test_a_row_has_the_numbers_of_its_limit() -> None:
    row = low_rows(point(), sigma_pb=3.0, error_pb=0.1)[0]
    cells = dict(zip(COLUMNS, row.cells(), strict=True))
    assert row.limit is not None
    assert cells["background_events"] == pytest.approx(3.0 * 20e3)
    assert cells["background_events_error"] == pytest.approx(0.1 * 20e3)
    assert cells["signal_efficiency"] == pytest.approx(0.4)
    assert cells["signal_efficiency_error"] == pytest.approx(
        math.sqrt(0.4 * 0.6 / N_EVENTS), rel=0.2
    )
    assert cells["radiative_factor"] == pytest.approx(1.0)
    assert cells["radiative_factor_error"] == 0.0
    for index, band in enumerate(BANDS):
        assert cells[f"g_per_GeV_{band}"] == row.limit.g_per_GeV[index]
        assert cells[f"events_{band}"] == pytest.approx(
            row.limit.sigma_pb[index] * 20e3 * row.limit.efficiency[index]
        )
    assert cells["g_per_GeV_median"] == row.median


def test_background_uncertainty_widens_the_mc_error() -> None:
    errors = [
        low_rows(point(), error_pb=error)[0].cells()[COLUMNS.index("limited_by") - 1]
        for error in (0.0, 1.0)
    ]
    assert 0.0 < float(str(errors[0])) < float(str(errors[1]))


def test_a_selection_without_signal_has_no_limit() -> None:
    cells = dict(zip(COLUMNS, low_rows(point(window=False))[0].cells(), strict=True))
    assert cells["signal_efficiency"] == 0.0
    assert cells["g_per_GeV_median"] == math.inf
    assert math.isnan(float(str(cells["background_events"])))
    assert cells["best"] == 0


def test_the_best_selection_is_marked_once_per_choice() -> None:
    key = (1.0, SelectionName.LOW)
    found = rows([point()], {key: Background(1.0, 0.0)}, small_config())
    choices = {(row.luminosity_invfb, row.cl, row.method) for row in found}
    best = [(row.luminosity_invfb, row.cl, row.method) for row in found if row.best]
    assert len(found) == 2 * len(choices)
    assert sorted(best) == sorted(choices)
    assert all(row.selection is SelectionName.LOW for row in found if row.best)


def test_no_selection_is_best_without_sensitivity() -> None:
    assert not any(row.best for row in rows([point(window=False)], {}, CONFIG))


def test_bins_of_decay_length_become_efficiencies() -> None:
    efficiency = lifetime_efficiency(point(late=0.0), 0)
    np.testing.assert_array_equal(efficiency.edges_cm, EDGES_CM)
    assert efficiency.efficiency[0] == pytest.approx(0.4)
    assert efficiency.efficiency[1:].max() == 0.0
    assert efficiency.efficiency_error[0] == pytest.approx((0.24 / N_EVENTS) ** 0.5)
    assert efficiency.efficiency_error[1:] == pytest.approx(1.0 / N_EVENTS)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (point(factor=0.3), "statistics"),
        (
            point(factor=0.3, detected=0.3, triggered=0.3, selected=0.2),
            "merged photons",
        ),
        (point(factor=0.3, triggered=0.3, selected=0.2), "trigger"),
        (point(factor=0.3, window=False, selected=0.0), "selection"),
    ],
)
def test_radiation_does_not_change_what_sets_the_limit(
    item: SignalPoint, reason: str
) -> None:
    assert {row.limited_by for row in low_rows(item)} == {reason}


def test_limits_follow_radiative_factor_and_efficiency() -> None:
    """The same background: g ∝ (R ε)^(−1/2), and σ ∝ 1/ε whatever R is."""
    born, radiated = (
        low_rows(item)[0].limit
        for item in (point(selected=0.4), point(selected=0.3, factor=0.8))
    )
    assert born is not None
    assert radiated is not None
    ratio = radiated.g_per_GeV[1:] / born.g_per_GeV[1:]
    np.testing.assert_allclose(ratio, (0.4 / (0.8 * 0.3)) ** 0.5, rtol=1e-6)
    sigma = radiated.sigma_pb[1:] / born.sigma_pb[1:]
    np.testing.assert_allclose(sigma, 0.4 / 0.3, rtol=1e-6)
    np.testing.assert_allclose(radiated.efficiency, 0.3, rtol=1e-6)
    # negative control: what the limit would be if R were forgotten
    assert ratio[1] != pytest.approx((0.4 / 0.3) ** 0.5, rel=0.05)


def test_the_error_of_the_radiative_factor_is_that_of_its_weights() -> None:
    """Weights 0 and 2 in equal numbers: R = 1 ± 1/√n, as for a coin."""
    item = point()
    passed = item.separated[0].sums.passed.copy()
    passed[:, 1] *= 2.0
    sums = replace(item.separated[0].sums, passed=passed)
    item = replace(item, separated=(replace(item.separated[0], sums=sums),))
    assert point().radiative_factor_error == 0.0
    assert item.radiative_factor == pytest.approx(1.0)
    assert item.radiative_factor_error == pytest.approx(N_EVENTS**-0.5)
