"""What work units return: weighted counts and spectra as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from generator.sampling import ROUNDING
from selection.candidates import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from selection.tally import Tally
    from selection.windows import Window
    from study.config import Variant


ARRAYS: Final = ("passed", "in_windows", "m2_low", "m2_high", "recoil", "total")
"""The arrays of `Sums`; those of the parts of a sample add up."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Weighted counts that a work unit returns, as plain arrays."""

    n_events: int
    passed: NDArray[np.float64]
    """(Σw, Σw²) reaching each stage, shape (selection, 2, stages before the window)."""
    in_windows: NDArray[np.float64]
    """(Σw, Σw²) in each window and part, shape (2, windows, parts)."""
    m2_low: NDArray[np.float64]
    m2_high: NDArray[np.float64]
    recoil: NDArray[np.float64]
    total: NDArray[np.float64]
    counted_elsewhere: Mapping[int, float] = field(default_factory=dict, kw_only=True)
    """Windows counted in another sample, and the typical weight of that one [pb]."""

    @classmethod
    def of(cls, tally: Tally) -> Sums:
        """Return the sums of a tally."""
        return cls(
            n_events=tally.n_events,
            passed=tally.passed(),
            in_windows=tally.in_windows(),
            m2_low=tally.m2_low,
            m2_high=tally.m2_high,
            recoil=tally.recoil,
            total=tally.total,
        )

    @property
    def typical_weight(self) -> float:
        """Σw²/Σw of all events [pb], 0 if there are none."""
        weight, squares = self.passed[0, :, Stage.GENERATED]
        return float(squares / weight) if weight > 0.0 else 0.0

    def weight_in(self, window: int) -> float:
        """Return the typical weight of the sample in which a window was counted [pb]."""
        return self.counted_elsewhere.get(window, self.typical_weight)

    def with_windows(self, places: Sequence[int], other: Sums) -> Sums:
        """Return the same sums with some windows counted in another sample.

        Parameters
        ----------
        places : sequence of int
            Which windows.
        other : Sums
            Counts of the other sample in just these windows.
        """
        in_windows = self.in_windows.copy()
        in_windows[:, places] = other.in_windows
        return replace(
            self,
            n_events=self.n_events + other.n_events,
            in_windows=in_windows,
            counted_elsewhere=dict.fromkeys(places, other.typical_weight),
        )


@dataclass(frozen=True, slots=True)
class Separated:
    """Signal of one mass with one way to make clusters."""

    variant: Variant
    windows: tuple[Window, ...]
    """The windows that could be defined: none where (almost) no signal is selected."""
    sums: Sums


@dataclass(frozen=True, slots=True)
class SignalPoint:
    """Everything a scan needs of one mass.

    Weights add up to the cross section over its Born value, `radiative_factor`.
    """

    mass_GeV: float
    separated: tuple[Separated, ...]
    """One entry per variant, the detector's own first."""
    unmerged_detected: float
    """Share of events with three clusters if no photons merged."""
    lifetime_edges_cm: NDArray[np.float64]
    """Bins of proper decay length [cm], shape (n + 1,), the first from 0."""
    lifetime_passed: NDArray[np.float64]
    """(Σw, Σw²) selected per window and bin, shape (2, windows, n); bin 0 is prompt."""
    lifetime_generated: NDArray[np.float64]
    """(Σw, Σw²) generated per bin, shape (2, n)."""

    @property
    def radiative_factor(self) -> float:
        """Cross section over that of the Born process with α(0)."""
        return float(self.separated[0].sums.passed[0, 0, Stage.GENERATED])

    @property
    def radiative_factor_error(self) -> float:
        """Its Monte Carlo standard error."""
        sums = self.separated[0].sums
        weight, squares = sums.passed[0, :, Stage.GENERATED]
        variance = squares - weight**2 / sums.n_events
        return float(np.sqrt(variance)) if variance > ROUNDING * squares else 0.0
