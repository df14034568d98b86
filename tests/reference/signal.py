"""Signal e+e- -> gamma a, a -> gamma gamma at tree level, unweighted."""

from __future__ import annotations

import numpy as np

from .beams import (
    ALPHA,
    CMS_TO_LAB,
    PB_GEV2,
    SQRT_S,
    Floats,
    Photons,
    S,
    direction,
    from_four_momenta,
    transform,
)

TWO_PI = 2 * np.pi


def cross_section_pb(mass: float, coupling: float) -> float:
    """Return g^2 alpha/24 (1 - m^2/s)^3 in pb; `coupling` in 1/GeV, `mass` in GeV."""
    phase_space = (1 - mass**2 / S) ** 3
    return float(coupling**2 * ALPHA / 24 * phase_space * PB_GEV2)


def recoil_cos_theta(uniform: Floats) -> Floats:
    """Map uniforms to cos(theta*) of the density 3/8 (1 + cos^2).

    The distribution function is (c^3 + 3 c + 4)/8; its inverse is the hyperbolic
    solution of the cubic.
    """
    cosine: Floats = 2 * np.sinh(np.arcsinh(4 * uniform - 2) / 3)
    return cosine


def perpendicular_axes(theta: Floats, phi: Floats) -> tuple[Floats, Floats]:
    """Return the unit vectors theta-hat and phi-hat, each of shape (3, ...)."""
    zero = np.zeros_like(phi)
    sin_phi, cos_phi = np.sin(phi), np.cos(phi)
    cos_theta = np.cos(theta)
    polar = np.stack([cos_theta * cos_phi, cos_theta * sin_phi, -np.sin(theta)])
    return polar, np.stack([-sin_phi, cos_phi, zero])


def _alp_photons(mass: float, axis: tuple[Floats, Floats], u: Floats) -> Floats:
    """Return the two ALP photons, (4, 2, n) in the CM frame, from two uniforms."""
    energy_alp = (S + mass**2) / (2 * SQRT_S)
    momentum_alp = (S - mass**2) / (2 * SQRT_S)
    cosine = 2 * u[0] - 1
    across = mass * np.sqrt(1 - cosine**2) / 2
    first, second = perpendicular_axes(*axis)
    forward = direction(*axis)
    sideways = across * (np.cos(TWO_PI * u[1]) * first + np.sin(TWO_PI * u[1]) * second)
    photons = np.empty((4, 2, cosine.size))
    for index, sign in enumerate((1, -1)):
        photons[0, index] = (energy_alp + sign * momentum_alp * cosine) / 2
        along = (momentum_alp + sign * energy_alp * cosine) / 2
        photons[1:, index] = along * forward + sign * sideways
    return photons


def generate(
    n: int, mass: float, rng: np.random.Generator, ctau_cm: float = 0.0
) -> Photons:
    """Generate signal events.

    Parameters
    ----------
    n
        Number of events.
    mass
        ALP mass in GeV, 0 < mass < sqrt(s).
    rng
        Random generator.
    ctau_cm
        Proper decay length c tau in cm; zero decays at the interaction point.

    Returns
    -------
    Photons
        Columns of shape (3, n) in the laboratory: photon 0 recoils, photons 1 and 2
        come from the ALP. `vertex` is None for prompt decays.
    """
    u = rng.random((4, n))
    theta, phi = np.arccos(recoil_cos_theta(u[0])), TWO_PI * u[1]
    momenta = np.empty((4, 3, n))
    momenta[0, 0] = (S - mass**2) / (2 * SQRT_S)
    momenta[1:, 0] = momenta[0, 0] * direction(theta, phi)
    momenta[:, 1:] = _alp_photons(mass, (np.pi - theta, phi + np.pi), u[2:])
    lab = transform(CMS_TO_LAB, momenta)
    if ctau_cm == 0:
        return from_four_momenta(lab)
    vertex = np.zeros((3, 3, n))
    alp = lab[1:, 1] + lab[1:, 2]
    vertex[:, 1:] = (alp / mass * ctau_cm * rng.exponential(size=n))[:, None]
    return from_four_momenta(lab, vertex)
