"""What samplers with adaptive cells share: from points of a hypercube to a block."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from generator.beams import Beams
from generator.cells import Source, Uniform, adapt
from generator.constants import ALPHA_0
from generator.frames import Flat, Momenta, to_lab
from generator.initial_state import HARD_SHARE, InitialState
from generator.phase_space import PhaseSpace
from generator.simd import LANES

if TYPE_CHECKING:
    from generator.columns import Column, Photons
    from generator.initial_state import Collisions
    from generator.random import LaneState


@dataclass(frozen=True)
class Adaptive(ABC):
    """Base of samplers that map uniform numbers to photons in a region.

    The hypercube is made of the ``adapted`` dimensions of the process, those of the
    initial state, and ``free`` ones of the process: the common azimuth, which needs no
    cells, and what shall keep its density whatever the weights are.

    Parameters
    ----------
    phase_space : PhaseSpace
        What all photons fulfil; outside it the weight is 0.
    beams : Beams
        Beam energies and crossing angle.
    alpha : float
        Fine-structure constant.
    initial : InitialState
        Radiation off the beams and the spread of their energies.
    refined : bool
        Whether cells follow what the mapping of the process misses: events whose other
        photons fall outside the phase space, and hard radiation.

    Raises
    ------
    ValueError
        If a beam line is inside the phase space.
    """

    phase_space: PhaseSpace = field(default_factory=PhaseSpace)
    beams: Beams = field(default_factory=Beams)
    alpha: float = ALPHA_0
    initial: InitialState = field(default_factory=InitialState)
    refined: bool = True

    slots: ClassVar[int]
    adapted: ClassVar[int]
    free: ClassVar[int] = 1
    hard_share: ClassVar[float] = HARD_SHARE
    """Of the radiated photons; more where the cross section grows fast with 1/ŝ."""

    def __post_init__(self) -> None:
        """Refuse a phase space of divergent cross section."""
        self.phase_space.rapidities_cms(self.beams)

    @abstractmethod
    def _generate(
        self, u: Flat, free: Flat, collisions: Collisions
    ) -> tuple[Momenta, Column]:
        """Map points to momenta and weights [pb]; ``u`` has the adapted dimensions."""

    def _soft_and_wide(self, softest: float, weight: float) -> Flat:
        """Return the numbers of a mapping with dE/E and flat, swaying rapidities.

        They are (√s/2, log2 of the softest x, weight, η low, span, their sways), with
        rapidities in units of ln 2/2.
        """
        low, high = self.phase_space.swaying_rapidities_cms(self.beams)
        span, octaves = high[0] - low[0], 2.0 / np.log(2.0)
        scaled = [low[0] * octaves, span * octaves, low[1] * octaves]
        first = [self.beams.sqrt_s_GeV / 2.0, np.log2(softest), weight]
        return np.array([*first, *scaled, (high[1] - low[1]) / span], np.float32)

    @property
    def _span(self) -> float:
        """Width of the rapidities in the mean over azimuths."""
        low, high = self.phase_space.swaying_rapidities_cms(self.beams)
        return high[0] - low[0]

    @cached_property
    def _fraction_min(self) -> float:
        # soft additional photons ask nothing of the beams
        hard = self.phase_space.hard_photons(self.slots)
        return self.phase_space.beam_fraction_min(self.beams, hard)

    @property
    def dimensions(self) -> int:
        """Uniform numbers per event."""
        return self.adapted + self.initial.dimensions + self.free

    def photons(self, u: Flat, n_events: int) -> Photons:
        """Map points of the hypercube, dimensions·LANES, to a block of events."""
        ends = self.adapted * LANES, -self.free * LANES
        radiated = u[ends[0] : ends[1]]
        collisions = self.initial.collide_at(
            radiated, self.beams, self._fraction_min, self.hard_share
        )
        momenta, weight = self._generate(u[: ends[0]], u[ends[1] :], collisions)
        region = self.phase_space
        return to_lab(momenta, weight, n_events, collisions, self.beams, region)

    def block(self, state: LaneState, n_events: int, scale: float) -> Photons:
        """Return a block of events; see `Sampler`."""
        source = _cells(self) if self.refined else Uniform()
        u, jacobian = source.draw(state, self.dimensions)
        photons = self.photons(u, n_events)
        np.multiply(photons.weight_pb, scale * jacobian, out=photons.weight_pb)
        if photons.largest_lost_pb == 0.0:
            return photons
        lost = photons.largest_lost_pb * scale * float(jacobian.max())
        return replace(photons, largest_lost_pb=lost)


@cache
def _cells(sampler: Adaptive) -> Source:
    """Return the cells of a sampler, grown once per process."""
    plain = replace(sampler, refined=False)
    radiation = 2 if sampler.initial.radiation else 0
    return adapt(
        lambda u: plain.photons(u, LANES).weight_pb,
        sampler.dimensions,
        sampler.adapted + radiation,
    )
