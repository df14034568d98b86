"""``limits.csv``: a row per mass, selection, luminosity, confidence level and method.

``sigma_pb`` is the limit on the whole cross section of e⁺e⁻ → γa, radiation included:
events/(L ε) with the efficiency of radiated events. The coupling follows from the Born
cross section times ``radiative_factor``, which is 1 without radiation and with α(0).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np

from fit import LifetimeEfficiency, limit_at
from fit.results import MEDIAN
from generator.constants import INVFB_TO_INVPB
from selection.candidates import SelectionName, Stage
from study.efficiencies import weighted_error
from study.points import wanted_windows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from fit.results import CouplingLimit, Method
    from selection.windows import Window
    from study.config import Config
    from study.sums import SignalPoint

_LOSS_THAT_MATTERS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Background:
    """Background cross section in one window [pb] and its Monte Carlo error."""

    sigma_pb: float
    error_pb: float


NO_BACKGROUND: Final = Background(math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class Row:
    """One limit, before it is written."""

    limit: CouplingLimit | None
    """None where the selection keeps no signal."""
    mass_GeV: float
    radiative_factor: tuple[float, float]
    """Signal cross section over that of the Born process with α(0), and its error."""
    selection: SelectionName
    observable: str
    luminosity_invfb: float
    cl: float
    method: Method
    background: Background
    limited_by: str
    best: bool = False

    @property
    def median(self) -> float:
        """Median expected coupling [GeV⁻¹], infinite without sensitivity."""
        return math.inf if self.limit is None else float(self.limit.g_per_GeV[MEDIAN])

    def cells(self) -> list[object]:
        """Return the values of ``LIMIT_COLUMNS``."""
        exposure = self.luminosity_invfb * INVFB_TO_INVPB
        events, sigma, g = ([math.inf] * 5 for _ in range(3))
        efficiency, efficiency_error, mc_error = 0.0, 0.0, math.inf
        if self.limit is not None:
            events, sigma, g = (
                list(values)
                for values in (
                    self.limit.events,
                    self.limit.sigma_pb,
                    self.limit.g_per_GeV,
                )
            )
            efficiency = float(self.limit.efficiency[MEDIAN])
            efficiency_error = float(self.limit.efficiency_error[MEDIAN])
            mc_error = self.limit.g_median_mc_error
        return [
            self.mass_GeV,
            self.selection.value,
            self.observable,
            self.luminosity_invfb,
            self.cl,
            self.method,
            efficiency,
            efficiency_error,
            *self.radiative_factor,
            self.background.sigma_pb * exposure,
            self.background.error_pb * exposure,
            *events,
            *sigma,
            *g,
            mc_error,
            self.limited_by,
            int(self.best),
        ]


def lifetime_efficiency(point: SignalPoint, index: int) -> LifetimeEfficiency:
    """Return the efficiency of a point's window ``index`` by decay length.

    A bin without selected events still has an error: that of one typical event.
    """
    passed, generated = point.lifetime_passed[:, index], point.lifetime_generated
    total = np.where(generated[0] > 0.0, generated[0], 1.0)
    one_event = generated[1] / total**2
    error = weighted_error(passed, generated)
    return LifetimeEfficiency(
        edges_cm=point.lifetime_edges_cm,
        efficiency=passed[0] / total,
        efficiency_error=np.where(passed[0] > 0.0, error, one_event),
    )


def limiting_factor(
    point: SignalPoint, efficiency: LifetimeEfficiency, at_limit: float
) -> str:
    """Say which loss of signal, if any takes more than half, sets the limit.

    Compared are: decays that come too late (efficiency at the limit over the prompt
    one), photons that merge (three clusters found over those without merging), the
    trigger. Otherwise it is statistics.
    """
    reach: NDArray[np.float64] = point.separated[0].sums.passed[0, 0]
    generated, detected, triggered, *_ = map(float, reach)
    prompt = float(efficiency.efficiency[0])
    unmerged = point.unmerged_detected * generated
    survival = {
        "lifetime": at_limit / prompt if prompt > 0.0 else 1.0,
        "merged photons": detected / max(unmerged, 1e-12),
        "trigger": triggered / max(detected, 1e-12),
    }
    worst = min(survival, key=lambda name: survival[name])
    return worst if survival[worst] < _LOSS_THAT_MATTERS else "statistics"


def _row(
    point: SignalPoint,
    item: Window,
    background: Background,
    config: Config,
    choice: tuple[float, float, Method],
) -> Row:
    luminosity, cl, method = choice
    index = point.separated[0].windows.index(item)
    efficiency = lifetime_efficiency(point, index)
    exposure = luminosity * INVFB_TO_INVPB
    limit = limit_at(
        point.mass_GeV,
        background_events=background.sigma_pb * exposure,
        background_error=background.error_pb * exposure,
        efficiency=efficiency,
        luminosity_invfb=luminosity,
        s_GeV2=config.beams.build().s_GeV2,
        cl=cl,
        method=method,
        radiative_factor=point.radiative_factor,
        radiative_factor_error=point.radiative_factor_error,
    )
    return Row(
        limit=limit,
        mass_GeV=point.mass_GeV,
        radiative_factor=(point.radiative_factor, point.radiative_factor_error),
        selection=item.selection,
        observable=item.observable.value,
        luminosity_invfb=luminosity,
        cl=cl,
        method=method,
        background=background,
        limited_by=limiting_factor(point, efficiency, float(limit.efficiency[MEDIAN])),
    )


def _insensitive(
    point: SignalPoint,
    selection: SelectionName,
    observable: str,
    choice: tuple[float, float, Method],
) -> Row:
    """Return the row of a selection that keeps (almost) no signal."""
    reach = point.separated[0].sums.passed[0, 0]
    unmerged = point.unmerged_detected * reach[Stage.GENERATED]
    merged = reach[Stage.DETECTED] < _LOSS_THAT_MATTERS * unmerged
    why = "merged photons" if merged else "selection"
    factor = (point.radiative_factor, point.radiative_factor_error)
    return Row(
        None,
        point.mass_GeV,
        factor,
        selection,
        observable,
        *choice,
        NO_BACKGROUND,
        why,
    )


def rows(
    points: Iterable[SignalPoint],
    backgrounds: dict[tuple[float, SelectionName], Background],
    config: Config,
) -> list[Row]:
    """Return all limits, the better selection of each mass marked ``best``.

    Parameters
    ----------
    points : iterable of SignalPoint
        Signal of every mass.
    backgrounds : dict
        (mass, selection) to the background in that window.
    config : Config
        The study.
    """
    choices = list(
        product(
            config.limits.luminosities_invfb,
            config.limits.confidence_levels,
            config.limits.methods,
        )
    )
    result: list[Row] = []
    for point in points:
        windows = {item.selection: item for item in point.separated[0].windows}
        for choice in choices:
            pair = [
                _row(
                    point,
                    windows[name],
                    backgrounds[point.mass_GeV, name],
                    config,
                    choice,
                )
                if name in windows
                else _insensitive(point, name, observable.value, choice)
                for name, observable in wanted_windows(point.mass_GeV, config)
            ]
            result += _mark_best(pair)
    return result


def _mark_best(candidates: Sequence[Row]) -> list[Row]:
    medians = [row.median for row in candidates]
    best = int(np.argmin(medians))
    found = math.isfinite(medians[best])
    return [replace(row, best=found and k == best) for k, row in enumerate(candidates)]
