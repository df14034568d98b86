"""Streams, chunks and the bookkeeping of weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.phase_space import PhaseSpace
from generator.sampling import (
    EVENTS_PER_CHUNK,
    CrossSection,
    Stream,
    blocks,
    chunk_blocks,
    cross_section,
    n_chunks,
)
from generator.signal import Exponential, Signal
from generator.simd import LANES
from generator.three_photon import ThreePhoton
from tests.compare import N_SIGMA, Floats

STREAM = Stream(seed=7, process=1, point=3)
SIGNAL = Signal(1.0, cross_section_pb=2.5)


def energies(sampler: Signal, chunk: int, n_events: int) -> Floats:
    return np.concatenate(
        [b.energy for b, _ in chunk_blocks(sampler, STREAM, chunk, n_events)], axis=1
    )


def test_chunks_do_not_depend_on_their_order() -> None:
    n = 2 * EVENTS_PER_CHUNK + 5000
    there = {chunk: energies(SIGNAL, chunk, n) for chunk in (0, 1, 2)}
    back = {chunk: energies(SIGNAL, chunk, n) for chunk in (2, 0, 1)}
    for chunk, found in there.items():
        np.testing.assert_array_equal(found, back[chunk])
    together = np.concatenate([b.energy for b, _ in blocks(SIGNAL, STREAM, n)], axis=1)
    np.testing.assert_array_equal(together, np.concatenate(list(there.values()), 1))
    assert not np.array_equal(there[0], there[1])


def test_more_events_keep_the_first_ones() -> None:
    few, many = energies(SIGNAL, 0, LANES), energies(SIGNAL, 0, 3 * LANES)
    np.testing.assert_array_equal(many[:, :LANES], few)


def test_partial_last_block() -> None:
    n = 2 * LANES + 77
    sizes = [b.n_events for b, _ in blocks(SIGNAL, STREAM, n)]
    assert sizes == [LANES, LANES, 77]
    last = list(blocks(SIGNAL, STREAM, n))[-1][0]
    assert not last.weight_pb[77:].any()


@given(st.integers(1, 4 * EVENTS_PER_CHUNK))
def test_number_of_chunks(n: int) -> None:
    chunks = n_chunks(n)
    assert (chunks - 1) * EVENTS_PER_CHUNK < n <= chunks * EVENTS_PER_CHUNK


@pytest.mark.parametrize("n", [1, 100, LANES, 3 * LANES + 1, EVENTS_PER_CHUNK + 10])
def test_signal_weights_sum_to_the_cross_section(n: int) -> None:
    total = cross_section(SIGNAL, STREAM, n)
    assert total.n_events == n
    assert total.sum_pb == pytest.approx(2.5, rel=1e-12)
    assert total.error_pb == pytest.approx(0.0, abs=1e-6)
    assert total.effective_events == pytest.approx(n)


def test_errors_of_the_cross_section_are_right() -> None:
    """Spread of 100 estimates over their stated error: a χ² at 1e-4."""
    n = 4 * LANES
    totals = [cross_section(ThreePhoton(), Stream(s, 0), n) for s in range(100)]
    values = np.array([total.sum_pb for total in totals])
    stated = np.mean([total.error_pb for total in totals])
    ratio = values.std(ddof=1) / stated
    assert abs(ratio - 1) < N_SIGMA / np.sqrt(2 * 99)
    # negative control: forgetting the weight's own spread is a factor off
    naive = values.mean() / np.sqrt(n)
    assert abs(values.std(ddof=1) / naive - 1) > N_SIGMA / np.sqrt(2 * 99)


def test_streams_differ() -> None:
    states = [Stream(1, 0), Stream(2, 0), Stream(1, 1), Stream(1, 0, 1)]
    words = [stream.chunk(0).tobytes() for stream in states]
    words.append(states[0].chunk(1).tobytes())
    assert len(set(words)) == len(words)
    assert words[0] == Stream(1, 0).chunk(0).tobytes()


@pytest.mark.parametrize("n", [0, -5])
def test_no_events(n: int) -> None:
    with pytest.raises(ValueError, match=f"at least one event, not {n}"):
        next(blocks(SIGNAL, STREAM, n))


def test_nothing_added() -> None:
    nothing = CrossSection()
    assert nothing.error_pb == 0
    assert nothing.effective_events == 0


def test_later_stages_continue_the_lanes() -> None:
    """A block's lanes are handed out, so that the next stage draws other numbers."""
    late = Signal(1.0, decay=Exponential(1.0))
    first, state = next(chunk_blocks(late, STREAM, 0, LANES))
    again = late.block(state, LANES, 1.0)
    assert not np.array_equal(first.energy, again.energy)


def test_scaled_cross_sections() -> None:
    """As if every weight had been scaled; weights of 0 are inside nothing."""
    weights = np.array([0.0, 1.0, 4.0, 0.0])
    one, two = CrossSection(), CrossSection()
    one.add_weights(weights)
    two.add_weights(0.25 * weights)
    assert one.scaled(0.25) == two
    assert (one.n_events, one.n_inside, one.largest_pb) == (4, 2, 4.0)
    assert one.sum_pb == 5.0


def test_a_region_without_events_has_zero_and_an_upper_limit() -> None:
    """Three events of the heaviest weight outside; more tries bring it down."""
    empty = ThreePhoton(PhaseSpace((20.0, 25.0)))
    few, many = (cross_section(empty, STREAM, n) for n in (LANES, 20 * LANES))
    for total in (few, many):
        assert total.sum_pb == total.error_pb == total.effective_events == 0.0
    assert 0.0 < many.upper_pb < 0.2 * few.upper_pb
    # the mapping's own weights are those of a region that does hold events
    wide = cross_section(ThreePhoton(refined=False), STREAM, LANES)
    assert few.upper_pb < wide.sum_pb


def test_the_upper_limit_of_what_was_found() -> None:
    total = cross_section(ThreePhoton(), STREAM, 10 * LANES)
    assert total.upper_pb == pytest.approx(total.sum_pb + 1.6449 * total.error_pb)
