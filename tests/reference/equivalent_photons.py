"""Integrals of equivalent photons: rates of e+e- -> e+e-a by plain midpoint sums.

At coupling g, in pb; all virtualities in GeV^2. The possible events are those that leave
the leptons, of transverse momenta t1 and t2, a mass of at least t1 + t2:
s - 2 rs mT cosh y + mT^2 >= (t1 + t2)^2, which bounds mT and so the angle between them.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from .beams import ALPHA, PB_GEV2, SQRT_S, Floats, S
from .fusion import ELECTRON_MASS


def bracket(x: Floats, q2: Floats) -> Floats:
    """Return x dn/dx dlnQ2 over alpha / 2 pi."""
    value: Floats = 1 + (1 - x) ** 2 - 2 * (ELECTRON_MASS * x) ** 2 / q2
    return value


def q2_min(x: Floats) -> Floats:
    """Return the smallest virtuality."""
    value: Floats = (ELECTRON_MASS * x) ** 2 / (1 - x)
    return value


@cache
def possible(
    mass: float, coupling: float, q2_max: float, steps: int = 120
) -> tuple[Floats, Floats]:
    """Return rapidities of the ALP and dsigma of 2 steps slices around them."""
    top = np.log(SQRT_S / mass)
    y = top * ((np.arange(2 * steps) + 0.5) / steps - 1)
    u = (np.arange(steps) + 0.5) / steps
    pt, number = [], []
    for sign in (1, -1):
        x = (mass / SQRT_S * np.exp(sign * y))[:, None]
        span = np.maximum(np.log(q2_max / q2_min(x)), 0)
        q2 = q2_min(x) * np.exp(span * u)
        number.append(ALPHA / (2 * np.pi) * bracket(x, q2) * span / steps)
        pt.append(np.sqrt(np.maximum((1 - x) * q2 - (ELECTRON_MASS * x) ** 2, 0)))
    t1, t2 = pt[0][:, :, None], pt[1][:, None, :]
    cosh = np.cosh(y)[:, None, None]
    heaviest = SQRT_S * cosh - np.sqrt(S * cosh**2 - S + (t1 + t2) ** 2)
    allowed = np.where(heaviest > 0, heaviest, 0) ** 2 - mass**2 - t1**2 - t2**2
    angles = np.arccos(np.clip(allowed / np.maximum(2 * t1 * t2, 1e-30), -1, 1))
    total = np.einsum("ya,yb,yab->y", number[0], number[1], 1 - angles / np.pi)
    # dln x = dy
    return y, np.pi * coupling**2 / 8 * PB_GEV2 * total * top / steps


def by_virtuality(
    mass: float, coupling: float, q2_max: float, log_q2_edges: Floats
) -> Floats:
    """Return sigma in bins of ln Q2 of one photon, possible or not."""
    log_tau, steps, fine = np.log(mass**2 / S), 2000, 10
    x = np.exp(log_tau * (np.arange(steps) + 0.5) / steps)
    other = x[::-1]
    span = np.maximum(np.log(q2_max / q2_min(other)), 0)
    inverse = np.where(span > 0, 1 / q2_max - 1 / q2_min(other), 0)
    photons = (1 + (1 - other) ** 2) * span + 2 * (ELECTRON_MASS * other) ** 2 * inverse
    width = np.diff(log_q2_edges)
    logs = log_q2_edges[:-1, None] + width[:, None] * (np.arange(fine) + 0.5) / fine
    q2, x = np.exp(logs)[..., None], x[None, None]
    seen = np.where(q2 > q2_min(x), bracket(x, q2), 0)
    slices = (seen * photons).mean(axis=(1, 2)) * -log_tau * width
    value: Floats = (
        np.pi * coupling**2 / 8 * PB_GEV2 * (ALPHA / 2 / np.pi) ** 2 * slices
    )
    return value
