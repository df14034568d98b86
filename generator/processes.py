"""Processes by name, and the random stream that belongs to each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from generator import alp
from generator.sampling import Stream
from generator.signal import Exponential, Signal
from generator.three_photon import ThreePhoton

if TYPE_CHECKING:
    from generator.beams import Beams
    from generator.phase_space import PhaseSpace
    from generator.sampling import Sampler

PROCESSES: Final = ("signal", "aaa")
"""Names on the command line: e⁺e⁻ → γa, a → γγ and e⁺e⁻ → γγγ."""

_STREAMS: Final = {
    "signal": 1,
    "signal-pilot": 2,
    "signal-lifetime": 3,
    "aaa": 10,
    "sample-signal": 101,
    "sample-aaa": 110,
}
"""First number of every spawn key: never reuse one, or samples would be correlated."""

KEV_PER_GEV: Final = 1e6
"""Masses are told apart to the keV."""


def stream(purpose: str, seed: int, mass_GeV: float = 0.0) -> Stream:
    """Return the random stream of a process, and of a mass where there is one.

    The key holds the mass in keV, not its place in a list: a mass gives the same events
    whichever other masses are scanned.
    """
    return Stream(seed, _STREAMS[purpose], round(mass_GeV * KEV_PER_GEV))


def sampler(
    process: str,
    *,
    beams: Beams,
    phase_space: PhaseSpace,
    mass_GeV: float | None = None,
    coupling_per_GeV: float | None = None,
) -> Sampler:
    """Return the sampler of a process.

    Parameters
    ----------
    process : str
        One of ``PROCESSES``.
    beams : Beams
        Beam energies and crossing angle.
    phase_space : PhaseSpace
        Region in which backgrounds are generated.
    mass_GeV, coupling_per_GeV : float, optional
        Of the ALP; needed by the signal.

    Raises
    ------
    ValueError
        If the process is unknown, or the signal lacks its mass or coupling.
    """
    if process == "aaa":
        return ThreePhoton(phase_space, beams)
    if process != "signal":
        msg = f"unknown process {process!r}; allowed: {', '.join(PROCESSES)}"
        raise ValueError(msg)
    if mass_GeV is None or mass_GeV <= 0.0:
        msg = "process signal needs a positive ALP mass"
        raise ValueError(msg)
    if coupling_per_GeV is None or coupling_per_GeV <= 0.0:
        msg = "process signal needs a positive coupling"
        raise ValueError(msg)
    s = beams.s_GeV2
    return Signal(
        mass_GeV,
        float(alp.production_cross_section_pb(mass_GeV, coupling_per_GeV, s)),
        Exponential(float(alp.proper_decay_length_cm(mass_GeV, coupling_per_GeV))),
        beams,
    )
