"""The three-photon matrix element and both samplers."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from . import feynman, signal, three_photon
from .beams import (
    CMS_TO_LAB,
    LAB_TO_CMS,
    SQRT_S,
    Floats,
    S,
    four_momenta,
    from_four_momenta,
    transform,
)
from .checks import FALSE_ALARM, N_SIGMA, REGIONS, flatness

# three photons: matrix element


def beams_at_rest(n: int) -> tuple[Floats, Floats]:
    half = np.full(n, SQRT_S / 2)
    zero = np.zeros(n)
    return np.stack([half, zero, zero, half]), np.stack([half, zero, zero, -half])


def test_closed_form_is_the_six_diagrams(rng: np.random.Generator) -> None:
    momenta = three_photon.flat_momenta(rng.random((5, 500)))
    electron, positron = beams_at_rest(500)
    diagrams = feynman.matrix_element_squared(electron, positron, momenta)
    x, y = three_photon.light_cone(momenta)
    closed = three_photon.matrix_element_squared(x, y)
    np.testing.assert_allclose(closed, diagrams, rtol=1e-10)
    wrong = closed / (x**2 + y**2).sum(axis=0) * (x + y).sum(axis=0) ** 2
    assert not np.allclose(wrong, diagrams, rtol=1e-2)


def test_diagrams_are_gauge_invariant(rng: np.random.Generator) -> None:
    momenta = three_photon.flat_momenta(rng.random((5, 100)))
    electron, positron = beams_at_rest(100)
    states = [feynman.linear_polarisations(momenta[:, i])[0] for i in range(3)]

    def size(first: Floats) -> Floats:
        string = feynman.amplitude_matrix(electron, momenta, (first, *states[1:]))
        return feynman.squared_string(electron, positron, string)

    longitudinal = momenta[:, 0] / momenta[0, 0]
    assert np.all(size(longitudinal) < 1e-20 * size(states[0]).max())
    time_like = np.zeros_like(longitudinal)
    time_like[0] = 1  # control: an unphysical state does not decouple
    assert np.median(size(time_like)) > 1e-6


# three photons: samplers


def assert_closed(momenta: Floats) -> None:
    total = momenta.sum(axis=1)
    np.testing.assert_allclose(total[0], SQRT_S, rtol=1e-13)
    np.testing.assert_allclose(total[1:], 0, atol=1e-12)
    size = np.linalg.norm(momenta[1:], axis=0)
    np.testing.assert_allclose(size, momenta[0], atol=1e-6)


def test_momenta_are_closed_and_massless(rng: np.random.Generator) -> None:
    assert_closed(three_photon.flat_momenta(rng.random((5, 20_000))))
    region = REGIONS["wide"][0]
    u = rng.random((5, 20_000))
    momenta, _ = three_photon.importance_momenta(u, 0.25, region.cms_rapidity())
    assert_closed(momenta)


def test_flat_sampler_is_flat(rng: np.random.Generator) -> None:
    momenta = three_photon.flat_momenta(rng.random((5, 200_000)))
    for photon in range(3):
        # dN/dE = 2 E / (s/4) in a massless three-body phase space
        assert flatness((momenta[0, photon] / (SQRT_S / 2)) ** 2) > FALSE_ALARM
        cosine = momenta[3, photon] / momenta[0, photon]
        assert flatness((cosine + 1) / 2) > FALSE_ALARM
    assert flatness(momenta[0, 0] / (SQRT_S / 2)) < 1e-20


def flat_coordinates(momenta: Floats) -> Floats:
    """Return (E0, E1, cos theta0, phi0, turn of 1 about 0), flat in phase space."""
    first, second = momenta[1:, 0], momenta[1:, 1]
    cosine = first[2] / momenta[0, 0]
    phi = np.arctan2(first[1], first[0])
    polar, azimuthal = signal.perpendicular_axes(np.arccos(cosine), phi)
    turn = np.arctan2((second * azimuthal).sum(axis=0), (second * polar).sum(axis=0))
    return np.stack([momenta[0, 0], momenta[0, 1], cosine, phi, turn])


def test_importance_density_is_the_jacobian(rng: np.random.Generator) -> None:
    """The density of the importance map against a numerical derivative: 6 digits."""
    region, floor = REGIONS["wide"][0], 0.25
    u = 0.02 + 0.96 * rng.random((5, 400))
    rapidity = region.cms_rapidity()
    step = 1e-5
    columns = []
    for axis in range(5):
        sides = []
        for sign in (1, -1):
            moved = u.copy()
            moved[axis] += sign * step
            momenta, _ = three_photon.importance_momenta(moved, floor, rapidity)
            sides.append(flat_coordinates(momenta))
        columns.append((sides[0] - sides[1]) / (2 * step))
    jacobian = np.abs(np.linalg.det(np.stack(columns).transpose(2, 0, 1)))
    # E0 and E1 fill a triangle of area (s/4)/2; the angles 2, 2 pi and 2 pi
    area = (S / 8) * 2 * (2 * np.pi) ** 2
    expected = area / (three_photon.VOLUME * jacobian)
    momenta, norm = three_photon.importance_momenta(u, floor, rapidity)
    density = three_photon.ordered_density(momenta, floor, norm, 0, 1)
    smooth = np.abs(flat_coordinates(momenta)[3:]).max(axis=0) < 3.1
    np.testing.assert_allclose(density[smooth], expected[smooth], rtol=2e-5)
    assert np.median(np.abs(density / expected - 1)) < 1e-7
    assert np.count_nonzero(smooth) > 350


def test_importance_weight_is_matrix_element_over_density(
    rng: np.random.Generator,
) -> None:
    region, _ = REGIONS["barrel-1.0"]
    u = rng.random((5, 5000))
    floor = region.cms_floor()
    momenta, norm = three_photon.importance_momenta(u, floor, region.cms_rapidity())
    inside = region.contains(from_four_momenta(transform(CMS_TO_LAB, momenta)))
    momenta = momenta[:, :, inside]
    density = [
        three_photon.ordered_density(momenta, floor, norm, i, j)
        for i, j in permutations(range(3), 2)
    ]
    squared = three_photon.matrix_element_squared(*three_photon.light_cone(momenta))
    expected = squared / np.mean(density, axis=0) * 0.3893793721e9 / (12 * S) / 5000
    found = three_photon.importance(u, region).weight_pb
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("name", REGIONS)
def test_samplers_agree(name: str, rng: np.random.Generator) -> None:
    region, expected = REGIONS[name]
    tries = {three_photon.flat: 400_000, three_photon.importance: 200_000}
    for sampler, n in tries.items():
        sample = sampler(rng.random((5, n)), region)
        value, error = sample.cross_section(n)
        assert abs(value - expected) < N_SIGMA * error
        assert error < 0.02 * expected
        assert region.contains(sample.photons).all()
    # control: the last sampler would notice a missing 2 %
    assert abs(0.98 * value - expected) > N_SIGMA * error


def test_rapidity_range_covers_the_region(rng: np.random.Generator) -> None:
    region, _ = REGIONS["wide"]
    photons = three_photon.flat(rng.random((5, 100_000)), region).photons
    cms = transform(LAB_TO_CMS, four_momenta(photons))
    rapidity = np.arctanh(cms[3] / cms[0])
    low, high = region.cms_rapidity()
    assert low < rapidity.min() < low + 0.02
    assert high - 0.02 < rapidity.max() < high
