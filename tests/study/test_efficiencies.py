"""Efficiencies, their intervals, and the tables made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hist.intervals import clopper_pearson_interval
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from selection.candidates import SelectionName, Stage
from study.efficiencies import (
    clopper_pearson,
    cutflow_rows,
    efficiency_and_interval,
    efficiency_rows,
    stage_sums,
    weighted_error,
    window_rows,
)
from study.names import CUTFLOW_COLUMNS, EFFICIENCY_COLUMNS, WINDOW_COLUMNS
from tests.compare import N_SIGMA
from tests.study.engineered import N_EVENTS, low_window, point, sums
from tests.study.small import small_config

if TYPE_CHECKING:
    from collections.abc import Sequence

FLOW = (1.0, 0.8, 0.7, 0.6, 0.5, 0.4)


def column(
    rows: Sequence[Sequence[object]], names: Sequence[str], name: str
) -> list[float]:
    return [float(str(row[names.index(name)])) for row in rows]


@given(st.integers(1, 10**6), st.floats(0.0, 1.0))
def test_intervals_agree_with_hist(total: int, fraction: float) -> None:
    passed = np.array([0.0, np.floor(fraction * total), float(total)])
    expected = clopper_pearson_interval(passed, np.full(3, float(total)))
    np.testing.assert_allclose(clopper_pearson(passed, total), expected, rtol=1e-9)


def test_intervals_by_their_definition() -> None:
    """At each end, the tail of the binomial that reaches the observation is 15.9 %."""
    low, high = clopper_pearson(np.array([7.0]), 20.0)[:, 0]
    tail = (1.0 - 0.6826894921370859) / 2.0
    assert stats.binom.sf(6, 20, low) == pytest.approx(tail)
    assert stats.binom.cdf(7, 20, high) == pytest.approx(tail)


def test_no_events_no_knowledge() -> None:
    np.testing.assert_array_equal(clopper_pearson(np.zeros(1), 0.0), [[0.0], [1.0]])
    efficiency, interval, effective = efficiency_and_interval(np.zeros((2, 7)))
    assert efficiency.tolist() == effective.tolist() == [0.0] * 7
    assert interval[:, 0].tolist() == [0.0, 1.0]


def test_unweighted_events_count_as_themselves() -> None:
    reached = stage_sums(sums(FLOW, (0.3,)), SelectionName.LOW, 0)
    efficiency, interval, effective = efficiency_and_interval(reached)
    assert efficiency == pytest.approx([*FLOW, 0.3])
    assert effective == pytest.approx(np.array([*FLOW, 0.3]) * N_EVENTS)
    assert np.all((interval[0] <= efficiency) & (efficiency <= interval[1]))
    errors = weighted_error(reached, reached[:, :1])
    assert errors[1:] == pytest.approx(np.sqrt(efficiency * (1 - efficiency) / 1e4)[1:])
    assert errors[0] == 0.0


def test_the_scale_of_weights_does_not_matter() -> None:
    one, two = (
        efficiency_and_interval(
            stage_sums(sums(tuple(scale * f for f in FLOW)), SelectionName.HIGH, None)
        )
        for scale in (1.0, 97.3)
    )
    for first, second in zip(one, two, strict=True):
        np.testing.assert_allclose(first, second)


def test_unequal_weights_are_worth_fewer_events() -> None:
    """Kish: 100 events of which half have weight 3 are worth 80."""
    weight = np.repeat([1.0, 3.0], 50)
    reached = np.array([[weight.sum()] * 2, [(weight**2).sum()] * 2])
    assert efficiency_and_interval(reached)[2] == pytest.approx([80.0, 80.0])


def test_a_window_of_another_sample_has_the_trials_of_its_own_weights() -> None:
    """10⁴ events in a window of 10⁻³ of 10⁵ others: 1 % as of Poisson, not 10 %."""
    reached = np.array([[100.0, 50.0, 0.1], [0.1, 0.05, 1e-6]])
    plain, aimed = (efficiency_and_interval(reached, w)[1] for w in (None, 1.0))
    np.testing.assert_array_equal(aimed[:, :2], plain[:, :2])
    assert aimed[:, 2] == pytest.approx([0.99e-3, 1.01e-3], rel=1e-3)
    assert plain[:, 2] == pytest.approx([0.9e-3, 1.1e-3], rel=1e-2)
    reached[:, 2] = 0.0
    upper = efficiency_and_interval(reached, 1e-5)[1][1, 2]
    assert upper == pytest.approx(clopper_pearson(np.zeros(1), 1e7)[1, 0])
    assert efficiency_and_interval(reached, 0.0)[1][:, 2].tolist() == [0.0, 1.0]


def test_intervals_of_another_sample_against_toys() -> None:
    """Coverage of 68.3 % in 2000 toys to N_SIGMA of its error (false alarm 10⁻⁴).

    The window's sample has 400 events of weight 0.01 there and some of weight 1 beyond.
    """
    rng = np.random.default_rng(5)
    n_toys, truth = 2000, 4.0 / 1000.0
    covers = np.zeros((2, n_toys), bool)
    for toy, n in enumerate(rng.poisson(400, n_toys)):
        reached = np.array([[1000.0, 0.01 * n], [100.0, 1e-4 * n]])
        for row, weight in enumerate((0.5, None)):
            low, high = efficiency_and_interval(reached, weight)[1][:, 1]
            covers[row, toy] = low <= truth <= high
    found, control = covers.mean(axis=1)
    error = np.sqrt(0.683 * 0.317 / n_toys)
    assert abs(found - 0.683) < N_SIGMA * error + 0.02  # whole numbers cover more
    assert abs(control - 0.683) > 0.1  # negative control: the plain sample's trials


def test_errors_of_weighted_efficiencies_against_toys() -> None:
    """Spread of 2000 samples to 4.5 of its errors (false alarm 7e-6).

    Events of weight 10 pass more rarely than those of weight 1, which a binomial of the
    effective number of events does not know.
    """
    rng = np.random.default_rng(3)
    n_toys, n_events = 2000, 2000
    weight = np.where(rng.random((n_toys, n_events)) < 0.1, 10.0, 1.0)
    passes = rng.random((n_toys, n_events)) < np.where(weight > 2.0, 0.02, 0.5)
    sums = [
        np.array([(weight**power * which).sum(axis=1) for power in (1, 2)])
        for which in (passes, 1.0)
    ]
    spread = np.std(sums[0][0] / sums[1][0])
    claimed = np.sqrt(np.mean(weighted_error(sums[0], sums[1]) ** 2))
    tolerance = 4.5 / np.sqrt(2.0 * n_toys)
    assert claimed == pytest.approx(spread, rel=tolerance)
    efficiency = (sums[0][0] / sums[1][0]).mean()
    kish = (sums[1][0] ** 2 / sums[1][1]).mean()
    binomial = np.sqrt(efficiency * (1.0 - efficiency) / kish)
    assert binomial > 1.3 * spread  # negative control


def test_no_events_have_no_error() -> None:
    assert weighted_error(np.zeros((2, 3)), np.zeros((2, 1))).tolist() == [0.0] * 3


def test_a_selection_without_window_ends_at_zero() -> None:
    reached = stage_sums(sums(FLOW), SelectionName.LOW, None)
    assert reached.shape == (2, len(Stage))
    assert reached[:, Stage.WINDOW].tolist() == [0.0, 0.0]


def test_efficiency_rows() -> None:
    rows = list(efficiency_rows([point()], small_config()))
    assert len(rows) == len(SelectionName) * len(Stage)
    assert {row[3] for row in rows} == {"square"}
    assert [row[4] for row in rows[: len(Stage)]] == [s.name.lower() for s in Stage]
    low, high = rows[len(Stage) - 1], rows[-1]
    assert (low[1], low[5]) == ("low", pytest.approx(0.4))
    assert (high[1], high[5], high[6]) == ("high", 0.0, 0.0)
    assert all(len(row) == len(EFFICIENCY_COLUMNS) for row in rows)


def test_window_rows() -> None:
    rows = list(window_rows([point(selected=0.4), point(window=False)], small_config()))
    assert column(rows, WINDOW_COLUMNS, "kept") == [1.0]
    assert column(rows, WINDOW_COLUMNS, "low") == [pytest.approx(0.94)]
    assert len(rows[0]) == len(WINDOW_COLUMNS)


def test_cutflow_rows() -> None:
    flow = tuple(97.3 * f for f in FLOW)
    item = low_window(1.0)
    rows = list(cutflow_rows("aaa", sums(flow, (2.0,)), [(item, 0)]))
    assert column(rows, CUTFLOW_COLUMNS, "sigma_pb") == pytest.approx([*flow, 2.0])
    efficiency = column(rows, CUTFLOW_COLUMNS, "efficiency")
    low = column(rows, CUTFLOW_COLUMNS, "efficiency_lower")
    high = column(rows, CUTFLOW_COLUMNS, "efficiency_upper")
    assert np.all(np.diff(efficiency) <= 0.0)
    assert all(a <= b <= c for a, b, c in zip(low, efficiency, high, strict=True))
    assert all(len(row) == len(CUTFLOW_COLUMNS) for row in rows)


def test_the_cut_flow_of_a_window_counted_elsewhere() -> None:
    """More effective events than were generated, and the interval that they are worth."""
    flow = tuple(97.3 * f for f in FLOW)
    aimed = sums((1.0, 0.9, 0.8, 0.7, 0.6, 0.5), (0.4,), 1_000_000)
    mixed = sums(flow, (2.0, 0.0)).with_windows([1], aimed)
    windows = [(low_window(1.0), 0), (low_window(0.3), 1)]
    rows = list(cutflow_rows("aaa", mixed, windows))
    usual = list(cutflow_rows("aaa", sums(flow, (2.0,)), windows[:1]))
    assert rows[: len(Stage)] == usual
    last = dict(zip(CUTFLOW_COLUMNS, rows[-1], strict=True))
    assert last["sigma_pb"] == pytest.approx(0.4)
    assert last["effective_events"] == pytest.approx(400_000)
    assert last["efficiency"] == pytest.approx(0.4 / 97.3)
    ends = [float(str(last[f"efficiency_{end}"])) for end in ("lower", "upper")]
    one = 400_000**-0.5
    expected = [0.4 / 97.3 * (1.0 - one), 0.4 / 97.3 * (1.0 + one)]
    assert ends == pytest.approx(expected, rel=1e-4)
