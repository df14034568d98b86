"""Lateral profile of showers by quadrature, and showers spot by spot.

GFLASH for homogeneous calorimeters (G. Grindhammer, S. Peters, hep-ex/0001020, section
3; numbers as coded in Geant4's GVFlashHomoShowerTuning.hh), with CsI(Tl) in 30 cm long
crystals; showers start 9/7 radiation lengths behind the front face.
"""

from __future__ import annotations

from math import log, pi
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import integrate, stats

if TYPE_CHECKING:
    from .beams import Floats, Ints
    from .clustering import Grid

Z = 54.0
RADIATION_LENGTH_CM = 1.86
CRITICAL_GEV = 0.01117
MOLIERE_CM = 3.57
LENGTH_CM = 30.0
CONVERSION = 9.0 / 7.0
"""Mean depth at which a photon converts [radiation lengths]."""


class Profile(NamedTuple):
    """A sum of terms 2 r R²/(r² + R²)², normalised to 1."""

    weights: tuple[float, ...]
    radii_cm: tuple[float, ...]


class Longitudinal(NamedTuple):
    """Gamma distribution of the energy in depth [radiation lengths]."""

    peak: float
    alpha: float

    @property
    def scale(self) -> float:
        """One over beta."""
        return self.peak / (self.alpha - 1.0)


def longitudinal(energy_GeV: float) -> Longitudinal:
    """Return the mean longitudinal profile."""
    y = log(energy_GeV / CRITICAL_GEV)
    return Longitudinal(y - 0.812, 0.81 + (0.458 + 2.26 / Z) * y)


def lateral(tau: float, energy_GeV: float) -> Profile:
    """Return core and tail at a depth in units of that of the maximum."""
    e = log(energy_GeV)
    core = 0.0251 + 0.00319 * e + (0.1162 - 0.000381 * Z) * tau
    k1, k2, k3, k4 = 0.659 - 0.00309 * Z, 0.645, -2.59, 0.3585 + 0.0412 * e
    tail = k1 * (np.exp(k3 * (tau - k2)) + np.exp(k4 * (tau - k2)))
    p1, p2, p3 = 2.632 - 0.00094 * Z, 0.401 + 0.00187 * Z, 1.313 - 0.0686 * e
    x = (p2 - tau) / p3
    weight = float(p1 * np.exp(x - np.exp(x)))
    return Profile((weight, 1.0 - weight), (MOLIERE_CM * core, MOLIERE_CM * tail))


def contained(radius_cm: float, profile: Profile) -> float:
    """Return the share of a profile within a distance of the axis."""
    r2 = radius_cm**2
    return sum(
        w * r2 / (r2 + radius**2)
        for w, radius in zip(profile.weights, profile.radii_cm, strict=True)
    )


def contained_in_crystals(radius_cm: float, energy_GeV: float) -> float:
    """Return the share of the energy in a crystal's depth that is near the axis."""
    shape = longitudinal(energy_GeV)
    depth = LENGTH_CM / RADIATION_LENGTH_CM - CONVERSION
    density = stats.gamma(shape.alpha, scale=shape.scale).pdf

    def inside(t: float) -> float:
        weight = float(density(t))
        return weight * contained(radius_cm, lateral(t / shape.peak, energy_GeV))

    return float(
        integrate.quad(inside, 0.0, depth, epsabs=1e-7)[0]
        / integrate.quad(density, 0.0, depth, epsabs=1e-7)[0]
    )


def rectangle(
    profile: Profile, x: tuple[float, float], y: tuple[float, float]
) -> float:
    """Return the share of a profile in a rectangle, the axis at (0, 0) [cm]."""

    def density(v: float, u: float) -> float:
        r2 = u * u + v * v
        return sum(
            w * radius**2 / (pi * (r2 + radius**2) ** 2)
            for w, radius in zip(profile.weights, profile.radii_cm, strict=True)
        )

    return float(integrate.dblquad(density, *x, *y, epsabs=1e-9, epsrel=1e-8)[0])


def draw_spots(
    profile: Profile, n: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return where spots fall around the axis, along θ and across [cm]."""
    term = rng.choice(len(profile.weights), n, p=profile.weights)
    u = rng.random(n)
    radius = np.array(profile.radii_cm)[term] * np.sqrt(u / (1.0 - u))
    angle = rng.uniform(0.0, 2 * pi, n)
    return radius * np.cos(angle), radius * np.sin(angle)


def bin_spots(
    along_cm: float, phi: float, spots: tuple[Floats, Floats], grid: Grid
) -> tuple[Ints, Ints]:
    """Return ring and column of the crystal of every spot; ring -1 where it misses.

    Crystals are rectangles on a surface; the shower's axis is at ``along_cm`` and `phi`.
    """
    low = np.array([ring.start_cm for ring in grid.rings])
    high = low + [ring.size_cm for ring in grid.rings]
    reach = np.array([ring.reach_cm for ring in grid.rings])
    n = np.array([ring.n for ring in grid.rings])
    along = along_cm + spots[0]
    ring = np.searchsorted(low, along, side="right") - 1
    inside = (ring >= 0) & (along < high[ring])
    turn = (phi + spots[1] / reach[ring]) / (2 * pi)
    column = np.floor(turn * n[ring]).astype(int) % n[ring]
    return np.where(inside, ring, -1), column
