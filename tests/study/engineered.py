"""Signal points made by hand, so that a chosen loss sets the limit."""

from __future__ import annotations

import numpy as np

from detector.simulate import ClusterModel
from selection.candidates import SelectionName, Stage
from selection.tally import N_MASS_BINS, N_RECOIL_BINS, N_TOTAL_BINS
from selection.windows import Observable, Window
from study.config import Variant
from study.sums import Separated, SignalPoint, Sums

N_EVENTS = 10_000
OWN = Variant(ClusterModel.SEPARATION, 2)
EDGES_CM = np.concatenate([[0.0], np.geomspace(1e-3, 1e3, 7)])


def sums(
    passed: tuple[float, ...],
    in_windows: tuple[float, ...] = (),
    n_events: int = N_EVENTS,
) -> Sums:
    """Return counts of ``n_events`` equal weights that add up to ``passed[0]``.

    ``passed`` are the stages before the window, the same for both selections.
    """
    weight = passed[0] / n_events
    level = np.array([passed, [weight * value for value in passed]])
    inside = np.array([in_windows, [weight * value for value in in_windows]])
    return Sums(
        n_events=n_events,
        passed=np.array([level, level]),
        in_windows=inside[:, :, np.newaxis],
        m2_low=np.zeros((2, N_MASS_BINS)),
        m2_high=np.zeros((2, N_MASS_BINS)),
        recoil=np.zeros((2, N_RECOIL_BINS)),
        total=np.zeros((2, N_TOTAL_BINS)),
    )


def low_window(mass_GeV: float) -> Window:
    """Return a window in the low-mass selection."""
    m2 = mass_GeV**2
    return Window(
        mass_GeV, SelectionName.LOW, Observable.M2, 0.02 * m2, 0.94 * m2, 1.03 * m2
    )


def point(
    mass_GeV: float = 1.0,
    *,
    detected: float = 0.8,
    triggered: float = 0.8,
    selected: float = 0.4,
    unmerged: float = 0.8,
    late: float = 1.0,
    window: bool = True,
    factor: float = 1.0,
) -> SignalPoint:
    """Return a signal point with one window, or none.

    ``late`` is the efficiency of decays beyond the first bin over the prompt one,
    ``factor`` the cross section over its Born value: the sum of all (equal) weights.
    """
    windows = (low_window(mass_GeV),) if window else ()
    stages = np.full(int(Stage.WINDOW), selected)
    stages[: Stage.TRIGGER + 1] = 1.0, detected, triggered
    kept = (factor * selected,) if window else ()
    n_bins, weight = EDGES_CM.size - 1, factor / N_EVENTS
    share = np.full(n_bins, selected * late)
    share[0] = selected
    generated = np.full((2, n_bins), factor)
    generated[1] *= weight
    return SignalPoint(
        mass_GeV=mass_GeV,
        separated=(Separated(OWN, windows, sums(tuple(factor * stages), kept)),),
        unmerged_detected=unmerged,
        lifetime_edges_cm=EDGES_CM,
        lifetime_passed=np.repeat((generated * share)[:, None], len(windows), axis=1),
        lifetime_generated=generated,
    )
