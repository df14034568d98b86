"""Energy and angle resolution of the ECL by region, energy and beam background.

σ_E/E [%], σ_θ and σ_φ [mrad] are A/E + B/√E + C/E^¼ + D (E in GeV) above a cut energy
and constant below: the parametrisation inside basf2 (ecl/modules/eclCovarianceMatrix,
ECLCovarianceMatrixModule.cc), whose authors mark it as tuned on early simulation.Energies are Gaussian, or have the tail of leaking showers that basf2 fits (`LineShape`).
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from importlib.resources import files
from math import asinh, log, sqrt
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.geometry import Region, belle2
from generator.columns import Column, empty
from generator.compiled import device, kernel
from generator.random import LaneState, draw, load, store
from generator.simd import LANES, exp2, f4, normals, wrap_azimuth
from generator.tables import read_table

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from detector.crystals import Flat, Hits
    from detector.separation import Deposits

_0, _1 = f4(0), f4(1)
_LOG2E = f4(1.0 / log(2.0))
# (e^x − 1)/x in x, small |x|
_P1, _P2, _P3, _P4, _SMALL = f4(1 / 2), f4(1 / 6), f4(1 / 24), f4(1 / 120), f4(0.1)
QUANTITIES = ("energy", "theta", "phi")
TAIL: Final = 0.4
"""Tail parameter η, "typical" in basf2's eclLeakageAlgorithm.cc.

eclGammaGammaEAlgorithm.cc has 0.41 for the central crystal; clusters may have less.
"""
TAIL_END: Final = 5.0
_NO_TAIL: Final = 1e-6  # moves no photon by more than rounding to float32 does
Constants = tuple[f4, f4, f4]
"""Slope and offset in n of ln(1 + t q), and the factor of the deviation u."""


class BackgroundLevel(StrEnum):
    """Beam background: out-of-time digits / 182 below 0.05, up to 0.3, above."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class LineShape(StrEnum):
    """Distribution of the measured energy around the true one."""

    GAUSSIAN = "gaussian"
    NOVOSIBIRSK = "novosibirsk"


def shape_constants(shape: LineShape, tail: float = TAIL) -> Constants | None:
    """Return what `shaped` needs of a line shape; None for a Gaussian.

    ``tail`` is η, towards low energies: 0 is a Gaussian. Novosibirsk function [1]_ of the
    peak and of σ = FWHM/√(8 ln 2), with t = −asinh(η√ln4)/√ln4:

        f ∝ exp[−(ln²(1 + t q)/t² + t²)/2],  q = (x − peak)/σ · sinh(t√ln4)/(t√ln4).

    Exact sampling: for y = ln(1 + t q)/t this is f dq ∝ e^(−y²/2 + ty) dy, so y is normal
    with mean t and width 1. With a standard normal n and y = t + n,
    q = (e^(ty) − 1)/t, and as sinh(t√ln4) = −η√ln4,

        u = (x − peak)/σ = −(e^(t² + tn) − 1)/η.

    Raises
    ------
    ValueError
        If the tail is outside [0, 5).

    References
    ----------
    .. [1] H. Ikeda et al., Nucl. Instrum. Meth. A 441 (2000) 401.
    """
    if not 0.0 <= tail < TAIL_END:
        msg = f"tail = {tail:g} of the energy response: need 0 <= tail < {TAIL_END:g}"
        raise ValueError(msg)
    if shape is LineShape.GAUSSIAN or tail < _NO_TAIL:
        return None
    root = sqrt(log(4.0))
    t = -asinh(tail * root) / root
    return f4(t), f4(t * t), f4(-1.0 / tail)


@device
def _expm1(x: f4) -> f4:
    """Return e^x − 1; the difference alone would spoil small tails."""
    series = x * (_1 + x * (_P1 + x * (_P2 + x * (_P3 + x * _P4))))
    return f4(series if abs(x) < _SMALL else exp2(x * _LOG2E) - _1)


@device
def shaped(n: f4, constants: Constants | None) -> f4:
    """Return the deviation (x − peak)/σ of a line shape from a standard normal number.

    ``constants`` are those of `shape_constants`. Kernels are compiled separately for None
    and for numbers, so a Gaussian costs nothing: it is ``n`` itself.
    """
    if constants is None:
        return n
    slope, offset, factor = constants
    return f4(factor * _expm1(offset + slope * n))


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


@device
def _powers(energy: f4) -> tuple[f4, f4, f4, f4]:
    """Return an energy that is not 0, and its powers −1, −1/2 and −1/4."""
    safe = energy if energy > _0 else _1
    root = np.sqrt(safe)
    per_e = _1 / safe
    per_root = root * per_e
    return safe, per_e, per_root, np.sqrt(per_root)


@kernel
def _respond(
    state: LaneState,
    steps: Flat,
    first: tuple[float, float],
    constants: Constants | None,
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
            safe, per_e, per_root, per_fourth = _powers(e)
            b = _1 if ring[j] >= f4(first[0]) else _0
            c = _1 if ring[j] >= f4(first[1]) else _0
            s_e = _sigma(steps, 0, b, c, safe, per_e, per_root, per_fourth)
            s_theta = _sigma(steps, 6, b, c, safe, per_e, per_root, per_fourth)
            s_phi = _sigma(steps, 12, b, c, safe, per_e, per_root, per_fourth)
            e_out[j] = max(e * (_1 + s_e * shaped(z_e, constants)), _0)
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
    deposits: Deposits,
    level: BackgroundLevel,
    state: LaneState,
    shape: LineShape = LineShape.GAUSSIAN,
    tail: float = TAIL,
) -> tuple[Column, Column, Column]:
    """Smear merged deposits; return E [GeV], θ, φ [rad], each (slots, LANES).

    The line shape's peak is at the true energy; `shape_constants` refuses bad tails.
    Any shape takes four random numbers per slot.
    """
    constants = shape_constants(shape, tail)
    energy, theta, phi = (empty(deposits.slots) for _ in range(3))
    inputs = (deposits.energy, deposits.theta, deposits.phi, deposits.ring)
    outputs = [c.reshape(-1) for c in (energy, theta, phi)]
    _respond(state, _steps(level), _first_rings(), constants, *inputs, *outputs)
    return energy, theta, phi


@kernel
def _width(
    steps: Flat, first: tuple[float, float], energy: Flat, ring: Flat, width: Flat
) -> None:
    for slot in range(energy.size // LANES):
        for i in range(LANES):
            j = slot * LANES + i
            powers = _powers(energy[j])
            b = _1 if ring[j] >= f4(first[0]) else _0
            c = _1 if ring[j] >= f4(first[1]) else _0
            width[j] = _sigma(steps, 0, b, c, *powers)


def relative_width(hits: Hits, level: BackgroundLevel) -> Flat:
    """Return σ_E/E of every photon, shape (slots·LANES,); that of 1 GeV where E = 0."""
    width = np.empty(hits.energy.size, np.float32)
    _width(_steps(level), _first_rings(), hits.energy, hits.ring, width)
    return width


@kernel
def _smear(
    state: LaneState, constants: Constants | None, sigma: Flat, energy: Flat, out: Flat
) -> None:
    for slot in range(energy.size // LANES):
        for i in range(LANES):
            j = slot * LANES + i
            u, words = draw(load(state, i))
            v, words = draw(words)
            store(state, i, words)
            z, _ = normals(u, v)
            out[j] = max(energy[j] * (_1 + sigma[j] * shaped(z, constants)), _0)


def smear_energy(
    hits: Hits, sigma: Flat, shape: LineShape, tail: float, state: LaneState
) -> Flat:
    """Return smeared photon energies E (1 + σ u), at least 0 [GeV], (slots·LANES,).

    ``sigma`` is the relative width of every photon, (slots·LANES,). The line shape of u
    peaks at 0; `shape_constants` refuses bad tails. Two random numbers per slot.
    """
    smeared = np.empty(hits.energy.size, np.float32)
    _smear(state, shape_constants(shape, tail), sigma, hits.energy, smeared)
    return smeared
