"""Sampler of e⁺e⁻ → γa, a → γγ: kinematics, angles and decay vertices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from generator.alp import recoil_energy_GeV
from generator.beams import Beams
from generator.signal import Exponential, LogUniform, Signal
from generator.simd import LANES
from tests.compare import (
    FALSE_ALARM,
    N_SIGMA,
    Floats,
    as_reference,
    contingency,
    flatness,
    sample,
    start,
)
from tests.reference import signal as reference
from tests.reference.beams import (
    CMS_TO_LAB,
    LAB_TO_CMS,
    SQRT_S,
    S,
    four_momenta,
    transform,
)

if TYPE_CHECKING:
    from generator.columns import Photons


def momenta_cms(blocks: list[Photons]) -> Floats:
    """Return CM four-momenta, shape (4, 3, n)."""
    return transform(LAB_TO_CMS, four_momenta(as_reference(blocks)))


@pytest.mark.parametrize("mass", [0.05, 0.2, 1.0, 3.0, 8.0, 10.4])
def test_energy_and_momentum_are_conserved(mass: float) -> None:
    momenta = momenta_cms(sample(Signal(mass), 10, 1))
    total = momenta.sum(axis=1)
    np.testing.assert_allclose(total[0], SQRT_S, rtol=2e-6)
    assert np.abs(total[1:]).max() < 2e-5  # float32 directions of 5 GeV photons
    recoil = float(recoil_energy_GeV(mass, S))
    np.testing.assert_allclose(momenta[0, 0], recoil, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("mass", [0.05, 0.2, 1.0, 3.0, 8.0, 10.4])
def test_photon_pair_has_the_mass(mass: float) -> None:
    photons = as_reference(sample(Signal(mass), 10, 2))
    unit = four_momenta(photons)[1:] / photons.energy
    chord2 = ((unit[:, 1] - unit[:, 2]) ** 2).sum(axis=0)
    found = np.sqrt(photons.energy[1] * photons.energy[2] * chord2)
    # an error of 1e-6 rad on the opening angle, which is at least m/E
    relative = 4e-6 + 2e-6 * SQRT_S / mass
    np.testing.assert_allclose(found, mass, rtol=relative)


def recoil_pvalue(seed: int, anisotropy: float) -> float:
    """χ² of 8192 recoil photons against 1 + anisotropy·cos², 20 bins of equal share."""
    momenta = momenta_cms(sample(Signal(2.0), 4, seed))
    cos = momenta[3, 0] / momenta[0, 0]
    share = 0.5 + 0.5 * (cos + anisotropy * cos**3 / 3) / (1 + anisotropy / 3)
    counts = np.histogram(share, 20, (0, 1))[0]
    return float(stats.chisquare(counts).pvalue)


def test_recoil_angle_by_flat_pvalues() -> None:
    """p-values of 200 seeds against 1 + cos² are uniform: Kolmogorov test at 1e-4."""
    right = [recoil_pvalue(seed, 1.0) for seed in range(200)]
    assert stats.kstest(right, "uniform").pvalue > FALSE_ALARM
    wrong = [recoil_pvalue(seed, 0.85) for seed in range(200)]
    assert stats.kstest(wrong, "uniform").pvalue < FALSE_ALARM


def decay_angles(momenta: Floats) -> tuple[Floats, Floats]:
    """Return cos of the helicity angle and the azimuth about the flight direction."""
    recoil = momenta[1:, 0] / momenta[0, 0]
    momentum = np.linalg.norm(momenta[1:, 1] + momenta[1:, 2], axis=0)
    cos = (momenta[0, 1] - momenta[0, 2]) / momentum
    theta, phi = np.arccos(recoil[2]), np.arctan2(recoil[1], recoil[0])
    polar, azimuthal = reference.perpendicular_axes(theta, phi)
    sideways = [(momenta[1:, 1] * axis).sum(axis=0) for axis in (polar, azimuthal)]
    return cos, np.arctan2(sideways[1], sideways[0])


@pytest.mark.parametrize("mass", [0.5, 3.0, 9.0])
def test_decay_is_isotropic(mass: float) -> None:
    """Uniform helicity cosine and both azimuths: three χ² tests at 1e-4 a mass."""
    momenta = momenta_cms(sample(Signal(mass), 100, 3))
    cos, turn = decay_angles(momenta)
    assert flatness(0.5 + 0.5 * cos) > FALSE_ALARM
    assert flatness(0.5 + turn / (2 * np.pi)) > FALSE_ALARM
    azimuth = np.arctan2(momenta[2, 0], momenta[1, 0])
    assert flatness(0.5 + azimuth / (2 * np.pi)) > FALSE_ALARM
    # negative controls: powers of 1.05 and 1.02
    assert flatness(0.5 + 0.5 * np.sign(cos) * np.abs(cos) ** 1.05) < FALSE_ALARM
    assert flatness((0.5 + turn / (2 * np.pi)) ** 1.02) < FALSE_ALARM


@pytest.mark.parametrize("mass", [0.3, 5.0])
def test_lab_distributions_are_those_of_the_reference(mass: float) -> None:
    """Nine two-sample χ² tests at 1e-4 a mass."""
    found = as_reference(sample(Signal(mass), 60, 4))
    rng = np.random.default_rng(4)
    expected = reference.generate(120_000, mass, rng)
    for column, other in zip(found[:3], expected[:3], strict=True):
        for slot in range(3):
            assert contingency(column[slot], other[slot]) > FALSE_ALARM
    # negative control: another mass
    other_mass = reference.generate(120_000, 0.95 * mass, rng)
    angle = [p.theta[1] - p.theta[2] for p in (found, expected, other_mass)]
    assert contingency(angle[0], angle[1]) > FALSE_ALARM
    assert contingency(angle[0], angle[2]) < FALSE_ALARM


def flights(blocks: list[Photons]) -> tuple[Floats, Floats]:
    """Return decay vertices (3, n) and lab momenta of the ALP (3, n)."""
    photons = as_reference(blocks)
    assert photons.vertex is not None
    assert not photons.vertex[:, 0].any()
    return photons.vertex[:, 1], four_momenta(photons)[1:, 1:].sum(axis=1)


@pytest.mark.parametrize(("mass", "ctau_cm"), [(0.2, 0.3), (1.0, 5.0)])
def test_decay_vertex(mass: float, ctau_cm: float) -> None:
    """Along the ALP, exponential with mean (p/m)·cτ: one χ² and one mean at 1e-4."""
    vertex, momentum = flights(sample(Signal(mass, decay=Exponential(ctau_cm)), 60, 5))
    length, size = (np.linalg.norm(v, axis=0) for v in (vertex, momentum))
    np.testing.assert_allclose(vertex / length, momentum / size, atol=3e-6)
    proper = length * mass / size / ctau_cm
    assert flatness(np.exp(-proper)) > FALSE_ALARM
    assert flatness(np.exp(-1.05 * proper)) < FALSE_ALARM
    pull = (proper.mean() - 1) * np.sqrt(proper.size)
    assert abs(pull) < N_SIGMA
    assert abs((1.05 * proper.mean() - 1) * np.sqrt(proper.size)) > N_SIGMA


def test_proper_length_is_the_one_stored() -> None:
    block = sample(Signal(1.0, decay=Exponential(2.0)), 1, 6)[0]
    vertex, momentum = flights([block])
    proper = np.linalg.norm(vertex, axis=0) / np.linalg.norm(momentum, axis=0)
    assert block.proper_length_cm is not None
    np.testing.assert_allclose(proper, block.proper_length_cm, rtol=1e-5)
    assert block.n_prompt == 1


def test_log_uniform_flights() -> None:
    law = LogUniform(0.01, 1000.0)
    lengths = np.concatenate([law.draw(start(seed)) for seed in range(30)])
    assert lengths.min() >= 0.01 * (1 - 1e-6)
    assert lengths.max() <= 1000 * (1 + 1e-6)
    assert flatness(np.log(lengths / 0.01) / np.log(1e5)) > FALSE_ALARM
    assert flatness(np.log(lengths / 0.01) / np.log(1.1e5)) < FALSE_ALARM


def test_prompt_signal_has_no_vertex() -> None:
    block = Signal(1.0).block(start(0), LANES, 1.0)
    assert block.vertex_cm is None
    assert block.n_prompt == 3


def test_decay_law_does_not_move_the_photons_in_distribution() -> None:
    prompt = as_reference(sample(Signal(1.0), 50, 7))
    late = as_reference(sample(Signal(1.0, decay=Exponential(3.0)), 50, 8))
    for slot in range(3):
        assert contingency(prompt.theta[slot], late.theta[slot]) > FALSE_ALARM


def test_weights_and_padding() -> None:
    block = Signal(1.0, cross_section_pb=3.0).block(start(0), 100, 1 / 100)
    assert block.weight_pb.sum() == pytest.approx(3.0)
    assert np.count_nonzero(block.weight_pb) == 100
    assert block.n_events == 100
    assert block.energy.shape == (3, LANES)
    assert np.isfinite(block.energy).all()


def test_other_beams() -> None:
    """Symmetric head-on beams: the lab is the CM frame."""
    beams = Beams(5.0, 5.0, 0.0)
    photons = as_reference(sample(Signal(2.0, beams=beams), 1, 9))
    total = four_momenta(photons).sum(axis=1)
    np.testing.assert_allclose(total, [[10], [0], [0], [0]] * np.ones(LANES), atol=2e-5)
    assert not np.allclose(CMS_TO_LAB @ total, total, atol=0.1)


@pytest.mark.parametrize("mass", [0.0, -1.0, 10.58, 20.0, np.nan])
def test_bad_mass(mass: float) -> None:
    with pytest.raises(ValueError, match=r"ALP mass .* is outside \(0, 10\.58\)"):
        Signal(mass)


def test_bad_decay_lengths() -> None:
    with pytest.raises(ValueError, match="ctau_cm = -1"):
        Exponential(-1.0)
    with pytest.raises(ValueError, match="need 0 < low_cm < high_cm"):
        LogUniform(2.0, 1.0)
