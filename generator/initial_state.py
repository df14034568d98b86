"""What the beams bring to the hard process: radiation and the spread of their energies.

Both change the beams' momenta by factors along the beam lines, z₋ of the electron and z₊
of the positron. The hard process then has ŝ = z₋z₊s, in a frame that moves along the
electron beam with rapidity ½ ln(z₋/z₊) in the nominal CM frame. Radiated photons are
collinear: they leave through the beam pipe and carry no transverse momentum.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import exp, gamma
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from generator.compiled import device, kernel
from generator.constants import ALPHA_0, ELECTRON_MASS_GEV
from generator.simd import LANES, exp2, f4, log, normals
from generator.units import uniform

if TYPE_CHECKING:
    from generator.beams import Beams
    from generator.random import LaneState

Flat = NDArray[np.float32]
_0, _H, _1, _2, _3, _4, _5 = f4(0), f4(0.5), f4(1), f4(2), f4(3), f4(4), f4(5)
_LOG2E: Final = f4(np.log2(np.e))
_SOFTEST: Final = f4(-100.0)
"""Octaves: no photon of less than 2⁻¹⁰⁰ of the beam energy is told from none."""
HARD_SHARE: Final = 0.03
"""Share of radiated photons drawn evenly in ln z."""
_LEAST: Final = 1e-4
EULER_GAMMA: Final = 0.5772156649015329


def radiator_exponent(s_GeV2: float, *, alpha: float = ALPHA_0) -> float:
    """Return β = (2α/π)(ln(s/mₑ²) − 1), the exponent of soft radiation off both beams."""
    large_logarithm = np.log(s_GeV2 / ELECTRON_MASS_GEV**2)
    return float(2.0 * alpha / np.pi * (large_logarithm - 1.0))


def soft_factor(beta: float) -> float:
    """Return exp(β(3/4 − γ_E)/2)/Γ(1 + β/2), the norm of soft radiation off one beam."""
    return exp(0.5 * beta * (0.75 - EULER_GAMMA)) / gamma(1.0 + 0.5 * beta)


@device
def _hard_part(beta: f4, soft: f4, log_soft: f4) -> f4:
    """Return what is left of the structure function beside its soft peak."""
    x = _1 - soft
    # ln x/(1 − x) loses its digits at x → 1
    small = soft < f4(1e-2)
    series = -_1 - soft * (_H + soft / _3)
    ratio = series if small else log(max(x, f4(1e-30))) / max(soft, f4(1e-2))
    bracket = (_1 + _3 * x * x) * ratio + _4 * (_1 + x) * log_soft + _5 + x
    return -f4(0.25) * beta * (_1 + x) - beta * beta / f4(32) * bracket


@kernel
def _radiate(
    u: Flat,
    beta: float,
    norm: float,
    z_min: float,
    hard_share: float,
    z: Flat,
    weight: Flat,
) -> None:
    """Multiply ``z`` with the fraction a beam keeps, ``weight`` with its probability.

    Most photons are drawn from the soft peak, (1 − z)^{β/2 − 1}, ``hard_share`` of them
    with dz/z down to ``z_min``: cross sections that grow as powers of 1/ŝ make them
    matter.
    """
    share = f4(hard_share)
    half, least = _H * f4(beta), f4(z_min)
    span = -log(least)
    limit = _LOG2E * log(_1 - least)
    peak_norm = half * exp2(-half * limit)
    for i in range(LANES):
        few = u[i] < share
        v = (u[i] - share) / (_1 - share)
        peak_octaves = limit + _LOG2E * log(max(v, f4(1e-9))) / half
        z_hard = exp2(-_LOG2E * span * u[i] / share)
        hard_octaves = _LOG2E * log(max(_1 - z_hard, f4(1e-9)))
        octaves = max(hard_octaves if few else peak_octaves, _SOFTEST)
        soft = exp2(octaves)
        kept = _1 - soft
        peak = exp2((half - _1) * octaves)
        density = (_1 - share) * peak_norm * peak + share / (max(kept, least) * span)
        true = f4(norm) * half * peak + _hard_part(_2 * half, soft, octaves / _LOG2E)
        z[i] *= kept
        weight[i] *= max(true, _0) / density


@kernel
def _spread(
    u: Flat, first: float, second: float, electron: Flat, positron: Flat
) -> None:
    for i in range(LANES):
        g, h = normals(u[i], u[LANES + i])
        electron[i] *= _1 + f4(first) * g
        positron[i] *= _1 + f4(second) * h


@kernel
def _frame(
    electron: Flat, positron: Flat, root: Flat, rapidity: Flat, cosh: Flat, sinh: Flat
) -> None:
    for i in range(LANES):
        minus, plus = electron[i], positron[i]
        r = np.sqrt(minus * plus)
        root[i] = r
        rapidity[i] = _H * log(minus / plus)
        cosh[i] = _H * (minus + plus) / r
        sinh[i] = _H * (minus - plus) / r


@dataclass(frozen=True, slots=True)
class Collisions:
    """Initial states of a block of events; flat columns, shape (LANES,)."""

    root: Flat
    """√(ŝ/s)."""
    rapidity: Flat
    """Of the hard frame in the nominal CM frame, along the electron beam."""
    cosh: Flat
    sinh: Flat
    """Of that rapidity."""
    weight: Flat
    """Radiation probability over the sampled one."""


@cache
def nominal() -> Collisions:
    """Return beams without radiation or spread; read-only."""
    one, zero = np.ones(LANES, np.float32), np.zeros(LANES, np.float32)
    for column in (one, zero):
        column.flags.writeable = False
    return Collisions(root=one, rapidity=zero, cosh=one, sinh=zero, weight=one)


@dataclass(frozen=True)
class InitialState:
    """Which effects of the initial state are simulated; none by default.

    Parameters
    ----------
    radiation : bool
        Collinear initial-state radiation off both beams: leading logarithms to second
        order in β, soft photons exponentiated.
    electron_spread_GeV, positron_spread_GeV : float
        Standard deviation of the beam energies [GeV]. SuperKEKB's, 5.13 and 2.375 MeV
        (basf2 beam parameters), spread √s by 5.0 MeV.

    Raises
    ------
    ValueError
        If a spread is negative.

    References
    ----------
    .. [1] E. A. Kuraev, V. S. Fadin, Sov. J. Nucl. Phys. 41 (1985) 466.
    .. [2] M. Skrzypek, S. Jadach, Z. Phys. C 49 (1991) 577: the form used here
       (remembered; the tests check its norm and its convolution against the radiator of
       the first reference).
    """

    radiation: bool = False
    electron_spread_GeV: float = 0.0
    positron_spread_GeV: float = 0.0

    def __post_init__(self) -> None:
        """Refuse negative spreads."""
        spreads = (self.electron_spread_GeV, self.positron_spread_GeV)
        if not all(spread >= 0.0 for spread in spreads):
            msg = f"beam energy spreads {spreads} GeV: need numbers of at least 0"
            raise ValueError(msg)

    @property
    def dimensions(self) -> int:
        """Uniform numbers per event: two for radiation, then two for the spread."""
        return 2 * (self.radiation + self._spreads)

    @property
    def _spreads(self) -> bool:
        return self.electron_spread_GeV > 0.0 or self.positron_spread_GeV > 0.0

    def collide(
        self, state: LaneState, beams: Beams, fraction_min: float
    ) -> Collisions:
        """Return the initial states of a block.

        Parameters
        ----------
        state : LaneState
            Generator lanes, advanced in place.
        beams : Beams
            Nominal beams.
        fraction_min : float
            Smallest fraction of its momentum that a beam may keep for the hard process
            to be possible.
        """
        return self.collide_at(uniform(state, self.dimensions), beams, fraction_min)

    def collide_at(
        self,
        u: Flat,
        beams: Beams,
        fraction_min: float,
        hard_share: float = HARD_SHARE,
    ) -> Collisions:
        """Return the initial states at given uniform numbers, dimensions·LANES.

        ``hard_share`` of the radiated photons are drawn evenly in ln z.
        """
        if self.dimensions == 0:
            return nominal()
        electron, positron, weight = np.ones((3, LANES), np.float32)
        if self.radiation:
            beta = radiator_exponent(beams.s_GeV2)
            least = min(max(fraction_min, _LEAST), 0.999)
            law = beta, soft_factor(beta), least, hard_share
            _radiate(u[:LANES], *law, electron, weight)
            _radiate(u[LANES : 2 * LANES], *law, positron, weight)
        if self._spreads:
            first = self.electron_spread_GeV / beams.electron_GeV
            second = self.positron_spread_GeV / beams.positron_GeV
            _spread(u[-2 * LANES :], first, second, electron, positron)
        root, rapidity, cosh, sinh = np.empty((4, LANES), np.float32)
        _frame(electron, positron, root, rapidity, cosh, sinh)
        return Collisions(root, rapidity, cosh, sinh, weight)
