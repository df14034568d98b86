"""Empty regions: named as such only if really no event is inside."""

from __future__ import annotations

import pytest

from generator.beams import Beams
from generator.initial_state import InitialState
from generator.kinematics import why_empty
from generator.phase_space import PhaseSpace
from generator.sampling import Stream, cross_section
from generator.three_photon import ThreePhoton

BEAMS = Beams()
PLAIN, RADIATION = InitialState(), InitialState(radiation=True)
EMPTY = [
    (PhaseSpace(energy_cms_min_GeV=3.6), "3 particles need 10.8 GeV in the CM frame"),
    (PhaseSpace(energy_cms_min_GeV=0.0, energy_lab_min_GeV=5.0), "3 particles need"),
    (
        PhaseSpace(energy_cms_min_GeV=0.0, energy_lab_min_GeV=3.68),
        "3 particles need 11.04 GeV in the lab, the beams have 11.01",
    ),
    (PhaseSpace((20.0, 25.0)), "one hemisphere of the CM frame"),
    (PhaseSpace((100.0, 150.0)), "one hemisphere of the CM frame"),
    (PhaseSpace((20.0, 40.0), theta_cms_deg=(90.0, 150.0)), "nothing in common"),
]


@pytest.mark.parametrize(("region", "reason"), EMPTY)
def test_empty_regions(region: PhaseSpace, reason: str) -> None:
    why = why_empty(region, BEAMS, PLAIN, 3)
    assert why is not None
    assert reason in why
    assert cross_section(ThreePhoton(region), Stream(1, 99), 20_000).sum_pb == 0.0


@pytest.mark.parametrize(
    "region",
    [
        PhaseSpace(),
        PhaseSpace(energy_cms_min_GeV=3.5),
        PhaseSpace((17.0, 80.0)),
        PhaseSpace(energy_cms_min_GeV=0.0, energy_lab_min_GeV=2.5),
    ],
)
def test_regions_that_hold_something(region: PhaseSpace) -> None:
    assert why_empty(region, BEAMS, PLAIN, 3) is None
    assert cross_section(ThreePhoton(region), Stream(1, 99), 50_000).sum_pb > 0.0


def test_radiation_balances_a_hemisphere() -> None:
    region = PhaseSpace((20.0, 40.0))
    assert why_empty(region, BEAMS, PLAIN, 3) is not None
    assert why_empty(region, BEAMS, RADIATION, 3) is None
    sampler = ThreePhoton(region, initial=RADIATION)
    assert cross_section(sampler, Stream(1, 99), 50_000).sum_pb > 0.0


def test_spread_beams_have_more_energy_at_times() -> None:
    third = BEAMS.sqrt_s_GeV / 3.0
    region = PhaseSpace(energy_cms_min_GeV=third * 1.0005)
    spread = InitialState(electron_spread_GeV=0.01)
    assert why_empty(region, BEAMS, PLAIN, 3) is not None
    assert why_empty(region, BEAMS, spread, 3) is None
    harder = PhaseSpace(energy_cms_min_GeV=third * 1.01)
    assert why_empty(harder, BEAMS, spread, 3) is not None


def test_a_soft_fourth_photon_counts_with_its_own_bound() -> None:
    soft = PhaseSpace(energy_cms_min_GeV=3.4, extra_energy_cms_min_GeV=0.1)
    assert why_empty(soft, BEAMS, PLAIN, 4) is None
    harder = PhaseSpace(energy_cms_min_GeV=3.4, extra_energy_cms_min_GeV=0.5)
    assert why_empty(harder, BEAMS, PLAIN, 4) is not None
    assert why_empty(PhaseSpace(energy_cms_min_GeV=3.4), BEAMS, PLAIN, 4) is not None


def test_a_beam_line_is_refused() -> None:
    with pytest.raises(ValueError, match="holds a beam line"):
        why_empty(PhaseSpace((0.0, 150.0)), BEAMS, PLAIN, 3)
