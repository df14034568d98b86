"""Front-face hits against the reference, photon by photon; losses in the material."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from detector import crystals
from detector.crystals import (
    AT_THE_IP,
    LUMINOUS_CM,
    Hits,
    Material,
    Vector,
    collision_points,
    hit,
)
from detector.geometry import belle2
from generator.signal import Exponential, Signal
from generator.simd import LANES
from tests.compare import (
    FALSE_ALARM,
    Floats,
    as_reference,
    flatness,
    photons_of,
    sample,
    start,
)
from tests.reference.detector import Rings, apparent, find_crystals
from tests.test_bench import MACHINE, PACKED, _assembly, needs_known_assembly

if TYPE_CHECKING:
    from generator.columns import Photons


def hits_of(block: Photons, efficiency: float = 1.0, seed: int = 1) -> Hits:
    return hit(block, belle2(), efficiency, start(seed))


def rows(column: np.ndarray) -> Floats:
    """Return a flat working column as (slots, LANES) in float64."""
    return column.reshape(-1, LANES).astype(float)


def turned(first: Floats, second: Floats) -> Floats:
    """Return the smallest difference of two azimuths."""
    return np.abs(np.remainder(first - second + np.pi, 2 * np.pi) - np.pi)


def assert_same_hits(
    block: Photons, rings: Rings, luminous_cm: Vector = AT_THE_IP
) -> None:
    """Compare everything but photons within float32 rounding of a crystal's edge."""
    found = hit(block, belle2(), 1.0, start(1), luminous_cm=luminous_cm)
    true = as_reference([block])
    if any(luminous_cm):
        moved = collision_points(luminous_cm, start(1))[:, None]
        begin = (
            np.zeros((3, *true.energy.shape)) if true.vertex is None else true.vertex
        )
        true = true._replace(vertex=begin + moved)
    aimed, inside = apparent(true)
    ring, column, on_crystal = find_crystals(aimed.theta, aimed.phi, rings)
    seen = inside & on_crystal
    nudged = [
        find_crystals(aimed.theta + d, aimed.phi, rings)[0] for d in (-2e-5, 2e-5)
    ]
    holes = [find_crystals(aimed.theta + d, aimed.phi, rings)[2] for d in (-2e-5, 2e-5)]
    clear = (nudged[0] == nudged[1]) & (holes[0] == holes[1])
    start_cm = np.zeros(3)[:, None, None] if true.vertex is None else true.vertex
    radius, z = np.hypot(start_cm[0], start_cm[1]), start_cm[2]
    clear &= (np.abs(radius - 125.6) > 1e-2) & (np.abs(z - 197.9) > 1e-2)
    clear &= np.abs(z + 104.0) > 1e-2
    assert clear.mean() > 0.98
    both = clear & seen
    np.testing.assert_array_equal((rows(found.energy) > 0)[clear], seen[clear])
    np.testing.assert_allclose(rows(found.energy)[both], block.energy[both], rtol=1e-6)
    assert np.abs(rows(found.theta) - aimed.theta)[both].max() < 2e-5
    assert turned(rows(found.phi), aimed.phi)[both].max() < 6e-5
    np.testing.assert_array_equal(rows(found.ring)[both], ring[both])
    width = rings.theta_max - rings.theta_min
    row = ring + (aimed.theta - rings.theta_min[ring]) / width[ring]
    assert np.abs(rows(found.row) - row)[both].max() < 2e-3
    pitch = 2 * np.pi / rings.n_crystals[ring]
    np.testing.assert_allclose(rows(found.pitch)[both], pitch[both], rtol=1e-6)
    off_edge = np.abs(np.remainder(aimed.phi / pitch, 1) - 0.5) < 0.498
    centre = (column + 0.5) * pitch
    apart = turned(rows(found.phi_crystal), centre)[both & off_edge]
    assert apart.max() < 2e-6


@pytest.mark.parametrize("mass", [0.2, 3.0])
def test_prompt_hits(mass: float, rings: Rings) -> None:
    for block in sample(Signal(mass), 5, 1):
        assert_same_hits(block, rings)


@pytest.mark.parametrize("ctau_cm", [0.05, 2.0, 30.0])
def test_displaced_hits(ctau_cm: float, rings: Rings) -> None:
    for block in sample(Signal(0.5, decay=Exponential(ctau_cm)), 5, 2):
        assert_same_hits(block, rings)


def test_vertices_anywhere(rings: Rings, rng: np.random.Generator) -> None:
    """Photons of all directions from all places, also outside the calorimeter."""
    theta = np.arccos(rng.uniform(-0.9999, 0.9999, (3, LANES)))
    phi = rng.uniform(0, 2 * np.pi, (3, LANES))
    place = rng.uniform(-1, 1, (3, LANES)) * np.array([110, 110, 210])[:, None]
    assert_same_hits(photons_of(np.ones((3, LANES)), theta, phi, place), rings)


def test_displacement_changes_the_crystal() -> None:
    """Negative control of the two tests above: vertices matter."""
    block = sample(Signal(0.5, decay=Exponential(2.0)), 1, 2)[0]
    prompt = photons_of(block.energy, block.theta, block.phi)
    moved = rows(hits_of(block).ring) != rows(hits_of(prompt).ring)
    assert moved[1:].mean() > 0.1
    assert not moved[0].any()


def test_true_columns_are_left_alone() -> None:
    block = sample(Signal(0.5, decay=Exponential(2.0)), 1, 2)[0]
    before = block.energy.copy(), block.theta.copy(), block.phi.copy()
    hits_of(block)
    for column, copy in zip(
        (block.energy, block.theta, block.phi), before, strict=True
    ):
        np.testing.assert_array_equal(column, copy)


def test_decays_outside_are_lost() -> None:
    vertex = np.array(
        [[126.0, 0, 0, 90, 125], [0.0, 0, 0, 90, 0], [0, 198, -105, 0, 0]]
    )
    shape = (1, 5)
    block = photons_of(np.ones(shape), np.full(shape, 1.5), np.zeros(shape), vertex)
    found = rows(hits_of(block).energy)[0, :5]
    assert found.tolist() == [0, 0, 0, 0, 1]


def test_gaps_and_holes_are_lost() -> None:
    theta = np.radians([[5.0, 12.3, 12.5, 31.8, 90.0, 129.5, 154.9, 155.1, 179.0]])
    shape = theta.shape
    found = hits_of(photons_of(np.ones(shape), theta, np.full(shape, 1.0)))
    assert rows(found.energy)[0, :9].tolist() == [0, 0, 1, 0, 1, 0, 1, 0, 0]
    assert rows(found.ring)[0, [0, 3, 5, 8]].tolist() == [-1] * 4


@pytest.mark.parametrize("efficiency", [0.0, 0.7, 0.95, 1.0])
def test_efficiency_of_every_photon(efficiency: float) -> None:
    """Binomial tests at 1e-4 of single photons and of pairs, with a control."""
    theta, phi = np.full((3, LANES), 1.5), np.full((3, LANES), 1.0)
    block = photons_of(np.ones((3, LANES)), theta, phi)
    state = start(3)
    geometry = belle2()
    seen = np.concatenate(
        [rows(hit(block, geometry, efficiency, state).energy) > 0 for _ in range(20)],
        axis=1,
    )
    assert np.unique(seen).size == (1 if efficiency in (0.0, 1.0) else 2)
    pairs = int((seen[0] & seen[1]).sum())
    for found, expected in ((int(seen[2].sum()), efficiency), (pairs, efficiency**2)):
        assert stats.binomtest(found, seen.shape[1], expected).pvalue > FALSE_ALARM
    off = 0.5 * (efficiency + 0.5)
    assert stats.binomtest(pairs, seen.shape[1], off**2).pvalue < FALSE_ALARM


def test_losses_are_independent_of_the_photon_number() -> None:
    nothing = photons_of(np.zeros((2, 5)), np.full((2, 5), 1.5), np.zeros((2, 5)))
    assert not hits_of(nothing).energy.any()


# collisions away from the nominal IP

WIDE: Vector = (3.0, 1.0, 8.0)


@pytest.mark.parametrize("luminous_cm", [LUMINOUS_CM, WIDE, (0.0, 0.0, 5.0)])
@pytest.mark.parametrize(
    "sampler",
    [Signal(0.5), Signal(0.5, decay=Exponential(2.0))],
    ids=["prompt", "late"],
)
def test_hits_of_moved_collisions(
    luminous_cm: Vector, sampler: Signal, rings: Rings
) -> None:
    for block in sample(sampler, 3, 3):
        assert_same_hits(block, rings, luminous_cm)


def test_moved_collisions_differ() -> None:
    """Negative control of the test above."""
    block = sample(Signal(0.5), 1, 3)[0]
    moved = hit(block, belle2(), 1.0, start(1), luminous_cm=WIDE)
    assert np.mean(np.abs(moved.theta - hits_of(block).theta) > 1e-3) > 0.9


def test_collision_points_are_gaussian() -> None:
    """Flatness and correlations at 1e-4; widths 4 % off must fail."""
    state = start(8)
    points = np.concatenate([collision_points(WIDE, state) for _ in range(20)], axis=1)
    for values, spread in zip(points, WIDE, strict=True):
        assert flatness(stats.norm.cdf(values / spread)) > FALSE_ALARM
        assert flatness(stats.norm.cdf(1.04 * values / spread)) < FALSE_ALARM
    limit = stats.norm.isf(FALSE_ALARM / 2) / np.sqrt(points.shape[1])
    assert np.abs(np.corrcoef(points)[np.triu_indices(3, 1)]).max() < limit


def test_photons_of_an_event_share_the_collision() -> None:
    """Prompt photons and those of a decay at the IP move together, seen from the side."""
    shape = (2, LANES)
    sides = np.ones(shape), np.full(shape, np.pi / 2), np.ones(shape)
    block = replace(photons_of(*sides, np.zeros((3, LANES))), n_prompt=1)
    theta = rows(hit(block, belle2(), 1.0, start(1), luminous_cm=(0, 0, 5)).theta)
    np.testing.assert_array_equal(theta[0], theta[1])
    z = 125.6 / np.tan(theta[0])
    assert flatness(stats.norm.cdf(z / 5.0)) > FALSE_ALARM


def test_nominal_spread_is_small_next_to_a_crystal() -> None:
    """Six σ of 0.15 mm at 1 m: a few hundredths of a crystal of 5.5 cm."""
    block = sample(Signal(0.5), 1, 2)[0]
    moved = hit(block, belle2(), 1.0, start(1), luminous_cm=LUMINOUS_CM)
    still = hits_of(block)
    both = (moved.ring == still.ring) & (still.ring >= 0)
    assert both.mean() > 0.85
    assert 0.0 < np.abs(moved.row - still.row)[both].max() < 0.05


# losses in the material


def share_seen(
    theta: float, material: Material, vertex_cm: Floats | None = None
) -> tuple[int, int, int]:
    """Return photons seen, pairs seen and events, at an efficiency of 90 %."""
    columns = np.ones((2, LANES)), np.full((2, LANES), theta), np.ones((2, LANES))
    block, state = photons_of(*columns, vertex_cm), start(9)
    seen = np.concatenate(
        [
            rows(hit(block, belle2(), 0.9, state, material).energy) > 0
            for _ in range(20)
        ],
        axis=1,
    )
    return int(seen[0].sum()), int(seen.all(axis=0).sum()), seen.shape[1]


def converted(radiation_lengths: float) -> float:
    """Return the share of photons that convert, from their attenuation."""
    share, _ = integrate.quad(
        lambda depth: 7 / 9 * np.exp(-7 / 9 * depth), 0.0, radiation_lengths
    )
    return float(share)


@pytest.mark.parametrize("theta_deg", [17.0, 60.0, 90.0, 150.0])
def test_conversions_lose_photons(theta_deg: float) -> None:
    """Binomial tests at 1e-4 of photons and pairs; no dependence on θ must fail."""
    theta = np.radians(theta_deg)
    single, pairs, n = share_seen(theta, Material(0.2, 0.7))
    expected = 0.9 * (1 - 0.7 * converted(0.2 / np.sin(theta)))
    assert stats.binomtest(single, n, expected).pvalue > FALSE_ALARM
    assert stats.binomtest(pairs, n, expected**2).pvalue > FALSE_ALARM
    straight = 0.9 * (1 - 0.7 * converted(0.2))
    if theta_deg != 90.0:
        assert stats.binomtest(single, n, straight).pvalue < FALSE_ALARM


def test_displaced_photons_cross_the_material_at_their_own_angle() -> None:
    """They are seen at 38° but fly at 90°; the apparent angle must fail."""
    vertex = np.zeros((3, LANES))
    vertex[2] = 160.0
    single, _, n = share_seen(np.pi / 2, Material(0.3), vertex)
    seen_at = np.arctan2(125.6, 160.0)
    own, apparent_angle = (0.9 * (1 - converted(0.3 / s)) for s in (1, np.sin(seen_at)))
    assert stats.binomtest(single, n, own).pvalue > FALSE_ALARM
    assert stats.binomtest(single, n, apparent_angle).pvalue < FALSE_ALARM


@given(
    thickness=st.tuples(st.floats(0, 5), st.floats(0, 1e30)),
    share=st.floats(0, 1),
    seed=st.integers(0, 100),
)
def test_more_material_never_brings_a_photon_back(
    thickness: tuple[float, float], share: float, seed: int
) -> None:
    block = sample(Signal(0.5), 1, 2)[0]
    thin, thick = sorted(thickness)
    few, many = (
        hit(block, belle2(), 1.0, start(seed), Material(x, share))
        for x in (thick, thin)
    )
    lost = few.energy != many.energy
    assert not few.energy[lost].any()
    for column in ("theta", "phi", "ring", "row", "phi_crystal", "pitch"):
        np.testing.assert_array_equal(getattr(few, column), getattr(many, column))


def test_photons_along_the_beam_are_no_trouble() -> None:
    theta = np.array([[0.0, 1e-9, np.pi - 1e-9, np.pi, 1.0]])
    block = photons_of(np.ones((1, 5)), theta, np.ones((1, 5)))
    found = hit(block, belle2(), 1.0, start(1), Material(1e-6), LUMINOUS_CM)
    assert rows(found.energy)[0, :5].tolist() == [0, 0, 0, 0, 1]
    assert np.isfinite(found.theta).all()


@pytest.mark.parametrize(
    "material", [Material(), Material(0.0, 0.3), Material(0.3, 0.0)]
)
def test_nothing_in_the_way_changes_nothing(material: Material) -> None:
    """Not even the random numbers; material and spread do."""
    block = sample(Signal(0.5, decay=Exponential(2.0)), 1, 2)[0]
    plain, other = start(1), start(1)
    before = hit(block, belle2(), 0.9, plain)
    after = hit(block, belle2(), 0.9, other, material, (0, 0, 0))
    for field in fields(Hits):
        np.testing.assert_array_equal(
            getattr(before, field.name), getattr(after, field.name)
        )
    np.testing.assert_array_equal(plain, other)
    for arguments in ((Material(0.1), AT_THE_IP), (Material(), LUMINOUS_CM)):
        state = start(1)
        hit(block, belle2(), 0.9, state, *arguments)
        assert not np.array_equal(plain, state)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-0.1,), "radiation_lengths = -0.1: need finite, >= 0"),
        ((np.nan,), "radiation_lengths = nan"),
        ((np.inf,), "radiation_lengths = inf"),
        ((0.1, -0.1), "lost_share = -0.1: need 0 to 1"),
        ((0.1, 1.1), "lost_share = 1.1"),
        ((0.1, np.nan), "lost_share = nan"),
    ],
)
def test_impossible_material(arguments: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Material(*arguments)


@pytest.mark.parametrize("luminous_cm", [(-1, 0, 0), (0, np.nan, 0), (0, 0, np.inf)])
def test_impossible_spreads(luminous_cm: Vector) -> None:
    block = sample(Signal(0.5), 1, 2)[0]
    with pytest.raises(ValueError, match="need finite spreads of at least 0"):
        hit(block, belle2(), 1.0, start(1), luminous_cm=luminous_cm)


@needs_known_assembly
@pytest.mark.parametrize("name", ["_to_front_face", "_collide", "_lose"])
def test_kernels_vectorise(name: str) -> None:
    block = sample(Signal(0.5, decay=Exponential(2.0)), 1, 2)[0]
    hit(block, belle2(), 1.0, start(1), Material(0.1), LUMINOUS_CM)
    kernel: Any = getattr(crystals, name)
    options = {"error_model": "numpy", "nogil": True}
    options["fastmath"] = kernel.targetoptions["fastmath"]
    assembly = _assembly(kernel, options)
    assert len(re.findall(PACKED[MACHINE], assembly)) >= 20
    assert "gather" not in assembly
