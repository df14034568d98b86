"""Times of ECL clusters: their resolution, and which clusters are in time.

basf2 gives every crystal a window that holds 99 % of the photons, dt99 = p₁/E and at
least 3.5 ns, with p₁ a parabola in the dose of the beam background
(ecl/modules/eclDigitCalibration, ECLDigitCalibratorModule; values of early software). It
is taken for a cluster here, at the cluster's energy: the central crystal has less energy
and the longer window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from detector.response import BackgroundLevel
from generator.compiled import kernel
from generator.random import LaneState, draw, load, store
from generator.simd import LANES, f4, normals

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from detector.crystals import Flat
    from generator.columns import Column

DT99_FLOOR_NS: Final = 3.5
DT99_NS_MEV: Final = (1684.0, 3080.0, -613.9)
"""p₁ in powers of the dose [MeV/µs per crystal] [ns·MeV]."""
SIGMAS_IN_DT99: Final = 2.5758
"""Half-width that holds 99 % of a Gaussian, in standard deviations."""
DOSE_MEV_PER_US: Final = {
    BackgroundLevel.LOW: 0.0,
    BackgroundLevel.MEDIUM: 1.0,
    BackgroundLevel.HIGH: 2.0,
}
"""Dose of a crystal: an assumption, but about 2 on average at nominal full background."""
CLUSTER_ENERGY_GEV: Final = 0.02
"""Clusters below are not kept (ecl/modules/eclFinalize, ECLFinalizerModule)."""
ANY_TIME_ENERGY_GEV: Final = 0.05
"""Clusters above are kept whatever their time."""

_0, _1 = f4(0), f4(1)


def dt99_ns_mev(dose: float) -> float:
    """Return p₁ = dt99 · E [ns·MeV] at a dose [MeV/µs per crystal].

    Beyond its maximum, at 2.5 MeV/µs, the parabola stays there.

    Raises
    ------
    ValueError
        If the dose is negative.
    """
    if not dose >= 0.0:
        msg = f"dose = {dose:g} MeV/µs: need a number of at least 0"
        raise ValueError(msg)
    constant, slope, bend = DT99_NS_MEV
    capped = min(dose, -0.5 * slope / bend)
    return constant + slope * capped + bend * capped**2


def dt99_ns(energy_GeV: ArrayLike, level: BackgroundLevel) -> NDArray[np.float64]:
    """Return the half-width of the window that holds 99 % of photons [ns].

    It is infinite where there is no energy.
    """
    energy_mev = 1000.0 * np.asarray(energy_GeV, float)
    with np.errstate(divide="ignore"):
        width = dt99_ns_mev(DOSE_MEV_PER_US[level]) / energy_mev
    return np.asarray(np.maximum(width, DT99_FLOOR_NS))


def time_resolution_ns(
    energy_GeV: ArrayLike, level: BackgroundLevel
) -> NDArray[np.float64]:
    """Return the standard deviation of a cluster's time [ns]; infinite at no energy."""
    return dt99_ns(energy_GeV, level) / SIGMAS_IN_DT99


@kernel
def _measure(
    state: LaneState,
    per_energy: float,
    floor: float,
    energy: Flat | Column,
    true_time: Flat,
    out: Flat,
) -> None:
    for slot in range(energy.size // LANES):
        for i in range(LANES):
            j = slot * LANES + i
            u, words = draw(load(state, i))
            v, words = draw(words)
            store(state, i, words)
            z, _ = normals(u, v)
            e = f4(energy[j])
            sigma = max(f4(per_energy) / (e if e > _0 else _1), f4(floor))
            out[j] = true_time[j] + (sigma * z if e > _0 else _0)


def measure_times(
    energy: Flat | Column, true_time: Flat, level: BackgroundLevel, state: LaneState
) -> Flat:
    """Return measured times [ns], shape (slots·LANES,).

    Parameters
    ----------
    energy : array
        Energies [GeV], (slots·LANES,) or (slots, LANES).
    true_time : array of shape (slots·LANES,)
        Times [ns]; those of photons with no energy are not changed.
    level : BackgroundLevel
        Beam background.
    state : LaneState
        Generator lanes, advanced in place: two numbers per slot.
    """
    measured = np.empty(true_time.size, np.float32)
    per_energy = 1e-3 * dt99_ns_mev(DOSE_MEV_PER_US[level]) / SIGMAS_IN_DT99
    floor = DT99_FLOOR_NS / SIGMAS_IN_DT99
    flat = energy.reshape(-1)
    _measure(state, per_energy, floor, flat, true_time, measured)
    return measured


def in_time(
    energy_GeV: ArrayLike,
    time_ns: ArrayLike,
    level: BackgroundLevel,
    t0_ns: ArrayLike = 0.0,
) -> NDArray[np.bool_]:
    """Return which clusters basf2 keeps: E > 20 MeV and (|t − t₀| < dt99 or E > 50 MeV).

    Parameters
    ----------
    energy_GeV, time_ns : array
        Measured energies [GeV] and times [ns] of one shape.
    level : BackgroundLevel
        Beam background.
    t0_ns : array
        Time of the collision [ns], broadcast against the others.
    """
    energy = np.asarray(energy_GeV, float)
    late = np.abs(np.asarray(time_ns, float) - np.asarray(t0_ns, float))
    near = late < dt99_ns(energy, level)
    kept = (energy > CLUSTER_ENERGY_GEV) & (near | (energy > ANY_TIME_ENERGY_GEV))
    return np.asarray(kept)
