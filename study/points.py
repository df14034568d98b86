"""The work units of a study: one mass of signal, one piece of background.

Each is a pure function of the configuration and an index, small enough to repeat and
large enough (a second or so) to send to a worker.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.geometry import Region
from detector.response import resolution as relative_resolution
from detector.simulate import ClusterModel
from generator.alp import recoil_energy_GeV
from generator.phase_space import PhaseSpace
from generator.processes import sampler as sampler_of
from generator.processes import signal_cross_section_pb, stream
from generator.sampling import (
    BLOCKS_PER_CHUNK,
    EVENTS_PER_CHUNK,
    blocks,
    chunk_blocks,
    n_chunks,
)
from generator.signal import LogUniform, Prompt, Signal
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
from study.config import ANGLE_MARGIN_DEG, LIGHT_PAIRS, Variant
from study.light_pairs import aimed_sampler
from study.sums import Separated, SignalPoint, Sums

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from detector.simulate import Detector
    from generator.columns import Photons
    from generator.sampling import Sampler, Stream
    from generator.signal import DecayLaw
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


def _candidates(
    sampler: Sampler, detector: Detector, config: Config, seed: Stream, n_events: int
) -> Iterator[tuple[Photons, Candidates]]:
    beams, cuts = config.beams.build(), config.selection.cuts()
    for photons, state in blocks(sampler, seed, n_events):
        yield photons, select(detector.simulate(photons, state), beams, cuts)


def _signal(mass_GeV: float, config: Config, decay: DecayLaw | None = None) -> Signal:
    """Return the signal; its weights add up to the radiative factor."""
    beams, options = config.beams.build(), config.options()
    dressed, born = (
        signal_cross_section_pb(mass_GeV, 1.0, beams.s_GeV2, running_alpha=running)
        for running in (options.running_alpha, False)
    )
    return Signal(mass_GeV, dressed / born, decay or Prompt(), beams, options.initial)


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

    The sample has no radiation, whose tail is no resolution: σ is that of the detector
    (and of the beam energies), and events have equal weights. A selection that keeps
    fewer than ``FEWEST_FOR_SIGMA`` of the events gets no window.
    """
    wanted = wanted_windows(mass_GeV, config)
    values: list[list[NDArray[np.float32]]] = [[] for _ in wanted]
    counts = [0] * len(wanted)
    seed = stream("signal-pilot", config.seed, mass_GeV)
    initial = replace(config.options().initial, radiation=False)
    sampler = Signal(mass_GeV, beams=config.beams.build(), initial=initial)
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
    seed = stream("signal", config.seed, mass_GeV)
    source, n_events = _signal(mass_GeV, config), config.events.signal
    sample = _candidates(source, detector, config, seed, n_events)
    for _, candidates in sample:
        tally.add(candidates)
    return Sums.of(tally)


def _unmerged_detected(mass_GeV: float, config: Config) -> float:
    tally = Tally(table(()))
    source = _signal(mass_GeV, config)
    seed = stream("signal-pilot", config.seed, mass_GeV)
    detector = config.build_detector(Variant(ClusterModel.SEPARATION, 0))
    for _, candidates in _candidates(source, detector, config, seed, PILOT_EVENTS):
        tally.add(candidates)
    reach = tally.passed()[0, 0]
    return float(reach[Stage.DETECTED] / reach[Stage.GENERATED])


def lifetime_edges_cm(mass_GeV: float, s_GeV2: float) -> NDArray[np.float64]:
    """Return bins of proper decay length [cm]: prompt, then even in log.

    They end where even the slowest ALP flies beyond the front faces; its lab momentum is
    above 0.7 p* for the light ALPs that fly at all.
    """
    momentum = float(recoil_energy_GeV(mass_GeV, s_GeV2))
    longest = min(LONGEST_FLIGHT_CM * mass_GeV / (0.7 * momentum), 1e4)
    edges = np.geomspace(SHORTEST_CM, longest, LIFETIME_BINS + 1)
    return np.concatenate([[0.0], edges])


def _lifetime_sums(
    mass_GeV: float, windows: WindowTable, edges: NDArray[np.float64], config: Config
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (Σw, Σw²) by decay length, selected in each window and generated."""
    tally = Tally(windows, n_parts=edges.size - 1)
    source = _signal(mass_GeV, config, LogUniform(float(edges[1]), float(edges[-1])))
    seed = stream("signal-lifetime", config.seed, mass_GeV)
    generated = np.zeros((2, edges.size - 1))
    detector, n_events = config.build_detector(), config.events.lifetime
    for photons, candidates in _candidates(source, detector, config, seed, n_events):
        assert photons.proper_length_cm is not None  # LogUniform flies
        found = np.searchsorted(edges, photons.proper_length_cm, side="right") - 1
        part = np.clip(found, 1, edges.size - 2).astype(np.int32)
        for power in (1, 2):  # padding has no weight
            weight = photons.weight_pb**power
            generated[power - 1] += np.bincount(part, weight, edges.size - 1)
        tally.add(candidates, part)
    return tally.in_windows(), generated


def signal_point(
    mass_GeV: float,
    config: Config,
    variants: Sequence[Variant],
    lifetimes: bool = True,
) -> SignalPoint:
    """Simulate the signal of one mass for every way to make clusters.

    All of them see the same photons, so that their differences are precise (and
    their errors are not independent).

    Parameters
    ----------
    mass_GeV : float
        ALP mass [GeV].
    config : Config
        The study.
    variants : sequence of Variant
        Ways to make clusters, the detector's own first.
    lifetimes : bool
        Whether to simulate displaced decays as well; limits need them.
    """
    separated = []
    for variant in variants:
        detector = config.build_detector(variant)
        windows = pilot_windows(mass_GeV, detector, config)
        sums = _prompt_sums(mass_GeV, detector, table(windows), config)
        separated.append(Separated(variant, windows, sums))
    own = separated[0]
    if lifetimes:
        edges = lifetime_edges_cm(mass_GeV, config.beams.build().s_GeV2)
        by_length = _lifetime_sums(mass_GeV, table(own.windows), edges, config)
        passed, generated = by_length
    else:
        edges = np.array([0.0, SHORTEST_CM])
        passed, generated = np.zeros((2, len(own.windows), 1)), np.zeros((2, 1))
    passed[..., 0] = own.sums.in_windows[..., 0]
    generated[:, 0] = own.sums.passed[0, :, Stage.GENERATED]
    return SignalPoint(
        mass_GeV=mass_GeV,
        separated=tuple(separated),
        unmerged_detected=_unmerged_detected(mass_GeV, config),
        lifetime_edges_cm=edges,
        lifetime_passed=passed,
        lifetime_generated=generated,
    )


def background_phase_space(config: Config, process: str = "aaa") -> PhaseSpace:
    """Return the region to generate: the cuts, with room for the resolution.

    Photons migrate into the cuts: the margin is five σ in energy at the cut, for the
    worst region and the softest lab energy there, and ``ANGLE_MARGIN_DEG`` in angle. The
    fourth photon of γγγγ may be softer than the cuts.
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
        extra_energy_cms_min_GeV=(
            config.generator.extra_energy_cms_min_GeV if process == "aaaa" else None
        ),
    )


def _background_sampler(process: str, config: Config) -> Sampler:
    space = background_phase_space(config, process)
    if process == LIGHT_PAIRS:
        return aimed_sampler(space, config)
    beams, options = config.beams.build(), config.options()
    return sampler_of(process, beams=beams, phase_space=space, options=options)


def n_pieces(process: str, config: Config) -> int:
    """Return into how many pieces the sample of a background is cut."""
    return -(-n_chunks(config.events.of(process)) // CHUNKS_PER_PIECE)


def background_piece(
    process: str, piece: int, windows: Sequence[Window], config: Config
) -> Sums:
    """Simulate one piece of a background process.

    Parameters
    ----------
    process : str
        Name of the process, or ``LIGHT_PAIRS``.
    piece : int
        Which piece, 0 to ``n_pieces(process, config)`` − 1.
    windows : sequence of Window
        All windows of the scan.
    config : Config
        The study.
    """
    beams, cuts = config.beams.build(), config.selection.cuts()
    source = _background_sampler(process, config)
    detector, seed = config.build_detector(), stream(process, config.seed)
    n_events, tally = config.events.of(process), Tally(table(windows))
    first = piece * CHUNKS_PER_PIECE
    for chunk in range(first, min(first + CHUNKS_PER_PIECE, n_chunks(n_events))):
        for photons, state in chunk_blocks(source, seed, chunk, n_events):
            tally.add(select(detector.simulate(photons, state), beams, cuts))
    return Sums.of(tally)
