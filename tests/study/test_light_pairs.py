"""The aimed sample: which windows it covers, and that it counts there what plain γγγ does."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats

from generator.beams import Beams
from generator.initial_state import InitialState
from generator.sampling import Stream, blocks
from generator.tables import read_table
from selection.candidates import SelectionName, select
from selection.tally import Tally
from selection.windows import Observable, Window, table
from study import light_pairs
from study.codec import decode_signal
from study.config import LIGHT_PAIRS
from study.light_pairs import HEAVIEST_GEV, aimed_sampler, covered
from study.points import background_phase_space, background_piece, pilot_windows
from study.scan import run_scan, stamp
from study.store import ResultsFolder
from tests.compare import FALSE_ALARM, Floats, as_reference
from tests.reference.beams import LAB_TO_CMS, four_momenta, transform
from tests.study.engineered import low_window, sums
from tests.study.small import MASSES_GEV, N_BACKGROUND, small_config

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from generator.columns import Photons
    from study.config import Config
    from study.sums import Sums

N_PLAIN, N_AIMED = 2_000_000, 2_000_000
SIZES = f"events.background={N_PLAIN}", f"events.light_pairs={N_AIMED}"
APART_GEV = (0.15, 0.2, 0.25, 0.3, 0.36, 0.43, 0.515)
"""Masses whose windows do not overlap, so that their counts are independent."""


@pytest.fixture(scope="module")
def windows() -> tuple[Window, ...]:
    config = small_config()
    detector = config.build_detector()
    found = [pilot_windows(mass, detector, config) for mass in APART_GEV]
    return tuple(item for items in found for item in items)


@pytest.fixture(scope="module")
def plain(windows: tuple[Window, ...]) -> Sums:
    return background_piece("aaa", 0, windows, small_config(*SIZES))


@pytest.fixture(scope="module")
def aimed(windows: tuple[Window, ...]) -> Sums:
    return background_piece(LIGHT_PAIRS, 0, windows, small_config(*SIZES))


def agreement(first: Sums, second: Sums) -> float:
    """Return the χ² p-value of the counts in all windows."""
    (one, var_one), (two, var_two) = (s.in_windows[..., 0] for s in (first, second))
    chi2 = ((one - two) ** 2 / (var_one + var_two)).sum()
    return float(stats.chi2.sf(chi2, one.size))


# which windows


def test_the_windows_of_these_tests(windows: tuple[Window, ...]) -> None:
    assert [w.mass_GeV for w in windows] == list(APART_GEV)
    assert all(a.high < b.low for a, b in pairwise(windows))
    assert covered(windows, small_config()) == list(range(len(windows)))


def window_below(edge_GeV2: float, selection: SelectionName) -> Window:
    """Return a window with ``edge_GeV2`` six σ above it."""
    return Window(0.4, selection, Observable.M2, 0.01, 0.1, edge_GeV2 - 0.06)


@pytest.mark.parametrize(
    ("edge", "selection", "expected"),
    [
        (0.359, SelectionName.LOW, [0]),
        (0.361, SelectionName.LOW, []),
        (0.359, SelectionName.HIGH, []),
    ],
)
def test_only_light_windows_are_covered(
    edge: float, selection: SelectionName, expected: list[int]
) -> None:
    assert covered([window_below(edge, selection)], small_config()) == expected


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("seed=3", [1, 2]),
        ("processes=['etagamma', 'aaa']", [1, 2]),
        ("generator.beam_energy_spread=true", [1, 2]),
        ("processes=['etagamma']", []),
        ("events.light_pairs=0", []),
        ("generator.radiation=true", [1, 2]),
    ],
)
def test_the_sample_can_be_unwanted(assignment: str, expected: list[int]) -> None:
    masses = [low_window(mass) for mass in (2.0, 0.2, 0.5)]
    assert covered(masses, small_config(assignment)) == expected


@pytest.mark.parametrize(("cut", "most"), [(0.6, 0.75), (0.86, 1.0), (1.5, 1.0)])
def test_the_sampler(cut: float, most: float) -> None:
    spread = "generator.beam_energy_spread=true"
    config = small_config(f"selection.helicity_low={cut}", spread)
    space = background_phase_space(config)
    found = aimed_sampler(space, config)
    assert (found.phase_space, found.beams) == (space, Beams())
    assert found.initial == InitialState(False, 0.00513, 0.002375)
    assert found.pair_mass_GeV == (0.0, HEAVIEST_GEV)
    assert found.helicity_max == pytest.approx(most)


# what it counts


def test_both_samples_count_the_same(plain: Sums, aimed: Sums) -> None:
    """χ² over seven separate windows: false alarm in 10⁴ seeds."""
    assert agreement(plain, aimed) > FALSE_ALARM


def test_a_range_too_small_is_seen(
    windows: tuple[Window, ...], plain: Sums, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: masses up to 0.5 GeV miss a part of the last window."""
    monkeypatch.setattr(light_pairs, "HEAVIEST_GEV", 0.5)
    config = small_config("events.light_pairs=500_000")
    short = background_piece(LIGHT_PAIRS, 0, windows, config)
    assert agreement(plain, short) < FALSE_ALARM


@pytest.mark.parametrize("effect", ["beam_energy_spread", "radiation"])
def test_with_other_initial_states(windows: tuple[Window, ...], effect: str) -> None:
    config = small_config(
        f"generator.{effect}=true",
        f"events.background={N_PLAIN}",
        "events.light_pairs=500_000",
    )
    both = [background_piece(name, 0, windows, config) for name in ("aaa", LIGHT_PAIRS)]
    assert agreement(*both) > FALSE_ALARM


def test_errors_are_three_times_smaller(plain: Sums, aimed: Sums) -> None:
    """At equal sizes; ten times where the background is rarest."""
    assert plain.n_events == aimed.n_events
    weight, squares = plain.in_windows[..., 0]
    others, other_squares = aimed.in_windows[..., 0]
    ratio = np.sqrt(squares) / weight / (np.sqrt(other_squares) / others)
    assert ratio.min() > 3.0
    assert ratio[0] > 7.0


# what it leaves out


def true_helicity(photons: Photons) -> Floats:
    """Return |cos| of the helicity angle of pair 0 in the CM frame, shape (LANES,)."""
    four = transform(LAB_TO_CMS, four_momenta(as_reference([photons])))
    momentum = np.linalg.norm(four[1:, 1] + four[1:, 2], axis=0)
    return np.asarray(np.abs(four[0, 1] - four[0, 2]) / momentum)


def counted(
    windows: Sequence[Window], helicity_above: float = 0.0, **changes: Any
) -> Floats:
    """Return Σw in windows of 500 000 events that the aimed sampler, changed, makes."""
    config = small_config()
    beams, cuts = config.beams.build(), config.selection.cuts()
    source = aimed_sampler(background_phase_space(config), config)
    detector, tally = config.build_detector(), Tally(table(windows))
    for photons, state in blocks(replace(source, **changes), Stream(3, 3), 500_000):
        if helicity_above > 0.0:
            photons.weight_pb[true_helicity(photons) < helicity_above] = 0.0
        tally.add(select(detector.simulate(photons, state), beams, cuts))
    return tally.in_windows()[0, :, 0]


def test_heavier_pairs_stay_out(windows: tuple[Window, ...]) -> None:
    """The last window ends just 6σ below 0.6 GeV; one 3.5σ below sees heavier pairs."""
    last = windows[-1]
    edge = HEAVIEST_GEV**2 - 3.5 * last.sigma
    near = replace(last, low=last.low - last.high + edge, high=edge)
    inside = counted([last, near], pair_mass_GeV=(0.0, 0.8))
    beyond = counted([last, near], pair_mass_GeV=(HEAVIEST_GEV, 0.8))
    assert HEAVIEST_GEV**2 - last.high < 6.5 * last.sigma
    assert beyond[0] < 1e-5 * inside[0]
    assert beyond[1] > 5e-5 * inside[1]  # negative control


def test_helicities_beyond_the_margin_stay_out(windows: tuple[Window, ...]) -> None:
    """Beyond the cut itself is a percent: without margin it would be missing."""
    every = counted(windows, helicity_max=1.0)
    assert np.all(counted(windows, 0.75, helicity_max=1.0) < 1e-4 * every)
    assert np.all(counted(windows, 0.60, helicity_max=1.0) > 5e-3 * every)


# in a scan


def flow_of(folder: Path) -> NDArray[np.void]:
    rows: NDArray[np.void] = read_table(folder / "cutflow.csv")
    return np.asarray(rows[rows["process"] == "aaa"])


def test_without_it_all_windows_are_plain(tmp_path: Path) -> None:
    config = small_config("events.light_pairs=0", "separation.crystals=[2]")
    folder = run_scan(config, tmp_path / "results").path
    assert not list((folder / "points").glob("*light*"))
    record = json.loads((folder / "run.json").read_text("utf-8"))
    assert record["background_events"] == N_BACKGROUND
    windows = scan_windows(folder, config)
    plain = background_piece("aaa", 0, windows, config)
    found = flow_of(folder)
    last = found[found["stage"] == "window"]["sigma_pb"]
    np.testing.assert_allclose(last, plain.in_windows[0, :, 0], rtol=1e-9)


def test_only_windows_change(scanned: Path, config: Config, tmp_path: Path) -> None:
    """Cut flow and windows against a scan without the aimed sample."""
    without = small_config("events.light_pairs=0")
    other = flow_of(run_scan(without, tmp_path / "results").path)
    mixed = flow_of(scanned)
    light = (mixed["stage"] == "window") & (mixed["mass_GeV"] < 1.0)
    assert np.count_nonzero(light) == 2
    assert mixed[~light].tolist() == other[~light].tolist()
    assert np.all(mixed[light]["sigma_pb"] != other[light]["sigma_pb"])
    windows = scan_windows(scanned, config)
    places = covered(windows, config)
    aimed = background_piece(LIGHT_PAIRS, 0, [windows[k] for k in places], config)
    np.testing.assert_allclose(
        mixed[light]["sigma_pb"], aimed.in_windows[0, :, 0], rtol=1e-9
    )
    gain = mixed[light]["effective_events"] / other[light]["effective_events"]
    assert gain.tolist() == sorted(gain, reverse=True)
    assert gain[0] > 5.0
    width = mixed["efficiency_upper"] - mixed["efficiency_lower"]
    expected = 2.0 / np.sqrt(mixed[light]["effective_events"])
    np.testing.assert_allclose(
        width[light] / mixed[light]["efficiency"], expected, rtol=0.02
    )


def scan_windows(folder: Path, config: Config) -> list[Window]:
    """Return the windows of a scan of the small masses in their order."""
    results = ResultsFolder(folder, config, "scan")
    found: list[Window] = []
    for mass in MASSES_GEV:
        arrays = results.load_point(f"signal_m{mass:.6f}", stamp(config))
        assert arrays is not None
        found += decode_signal(arrays).separated[0].windows
    return found


def test_windows_of_another_sample() -> None:
    flow = (10.0, 8.0, 7.0, 6.0, 5.0, 4.0)
    plain = sums(flow, (3.0, 2.0, 1.0), 1000)
    other = sums((0.5, 0.4, 0.3, 0.2, 0.1, 0.1), (0.03, 0.02), 5000)
    mixed = plain.with_windows([2, 0], other)
    assert mixed.n_events == 6000
    assert mixed.in_windows[0, :, 0].tolist() == [0.02, 2.0, 0.03]
    assert mixed.in_windows[1, :, 0] == pytest.approx([2e-6, 0.02, 3e-6])
    weights = [mixed.weight_in(k) for k in range(3)]
    assert weights == pytest.approx([1e-4, 0.01, 1e-4])
    assert mixed.passed is plain.passed
    assert plain.in_windows[0, :, 0].tolist() == [3.0, 2.0, 1.0]
