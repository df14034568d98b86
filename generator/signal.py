"""Sampler of e⁺e⁻ → γa, a → γγ: photon 0 recoils, photons 1 and 2 are the ALP's."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from generator import alp
from generator.beams import Beams
from generator.columns import Column, Photons, empty
from generator.compiled import kernel
from generator.frames import Boost, lab_direction
from generator.random import LaneState, draw, load, store
from generator.simd import LANES, exp2, f4, log, sincos_turns

if TYPE_CHECKING:
    from numpy.typing import NDArray

_1, _2, _4, _H, _LOG2E_3 = f4(1), f4(2), f4(4), f4(0.5), f4(np.log2(np.e) / 3)


@kernel
def _generate(
    state: LaneState,
    decay: NDArray[np.float32],
    boost: Boost,
    flight_cm: Column,
    energy: Column,
    theta: Column,
    phi: Column,
    vertex: Column,
) -> None:
    """Fill a block; ``decay`` = (E*_γ, E*_a, m) [GeV], ``flight_cm`` = c·t."""
    recoil, e_alp, mass = decay[0], decay[1], decay[2]
    for i in range(LANES):
        words = load(state, i)
        # 1 + cos²θ*: its CDF is a cubic, solved by cosθ* = 2 sinh(asinh(q)/3)
        u, words = draw(words)
        q = _4 * u - _2
        grow = exp2(_LOG2E_3 * log(abs(q) + np.sqrt(q * q + _1)))
        cos = grow - _1 / grow
        cos = -cos if q < f4(0) else cos
        sin = np.sqrt(max(_1 - cos * cos, f4(0)))
        u, words = draw(words)
        sin_phi, cos_phi = sincos_turns(u)
        # isotropic decay in the ALP frame, axis along the flight direction
        u, words = draw(words)
        cos_d = _2 * u - _1
        u, words = draw(words)
        sin_t, cos_t = sincos_turns(u)
        store(state, i, words)
        transverse = _H * mass * np.sqrt(max(_1 - cos_d * cos_d, f4(0)))
        along_theta, along_phi = transverse * cos_t, transverse * sin_t
        nx, ny, nz = sin * cos_phi, sin * sin_phi, cos
        # transverse momentum of photon 1 in the basis (e_θ, e_φ) of the recoil photon
        tx = along_theta * cos * cos_phi - along_phi * sin_phi
        ty = along_theta * cos * sin_phi + along_phi * cos_phi
        tz = -along_theta * sin
        e1 = _H * (e_alp + recoil * cos_d)
        l1 = -_H * (recoil + e_alp * cos_d)
        e2 = _H * (e_alp - recoil * cos_d)
        l2 = -_H * (recoil - e_alp * cos_d)
        energy[i], theta[i], phi[i] = lab_direction(
            boost, recoil, recoil * nx, recoil * ny, recoil * nz
        )
        energy[LANES + i], theta[LANES + i], phi[LANES + i] = lab_direction(
            boost, e1, l1 * nx + tx, l1 * ny + ty, l1 * nz + tz
        )
        energy[2 * LANES + i], theta[2 * LANES + i], phi[2 * LANES + i] = lab_direction(
            boost, e2, l2 * nx - tx, l2 * ny - ty, l2 * nz - tz
        )
        x, y, z = -recoil * nx, -recoil * ny, -recoil * nz
        flight = f4(flight_cm[i]) / mass
        vertex[i] = flight * (boost[3] * e_alp + boost[4] * x + boost[5] * z)
        vertex[LANES + i] = flight * y
        vertex[2 * LANES + i] = flight * (
            boost[6] * e_alp + boost[7] * x + boost[8] * z
        )


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
    """Sampler of ALP-strahlung at one mass.

    Parameters
    ----------
    mass_GeV : float
        ALP mass [GeV], 0 < m < √s.
    cross_section_pb : float
        σ that the weights of a sample sum to [pb].
    decay : DecayLaw
        How far the ALP flies.
    beams : Beams
        Beam energies and crossing angle.

    Raises
    ------
    ValueError
        If the mass is outside (0, √s).
    """

    mass_GeV: float
    cross_section_pb: float = 1.0
    decay: DecayLaw = field(default_factory=Prompt)
    beams: Beams = field(default_factory=Beams)

    name: ClassVar[str] = "signal"
    slots: ClassVar[int] = 3

    def __post_init__(self) -> None:
        """Refuse masses that cannot be produced."""
        if not 0.0 < self.mass_GeV < self.beams.sqrt_s_GeV:
            msg = (
                f"ALP mass {self.mass_GeV:g} GeV is outside "
                f"(0, {self.beams.sqrt_s_GeV:.4g}) GeV, the range up to sqrt(s)"
            )
            raise ValueError(msg)

    @cached_property
    def _decay(self) -> NDArray[np.float32]:
        recoil = float(alp.recoil_energy_GeV(self.mass_GeV, self.beams.s_GeV2))
        energies = [recoil, self.beams.sqrt_s_GeV - recoil, self.mass_GeV]
        return np.array(energies, dtype=np.float32)

    def block(self, state: LaneState, n_events: int, scale: float) -> Photons:
        """Return a block of ``n_events``; weights are σ × ``scale``.

        Parameters
        ----------
        state : LaneState
            Generator lanes, advanced in place.
        n_events : int
            Lanes to use, at most LANES.
        scale : float
            1 / (events in the whole sample).
        """
        flight = self.decay.draw(state)
        energy, theta, phi, vertex = empty(3), empty(3), empty(3), empty(3)
        boost = self.beams.kernel_to_lab
        columns = [c.reshape(-1) for c in (energy, theta, phi, vertex)]
        _generate(state, self._decay, boost, flight, *columns)
        weight = np.zeros(LANES)
        weight[:n_events] = self.cross_section_pb * scale
        prompt = isinstance(self.decay, Prompt)
        return Photons(
            energy=energy,
            theta=theta,
            phi=phi,
            weight_pb=weight,
            n_events=n_events,
            vertex_cm=None if prompt else vertex,
            n_prompt=3 if prompt else 1,
            proper_length_cm=None if prompt else flight,
        )
