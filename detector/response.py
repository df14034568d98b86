"""Energy and angle resolution of the ECL by region, energy and beam background.

σ_E/E [%], σ_θ and σ_φ [mrad] are A/E + B/√E + C/E^¼ + D (E in GeV) above a cut energy
and constant below: the parametrisation inside basf2 (ecl/modules/eclCovarianceMatrix,
ECLCovarianceMatrixModule.cc), whose authors mark it as tuned on early simulation.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from detector.geometry import Region, belle2
from generator.columns import Column, empty
from generator.compiled import device, kernel
from generator.random import LaneState, draw, load, store
from generator.simd import LANES, f4, normals, wrap_azimuth
from generator.tables import read_table

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from detector.crystals import Flat
    from detector.separation import Deposits

_0, _1 = f4(0), f4(1)
QUANTITIES = ("energy", "theta", "phi")


class BackgroundLevel(StrEnum):
    """Beam background: out-of-time digits / 182 below 0.05, up to 0.3, above."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@cache
def coefficients(level: BackgroundLevel) -> NDArray[np.float32]:
    """Return (region, quantity, [A, B, C, D, E_cut, σ below]), as fractions and rad."""
    rows = read_table(files("detector") / "data" / "resolution.csv")
    table = np.empty((len(Region), len(QUANTITIES), 6), np.float32)
    for row in rows[rows["background"] == level.value]:
        region, quantity = Region[str(row["region"]).upper()], str(row["quantity"])
        unit = 0.01 if quantity == "energy" else 0.001
        values = np.array([row[k] for k in ("A", "B", "C", "D", "E_cut_GeV", "below")])
        values[[0, 1, 2, 3, 5]] *= unit
        table[region, QUANTITIES.index(quantity)] = values
    return table


@cache
def _steps(level: BackgroundLevel) -> Flat:
    """Return the forward coefficients, then the steps to barrel and to backward."""
    table = coefficients(level)
    steps = np.concatenate([table[:1], np.diff(table, axis=0)])
    return np.asarray(steps.reshape(-1))


@device
def _pick(steps: Flat, k: int, barrel: f4, backward: f4) -> f4:
    """Return number ``k`` of a region from the steps between regions.

    Arithmetic instead of indexing or selecting: both would become a slow gather.
    """
    return f4(steps[k] + barrel * steps[18 + k] + backward * steps[36 + k])


@device
def _sigma(
    steps: Flat,
    k: int,
    barrel: f4,
    backward: f4,
    energy: f4,
    per_e: f4,
    per_root: f4,
    per_fourth: f4,
) -> f4:
    """Evaluate the quantity whose six numbers start at ``k``."""
    sigma = (
        _pick(steps, k, barrel, backward) * per_e
        + _pick(steps, k + 1, barrel, backward) * per_root
        + _pick(steps, k + 2, barrel, backward) * per_fourth
        + _pick(steps, k + 3, barrel, backward)
    )
    cut = _pick(steps, k + 4, barrel, backward)
    below = _pick(steps, k + 5, barrel, backward)
    return f4(sigma if energy >= cut else below)


@kernel
def _respond(
    state: LaneState,
    steps: Flat,
    first_barrel: float,
    first_backward: float,
    energy: Flat,
    theta: Flat,
    phi: Flat,
    ring: Flat,
    e_out: Column,
    theta_out: Column,
    phi_out: Column,
) -> None:
    for slot in range(energy.size // LANES):
        for i in range(LANES):
            j = slot * LANES + i
            words = load(state, i)
            u, words = draw(words)
            v, words = draw(words)
            z_e, z_theta = normals(u, v)
            u, words = draw(words)
            v, words = draw(words)
            z_phi, _ = normals(u, v)
            store(state, i, words)
            e = energy[j]
            safe = e if e > _0 else _1
            root = np.sqrt(safe)
            per_e = _1 / safe
            per_root = root * per_e
            per_fourth = np.sqrt(per_root)
            b = _1 if ring[j] >= f4(first_barrel) else _0
            c = _1 if ring[j] >= f4(first_backward) else _0
            s_e = _sigma(steps, 0, b, c, safe, per_e, per_root, per_fourth)
            s_theta = _sigma(steps, 6, b, c, safe, per_e, per_root, per_fourth)
            s_phi = _sigma(steps, 12, b, c, safe, per_e, per_root, per_fourth)
            e_out[j] = max(e * (_1 + s_e * z_e), _0)
            theta_out[j] = theta[j] + s_theta * z_theta
            phi_out[j] = wrap_azimuth(phi[j] + s_phi * z_phi)


def resolution(
    energy_GeV: ArrayLike, region: Region, level: BackgroundLevel
) -> NDArray[np.float64]:
    """Return σ_E/E, σ_θ [rad] and σ_φ [rad], stacked on the first axis."""
    energy = np.asarray(energy_GeV, float)
    a, b, c, d, cut, below = coefficients(level)[region].T.astype(float)[
        (..., *[np.newaxis] * energy.ndim)
    ]
    sigma = a / energy + b / np.sqrt(energy) + c / energy**0.25 + d
    return np.asarray(np.where(energy >= cut, sigma, below))


@cache
def _first_rings() -> tuple[float, float]:
    """Return the first ring of the barrel and that of the backward endcap."""
    region = belle2().region
    barrel, backward = np.searchsorted(region, [Region.BARREL, Region.BACKWARD])
    return float(barrel), float(backward)


def respond(
    deposits: Deposits, level: BackgroundLevel, state: LaneState
) -> tuple[Column, Column, Column]:
    """Smear merged deposits; return E [GeV], θ, φ [rad], each (slots, LANES)."""
    energy, theta, phi = (empty(deposits.slots) for _ in range(3))
    inputs = (deposits.energy, deposits.theta, deposits.phi, deposits.ring)
    outputs = [c.reshape(-1) for c in (energy, theta, phi)]
    barrel, backward = _first_rings()
    _respond(state, _steps(level), barrel, backward, *inputs, *outputs)
    return energy, theta, phi
