"""The separation study of all masses: points, tables, results folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from study import separation_tables
from study.executors import run
from study.names import (
    CUTFLOW_COLUMNS,
    OPENING_COLUMNS,
    SEPARATION_COLUMNS,
    TRIGGER_COLUMNS,
    mass_label,
)
from study.progress import progress_bar
from study.provenance import Stopwatch
from study.scan import signal_cutflow, signal_points, stamp, write_signal_tables
from study.separation import follow
from study.store import ResultsFolder

if TYPE_CHECKING:
    from pathlib import Path

    from study.config import Config
    from study.separation import Followed


def followed_points(
    config: Config, folder: ResultsFolder, *, jobs: int
) -> list[Followed]:
    """Return what becomes of the photons of every mass, as `signal_points` does."""
    current, masses = stamp(config), config.scan.masses()
    points: dict[float, Followed] = {}
    for mass in masses:
        arrays = folder.load_point(_followed_name(mass), current)
        if arrays is not None:
            points[mass] = separation_tables.decode(arrays)
            written = _followed_name(points[mass].mass_GeV)
            folder.check_name(_followed_name(mass), written)
    tasks = {mass: (follow, (mass, config)) for mass in masses if mass not in points}
    with progress_bar("photons", len(masses), len(points)) as advance:
        for mass, point in run(tasks, jobs=jobs):
            arrays = separation_tables.encode(point)
            folder.save_point(_followed_name(mass), current, arrays)
            points[mass] = point
            advance()
    return [points[mass] for mass in masses]


def _followed_name(mass_GeV: float) -> str:
    return f"separation_{mass_label(mass_GeV)}"


def run_separation(config: Config, out: Path, *, jobs: int = 1) -> ResultsFolder:
    """Run the signal alone: separation of photons, trigger lines, efficiencies.

    Parameters and errors are those of `run_scan`.
    """
    stopwatch = Stopwatch()
    folder = ResultsFolder(out, config, "separation")
    followed = followed_points(config, folder, jobs=jobs)
    for name, columns, rows in (
        ("separation.csv", SEPARATION_COLUMNS, separation_tables.separation_rows),
        ("opening.csv", OPENING_COLUMNS, separation_tables.opening_rows),
        ("trigger.csv", TRIGGER_COLUMNS, separation_tables.trigger_rows),
    ):
        folder.write_table(name, columns, rows(followed, config))
    points = signal_points(config, folder, jobs=jobs, scanning=False)
    write_signal_tables(points, config, folder)
    folder.write_table("cutflow.csv", CUTFLOW_COLUMNS, signal_cutflow(points))
    record = stopwatch.record(config, 0, jobs, folder.reused, shower=True)
    folder.write_json("run.json", record)
    return folder
