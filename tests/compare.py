"""Blocks of the product next to arrays of the reference, and statistical yardsticks.

Every statistical check that uses `FALSE_ALARM` fails by chance in 1 of 10⁴ seeds; the
seeds are fixed, and a negative control stands beside the check. With new seeds, all such
checks of generator, detector and selection together would fail by chance in about 4 %.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from generator.columns import Photons
from generator.random import lanes
from generator.simd import LANES
from tests.reference.beams import Photons as ReferencePhotons
from tests.reference.checks import FALSE_ALARM, N_SIGMA, flatness

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generator.random import LaneState
    from generator.sampling import Sampler

Floats: TypeAlias = NDArray[np.float64]

__all__ = [
    "FALSE_ALARM",
    "N_SIGMA",
    "as_reference",
    "contingency",
    "flatness",
    "join",
    "photons_of",
    "sample",
    "start",
    "weighted_chi2",
]


def start(seed: int) -> LaneState:
    """Return generator lanes."""
    return lanes(np.random.SeedSequence(seed))


def sample(sampler: Sampler, n_blocks: int, seed: int) -> list[Photons]:
    """Return full blocks; their weights add up to the cross section."""
    state = start(seed)
    scale = 1.0 / (n_blocks * LANES)
    return [sampler.block(state, LANES, scale) for _ in range(n_blocks)]


def join(blocks: Sequence[Floats]) -> Floats:
    """Put column blocks (slots, LANES) side by side."""
    return np.concatenate(list(blocks), axis=-1)


def as_reference(blocks: Sequence[Photons]) -> ReferencePhotons:
    """Return blocks as photons of the reference, vertices included."""
    energy = join([b.energy for b in blocks])
    vertex = np.zeros((3, *energy.shape))
    if blocks[0].vertex_cm is None:
        return ReferencePhotons(
            energy, join([b.theta for b in blocks]), join([b.phi for b in blocks])
        )
    decay = join([b.vertex_cm for b in blocks if b.vertex_cm is not None])
    vertex[:, blocks[0].n_prompt :] = decay[:, None]
    return ReferencePhotons(
        energy, join([b.theta for b in blocks]), join([b.phi for b in blocks]), vertex
    )


def photons_of(
    energy: Floats, theta: Floats, phi: Floats, vertex_cm: Floats | None = None
) -> Photons:
    """Return one block from arrays (slots, n), n ≤ LANES; the rest is empty lanes."""
    slots, n = energy.shape
    columns = np.zeros((3, slots, LANES))
    columns[1] = np.pi / 2
    columns[:, :, :n] = energy, theta, phi
    e, t, p = columns
    weight = np.zeros(LANES)
    weight[:n] = 1.0
    if vertex_cm is None:
        return Photons(e, t, p, weight, n, n_prompt=slots)
    vertex = np.zeros((3, LANES))
    vertex[:, :n] = vertex_cm
    return Photons(e, t, p, weight, n, vertex_cm=vertex, n_prompt=0)


def contingency(first: Floats, second: Floats, bins: int = 50) -> float:
    """Return the p-value of two unweighted samples having one distribution.

    The bins hold equal shares of both samples together.
    """
    quantiles = np.quantile(
        np.concatenate([first, second]), np.linspace(0, 1, bins + 1)
    )
    edges = np.unique(quantiles)
    counts = [np.histogram(values, edges)[0] for values in (first, second)]
    return float(stats.chi2_contingency(np.array(counts)).pvalue)


def weighted_chi2(
    first: tuple[Floats, Floats], second: tuple[Floats, Floats], bins: int = 40
) -> float:
    """Return the p-value of two weighted samples agreeing bin by bin, norm included.

    Each sample is (values, weights). Edges are quantiles of the second sample.
    """
    edges = np.quantile(second[0], np.linspace(0.0, 1.0, bins + 1))
    edges[0], edges[-1] = -np.inf, np.inf
    sums, variances = np.zeros((2, bins)), np.zeros((2, bins))
    for row, (values, weights) in enumerate((first, second)):
        index = np.searchsorted(edges, values, side="right") - 1
        sums[row] = np.bincount(index, weights, bins)
        variances[row] = np.bincount(index, weights**2, bins)
    chi2 = ((sums[0] - sums[1]) ** 2 / variances.sum(axis=0)).sum()
    return float(stats.chi2.sf(chi2, bins))
