"""Three-photon selections: energy, acceptance, helicity angle and window.

`LOW` keeps the pair of smallest mass; `HIGH` uses all three pairs (Dolan, Ferber,
Hearty, Kahlhoefer and Schmidt-Hoberg, arXiv:1709.00009).
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import numpy as np

from .beams import Bools, Floats, Photons, cms_energy
from .detector import Clusters

ENERGY_MIN_CMS = 0.25
THETA_MIN, THETA_MAX = np.deg2rad([17.0, 150.0])
LOW_HELICITY_MAX = 0.6
HIGH_HELICITY_MAX = 0.9
PAIRS = ((0, 1), (0, 2), (1, 2))


class Name(Enum):
    """The two selections."""

    LOW = "low"
    HIGH = "high"


class Observable(Enum):
    """What a window is on: the pair mass squared or the energy E* of a photon."""

    MASS_SQUARED = "mass_squared"
    RECOIL = "recoil"


class Window(NamedTuple):
    """Accepted range of an observable, GeV^2 or GeV."""

    observable: Observable
    low: float
    high: float


class Candidates(NamedTuple):
    """Events with exactly three good clusters, three pairs each, shape (3, n)."""

    energy_cms: Floats
    mass_squared: Floats
    cos_helicity: Floats


def good_clusters(clusters: Clusters) -> tuple[Floats, Bools, Bools]:
    """Return E*, and which clusters pass the energy cut and both cuts."""
    columns = Photons(clusters.energy, clusters.theta, clusters.phi)
    energy = cms_energy(columns)
    hard = clusters.exists & (energy > ENERGY_MIN_CMS)
    within = (clusters.theta > THETA_MIN) & (clusters.theta < THETA_MAX)
    return energy, hard, hard & within


def pair_mass_squared(clusters: Clusters) -> Floats:
    """Return 4 E1 E2 sin^2(opening/2) of the pairs (3, n), exact at small angles."""
    energy, theta, phi, _, _ = clusters
    columns = []
    for i, j in PAIRS:
        across = np.sin(theta[i]) * np.sin(theta[j])
        haversine = np.sin((theta[i] - theta[j]) / 2) ** 2
        haversine += across * np.sin((phi[i] - phi[j]) / 2) ** 2
        columns.append(4 * energy[i] * energy[j] * haversine)
    return np.stack(columns)


def candidates(clusters: Clusters, energy_cms: Floats) -> Candidates:
    """Return the pairs of events whose first three clusters are the candidate."""
    mass_squared = pair_mass_squared(clusters)
    first, second = (energy_cms[[pair[side] for pair in PAIRS]] for side in (0, 1))
    momentum = np.sqrt((first + second) ** 2 - mass_squared)
    return Candidates(energy_cms, mass_squared, (first - second) / momentum)


def take_three(
    clusters: Clusters, energy: Floats, good: Bools
) -> tuple[Clusters, Floats]:
    """Keep events with exactly three good clusters, and those clusters, (3, n)."""
    kept = good.sum(axis=0) == 3
    if len(good) == 3:
        columns = [column[:, kept] for column in clusters]
        return Clusters._make(columns), energy[:, kept]
    order = np.argsort(~good[:, kept], axis=0, kind="stable")[:3]
    picked = Clusters(
        np.take_along_axis(clusters.energy[:, kept], order, axis=0),
        np.take_along_axis(clusters.theta[:, kept], order, axis=0),
        np.take_along_axis(clusters.phi[:, kept], order, axis=0),
        np.take_along_axis(clusters.region[:, kept], order, axis=0),
        np.take_along_axis(clusters.exists[:, kept], order, axis=0),
    )
    return picked, np.take_along_axis(energy[:, kept], order, axis=0)


def pass_helicity(pairs: Candidates, name: Name) -> Bools:
    """Return whether the helicity cut of a selection holds, shape (n,)."""
    cosine = np.abs(pairs.cos_helicity)
    if name is Name.HIGH:
        return np.asarray(cosine.max(axis=0) < HIGH_HELICITY_MAX)
    lightest = np.argmin(pairs.mass_squared, axis=0)[None]
    chosen = np.take_along_axis(cosine, lightest, axis=0)[0]
    return np.asarray(chosen < LOW_HELICITY_MAX)


def pass_window(pairs: Candidates, name: Name, window: Window) -> Bools:
    """Return whether the event has an entry in the window, shape (n,).

    The low selection enters its lightest pair (or the photon that recoils against
    it), the high selection any of the three.
    """
    if window.observable is Observable.MASS_SQUARED:
        values = pairs.mass_squared
    else:
        # photon 2 recoils against pair 0, photon 1 against 1, photon 0 against 2
        values = pairs.energy_cms[::-1]
    if name is Name.LOW:
        lightest = np.argmin(pairs.mass_squared, axis=0)[None]
        values = np.take_along_axis(values, lightest, axis=0)
    return np.asarray(((values > window.low) & (values < window.high)).any(axis=0))
