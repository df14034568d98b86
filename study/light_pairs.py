"""The background of light ALPs: γγγ events aimed at light pairs.

A window below 0.5 GeV holds between 10⁻³ and 10⁻⁶ of all γγγ events, so the low-mass
windows that `LightPair` covers are counted in a sample of its own. It is independent of
the plain sample, which gives everything else: cut flow, spectra, all other windows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from generator.light_pair import LightPair
from selection.candidates import SelectionName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generator.phase_space import PhaseSpace
    from selection.windows import Window
    from study.config import Config

HEAVIEST_GEV: Final = 0.6
"""Largest true mass of the lightest pair. Beyond, the plain sample of the default
sizes (ten times as many events) knows the windows better."""
SIGMAS: Final = 6.0
"""A heavier pair would have to fluctuate by this many σ to be counted."""
HELICITY_MARGIN: Final = 0.15
"""Room above the cut on the pair's |cos θ|, whose resolution is 0.01: all events that
pass were found within 0.05."""


def covered(windows: Sequence[Window], config: Config) -> list[int]:
    """Return the indices of the windows to count in the aimed sample.

    None if γγγ is not among the backgrounds.

    Parameters
    ----------
    windows : sequence of Window
        Windows of the scan.
    config : Config
        The study.
    """
    wanted = "aaa" in config.processes and config.events.light_pairs > 0
    if not wanted:
        return []
    return [k for k, window in enumerate(windows) if _covers(window)]


def _covers(window: Window) -> bool:
    """Whether a window (low-mass ones are in m²) holds pairs below the bound only."""
    light = window.high + SIGMAS * window.sigma < HEAVIEST_GEV**2
    return window.selection is SelectionName.LOW and light


def aimed_sampler(space: PhaseSpace, config: Config) -> LightPair:
    """Return the sampler of the events that the covered windows are filled from.

    Parameters
    ----------
    space : PhaseSpace
        Region of the plain sample.
    config : Config
        The study.
    """
    beams = config.beams.build()
    return LightPair(
        space,
        beams,
        initial=config.options().initial,
        pair_mass_GeV=(0.0, min(HEAVIEST_GEV, beams.sqrt_s_GeV)),
        helicity_max=min(1.0, config.selection.helicity_low + HELICITY_MARGIN),
    )
