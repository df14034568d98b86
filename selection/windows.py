"""Mass windows: where the signal of each ALP mass is looked for.

A window is [−3σ, +1.5σ] around the true value, in the squared mass of a pair or in the
energy of the recoil photon (arXiv:1709.00009 section 5). σ is measured from the signal.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from generator.alp import recoil_energy_GeV
from generator.simd import LANES
from selection.candidates import Candidates, SelectionName, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

GAUSSIAN_68: Final = 0.6826894921370859
"""Probability of a Gaussian within ±1σ."""


class Observable(StrEnum):
    """What a window cuts on."""

    M2 = "m2"
    RECOIL = "recoil"


@dataclass(frozen=True, slots=True)
class Window:
    """A window of one mass and selection, in GeV² (m2) or GeV (recoil)."""

    mass_GeV: float
    selection: SelectionName
    observable: Observable
    sigma: float
    low: float
    high: float


def true_value(mass_GeV: float, observable: Observable, s_GeV2: float) -> float:
    """Return m² [GeV²] or the expected recoil energy [GeV] of an ALP mass."""
    if observable is Observable.M2:
        return mass_GeV**2
    return float(recoil_energy_GeV(mass_GeV, s_GeV2))


def signal_values(
    candidates: Candidates, selection: SelectionName, observable: Observable
) -> NDArray[np.float32]:
    """Return the observable of the true pair in selected signal events, shape (n,).

    Photon 0 of a signal event recoils, so pair 0 is the ALP's if the clusters are those
    of the three photons, in the first three slots. In the low-mass selection only events
    whose lightest pair is the true one count.
    """
    if selection is SelectionName.LOW:
        keep = candidates.level_low >= Stage.HELICITY
        keep &= candidates.lightest_m2 == candidates.pair_m2[:LANES]
    else:
        keep = candidates.level_high >= Stage.HELICITY
    keep &= candidates.n_leading == 3
    keep[candidates.n_events :] = False
    recoil = observable is Observable.RECOIL
    values = candidates.energy_cms if recoil else candidates.pair_m2
    return values[:LANES][keep]


def resolution(values: NDArray[np.float32]) -> float:
    """Return half the width of the central 68.3 % of ``values``: σ of a Gaussian.

    Raises
    ------
    ValueError
        If there are no values.
    """
    if values.size == 0:
        msg = "no signal event is selected: its resolution is not defined"
        raise ValueError(msg)
    tail = 0.5 * (1.0 - GAUSSIAN_68)
    low, high = np.quantile(values, [tail, 1.0 - tail])
    return float(high - low) / 2.0


def window(
    mass_GeV: float,
    selection: SelectionName,
    observable: Observable,
    sigma: float,
    *,
    sigmas: tuple[float, float],
    s_GeV2: float,
) -> Window:
    """Return the window ``sigmas[0]``·σ below to ``sigmas[1]``·σ above the true value."""
    centre = true_value(mass_GeV, observable, s_GeV2)
    below, above = sigmas
    return Window(
        mass_GeV=mass_GeV,
        selection=selection,
        observable=observable,
        sigma=sigma,
        low=centre - below * sigma,
        high=centre + above * sigma,
    )


@dataclass(frozen=True, slots=True)
class WindowTable:
    """Windows as kernels want them: grouped by kind, each group sorted by position.

    The kinds are the lightest pair's m² (low), any pair's m² (high) and any recoil energy
    (high). Within a group the windows around a value are found by bisection, so the cost
    per event does not depend on their number.
    """

    order: NDArray[np.int64]
    """Original index of each sorted window."""
    starts: NDArray[np.int64]
    """First window of each kind, and the end; shape (4,)."""
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    low_ahead: NDArray[np.float32]
    """Smallest lower edge of this and all later windows of the kind."""
    high_behind: NDArray[np.float32]
    """Largest upper edge of this and all earlier windows of the kind."""


def _kind(item: Window) -> int:
    if item.selection is SelectionName.LOW:
        return 0
    return 1 if item.observable is Observable.M2 else 2


def table(windows: Sequence[Window]) -> WindowTable:
    """Return the windows sorted for kernels.

    Raises
    ------
    ValueError
        If a window of the low-mass selection is in the recoil energy.
    """
    for item in windows:
        if _kind(item) == 0 and item.observable is Observable.RECOIL:
            msg = f"low-mass selection at {item.mass_GeV:g} GeV: only m2 windows exist"
            raise ValueError(msg)
    kinds = np.array([_kind(item) for item in windows], dtype=np.int64)
    low = np.array([item.low for item in windows], dtype=np.float32)
    high = np.array([item.high for item in windows], dtype=np.float32)
    order = np.lexsort((low + high, kinds)) if windows else np.zeros(0, np.int64)
    starts = np.searchsorted(kinds[order], np.arange(4))
    low, high = low[order], high[order]
    ahead, behind = low.copy(), high.copy()
    for first, last in itertools.pairwise(starts):
        group = slice(first, last)
        ahead[group] = np.minimum.accumulate(low[group][::-1])[::-1]
        behind[group] = np.maximum.accumulate(high[group])
    return WindowTable(order, starts, low, high, ahead, behind)
