"""One event of a process or of a file, drawn crystal by crystal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.files import refuse_clusters
from detector.picture import EventPicture, draw_event
from detector.simulate import ClusterModel
from generator.ingest import photons as photons_of
from generator.ingest import read_root
from generator.processes import PROCESSES, SIGNALS, stream
from generator.random import lanes
from generator.sampling import EVENTS_PER_CHUNK, chunk_blocks
from generator.simd import LANES
from study.errors import InputError
from study.sample import COUPLING_PER_GEV, check, phase_space, sampler_of
from study.store import atomic_path

if TYPE_CHECKING:
    from generator.columns import Photons
    from generator.random import LaneState
    from study.config import Config

SUFFIXES: Final = (".png", ".pdf", ".svg")
_MANY: Final = 1 << 40
"""Events of the sample that the event is part of: only their weights depend on it."""


def draw_display(
    source: str,
    number: int,
    out: Path,
    config: Config,
    *,
    mass_GeV: float | None = None,
    coupling_per_GeV: float | None = None,
) -> str:
    """Draw an event and return a report.

    Parameters
    ----------
    source : str
        A process, whose events are those of `alpenglow sample` with the same seed, or
        a ROOT file with events.
    number : int
        Number of the event, from 0.
    out : Path
        Picture to write.
    config : Config
        The study; showers and clusters are those of the crystal-level model.
    mass_GeV, coupling_per_GeV : float, optional
        Of the ALP.

    Raises
    ------
    InputError
        If there is no such process, file or event, or the picture cannot be written.
    """
    if out.suffix not in SUFFIXES:
        msg = f"--out {out}: allowed suffixes: {', '.join(SUFFIXES)}"
        raise InputError(msg)
    if source in PROCESSES:
        photons, state = _generated(source, number, config, mass_GeV, coupling_per_GeV)
        name = source if mass_GeV is None else f"{source}, m = {mass_GeV:g} GeV"
    else:
        if not Path(source).exists():
            allowed = ", ".join(PROCESSES)
            msg = f"{source}: neither a file nor a process; processes: {allowed}"
            raise InputError(msg)
        if mass_GeV is not None or coupling_per_GeV is not None:
            msg = f"--mass and --coupling are for processes, not for files: {source}"
            raise InputError(msg)
        photons, state = _from_file(Path(source), number, config.seed)
        name = Path(source).name
    picture = _picture(photons, state, number % LANES, config)
    from study.figures.display import display_figure  # noqa: PLC0415  # slow
    from study.figures.style import context  # noqa: PLC0415

    figure = display_figure(picture, f"{name}, event {number}")
    with atomic_path(out) as temporary, context():
        figure.savefig(temporary, format=out.suffix.removeprefix("."))
    clusters, crystals = picture.core.size, picture.cell.size
    plural = "" if clusters == 1 else "s"
    return f"wrote {out}: {clusters} cluster{plural} in {crystals} crystals"


def _picture(
    photons: Photons, state: LaneState, lane: int, config: Config
) -> EventPicture:
    detector = replace(config.build_detector(), model=ClusterModel.SHOWER)
    hits = detector.hits(photons, state)
    return draw_event(detector.shower_model, hits, state, lane)


def _generated(
    process: str,
    number: int,
    config: Config,
    mass_GeV: float | None,
    coupling_per_GeV: float | None,
) -> tuple[Photons, LaneState]:
    """Return the block of a process that holds an event."""
    check(process, 1, mass_GeV, coupling_per_GeV, {})
    if process in SIGNALS and coupling_per_GeV is None:
        coupling_per_GeV = COUPLING_PER_GEV
    region = phase_space(config, process)
    source = sampler_of(process, region, config, mass_GeV, coupling_per_GeV)
    seed = stream(f"sample-{process}", config.seed, mass_GeV or 0.0)
    chunk, within = divmod(number, EVENTS_PER_CHUNK)
    found = chunk_blocks(source, seed, chunk, _MANY)
    for _ in range(within // LANES):
        next(found)
    return next(found)


def _from_file(path: Path, number: int, seed: int) -> tuple[Photons, LaneState]:
    """Return the block of a file that holds an event."""
    try:
        refuse_clusters(path)
        events = read_root(path, "events")
        if number >= len(events):
            msg = f"{path}: no event {number}, it has {len(events)}"
            raise InputError(msg)
        first = number // LANES * LANES
        block = next(photons_of(events[first : first + LANES]))
    except (OSError, ValueError) as error:
        text = " ".join(str(error).split()).removeprefix(f"{path}: ")
        msg = f"{path}: {text}"
        raise InputError(msg) from None
    return block, lanes(np.random.SeedSequence(seed, spawn_key=(first,)))
