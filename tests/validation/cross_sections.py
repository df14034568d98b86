"""Cross sections of every process against other calculations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from rich.console import Console
from rich.table import Table

from generator.beam_background import BeamBackground
from generator.beams import Beams
from generator.bhabha import RadiativeBhabha
from generator.equivalent_photons import fusion_cross_section_pb
from generator.four_photon import FourPhoton
from generator.fusion import Fusion
from generator.initial_state import InitialState
from generator.mesons import MESONS, meson_cross_section_pb, meson_photon
from generator.omega import OmegaPhoton
from generator.phase_space import PhaseSpace
from generator.processes import sampler
from generator.sampling import Stream, cross_section
from generator.signal import Prompt, Signal
from generator.three_photon import ThreePhoton
from generator.two_photon import TwoPhoton
from tests.reference.three_photon import Region
from tests.validation import oracles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from generator.sampling import Sampler
    from tests.validation.oracles import Result

EVENTS: Final = 20_000_000
COUPLING: Final = 1e-3
S: Final = Beams().s_GeV2


@dataclass(frozen=True)
class Check:
    """One cross section, here and elsewhere [pb]."""

    what: str
    ours: Result
    other: Result
    how: str

    @property
    def pull(self) -> float:
        """Difference over its error, 0 where both are exact and equal to 1e-4."""
        error = float(np.hypot(self.ours[1], self.other[1]))
        difference = self.ours[0] - self.other[0]
        if error == 0.0:
            return 0.0 if abs(difference) < 1e-4 * self.other[0] else np.inf
        return difference / error

    @property
    def relative_error(self) -> float:
        """Of the comparison."""
        return float(np.hypot(self.ours[1], self.other[1])) / self.other[0]


def _measured(source: Sampler, n_events: int = EVENTS) -> Result:
    total = cross_section(source, Stream(1, 900), n_events)
    return total.sum_pb, total.error_pb


def _signal() -> Iterator[Check]:
    radiating = InitialState(radiation=True)
    for mass in (0.3, 3.0, 9.0):
        source = sampler(
            "signal", beams=Beams(), phase_space=PhaseSpace(),
            mass_GeV=mass, coupling_per_GeV=COUPLING,
        )  # fmt: skip
        born = _measured(source, 10_000)
        oracle = oracles.signal(mass, COUPLING)
        yield Check(f"γa, {mass:g} GeV", born, oracle, "quadrature of dσ/dcosθ*")
        radiated = _measured(Signal(mass, born[0], initial=radiating))
        expected = oracles.radiated_signal(mass, COUPLING)
        yield Check(f"γa, {mass:g} GeV, radiation", radiated, expected, "quadrature")


def _fusion() -> Iterator[Check]:
    for mass in (0.1, 1.0, 6.0):
        formula = float(fusion_cross_section_pb(mass, COUPLING, S, S / 4))
        oracle = oracles.fusion_formula(mass, COUPLING)
        yield Check(
            f"e⁺e⁻a, {mass:g} GeV, formula", (formula, 0.0), oracle, "quadrature"
        )
        source = Fusion(mass, COUPLING, Prompt(), veto_tracks=False)
        expected = oracles.fusion_with_room(mass, COUPLING)
        what = f"e⁺e⁻a, {mass:g} GeV, exact kinematics"
        yield Check(what, _measured(source), expected, "midpoint sum")


_REGIONS: Final = (
    ("17–150°, E* > 0.25", PhaseSpace(), Region(17.0, 150.0, 0.25, 0.0)),
    (
        "37.3–123.7°, E > 0.65",
        PhaseSpace((37.3, 123.7), 0.0, 0.65),
        Region(37.3, 123.7, 0.0, 0.65),
    ),
    (
        "37.3–123.7°, E > 1.0",
        PhaseSpace((37.3, 123.7), 0.0, 1.0),
        Region(37.3, 123.7, 0.0, 1.0),
    ),
)


def _aaa() -> Iterator[Check]:
    for name, space, region in _REGIONS:
        oracle = oracles.flat_three_photon(region)
        yield Check(
            f"γγγ, {name}", _measured(ThreePhoton(space)), oracle, "flat phase space"
        )


def _aaaa() -> Iterator[Check]:
    space = PhaseSpace(extra_energy_cms_min_GeV=0.1)
    oracle = oracles.flat_four_photon(_REGIONS[0][2], 0.1)
    ours = _measured(FourPhoton(space), EVENTS // 4)
    yield Check(
        "γγγγ, 17–150°, 3 × 0.25, 1 × 0.1", ours, oracle, "RAMBO, Dirac spinors"
    )


def _aa() -> Iterator[Check]:
    cms = PhaseSpace((0.0, 180.0), 0.25, theta_cms_deg=(10.0, 170.0))
    oracle = oracles.two_photon_cms(float(np.cos(np.radians(10.0))))
    yield Check("γγ, 10–170° CM", _measured(TwoPhoton(cms)), oracle, "closed form")
    lab = oracles.two_photon_lab(17.0, 150.0)
    yield Check("γγ, 17–150°", _measured(TwoPhoton(PhaseSpace())), lab, "quadrature")
    law = BeamBackground()
    numbers = (law.mean, law.energy_min_GeV, law.energy_max_GeV, law.index)
    chance = oracles.background_photon(17.0, 150.0, 0.25, numbers)
    with_photon = _measured(TwoPhoton(PhaseSpace(), background=law))
    expected = (lab[0] * chance, 0.0)
    yield Check("γγ + background γ", with_photon, expected, "quadrature")


def _eea() -> Iterator[Check]:
    source = RadiativeBhabha(PhaseSpace(), track_loss=1.0)
    oracle = oracles.two_decays(_REGIONS[0][2], source.min_opening_deg)
    yield Check(
        "e⁺e⁻γ, 17–150°, both tracks lost", _measured(source), oracle, "two decays"
    )


def _mesons() -> Iterator[Check]:
    for name, item in MESONS.items():
        source = meson_photon(name, beams=Beams())
        oracle = oracles.meson(item.mass_GeV, item.form_factor_GeV)
        expected = oracle[0] * item.two_photon_fraction, 0.0
        yield Check(f"{name} → γγγ", _measured(source, 10_000), expected, "closed form")
    published = {"etagamma": (4.5e-3, 1.2e-3), "etapgamma": (5.4e-3, 0.9e-3)}
    for name, value in published.items():
        ours = meson_cross_section_pb(MESONS[name], S), 0.0
        yield Check(f"{name}, before decay", ours, value, "BaBar, hep-ex/0605018")


def _omega() -> Iterator[Check]:
    source = OmegaPhoton(Beams())
    oracle = oracles.omega()
    yield Check("γω, ω → π⁰γ, π⁰ → γγ", _measured(source), oracle, "closed form")


CHECKS: Final[dict[str, Callable[[], Iterator[Check]]]] = {
    "signal": _signal,
    "fusion": _fusion,
    "aaa": _aaa,
    "aaaa": _aaaa,
    "aa": _aa,
    "eea": _eea,
    "mesons": _mesons,
    "omegagamma": _omega,
}


def print_checks(names: list[str]) -> None:
    """Print a table of the checks of some processes."""
    table = Table(title="Cross sections [pb]")
    headers = ("", "here", "independent", "by", "pull", "error [%]")
    for header in headers:
        table.add_column(header, justify="left" if header in {"", "by"} else "right")
    for name in names:
        for check in CHECKS[name]():
            table.add_row(
                check.what,
                _text(check.ours),
                _text(check.other),
                check.how,
                f"{check.pull:+.1f}",
                f"{100 * check.relative_error:.3f}",
            )
    Console(width=120).print(table)


def _text(result: Result) -> str:
    value, error = result
    if error == 0.0:
        return f"{value:.6g}"
    digits = max(0, 1 - int(np.floor(np.log10(error))))
    return f"{value:.{digits}f} ± {error:.{digits}f}"
