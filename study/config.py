"""The configuration of a study: strict TOML, units in the key names.

Every number that a result depends on is here. An unknown key, a value out of range or a
mass that cannot be produced is refused; `study.load` makes one line of it.
"""

from __future__ import annotations

import hashlib
import math
from typing import Annotated, Any, Final, Literal, Self

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from detector.response import BackgroundLevel
from detector.separation import Distance, MergeRule
from detector.simulate import Detector, Trigger
from fit.results import Method
from generator.beams import Beams
from generator.processes import KEV_PER_GEV
from selection.candidates import Cuts
from selection.tally import MASS_BINS_PER_GEV, N_MASS_BINS

ANGLE_MARGIN_DEG: Final = 2.0
"""Backgrounds are generated this far beyond the cuts, since photons migrate."""
HIGHEST_SQRT_S_GEV: Final = N_MASS_BINS / MASS_BINS_PER_GEV
"""The spectra end there; SuperKEKB stays below."""
LIGHTEST_GEV: Final = 0.001
"""Lighter ALPs would fly out of the detector within the shortest simulated bin."""


def _number(value: object) -> object:
    if isinstance(value, bool | str):
        msg = "Input should be a number"
        raise ValueError(msg)  # noqa: TRY004  # pydantic turns no other error into its own
    return value


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) != len(values):
        msg = "holds a value twice"
        raise ValueError(msg)
    return values


Int = Annotated[int, BeforeValidator(_number)]
Float = Annotated[float, BeforeValidator(_number)]
PositiveInt = Annotated[Int, Field(gt=0)]
NaturalInt = Annotated[Int, Field(ge=0)]
PositiveFloat = Annotated[Float, Field(gt=0.0)]
Fraction = Annotated[Float, Field(gt=0.0, le=1.0)]
Level = Annotated[Float, Field(gt=0.0, lt=1.0)]
Angle = Annotated[Float, Field(gt=0.0, lt=180.0)]
SOME: Final = (Field(min_length=1), AfterValidator(_distinct))
"""What lists of choices fulfil: not empty, nothing twice."""


class Section(BaseModel):
    """A table of the configuration: frozen, no unknown keys, numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class BeamsConfig(Section):
    """Beam energies and half the crossing angle."""

    electron_GeV: PositiveFloat = 7.007
    positron_GeV: PositiveFloat = 4.000
    half_crossing_rad: Annotated[Float, Field(ge=0.0, lt=0.5)] = 0.0415

    @model_validator(mode="after")
    def _b_factory(self) -> Self:
        sqrt_s = self.build().sqrt_s_GeV
        if sqrt_s > HIGHEST_SQRT_S_GEV:
            msg = (
                f"sqrt(s) = {sqrt_s:.4g} GeV: spectra reach {HIGHEST_SQRT_S_GEV:g} GeV"
            )
            raise ValueError(msg)
        return self

    def build(self) -> Beams:
        """Return the beams."""
        return Beams(self.electron_GeV, self.positron_GeV, self.half_crossing_rad)


class TriggerConfig(Section):
    """First-level trigger: deposits above a threshold after coarse merging."""

    enabled: bool = True
    min_deposits: PositiveInt = 3
    threshold_GeV: Annotated[Float, Field(ge=0.0)] = 0.1
    merge_crystals: NaturalInt = 0


class DetectorConfig(Section):
    """ECL model."""

    merge_crystals: NaturalInt = 2
    merge_rule: MergeRule = MergeRule.SQUARE
    merge_distance: Distance = Distance.IMPACT
    photon_efficiency: Fraction = 1.0
    background_level: BackgroundLevel = BackgroundLevel.LOW
    trigger: TriggerConfig = TriggerConfig()

    def build(self, merge_crystals: int | None = None) -> Detector:
        """Return the detector, with another separation if asked."""
        crystals = self.merge_crystals if merge_crystals is None else merge_crystals
        return Detector(
            merge_crystals=crystals,
            merge_rule=self.merge_rule,
            merge_distance=self.merge_distance,
            photon_efficiency=self.photon_efficiency,
            background=self.background_level,
            trigger=Trigger(**self.trigger.model_dump()),
        )


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
    """Events of each background process."""


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


class Config(Section):
    """A whole study."""

    title: str = "ALP sensitivity"
    seed: Annotated[Int, Field(ge=0, lt=2**63)] = 1709
    processes: Annotated[tuple[Literal["aaa"], ...], *SOME] = ("aaa",)
    beams: BeamsConfig = BeamsConfig()
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

    def crystals(self) -> tuple[int, ...]:
        """Return the separations to simulate: the detector's own first."""
        own = self.detector.merge_crystals
        return (own, *(n for n in self.separation.crystals if n != own))
