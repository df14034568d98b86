"""From excluded signal events to a cross section and to the coupling g.

A prompt ALP gives N = σ(g) L ε with σ ∝ R g², R for radiation off the beams. A long-lived
one also loses the decays that happen too late to be selected: ε depends on g through
cτ ∝ 1/g², and N(g) = events is an equation to solve.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from fit.roots import bisect
from generator.alp import production_cross_section_pb, proper_decay_length_cm
from generator.constants import INVFB_TO_INVPB

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fit.lifetime import LifetimeEfficiency

_GRID_POINTS: Final = 400
_SLOPE_STEP: Final = 1e-4


def cross_section_limit_pb(
    events: ArrayLike, efficiency: ArrayLike, luminosity_invfb: ArrayLike
) -> NDArray[np.float64]:
    """Excluded cross section [pb], events / (efficiency × luminosity).

    Parameters
    ----------
    events : array_like
        Excluded signal events, ≥ 0.
    efficiency : array_like
        Signal efficiency, ≥ 0; without efficiency nothing is excluded (infinity).
    luminosity_invfb : array_like
        Integrated luminosity [fb⁻¹], > 0.

    Returns
    -------
    ndarray
        Cross section [pb], broadcast shape.

    Raises
    ------
    ValueError
        If an argument is outside its range.
    """
    _check_range("events", events, strict=False)
    _check_range("efficiency", efficiency, strict=False)
    _check_range("luminosity_invfb", luminosity_invfb, strict=True)
    luminosity_invpb = np.asarray(luminosity_invfb, float) * INVFB_TO_INVPB
    exposure = np.asarray(efficiency, float) * luminosity_invpb
    return _divide(np.asarray(events, float), exposure)


def coupling_limit(
    sigma_pb: ArrayLike,
    mass_GeV: ArrayLike,
    s_GeV2: float,
    radiative_factor: float = 1.0,
) -> NDArray[np.float64]:
    """Coupling g [GeV⁻¹] of a cross section, σ = R g² α/24 (1 − m²/s)³.

    Parameters
    ----------
    sigma_pb : array_like
        Cross section σ(e⁺e⁻ → γa) [pb], ≥ 0.
    mass_GeV : array_like
        ALP mass [GeV], > 0; broadcast against `sigma_pb`.
    s_GeV2 : float
        Mandelstam s [GeV²], > 0.
    radiative_factor : float
        R, what radiation and the running of α make of the Born cross section, > 0.

    Returns
    -------
    ndarray
        Coupling [GeV⁻¹]; infinite where m² ≥ s, since nothing is produced there.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    References
    ----------
    arXiv:1709.00009 eq. 2.7, integrated over the angle.
    """
    _check_range("sigma_pb", sigma_pb, strict=False)
    _check_range("mass_GeV", mass_GeV, strict=True)
    _check_range("s_GeV2", s_GeV2, strict=True)
    _check_range("radiative_factor", radiative_factor, strict=True)
    born_at_unit_coupling = production_cross_section_pb(mass_GeV, 1.0, s_GeV2)
    sigma_at_unit_coupling = radiative_factor * born_at_unit_coupling
    return np.sqrt(_divide(np.asarray(sigma_pb, float), sigma_at_unit_coupling))


def solve_coupling(
    events: ArrayLike,
    luminosity_invfb: float,
    mass_GeV: float,
    s_GeV2: float,
    efficiency: LifetimeEfficiency,
    radiative_factor: float = 1.0,
) -> NDArray[np.float64]:
    """Smallest coupling g [GeV⁻¹] that gives as many selected events as excluded.

    Parameters
    ----------
    events : array_like
        Excluded signal events, ≥ 0, any shape.
    luminosity_invfb : float
        Integrated luminosity [fb⁻¹], > 0.
    mass_GeV : float
        ALP mass [GeV], > 0.
    s_GeV2 : float
        Mandelstam s [GeV²], > 0.
    efficiency : LifetimeEfficiency
        Signal efficiency in bins of the proper decay length.
    radiative_factor : float
        Cross section over its Born value, > 0.

    Returns
    -------
    ndarray
        Coupling, shape of `events`: 0 where `events` is 0, infinite where no coupling
        gives that many events (no efficiency, or m² ≥ s).

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Notes
    -----
    With u = 1/cτ ∝ g², N ∝ Σ (ε_i − ε_{i+1}) u [1 − exp(−u high_i)]. Each bracket term
    rises with u, so N(g) rises wherever the efficiency does not grow with the decay
    length, with a slope d ln N/d ln g between 2 (prompt) and 4 (long-lived). An
    efficiency that does grow (a fluctuation of the sample, an empty first bin) can
    make N fall again: a grid in ln g then finds the first crossing. N never exceeds
    that of a prompt ALP with the best bin, which bounds g from below.
    """
    _check_range("events", events, strict=False)
    _check_range("luminosity_invfb", luminosity_invfb, strict=True)
    _check_range("mass_GeV", mass_GeV, strict=True)
    _check_range("s_GeV2", s_GeV2, strict=True)
    _check_range("radiative_factor", radiative_factor, strict=True)
    wanted = np.asarray(events, dtype=np.float64)
    best = float(np.max(efficiency.efficiency))
    sigma_pb = cross_section_limit_pb(wanted, best, luminosity_invfb)
    if best == 0.0:
        return sigma_pb
    lowest = coupling_limit(sigma_pb, mass_GeV, s_GeV2, radiative_factor)
    solvable = np.isfinite(lowest) & (lowest > 0.0)
    if not np.any(solvable):
        return lowest
    # in units of `lowest` the events wanted are g² ε(g) / best = 1, whatever the mass
    start = np.where(solvable, lowest, 1.0)
    ratio = _first_ratio(start, _unit_length_cm(mass_GeV), efficiency)
    return np.where(solvable, start * ratio, lowest)


def coupling_mc_error(
    coupling_per_GeV: ArrayLike,
    *,
    mass_GeV: float,
    events: ArrayLike,
    events_error: ArrayLike,
    efficiency: LifetimeEfficiency,
) -> NDArray[np.float64]:
    """Propagate the size of the samples to a solved coupling: its standard error.

    Parameters
    ----------
    coupling_per_GeV : array_like
        Coupling from `solve_coupling` [GeV⁻¹].
    mass_GeV : float
        ALP mass [GeV], > 0.
    events, events_error : array_like
        Excluded events behind the coupling and their standard error, which is
        `limit_derivative` times the error of the expected background.
    efficiency : LifetimeEfficiency
        Signal efficiency with the errors of its bins.

    Returns
    -------
    ndarray
        Error [GeV⁻¹] g × √[(δS/S)² + (δε/ε)²] / (d ln N/d ln g), broadcast shape; the
        slope is taken numerically at the solution and is 2 for a prompt ALP. Infinite
        where g is infinite or 0 (a limit without events has no relative error).

    Raises
    ------
    ValueError
        If an argument is outside its range.
    """
    _check_range("events", events, strict=False)
    _check_range("events_error", events_error, strict=False)
    _check_range("mass_GeV", mass_GeV, strict=True)
    g, wanted, wanted_error = np.broadcast_arrays(
        *(np.asarray(x, float) for x in (coupling_per_GeV, events, events_error))
    )
    usable = np.isfinite(g) & (g > 0.0) & (wanted > 0.0)
    g_safe = np.where(usable, g, 1.0)
    length_cm = _unit_length_cm(mass_GeV) / g_safe**2
    value, value_error = efficiency.at(length_cm)
    relative_sq = _divide(wanted_error, wanted) ** 2 + _divide(value_error, value) ** 2
    slope = _log_slope(length_cm, efficiency)
    usable &= (value > 0.0) & (slope > 0.0)
    error = g_safe * np.sqrt(relative_sq) / np.where(usable, slope, 1.0)
    return np.where(usable, error, np.inf)


def _first_ratio(
    start: NDArray[np.float64], unit_length_cm: float, efficiency: LifetimeEfficiency
) -> NDArray[np.float64]:
    """Smallest r ≥ 1 with r² ε(r start) equal to the best efficiency, else infinity."""
    best = float(np.max(efficiency.efficiency))

    def too_few(ratio: NDArray[np.float64]) -> NDArray[np.bool_]:
        value, _ = efficiency.at(unit_length_cm / (start * ratio) ** 2)
        return np.asarray(ratio**2 * value < best)

    top = _highest_ratio(start, unit_length_cm, efficiency)
    grid = np.geomspace(np.ones_like(top), top, _GRID_POINTS)
    enough = ~too_few(grid)
    first = np.argmax(enough, axis=0)[np.newaxis]
    high = np.take_along_axis(grid, first, axis=0)[0]
    low = np.take_along_axis(grid, np.maximum(first - 1, 0), axis=0)[0]
    return np.where(np.any(enough, axis=0), bisect(too_few, low, high), np.inf)


def _highest_ratio(
    start: NDArray[np.float64], unit_length_cm: float, efficiency: LifetimeEfficiency
) -> NDArray[np.float64]:
    """Ratio g/start that no root exceeds.

    At cτ = edge/ln 2 half of the ALPs decay in the first bin, so from there on N is at
    least half of that of a prompt ALP with ε₀. Without efficiency in the first bin the
    search ends where all but e⁻⁵⁰ of the ALPs decay inside it.
    """
    first = float(efficiency.efficiency[0])
    lifetimes = float(np.log(2.0)) if first > 0.0 else 50.0
    prompt = np.sqrt(lifetimes * unit_length_cm / efficiency.edges_cm[1]) / start
    if first == 0.0:
        return np.asarray(np.maximum(prompt, 2.0))
    best = float(np.max(efficiency.efficiency))
    return np.asarray(np.maximum(prompt, 1.001 * np.sqrt(2.0 * best / first)))


def _unit_length_cm(mass_GeV: float) -> float:
    """Return cτ g² [cm GeV⁻²], the proper decay length at g = 1 GeV⁻¹."""
    return float(proper_decay_length_cm(mass_GeV, 1.0))


def _log_slope(
    length_cm: NDArray[np.float64], efficiency: LifetimeEfficiency
) -> NDArray[np.float64]:
    """Slope d ln N/d ln g = 2 + d ln ε/d ln g at the decay length cτ; 0 without ε."""
    shorter, _ = efficiency.at(length_cm * np.exp(-2.0 * _SLOPE_STEP))
    longer, _ = efficiency.at(length_cm * np.exp(2.0 * _SLOPE_STEP))
    middle = 0.5 * (shorter + longer)
    usable = middle > 0.0
    change = (shorter - longer) / (2.0 * _SLOPE_STEP * np.where(usable, middle, 1.0))
    return np.where(usable, 2.0 + change, 0.0)


def _divide(
    numerator: NDArray[np.float64], denominator: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Quotient of numbers ≥ 0, infinite wherever the denominator is 0."""
    some = denominator > 0.0
    return np.where(some, numerator / np.where(some, denominator, 1.0), np.inf)


def _check_range(name: str, values: ArrayLike, *, strict: bool) -> None:
    """Raise if a value is not finite or not > 0 (`strict`) or ≥ 0."""
    array = np.asarray(values, dtype=np.float64)
    bad = ~np.isfinite(array) | (array < 0.0) | (strict & (array == 0.0))
    if np.any(bad):
        allowed = "finite and > 0" if strict else "finite and >= 0"
        msg = f"{name}: must be {allowed}, got {array[bad].flat[0]}"
        raise ValueError(msg)
