"""Processes by name, and the random stream that belongs to each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from generator import alp
from generator.beam_background import BeamBackground
from generator.bhabha import RadiativeBhabha
from generator.four_photon import FourPhoton
from generator.fusion import Fusion, QSquaredMax
from generator.initial_state import InitialState
from generator.mesons import MESONS, meson_photon
from generator.omega import OmegaPhoton
from generator.running import alpha_ratio
from generator.sampling import Stream
from generator.signal import Exponential, Signal
from generator.three_photon import ThreePhoton
from generator.two_photon import TwoPhoton

if TYPE_CHECKING:
    from collections.abc import Callable

    from generator.beams import Beams
    from generator.phase_space import PhaseSpace
    from generator.sampling import Sampler

SIGNALS: Final = ("signal", "fusion")
"""e⁺e⁻ → γa and e⁺e⁻ → e⁺e⁻a, with a → γγ."""
BACKGROUNDS: Final = (
    "aaa",
    "aaaa",
    "aa",
    "eea",
    "pigamma",
    "etagamma",
    "etapgamma",
    "omegagamma",
)
"""γγγ, γγγγ, γγ with a beam-background photon, e⁺e⁻γ, and mesons with a photon."""
PROCESSES: Final = SIGNALS + BACKGROUNDS
"""Names on the command line."""

_STREAMS: Final = {
    "signal": 1,
    "signal-pilot": 2,
    "signal-lifetime": 3,
    "fusion": 4,
    "aaa": 10,
    "aaaa": 11,
    "aa": 12,
    "eea": 13,
    "pigamma": 14,
    "etagamma": 15,
    "etapgamma": 16,
    "omegagamma": 17,
    "aaa-light": 18,
    "signal-separation": 19,
    "signal-separation-response": 20,
    "sample-signal": 101,
    "sample-fusion": 104,
    "sample-aaa": 110,
    "sample-aaaa": 111,
    "sample-aa": 112,
    "sample-eea": 113,
    "sample-pigamma": 114,
    "sample-etagamma": 115,
    "sample-etapgamma": 116,
    "sample-omegagamma": 117,
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


@dataclass(frozen=True, slots=True)
class Options:
    """What can be chosen about the processes, beside their phase space.

    Parameters
    ----------
    initial : InitialState
        Initial-state radiation and the spread of the beam energies.
    running_alpha : bool
        Whether vacuum polarisation dresses virtual photons; real ones couple with α(0).
    q2_max : QSquaredMax
        Largest photon virtuality in photon fusion.
    track_loss : float
        Chance that the track of an electron inside the tracking volume is lost.
    beam_background : BeamBackground
        Rate and spectrum of beam-background photons, for γγ.
    """

    initial: InitialState = field(default_factory=InitialState)
    running_alpha: bool = False
    q2_max: QSquaredMax = QSquaredMax.KINEMATIC
    track_loss: float = 0.01
    beam_background: BeamBackground = field(default_factory=BeamBackground)


def sampler(
    process: str,
    *,
    beams: Beams,
    phase_space: PhaseSpace,
    mass_GeV: float | None = None,
    coupling_per_GeV: float | None = None,
    options: Options | None = None,
) -> Sampler:
    """Return the sampler of a process.

    Parameters
    ----------
    process : str
        One of ``PROCESSES``.
    beams : Beams
        Beam energies and crossing angle.
    phase_space : PhaseSpace
        Region in which QED backgrounds are generated; signals and mesons are generated
        everywhere.
    mass_GeV, coupling_per_GeV : float, optional
        Of the ALP; needed by the signals.
    options : Options, optional
        Radiation, couplings, fakes.

    Raises
    ------
    ValueError
        If the process is unknown, or a signal lacks its mass or coupling.
    """
    chosen = options or Options()
    if process in SIGNALS:
        mass = _positive(process, "ALP mass", mass_GeV)
        coupling = _positive(process, "coupling", coupling_per_GeV)
        return _SIGNALS[process](mass, coupling, beams, chosen)
    if process not in BACKGROUNDS:
        msg = f"unknown process {process!r}; allowed: {', '.join(PROCESSES)}"
        raise ValueError(msg)
    if process in MESONS:
        return meson_photon(process, beams=beams, initial=chosen.initial)
    return _BACKGROUNDS[process](phase_space, beams, chosen)


def _positive(process: str, what: str, value: float | None) -> float:
    if value is None or value <= 0.0:
        msg = f"process {process} needs a positive {what}"
        raise ValueError(msg)
    return value


def signal_cross_section_pb(
    mass_GeV: float, coupling_per_GeV: float, s_GeV2: float, *, running_alpha: bool
) -> float:
    """Return the Born σ(e⁺e⁻ → γa) [pb].

    With ``running_alpha`` vacuum polarisation dresses the one virtual photon, of
    momentum squared s: σ ∝ g²α (α(s)/α)². arXiv:1709.00009 calls it the running of both
    α and g.
    """
    born = alp.production_cross_section_pb(mass_GeV, coupling_per_GeV, s_GeV2)
    return float(born) * (alpha_ratio(s_GeV2) ** 2 if running_alpha else 1.0)


def _signal(mass: float, coupling: float, beams: Beams, options: Options) -> Sampler:
    return Signal(
        mass,
        signal_cross_section_pb(
            mass, coupling, beams.s_GeV2, running_alpha=options.running_alpha
        ),
        Exponential(float(alp.proper_decay_length_cm(mass, coupling))),
        beams,
        options.initial,
    )


def _fusion(mass: float, coupling: float, beams: Beams, options: Options) -> Sampler:
    return Fusion(
        mass,
        coupling,
        Exponential(float(alp.proper_decay_length_cm(mass, coupling))),
        beams,
        options.initial,
        q2_max=options.q2_max,
        track_loss=options.track_loss,
    )


def _eea(phase_space: PhaseSpace, beams: Beams, options: Options) -> Sampler:
    return RadiativeBhabha(
        phase_space,
        beams,
        initial=options.initial,
        track_loss=options.track_loss,
        running_alpha=options.running_alpha,
    )


_SIGNALS: Final[dict[str, Callable[[float, float, Beams, Options], Sampler]]] = {
    "signal": _signal,
    "fusion": _fusion,
}
_BACKGROUNDS: Final[dict[str, Callable[[PhaseSpace, Beams, Options], Sampler]]] = {
    "aaa": lambda space, beams, o: ThreePhoton(space, beams, initial=o.initial),
    "aaaa": lambda space, beams, o: FourPhoton(space, beams, initial=o.initial),
    "aa": lambda space, beams, o: TwoPhoton(
        space, beams, initial=o.initial, background=o.beam_background
    ),
    "eea": _eea,
    "omegagamma": lambda _, beams, o: OmegaPhoton(beams, o.initial),
}
