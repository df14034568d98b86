"""Which regions of phase space no event can reach, whatever the matrix element."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from generator.beams import Beams
    from generator.initial_state import InitialState
    from generator.phase_space import PhaseSpace

SIGMAS: Final = 6.0
"""Float32 random numbers give no normal number beyond."""


def why_empty(
    region: PhaseSpace, beams: Beams, initial: InitialState, particles: int
) -> str | None:
    """Return why no event of massless particles is inside a region; None if some may be.

    Parameters
    ----------
    region : PhaseSpace
        What all particles fulfil.
    beams : Beams
        Nominal beams.
    initial : InitialState
        Radiation and spread of the beams.
    particles : int
        Final particles of the collision, at least two.

    Raises
    ------
    ValueError
        If a beam line is inside the region.
    """
    low, high = region.rapidities_cms(beams)
    if not low < high:
        return "its angles in the lab and in the CM frame have nothing in common"
    hard, root_s = region.hard_photons(particles), beams.sqrt_s_GeV
    fraction, extra = region.fraction_min(beams), region.extra_fraction_min(beams)
    needed = 0.5 * root_s * (hard * fraction + (particles - hard) * extra)
    electron = 1.0 + SIGMAS * initial.electron_spread_GeV / beams.electron_GeV
    positron = 1.0 + SIGMAS * initial.positron_spread_GeV / beams.positron_GeV
    if needed > root_s * (electron * positron) ** 0.5:
        return (
            f"{particles} particles need {needed:.4g} GeV in the CM frame, "
            f"sqrt(s) is {root_s:.4g} GeV"
        )
    lab, given = (
        hard * region.energy_lab_min_GeV,
        beams.electron_GeV + beams.positron_GeV,
    )
    spread = initial.electron_spread_GeV + initial.positron_spread_GeV
    if lab > given + SIGMAS * spread:
        return f"{hard} particles need {lab:.4g} GeV in the lab, the beams have {given:.4g}"
    if initial.dimensions == 0 and not low < 0.0 < high:
        return "all particles in one hemisphere of the CM frame do not balance"
    return None
