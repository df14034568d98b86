"""Front-face hits against the reference, photon by photon."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from detector.crystals import Hits, hit
from detector.geometry import belle2
from generator.signal import Exponential, Signal
from generator.simd import LANES
from tests.compare import (
    FALSE_ALARM,
    Floats,
    as_reference,
    photons_of,
    sample,
    start,
)
from tests.reference.detector import Rings, apparent, find_crystals

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


def assert_same_hits(block: Photons, rings: Rings) -> None:
    """Compare everything but photons within float32 rounding of a crystal's edge."""
    found = hits_of(block)
    aimed, inside = apparent(as_reference([block]))
    ring, column, on_crystal = find_crystals(aimed.theta, aimed.phi, rings)
    seen = inside & on_crystal
    nudged = [
        find_crystals(aimed.theta + d, aimed.phi, rings)[0] for d in (-2e-5, 2e-5)
    ]
    holes = [find_crystals(aimed.theta + d, aimed.phi, rings)[2] for d in (-2e-5, 2e-5)]
    clear = (nudged[0] == nudged[1]) & (holes[0] == holes[1])
    start_cm = (
        np.zeros(3)[:, None, None]
        if block.vertex_cm is None
        else (as_reference([block]).vertex)
    )
    assert start_cm is not None
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
