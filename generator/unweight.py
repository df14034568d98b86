"""Unit-weight events from weighted ones, by accept-reject.

An event of weight w is kept with probability w/c. The ceiling c is not the largest
weight: a rare event far above the others would cost most of them. By a pilot sample,
events above c carry `ABOVE` of the cross section; they are always kept, with a weight of
w/c units. So the sample is exact for any ceiling.

All events share one unit, which is known only when the last of them is: the sample is
made twice, first to measure it, then to use it. Memory does not grow with it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Final

import numpy as np

from generator.ingest import lane_blocks
from generator.sampling import BLOCKS_PER_CHUNK, CrossSection
from generator.simd import LANES
from generator.units import uniform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from generator.columns import Column, Photons
    from generator.sampling import Sampler, Stream

ABOVE: Final = 1e-3
"""Share of the cross section that events above the ceiling may carry."""
PILOT_BLOCKS: Final = 64
FIRST_CHUNK: Final = 2**31
"""Weighted samples never get here: at one seed both kinds are independent."""
PILOT_CHUNK: Final = 2**32 - 1


@dataclass(frozen=True)
class Unweighted:
    """A sample of unit-weight events, measured by `unweight`."""

    sampler: Sampler
    stream: Stream
    ceiling_pb: float
    """Weight that is accepted with certainty."""
    unit_pb: float
    """Weight of the events below the ceiling: nearly cross section / events."""
    tried: CrossSection
    """Cross section and its error, from all events that were tried."""
    kept: CrossSection
    """Of the events of the sample: the same cross section."""
    efficiency: float
    """Chance of a tried event to be kept."""
    above: float
    """Share of the cross section in events of more than one unit."""

    def blocks(self) -> Iterator[Photons]:
        """Yield the events; their weights sum to the cross section."""
        left, waiting = self.kept.n_events, 0
        pending: list[list[Column]] = []
        for photons, lanes, units in _accepted(
            self.sampler, self.stream, self.ceiling_pb
        ):
            some = lanes[:left]
            pending.append(_columns(photons, some, units[:left] * self.unit_pb))
            left, waiting = left - some.size, waiting + some.size
            if waiting < LANES and left > 0:
                continue
            joined = [np.concatenate(c, axis=-1) for c in zip(*pending, strict=True)]
            full = waiting if left == 0 else waiting - waiting % LANES
            for block, n_events in lane_blocks([c[..., :full] for c in joined]):
                yield _photons(photons, block, n_events)
            pending, waiting = [[c[..., full:] for c in joined]], waiting - full
            if left == 0:
                return


def unweight(
    sampler: Sampler,
    stream: Stream,
    n_events: int,
    advance: Callable[[], None] = lambda: None,
) -> Unweighted:
    """Measure a sample of ``n_events`` unit-weight events.

    Parameters
    ----------
    sampler : Sampler
        Process.
    stream : Stream
        Random stream; independent of the weighted sample of the same stream.
    n_events : int
        Events to accept.
    advance : callable
        Called for every LANES accepted events.

    Raises
    ------
    ValueError
        If no event is asked for, or the pilot sample has a negative weight or no other
        than zero.
    """
    if n_events < 1:
        msg = f"a sample needs at least one event, not {n_events}"
        raise ValueError(msg)
    limit = ceiling(_pilot(sampler, stream))
    tried, kept = CrossSection(), CrossSection()
    likely, above = 0.0, 0.0
    for photons, _, units in _accepted(sampler, stream, limit):
        tried.add(photons)
        likely += float(np.minimum(photons.weight_pb / limit, 1.0).sum())
        some = units[: n_events - kept.n_events]
        above += float(some[some > 1.0].sum())
        for _ in range((kept.n_events % LANES + some.size) // LANES):
            advance()
        kept.add_weights(some)
        if kept.n_events == n_events:
            break
    section = tried.scaled(1.0 / tried.n_events)
    unit = section.sum_pb / kept.sum_pb
    return Unweighted(
        sampler,
        stream,
        ceiling_pb=limit,
        unit_pb=unit,
        tried=section,
        kept=kept.scaled(unit),
        efficiency=likely / tried.n_events,
        above=above / kept.sum_pb,
    )


def ceiling(weight_pb: Column, above: float = ABOVE) -> float:
    """Return the weight of a sample above which events carry at most a share of Σw.

    Parameters
    ----------
    weight_pb : array of shape (n,)
        Weights of a pilot sample.
    above : float
        Share of the cross section.

    Raises
    ------
    ValueError
        If a weight is negative or all are zero: nothing can be accepted.
    """
    falling = np.sort(weight_pb)[::-1]
    if falling[-1] < 0.0:
        msg = f"a weight of {falling[-1]:g} pb is negative: no unit-weight events"
        raise ValueError(msg)
    if falling[0] == 0.0:
        msg = f"none of {falling.size} pilot events is inside the region"
        raise ValueError(msg)
    sums = np.cumsum(falling)
    return float(falling[np.searchsorted(sums, above * sums[-1])])


def _pilot(sampler: Sampler, stream: Stream) -> Column:
    state = stream.chunk(PILOT_CHUNK)
    drawn = (sampler.block(state, LANES, 1.0) for _ in range(PILOT_BLOCKS))
    return np.concatenate([photons.weight_pb for photons in drawn])


def _accepted(
    sampler: Sampler, stream: Stream, ceiling_pb: float
) -> Iterator[tuple[Photons, NDArray[np.intp], Column]]:
    """Yield tried blocks without end: events, lanes that are kept, their weights."""
    for chunk in count(FIRST_CHUNK):
        state = stream.chunk(chunk)
        for _ in range(BLOCKS_PER_CHUNK):
            photons = sampler.block(state, LANES, 1.0)
            share = photons.weight_pb / ceiling_pb
            lanes = np.flatnonzero(uniform(state, 1) < share)
            yield photons, lanes, np.maximum(share[lanes], 1.0)


def _columns(
    photons: Photons, lanes: NDArray[np.intp], weight_pb: Column
) -> list[Column]:
    """Return the columns of some lanes, weight first."""
    every = [photons.energy, photons.theta, photons.phi]
    every += [
        column
        for column in (photons.vertex_cm, photons.proper_length_cm)
        if column is not None
    ]
    return [weight_pb, *(column[..., lanes] for column in every)]


def _photons(like: Photons, columns: list[Column], n_events: int) -> Photons:
    """Undo `_columns`."""
    weight, energy, theta, phi, *decay = columns
    block = replace(
        like, energy=energy, theta=theta, phi=phi, weight_pb=weight, n_events=n_events
    )
    if not decay:
        return block
    vertex, length = decay
    return replace(block, vertex_cm=vertex, proper_length_cm=length)
