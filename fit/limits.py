"""One mass point: from the expected background to the coupling, with bands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fit.counting import expected_limits, limit_derivative
from fit.coupling import coupling_mc_error, solve_coupling
from fit.results import MEDIAN, CouplingLimit, Method
from generator.alp import production_cross_section_pb, proper_decay_length_cm

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fit.lifetime import LifetimeEfficiency


def limit_at(
    mass_GeV: float,
    *,
    background_events: float,
    background_error: float,
    efficiency: LifetimeEfficiency,
    luminosity_invfb: float,
    s_GeV2: float,
    cl: float,
    method: Method,
    radiative_factor: float = 1.0,
    radiative_factor_error: float = 0.0,
) -> CouplingLimit:
    """Return the expected limit at one mass: events, cross section and coupling.

    Parameters
    ----------
    mass_GeV : float
        ALP mass [GeV], > 0.
    background_events, background_error : float
        Expected background in the window at this luminosity and its Monte Carlo
        standard error, ≥ 0.
    efficiency : LifetimeEfficiency
        Signal efficiency in bins of the proper decay length.
    luminosity_invfb : float
        Integrated luminosity [fb⁻¹], > 0.
    s_GeV2 : float
        Mandelstam s [GeV²], > 0.
    cl : float
        Confidence level, in (0, 1).
    method : Method
        How to set the limit on the events.
    radiative_factor, radiative_factor_error : float
        Signal cross section over `production_cross_section_pb`, > 0, and its Monte Carlo
        standard error, ≥ 0: radiation off the beams and the running of α.

    Returns
    -------
    CouplingLimit
        The five quantiles of each quantity.

    Raises
    ------
    ValueError
        If an argument is outside its range.
    """
    errors = {
        "background_error": background_error,
        "radiative_factor_error": radiative_factor_error,
    }
    for name, error in errors.items():
        if not 0.0 <= error < np.inf:
            msg = f"{name}: must be finite and >= 0, got {error}"
            raise ValueError(msg)
    events = expected_limits(background_events, cl=cl, method=method).events
    g = solve_coupling(
        events, luminosity_invfb, mass_GeV, s_GeV2, efficiency, radiative_factor
    )
    value, value_error = efficiency.at(_decay_length_cm(mass_GeV, g))
    slope = float(limit_derivative(background_events, cl=cl, method=method))
    # the coupling follows from events/factor: both errors act on it alike
    factor_error = events[MEDIAN] * radiative_factor_error / radiative_factor
    g_error = coupling_mc_error(
        g[MEDIAN],
        mass_GeV=mass_GeV,
        events=events[MEDIAN],
        events_error=np.hypot(slope * background_error, factor_error),
        efficiency=efficiency,
    )
    return CouplingLimit(
        mass_GeV=mass_GeV,
        luminosity_invfb=luminosity_invfb,
        cl=cl,
        method=method,
        events=events,
        efficiency=value,
        efficiency_error=value_error,
        sigma_pb=radiative_factor * _excluded_sigma_pb(g, mass_GeV, s_GeV2),
        g_per_GeV=g,
        g_median_mc_error=float(g_error),
    )


def _decay_length_cm(mass_GeV: float, g: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return cτ ∝ 1/g² [cm]: infinite at g = 0, zero at infinite g."""
    unit_length_cm = proper_decay_length_cm(mass_GeV, 1.0)
    with np.errstate(divide="ignore"):
        return np.asarray(unit_length_cm / g**2)


def _excluded_sigma_pb(
    g: NDArray[np.float64], mass_GeV: float, s_GeV2: float
) -> NDArray[np.float64]:
    """Born cross section [pb] of the excluded coupling, infinite with it."""
    finite = np.isfinite(g)
    sigma_pb = production_cross_section_pb(mass_GeV, np.where(finite, g, 0.0), s_GeV2)
    return np.where(finite, sigma_pb, np.inf)
