"""Sampler of e⁺e⁻ → γγ, alone or with one photon of the beam background.

The photons are flat in rapidity, which leaves 1 + cos²θ of the cross section. Both must
be inside the phase space: in the frame of the hard process they are back to back, so a
range of rapidities that is symmetric about 0 there holds all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from generator.beams import Beams
from generator.compiled import device, kernel
from generator.constants import ALPHA_0, GEV2_PB
from generator.frames import Flat, Momenta, to_lab
from generator.initial_state import InitialState
from generator.pdg import PHOTON
from generator.phase_space import PhaseSpace
from generator.qed import two_photon_shape, two_photon_squared
from generator.simd import LANES, exp2, f4, sincos_turns
from generator.units import uniform

if TYPE_CHECKING:
    from generator.beam_background import BeamBackground
    from generator.columns import Column, Photons
    from generator.random import LaneState

_0, _1, _2 = f4(0), f4(1), f4(2)
_LOG2E = f4(np.log2(np.e))
_shape = device(two_photon_shape)


@kernel
def _generate(
    u: Flat,
    root: Flat,
    rapidity: Flat,
    mapping: Flat,
    e: Flat,
    x: Flat,
    y: Flat,
    z: Flat,
    weight: Column,
) -> None:
    """Fill a block; ``mapping`` = (√s/2, η·2/ln 2 low, high, weight)."""
    half_sqrt_s, low, high, constant = mapping[0], mapping[1], mapping[2], mapping[3]
    for i in range(LANES):
        lean = _2 * _LOG2E * rapidity[i]
        reach = max(min(high - lean, lean - low), _0)
        # t = e^{2η}: 1 − cosθ = 2/(t + 1), 1 + cosθ = 2t/(t + 1)
        t = exp2(reach * (_2 * u[i] - _1))
        down = _2 / (t + _1)
        up = t * down
        weight[i] = (
            constant * reach * _shape(down, up) * down * up / (root[i] * root[i])
        )
        sin_phi, cos_phi = sincos_turns(u[LANES + i])
        k = half_sqrt_s * root[i]
        across, along = k * np.sqrt(down * up), k * (_1 - down)
        j = LANES + i
        e[i], x[i], y[i], z[i] = k, across * cos_phi, across * sin_phi, along
        e[j], x[j], y[j], z[j] = k, -across * cos_phi, -across * sin_phi, -along


@dataclass(frozen=True)
class TwoPhoton:
    """Sampler of e⁺e⁻ → γγ in a region of phase space.

    Parameters
    ----------
    phase_space : PhaseSpace
        What all photons fulfil, that of the beam background included; outside it the
        weight is 0.
    beams : Beams
        Beam energies and crossing angle.
    alpha : float
        Fine-structure constant.
    initial : InitialState
        Radiation off the beams and the spread of their energies.
    background : BeamBackground, optional
        With a positive mean, slot 2 holds exactly one beam-background photon and the
        weight is cross section × probability. Without it there are two slots.

    Raises
    ------
    ValueError
        If a beam line is inside the phase space.
    """

    phase_space: PhaseSpace = field(default_factory=PhaseSpace)
    beams: Beams = field(default_factory=Beams)
    alpha: float = ALPHA_0
    initial: InitialState = field(default_factory=InitialState)
    background: BeamBackground | None = None

    name: ClassVar[str] = "aa"
    dimensions: ClassVar[int] = 2

    def __post_init__(self) -> None:
        """Refuse a phase space of divergent cross section."""
        self.phase_space.rapidities_cms(self.beams)

    @property
    def slots(self) -> int:
        """Photons per event."""
        return 2 if self._present is None else 3

    @property
    def pdg(self) -> tuple[int, ...]:
        """PDG number of the particle in every slot."""
        return (PHOTON,) * self.slots

    @property
    def parents(self) -> tuple[int, ...]:
        """PDG number of what it comes from: nothing that decayed."""
        return (0,) * self.slots

    @property
    def _present(self) -> BeamBackground | None:
        some = self.background is not None and self.background.mean > 0.0
        return self.background if some else None

    @cached_property
    def _mapping(self) -> Flat:
        s = self.beams.s_GeV2
        low, high = self.phase_space.rapidities_cms(self.beams)
        # dσ = |M|² sin²θ dη / (64π s) for two equal photons; |M|² = squared · shape
        squared = two_photon_squared(1.0, 1.0, alpha=self.alpha) / two_photon_shape(
            1, 1
        )
        octaves = 2.0 / np.log(2.0)
        weight = 2.0 / octaves * squared / (64.0 * np.pi * s) * GEV2_PB
        half = self.beams.sqrt_s_GeV / 2.0
        numbers = [half, low * octaves, high * octaves, weight]
        return np.array(numbers, dtype=np.float32)

    @cached_property
    def _fraction_min(self) -> float:
        return self.phase_space.beam_fraction_min(self.beams, 2)

    def block(self, state: LaneState, n_events: int, scale: float) -> Photons:
        """Return a block of events; see `Sampler`."""
        collisions = self.initial.collide(state, self.beams, self._fraction_min)
        u = uniform(state, self.dimensions)
        momenta, weight = Momenta.empty(2), np.empty(LANES)
        _generate(
            u,
            collisions.root,
            collisions.rapidity,
            self._mapping,
            *momenta.columns,
            weight,
        )
        weight *= scale
        region = self.phase_space
        pair = to_lab(momenta, weight, n_events, collisions, self.beams, region)
        if self._present is None:
            return pair
        return _joined(pair, self._present, state, self.beams, region)


def _joined(
    pair: Photons,
    background: BeamBackground,
    state: LaneState,
    beams: Beams,
    region: PhaseSpace,
) -> Photons:
    """Put a background photon into slot 2 of every event."""
    extra = background.draw(state, beams, region)
    return replace(
        pair,
        energy=np.vstack([pair.energy, extra.energy]),
        theta=np.vstack([pair.theta, extra.theta]),
        phi=np.vstack([pair.phi, extra.phi]),
        weight_pb=pair.weight_pb * extra.probability,
        n_prompt=3,
    )
