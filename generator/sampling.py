"""Streams of blocks with reproducible seeds, and the cross section they measure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import numpy as np

from generator.random import LaneState, lanes
from generator.simd import LANES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.columns import Column, Photons

BLOCKS_PER_CHUNK: Final = 128
EVENTS_PER_CHUNK: Final = BLOCKS_PER_CHUNK * LANES
"""Events that share one seed: 2¹⁸. A chunk is the unit of parallel work."""


ROUNDING: Final = 1e-9
"""Relative size of what rounding leaves of a variance that is zero."""


RULE_OF_THREE: Final = 3.0
"""Mean of a Poisson distribution that gives no event with a chance of 5 %."""
ONE_SIDED_95: Final = 1.6449
"""Standard deviations that a normal number exceeds with a chance of 5 %."""


class Sampler(Protocol):
    """What every process offers."""

    @property
    def name(self) -> str:
        """Name on the command line."""

    @property
    def slots(self) -> int:
        """Particles per event."""

    @property
    def pdg(self) -> tuple[int, ...]:
        """PDG number of the particle in every slot."""

    @property
    def parents(self) -> tuple[int, ...]:
        """PDG number of what it comes from; 0 for the collision itself."""

    def block(self, state: LaneState, n_events: int, scale: float) -> Photons:
        """Return a block whose weights are cross section × ``scale``.

        Parameters
        ----------
        state : LaneState
            Generator lanes, advanced in place.
        n_events : int
            Lanes to use, at most LANES; the others have no weight.
        scale : float
            1 / (events in the whole sample).
        """


class Stream(NamedTuple):
    """Which random stream a sample uses.

    ``SeedSequence(seed, spawn_key=(process, point, chunk))``: results depend on neither
    the number of workers nor the order in which chunks finish.
    """

    seed: int
    process: int
    point: int = 0

    def chunk(self, index: int) -> LaneState:
        """Return the generator lanes of chunk ``index``."""
        key = (self.process, self.point, index)
        return lanes(np.random.SeedSequence(self.seed, spawn_key=key))


def n_chunks(n_events: int) -> int:
    """Return how many chunks hold ``n_events``."""
    return -(-n_events // EVENTS_PER_CHUNK)


def chunk_blocks(
    sampler: Sampler, stream: Stream, chunk: int, n_events: int
) -> Iterator[tuple[Photons, LaneState]]:
    """Yield the blocks of one chunk of a sample of ``n_events``, with their lanes.

    The lanes may be drawn from by later stages; the next block continues them.
    """
    state = stream.chunk(chunk)
    first = chunk * EVENTS_PER_CHUNK
    last = min(n_events, first + EVENTS_PER_CHUNK)
    for start in range(first, last, LANES):
        count = min(LANES, last - start)
        yield sampler.block(state, count, 1.0 / n_events), state


def blocks(
    sampler: Sampler, stream: Stream, n_events: int
) -> Iterator[tuple[Photons, LaneState]]:
    """Yield all blocks of a sample of ``n_events`` whose weights sum to σ.

    Raises
    ------
    ValueError
        If ``n_events`` is not positive.
    """
    if n_events < 1:
        msg = f"a sample needs at least one event, not {n_events}"
        raise ValueError(msg)
    for chunk in range(n_chunks(n_events)):
        yield from chunk_blocks(sampler, stream, chunk, n_events)


@dataclass(slots=True)
class CrossSection:
    """Cross section of a weighted sample, accumulated block by block."""

    n_events: int = 0
    sum_pb: float = 0.0
    sum_squares_pb2: float = 0.0
    n_inside: int = 0
    """Events of non-zero weight."""
    largest_pb: float = 0.0
    """Largest weight."""
    largest_lost_pb: float = 0.0
    """Largest weight outside the phase space, of blocks that are outside as a whole."""

    def add(self, photons: Photons) -> None:
        """Add the weights of a block."""
        self.add_weights(photons.weight_pb[: photons.n_events])
        self.largest_lost_pb = max(self.largest_lost_pb, photons.largest_lost_pb)

    def add_weights(self, weight_pb: Column) -> None:
        """Add the weights of events, shape (n,)."""
        self.n_events += weight_pb.size
        self.sum_pb += float(weight_pb.sum())
        self.sum_squares_pb2 += float(weight_pb @ weight_pb)
        self.n_inside += int(np.count_nonzero(weight_pb))
        self.largest_pb = max(self.largest_pb, float(weight_pb.max(initial=0.0)))

    def scaled(self, factor: float) -> CrossSection:
        """Return the same events with all weights multiplied."""
        return replace(
            self,
            sum_pb=self.sum_pb * factor,
            sum_squares_pb2=self.sum_squares_pb2 * factor**2,
            largest_pb=self.largest_pb * factor,
            largest_lost_pb=self.largest_lost_pb * factor,
        )

    @property
    def error_pb(self) -> float:
        """Monte Carlo standard error of the cross section [pb]."""
        spread = self.sum_squares_pb2 - self.sum_pb**2 / max(self.n_events, 1)
        if spread < ROUNDING * self.sum_squares_pb2:  # all weights equal
            return 0.0
        return float(np.sqrt(spread))

    @property
    def upper_pb(self) -> float:
        """Upper limit at 95 % CL of a cross section of which no event was found [pb].

        Fewer than three events are missed, none expected to weigh more than the
        heaviest outside. With events found, that is the estimate + 1.64 errors.
        """
        if self.n_inside == 0:
            return RULE_OF_THREE * self.largest_lost_pb
        return self.sum_pb + ONE_SIDED_95 * self.error_pb

    @property
    def effective_events(self) -> float:
        """Kish's effective sample size, (Σw)²/Σw²; 0 for an empty sample."""
        if self.sum_squares_pb2 == 0.0:
            return 0.0
        return self.sum_pb**2 / self.sum_squares_pb2


def cross_section(sampler: Sampler, stream: Stream, n_events: int) -> CrossSection:
    """Measure a sampler's cross section with ``n_events`` events."""
    total = CrossSection()
    for photons, _ in blocks(sampler, stream, n_events):
        total.add(photons)
    return total
