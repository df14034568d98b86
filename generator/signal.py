"""Sampler of e⁺e⁻ → γa, a → γγ: photon 0 recoils, photons 1 and 2 are the ALP's."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from generator.beams import Beams
from generator.compiled import kernel
from generator.frames import Flat, Momenta, decay_vertices_cm, to_lab
from generator.initial_state import InitialState
from generator.pdg import ALP, PHOTON
from generator.random import LaneState, draw, load, store
from generator.simd import LANES, exp2, f4, log, sincos_turns
from generator.units import uniform

if TYPE_CHECKING:
    from generator.columns import Column, Photons

_0, _1, _2, _4, _H, _LOG2E_3 = (
    f4(0),
    f4(1),
    f4(2),
    f4(4),
    f4(0.5),
    f4(np.log2(np.e) / 3),
)


@kernel
def _generate(
    u: Flat,
    root: Flat,
    decay: Flat,
    e: Flat,
    x: Flat,
    y: Flat,
    z: Flat,
    weight: Column,
) -> None:
    """Fill a block; ``decay`` = (√s, m) [GeV]. The weight is σ(ŝ)/σ(s)."""
    sqrt_s, mass = decay[0], decay[1]
    threshold = _1 - mass / sqrt_s * (mass / sqrt_s)
    for i in range(LANES):
        root_hat = max(sqrt_s * root[i], mass)
        share = mass / root_hat
        recoil = _H * root_hat * (_1 - share) * (_1 + share)
        e_alp = root_hat - recoil
        phase_space = (_1 - share) * (_1 + share) / threshold
        weight[i] = phase_space * phase_space * phase_space
        # 1 + cos²θ*: its CDF is a cubic, solved by cosθ* = 2 sinh(asinh(q)/3)
        q = _4 * u[i] - _2
        grow = exp2(_LOG2E_3 * log(abs(q) + np.sqrt(q * q + _1)))
        cos = grow - _1 / grow
        cos = -cos if q < _0 else cos
        sin = np.sqrt(max(_1 - cos * cos, _0))
        sin_phi, cos_phi = sincos_turns(u[LANES + i])
        # isotropic decay in the ALP frame, axis along the flight direction
        cos_d = _2 * u[2 * LANES + i] - _1
        sin_t, cos_t = sincos_turns(u[3 * LANES + i])
        transverse = _H * mass * np.sqrt(max(_1 - cos_d * cos_d, _0))
        along_theta, along_phi = transverse * cos_t, transverse * sin_t
        nx, ny, nz = sin * cos_phi, sin * sin_phi, cos
        # transverse momentum of photon 1 in the basis (e_θ, e_φ) of the recoil photon
        tx = along_theta * cos * cos_phi - along_phi * sin_phi
        ty = along_theta * cos * sin_phi + along_phi * cos_phi
        tz = -along_theta * sin
        l1, l2 = -_H * (recoil + e_alp * cos_d), -_H * (recoil - e_alp * cos_d)
        e[i], x[i], y[i], z[i] = recoil, recoil * nx, recoil * ny, recoil * nz
        j, k = LANES + i, 2 * LANES + i
        e[j] = _H * (e_alp + recoil * cos_d)
        x[j], y[j], z[j] = l1 * nx + tx, l1 * ny + ty, l1 * nz + tz
        e[k] = _H * (e_alp - recoil * cos_d)
        x[k], y[k], z[k] = l2 * nx - tx, l2 * ny - ty, l2 * nz - tz


@kernel
def _draw_exponential(state: LaneState, mean: float, out: Column) -> None:
    for i in range(LANES):
        u, words = draw(load(state, i))
        out[i] = -f4(mean) * log(u)
        store(state, i, words)


@kernel
def _draw_log_uniform(
    state: LaneState, low: float, octaves: float, out: Column
) -> None:
    for i in range(LANES):
        u, words = draw(load(state, i))
        out[i] = f4(low) * exp2(f4(octaves) * u)
        store(state, i, words)


@dataclass(frozen=True, slots=True)
class Prompt:
    """Every ALP decays at the IP."""

    def draw(self, state: LaneState) -> Column:  # noqa: ARG002
        """Return zeros, shape (LANES,)."""
        return np.zeros(LANES)


@dataclass(frozen=True, slots=True)
class Exponential:
    """Decays with proper decay length ``ctau_cm``, which must be positive."""

    ctau_cm: float

    def __post_init__(self) -> None:
        """Refuse decay lengths that are not positive."""
        if not 0.0 < self.ctau_cm < np.inf:
            msg = f"ctau_cm = {self.ctau_cm:g}: need a positive decay length"
            raise ValueError(msg)

    def draw(self, state: LaneState) -> Column:
        """Return proper decay lengths c·t [cm], shape (LANES,)."""
        out = np.empty(LANES)
        _draw_exponential(state, self.ctau_cm, out)
        return out


@dataclass(frozen=True, slots=True)
class LogUniform:
    """Proper decay lengths spread evenly in log between two bounds [cm].

    Not a physical decay law: it measures the efficiency as a function of the decay
    length once, and any lifetime follows by folding with its exponential.
    """

    low_cm: float
    high_cm: float

    def __post_init__(self) -> None:
        """Refuse empty ranges."""
        if not 0.0 < self.low_cm < self.high_cm < np.inf:
            msg = (
                f"decay lengths from {self.low_cm:g} to {self.high_cm:g} cm: "
                "need 0 < low_cm < high_cm"
            )
            raise ValueError(msg)

    def draw(self, state: LaneState) -> Column:
        """Return proper decay lengths c·t [cm], shape (LANES,)."""
        out = np.empty(LANES)
        octaves = float(np.log2(self.high_cm / self.low_cm))
        _draw_log_uniform(state, self.low_cm, octaves, out)
        return out


DecayLaw = Prompt | Exponential | LogUniform


@dataclass(frozen=True)
class Signal:
    """Sampler of e⁺e⁻ → γX, X → γγ for a pseudoscalar X at one mass.

    Parameters
    ----------
    mass_GeV : float
        ALP mass [GeV], 0 < m < √s.
    cross_section_pb : float
        Born σ at the nominal s [pb]; without radiation the weights sum to it.
    decay : DecayLaw
        How far the ALP flies.
    beams : Beams
        Beam energies and crossing angle.
    initial : InitialState
        Radiation off the beams and the spread of their energies. Weights follow
        σ(ŝ) ∝ (1 − m²/ŝ)³, 0 below threshold.
    name : str
        Name of the process.
    parent : int
        PDG number of X.
    root_power : float
        Further dependence on the energy of the collision: weights are multiplied with
        (ŝ/s)^(root_power/2).
    root_min : float
        Smallest √(ŝ/s); collisions below it have weight 0.

    Raises
    ------
    ValueError
        If the mass is outside (0, √s), or ``root_min`` outside [0, 1).
    """

    mass_GeV: float
    cross_section_pb: float = 1.0
    decay: DecayLaw = field(default_factory=Prompt)
    beams: Beams = field(default_factory=Beams)
    initial: InitialState = field(default_factory=InitialState)
    name: str = "signal"
    parent: int = ALP
    root_power: float = 0.0
    root_min: float = 0.0

    slots: ClassVar[int] = 3
    pdg: ClassVar[tuple[int, ...]] = (PHOTON,) * 3
    dimensions: ClassVar[int] = 4

    def __post_init__(self) -> None:
        """Refuse masses that cannot be produced."""
        if not 0.0 < self.mass_GeV < self.beams.sqrt_s_GeV:
            msg = (
                f"ALP mass {self.mass_GeV:g} GeV is outside "
                f"(0, {self.beams.sqrt_s_GeV:.4g}) GeV, the range up to sqrt(s)"
            )
            raise ValueError(msg)
        if not 0.0 <= self.root_min < 1.0:
            msg = f"root_min = {self.root_min:g}: need 0 <= root_min < 1"
            raise ValueError(msg)

    @property
    def parents(self) -> tuple[int, ...]:
        """PDG number of what each photon comes from."""
        return (0, self.parent, self.parent)

    @cached_property
    def _decay(self) -> Flat:
        return np.array([self.beams.sqrt_s_GeV, self.mass_GeV], dtype=np.float32)

    def block(self, state: LaneState, n_events: int, scale: float) -> Photons:
        """Return a block of events; see `Sampler`."""
        threshold = max(self.mass_GeV**2 / self.beams.s_GeV2, self.root_min**2)
        collisions = self.initial.collide(state, self.beams, threshold)
        flight = self.decay.draw(state)
        u = uniform(state, self.dimensions)
        momenta, weight = Momenta.empty(3), np.empty(LANES)
        _generate(u, collisions.root, self._decay, *momenta.columns, weight)
        weight *= self.cross_section_pb * scale
        if self.root_power != 0.0:
            weight *= np.maximum(collisions.root, self.root_min) ** self.root_power
        if self.root_min > 0.0:
            weight[collisions.root < self.root_min] = 0.0
        photons = to_lab(momenta, weight, n_events, collisions, self.beams)
        if isinstance(self.decay, Prompt):
            return photons
        at = decay_vertices_cm(momenta, self.mass_GeV, flight, collisions, self.beams)
        return replace(photons, vertex_cm=at, n_prompt=1, proper_length_cm=flight)
