"""Sampler of e⁺e⁻ → γγγ: cross sections, distributions and weights."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy import stats

from generator.columns import Photons
from generator.phase_space import PhaseSpace
from generator.sampling import Stream, cross_section
from generator.simd import LANES
from generator.three_photon import ThreePhoton
from tests.compare import (
    FALSE_ALARM,
    N_SIGMA,
    Floats,
    as_reference,
    join,
    sample,
    start,
    weighted_chi2,
)
from tests.reference import three_photon as reference
from tests.reference.beams import (
    LAB_TO_CMS,
    SQRT_S,
    cms_energy,
    four_momenta,
    transform,
)
from tests.reference.beams import Photons as ReferencePhotons
from tests.reference.checks import REGIONS

WIDE = PhaseSpace()
BARREL = PhaseSpace((37.3, 123.7), 0.0, 0.65)
HARD = PhaseSpace((37.3, 123.7), 0.0, 1.0)
PAIRS = ((0, 1), (0, 2), (1, 2))


@cache
def weighted(space: PhaseSpace, n_blocks: int = 200) -> tuple[ReferencePhotons, Floats]:
    """Return events of the product: photons and weights [pb]."""
    blocks = sample(ThreePhoton(space), n_blocks, 1)
    return as_reference(blocks), join([b.weight_pb for b in blocks])


@pytest.mark.parametrize(
    ("space", "published_pb", "name"),
    [
        (WIDE, 97.6, "wide"),
        (BARREL, 14.2, "barrel-0.65"),
        (HARD, 10.5, "barrel-1.0"),
    ],
)
def test_cross_section(space: PhaseSpace, published_pb: float, name: str) -> None:
    """Against the note's numbers (0.5 %) and the reference's (1e-4 each)."""
    total = cross_section(ThreePhoton(space), Stream(1, 1), 500 * LANES)
    assert total.sum_pb == pytest.approx(published_pb, rel=0.005)
    quasi_random = REGIONS[name][1]
    assert abs(total.sum_pb - quasi_random) < N_SIGMA * total.error_pb
    assert abs(0.99 * total.sum_pb - quasi_random) > N_SIGMA * total.error_pb
    flat = reference.flat(
        np.random.default_rng(2).random((5, 400_000)), REGIONS[name][0]
    )
    value, error = flat.cross_section(400_000)
    assert abs(total.sum_pb - value) < N_SIGMA * np.hypot(error, total.error_pb)


def observables(photons: ReferencePhotons) -> dict[str, Floats]:
    """Return entries (3, n) that do not depend on the order of the photons."""
    cms = transform(LAB_TO_CMS, four_momenta(photons))
    pairs = [cms[:, i] + cms[:, j] for i, j in PAIRS]
    size = [np.linalg.norm(pair[1:], axis=0) for pair in pairs]
    mass2 = [pair[0] ** 2 - p**2 for pair, p in zip(pairs, size, strict=True)]
    helicity = [
        np.abs(cms[0, i] - cms[0, j]) / p for (i, j), p in zip(PAIRS, size, strict=True)
    ]
    return {
        "E*": cms[0],
        "cos theta*": cms[3] / cms[0],
        "m2": np.array(mass2),
        "lightest m2": np.min(mass2, axis=0)[None],
        "helicity": np.array(helicity),
        "theta_lab": photons.theta,
        "E_lab": np.sort(photons.energy, axis=0)[:1],
    }


def entries(values: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return the first row's photon alone, or a random one of three (independent)."""
    row = np.arange(weights.size) % len(values)
    return values[row, np.arange(weights.size)], weights


@pytest.mark.parametrize("name", ["wide", "barrel-0.65"])
def test_distributions_are_those_of_the_reference(name: str) -> None:
    """Seven χ² tests at 1e-4 a region, normalisation included."""
    space = {"wide": WIDE, "barrel-0.65": BARREL}[name]
    photons, weight = weighted(space)
    u = np.random.default_rng(3).random((5, 500_000))
    expected = reference.importance(u, REGIONS[name][0])
    mine, theirs = observables(photons), observables(expected.photons)
    # the order of the photons means nothing: mix it in both
    for key in mine:
        first = entries(shuffled(mine[key], 1), weight)
        second = entries(shuffled(theirs[key], 2), expected.weight_pb)
        assert weighted_chi2(first, second) > FALSE_ALARM, key
    # negative controls: energies 1 % up, one weight per cent too much
    first = entries(shuffled(mine["E*"], 1), weight)
    second = entries(shuffled(theirs["E*"], 2), expected.weight_pb)
    assert weighted_chi2((1.01 * first[0], weight), second) < FALSE_ALARM
    assert weighted_chi2((first[0], 1.02 * weight), second) < FALSE_ALARM


def wrong_matrix_element(photons: ReferencePhotons) -> Floats:
    """|M|² with 1 for (x² + y²), over the right one, mean 1."""
    cms = transform(LAB_TO_CMS, four_momenta(photons))
    x, y = cms[0] - cms[3], cms[0] + cms[3]
    ratio = (x * y).sum(axis=0) / (x * y * (x**2 + y**2)).sum(axis=0)
    return np.asarray(ratio / ratio.mean())


N_SEEDS = 60


@pytest.mark.slow
def test_p_values_against_flat_phase_space_are_flat() -> None:
    """60 pairs of samples, seven observables: 60 p-values each, uniform in (0, 1).

    Kolmogorov-Smirnov at 1e-4 an observable. With a wrong matrix element those of
    the energies crowd at 0.
    """
    found: dict[str, list[float]] = {}
    for seed in range(N_SEEDS):
        blocks = sample(ThreePhoton(WIDE), 8, 100 + seed)
        photons, weight = as_reference(blocks), join([b.weight_pb for b in blocks])
        rng = np.random.default_rng(seed)
        flat = reference.flat(rng.random((5, 30_000)), REGIONS["wide"][0])
        wrong = weight * wrong_matrix_element(photons)
        mine, theirs = observables(photons), observables(flat.photons)
        for name in mine:
            second = entries(shuffled(theirs[name], seed), flat.weight_pb)
            values, _ = entries(shuffled(mine[name], seed), weight)
            for key, weights in ((name, weight), (f"wrong {name}", wrong)):
                p = weighted_chi2((values, weights), second, bins=12)
                found.setdefault(key, []).append(p)
    for name in mine:
        assert stats.kstest(found[name], "uniform").pvalue > FALSE_ALARM, name
    assert stats.kstest(found["wrong E*"], "uniform").pvalue < FALSE_ALARM


def shuffled(values: Floats, seed: int) -> Floats:
    return np.random.default_rng(seed).permuted(values, axis=0)


def test_events_are_closed() -> None:
    photons, _ = weighted(WIDE, 10)
    total = transform(LAB_TO_CMS, four_momenta(photons)).sum(axis=1)
    inside = WIDE.energy_cms_min_GeV < cms_energy(photons).min(axis=0)
    np.testing.assert_allclose(total[0, inside], SQRT_S, rtol=3e-6)
    assert np.abs(total[1:, inside]).max() < 5e-5


@pytest.mark.parametrize("space", [WIDE, BARREL, HARD])
def test_weight_is_zero_exactly_outside(space: PhaseSpace) -> None:
    photons, weight = weighted(space, 50)
    low, high = np.radians(space.theta_lab_deg)
    energy = cms_energy(photons)
    margins = [
        photons.theta - low,
        high - photons.theta,
        (energy - space.energy_cms_min_GeV) / SQRT_S,
        (photons.energy - space.energy_lab_min_GeV) / SQRT_S,
    ]
    margin = np.min(margins, axis=(0, 1))
    clear = np.abs(margin) > 3e-6  # the kernel decides in float32
    np.testing.assert_array_equal(weight[clear] > 0, margin[clear] > 0)
    assert np.isfinite(weight).all()


@pytest.mark.parametrize(("space", "share"), [(WIDE, 0.9), (BARREL, 0.85), (HARD, 0.8)])
def test_effective_sample_size(space: PhaseSpace, share: float) -> None:
    total = cross_section(ThreePhoton(space), Stream(1, 2), 100 * LANES)
    assert total.effective_events / total.n_events > share


def test_weights_inside_vary_little() -> None:
    """Without cells by less than a factor two; with them few are far from the mean."""
    blocks = sample(ThreePhoton(WIDE, refined=False), 200, 1)
    plain = join([b.weight_pb for b in blocks])
    assert plain.max() / plain[plain > 0].mean() < 1.7
    _, weight = weighted(WIDE)
    heavy = weight > 2.0 * weight.mean()
    assert weight[heavy].sum() / weight.sum() < 0.01
    assert heavy.any()


def test_alpha_cubed() -> None:
    one, two = (
        ThreePhoton(alpha=alpha).block(start(3), LANES, 1.0)
        for alpha in (1 / 137.036, 1 / 128.0)
    )
    ratio = two.weight_pb.sum() / one.weight_pb.sum()
    assert ratio == pytest.approx((137.036 / 128) ** 3, rel=1e-6)


def test_padding_has_no_weight() -> None:
    block = ThreePhoton().block(start(4), 100, 1.0)
    assert not block.weight_pb[100:].any()
    assert block.weight_pb[:100].any()
    assert block.n_prompt == 3
    assert isinstance(block, Photons)
