from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.beams import Beams, transform
from generator.phase_space import PhaseSpace
from generator.three_photon import ThreePhoton

if TYPE_CHECKING:
    from tests.compare import Floats

spaces = st.builds(
    lambda low, span, cms, lab: PhaseSpace((low, min(low + span, 177.0)), cms, lab),
    st.floats(3, 150),
    st.floats(5, 170),
    st.floats(0.05, 2),
    st.floats(0, 2),
)


def photons_inside(space: PhaseSpace, seed: int) -> tuple[Floats, Floats]:
    """Return CM energies and rapidities of random photons inside the lab bounds."""
    rng = np.random.default_rng(seed)
    low, high = np.radians(space.theta_lab_deg)
    theta = rng.uniform(low, high, 5000)
    theta[:200], theta[200:400] = low, high
    phi = rng.uniform(0, 2 * np.pi, 5000)
    energy = np.maximum(space.energy_lab_min_GeV, 1e-6) * rng.uniform(1, 3, 5000)
    energy[::2] = max(space.energy_lab_min_GeV, 1e-6)
    e, t, _ = transform(Beams().lab_to_cms, energy, theta, phi)
    return e, np.arctanh(np.cos(t))


@given(spaces, st.integers(0, 1000))
def test_bounds_cover_the_region(space: PhaseSpace, seed: int) -> None:
    energy, rapidity = photons_inside(space, seed)
    low, high = space.rapidities_cms(Beams())
    assert rapidity.min() > low - 1e-7
    assert rapidity.max() < high + 1e-7
    x_min = space.fraction_min(Beams())
    kept = energy[energy > space.energy_cms_min_GeV]
    if kept.size:
        assert kept.min() * 2 / Beams().sqrt_s_GeV > x_min * (1 - 1e-12)


def test_rapidity_range_is_tight() -> None:
    _, rapidity = photons_inside(PhaseSpace(), 1)
    low, high = PhaseSpace().rapidities_cms(Beams())
    assert low == pytest.approx(rapidity.min(), abs=1e-3)
    assert high == pytest.approx(rapidity.max(), abs=1e-3)
    assert high > 1.7  # negative control: the lab's own range would be too small
    assert np.arctanh(np.cos(np.radians(150.0))) > low


def test_energy_bound_of_the_cms() -> None:
    beams = Beams()
    assert PhaseSpace().fraction_min(beams) == pytest.approx(0.5 / beams.sqrt_s_GeV)
    # an energy in the lab bounds the CM energy by the Doppler factor of the boost
    velocity = np.linalg.norm(beams.lab_to_cms[0, 1:]) / beams.lab_to_cms[0, 0]
    softest = 0.65 * np.sqrt((1 - velocity) / (1 + velocity))
    found = PhaseSpace((37.3, 123.7), 0.0, 0.65).fraction_min(beams)
    assert found == pytest.approx(2 * softest / beams.sqrt_s_GeV)


@pytest.mark.parametrize("frame", ["lab", "cms"])
@pytest.mark.parametrize(
    "angles", [(150.0, 17.0), (17.0, 181.0), (20.0, 20.0), (-1.0, 9.0)]
)
def test_bad_angles(angles: tuple[float, float], frame: str) -> None:
    name = f"theta_{frame}_deg"
    with pytest.raises(ValueError, match=f"{name} = .*need 0 <= low < high <= 180"):
        PhaseSpace(**{name: angles})  # type: ignore[arg-type]


@pytest.mark.parametrize("angles", [(0.0, 150.0), (17.0, 180.0)])
def test_angles_of_the_other_frame_may_exclude_the_beams(
    angles: tuple[float, float],
) -> None:
    with pytest.raises(ValueError, match="holds a beam line"):
        PhaseSpace(angles).rapidities_cms(Beams())
    inside = PhaseSpace(angles, theta_cms_deg=(30.0, 140.0))
    low, high = inside.rapidities_cms(Beams())
    expected = np.arctanh(np.cos(np.radians([140.0, 30.0])))
    assert low == pytest.approx(
        max(expected[0], PhaseSpace((17, 150)).rapidities_cms(Beams())[0])
        if angles[1] == 150.0
        else expected[0]
    )
    assert high == pytest.approx(
        min(expected[1], PhaseSpace((17, 150)).rapidities_cms(Beams())[1])
        if angles[0] == 17.0
        else expected[1]
    )


@pytest.mark.parametrize("angles", [(2.0, 150.0), (17.0, 178.0)])
def test_beam_line_inside(angles: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=r"holds a beam line, 2\.38 deg off"):
        ThreePhoton(PhaseSpace(angles))


@pytest.mark.parametrize("energy", [0.0, -1.0])
def test_divergent_cross_section(energy: float) -> None:
    with pytest.raises(ValueError, match="a positive energy_cms_min_GeV or"):
        PhaseSpace(energy_cms_min_GeV=energy)
