"""The work units of a study: one mass of signal, one piece of background.

Each is a pure function of the configuration and an index, small enough to repeat and
large enough (a second or so) to send to a worker.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.geometry import Region
from detector.response import resolution as relative_resolution
from generator.alp import recoil_energy_GeV
from generator.phase_space import PhaseSpace
from generator.processes import stream
from generator.sampling import (
    BLOCKS_PER_CHUNK,
    EVENTS_PER_CHUNK,
    blocks,
    chunk_blocks,
    n_chunks,
)
from generator.signal import LogUniform, Prompt, Signal
from generator.three_photon import ThreePhoton
from selection.candidates import Candidates, SelectionName, Stage, select
from selection.tally import Tally
from selection.windows import (
    Observable,
    Window,
    WindowTable,
    resolution,
    signal_values,
    table,
    window,
)
from study.config import ANGLE_MARGIN_DEG

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from detector.simulate import Detector
    from generator.columns import Photons
    from generator.sampling import Sampler, Stream
    from study.config import Config

PILOT_EVENTS: Final = EVENTS_PER_CHUNK
PILOT_LIMIT: Final = 8 * EVENTS_PER_CHUNK
ENOUGH_FOR_SIGMA: Final = 4000
"""Selected events that fix σ to 1.5 %; the pilot sample grows until it has them."""
FEWEST_FOR_SIGMA: Final = 200
CHUNKS_PER_PIECE: Final = 8
LIFETIME_BINS: Final = 48
SHORTEST_CM: Final = 1e-3
"""Proper decay lengths below count as prompt: flights stay under 1 mm above 0.1 GeV."""
LONGEST_FLIGHT_CM: Final = 240.0
"""Farther than any front-face point is from the IP (235 cm)."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Weighted counts that a work unit returns, as plain arrays."""

    n_events: int
    passed: NDArray[np.float64]
    """(Σw, Σw²) reaching each stage, shape (selection, 2, stages before the window)."""
    in_windows: NDArray[np.float64]
    """(Σw, Σw²) in each window and part, shape (2, windows, parts)."""
    m2_low: NDArray[np.float64]
    m2_high: NDArray[np.float64]
    recoil: NDArray[np.float64]

    @classmethod
    def of(cls, tally: Tally) -> Sums:
        """Return the sums of a tally."""
        return cls(
            n_events=tally.n_events,
            passed=tally.passed(),
            in_windows=tally.in_windows(),
            m2_low=tally.m2_low,
            m2_high=tally.m2_high,
            recoil=tally.recoil,
        )


@dataclass(frozen=True, slots=True)
class Separated:
    """Signal of one mass at one crystal separation."""

    crystals: int
    windows: tuple[Window, ...]
    """The windows that could be defined: none where (almost) no signal is selected."""
    sums: Sums


@dataclass(frozen=True, slots=True)
class SignalPoint:
    """Everything a scan needs of one mass."""

    mass_GeV: float
    separated: tuple[Separated, ...]
    """One entry per separation, the detector's own first."""
    unmerged_detected: float
    """Share of events with three clusters if no photons merged."""
    lifetime_edges_cm: NDArray[np.float64]
    """Bins of proper decay length [cm], shape (n + 1,), the first from 0."""
    lifetime_passed: NDArray[np.float64]
    """Selected events per window and bin, shape (windows, n); bin 0 is prompt."""
    lifetime_generated: NDArray[np.float64]
    """Generated events per bin, shape (n,)."""


def _candidates(
    sampler: Sampler, detector: Detector, config: Config, seed: Stream, n_events: int
) -> Iterator[tuple[Photons, Candidates]]:
    beams, cuts = config.beams.build(), config.selection.cuts()
    for photons, state in blocks(sampler, seed, n_events):
        yield photons, select(detector.simulate(photons, state), beams, cuts)


def wanted_windows(
    mass_GeV: float, config: Config
) -> list[tuple[SelectionName, Observable]]:
    """Return the selections of a mass and what their windows cut on."""
    recoil = mass_GeV > config.selection.recoil_above_GeV
    high = Observable.RECOIL if recoil else Observable.M2
    return [(SelectionName.LOW, Observable.M2), (SelectionName.HIGH, high)]


def pilot_windows(
    mass_GeV: float, detector: Detector, config: Config
) -> tuple[Window, ...]:
    """Measure σ on an independent signal sample and return the windows.

    A selection that keeps fewer than ``FEWEST_FOR_SIGMA`` of its events gets none.
    """
    wanted = wanted_windows(mass_GeV, config)
    values: list[list[NDArray[np.float32]]] = [[] for _ in wanted]
    counts = [0] * len(wanted)
    seed = stream("signal-pilot", config.seed, mass_GeV)
    sampler = Signal(mass_GeV, beams=config.beams.build())
    pilot = _candidates(sampler, detector, config, seed, PILOT_LIMIT)
    for number, (_, candidates) in enumerate(pilot, start=1):
        for k, (selection, observable) in enumerate(wanted):
            found = signal_values(candidates, selection, observable)
            values[k].append(found)
            counts[k] += found.size
        if number % BLOCKS_PER_CHUNK == 0 and all(_settled(n) for n in counts):
            break
    cuts = config.selection
    return tuple(
        window(
            mass_GeV,
            selection,
            observable,
            resolution(np.concatenate(values[k])),
            sigmas=(cuts.window_sigmas_below, cuts.window_sigmas_above),
            s_GeV2=config.beams.build().s_GeV2,
        )
        for k, (selection, observable) in enumerate(wanted)
        if counts[k] >= FEWEST_FOR_SIGMA
    )


def _settled(n_selected: int) -> bool:
    """Whether a chunk has shown enough events, or too few for ever to be enough."""
    hopeless = FEWEST_FOR_SIGMA * PILOT_EVENTS / PILOT_LIMIT
    return n_selected >= ENOUGH_FOR_SIGMA or n_selected < hopeless


def _prompt_sums(
    mass_GeV: float, detector: Detector, windows: WindowTable, config: Config
) -> Sums:
    tally = Tally(windows)
    sampler = Signal(mass_GeV, decay=Prompt(), beams=config.beams.build())
    seed = stream("signal", config.seed, mass_GeV)
    sample = _candidates(sampler, detector, config, seed, config.events.signal)
    for _, candidates in sample:
        tally.add(candidates)
    return Sums.of(tally)


def _unmerged_detected(mass_GeV: float, config: Config) -> float:
    tally = Tally(table(()))
    sampler = Signal(mass_GeV, beams=config.beams.build())
    seed = stream("signal-pilot", config.seed, mass_GeV)
    detector = config.detector.build(merge_crystals=0)
    for _, candidates in _candidates(sampler, detector, config, seed, PILOT_EVENTS):
        tally.add(candidates)
    return float(tally.passed()[0, 0, Stage.DETECTED])


def lifetime_edges_cm(mass_GeV: float, s_GeV2: float) -> NDArray[np.float64]:
    """Return bins of proper decay length [cm]: prompt, then even in log.

    They end where even the slowest ALP flies beyond the front faces; its lab momentum is
    above 0.7 p* for the light ALPs that fly at all.
    """
    momentum = float(recoil_energy_GeV(mass_GeV, s_GeV2))
    longest = min(LONGEST_FLIGHT_CM * mass_GeV / (0.7 * momentum), 1e4)
    edges = np.geomspace(SHORTEST_CM, longest, LIFETIME_BINS + 1)
    return np.concatenate([[0.0], edges])


def _lifetime_counts(
    mass_GeV: float, windows: WindowTable, edges: NDArray[np.float64], config: Config
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    tally = Tally(windows, n_parts=edges.size - 1)
    law = LogUniform(float(edges[1]), float(edges[-1]))
    sampler = Signal(mass_GeV, decay=law, beams=config.beams.build())
    seed = stream("signal-lifetime", config.seed, mass_GeV)
    generated = np.zeros(edges.size - 1)
    n_events = config.events.lifetime
    detector = config.detector.build()
    for photons, candidates in _candidates(sampler, detector, config, seed, n_events):
        assert photons.proper_length_cm is not None  # LogUniform flies
        found = np.searchsorted(edges, photons.proper_length_cm, side="right") - 1
        part = np.clip(found, 1, edges.size - 2).astype(np.int32)
        generated += np.bincount(part[: photons.n_events], minlength=generated.size)
        tally.add(candidates, part)
    return tally.in_windows()[0] * n_events, generated


def signal_point(
    mass_GeV: float, config: Config, lifetimes: bool = True
) -> SignalPoint:
    """Simulate the signal of one mass for every separation.

    All separations see the same photons, so that their differences are precise (and
    their errors are not independent).

    Parameters
    ----------
    mass_GeV : float
        ALP mass [GeV].
    config : Config
        The study.
    lifetimes : bool
        Whether to simulate displaced decays as well; limits need them.
    """
    separated = []
    for crystals in config.crystals():
        detector = config.detector.build(crystals)
        windows = pilot_windows(mass_GeV, detector, config)
        sums = _prompt_sums(mass_GeV, detector, table(windows), config)
        separated.append(Separated(crystals, windows, sums))
    own = separated[0]
    n_prompt = own.sums.n_events
    if lifetimes:
        edges = lifetime_edges_cm(mass_GeV, config.beams.build().s_GeV2)
        counts = _lifetime_counts(mass_GeV, table(own.windows), edges, config)
        passed, generated = counts
    else:
        edges = np.array([0.0, SHORTEST_CM])
        passed, generated = np.zeros((len(own.windows), 1)), np.zeros(1)
    passed[:, 0] = own.sums.in_windows[0, :, 0] * n_prompt
    generated[0] = n_prompt
    return SignalPoint(
        mass_GeV=mass_GeV,
        separated=tuple(separated),
        unmerged_detected=_unmerged_detected(mass_GeV, config),
        lifetime_edges_cm=edges,
        lifetime_passed=passed,
        lifetime_generated=generated,
    )


def background_phase_space(config: Config) -> PhaseSpace:
    """Return the region to generate: the cuts, with room for the resolution.

    Photons migrate into the cuts: the margin is five σ in energy at the cut, for the worst
    region and the softest lab energy there, and ``ANGLE_MARGIN_DEG`` in angle.
    """
    cuts, level = config.selection, config.detector.background_level
    boost = config.beams.build().cms_to_lab[0]
    softest = cuts.energy_cms_min_GeV * (boost[0] - np.hypot(boost[1], boost[3]))
    worst = max(
        float(relative_resolution(softest, region, level)[0]) for region in Region
    )
    return PhaseSpace(
        theta_lab_deg=(
            cuts.theta_lab_min_deg - ANGLE_MARGIN_DEG,
            cuts.theta_lab_max_deg + ANGLE_MARGIN_DEG,
        ),
        energy_cms_min_GeV=max(1.0 - 5.0 * worst, 0.5) * cuts.energy_cms_min_GeV,
    )


def n_pieces(config: Config) -> int:
    """Return into how many pieces a background sample is cut."""
    return -(-n_chunks(config.events.background) // CHUNKS_PER_PIECE)


def background_piece(
    process: str, piece: int, windows: Sequence[Window], config: Config
) -> Sums:
    """Simulate one piece of a background process.

    Parameters
    ----------
    process : str
        Name of the process.
    piece : int
        Which piece, 0 to ``n_pieces(config)`` − 1.
    windows : sequence of Window
        All windows of the scan.
    config : Config
        The study.
    """
    beams, cuts = config.beams.build(), config.selection.cuts()
    sampler = ThreePhoton(background_phase_space(config), beams)
    detector, seed = config.detector.build(), stream(process, config.seed)
    n_events, tally = config.events.background, Tally(table(windows))
    first = piece * CHUNKS_PER_PIECE
    for chunk in range(first, min(first + CHUNKS_PER_PIECE, n_chunks(n_events))):
        for photons, state in chunk_blocks(sampler, seed, chunk, n_events):
            tally.add(select(detector.simulate(photons, state), beams, cuts))
    return Sums.of(tally)
