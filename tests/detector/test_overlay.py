"""Overlaid background photons: number, spectrum, directions, times; joined hits."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from detector.crystals import Hits, hit
from detector.geometry import belle2
from detector.overlay import TRUNCATION, Overlay, background_photons, overlaid
from detector.separation import MergeRule, count_deposits
from generator.random import fill_uniform
from generator.signal import Signal
from generator.simd import LANES
from tests.compare import FALSE_ALARM, Floats, flatness, join, sample, start

if TYPE_CHECKING:
    from generator.columns import Photons


class Drawn(NamedTuple):
    """Columns (slots, n) of many blocks."""

    energy: Floats
    theta: Floats
    phi: Floats
    time: Floats


def draw(overlay: Overlay, n_blocks: int = 40, seed: int = 1) -> Drawn:
    state = start(seed)
    blocks = [background_photons(overlay, state, LANES) for _ in range(n_blocks)]
    columns = (
        [getattr(photons, name) for photons, _ in blocks]
        for name in ("energy", "theta", "phi")
    )
    times = [t.reshape(-1, LANES).astype(float) for _, t in blocks]
    energy, theta, phi = (join(column) for column in columns)
    return Drawn(energy, theta, phi, join(times))


@given(mean=st.floats(0.0, 30.0))
def test_slots_are_the_fewest_that_nearly_always_suffice(mean: float) -> None:
    slots = Overlay(mean).slots
    assert stats.poisson.sf(slots, mean) < TRUNCATION
    assert slots == 0 or stats.poisson.sf(slots - 1, mean) >= TRUNCATION


@pytest.mark.parametrize("mean", [0.1, 0.5, 3.0])
def test_number_of_photons_is_poisson(mean: float) -> None:
    """χ² at 1e-4 with the truncated end in the last bin; 10 % more must fail."""
    energy = draw(Overlay(mean)).energy
    found = np.bincount((energy > 0).sum(axis=0), minlength=energy.shape[0] + 1)

    last = int(stats.poisson.isf(1e-3, mean))  # so many or more: one bin

    def pvalue(expected_mean: float) -> float:
        share = stats.poisson.pmf(np.arange(last), expected_mean)
        counts = np.append(found[:last], found[last:].sum())
        expected = np.append(share, stats.poisson.sf(last - 1, expected_mean))
        return float(stats.chisquare(counts, expected * energy.shape[1]).pvalue)

    assert pvalue(mean) > FALSE_ALARM
    assert pvalue(1.1 * mean) < FALSE_ALARM


@pytest.mark.parametrize("index", [-1.0, 0.0, 1.0, 3.0])
def test_spectrum_directions_and_times(index: float) -> None:
    """Four tests of flatness at 1e-4; energies 2 % or times 1 % off must fail."""
    drawn = draw(Overlay(1.0, 0.2, 1.5, index, 150.0))
    energy, theta, phi, time = (column[drawn.energy > 0] for column in drawn)
    table = np.linspace(0.2, 1.5, 20_001)
    below = integrate.cumulative_trapezoid(table**-index, table, initial=0.0)
    below /= below[-1]
    assert flatness(np.interp(energy, table, below)) > FALSE_ALARM
    assert flatness((1 + np.cos(theta)) / 2) > FALSE_ALARM
    assert flatness(phi / (2 * np.pi)) > FALSE_ALARM
    assert flatness((1 + time / 150.0) / 2) > FALSE_ALARM
    assert 0.2 <= energy.min() < energy.max() <= 1.5
    assert np.abs(time).max() <= 150.0
    assert flatness(np.interp(1.02 * energy, table, below)) < FALSE_ALARM
    assert flatness((1 + 0.99 * time / 150.0) / 2) < FALSE_ALARM


def test_photons_and_their_numbers_are_independent() -> None:
    """Correlations at 1e-4 of ranks in events with two photons; a 5 % part must show."""
    drawn = draw(Overlay(3.0), 80)
    both = drawn.energy[1] > 0
    ranks = np.array([stats.rankdata(c[k, both]) for c in drawn for k in range(2)])
    limit = stats.norm.isf(FALSE_ALARM / 2) / np.sqrt(ranks.shape[1])
    assert np.abs(np.corrcoef(ranks)[np.triu_indices(8, 1)]).max() < limit
    assert abs(np.corrcoef(ranks[0] + 0.05 * ranks[1], ranks[1])[0, 1]) > limit


def test_photons_fill_the_first_slots_of_used_lanes() -> None:
    overlay = Overlay(0.8)
    photons, times = background_photons(overlay, start(2), 1500)
    present = photons.energy > 0
    assert photons.energy.shape == (overlay.slots, LANES)
    assert not np.any(present[1:] & ~present[:-1])
    assert not present[:, 1500:].any()
    assert present[:3, :1500].any(axis=1).all()
    assert not times[~present.reshape(-1)].any()
    assert times.dtype == np.float32
    assert (photons.n_events, photons.n_prompt) == (1500, overlay.slots)
    assert photons.vertex_cm is None
    assert not photons.weight_pb.any()
    everywhere, _ = background_photons(overlay, start(2), LANES)
    np.testing.assert_array_equal(everywhere.energy[:, :1500], photons.energy[:, :1500])


def test_same_lanes_same_photons_and_draws() -> None:
    overlay = Overlay(0.3)
    first, second = start(3), start(3)
    one, two = (background_photons(overlay, s, LANES) for s in (first, second))
    np.testing.assert_array_equal(one[0].energy, two[0].energy)
    np.testing.assert_array_equal(one[1], two[1])
    fresh = start(3)
    fill_uniform(fresh, np.empty((1 + 4 * overlay.slots) * LANES, np.float32))
    np.testing.assert_array_equal(first, fresh)


# joined to the photons of a collision


def hits_of(block: Photons, seed: int = 1) -> Hits:
    return hit(block, belle2(), 1.0, start(seed))


def test_nothing_overlaid_changes_nothing() -> None:
    state = start(4)
    photons, times = background_photons(Overlay(), state, LANES)
    np.testing.assert_array_equal(state, start(4))
    assert (photons.energy.shape, times.size) == ((0, LANES), 0)
    hits = hits_of(sample(Signal(1.0), 1, 1)[0])
    joined = overlaid(hits, hits_of(photons))
    for field in fields(Hits):
        np.testing.assert_array_equal(
            getattr(joined, field.name), getattr(hits, field.name)
        )


def test_hits_are_joined_column_by_column() -> None:
    hits = hits_of(sample(Signal(1.0), 1, 1)[0])
    extra = hits_of(background_photons(Overlay(1.0), start(5), LANES)[0])
    joined = overlaid(hits, extra)
    assert joined.slots == hits.slots + extra.slots
    for field in fields(Hits):
        if field.name != "slots":
            column = getattr(joined, field.name)
            assert column.dtype == np.float32
            np.testing.assert_array_equal(
                column[: hits.slots * LANES], getattr(hits, field.name)
            )
            np.testing.assert_array_equal(
                column[hits.slots * LANES :], getattr(extra, field.name)
            )


def test_overlaid_photons_are_deposits() -> None:
    """All that hit crystals count, if nothing merges."""
    hits = hits_of(sample(Signal(1.0), 1, 1)[0])
    photons, _ = background_photons(Overlay(2.0), start(5), LANES)
    extra = hits_of(photons)
    alone, added, together = (
        count_deposits(h, 0, MergeRule.SQUARE, 0.05)
        for h in (hits, extra, overlaid(hits, extra))
    )
    np.testing.assert_array_equal(together, alone + added)
    assert (
        0.9 < added.sum() / (photons.energy > 0).sum() < 0.95
    )  # of the sphere: 92.4 %


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-0.1,), "mean = -0.1 background photons: need a number of at least 0"),
        ((np.nan,), "mean = nan"),
        ((0.1, 2.0, 2.0), "background energies from 2 to 2 GeV"),
        ((0.1, 0.1, 2.0, np.nan), "index = nan: need a finite number"),
        ((0.1, 0.1, 2.0, 3.0, 0.0), "window_ns = 0: need a finite time above 0"),
        ((0.1, 0.1, 2.0, 3.0, np.inf), "window_ns = inf"),
        ((0.1, 0.1, 2.0, 3.0, np.nan), "window_ns = nan"),
    ],
)
def test_refusals(arguments: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Overlay(*arguments)
