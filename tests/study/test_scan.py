"""The scan: a complete folder, independent of order, resumable, with honest errors."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from generator.tables import read_table
from selection.candidates import SelectionName
from study import scan
from study.config import LIGHT_PAIRS
from study.errors import InputError
from study.executors import run
from study.names import LIMIT_COLUMNS as COLUMNS
from study.names import SHOWER
from study.scan import background_sums, in_windows, run_scan
from study.separation_run import run_separation
from study.store import ResultsFolder
from study.sums import ARRAYS
from tests.study.engineered import low_window, sums
from tests.study.small import (
    MASSES_GEV,
    N_BACKGROUND,
    N_LIGHT_PAIRS,
    contents,
    same_tables,
    small_config,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from study.config import Config
    from study.executors import Task
    from study.sums import SignalPoint, Sums

FLOW = (100.0, 80.0, 70.0, 60.0, 50.0, 40.0)
KEY = (1.0, SelectionName.LOW)


def test_a_folder_holds_what_was_agreed(scanned: Path) -> None:
    assert {path.name for path in scanned.iterdir()} == {
        "config.toml",
        "cutflow.csv",
        "efficiency.csv",
        "histograms.root",
        "limits.csv",
        "points",
        "run.json",
        "windows.csv",
    }
    names = sorted(path.name for path in (scanned / "points").iterdir())
    signal = [f"signal_m{mass:.6f}.npz" for mass in MASSES_GEV]
    background = [f"background_{name}_00000.npz" for name in ("aaa-light", "aaa")]
    assert names == [*background, *signal]


def test_limits_have_a_row_per_choice(scanned: Path) -> None:
    table = read_table(scanned / "limits.csv")
    assert table.dtype.names == COLUMNS
    assert table.size == len(MASSES_GEV) * 2 * 2 * 2 * 2
    keys = ["mass_GeV", "luminosity_invfb", "cl", "method"]
    best = table[table["best"] == 1]
    assert np.unique(best[keys]).size == best.size == table.size // 2
    assert np.all(np.isfinite(best["g_per_GeV_median"]))
    assert np.all(best["g_per_GeV_median_mc_error"] < 0.3 * best["g_per_GeV_median"])
    assert set(best[best["mass_GeV"] > 5]["selection"]) == {"high"}
    for low, high in (("minus2", "minus1"), ("minus1", "median"), ("median", "plus2")):
        assert np.all(best[f"g_per_GeV_{low}"] <= best[f"g_per_GeV_{high}"])


def test_run_json_counts_the_events(scanned: Path, config: Config) -> None:
    record = json.loads((scanned / "run.json").read_text(encoding="utf-8"))
    assert record["background_events"] == N_BACKGROUND + N_LIGHT_PAIRS
    assert record["signal_events"] == 3 * (3 * 20_000 + 10_000)
    assert record["config_digest"] == config.digest()
    assert record["peak_memory_MB"] > 10.0
    assert {"numpy", "numba"} <= record["versions"].keys()


def test_the_tables_agree_with_each_other(scanned: Path) -> None:
    """Prompt efficiency of the window in efficiency.csv and of the cut flow."""
    efficiency = read_table(scanned / "efficiency.csv")
    flow = read_table(scanned / "cutflow.csv")
    chosen = (efficiency["crystals"] == 2) & (efficiency["stage"] == "window")
    for row in flow[(flow["process"] == "signal") & (flow["stage"] == "window")]:
        match = chosen & (efficiency["mass_GeV"] == row["mass_GeV"])
        match &= efficiency["selection"] == row["selection"]
        assert efficiency[match]["efficiency"].tolist() == [row["efficiency"]]
        assert row["efficiency_lower"] < row["efficiency"] < row["efficiency_upper"]


def test_a_finished_scan_is_not_computed_again(
    scanned: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(tasks: Mapping[object, object], **_: object) -> Iterator[object]:
        assert not tasks
        yield from ()

    monkeypatch.setattr(scan, "run", refuse)
    before = {
        name: content
        for name, content in contents(scanned).items()
        if name.endswith((".csv", ".npz", ".toml"))
    }
    run_scan(config, scanned)
    after = contents(scanned)
    assert {name: after[name] for name in before} == before


def test_every_mass_has_its_own_random_numbers(
    scanned: Path, tmp_path: Path, config: Config
) -> None:
    """A mass alone gives the same signal as among others."""
    alone = small_config("scan.masses_GeV=[0.5]")
    run_separation(alone, tmp_path)
    small, large = (
        read_table(folder / "efficiency.csv") for folder in (tmp_path, scanned)
    )
    small = small[small["rule"] != SHOWER]  # a scan does not run that model
    assert small.tolist() == large[large["mass_GeV"] == 0.5].tolist()
    assert alone.digest() != config.digest()


@pytest.mark.parametrize("process", ["aaa", LIGHT_PAIRS])
def test_background_does_not_depend_on_the_order(
    process: str,
    points: dict[float, SignalPoint],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("study.points.CHUNKS_PER_PIECE", 1)
    windows = [w for item in points.values() for w in item.separated[0].windows]
    config = small_config("events.light_pairs=300_000")

    def backwards(tasks: Mapping[int, Task[Sums]], *, jobs: int) -> object:
        return run(dict(list(tasks.items())[::-1]), jobs=jobs)

    totals = []
    for name, order in (("forwards", run), ("backwards", backwards)):
        monkeypatch.setattr(scan, "run", order)
        folder = ResultsFolder(tmp_path / name, config, "scan")
        totals.append(background_sums(process, windows, config, folder, jobs=1))
        assert len(list((folder.path / "points").iterdir())) == 2
    for field in ARRAYS:
        first, second = (getattr(total, field).tobytes() for total in totals)
        assert first == second


def test_a_missing_piece_is_computed_again(
    scanned: Path, tmp_path: Path, config: Config
) -> None:
    copy = tmp_path / "results"
    (copy / "points").mkdir(parents=True)
    for name in ("config.toml", "points/signal_m0.500000.npz"):
        (copy / name).write_bytes((scanned / name).read_bytes())
    run_scan(config, copy)
    assert all(same_tables(scanned, copy).values())


def test_a_corrupt_piece_stops_the_scan(
    scanned: Path, tmp_path: Path, config: Config
) -> None:
    copy = tmp_path / "results"
    (copy / "points").mkdir(parents=True)
    for path in [scanned / "config.toml", *(scanned / "points").iterdir()]:
        target = copy / path.relative_to(scanned)
        target.write_bytes(path.read_bytes())
    bad = copy / "points" / "background_aaa_00000.npz"
    bad.write_bytes(bad.read_bytes()[:100])
    before = contents(copy)
    with pytest.raises(InputError, match=r"background_aaa_00000\.npz is corrupt"):
        run_scan(config, copy)
    assert contents(copy) == before


def test_pieces_belong_to_their_windows(
    points: dict[float, SignalPoint], config: Config, scanned: Path
) -> None:
    """Counts in other windows must not be taken from the folder."""
    folder = ResultsFolder(scanned, config, "scan")
    windows = list(points[0.5].separated[0].windows)
    with pytest.raises(InputError, match="made with another configuration"):
        background_sums("aaa", windows, config, folder, jobs=1)


def test_separation_writes_the_signal_only(tmp_path: Path) -> None:
    config = small_config("scan.masses_GeV=[0.3]", "separation.crystals=[1, 4]")
    run_separation(config, tmp_path / "results")
    table = read_table(tmp_path / "results" / "efficiency.csv")
    assert np.unique(table["crystals"]).tolist() == [0, 1, 2, 4]
    assert np.all((table["rule"] == SHOWER) == (table["crystals"] == 0))
    assert not (tmp_path / "results" / "limits.csv").exists()
    stored = (tmp_path / "results" / "config.toml").read_text(encoding="utf-8")
    assert tomllib.loads(stored)["kind"] == "separation"


# background in windows


def counts(values: tuple[float, ...], n_events: int = 10_000) -> Sums:
    return sums(FLOW, values, n_events)


def test_background_of_several_processes_adds_up() -> None:
    found = in_windows([low_window(1.0)], [counts((3.0,)), counts((4.0,))])[KEY]
    assert found.sigma_pb == pytest.approx(7.0)
    assert found.error_pb == pytest.approx((7.0 * 0.01) ** 0.5)


@pytest.mark.parametrize("n_events", [100, 10_000])
def test_an_empty_window_keeps_an_error(n_events: int) -> None:
    """The mean weight: one more event might have fallen in."""
    found = in_windows([low_window(1.0)], [counts((0.0,), n_events)])[KEY]
    assert found.sigma_pb == 0.0
    assert found.error_pb == pytest.approx(FLOW[0] / n_events)


def test_an_empty_window_has_the_weight_of_its_own_sample() -> None:
    """The first of two windows is counted among 2 pb in 10⁵ events."""
    aimed = sums(tuple(0.02 * value for value in FLOW), (0.0,), 100_000)
    both = counts((3.0, 0.0)).with_windows([0], aimed)
    windows = [low_window(1.0), low_window(2.0)]
    first, second = in_windows(windows, [both]).values()
    assert first.error_pb == pytest.approx(2.0 / 100_000)
    assert second.error_pb == pytest.approx(FLOW[0] / 10_000)


def test_windows_keep_their_place() -> None:
    windows = [low_window(1.0), low_window(2.0)]
    found = in_windows(windows, [counts((3.0, 0.5))])
    values: NDArray[np.float64] = np.array([b.sigma_pb for b in found.values()])
    assert [mass for mass, _ in found] == [1.0, 2.0]
    np.testing.assert_allclose(values, [3.0, 0.5])
