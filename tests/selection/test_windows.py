"""Widths, window edges and the table of the kernels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.overlay import Overlay
from detector.simulate import ClusterModel, Detector
from generator.beams import Beams
from generator.signal import Signal
from generator.simd import LANES
from selection.candidates import Cuts, SelectionName, Stage, select
from selection.windows import (
    Observable,
    Window,
    resolution,
    signal_values,
    table,
    true_value,
    window,
)
from tests.compare import N_SIGMA, start

S = Beams().s_GeV2
LOW_M2 = (SelectionName.LOW, Observable.M2)
HIGH_M2 = (SelectionName.HIGH, Observable.M2)
HIGH_RECOIL = (SelectionName.HIGH, Observable.RECOIL)


def test_resolution_of_a_gaussian() -> None:
    """Half the central 68.3 % is σ, to N_SIGMA of its own error (1e-4)."""
    n = 200_000
    values = np.random.default_rng(1).normal(5.0, 0.3, n).astype(np.float32)
    # density at ±1σ 0.242: error of half a quantile distance
    error = np.sqrt(0.1587 * (1 - 2 * 0.1587) / 2 / n) / 0.242
    assert abs(resolution(values) / 0.3 - 1) < N_SIGMA * error
    assert abs(resolution(1.02 * values) / 0.3 - 1) > N_SIGMA * error


def test_resolution_does_not_see_tails() -> None:
    rng = np.random.default_rng(2)
    core = rng.normal(0.0, 1.0, 100_000)
    core[::100] = rng.uniform(20, 1000, 1000)
    assert resolution(core.astype(np.float32)) == pytest.approx(1.0, abs=0.03)
    assert core.std() > 10


@pytest.mark.parametrize(("name", "observable"), [LOW_M2, HIGH_M2, HIGH_RECOIL])
def test_edges(name: SelectionName, observable: Observable) -> None:
    found = window(2.0, name, observable, 0.1, sigmas=(3.0, 1.5), s_GeV2=S)
    centre = 4.0 if observable is Observable.M2 else (S - 4) / (2 * np.sqrt(S))
    assert true_value(2.0, observable, S) == pytest.approx(centre)
    assert found.low == pytest.approx(centre - 0.3)
    assert found.high == pytest.approx(centre + 0.15)
    assert (found.selection, found.observable) == (name, observable)


def test_signal_values_are_those_of_the_true_pair() -> None:
    state = start(3)
    block = Signal(5.0).block(state, 1500, 1.0)
    found = select(Detector().simulate(block, state), Beams(), Cuts())
    high = signal_values(found, *HIGH_M2)
    used = found.level_high[:1500] >= Stage.HELICITY
    np.testing.assert_array_equal(high, found.pair_m2[:1500][used])
    recoil = signal_values(found, *HIGH_RECOIL)
    np.testing.assert_array_equal(recoil, found.energy_cms[:1500][used])
    low = signal_values(found, *LOW_M2)
    right = (found.level_low >= Stage.HELICITY) & (
        found.lightest_m2 == found.pair_m2[:LANES]
    )
    np.testing.assert_array_equal(low, found.pair_m2[:1500][right[:1500]])
    assert 0 < low.size < np.count_nonzero(found.level_low[:1500] >= Stage.HELICITY)


@pytest.mark.parametrize("mass", [3.0, 6.3])
def test_split_offs_are_no_photons(mass: float) -> None:
    """The crystal-level model resolves the true pair as the parametrisation does; a
    cluster of background or a split-off never stands for a photon.
    """
    busy = Detector(model=ClusterModel.SHOWER, overlay=Overlay(mean=1.0))
    widths = []
    for detector in (Detector(), busy):
        state, values, wrong = start(3), [], 0
        for _ in range(6):
            block = Signal(mass).block(state, LANES, 1.0)
            found = select(detector.simulate(block, state), Beams(), Cuts())
            values.append(signal_values(found, *HIGH_M2))
            passed = found.level_high >= Stage.HELICITY
            wrong += int(np.sum(passed & (found.n_leading < 3)))
        widths.append(resolution(np.concatenate(values)))
    assert wrong > 0  # there are such events, and they do not count
    assert 0.5 < widths[1] / widths[0] < 1.5


def windows_strategy() -> st.SearchStrategy[list[Window]]:
    return st.lists(
        st.builds(
            lambda kind, centre, width: Window(
                1.0, kind[0], kind[1], width, centre - width, centre + width
            ),
            st.sampled_from([LOW_M2, HIGH_M2, HIGH_RECOIL]),
            st.floats(0, 100),
            st.floats(1e-3, 30),
        ),
        max_size=40,
    )


@given(windows_strategy())
def test_table(windows: list[Window]) -> None:
    found = table(windows)
    assert sorted(found.order.tolist()) == list(range(len(windows)))
    assert found.starts[0] == 0
    assert found.starts[-1] == len(windows)
    for kind, label in enumerate((LOW_M2, HIGH_M2, HIGH_RECOIL)):
        group = slice(found.starts[kind], found.starts[kind + 1])
        members = [windows[i] for i in found.order[group]]
        assert all((w.selection, w.observable) == label for w in members)
        low, high = found.low[group], found.high[group]
        np.testing.assert_array_equal(
            low, np.array([w.low for w in members], np.float32)
        )
        np.testing.assert_array_equal(
            high, np.array([w.high for w in members], np.float32)
        )
        ahead, behind = found.low_ahead[group], found.high_behind[group]
        for index in range(len(members)):
            assert ahead[index] == low[index:].min()
            assert behind[index] == high[: index + 1].max()


def test_recoil_windows_belong_to_the_high_selection() -> None:
    bad = Window(8.0, SelectionName.LOW, Observable.RECOIL, 0.1, 1.0, 2.0)
    with pytest.raises(ValueError, match="low-mass selection at 8 GeV: only m2"):
        table([bad])
