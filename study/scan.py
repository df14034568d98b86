"""The mass scan: signal points, background pieces, limits, tables.

Signal points come first, since they measure the windows in which the background is then
counted, all masses in one pass over one background sample.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import numpy as np

from generator.compiled import sources_hash
from study import limits_table
from study.codec import (
    decode_signal,
    decode_sums,
    encode_signal,
    encode_sums,
    encode_windows,
)
from study.config import LIGHT_PAIRS
from study.efficiencies import (
    cutflow_rows,
    efficiency_rows,
    window_rows,
)
from study.executors import run
from study.histograms import write_histograms
from study.light_pairs import covered
from study.limits_table import Background
from study.names import (
    CUTFLOW_COLUMNS,
    EFFICIENCY_COLUMNS,
    LIMIT_COLUMNS,
    WINDOW_COLUMNS,
    mass_label,
)
from study.points import background_piece, n_pieces, signal_point
from study.progress import progress_bar
from study.provenance import Stopwatch, version
from study.store import ResultsFolder, atomic_path
from study.sums import ARRAYS, Sums

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from selection.candidates import SelectionName
    from selection.windows import Window
    from study.config import Config
    from study.sums import SignalPoint


POINT_SOURCES: Final = (
    "generator",
    "detector",
    "selection",
    "study/points.py",
    "study/light_pairs.py",
    "study/separation.py",
    "study/separation_tables.py",
    "study/sums.py",
    "study/codec.py",
)
"""What the content of a point file follows from, beside the configuration."""


def signal_points(
    config: Config, folder: ResultsFolder, *, jobs: int, scanning: bool = True
) -> list[SignalPoint]:
    """Return the signal of every mass, computing what the folder does not hold.

    Unless it is for a scan there are no lifetimes, but the crystal-level model as well.
    """
    current = stamp(config)
    points: dict[float, SignalPoint] = {}
    for mass in config.scan.masses():
        arrays = folder.load_point(_signal_name(mass), current)
        if arrays is not None:
            points[mass] = decode_signal(arrays)
            folder.check_name(_signal_name(mass), _signal_name(points[mass].mass_GeV))
    masses = config.scan.masses()
    variants = config.variants(shower=not scanning)
    tasks = {
        mass: (signal_point, (mass, config, variants, scanning))
        for mass in masses
        if mass not in points
    }
    with progress_bar("signal", len(masses), len(points)) as advance:
        for mass, point in run(tasks, jobs=jobs):
            folder.save_point(_signal_name(mass), current, encode_signal(point))
            points[mass] = point
            advance()
    return [points[mass] for mass in masses]


def stamp(config: Config) -> str:
    """Return what a point depends on: configuration, code, and the numerical libraries.

    A run that is resumed after any of them changed would otherwise mix two studies.
    """
    libraries = "-".join(version(name) for name in ("numpy", "numba"))
    return f"{config.digest()}-{sources_hash(POINT_SOURCES)}-{libraries}"


def _signal_name(mass_GeV: float) -> str:
    return f"signal_{mass_label(mass_GeV)}"


def background_sums(
    process: str,
    windows: Sequence[Window],
    config: Config,
    folder: ResultsFolder,
    *,
    jobs: int,
) -> Sums:
    """Return a background's counts in all windows, piece by piece from the folder."""
    current = _background_stamp(config, windows)
    total = n_pieces(process, config)
    pieces: dict[int, Sums] = {}
    for piece in range(total):
        arrays = folder.load_point(_piece_name(process, piece), current)
        if arrays is not None:
            written = _piece_name(process, int(arrays["piece"]))
            folder.check_name(_piece_name(process, piece), written)
            pieces[piece] = decode_sums(arrays)
    tasks = {
        piece: (background_piece, (process, piece, tuple(windows), config))
        for piece in range(total)
        if piece not in pieces
    }
    with progress_bar(process, total, len(pieces)) as advance:
        for piece, sums in run(tasks, jobs=jobs):
            arrays = {"piece": np.array(piece), **encode_sums(sums)}
            folder.save_point(_piece_name(process, piece), current, arrays)
            pieces[piece] = sums
            advance()
    result = _add([pieces[piece] for piece in range(total)])
    if result.n_events != config.events.of(process):
        msg = f"{process}: {result.n_events} events instead of those configured"
        raise RuntimeError(msg)
    return result


def _piece_name(process: str, piece: int) -> str:
    return f"background_{process}_{piece:05d}"


def _background_stamp(config: Config, windows: Sequence[Window]) -> str:
    digest = hashlib.sha256(stamp(config).encode())
    for array in encode_windows(windows).values():
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def _add(pieces: Sequence[Sums]) -> Sums:
    """Add pieces in their order, so that the sum does not depend on who was first."""
    arrays = {
        name: np.sum([getattr(piece, name) for piece in pieces], axis=0)
        for name in ARRAYS
    }
    return Sums(sum(piece.n_events for piece in pieces), **arrays)


def background(
    process: str,
    windows: Sequence[Window],
    config: Config,
    folder: ResultsFolder,
    *,
    jobs: int,
) -> Sums:
    """Return a background's counts, those of light pairs from the sample aimed at them."""
    sums = background_sums(process, windows, config, folder, jobs=jobs)
    places = covered(windows, config) if process == "aaa" else []
    if not places:
        return sums
    chosen = [windows[place] for place in places]
    aimed = background_sums(LIGHT_PAIRS, chosen, config, folder, jobs=jobs)
    return sums.with_windows(places, aimed)


def in_windows(
    windows: Sequence[Window], sums: Sequence[Sums]
) -> dict[tuple[float, SelectionName], Background]:
    """Return the background in every window, summed over processes.

    The error of a process is √Σw², or that of one typical event (Σw²/Σw of the sample)
    where none fell in: an empty window is not known to be background-free.
    """
    result = {}
    for k, window in enumerate(windows):
        sigma = sum(float(s.in_windows[0, k].sum()) for s in sums)
        variance = sum(
            max(float(s.in_windows[1, k].sum()), s.weight_in(k) ** 2) for s in sums
        )
        key = (window.mass_GeV, window.selection)
        result[key] = Background(sigma, float(np.sqrt(variance)))
    return result


def run_scan(config: Config, out: Path, *, jobs: int = 1) -> ResultsFolder:
    """Run the scan of a configuration and write its results folder.

    Parameters
    ----------
    config : Config
        The study.
    out : Path
        Results folder; a finished part of the same study is not computed again.
    jobs : int
        Worker processes. Results do not depend on it.

    Raises
    ------
    InputError
        If the folder holds another study, cannot be written, or has a corrupt point.
    """
    stopwatch = Stopwatch()
    folder = ResultsFolder(out, config, "scan")
    points = signal_points(config, folder, jobs=jobs)
    windows = [window for point in points for window in point.separated[0].windows]
    backgrounds: dict[str, Sums] = {
        process: background(process, windows, config, folder, jobs=jobs)
        for process in config.processes
    }
    counts = in_windows(windows, list(backgrounds.values()))
    rows = limits_table.rows(points, counts, config)
    cells = (row.cells() for row in rows)
    folder.write_table("limits.csv", LIMIT_COLUMNS, cells)
    write_signal_tables(points, config, folder)
    indexed = [(window, k) for k, window in enumerate(windows)]
    flow = [
        *signal_cutflow(points),
        *(
            row
            for process, sums in backgrounds.items()
            for row in cutflow_rows(process, sums, indexed)
        ),
    ]
    folder.write_table("cutflow.csv", CUTFLOW_COLUMNS, flow)
    with atomic_path(out / "histograms.root") as temporary:
        write_histograms(temporary, points, backgrounds)
    events = sum(sums.n_events for sums in backgrounds.values())
    folder.write_json("run.json", stopwatch.record(config, events, jobs, folder.reused))
    return folder


def write_signal_tables(
    points: list[SignalPoint], config: Config, folder: ResultsFolder
) -> None:
    """Write ``efficiency.csv`` and ``windows.csv``."""
    rows = efficiency_rows(points, config)
    folder.write_table("efficiency.csv", EFFICIENCY_COLUMNS, rows)
    folder.write_table("windows.csv", WINDOW_COLUMNS, window_rows(points, config))


def signal_cutflow(points: list[SignalPoint]) -> list[tuple[object, ...]]:
    """Return the cut flow of every mass with the detector's own clusters."""
    return [
        row
        for point in points
        for row in cutflow_rows(
            "signal",
            point.separated[0].sums,
            [(window, k) for k, window in enumerate(point.separated[0].windows)],
        )
    ]
