"""Statistical yardsticks shared by the tests of the reference.

Every statistical check uses a fixed seed and a false-alarm rate of 1e-4 (3.9 sigma or
a p-value), and stands next to a control that must fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from . import three_photon
from .detector import Clusters

if TYPE_CHECKING:
    from .beams import Floats, Photons

FALSE_ALARM = 1e-4
N_SIGMA = float(stats.norm.isf(FALSE_ALARM / 2))
REGIONS = {
    # quasi-random importance sampling, 24 scrambles of 2^20 points
    "wide": (three_photon.Region(17, 150, energy_min_cms=0.25), 97.342),
    "barrel-0.65": (three_photon.Region(37.3, 123.7, energy_min_lab=0.65), 14.264),
    "barrel-1.0": (three_photon.Region(37.3, 123.7, energy_min_lab=1.0), 10.501),
}


def flatness(probability: Floats) -> float:
    """Return the p-value of uniform in [0, 1], 50 equal bins."""
    counts, _ = np.histogram(probability, 50, (0, 1))
    return float(stats.chisquare(counts).pvalue)


def perfect_clusters(photons: Photons) -> Clusters:
    """Return the clusters of a detector that sees every photon exactly."""
    return Clusters(
        *photons[:3],
        np.ones(photons.energy.shape, dtype=np.int64),
        np.ones(photons.energy.shape, dtype=np.bool_),
    )
