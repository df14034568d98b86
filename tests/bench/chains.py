"""generate → detect → select → tally, made of the functions that a scan is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from generator.processes import stream
from generator.sampling import blocks, cross_section
from generator.signal import Signal
from generator.three_photon import ThreePhoton
from selection.candidates import select
from selection.tally import Tally
from selection.windows import Window, table
from study.load import parse, preset_text, read_toml
from study.points import background_phase_space, pilot_windows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generator.sampling import Sampler, Stream
    from study.config import Config

PRESET: Final = "belle2-2017"


@dataclass(frozen=True)
class Chain:
    """One process from random numbers to counts in windows."""

    sampler: Sampler
    seed: Stream
    windows: tuple[Window, ...]
    config: Config
    uniforms: int
    """Uniform random numbers that an event takes."""

    def run(self, n_events: int) -> Tally:
        """Do what `study.points` does for a work unit of ``n_events``."""
        beams, cuts = self.config.beams.build(), self.config.selection.cuts()
        detector, tally = self.config.build_detector(), Tally(table(self.windows))
        for photons, state in blocks(self.sampler, self.seed, n_events):
            tally.add(select(detector.simulate(photons, state), beams, cuts))
        return tally

    def effective_share(self, n_events: int) -> float:
        """Return the effective sample size over the number of events."""
        total = cross_section(self.sampler, self.seed, n_events)
        return total.effective_events / total.n_events


def preset() -> Config:
    """Return the configuration that is timed."""
    return parse(read_toml(preset_text(PRESET), PRESET), PRESET)


def _windows(masses_GeV: Sequence[float], config: Config) -> tuple[Window, ...]:
    detector = config.build_detector()
    found = [pilot_windows(mass, detector, config) for mass in masses_GeV]
    return tuple(window for windows in found for window in windows)


# A photon takes five numbers in the detector: its efficiency, and two pairs of normals.
_IN_DETECTOR: Final = 3 * 5


def signal_chain(mass_GeV: float, config: Config) -> Chain:
    """Return the signal of one mass, prompt, in its own windows."""
    return Chain(
        sampler=Signal(mass_GeV, beams=config.beams.build()),
        seed=stream("signal", config.seed, mass_GeV),
        windows=_windows([mass_GeV], config),
        config=config,
        uniforms=4 + _IN_DETECTOR,
    )


def three_photon_chain(config: Config, masses_GeV: Sequence[float]) -> Chain:
    """Return e⁺e⁻ → γγγ, counted in the windows of all ``masses_GeV``."""
    return Chain(
        sampler=ThreePhoton(background_phase_space(config), config.beams.build()),
        seed=stream("aaa", config.seed),
        windows=_windows(masses_GeV, config),
        config=config,
        uniforms=6 + _IN_DETECTOR,  # the sixth chooses a cell
    )
