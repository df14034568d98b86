"""Tables of the configuration that describe collisions and detector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from detector.crystals import AT_THE_IP, Material
from detector.overlay import Overlay
from detector.response import TAIL, TAIL_END, BackgroundLevel, LineShape
from detector.separation import Distance, MergeRule
from detector.simulate import IN_TIME_NS, ClusterModel, Detector
from detector.trigger import Trigger
from detector.trigger_lines import HltLine, L1Line, Lines
from generator.beam_background import BeamBackground
from generator.beams import Beams
from generator.fusion import QSquaredMax
from generator.initial_state import InitialState
from generator.processes import Options
from selection.tally import MASS_BINS_PER_GEV, N_MASS_BINS
from study.config_fields import (
    Float,
    Fraction,
    NaturalFloat,
    NaturalInt,
    PositiveFloat,
    PositiveInt,
    Section,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_several)]
"""Words; one alone needs no brackets."""


def _lines(kind: type[Lines]) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    """Return a check that all names are trigger lines."""

    def check(names: tuple[str, ...]) -> tuple[str, ...]:
        kind.mask(names)
        return names

    return check


HIGHEST_SQRT_S_GEV: Final = N_MASS_BINS / MASS_BINS_PER_GEV
"""The spectra end there; SuperKEKB stays below."""
MOST_BACKGROUND_PHOTONS: Final = 5.0
"""Per event, on average: with more, not all of an event would have room."""
LARGEST_SPREAD: Final = 0.02
"""Of a beam's energy; SuperKEKB's is below 0.1 %."""


class BeamsConfig(Section):
    """Beam energies with their spread, and half the crossing angle."""

    electron_GeV: PositiveFloat = 7.007
    positron_GeV: PositiveFloat = 4.000
    half_crossing_rad: Annotated[Float, Field(ge=0.0, lt=0.5)] = 0.0415
    electron_spread_GeV: NaturalFloat = 0.00513
    positron_spread_GeV: NaturalFloat = 0.002375
    """Standard deviations, used with generator.beam_energy_spread."""

    @model_validator(mode="after")
    def _b_factory(self) -> Self:
        sqrt_s = self.build().sqrt_s_GeV
        if sqrt_s > HIGHEST_SQRT_S_GEV:
            msg = (
                f"sqrt(s) = {sqrt_s:.4g} GeV: spectra reach {HIGHEST_SQRT_S_GEV:g} GeV"
            )
            raise ValueError(msg)
        for beam in ("electron", "positron"):
            energy = getattr(self, f"{beam}_GeV")
            if getattr(self, f"{beam}_spread_GeV") > LARGEST_SPREAD * energy:
                msg = f"{beam}_spread_GeV must be at most {LARGEST_SPREAD:.0%} of the energy"
                raise ValueError(msg)
        return self

    def build(self) -> Beams:
        """Return the beams."""
        return Beams(self.electron_GeV, self.positron_GeV, self.half_crossing_rad)


class GeneratorConfig(Section):
    """Radiation, couplings and fakes of the generated processes."""

    radiation: bool = False
    """Collinear photons off both beams, in signal and backgrounds."""
    beam_energy_spread: bool = False
    alpha: Literal["zero", "running"] = "zero"
    q2_max: QSquaredMax = QSquaredMax.KINEMATIC
    track_loss: Annotated[Float, Field(ge=0.0, le=1.0)] = 0.01
    beam_background_mean: NaturalFloat = 0.1
    """In-time beam-background photons per event."""
    beam_background_energy_min_GeV: PositiveFloat = 0.1
    beam_background_energy_max_GeV: PositiveFloat = 2.0
    beam_background_index: Float = 3.0
    """Their spectrum is a power law in the energy."""
    extra_energy_cms_min_GeV: PositiveFloat = 0.1
    """Softest photon beyond the three hardest in γγγγ."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        self.beam_background()
        return self

    def beam_background(self) -> BeamBackground:
        """Return rate and spectrum of the beam-background photons."""
        return BeamBackground(
            mean=self.beam_background_mean,
            energy_min_GeV=self.beam_background_energy_min_GeV,
            energy_max_GeV=self.beam_background_energy_max_GeV,
            index=self.beam_background_index,
        )

    def options(self, beams: BeamsConfig) -> Options:
        """Return the options of the samplers for these beams."""
        spread = self.beam_energy_spread
        return Options(
            initial=InitialState(
                radiation=self.radiation,
                electron_spread_GeV=beams.electron_spread_GeV if spread else 0.0,
                positron_spread_GeV=beams.positron_spread_GeV if spread else 0.0,
            ),
            running_alpha=self.alpha == "running",
            q2_max=self.q2_max,
            track_loss=self.track_loss,
            beam_background=self.beam_background(),
        )


class TriggerConfig(Section):
    """The 2017 paper's trigger, or lines of which one must fire."""

    enabled: bool = True
    min_deposits: PositiveInt = 3
    threshold_GeV: Annotated[Float, Field(ge=0.0)] = 0.1
    merge_crystals: NaturalInt = 0
    l1: Annotated[Names, AfterValidator(_lines(L1Line))] = ()
    hlt: Annotated[Names, AfterValidator(_lines(HltLine))] = ()

    def build(self) -> Trigger:
        """Return the trigger."""
        return Trigger(**self.model_dump())


class OverlayConfig(Section):
    """Beam-background clusters in every event: rate, spectrum and times."""

    mean: Annotated[Float, Field(ge=0.0, le=MOST_BACKGROUND_PHOTONS)] = 0.0
    """Photons per event within the time window."""
    energy_min_GeV: PositiveFloat = 0.1
    energy_max_GeV: PositiveFloat = 2.0
    index: Float = 3.0
    time_window_ns: PositiveFloat = 200.0
    time_cut_ns: PositiveFloat = IN_TIME_NS
    """Clusters farther from the collision in time are dropped."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        self.build()
        return self

    def build(self) -> Overlay:
        """Return rate, spectrum and times."""
        return Overlay(
            mean=self.mean,
            energy_min_GeV=self.energy_min_GeV,
            energy_max_GeV=self.energy_max_GeV,
            index=self.index,
            window_ns=self.time_window_ns,
        )


class DetectorConfig(Section):
    """ECL model."""

    model: ClusterModel = ClusterModel.SEPARATION
    merge_crystals: NaturalInt = 2
    merge_rule: MergeRule = MergeRule.SQUARE
    merge_distance: Distance = Distance.IMPACT
    photon_efficiency: Fraction = 1.0
    background_level: BackgroundLevel = BackgroundLevel.LOW
    line_shape: LineShape = LineShape.GAUSSIAN
    line_shape_tail: Annotated[Float, Field(ge=0.0, lt=TAIL_END)] = TAIL
    """Tail parameter of the Novosibirsk function."""
    material_radiation_lengths: NaturalFloat = 0.0
    """Of a cylinder around the beams, at normal incidence."""
    material_lost_share: Annotated[Float, Field(ge=0.0, le=1.0)] = 1.0
    """Share of the conversions in it that lose the photon."""
    luminous_region_cm: tuple[NaturalFloat, NaturalFloat, NaturalFloat] = AT_THE_IP
    """Gaussian spreads of the collisions in x, y and z."""
    beam_background: OverlayConfig = OverlayConfig()
    trigger: TriggerConfig = TriggerConfig()

    @model_validator(mode="after")
    def _trigger_has_a_threshold(self) -> Self:
        self.trigger.build()
        return self

    def build(
        self,
        beams: Beams,
        merge_crystals: int | None = None,
        model: ClusterModel | None = None,
    ) -> Detector:
        """Return the detector, with another separation or model if asked."""
        crystals = self.merge_crystals if merge_crystals is None else merge_crystals
        return Detector(
            merge_crystals=crystals,
            merge_rule=self.merge_rule,
            merge_distance=self.merge_distance,
            photon_efficiency=self.photon_efficiency,
            background=self.background_level,
            trigger=self.trigger.build(),
            model=self.model if model is None else model,
            line_shape=self.line_shape,
            tail=self.line_shape_tail,
            material=Material(
                self.material_radiation_lengths, self.material_lost_share
            ),
            luminous_cm=self.luminous_region_cm,
            overlay=self.beam_background.build(),
            time_cut_ns=self.beam_background.time_cut_ns,
            beams=beams,
        )
