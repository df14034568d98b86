"""Work units: measured windows, lifetimes, and pieces that add up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from detector.simulate import Detector
from generator.alp import recoil_energy_GeV
from generator.beams import Beams
from generator.processes import stream
from generator.sampling import EVENTS_PER_CHUNK, blocks
from generator.three_photon import ThreePhoton
from selection.candidates import SelectionName, Stage, select
from selection.tally import Tally
from selection.windows import Observable, table, true_value
from study import points as units
from study.config import LIGHT_PAIRS
from study.limits_table import lifetime_efficiency
from study.points import (
    LIFETIME_BINS,
    PILOT_EVENTS,
    SHORTEST_CM,
    background_phase_space,
    background_piece,
    lifetime_edges_cm,
    n_pieces,
    pilot_windows,
    wanted_windows,
)
from study.sums import ARRAYS, Sums
from tests.reference import detector as reference_detector
from tests.reference import selection as reference
from tests.reference import signal as reference_signal
from tests.reference.checks import N_SIGMA
from tests.study.small import N_LIFETIME, N_SIGNAL, small_config

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from selection.windows import Window
    from study.config import Config
    from study.sums import SignalPoint

S_GEV2 = Beams().s_GeV2
N_REFERENCE, N_BATCHES = 100_000, 20
TAILS = (0.15865525, 0.84134475)


def half_width(values: NDArray[np.float64]) -> float:
    low, high = np.quantile(values, TAILS)
    return float(high - low) / 2.0


def reference_masses(mass_GeV: float, n_events: int) -> NDArray[np.float64]:
    """Return m² [GeV²] of the ALP's pair in selected events of the reference."""
    rng = np.random.default_rng(1)
    photons = reference_signal.generate(n_events, mass_GeV, rng)
    clusters, fired = reference_detector.simulate(
        photons, reference_detector.Settings(), reference_detector.load_rings(), rng
    )
    energy, _, good = reference.good_clusters(clusters)
    accepted = fired & (good.sum(axis=0) == 3)
    pairs = reference.candidates(
        *reference.take_three(clusters, energy, good & accepted)
    )
    keep = reference.pass_helicity(pairs, reference.Name.LOW)
    true_pair = reference.PAIRS.index((1, 2))
    keep &= pairs.mass_squared.argmin(axis=0) == true_pair
    return np.asarray(pairs.mass_squared[true_pair, keep])


@pytest.fixture(scope="module")
def half_GeV(points: dict[float, SignalPoint]) -> SignalPoint:
    return points[0.5]


def test_the_resolution_is_that_of_the_reference(half_GeV: SignalPoint) -> None:
    """False alarm in 10⁴ seeds; batches of the reference give both errors."""
    values = reference_masses(0.5, N_REFERENCE)
    batches = [half_width(batch) for batch in np.array_split(values, N_BATCHES)]
    pilot_too = (1.0 + N_REFERENCE / PILOT_EVENTS) ** 0.5
    error = np.std(batches, ddof=1) / N_BATCHES**0.5 * pilot_too
    sigma = half_GeV.separated[0].windows[0].sigma
    assert abs(sigma - half_width(values)) < N_SIGMA * error
    assert abs(1.04 * sigma - half_width(values)) > N_SIGMA * error  # control: 4 %


def test_windows_stand_around_the_true_value(points: dict[float, SignalPoint]) -> None:
    for mass, item in points.items():
        for window in item.separated[0].windows:
            centre = true_value(mass, window.observable, S_GEV2)
            assert window.low == pytest.approx(centre - 3.0 * window.sigma)
            assert window.high == pytest.approx(centre + 1.5 * window.sigma)
            assert window.mass_GeV == mass


@pytest.mark.parametrize(
    ("mass", "kinds"),
    [
        (0.2, {("low", "m2")}),
        (0.5, {("low", "m2")}),
        (8.0, {("high", "recoil")}),
    ],
)
def test_only_selections_that_keep_signal_have_windows(
    points: dict[float, SignalPoint], mass: float, kinds: set[tuple[str, str]]
) -> None:
    windows = points[mass].separated[0].windows
    assert {(w.selection.value, w.observable.value) for w in windows} == kinds


def test_the_recoil_energy_takes_over_at_high_mass() -> None:
    config = small_config()
    (_, low), (_, below) = wanted_windows(6.85, config)
    (_, _), (name, above) = wanted_windows(6.86, config)
    assert (low, below, above) == (Observable.M2, Observable.M2, Observable.RECOIL)
    assert name is SelectionName.HIGH


def test_the_pilot_grows_until_sigma_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hopeless selection ends with the first chunk instead of the eighth."""
    used: list[int] = []

    def counting(*arguments: object) -> object:
        for item in blocks(*arguments):  # type: ignore[arg-type]
            used[-1] += item[0].n_events
            yield item

    monkeypatch.setattr(units, "blocks", counting)
    config = small_config()
    for level in (4000, 10**9):
        monkeypatch.setattr(units, "ENOUGH_FOR_SIGMA", level)
        used.append(0)
        pilot_windows(0.5, Detector(), config)
    assert used == [PILOT_EVENTS, units.PILOT_LIMIT]


def test_lifetime_counts(points: dict[float, SignalPoint]) -> None:
    for item in points.values():
        generated, passed = item.lifetime_generated, item.lifetime_passed
        assert generated.shape == (2, LIFETIME_BINS + 1)
        n_windows = len(item.separated[0].windows)
        assert passed.shape == (2, n_windows, LIFETIME_BINS + 1)
        assert generated[:, 0] == pytest.approx([1.0, 1.0 / N_SIGNAL], rel=1e-5)
        assert generated[0, 1:].sum() == pytest.approx(1.0, rel=1e-5)
        np.testing.assert_allclose(
            generated[1, 1:] * N_LIFETIME, generated[0, 1:], rtol=1e-5
        )
        assert np.all(passed <= generated[:, None] + 1e-12)
        whole = passed[0, :, 1:] * N_LIFETIME
        np.testing.assert_allclose(whole, np.round(whole), atol=1e-2)


def test_decay_lengths_are_even_in_log(half_GeV: SignalPoint) -> None:
    """Every bin within N_SIGMA of its Poisson error."""
    expected = N_LIFETIME / LIFETIME_BINS
    found = half_GeV.lifetime_generated[0, 1:] * N_LIFETIME
    pulls = (found - expected) / expected**0.5
    assert np.abs(pulls).max() < N_SIGMA
    assert 0.5 < (pulls**2).mean() < 1.7  # 10⁻⁴ bounds of χ²/48


def test_the_first_bin_is_the_prompt_efficiency(
    points: dict[float, SignalPoint],
) -> None:
    for item in points.values():
        for index in range(len(item.separated[0].windows)):
            prompt = item.separated[0].sums.in_windows[0, index, 0]
            efficiency = lifetime_efficiency(item, index)
            assert efficiency.efficiency[0] == pytest.approx(prompt)
            assert efficiency.at(0.0)[0] == pytest.approx(prompt)
            # the shortest flights of the other sample are prompt as well
            first = slice(1, 9)
            share = item.lifetime_generated[0, first].sum()
            value = item.lifetime_passed[0, index, first].sum() / share
            n = share * N_LIFETIME
            assert abs(value - prompt) < N_SIGMA * (prompt * (1 - prompt) / n) ** 0.5


def test_longer_lifetimes_lower_the_efficiency(half_GeV: SignalPoint) -> None:
    lengths = np.geomspace(1e-3, 1e3, 13)
    values, errors = lifetime_efficiency(half_GeV, 0).at(lengths)
    assert np.all(np.diff(values) < N_SIGMA * errors[1:])
    assert values[-1] < 0.1 * values[0]


@pytest.mark.parametrize("mass", [0.001, 0.1, 1.0, 10.57])
def test_edges_of_decay_length_rise_from_zero(mass: float) -> None:
    edges = lifetime_edges_cm(mass, S_GEV2)
    assert edges.shape == (LIFETIME_BINS + 2,)
    assert (edges[0], edges[1]) == (0.0, pytest.approx(SHORTEST_CM))
    assert np.all(np.diff(edges) > 0.0)
    flight = float(recoil_energy_GeV(mass, S_GEV2)) / mass * edges[-1]
    assert flight > 235.0 or edges[-1] == pytest.approx(1e4)


def test_merging_eats_light_alps(points: dict[float, SignalPoint]) -> None:
    """At 0.2 GeV photons are at least 4.3 deg apart: one crystal resolves them."""
    light = points[0.2]
    found = {
        s.variant.crystals: s.sums.passed[0, 0, Stage.DETECTED] for s in light.separated
    }
    assert list(found) == [2, 1, 4]
    assert found[1] > found[2] > found[4]
    error = (0.25 / N_SIGNAL) ** 0.5
    assert abs(light.unmerged_detected - found[1]) < N_SIGMA * error


def test_stages_only_lose_events(points: dict[float, SignalPoint]) -> None:
    for item in points.values():
        for separated in item.separated:
            assert separated.sums.passed[:, 0, 0] == pytest.approx(1.0, rel=1e-5)
            assert np.all(np.diff(separated.sums.passed, axis=-1) <= 1e-12)
            assert separated.sums.n_events == N_SIGNAL


# background


def own_windows(points: dict[float, SignalPoint]) -> tuple[Window, ...]:
    return tuple(w for item in points.values() for w in item.separated[0].windows)


def whole(windows: tuple[Window, ...], config: Config) -> Sums:
    """Return the background without pieces: one tally over all blocks."""
    beams, tally = config.beams.build(), Tally(table(windows))
    sampler = ThreePhoton(background_phase_space(config), beams)
    seed = stream("aaa", config.seed)
    for photons, state in blocks(sampler, seed, config.events.background):
        clusters = config.build_detector().simulate(photons, state)
        tally.add(select(clusters, beams, config.selection.cuts()))
    return Sums.of(tally)


def test_pieces_add_up_to_the_whole(
    points: dict[float, SignalPoint],
    config: Config,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(units, "CHUNKS_PER_PIECE", 1)
    windows = own_windows(points)
    pieces = [background_piece("aaa", k, windows, config) for k in range(2)]
    total = whole(windows, config)
    assert n_pieces("aaa", config) == 2
    assert [piece.n_events for piece in pieces] == [
        EVENTS_PER_CHUNK,
        config.events.background - EVENTS_PER_CHUNK,
    ]
    for name in ARRAYS:
        parts = sum(getattr(piece, name) for piece in pieces)
        np.testing.assert_allclose(parts, getattr(total, name), rtol=1e-12)
    assert pieces[0].in_windows[0].sum() != pytest.approx(
        pieces[1].in_windows[0].sum(), rel=1e-3
    )


@pytest.mark.parametrize(
    ("n_events", "expected"), [(1, 1), (8 << 18, 1), ((8 << 18) + 1, 2)]
)
def test_number_of_pieces(n_events: int, expected: int) -> None:
    keys = {
        "aaa": "background",
        "eea": "other_backgrounds",
        LIGHT_PAIRS: "light_pairs",
    }
    for process, key in keys.items():
        config = small_config(f"events.{key}={n_events}")
        assert n_pieces(process, config) == expected
        assert config.events.of(process) == n_events
