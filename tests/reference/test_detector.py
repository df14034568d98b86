"""The calorimeter and the selection of the reference, piece by piece."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from . import signal
from .beams import (
    LAB_TO_CMS,
    SQRT_S,
    Floats,
    Photons,
    S,
    cms_energy,
    direction,
    four_momenta,
    transform,
)
from .checks import FALSE_ALARM, flatness, perfect_clusters
from .detector import (
    BARREL_RADIUS_CM,
    Clusters,
    Rings,
    Rule,
    Settings,
    apparent,
    find_crystals,
    group,
    linked,
    merge,
    separate,
    simulate,
    smear,
    triggered,
)
from .response import Background, resolution
from .selection import (
    Name,
    Observable,
    Window,
    candidates,
    good_clusters,
    pass_helicity,
    pass_window,
    take_three,
)

# detector


def column(*values: float) -> Floats:
    return np.array(values, dtype=np.float64)[:, None]


def photons_at(
    theta_deg: tuple[float, ...], phi_deg: tuple[float, ...], energy: tuple[float, ...]
) -> Photons:
    return Photons(
        column(*energy), np.deg2rad(column(*theta_deg)), np.deg2rad(column(*phi_deg))
    )


def test_rings(rings: Rings) -> None:
    assert rings.n_crystals.size == 69
    assert rings.n_crystals.sum() == 8736
    per_region = [rings.n_crystals[rings.region == region].sum() for region in range(3)]
    assert per_region == [1152, 6624, 960]


def test_find_crystals(rings: Rings) -> None:
    theta = np.deg2rad([12.3, 12.4, 31.8, 32.3, 90.1, 129.5, 131.0, 154.9, 155.1])
    ring, _, hit = find_crystals(theta, np.zeros(9), rings)
    assert hit.tolist() == [False, True, False, True, True, False, True, True, False]
    assert ring[hit].tolist() == [0, 13, 42, 59, 68]
    phi = np.array(
        [0.0, np.deg2rad(2.49), np.deg2rad(2.51), np.nextafter(2 * np.pi, 0)]
    )
    _, columns, _ = find_crystals(np.full(4, np.pi / 2), phi, rings)
    assert columns.tolist() == [0, 0, 1, 143]


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_linked_counts_crystals(n: int, rings: Rings) -> None:
    """In the barrel, all offsets around a crystal, also across phi = 0."""
    d_ring, d_column = (a.ravel() for a in np.mgrid[-6:7, -6:7])
    ring = np.stack([np.full(d_ring.size, 35), 35 + d_ring])
    columns = np.stack([np.zeros(d_ring.size, dtype=np.int64), d_column % 144])
    apart = separate(ring, columns, rings)
    near_ring, near_column = np.abs(d_ring) < n, np.abs(d_column) < n
    square = linked(apart, n, Rule.SQUARE)[0]
    cross = linked(apart, n, Rule.CROSS)[0]
    np.testing.assert_array_equal(square, near_ring & near_column)
    np.testing.assert_array_equal(cross, near_ring | near_column)


def test_linked_across_pitches(rings: Rings) -> None:
    # ring 10 has 96 crystals (3.75 deg), ring 11 has 144 (2.5 deg): centres of
    # columns 0 and 2 are at 1.875 and 6.25 deg, 1.17 larger pitches apart
    apart = separate(np.array([[10], [11]]), np.array([[0], [2]]), rings)
    assert apart.turn[0, 0] / apart.turn_unit[0, 0] == pytest.approx(4.375 / 3.75)
    assert not linked(apart, 1, Rule.SQUARE)[0, 0]
    assert linked(apart, 2, Rule.SQUARE)[0, 0]


def test_connections_are_transitive_and_need_both_photons() -> None:
    links = np.array([[True, True], [False, False], [True, True]])  # 0-1, 0-2, 1-2
    seen = np.array([[True, True], [True, False], [True, True]])
    assert group(links, seen).T.tolist() == [[0, 0, 0], [0, 1, 2]]


def test_merged_cluster(rings: Rings) -> None:
    photons = photons_at((80.0, 82.0, 120.0), (359.0, 2.0, 100.0), (1.0, 3.0, 2.0))
    label = np.array([[0], [0], [2]])
    ring, _, seen = find_crystals(photons.theta, photons.phi, rings)
    clusters = merge(photons, rings.region[ring], label, seen)
    assert clusters.exists[:, 0].tolist() == [True, False, True]
    np.testing.assert_allclose(clusters.energy[:, 0], [4, 0, 2])
    np.testing.assert_allclose(np.rad2deg(clusters.theta[:, 0]), [81.5, 0, 120])
    np.testing.assert_allclose(np.rad2deg(clusters.phi[:, 0]), [1.25, 0, 100])


def test_region_of_a_merged_cluster_is_that_of_its_hardest_photon(rings: Rings) -> None:
    photons = photons_at((31.0, 32.5), (10.0, 10.0), (1.0, 3.0))
    ring, _, seen = find_crystals(photons.theta, photons.phi, rings)
    clusters = merge(photons, rings.region[ring], np.zeros((2, 1), int), seen)
    assert clusters.region[0, 0] == 1


def test_three_deposits_trigger() -> None:
    energy = np.array([[0.1, 0.09, 5.0], [2.0, 2.0, 0.06], [3.0, 3.0, 0.06]])
    apart = np.tile(np.arange(3)[:, None], 3)
    seen = np.ones((3, 3), dtype=np.bool_)
    assert triggered(energy, apart, seen).tolist() == [True, False, False]
    together = np.array([[0, 0, 0], [1, 1, 1], [1, 1, 1]])
    assert not triggered(energy, together, seen).any()


def test_apparent_direction() -> None:
    quarter = np.pi / 2
    vertex = np.array([[60.0, 0, 130, 0], [0.0, 0, 0, 0], [0.0, 50, 0, 0]])[:, None]
    theta = np.array([[quarter, quarter, quarter, 1.0]])
    phi = np.array([[quarter, 0.5, 0.5, 2.0]])
    seen, hit = apparent(Photons(np.ones((1, 4)), theta, phi, vertex))
    assert hit[0].tolist() == [True, True, False, True]
    assert seen.phi[0, 0] == pytest.approx(np.arccos(60 / BARREL_RADIUS_CM))
    assert seen.theta[0, 1] == pytest.approx(np.arctan2(BARREL_RADIUS_CM, 50))
    assert (seen.theta[0, 3], seen.phi[0, 3]) == (1.0, 2.0)


def test_displaced_photons_along_one_line_stay_on_it(rng: np.random.Generator) -> None:
    photons = signal.generate(2000, 1.0, rng)
    unit = direction(photons.theta, photons.phi)
    seen, hit = apparent(photons._replace(vertex=30 * unit))
    assert hit.all()
    np.testing.assert_allclose(seen.theta, photons.theta, atol=1e-12)
    wrapped = np.abs(seen.phi - photons.phi) % (2 * np.pi)
    np.testing.assert_allclose(np.minimum(wrapped, 2 * np.pi - wrapped), 0, atol=1e-11)


@pytest.mark.parametrize(
    ("region", "energy", "level", "quantity", "expected", "digit"),
    [
        (1, 1.0, Background.LOW, 0, 2.0e-2, 1e-3),
        (1, 0.05, Background.HIGH, 0, 11.3e-2, 1e-3),
        (0, 0.2, Background.MEDIUM, 0, 3.4e-2, 1e-3),
        (2, 7.0, Background.HIGH, 0, 2.9e-2, 1e-3),
        (1, 0.1, Background.LOW, 1, 7.8e-3, 1e-4),
        (1, 5.0, Background.LOW, 2, 2.0e-3, 1e-4),
        (0, 2.0, Background.LOW, 2, 5.4e-3, 1e-4),
        (2, 0.5, Background.LOW, 1, 5.3e-3, 1e-4),
        (2, 0.01, Background.LOW, 2, 15.1e-3, 1e-9),
    ],
)
def test_resolution(
    region: int,
    energy: float,
    level: Background,
    quantity: int,
    expected: float,
    digit: float,
) -> None:
    widths = resolution(np.array([energy]), np.array([region]), level)
    assert widths[quantity][0] == pytest.approx(expected, abs=0.55 * digit)


def test_smearing_has_the_stated_widths(rng: np.random.Generator) -> None:
    n = 100_000
    shape = (1, n)
    clusters = Clusters(
        np.full(shape, 2.0),
        np.full(shape, 1.5),
        np.full(shape, 0.001),
        np.ones(shape, dtype=np.int64),
        np.ones(shape, dtype=np.bool_),
    )
    seen = smear(clusters, Background.LOW, rng)
    widths = resolution(np.array([2.0]), np.array([1]), Background.LOW)
    turn = np.remainder(seen.phi - 0.001 + np.pi, 2 * np.pi) - np.pi
    pulls = (
        (seen.energy / 2 - 1) / widths[0],
        (seen.theta - 1.5) / widths[1],
        turn / widths[2],
    )
    for pull in pulls:
        assert flatness(stats.norm.cdf(pull)) > FALSE_ALARM
        assert flatness(stats.norm.cdf(1.05 * pull)) < FALSE_ALARM
    assert seen.phi.min() >= 0
    assert seen.phi.max() < 2 * np.pi


def test_efficiency_is_applied_to_each_photon(
    rings: Rings, rng: np.random.Generator
) -> None:
    photons = signal.generate(100_000, 3.0, rng)
    perfect, _ = simulate(photons, Settings(trigger=False), rings, rng)
    lossy, _ = simulate(photons, Settings(trigger=False, efficiency=0.9), rings, rng)
    before = perfect.exists.all(axis=0)
    kept = int((lossy.exists.all(axis=0) & before).sum())
    n = int(before.sum())
    assert stats.binomtest(kept, n, 0.9**3).pvalue > FALSE_ALARM
    assert stats.binomtest(kept, n, 0.9**2).pvalue < FALSE_ALARM


# selection


def test_candidate_kinematics_are_those_of_four_vectors(
    rng: np.random.Generator,
) -> None:
    photons = signal.generate(5000, 0.5, rng)
    pairs = candidates(perfect_clusters(photons), cms_energy(photons))
    cms = transform(LAB_TO_CMS, four_momenta(photons))
    for index, (i, j) in enumerate(((0, 1), (0, 2), (1, 2))):
        pair = cms[:, i] + cms[:, j]
        size = np.linalg.norm(pair[1:], axis=0)
        mass_squared = pair[0] ** 2 - size**2
        np.testing.assert_allclose(pairs.mass_squared[index], mass_squared, atol=1e-12)
        helicity = (cms[0, i] - cms[0, j]) / size
        np.testing.assert_allclose(pairs.cos_helicity[index], helicity, atol=1e-9)
    np.testing.assert_allclose(pairs.mass_squared[2], 0.25, rtol=1e-9)


def test_windows_look_at_the_right_entries(rng: np.random.Generator) -> None:
    mass = 8.0
    photons = signal.generate(500, mass, rng)
    pairs = candidates(perfect_clusters(photons), cms_energy(photons))
    in_mass = Window(Observable.MASS_SQUARED, 64 - 1e-6, 64 + 1e-6)
    recoil = (S - 64) / (2 * SQRT_S)
    in_recoil = Window(Observable.RECOIL, recoil - 1e-6, recoil + 1e-6)
    for window in (in_mass, in_recoil):
        assert pass_window(pairs, Name.HIGH, window).all()
        # the pair of 8 GeV is never the lightest of three
        assert not pass_window(pairs, Name.LOW, window).any()
    aside = Window(Observable.RECOIL, recoil + 1e-6, recoil + 2e-6)
    assert pass_window(pairs, Name.HIGH, aside).mean() < 0.01


def test_exactly_three_of_more_clusters() -> None:
    energy = np.array([[2.0, 2.0], [0.1, 3.0], [3.0, 3.0], [4.0, 4.0]])
    theta = np.full((4, 2), 1.5)
    phi = np.array([[0.0, 0], [1, 1], [2, 2], [4, 4]])
    ones = np.ones((4, 2), dtype=np.int64)
    clusters = Clusters(energy, theta, phi, ones, ones.astype(np.bool_))
    cms, _, good = good_clusters(clusters)
    kept, _ = take_three(clusters, cms, good)
    assert kept.energy[:, 0].tolist() == [2, 3, 4]
    assert kept.energy.shape == (3, 1)


@pytest.mark.parametrize(
    ("mass", "low", "high"),
    [
        (0.2, 0.441, 0),
        (1, 0.419, 0),
        (2, 0.395, 0.27),
        (3, 0.382, 0.583),
        (9, None, 0.485),
    ],
)
def test_generator_level_acceptance(
    mass: float, low: float | None, high: float, rng: np.random.Generator
) -> None:
    """Helicity and acceptance cuts on true photons, times 0.85 for the window."""
    n = 100_000
    clusters = perfect_clusters(signal.generate(n, mass, rng))
    energy, _, good = good_clusters(clusters)
    pairs = candidates(*take_three(clusters, energy, good))
    found = {name: 0.85 * pass_helicity(pairs, name).sum() / n for name in Name}
    if low is not None:
        assert found[Name.LOW] == pytest.approx(low, abs=0.006)
    assert found[Name.HIGH] == pytest.approx(high, abs=0.006)
