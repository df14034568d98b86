"""xoshiro128++ in lanes: a known answer, and independence within and between lanes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from generator.random import LaneState, fill_uniform, lanes
from generator.simd import LANES
from tests.compare import FALSE_ALARM, N_SIGMA, flatness, start

if TYPE_CHECKING:
    from numpy.typing import NDArray

MASK = 0xFFFFFFFF


class Xoshiro128PlusPlus:
    """The algorithm in Python integers, word for word from arXiv:1805.01407."""

    def __init__(self, *words: int) -> None:
        self.words = list(words)

    @staticmethod
    def _rotate(word: int, by: int) -> int:
        return ((word << by) | (word >> (32 - by))) & MASK

    def __call__(self) -> int:
        s = self.words
        result = (self._rotate((s[0] + s[3]) & MASK, 7) + s[0]) & MASK
        shifted = (s[1] << 9) & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= shifted
        s[3] = self._rotate(s[3], 11)
        return result


def uniforms(state: LaneState, rows: int) -> NDArray[np.float32]:
    """Return ``rows`` successive numbers of every lane, shape (rows, LANES)."""
    out = np.empty(rows * LANES, np.float32)
    fill_uniform(state, out)
    return out.reshape(rows, LANES)


def test_known_answer() -> None:
    expected = [641, 1573767, 3222811527, 3517856514, 836907274]
    expected += [4247214768, 3867114732, 1355841295, 495546011, 621204420]
    source = Xoshiro128PlusPlus(1, 2, 3, 4)
    assert [source() for _ in range(10)] == expected
    state = start(0)
    state.reshape(4, LANES)[:, 7] = [1, 2, 3, 4]
    top_bits = np.array(expected, np.uint64) >> np.uint64(9)
    np.testing.assert_array_equal(
        uniforms(state, 10)[:, 7], (top_bits + 0.5) * 2.0**-23
    )


@pytest.mark.parametrize("lane", [0, 1, 1000, LANES - 1])
def test_every_lane_is_its_own_generator(lane: int) -> None:
    state = start(5)
    source = Xoshiro128PlusPlus(*(int(w) for w in state.reshape(4, LANES)[:, lane]))
    found = uniforms(state, 50)[:, lane].astype(float)
    expected = [((source() >> 9) + 0.5) * 2.0**-23 for _ in range(50)]
    np.testing.assert_array_equal(found, expected)
    assert state.reshape(4, LANES)[:, lane].tolist() == source.words


def test_numbers_stay_inside_the_open_interval() -> None:
    state = start(0)
    words = state.reshape(4, LANES)
    words[:, 0] = [0, 1, 1, MASK]  # all bits of the output set
    words[:, 1] = [0, 1, 1, 0]  # none set
    first = uniforms(state, 1)[0]
    assert first[0] == 1 - 2.0**-24
    assert first[1] == 2.0**-24


def test_seeds_and_spawn_keys_give_their_own_lanes() -> None:
    def key(*numbers: int) -> LaneState:
        return lanes(np.random.SeedSequence(1, spawn_key=numbers))

    np.testing.assert_array_equal(key(1, 2, 3), key(1, 2, 3))
    states = [start(1), start(2), key(0), key(1), key(0, 1), key(1, 0)]
    columns = np.concatenate([state.reshape(4, LANES) for state in states], axis=1)
    assert np.unique(columns, axis=1).shape == columns.shape


def test_uniformity() -> None:
    """χ² of 4 million numbers and of their bits: 5 tests at 1e-4."""
    numbers = uniforms(start(11), 2000).ravel().astype(float)
    assert flatness(numbers) > FALSE_ALARM
    bits = (numbers * 2.0**23).astype(np.int64)
    for shift in (0, 6, 12, 17):
        counts = np.bincount((bits >> shift) & 63, minlength=64)
        assert stats.chisquare(counts).pvalue > FALSE_ALARM
    # negative controls: 0.5 % off, and a low bit that is set too often
    assert flatness(numbers**1.005) < FALSE_ALARM
    counts = np.bincount((bits | (bits >> 7)) & 63, minlength=64)
    assert stats.chisquare(counts).pvalue < FALSE_ALARM


def grid_pvalue(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Return the p-value of pairs filling the unit square evenly, 32 × 32 cells."""
    cells = (first * 32).astype(int) * 32 + (second * 32).astype(int)
    return float(stats.chisquare(np.bincount(cells.ravel(), minlength=1024)).pvalue)


def test_pairs_are_independent() -> None:
    """χ² of successive numbers and of neighbouring lanes: 8 tests at 1e-4."""
    numbers = uniforms(start(12), 1000)
    for lag in (1, 2, 3, 5):
        assert grid_pvalue(numbers[lag:], numbers[:-lag]) > FALSE_ALARM
        assert grid_pvalue(numbers[:, lag:], numbers[:, :-lag]) > FALSE_ALARM
    # negative control: one draw in twenty repeated in the next lane
    numbers[::20, 1::2] = numbers[::20, ::2]
    assert grid_pvalue(numbers[:, 1:], numbers[:, :-1]) < FALSE_ALARM


def test_correlations_between_lanes() -> None:
    """All 2 million pairs of lanes: largest |r| as large as chance makes it (1e-4)."""
    numbers = uniforms(start(13), 1000).astype(float)
    pulls = (numbers - 0.5) * np.sqrt(12)
    correlation = pulls.T @ pulls / np.sqrt(len(pulls))
    pairs = np.abs(correlation[np.triu_indices(LANES, 1)])
    limit = stats.norm.isf(FALSE_ALARM / 2 / pairs.size)
    assert pairs.max() < limit
    # their spread is that of independent lanes
    spread = (np.mean(pairs**2) - 1) * np.sqrt(pairs.size / 2)
    assert abs(spread) < N_SIGMA
    # negative control: one pair of lanes a third alike
    alike = pulls[:, 0] * 0.3 + pulls[:, 1] * np.sqrt(1 - 0.3**2)
    assert abs(alike @ pulls[:, 0]) / np.sqrt(len(pulls)) > limit


def test_serial_correlation_in_every_lane() -> None:
    """Lag-1 correlation of 2048 lanes: flat p-values (1e-4)."""
    numbers = uniforms(start(14), 1001).astype(float) - 0.5
    pulls = 12 * (numbers[1:] * numbers[:-1]).sum(axis=0) / np.sqrt(1000)
    assert flatness(stats.norm.cdf(pulls)) > FALSE_ALARM
    assert flatness(stats.norm.cdf(pulls + 0.2)) < FALSE_ALARM
