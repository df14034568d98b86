"""``efficiency.csv``, ``cutflow.csv`` and ``windows.csv``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import betaincinv

from selection.candidates import SelectionName, Stage
from selection.windows import GAUSSIAN_68

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from selection.windows import Window
    from study.config import Config
    from study.sums import Separated, SignalPoint, Sums


def stage_sums(
    sums: Sums, selection: SelectionName, window: int | None
) -> NDArray[np.float64]:
    """Return (Σw, Σw²) at every stage, the window last; shape (2, stages).

    ``window`` is the index of the window, None if the selection has none.
    """
    row = list(SelectionName).index(selection)
    last = np.zeros(2) if window is None else sums.in_windows[:, window].sum(axis=-1)
    return np.column_stack([sums.passed[row], last])


def efficiency_and_interval(
    reached: NDArray[np.float64], window_weight: float | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return efficiencies with their Clopper-Pearson interval (68.3 %).

    Weighted events count as Kish's effective number of unweighted ones, (Σw)²/Σw². The
    interval takes the effective number of the generated sample as the trials, which is
    exact for unweighted events and an approximation where weights vary with the cuts.
    A window counted in another sample has as many trials as events of the weight found
    in it, Σw²/Σw, would make up the whole cross section.

    Parameters
    ----------
    reached : array of shape (2, stages)
        (Σw, Σw²) at every stage, the first being all events.
    window_weight : float, optional
        If the last stage was counted in another sample: the weight of its events in case
        none is in the window.

    Returns
    -------
    efficiency, interval, effective : arrays
        Shapes (stages,), (2, stages) and (stages,); the last is the effective number of
        events that reach each stage.
    """
    weight, weight_squared = reached[:, 0]
    n_effective = weight**2 / weight_squared if weight_squared > 0.0 else 0.0
    efficiency = reached[0] / weight if weight > 0.0 else np.zeros_like(reached[0])
    squares = np.where(reached[1] > 0.0, reached[1], 1.0)
    effective = reached[0] ** 2 / squares
    trials = np.full(efficiency.shape, n_effective)
    if window_weight is not None:
        inside, squared = reached[:, -1]
        each = squared / inside if inside > 0.0 else window_weight
        trials[-1] = weight / each if each > 0.0 else 0.0
    passed = np.minimum(efficiency * trials, trials)
    return efficiency, clopper_pearson(passed, trials), effective


def clopper_pearson(
    passed: NDArray[np.float64], total: NDArray[np.float64] | float
) -> NDArray[np.float64]:
    """Return the central 68.3 % interval of a binomial probability, shape (2, ...).

    C. J. Clopper, E. S. Pearson, Biometrika 26 (1934) 404, by quantiles of the beta
    distribution; the counts need not be whole. Without events it is [0, 1].
    """
    tail = 0.5 * (1.0 - GAUSSIAN_68)
    lower, upper = np.zeros_like(passed), np.ones_like(passed)
    some, missed = passed > 0.0, passed < total
    failed = total - passed
    lower[some] = betaincinv(passed[some], failed[some] + 1.0, tail)
    upper[missed] = betaincinv(passed[missed] + 1.0, failed[missed], 1.0 - tail)
    return np.stack([lower, upper])


def weighted_error(
    passed: NDArray[np.float64], generated: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the standard error of the efficiency ε = Σw(passed)/Σw(generated).

    Parameters
    ----------
    passed, generated : arrays of shape (2, ...)
        (Σw, Σw²) of the events that pass and of all of them.

    Returns
    -------
    array of shape (...)
        √[(1 − 2ε) Σw²(passed) + ε² Σw²(generated)] / Σw(generated), from the sums over
        events of (1 − ε)²w² if they pass and ε²w² if not; √(ε(1 − ε)/n) for equal
        weights. 0 without events.
    """
    total = np.where(generated[0] > 0.0, generated[0], 1.0)
    efficiency = passed[0] / total
    variance = (1.0 - 2.0 * efficiency) * passed[1] + efficiency**2 * generated[1]
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)) / total)


def _window_index(item: Separated, selection: SelectionName) -> int | None:
    names = [window.selection for window in item.windows]
    return names.index(selection) if selection in names else None


def efficiency_rows(
    points: Iterable[SignalPoint], config: Config
) -> Iterator[tuple[object, ...]]:
    """Yield the signal efficiency of every mass, separation, selection and stage."""
    for point in points:
        for item in point.separated:
            rule = item.variant.rule(config.detector.merge_rule)
            for selection in SelectionName:
                index = _window_index(item, selection)
                reached = stage_sums(item.sums, selection, index)
                value, _, _ = efficiency_and_interval(reached)
                errors = weighted_error(reached, reached[:, :1])
                for stage in Stage:
                    yield (
                        point.mass_GeV,
                        selection.value,
                        item.variant.crystals,
                        rule,
                        stage.name.lower(),
                        float(value[stage]),
                        float(errors[stage]),
                    )


def window_rows(
    points: Iterable[SignalPoint], config: Config
) -> Iterator[tuple[object, ...]]:
    """Yield every window with the share of selected signal that it keeps."""
    for point in points:
        for item in point.separated:
            for index, window in enumerate(item.windows):
                reached = stage_sums(item.sums, window.selection, index)[0]
                before = reached[Stage.HELICITY]
                kept = reached[Stage.WINDOW] / before if before > 0.0 else 0.0
                yield (
                    point.mass_GeV,
                    window.selection.value,
                    item.variant.crystals,
                    item.variant.rule(config.detector.merge_rule),
                    window.observable.value,
                    window.sigma,
                    window.low,
                    window.high,
                    float(kept),
                )


def cutflow_rows(
    process: str, sums: Sums, windows: Iterable[tuple[Window, int]]
) -> Iterator[tuple[object, ...]]:
    """Yield the cut flow of one sample, once for every (window, index).

    A window counted in another sample may hold more effective events than the stages
    before it.
    """
    for window, index in windows:
        reached = stage_sums(sums, window.selection, index)
        value, interval, effective = efficiency_and_interval(
            reached, sums.counted_elsewhere.get(index)
        )
        for stage in Stage:
            yield (
                process,
                window.mass_GeV,
                window.selection.value,
                stage.name.lower(),
                float(reached[0, stage]),
                float(effective[stage]),
                float(value[stage]),
                float(interval[0, stage]),
                float(interval[1, stage]),
            )
