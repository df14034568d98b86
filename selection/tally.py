"""Sums over the events of a sample: cut flow, windows, spectra, in one pass."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from generator.compiled import kernel
from generator.simd import LANES
from selection.candidates import Candidates, Flat, Levels, Stage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from generator.columns import Column
    from selection.windows import WindowTable

MASS_BINS_PER_GEV: Final = 200.0
"""Spectra: m² in bins of equal width in mass, 5 MeV."""
RECOIL_BINS_PER_GEV: Final = 200.0
TOTAL_BINS_PER_GEV: Final = 100.0
"""M(γγγ), whose resolution is 0.1 to 0.2 GeV."""
N_MASS_BINS: Final = 2400
N_RECOIL_BINS: Final = 1200
N_TOTAL_BINS: Final = 1500
"""To 15 GeV: the resolution carries events beyond √s."""
_ACCEPTANCE: Final = int(Stage.ACCEPTANCE)
_HELICITY: Final = int(Stage.HELICITY)
_N_LEVELS: Final = int(Stage.WINDOW)


@kernel
def _mark(
    event: int,
    value: float,
    first: int,
    last: int,
    low: Flat,
    high: Flat,
    low_ahead: Flat,
    high_behind: Flat,
    seen: NDArray[np.int64],
    weight: float,
    part: int,
    sums: NDArray[np.float64],
) -> None:
    """Add an event to the windows around ``value`` that have not counted it yet."""
    left, right = first, last
    while left < right:
        middle = (left + right) // 2
        if high_behind[middle] <= value:
            left = middle + 1
        else:
            right = middle
    while left < last and low_ahead[left] < value:
        if low[left] < value < high[left] and seen[left] != event:
            seen[left] = event
            sums[0, left, part] += weight
            sums[1, left, part] += weight * weight
        left += 1


@kernel
def _fill(
    spectrum: NDArray[np.float64], value: float, per_unit: float, weight: float
) -> None:
    index = int(value * per_unit)
    if index < spectrum.shape[1]:
        spectrum[0, index] += weight
        spectrum[1, index] += weight * weight


@kernel
def _tally(
    n_events: int,
    level_low: Levels,
    level_high: Levels,
    lightest: Flat,
    pair_m2: Flat,
    e_cms: Flat,
    weights: Column,
    part: Levels,
    starts: NDArray[np.int64],
    low: Flat,
    high: Flat,
    low_ahead: Flat,
    high_behind: Flat,
    seen: NDArray[np.int64],
    levels: NDArray[np.float64],
    sums: NDArray[np.float64],
    m2_low: NDArray[np.float64],
    m2_high: NDArray[np.float64],
    recoil: NDArray[np.float64],
    total: NDArray[np.float64],
) -> None:
    seen[:] = -1
    for i in range(n_events):
        w = weights[i]
        if w == 0.0:  # outside the generated region
            continue
        levels[0, 0, level_low[i]] += w
        levels[0, 1, level_low[i]] += w * w
        levels[1, 0, level_high[i]] += w
        levels[1, 1, level_high[i]] += w * w
        if level_low[i] >= _ACCEPTANCE:  # the same in both selections
            m2 = pair_m2[i] + pair_m2[LANES + i] + pair_m2[2 * LANES + i]
            _fill(total, np.sqrt(m2), TOTAL_BINS_PER_GEV, w)
        if level_low[i] >= _HELICITY:
            _fill(m2_low, np.sqrt(lightest[i]), MASS_BINS_PER_GEV, w)
            _mark(
                i, lightest[i], starts[0], starts[1], low, high, low_ahead, high_behind,
                seen, w, part[i], sums,
            )  # fmt: skip
        if level_high[i] >= _HELICITY:
            for k in range(3):
                m2, e = pair_m2[k * LANES + i], e_cms[k * LANES + i]
                _fill(m2_high, np.sqrt(m2), MASS_BINS_PER_GEV, w)
                _fill(recoil, e, RECOIL_BINS_PER_GEV, w)
                _mark(
                    i, m2, starts[1], starts[2], low, high, low_ahead, high_behind,
                    seen, w, part[i], sums,
                )  # fmt: skip
                _mark(
                    i, e, starts[2], starts[3], low, high, low_ahead, high_behind,
                    seen, w, part[i], sums,
                )  # fmt: skip


@dataclass(slots=True)
class Tally:
    """Weighted counts of one sample; an event counts once per window.

    The first axis of every array is (Σw, Σw²). Tallies of chunks add up.
    """

    windows: WindowTable
    n_parts: int = 1
    """Parts that window counts are split into (bins of decay length)."""
    n_events: int = 0
    levels: NDArray[np.float64] = field(init=False)
    """Events by last stage passed, shape (selection, 2, WINDOW)."""
    sums: NDArray[np.float64] = field(init=False)
    """Events in each sorted window and part, shape (2, windows, parts)."""
    m2_low: NDArray[np.float64] = field(init=False)
    """Lightest-pair m² of the low-mass selection, shape (2, N_MASS_BINS)."""
    m2_high: NDArray[np.float64] = field(init=False)
    """m² of all pairs of the high-mass selection, shape (2, N_MASS_BINS)."""
    recoil: NDArray[np.float64] = field(init=False)
    """E* of all photons of the high-mass selection, shape (2, N_RECOIL_BINS)."""
    total: NDArray[np.float64] = field(init=False)
    """M(γγγ) of events whose photons are in the acceptance, shape (2, N_TOTAL_BINS)."""
    _seen: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        """Start all sums at zero."""
        n_windows = self.windows.low.size
        self.levels = np.zeros((2, 2, _N_LEVELS))
        self.sums = np.zeros((2, n_windows, self.n_parts))
        self.m2_low = np.zeros((2, N_MASS_BINS))
        self.m2_high = np.zeros((2, N_MASS_BINS))
        self.recoil = np.zeros((2, N_RECOIL_BINS))
        self.total = np.zeros((2, N_TOTAL_BINS))
        self._seen = np.empty(n_windows, np.int64)

    def add(self, candidates: Candidates, part: Levels | None = None) -> None:
        """Add a block; ``part`` (LANES,) says which part each event belongs to."""
        t = self.windows
        self.n_events += candidates.n_events
        _tally(
            candidates.n_events,
            candidates.level_low,
            candidates.level_high,
            candidates.lightest_m2,
            candidates.pair_m2,
            candidates.energy_cms,
            candidates.weight_pb,
            np.zeros(LANES, np.int32) if part is None else part,
            t.starts,
            t.low,
            t.high,
            t.low_ahead,
            t.high_behind,
            self._seen,
            self.levels,
            self.sums,
            self.m2_low,
            self.m2_high,
            self.recoil,
            self.total,
        )

    def in_windows(self) -> NDArray[np.float64]:
        """Return (Σw, Σw²) by window in the caller's order, shape (2, windows, parts)."""
        result = np.empty_like(self.sums)
        result[:, self.windows.order] = self.sums
        return result

    def passed(self) -> NDArray[np.float64]:
        """Return (Σw, Σw²) that reach each stage, shape (selection, 2, WINDOW)."""
        return np.cumsum(self.levels[..., ::-1], axis=-1)[..., ::-1]
