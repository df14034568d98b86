"""Pseudoscalar mesons with a photon: e⁺e⁻ → γ*→ γP, P → γγ for π⁰, η and η′.

They look like an ALP of the meson's mass. An ALP couples to γ*γ as ¼ g F F̃ a, a meson as
4πα F_P(q²) in place of g; so the recoil photon has the same 1 + cos²θ*: a pseudoscalar
and a real photon leave the virtual photon only helicities ±1 along their line of flight.
P has spin 0 and decays isotropically.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from generator.alp import production_cross_section_pb
from generator.constants import ALPHA_0
from generator.initial_state import InitialState
from generator.pdg import ETA, ETA_PRIME, PI0
from generator.running import alpha_ratio
from generator.signal import Prompt, Signal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from generator.beams import Beams

ROOT_MIN: Final = 0.5
"""Smallest √(ŝ/s) of a collision. The form factor is used as (q²F)/q² with q²F measured
at s; towards low ŝ that law fails, and γP comes from ρ, ω and φ instead."""


@dataclass(frozen=True, slots=True)
class Meson:
    """A pseudoscalar meson.

    Parameters
    ----------
    pdg : int
        PDG number.
    mass_GeV : float
        Mass [GeV].
    form_factor_GeV : float
        q²|F_P(q²)| of its transition to γ*γ at q² = 112 GeV² [GeV].
    two_photon_fraction : float
        Branching fraction to γγ.
    """

    pdg: int
    mass_GeV: float
    form_factor_GeV: float
    two_photon_fraction: float


# Masses and branching fractions: PDG (remembered). Form factors of η and η′: measured by
# BaBar, hep-ex/0605018, 0.229 ± 0.030 ± 0.008 and 0.251 ± 0.019 ± 0.008 GeV. That of π⁰
# is theory, not measured at this q²: the asymptotic √2 f_π, f_π = 0.131 GeV.
MESONS: Final[Mapping[str, Meson]] = {
    "pigamma": Meson(PI0, 0.1349768, 0.185, 0.98823),
    "etagamma": Meson(ETA, 0.547862, 0.229, 0.3936),
    "etapgamma": Meson(ETA_PRIME, 0.95778, 0.251, 0.02307),
}
"""By name of the process."""


def meson_cross_section_pb(meson: Meson, s_GeV2: float) -> float:
    """Return σ(e⁺e⁻ → γP) = (2π²α³/3) |F_P(s)|² (1 − m²/s)³ (α(s)/α)² [pb].

    Before the decay of P. Measured cross sections contain the vacuum polarisation of the
    virtual photon, form factors do not: it is always included.

    Parameters
    ----------
    meson : Meson
        Which one; F_P(s) = form_factor_GeV/s.
    s_GeV2 : float
        Mandelstam s [GeV²].

    References
    ----------
    .. [1] BaBar Collaboration, hep-ex/0605018 (formula remembered; it is that of the ALP
       with g = 4πα F, and gives the cross sections measured there).
    """
    coupling = 4.0 * np.pi * ALPHA_0 * meson.form_factor_GeV / s_GeV2
    born = production_cross_section_pb(meson.mass_GeV, coupling, s_GeV2)
    return float(born) * alpha_ratio(s_GeV2) ** 2


def meson_photon(
    process: str, *, beams: Beams, initial: InitialState | None = None
) -> Signal:
    """Return the sampler of e⁺e⁻ → γP, P → γγ.

    With initial-state radiation σ(ŝ) ∝ (1 − m²/ŝ)³/ŝ², for √ŝ > `ROOT_MIN` √s; vacuum
    polarisation stays that of s.

    Parameters
    ----------
    process : str
        One of ``MESONS``.
    beams : Beams
        Beam energies and crossing angle.
    initial : InitialState, optional
        Radiation off the beams and the spread of their energies.

    Raises
    ------
    ValueError
        If the process is unknown, or the meson too heavy for the beams.
    """
    if process not in MESONS:
        msg = f"unknown meson process {process!r}; allowed: {', '.join(MESONS)}"
        raise ValueError(msg)
    meson = MESONS[process]
    produced = meson_cross_section_pb(meson, beams.s_GeV2)
    return Signal(
        meson.mass_GeV,
        produced * meson.two_photon_fraction,
        Prompt(),
        beams,
        initial or InitialState(),
        name=process,
        parent=meson.pdg,
        root_power=-4.0,
        root_min=ROOT_MIN,
    )
