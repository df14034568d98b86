"""Helicity amplitudes: against Dirac matrices, closed forms, symmetries and limits."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
import pytest

from generator.qed import (
    three_photon_constant,
    three_photon_shape,
    two_photon_squared,
)
from generator.spinors import GROUP, helicity_squares, product, spinor
from tests.reference import feynman
from tests.reference.beams import ALPHA, SQRT_S, S
from tests.reference.four_photon import flat_momenta

if TYPE_CHECKING:
    from tests.compare import Floats
    from tests.reference.feynman import Complexes

E_SQUARED = 4 * np.pi * ALPHA
HALF = SQRT_S / 2
BEAMS = HALF * np.array([[1.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, -1.0]])


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(1985)


def squares(momenta: Floats, references: Floats = BEAMS) -> Floats:
    """Return |A|² of a right-handed electron, (2ⁿ, events), GeV⁴⁻²ⁿ, without e²ⁿ.

    Bit i of the row is set where photon i has helicity −.
    """
    n, events = momenta.shape[1:]
    padded = np.resize(np.moveaxis(momenta, -1, 0), (-(-events // GROUP), GROUP, 4, n))
    out = np.empty((len(padded), 2**n, GROUP))
    for group, filled in zip(padded, out, strict=True):
        photons = np.ascontiguousarray(group.T) / HALF
        helicity_squares(photons, references / HALF, filled)
    rows = np.moveaxis(out, 0, 1).reshape(2**n, -1)[:, :events]
    return np.asarray(rows * HALF ** (4 - 2 * n))


def averaged(momenta: Floats) -> Floats:
    """Return the spin-averaged |M|² without e²ⁿ."""
    return np.asarray(squares(momenta).sum(axis=0) / 2)


def beams(n: int) -> tuple[Floats, Floats]:
    electron, positron = (np.repeat(beam[:, None], n, axis=1) for beam in BEAMS)
    return electron, positron


def dot(first: Floats, second: Floats) -> Floats:
    """Return the Minkowski product of (4, ...) vectors."""
    return np.asarray(np.einsum("m,m...,m...->...", feynman.METRIC, first, second))


def light_cone(momenta: Floats) -> tuple[Floats, Floats]:
    """Return p(e⁻)·k and p(e⁺)·k, shape (photons, events)."""
    return HALF * (momenta[0] - momenta[3]), HALF * (momenta[0] + momenta[3])


# spinors


def test_spinors_square_to_momenta(rng: np.random.Generator) -> None:
    directions = rng.normal(size=(200, 3))
    axes = np.concatenate([np.eye(3), -np.eye(3)])  # and along the axes
    for vector in np.concatenate([directions, axes, axes + 1e-9 * directions[:6]]):
        x, y, z = vector
        energy = float(np.linalg.norm(vector))
        first, second = spinor(energy, x, y, z)
        outer = np.outer([first, second], np.conj([first, second]))
        expected = np.array([[energy + z, x - 1j * y], [x + 1j * y, energy - z]])
        np.testing.assert_allclose(outer, expected, atol=1e-14 * energy)


def test_products_are_invariants(rng: np.random.Generator) -> None:
    for _ in range(100):
        vectors = rng.normal(size=(2, 3))
        energies = np.linalg.norm(vectors, axis=1)
        left, right = (
            spinor(float(e), *map(float, v))
            for e, v in zip(energies, vectors, strict=True)
        )
        twice = 2 * (energies.prod() - vectors[0] @ vectors[1])
        assert abs(product(*left, *right)) ** 2 == pytest.approx(twice, rel=1e-10)
        assert abs(product(*left, *left)) < 1e-15 * energies[0]


# against Dirac matrices


@pytest.mark.parametrize("n_photons", [2, 3, 4])
def test_recursion_is_the_sum_of_all_diagrams(
    n_photons: int, rng: np.random.Generator
) -> None:
    momenta = flat_momenta(200, rng, n_photons)
    diagrams = feynman.matrix_element_squared(*beams(200), momenta)
    mine = E_SQUARED**n_photons * averaged(momenta)
    np.testing.assert_allclose(mine, diagrams, rtol=1e-9)


def circular(momentum: Floats, helicity: int) -> Complexes:
    """Return ε* of an outgoing photon."""
    first, second = feynman.linear_polarisations(momentum)
    return np.asarray((first - 1j * helicity * second) / np.sqrt(2))


def dirac_squares(
    momenta: Floats,
    row: int,
    chirality: int,
    orders: list[tuple[int, ...]] | None = None,
) -> Floats:
    """Return |A|² of one row of helicities; chirality +1: right-handed electron."""
    n_photons, n = momenta.shape[1:]
    helicity = [-1 if row >> i & 1 else 1 for i in range(n_photons)]
    states = [circular(momenta[:, i], h) for i, h in enumerate(helicity)]
    string = feynman.amplitude_matrix(beams(n)[0], momenta, states, orders)
    gamma5 = 1j * np.linalg.multi_dot(list(feynman.GAMMA))
    string = string @ (np.eye(4) + chirality * gamma5) / 2
    return 4 * feynman.squared_string(*beams(n), string)


@pytest.mark.parametrize("row", range(16))
def test_every_helicity(row: int, rng: np.random.Generator) -> None:
    momenta = flat_momenta(40, rng)
    mine, scale = squares(momenta)[row], squares(momenta).sum(axis=0)
    diagrams = dirac_squares(momenta, row, +1)
    assert np.abs((mine - diagrams) / scale).max() < 1e-11
    # the other electron helicity: mirror image with all helicities reversed
    mirrored = momenta * np.array([1.0, -1.0, 1.0, 1.0])[:, None, None]
    left = dirac_squares(mirrored, 15 - row, -1)
    assert np.abs((mine - left) / scale).max() < 1e-11
    if row in (0, 15):
        return
    # negative controls: one of 24 orders missing, helicities reversed
    orders = list(permutations(range(4)))[:-1]
    for wrong in (
        dirac_squares(momenta, row, +1, orders),
        dirac_squares(momenta, 15 - row, +1),
    ):
        assert np.abs((mine - wrong) / scale).max() > 1e-3


# against closed forms


def test_two_photons(rng: np.random.Generator) -> None:
    momenta = flat_momenta(200, rng, 2)
    x, y = light_cone(momenta)
    closed = two_photon_squared(x[0], y[0], alpha=ALPHA)
    np.testing.assert_allclose(E_SQUARED**2 * averaged(momenta), closed, rtol=1e-12)


def test_three_photons(rng: np.random.Generator) -> None:
    momenta = flat_momenta(200, rng, 3)
    d, u = (4 / S * invariant for invariant in light_cone(momenta))
    shape = three_photon_shape(d[0], u[0], d[1], u[1], d[2], u[2])
    closed = three_photon_constant(S, alpha=ALPHA) * shape
    np.testing.assert_allclose(E_SQUARED**3 * averaged(momenta), closed, rtol=1e-10)
    wrong = three_photon_shape(d[0], u[0], d[1], u[1], d[2], -u[2])
    assert not np.allclose(wrong / shape, 1, rtol=1e-2)


@pytest.mark.parametrize("n_photons", [2, 3, 4, 5])
def test_equal_helicities_vanish(n_photons: int, rng: np.random.Generator) -> None:
    """Exactly so with the beams as reference momenta, by cancellation with others."""
    momenta = flat_momenta(100, rng, n_photons)
    rows = squares(momenta)
    assert not rows[[0, -1]].any()
    assert rows[1:-1].all()
    other = squares(momenta, references(rng))
    assert (other[[0, -1]] / rows.sum(axis=0)).max() < 1e-16


@pytest.mark.parametrize("n_photons", [3, 4, 5])
def test_one_different_helicity(n_photons: int, rng: np.random.Generator) -> None:
    """|A|² = 2s (s/2)ⁿ⁻³ (p₁k)³(p₂k)/Π, Π the product of all (p₁kⱼ)(p₂kⱼ).

    R. Kleiss, W. J. Stirling, Nucl. Phys. B262 (1985) 235 (remembered); k is the photon
    of helicity −, or that of + with p₁ and p₂ exchanged.
    """
    momenta = flat_momenta(100, rng, n_photons)
    x, y = light_cone(momenta)
    rows = squares(momenta)
    norm = 2 * S * (S / 2) ** (n_photons - 3) / (x * y).prod(axis=0)
    for i in range(n_photons):
        row = 1 << i
        minus, plus = rows[row], rows[2**n_photons - 1 - row]
        np.testing.assert_allclose(minus, norm * x[i] ** 3 * y[i], rtol=1e-8)
        np.testing.assert_allclose(plus, norm * x[i] * y[i] ** 3, rtol=1e-8)


# symmetries


def references(rng: np.random.Generator) -> Floats:
    """Return two random massless momenta."""
    vectors = rng.normal(size=(2, 3))
    return np.column_stack([np.linalg.norm(vectors, axis=1), vectors])


def test_gauge_invariance(rng: np.random.Generator) -> None:
    momenta = flat_momenta(200, rng)
    expected = squares(momenta)
    scale = expected.sum(axis=0)
    for _ in range(5):
        other = squares(momenta, references(rng))
        assert np.abs((other - expected) / scale).max() < 1e-9
    # negative control: momenta that do not add up
    momenta[:, 3] *= 0.9
    other = squares(momenta, references(rng))
    assert np.abs((other - squares(momenta)) / scale).max() > 1e-2


def test_bose_symmetry(rng: np.random.Generator) -> None:
    momenta = flat_momenta(50, rng)
    expected = squares(momenta)
    for order in permutations(range(4)):
        rows = [
            sum((row >> old & 1) << new for new, old in enumerate(order))
            for row in range(16)
        ]
        other = squares(momenta[:, list(order)])[rows]
        scale = expected.sum(axis=0)
        assert np.abs((other - expected) / scale).max() < 1e-11
    # negative control: photons exchanged, helicities not
    assert np.abs((squares(momenta[:, ::-1]) - expected) / scale).max() > 1e-2


def test_cp_and_mirror_images(rng: np.random.Generator) -> None:
    """CP with a turn: z → −z and all helicities reversed. The sum keeps both alone."""
    momenta = flat_momenta(100, rng)
    expected = squares(momenta)
    scale = expected.sum(axis=0)
    reflected = {
        axis: squares(momenta * np.where(np.arange(4) == axis, -1, 1)[:, None, None])
        for axis in (1, 3)
    }
    assert np.abs((reflected[3][::-1] - expected) / scale).max() < 1e-12
    for rows in reflected.values():
        np.testing.assert_allclose(rows.sum(axis=0), scale, rtol=1e-12)
    # negative control: no charge conjugation, or helicities not reversed
    assert np.abs((reflected[1][::-1] - expected) / scale).max() > 1e-2
    assert np.abs((reflected[3] - expected) / scale).max() > 1e-2


# limits


def recoiling(extra: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return four photons, the last one given (4, n), and three in their own frame."""
    n = extra.shape[1]
    three = flat_momenta(n, rng, 3)
    total = beams(n)[0] + beams(n)[1] - extra
    mass = np.sqrt(dot(total, total))
    three *= mass / SQRT_S
    gamma, velocity = total[0] / mass, total[1:] / mass
    along = (velocity[:, None] * three[1:]).sum(axis=0)
    moved = np.empty((4, 4, n))
    moved[0, :3] = gamma * three[0] + along
    moved[1:, :3] = three[1:] + velocity[:, None] * (three[0] + along / (1 + gamma))
    moved[:, 3] = extra
    return moved, three


def photon(x: Floats, cos: Floats, phi: Floats) -> Floats:
    sin = np.sqrt(1 - cos**2)
    unit = np.stack([np.ones_like(x), sin * np.cos(phi), sin * np.sin(phi), cos])
    return np.asarray(x * HALF * unit)


@pytest.mark.parametrize(
    ("fraction", "good"), [(1e-6, True), (1e-4, True), (0.3, False)]
)
def test_soft_limit_is_eikonal(
    fraction: float, good: bool, rng: np.random.Generator
) -> None:
    """|M(4γ)|² → e² s/((p₁k)(p₂k)) |M(3γ)|²; a hard photon is the control."""
    n = 300
    extra = photon(
        np.full(n, fraction), rng.uniform(-0.9, 0.9, n), rng.uniform(0, 2 * np.pi, n)
    )
    four, three = recoiling(extra, rng)
    x, y = (invariant[3] for invariant in light_cone(four))
    error = np.abs(averaged(four) / (S / (x * y) * averaged(three)) - 1)
    assert bool(np.median(error) < min(20 * fraction, 0.05)) is good


@pytest.mark.parametrize(("side", "sine"), [(1, 1e-4), (-1, 1e-4), (1, 0.5)])
def test_collinear_limit_is_the_splitting_function(
    side: int, sine: float, rng: np.random.Generator
) -> None:
    """|M(4γ)|² → e²/(pk) · (1 + (1−x)²)/(x(1−x)) · |M(3γ)|² at ŝ = (1−x)s.

    At a wide angle, the control, it fails.
    """
    n = 300
    x = rng.uniform(0.1, 0.8, n)
    cos = np.full(n, side * np.sqrt(1 - sine**2))
    four, three = recoiling(photon(x, cos, rng.uniform(0, 2 * np.pi, n)), rng)
    beam = beams(n)[0 if side > 0 else 1]
    splitting = (1 + (1 - x) ** 2) / (x * (1 - x)) / dot(beam, four[:, 3])
    # |M(3γ)|² of the three in their own frame, where ŝ is not s: |M|² ∝ 1/s
    unit = three / np.sqrt(1 - x)
    lower = averaged(unit) / (1 - x)
    error = np.median(np.abs(averaged(four) / (splitting * lower) - 1))
    assert bool(error < 0.01) is (sine < 1e-3)
