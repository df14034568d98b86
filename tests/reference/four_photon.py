"""Flat phase space of four photons and its cross section, slow and independent.

Nothing is mapped: RAMBO fills phase space evenly, and the squared amplitude comes from
Dirac spinors with linear polarisations of the photons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .beams import (
    ALPHA,
    CMS_TO_LAB,
    PB_GEV2,
    SQRT_S,
    Bools,
    Floats,
    Photons,
    S,
    cms_energy,
    from_four_momenta,
    transform,
)
from .feynman import Complexes, linear_polarisations, slash, square
from .three_photon import Region, Weighted

if TYPE_CHECKING:
    from numpy.random import Generator

VOLUME = S**2 * np.pi**3 / (96 * (2 * np.pi) ** 8)
"""Massless four-body phase space in GeV^4."""


@dataclass(frozen=True)
class Acceptance:
    """A region that three photons share; the fourth needs only another energy E*."""

    region: Region
    extra_energy_min_cms: float | None = None

    def contains(self, photons: Photons) -> Bools:
        """Return, shape (n,), whether the event lies inside."""
        if self.extra_energy_min_cms is None:
            return self.region.contains(photons)
        angles = Region(self.region.theta_min_deg, self.region.theta_max_deg)
        energy = cms_energy(photons)
        hard = energy > self.region.energy_min_cms
        hard &= photons.energy > self.region.energy_min_lab
        soft_enough = (energy > self.extra_energy_min_cms).all(axis=0)
        return np.asarray(
            angles.contains(photons) & soft_enough & (hard.sum(axis=0) >= 3)
        )


def flat_momenta(n: int, rng: Generator, n_photons: int = 4) -> Floats:
    """Return CM four-momenta (4, n_photons, n) at sqrt(s), even in phase space.

    RAMBO: R. Kleiss, W. J. Stirling, S. D. Ellis, Comput. Phys. Commun. 40 (1986) 359.
    """
    u = rng.random((4, n_photons, n))
    energy = -np.log(u[0] * u[1])
    cosine, azimuth = 2 * u[2] - 1, 2 * np.pi * u[3]
    sine = np.sqrt(1 - cosine**2)
    unit = [np.ones_like(sine), sine * np.cos(azimuth), sine * np.sin(azimuth), cosine]
    free = energy * np.stack(unit)
    total = free.sum(axis=1)
    mass = np.sqrt(square(total))
    velocity, gamma = -total[1:] / mass, total[0] / mass
    along = (velocity[:, None] * free[1:]).sum(axis=0)
    closed = np.empty_like(free)
    closed[0] = gamma * free[0] + along
    closed[1:] = free[1:] + velocity[:, None] * (free[0] + along / (1 + gamma))
    return np.asarray(closed * SQRT_S / mass)


def matrix_element_squared(momenta: Floats) -> Floats:
    """Return the spin-averaged |M|^2 of CM four-momenta (4, 4, n) at sqrt(s), GeV^-4.

    The electron line is built up photon by photon: what it looks like after a set of
    them is the sum over which came last.
    """
    n = momenta.shape[2]
    half = np.array([1.0, 0.0, 0.0, 1.0])[:, None] * np.full(n, SQRT_S / 2)
    vertices = [
        [slash(vector) for vector in linear_polarisations(momenta[:, i])]
        for i in range(4)
    ]
    # massless spinors along +z and -z, both spins
    up, down = [1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, -1.0]
    electron = np.sqrt(SQRT_S / 2) * np.array([up, down], dtype=np.complex128).T
    # v-bar = v^dagger gamma^0 of (1, 0, -1, 0) and (0, 1, 0, 1)
    positron = np.sqrt(SQRT_S / 2) * np.array([up, down], dtype=np.complex128)
    lines: dict[tuple[int, ...], Complexes] = {
        (0, 0, 0, 0): np.broadcast_to(electron, (n, 4, 2))
    }
    total = np.zeros(n)
    for state in np.ndindex(3, 3, 3, 3):  # not emitted, first or second polarisation
        emitted = [i for i in range(4) if state[i]]
        if not emitted:
            continue
        line = np.zeros((n, 4, 2), dtype=np.complex128)
        for i in emitted:
            before = (*state[:i], 0, *state[i + 1 :])
            line += vertices[i][state[i] - 1] @ lines[before]
        if len(emitted) == 4:
            total += (np.abs(positron @ line) ** 2).sum(axis=(1, 2))
            continue
        left = half - momenta[:, emitted].sum(axis=1)
        lines[state] = slash(left) @ line / square(left)[:, None, None]
    return (4 * np.pi * ALPHA) ** 4 * total / 4


def poles(momenta: Floats) -> Floats:
    """Return prod 1/(x sin theta)^2, what |M|^2 is like up to a smooth factor."""
    squares = (momenta[1] ** 2 + momenta[2] ** 2) / (S / 4)
    return np.asarray(1 / squares.prod(axis=0))


def flat(
    n: int,
    acceptance: Acceptance,
    rng: Generator,
    *,
    root: Floats | float = 1.0,
    rapidity: Floats | float = 0.0,
    radiation: Floats | float = 1.0,
    evaluated: float = 0.05,
) -> Weighted:
    """Return events of an acceptance; their weights add up to its cross section.

    Parameters
    ----------
    n
        Events tried.
    root, rapidity, radiation
        sqrt(s-hat/s), the rapidity of the frame of the hard process along the electron
        beam, and the weight of the initial state; scalars or shape (n,).
    evaluated
        Rough share of the events in the acceptance whose |M|^2 is computed: they are
        kept by chance, the likelier the larger `poles` are, and weighted up.
    """
    hard = flat_momenta(n, rng)
    cosh, sinh = np.cosh(rapidity), np.sinh(rapidity)
    cms = root * hard
    cms[0], cms[3] = cosh * cms[0] + sinh * cms[3], sinh * cms[0] + cosh * cms[3]
    photons = from_four_momenta(transform(CMS_TO_LAB, cms))
    inside = acceptance.contains(photons)
    size = poles(hard)
    chance = np.minimum(1.0, evaluated * size / size[inside].mean())
    kept = inside & (rng.random(n) < chance)
    weight = matrix_element_squared(hard[:, :, kept]) / chance[kept]
    # |M|^2 goes with 1/s-hat^2, phase space with s-hat^2, the flux with 1/s-hat
    weight *= (np.ones(n) * radiation / np.square(root))[kept]
    weight *= VOLUME / (2 * S * 24) * PB_GEV2 / n
    return Weighted(Photons(*(column[:, kept] for column in photons[:3])), weight)
