"""The two-photon diagram of e+e- -> e+e-a in full: exact matrix element, electron mass.

No equivalent photons: the yardstick for them. The amplitude is
e^2 g eps(mu, nu, q1, q2) J1_mu J2_nu / (q1^2 q2^2); with P_i the beams, conserved
currents and X = (q1 q2)^2 - q1^2 q2^2, the spin average of its square is

    4 e^4 g^2 / (q1^4 q2^4) * [4 D(P1, q1, q2, P2) + q2^2 D(P1, q1, q2)
                               + q1^2 D(P2, q1, q2) + q1^2 q2^2 X / 2],

where D are Gram determinants (up to sign), from the lepton tensors 4 P P + q^2 (metric)
and products of two epsilon tensors. Derived by hand; `trace` recomputes single points
with Dirac matrices and an explicit epsilon tensor. Of the other diagrams, a from the
annihilation of e+e- with a virtual photon to e+e-, is a few per cent of gamma a.
"""

from __future__ import annotations

from itertools import permutations
from typing import NamedTuple

import numpy as np

from .beams import ALPHA, CMS_TO_LAB, PB_GEV2, SQRT_S, Floats, S, transform
from .feynman import GAMMA, METRIC

ELECTRON_MASS = 0.51099895e-3


class Points(NamedTuple):
    """Weighted events: momenta (4, n) in the CM frame, electron beam along z."""

    electron: Floats
    positron: Floats
    alp: Floats
    q2: Floats
    """Virtualities, shape (2, n), free of cancellations."""
    weight_pb: Floats


def light_cone(plus: Floats, minus: Floats, x: Floats, y: Floats) -> Floats:
    """Return (E, px, py, pz), shape (4, n)."""
    return np.stack([(plus + minus) / 2, x, y, (plus - minus) / 2])


def gram(vectors: list[Floats]) -> Floats:
    """Return the determinant of all scalar products of vectors (4, n)."""
    table = [[METRIC @ (a * b) for b in vectors] for a in vectors]
    determinant: Floats = np.linalg.det(np.moveaxis(np.array(table), -1, 0))
    return determinant


def squared(
    beams: tuple[Floats, Floats], q: tuple[Floats, Floats], q2: Floats
) -> Floats:
    """Return the spin-averaged squared amplitude over g^2, in GeV^2."""
    (p1, p2), (q1, q2_vector) = beams, q
    big = (METRIC @ (q1 * q2_vector)) ** 2 - q2[0] * q2[1]
    # transverse parts: the full determinant loses all digits
    area = q1[1] * q2_vector[2] - q1[2] * q2_vector[1]
    four = (S / 2 * area) ** 2
    bracket = 4 * four + q2[0] * q2[1] * big / 2
    bracket += q2[1] * np.maximum(gram([p1, q1, q2_vector]), 0)
    bracket += q2[0] * np.maximum(gram([p2, q1, q2_vector]), 0)
    value: Floats = 4 * (4 * np.pi * ALPHA) ** 2 * bracket / (q2[0] * q2[1]) ** 2
    return value


def events(
    mass: float, coupling: float, n_events: int, rng: np.random.Generator
) -> Points:
    """Return phase-space points, two per draw: both ways to share what the ALP leaves.

    Flat in the ALP's rapidity and in the logarithms of pt^2 + (x m_e)^2, x = m e^y/rs.
    """
    u = rng.random((5, n_events))
    range_y = np.log(SQRT_S / mass)
    y = range_y * (2 * u[0] - 1)
    pt2, density = [], 2 * range_y * np.ones(n_events)
    for row, sign in ((1, 1), (2, -1)):
        soft = (ELECTRON_MASS * mass / SQRT_S * np.exp(sign * y)) ** 2
        span = np.log1p(S / 4 / soft)
        pt2.append(soft * np.expm1(span * u[row]))
        density *= span * (pt2[-1] + soft)
    a, b = pt2
    phi = 2 * np.pi * u[3:]
    density *= (2 * np.pi) ** 2 / 4  # d2pt = dphi dpt2 / 2, twice
    ax, ay, bx, by = (
        np.sqrt(t) * f(p)
        for t, p in ((a, phi[0]), (b, phi[1]))
        for f in (np.cos, np.sin)
    )
    mass_t = np.sqrt(mass**2 + (ax + bx) ** 2 + (ay + by) ** 2)
    alp = light_cone(mass_t * np.exp(y), mass_t * np.exp(-y), -ax - bx, -ay - by)
    parts = [
        finish(alp, (ax, ay), (bx, by), density, larger=larger)
        for larger in (True, False)
    ]
    momenta = [np.concatenate([p[k] for p in parts], axis=-1) for k in range(4)]
    weight = np.concatenate([p.weight_pb for p in parts])
    scale = coupling**2 * PB_GEV2 / n_events
    return Points(momenta[0], momenta[1], momenta[2], momenta[3], weight * scale)


def finish(
    alp: Floats,
    first: tuple[Floats, Floats],
    second: tuple[Floats, Floats],
    density: Floats,
    *,
    larger: bool,
) -> Points:
    """Solve for the leptons; weights are dsigma / g^2, 0 where there is no solution."""
    me2 = ELECTRON_MASS**2
    t1, t2 = (x**2 + y**2 for x, y in (first, second))
    a, b = t1 + me2, t2 + me2
    plus, minus = (SQRT_S - alp[0] - sign * alp[3] for sign in (1, -1))
    total = plus * minus - a - b
    below = total**2 - 4 * a * b
    good = (plus > 0) & (minus > 0) & (total > 0) & (below > 0)
    total, root = np.where(good, total, 1), np.sqrt(np.where(good, below, 0))
    product = (total + root) / 2 if larger else 2 * a * b / (total + root)
    c1, c2 = (np.where(good, (product + t) / r, 1) for t, r in ((a, minus), (b, plus)))
    electron = light_cone(c1, a / c1, *first)
    positron = light_cone(b / c2, c2, *second)
    # x = 1 - c/rs from what the others take, for small x
    x1 = (alp[0] + alp[3] + b / c2) / SQRT_S
    x2 = (alp[0] - alp[3] + a / c1) / SQRT_S
    q2 = np.stack([(t1 + x1**2 * me2) * SQRT_S / c1, (t2 + x2**2 * me2) * SQRT_S / c2])
    beams, photons = exchanged(electron, positron, (x1, x2), q2)
    # d3k/2E = d2kt dy/2; the light-cone deltas leave 1/(2 |P - ab/P|)
    flux = density / (2 * S) / (2 * np.pi) ** 5
    phase_space = flux / (4 * np.abs(product - a * b / product))
    weight = np.where(good, squared(beams, photons, q2) * phase_space, 0)
    return Points(electron, positron, alp, q2, weight)


def exchanged(
    electron: Floats, positron: Floats, x: tuple[Floats, Floats], q2: Floats
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Return the beams and both photons, small components without differences."""
    one, small = np.ones_like(x[0]), ELECTRON_MASS**2 / SQRT_S
    beam1 = light_cone(SQRT_S * one, small * one, 0 * one, 0 * one)
    beam2 = light_cone(small * one, SQRT_S * one, 0 * one, 0 * one)
    photons = []
    for lepton, fraction, virtual, forward in (
        (electron, x[0], q2[0], True),
        (positron, x[1], q2[1], False),
    ):
        px, py = -lepton[1], -lepton[2]
        large = fraction * SQRT_S
        # q2 = q+ q- - qt^2 = -Q2
        other = (px**2 + py**2 - virtual) / large
        plus, minus = (large, other) if forward else (other, large)
        photons.append(light_cone(plus, minus, px, py))
    return (beam1, beam2), (photons[0], photons[1])


def epsilon() -> Floats:
    """Return the totally antisymmetric tensor, shape (4, 4, 4, 4)."""
    tensor = np.zeros((4,) * 4)
    for order in permutations(range(4)):
        tensor[order] = round(np.linalg.det(np.eye(4)[list(order)]))
    return tensor


def trace(points: Points, index: int) -> float:
    """Return what `squared` does for one point, by brute force in the traces."""
    me, tensors, photons = ELECTRON_MASS, [], []
    small = np.sqrt(S / 4 - me**2)
    for lepton, sign in ((points.electron, 1), (points.positron, -1)):
        before = np.array([SQRT_S / 2, 0, 0, sign * small])
        after = lepton[:, index]
        slashed = [np.einsum("m,mij->ij", METRIC * p, GAMMA) for p in (after, before)]
        # the sign of the mass terms is that of a particle or an antiparticle
        left, right = (s + sign * me * np.eye(4) for s in slashed)
        lowered = METRIC[:, None, None] * GAMMA
        tensors.append(
            np.einsum("ab,mbc,cd,nda->mn", left, lowered, right, lowered).real / 2
        )
        photons.append(before - after)
    vertex = np.einsum("mnab,a,b->mn", epsilon(), *(METRIC * q for q in photons))
    value = np.einsum("mn,ab,ma,nb->", vertex, vertex, *tensors)
    virtual = [METRIC @ q**2 for q in photons]
    return float((4 * np.pi * ALPHA) ** 2 * value / (virtual[0] * virtual[1]) ** 2)


def angle_deg(momentum: Floats) -> Floats:
    """Return polar angles in the lab, in deg, of momenta (4, n) in the CM frame."""
    _, x, y, z = transform(CMS_TO_LAB, momentum)
    angle: Floats = np.degrees(np.arctan2(np.hypot(x, y), z))
    return angle
