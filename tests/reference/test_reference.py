"""Beams, signal and the whole chain of the reference against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from . import chain, signal
from .beams import (
    HALF_CROSSING,
    LAB_TO_CMS,
    SQRT_S,
    S,
    beam_momenta,
    cms_energy,
    four_momenta,
    from_four_momenta,
    transform,
)
from .checks import FALSE_ALARM, N_SIGMA, REGIONS, flatness
from .detector import (
    Rings,
    Settings,
)
from .selection import (
    Name,
    Observable,
    Window,
)

# beams


def test_electron_is_along_z_in_the_cms() -> None:
    electron, positron = (LAB_TO_CMS @ beam for beam in beam_momenta())
    half = SQRT_S / 2
    np.testing.assert_allclose(electron, [half, 0, 0, half], atol=1e-14)
    np.testing.assert_allclose(positron, [half, 0, 0, -half], atol=1e-14)
    assert pytest.approx(10.579, abs=5e-4) == SQRT_S
    exact = 4 * 7.007 * 4.0 * np.cos(HALF_CROSSING) ** 2
    assert pytest.approx(exact, rel=1e-14) == S


def test_boost_has_the_x_part() -> None:
    velocity = LAB_TO_CMS[0, 1:] / -LAB_TO_CMS[0, 0]
    assert velocity == pytest.approx([0.0415, 0, 0.2729], abs=2e-4)


def test_photon_columns_round_trip(rng: np.random.Generator) -> None:
    photons = signal.generate(1000, 1.0, rng)
    again = from_four_momenta(four_momenta(photons))
    for before, after in zip(photons[:3], again[:3], strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-12)
    direct = transform(LAB_TO_CMS, four_momenta(photons))[0]
    np.testing.assert_allclose(cms_energy(photons), direct, rtol=1e-13)


# signal


@pytest.mark.parametrize("mass", [0.01, 0.2, 3.0, 10.0])
def test_signal_conserves_momentum(mass: float, rng: np.random.Generator) -> None:
    momenta = four_momenta(signal.generate(10_000, mass, rng))
    total = np.sum(beam_momenta(), axis=0)[:, None]
    np.testing.assert_allclose(
        momenta.sum(axis=1), total + 0 * momenta[:, 0], atol=1e-13
    )
    alp = momenta[:, 1] + momenta[:, 2]
    mass_squared = alp[0] ** 2 - (alp[1:] ** 2).sum(axis=0)
    np.testing.assert_allclose(mass_squared, mass**2, atol=1e-12)


def test_signal_angles(rng: np.random.Generator) -> None:
    cms = transform(LAB_TO_CMS, four_momenta(signal.generate(200_000, 2.0, rng)))
    cosine = cms[3, 0] / cms[0, 0]
    assert flatness((cosine**3 + 3 * cosine + 4) / 8) > FALSE_ALARM
    assert flatness((cosine + 1) / 2) < 1e-20  # control: not isotropic
    momentum = (S - 4) / (2 * SQRT_S)
    helicity = (cms[0, 1] - cms[0, 2]) / momentum
    assert flatness((helicity + 1) / 2) > FALSE_ALARM
    for photon in range(3):
        azimuth = np.arctan2(cms[2, photon], cms[1, photon])
        assert flatness(azimuth / (2 * np.pi) + 0.5) > FALSE_ALARM


def test_decay_length(rng: np.random.Generator) -> None:
    mass, ctau = 0.2, 0.3
    photons = signal.generate(200_000, mass, rng, ctau)
    assert photons.vertex is not None
    assert not photons.vertex[:, 0].any()
    np.testing.assert_array_equal(photons.vertex[:, 1], photons.vertex[:, 2])
    momentum = four_momenta(photons)[1:, 1:].sum(axis=1)
    length = np.linalg.norm(photons.vertex[:, 1], axis=0)
    size = np.linalg.norm(momentum, axis=0)
    np.testing.assert_allclose(
        photons.vertex[:, 1] / length, momentum / size, atol=1e-9
    )
    survival = np.exp(-length / (size / mass * ctau))
    assert flatness(survival) > FALSE_ALARM
    assert flatness(survival**1.05) < FALSE_ALARM  # control: 5 % on the lifetime


def test_signal_cross_section() -> None:
    assert signal.cross_section_pb(1.0, 1e-3) == pytest.approx(0.1152, abs=1e-4)
    assert signal.cross_section_pb(9.0, 1e-3) == pytest.approx(0.0025, abs=1e-4)


# chain


def windows_at(mass: float, sigma: float) -> dict[Name, Window]:
    window = Window(Observable.MASS_SQUARED, mass**2 - 3 * sigma, mass**2 + 1.5 * sigma)
    return dict.fromkeys(Name, window)


def test_signal_chain(rings: Rings, rng: np.random.Generator) -> None:
    flows = chain.signal_chain(
        100_000, 1.0, rng, Settings(), rings, windows_at(1.0, 0.033)
    )
    low, high = flows[Name.LOW], flows[Name.HIGH]
    assert low.value[0] == 100_000
    assert np.all(np.diff(low.value) <= 0)
    np.testing.assert_array_equal(low.value[:5], high.value[:5])
    expected = [1, 0.8237, 0.8077, 0.7594, 0.7116, 0.4656, 0.4331]
    np.testing.assert_allclose(low.efficiency, expected, atol=0.007)
    assert high.value[-1] == 0


def test_merging_removes_light_alps(rings: Rings, rng: np.random.Generator) -> None:
    """At 0.2 GeV the opening is 4.3 deg or more: 1 crystal resolves it, 4 do not."""
    fine, coarse = (
        chain.signal_chain(
            20_000,
            0.2,
            rng,
            Settings(crystals=crystals, trigger=False),
            rings,
            windows_at(0.2, 0.0039),
        )[Name.LOW].efficiency
        for crystals in (1, 4)
    )
    assert fine[1] == pytest.approx(0.858, abs=0.015)
    assert coarse[1] == pytest.approx(0.134, abs=0.015)
    assert coarse[-1] < 0.01 * fine[-1]


def test_long_lived_alps_lose_the_window(
    rings: Rings, rng: np.random.Generator
) -> None:
    prompt, late = (
        chain.signal_chain(
            20_000, 1.0, rng, Settings(), rings, windows_at(1.0, 0.033), ctau_cm=ctau
        )[Name.LOW].efficiency
        for ctau in (0.0, 10.0)
    )
    assert late[-1] < 0.3 * prompt[-1]
    assert late[1] > 0.5 * prompt[1]


def test_three_photon_chain(rings: Rings, rng: np.random.Generator) -> None:
    region, expected = REGIONS["wide"]
    flows = chain.three_photon_chain(
        100_000, rng, Settings(), rings, windows_at(1.0, 0.033), region
    )
    low = flows[Name.LOW]
    assert abs(low.value[0] - expected) < N_SIGMA * low.error[0]
    assert np.all(np.diff(low.value) <= 0)
    # perfect detector: 34 pb (low) and 40 pb (high) after the helicity cuts
    assert low.value[5] == pytest.approx(34, rel=0.1)
    assert flows[Name.HIGH].value[5] == pytest.approx(40, rel=0.1)
    density = low.value[6] / (4.5 * 0.033)
    assert density == pytest.approx(2.9, rel=0.15)
