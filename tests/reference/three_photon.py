"""Tree-level e+e- -> gamma gamma gamma: matrix element and two samplers.

`flat` samples three-body phase space uniformly and is the oracle of cross sections.
`importance` samples the soft and collinear poles and is the peer of a benchmark.
Both turn five uniforms an event into momenta, so quasi-random points work as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .beams import (
    ALPHA,
    CMS_TO_LAB,
    LAB_TO_CMS,
    PB_GEV2,
    SQRT_S,
    Bools,
    Floats,
    Photons,
    S,
    cms_energy,
    direction,
    from_four_momenta,
    transform,
)
from .signal import perpendicular_axes

TWO_PI = 2 * np.pi
HALF = SQRT_S / 2
FLUX_AND_IDENTICAL = 1 / (2 * S * 6)
VOLUME = S / (256 * np.pi**3)
"""Massless three-body phase space in GeV^2."""


@dataclass(frozen=True)
class Region:
    """Acceptance that all three photons share: angles in degrees, energies in GeV."""

    theta_min_deg: float = 17.0
    theta_max_deg: float = 150.0
    energy_min_cms: float = 0.0
    energy_min_lab: float = 0.0

    def contains(self, photons: Photons) -> Bools:
        """Return, shape (n,), whether every photon lies inside."""
        low, high = np.deg2rad([self.theta_min_deg, self.theta_max_deg])
        inside = (photons.theta > low) & (photons.theta < high)
        inside &= photons.energy > self.energy_min_lab
        inside &= cms_energy(photons) > self.energy_min_cms
        return np.asarray(inside.all(axis=0))

    def cms_floor(self) -> float:
        """Return an energy E* in GeV that no photon of the region stays below."""
        hardest = LAB_TO_CMS[0, 0] + np.hypot(LAB_TO_CMS[0, 1], LAB_TO_CMS[0, 3])
        return max(self.energy_min_cms, float(self.energy_min_lab / hardest))

    def cms_rapidity(self) -> tuple[float, float]:
        """Return the smallest range of atanh(cos theta*) that covers the region."""
        phi = np.linspace(0, TWO_PI, 721)
        edges = []
        for theta_deg in (self.theta_max_deg, self.theta_min_deg):
            unit = direction(np.full_like(phi, np.deg2rad(theta_deg)), phi)
            moved = transform(LAB_TO_CMS, np.concatenate([np.ones((1, 721)), unit]))
            edges.append(np.arctanh(moved[3] / moved[0]))
        margin = 1e-5
        return float(edges[0].min() - margin), float(edges[1].max() + margin)


class Weighted(NamedTuple):
    """Events inside a region; the weights add up to its cross section in pb."""

    photons: Photons
    weight_pb: Floats

    def cross_section(self, n_tried: int) -> tuple[float, float]:
        """Return the cross section and its standard error in pb."""
        total = float(self.weight_pb.sum())
        variance = float((self.weight_pb**2).sum()) - total**2 / n_tried
        return total, float(np.sqrt(variance))


def matrix_element_squared(x: Floats, y: Floats, s: float = S) -> Floats:
    """Return the spin-averaged |M|^2 in GeV^-2 (Berends, Kleiss 1981, massless).

    Parameters
    ----------
    x, y
        p(e-).k and p(e+).k of the three photons, shape (3, ...), GeV^2.
    s
        Squared collision energy in GeV^2.
    """
    product = x * y
    numerator = (product * (x**2 + y**2)).sum(axis=0)
    e_squared = 4 * np.pi * ALPHA
    value: Floats = e_squared**3 * s * numerator / product.prod(axis=0)
    return value


def light_cone(momenta: Floats) -> tuple[Floats, Floats]:
    """Return (x, y) = p(e-).k, p(e+).k of CM four-momenta (4, 3, n), in GeV^2."""
    return HALF * (momenta[0] - momenta[3]), HALF * (momenta[0] + momenta[3])


def _second_direction(
    theta: Floats, phi: Floats, one_minus_cos: Floats, turn: Floats
) -> Floats:
    """Return unit vectors at a given angle to (theta, phi), turned about it."""
    polar, azimuthal = perpendicular_axes(theta, phi)
    sine = np.sqrt(one_minus_cos * (2 - one_minus_cos))
    turned = np.cos(turn) * polar + np.sin(turn) * azimuthal
    return np.asarray((1 - one_minus_cos) * direction(theta, phi) + sine * turned)


def flat_momenta(u: Floats) -> Floats:
    """Return CM four-momenta (4, 3, n), uniform in phase space, from u (5, n)."""
    fold = u[0] + u[1] > 1
    gap_first = HALF * np.where(fold, 1 - u[0], u[0])
    gap_second = HALF * np.where(fold, 1 - u[1], u[1])
    gap_third = HALF - gap_first - gap_second
    energy = HALF - np.stack([gap_first, gap_second, gap_third])
    with np.errstate(invalid="ignore", divide="ignore"):
        one_minus_cos = SQRT_S * gap_third / (energy[0] * energy[1])
    one_minus_cos = np.clip(np.nan_to_num(one_minus_cos), 0, 2)
    theta, phi = np.arccos(2 * u[2] - 1), TWO_PI * u[3]
    momenta = np.empty((4, 3, u.shape[1]))
    momenta[0] = energy
    momenta[1:, 0] = energy[0] * direction(theta, phi)
    second = _second_direction(theta, phi, one_minus_cos, TWO_PI * u[4])
    momenta[1:, 1] = energy[1] * second
    momenta[1:, 2] = -momenta[1:, 0] - momenta[1:, 1]
    return momenta


def flat(u: Floats, region: Region) -> Weighted:
    """Sample phase space uniformly; `u` are uniforms of shape (5, n)."""
    momenta = flat_momenta(u)
    photons = from_four_momenta(transform(CMS_TO_LAB, momenta))
    inside = region.contains(photons)
    squared = matrix_element_squared(*light_cone(momenta[:, :, inside]))
    norm = VOLUME * FLUX_AND_IDENTICAL * PB_GEV2 / u.shape[1]
    return Weighted(_take(photons, inside), squared * norm)


def _take(photons: Photons, chosen: Bools) -> Photons:
    return Photons(
        photons.energy[:, chosen], photons.theta[:, chosen], photons.phi[:, chosen]
    )


def _energy_map(u: Floats, floor: float) -> tuple[Floats, float]:
    """Return E* of density 1/(norm E (t + floor)), t = sqrt(s)/2 - E, and norm."""
    span = HALF + floor
    low = np.log(floor / HALF)
    width = np.log(HALF / floor) - low
    ratio = np.exp(low + width * u)
    return span * ratio / (1 + ratio), float(width / span)


def importance_momenta(
    u: Floats, floor: float, rapidity: tuple[float, float]
) -> tuple[Floats, float]:
    """Return CM four-momenta (4, 3, n) and the norm of their density.

    Two photons get directions flat in rapidity (1/sin^2 theta) and azimuth; the
    energy of the first follows 1/(E (t + floor)), that of the second closes the
    event: E2 D = s - 2 sqrt(s) E1 with D = 2 sqrt(s) - 2 E1 (1 - cos theta12).
    In these variables d(phase space) = (2 pi)^-5/4 * E1 E2 / D, so |M|^2, which is
    a sum of 1/(E sin theta)^2 over pairs, becomes flat.
    """
    low, high = rapidity
    first, energy_norm = _energy_map(u[0], floor)
    momenta = np.empty((4, 3, u.shape[1]))
    cosine = np.tanh(low + (high - low) * u[1:3])
    units = direction(np.arccos(cosine), TWO_PI * u[3:5])
    one_minus_cos = 1 - (units[:, 0] * units[:, 1]).sum(axis=0)
    second = SQRT_S * (HALF - first) / (SQRT_S - first * one_minus_cos)
    momenta[0, 0], momenta[0, 1] = first, second
    momenta[0, 2] = SQRT_S - first - second
    momenta[1:, :2] = momenta[0, :2] * units
    momenta[1:, 2] = -momenta[1:, 0] - momenta[1:, 1]
    return momenta, energy_norm * ((high - low) * TWO_PI) ** 2


def ordered_density(
    momenta: Floats, floor: float, norm: float, first: int, second: int
) -> Floats:
    """Return the density in phase space (GeV^-2) of events made from one pair.

    Parameters
    ----------
    momenta
        CM four-momenta (4, 3, n), GeV.
    floor, norm
        As in and from `importance_momenta`.
    first, second
        The photons whose directions were sampled, in that order.
    """
    x, y = light_cone(momenta[:, [first, second]])
    gap = HALF - momenta[0, first]
    shape = gap / (gap + floor)
    factor = 8 * SQRT_S * TWO_PI**5 * (S / 4) ** 2 / norm
    density: Floats = factor * shape / (x * y).prod(axis=0)
    return density


def _importance_weight(momenta: Floats, floor: float, norm: float) -> Floats:
    """Return |M|^2 over the mean of the six ordered densities, in pb.

    Both are sums over pairs with the common denominator prod(x y), which drops out.
    """
    x, y = light_cone(momenta)
    gap = HALF - momenta[0]
    shape = gap / (gap + floor)
    pole = x * y
    pairs = (pole * (shape.sum(axis=0) - shape)).sum(axis=0)
    density = pairs * (S / 4) ** 2 * 8 * SQRT_S * TWO_PI**5 / (6 * norm)
    e_squared = 4 * np.pi * ALPHA
    numerator = (pole * (x**2 + y**2)).sum(axis=0)
    weight: Floats = e_squared**3 * S * numerator / density
    return weight * FLUX_AND_IDENTICAL * PB_GEV2


def importance(u: Floats, region: Region) -> Weighted:
    """Sample the poles of |M|^2; `u` are uniforms of shape (5, n).

    The weight is symmetric in the photons although their order is not: photons 0
    and 1 tend to be the softer ones. Use it for observables that do not care.
    """
    floor = region.cms_floor()
    momenta, norm = importance_momenta(u, floor, region.cms_rapidity())
    photons = from_four_momenta(transform(CMS_TO_LAB, momenta))
    inside = region.contains(photons)
    weight = _importance_weight(momenta[:, :, inside], floor, norm) / u.shape[1]
    return Weighted(_take(photons, inside), weight)
