"""The one-pass tally against brute force in numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.simd import LANES
from selection.candidates import Candidates, SelectionName, Stage
from selection.tally import (
    MASS_BINS_PER_GEV,
    N_MASS_BINS,
    N_RECOIL_BINS,
    N_TOTAL_BINS,
    RECOIL_BINS_PER_GEV,
    TOTAL_BINS_PER_GEV,
    Tally,
)
from selection.windows import Observable, Window, table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.compare import Floats

    Parts = NDArray[np.int32] | NDArray[np.int64]

THREE = np.full(LANES, 3, np.int32)
KINDS = [
    (SelectionName.LOW, Observable.M2),
    (SelectionName.HIGH, Observable.M2),
    (SelectionName.HIGH, Observable.RECOIL),
]


def random_candidates(rng: np.random.Generator, n_events: int) -> Candidates:
    pair_m2 = rng.uniform(0, 10, 3 * LANES) ** 2
    # events whose pairs are so alike that they share windows
    alike = rng.random(LANES) < 0.3
    for k in range(3):
        row = slice(k * LANES, (k + 1) * LANES)
        near = pair_m2[:LANES] * (1 + 0.01 * k)
        pair_m2[row] = np.where(alike, near, pair_m2[row])
    singles = pair_m2.astype(np.float32)
    weight = rng.exponential(1.0, LANES)
    weight[n_events:] = 0
    return Candidates(
        level_low=rng.integers(0, 6, LANES).astype(np.int32),
        level_high=rng.integers(0, 6, LANES).astype(np.int32),
        lightest_m2=singles.reshape(3, LANES).min(axis=0),
        pair_m2=singles,
        energy_cms=rng.uniform(0, 5.5, 3 * LANES).astype(np.float32),
        weight_pb=weight,
        n_events=n_events,
        n_leading=THREE,
    )


def random_windows(rng: np.random.Generator, n: int) -> list[Window]:
    """Return windows in no order, of widths that differ by a factor 10⁴."""
    windows = []
    for _ in range(n):
        name, observable = KINDS[rng.integers(3)]
        top = 100.0 if observable is Observable.M2 else 5.5
        centre, width = rng.uniform(0, top), top * 10 ** rng.uniform(-4, 0)
        windows.append(
            Window(1.0, name, observable, width, centre - width, centre + width / 2)
        )
    return windows


def brute_force(
    candidates: Candidates, windows: list[Window], part: Parts, n_parts: int
) -> Floats:
    """Return (Σw, Σw²) of events with any entry in a window, (2, windows, parts)."""
    n = candidates.n_events
    sums = np.zeros((2, len(windows), n_parts))
    for index, item in enumerate(windows):
        low_selection = item.selection is SelectionName.LOW
        level = candidates.level_low if low_selection else candidates.level_high
        values = candidates.pair_m2.reshape(3, LANES)
        if low_selection:
            values = candidates.lightest_m2[None]
        elif item.observable is Observable.RECOIL:
            values = candidates.energy_cms.reshape(3, LANES)
        low, high = np.float32(item.low), np.float32(item.high)
        inside = ((values > low) & (values < high)).any(axis=0)
        inside &= level >= Stage.HELICITY
        weight = np.where(inside, candidates.weight_pb, 0)[:n]
        for power in (1, 2):
            sums[power - 1, index] = np.bincount(part[:n], weight**power, n_parts)
    return sums


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(0, 60), st.sampled_from([1, 3, LANES]))
def test_windows_against_brute_force(seed: int, n: int, n_events: int) -> None:
    rng = np.random.default_rng(seed)
    windows = random_windows(rng, n)
    part = rng.integers(0, 4, LANES).astype(np.int32)
    tally = Tally(table(windows), n_parts=4)
    expected = np.zeros((2, n, 4))
    for _ in range(2):
        candidates = random_candidates(rng, n_events)
        tally.add(candidates, part)
        expected += brute_force(candidates, windows, part, 4)
    np.testing.assert_allclose(tally.in_windows(), expected, rtol=1e-10, atol=1e-12)
    assert tally.n_events == 2 * n_events


def test_brute_force_notices_double_counting() -> None:
    """Negative control: counting entries instead of events gives other sums."""
    rng = np.random.default_rng(1)
    windows = random_windows(rng, 60)
    candidates = random_candidates(rng, LANES)
    part = np.zeros(LANES, np.int64)
    once = brute_force(candidates, windows, part, 1)[0, :, 0]
    entries = np.zeros(60)
    for k in range(3):
        row = slice(k * LANES, (k + 1) * LANES)
        single = Candidates(
            candidates.level_low,
            candidates.level_high,
            candidates.lightest_m2,
            np.tile(candidates.pair_m2[row], 3),
            np.tile(candidates.energy_cms[row], 3),
            candidates.weight_pb,
            LANES,
            THREE,
        )
        entries += brute_force(single, windows, part, 1)[0, :, 0]
    assert np.any(entries > 1.01 * once)


@pytest.mark.parametrize("inside", [1, 2, 3])
def test_event_counts_once(inside: int) -> None:
    values = np.array([1.0, 1.1, 1.2])
    values[inside:] += 50
    pair_m2 = np.repeat(values, LANES).astype(np.float32)
    level = np.full(LANES, Stage.HELICITY, np.int32)
    weight = np.zeros(LANES)
    weight[0] = 2.0
    candidates = Candidates(
        level, level, np.ones(LANES, np.float32), pair_m2, pair_m2, weight, 1, THREE
    )
    windows = [
        Window(1.0, SelectionName.HIGH, observable, 1.0, 0.5, 1.5)
        for observable in (Observable.M2, Observable.RECOIL)
    ]
    tally = Tally(table(windows))
    tally.add(candidates)
    np.testing.assert_array_equal(tally.in_windows()[..., 0], [[2, 2], [4, 4]])


def test_edges_are_outside() -> None:
    pair_m2 = np.ones(3 * LANES, np.float32)
    level = np.full(LANES, Stage.HELICITY, np.int32)
    candidates = Candidates(
        level, level, pair_m2[:LANES], pair_m2, pair_m2, np.ones(LANES), 1, THREE
    )
    edges = [(1.0, 2.0), (0.0, 1.0), (0.99, 1.01)]
    windows = [Window(1, *KINDS[1], 1.0, low, high) for low, high in edges]
    tally = Tally(table(windows))
    tally.add(candidates)
    np.testing.assert_array_equal(tally.in_windows()[0, :, 0], [0, 0, 1])


@given(st.integers(0, 10**6))
def test_cut_flow(seed: int) -> None:
    rng = np.random.default_rng(seed)
    candidates = random_candidates(rng, 1000)
    tally = Tally(table([]))
    tally.add(candidates)
    passed = tally.passed()
    assert passed.shape == (2, 2, Stage.WINDOW)
    assert np.all(np.diff(passed, axis=-1) <= 1e-12)
    weight = candidates.weight_pb[:1000]
    np.testing.assert_allclose(passed[:, 0, 0], weight.sum())
    np.testing.assert_allclose(passed[:, 1, 0], (weight**2).sum())
    for row, level in enumerate((candidates.level_low, candidates.level_high)):
        for stage in range(Stage.WINDOW):
            kept = weight[level[:1000] >= stage]
            assert passed[row, 0, stage] == pytest.approx(kept.sum())
            assert passed[row, 1, stage] == pytest.approx((kept**2).sum())


def test_spectra() -> None:
    rng = np.random.default_rng(2)
    candidates = random_candidates(rng, LANES)
    tally = Tally(table([]))
    tally.add(candidates)
    low = candidates.level_low >= Stage.HELICITY
    high = np.tile(candidates.level_high >= Stage.HELICITY, 3)
    accepted = candidates.level_low >= Stage.ACCEPTANCE
    weights = candidates.weight_pb, np.tile(candidates.weight_pb, 3)
    for spectrum, values, weight, per_unit, n_bins in (
        (
            tally.m2_low,
            np.sqrt(candidates.lightest_m2[low]),
            weights[0][low],
            MASS_BINS_PER_GEV,
            N_MASS_BINS,
        ),
        (
            tally.m2_high,
            np.sqrt(candidates.pair_m2[high]),
            weights[1][high],
            MASS_BINS_PER_GEV,
            N_MASS_BINS,
        ),
        (
            tally.total,
            np.sqrt(candidates.pair_m2.reshape(3, LANES).sum(axis=0)[accepted]),
            weights[0][accepted],
            TOTAL_BINS_PER_GEV,
            N_TOTAL_BINS,
        ),
        (
            tally.recoil,
            candidates.energy_cms[high],
            weights[1][high],
            RECOIL_BINS_PER_GEV,
            N_RECOIL_BINS,
        ),
    ):
        index = (values.astype(float) * per_unit).astype(int)
        inside = index < n_bins
        for power in (1, 2):
            expected = np.bincount(index[inside], weight[inside] ** power, n_bins)
            # at most a value on the rounding of a bin's edge may move
            moved = np.abs(spectrum[power - 1] - expected) > 1e-9
            assert np.count_nonzero(moved) <= 4
            assert spectrum[power - 1].sum() == pytest.approx(
                weight[inside].sum() if power == 1 else (weight[inside] ** 2).sum()
            )


def test_blocks_add_up() -> None:
    rng = np.random.default_rng(3)
    windows = random_windows(rng, 30)
    blocks = [random_candidates(rng, LANES) for _ in range(3)]
    together, single = Tally(table(windows)), []
    for block in blocks:
        together.add(block)
        alone = Tally(table(windows))
        alone.add(block)
        single.append(alone.in_windows())
    np.testing.assert_allclose(together.in_windows(), np.sum(single, axis=0))
