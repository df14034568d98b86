"""The configuration of a study: strict TOML, units in the key names.

Every number that a result depends on is here. An unknown key, a value out of range or a
mass that cannot be produced is refused; `study.load` makes one line of it.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, Self

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from detector.simulate import ClusterModel
from fit.results import Method
from generator.processes import BACKGROUNDS, KEV_PER_GEV, Options
from selection.candidates import Cuts
from study.config_fields import (
    SOME,
    Angle,
    Int,
    Level,
    NaturalInt,
    PositiveFloat,
    PositiveInt,
    Section,
)
from study.config_simulation import BeamsConfig, DetectorConfig, GeneratorConfig
from study.names import SHOWER

if TYPE_CHECKING:
    from detector.separation import MergeRule
    from detector.simulate import Detector

ANGLE_MARGIN_DEG: Final = 2.0
"""Backgrounds are generated this far beyond the cuts, since photons migrate."""
LIGHT_PAIRS: Final = "aaa-light"
"""Name of γγγ where it is aimed at light pairs; see `study.light_pairs`."""
LIGHTEST_GEV: Final = 0.001
"""Lighter ALPs would fly out of the detector within the shortest simulated bin."""


def _background(name: str) -> str:
    if name not in BACKGROUNDS:
        msg = f"must be one of {', '.join(BACKGROUNDS)}"
        raise ValueError(msg)
    return name


class SelectionConfig(Section):
    """Cuts and mass windows."""

    energy_cms_min_GeV: PositiveFloat = 0.25
    theta_lab_min_deg: Angle = 17.0
    theta_lab_max_deg: Angle = 150.0
    helicity_low: PositiveFloat = 0.6
    helicity_high: PositiveFloat = 0.9
    """Largest |cos| of the helicity angles; above 1 switches a cut off."""
    window_sigmas_below: PositiveFloat = 3.0
    window_sigmas_above: PositiveFloat = 1.5
    recoil_above_GeV: PositiveFloat = 6.85
    """Masses above use the recoil energy in the high-mass selection."""

    @model_validator(mode="after")
    def _increasing(self) -> Self:
        if self.theta_lab_min_deg >= self.theta_lab_max_deg:
            msg = "theta_lab_min_deg must be below theta_lab_max_deg"
            raise ValueError(msg)
        return self

    def cuts(self) -> Cuts:
        """Return the photon and helicity cuts."""
        return Cuts(
            energy_cms_min_GeV=self.energy_cms_min_GeV,
            theta_lab_deg=(self.theta_lab_min_deg, self.theta_lab_max_deg),
            helicity_low=self.helicity_low,
            helicity_high=self.helicity_high,
        )


class EventsConfig(Section):
    """Sizes of the samples."""

    signal: PositiveInt = 1_000_000
    """Prompt signal events per mass and separation."""
    lifetime: PositiveInt = 500_000
    """Signal events per mass with decay lengths spread in log."""
    background: PositiveInt = 200_000_000
    """Events of γγγ."""
    light_pairs: NaturalInt = 20_000_000
    """Events of γγγ aimed at light pairs, for the windows of light ALPs; 0: none."""
    other_backgrounds: PositiveInt = 10_000_000
    """Events of each other background: slower, and rarer in the windows."""
    separation: PositiveInt = 200_000
    """Signal events per mass whose photons and trigger lines are followed up."""

    def of(self, process: str) -> int:
        """Return the number of events of a background process."""
        sizes = {"aaa": self.background, LIGHT_PAIRS: self.light_pairs}
        return sizes.get(process, self.other_backgrounds)


class ScanConfig(Section):
    """ALP masses: a list, or a number of them between two bounds, even in log."""

    masses_GeV: tuple[PositiveFloat, ...] | None = None
    n_masses: PositiveInt = 60
    mass_min_GeV: PositiveFloat = 0.1
    mass_max_GeV: PositiveFloat = 10.0

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self.masses_GeV is not None:
            if not self.masses_GeV:
                msg = "masses_GeV is empty: give at least one mass"
                raise ValueError(msg)
        elif self.mass_min_GeV >= self.mass_max_GeV:
            msg = "mass_min_GeV must be below mass_max_GeV"
            raise ValueError(msg)
        masses = self.masses()
        if len({round(mass * KEV_PER_GEV) for mass in masses}) != len(masses):
            key = "n_masses" if self.masses_GeV is None else "masses_GeV"
            msg = f"{key} holds a mass twice (masses are told apart to 1 keV)"
            raise ValueError(msg)
        return self

    def masses(self) -> tuple[float, ...]:
        """Return the masses [GeV], ascending, with five significant digits."""
        if self.masses_GeV is not None:
            return tuple(sorted(self.masses_GeV))
        grid = np.geomspace(self.mass_min_GeV, self.mass_max_GeV, self.n_masses)
        return tuple(float(f"{mass:.5g}") for mass in grid)


class LimitsConfig(Section):
    """Which limits to set."""

    luminosities_invfb: Annotated[tuple[PositiveFloat, ...], *SOME] = (20.0, 50_000.0)
    confidence_levels: Annotated[tuple[Level, ...], *SOME] = (0.90, 0.95)
    methods: Annotated[tuple[Method, ...], *SOME] = ("clsb-exact", "cls-exact")


class SeparationConfig(Section):
    """Crystal separations whose efficiency is compared."""

    crystals: Annotated[tuple[NaturalInt, ...], *SOME] = (1, 2, 4)
    shower: bool = True
    """Whether `alpenglow separation` runs the crystal-level model beside them."""


class Variant(NamedTuple):
    """One way of making clusters."""

    model: ClusterModel
    crystals: int
    """Separation; 0 for the crystal-level model."""

    def rule(self, merge_rule: MergeRule) -> str:
        """Return what tables call it: the merging rule, or ``shower``."""
        return SHOWER if self.model is ClusterModel.SHOWER else merge_rule.value


class Config(Section):
    """A whole study."""

    title: str = "ALP sensitivity"
    seed: Annotated[Int, Field(ge=0, lt=2**63)] = 1709
    processes: Annotated[
        tuple[Annotated[str, AfterValidator(_background)], ...], *SOME
    ] = ("aaa",)
    beams: BeamsConfig = BeamsConfig()
    generator: GeneratorConfig = GeneratorConfig()
    detector: DetectorConfig = DetectorConfig()
    selection: SelectionConfig = SelectionConfig()
    events: EventsConfig = EventsConfig()
    scan: ScanConfig = ScanConfig()
    limits: LimitsConfig = LimitsConfig()
    separation: SeparationConfig = SeparationConfig()

    @model_validator(mode="after")
    def _masses_below_sqrt_s(self) -> Self:
        sqrt_s = self.beams.build().sqrt_s_GeV
        for mass in self.scan.masses():
            if not LIGHTEST_GEV <= mass < sqrt_s:
                msg = (
                    f"scan: mass {mass:g} GeV must be at least {LIGHTEST_GEV:g} GeV "
                    f"and below sqrt(s) = {sqrt_s:.4f} GeV"
                )
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _background_once(self) -> Self:
        if "aa" in self.processes and self.detector.beam_background.mean > 0.0:
            msg = (
                'processes: "aa" is γγ with a photon of the beam background, which '
                "detector.beam_background.mean adds to every event: use one of them"
            )
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _three_photons_fit(self) -> Self:
        cuts, beams = self.selection, self.beams.build()
        most = beams.sqrt_s_GeV / 3.0
        if cuts.energy_cms_min_GeV >= most:
            msg = (
                f"selection: energy_cms_min_GeV = {cuts.energy_cms_min_GeV:g} must be "
                f"below sqrt(s)/3 = {most:.4f} GeV, or no three photons pass"
            )
            raise ValueError(msg)
        lowest = math.degrees(beams.half_crossing_rad) + ANGLE_MARGIN_DEG
        if not lowest < cuts.theta_lab_min_deg < cuts.theta_lab_max_deg < 180 - lowest:
            msg = (
                f"selection: theta_lab_min_deg and theta_lab_max_deg must be within "
                f"{lowest:.3f} and {180 - lowest:.3f} deg: background cross sections "
                "diverge along the beams"
            )
            raise ValueError(msg)
        return self

    def as_dict(self) -> dict[str, Any]:
        """Return plain values that TOML can hold."""
        return self.model_dump(mode="json", exclude_none=True)

    def digest(self) -> str:
        """Return a hash of everything that results depend on."""
        text = self.model_dump_json(exclude={"title"})
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def options(self) -> Options:
        """Return the options of the samplers."""
        return self.generator.options(self.beams)

    def build_detector(self, variant: Variant | None = None) -> Detector:
        """Return the detector, or one that makes clusters in another way."""
        beams = self.beams.build()
        if variant is None:
            return self.detector.build(beams)
        return self.detector.build(beams, variant.crystals, variant.model)

    @property
    def own(self) -> Variant:
        """How the configured detector makes clusters."""
        model = self.detector.model
        crystals = self.detector.merge_crystals
        return Variant(model, 0 if model is ClusterModel.SHOWER else crystals)

    def variants(self, *, shower: bool = False) -> tuple[Variant, ...]:
        """Return the ways to simulate: the detector's own first, then separations.

        With ``shower`` the crystal-level model comes last, if it is configured.
        """
        more = [Variant(ClusterModel.SEPARATION, n) for n in self.separation.crystals]
        if shower and self.separation.shower:
            more.append(Variant(ClusterModel.SHOWER, 0))
        return tuple(dict.fromkeys((self.own, *more)))
