"""e+e- -> gamma omega, omega -> gamma pi0 from Feynman diagrams with Dirac matrices.

Momenta are float64 of shape (4, n), in the CM frame with the electron on +z.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np

from .beams import SQRT_S, Floats
from .feynman import GAMMA, METRIC, Complexes, linear_polarisations, slash, square

OMEGA_MASS = 0.78266
PION_MASS = 0.1349768


def levi_civita() -> Floats:
    """ε_{μναβ}, shape (4, 4, 4, 4)."""
    tensor = np.zeros((4, 4, 4, 4))
    for order in permutations(range(4)):
        tensor[order] = np.linalg.det(np.eye(4)[list(order)])
    return tensor


EPSILON = levi_civita()


def beam_pair(n: int, sqrt_s: float, m: float) -> tuple[Floats, Floats]:
    momentum = np.sqrt(sqrt_s**2 / 4 - m**2)
    electron = np.outer([sqrt_s / 2, 0, 0, momentum], np.ones(n))
    return electron, electron * np.array([1, -1, -1, -1])[:, None]


def spin_one(momentum: Floats, mass: float) -> list[Floats]:
    """Three polarisation vectors of a massive particle of momentum (4, n)."""
    size = np.linalg.norm(momentum[1:], axis=0)
    along = np.concatenate([[size], momentum[0] * momentum[1:] / size]) / mass
    return [*linear_polarisations(momentum), along]


def to_rest(parent: Floats, momentum: Floats) -> Floats:
    """Boost momenta (4, n) to the rest frame of ``parent``, without a rotation."""
    mass = np.sqrt(square(parent))
    energy = METRIC @ (parent * momentum) / mass
    pull = (momentum[0] + energy) / (parent[0] + mass)
    boosted: Floats = np.concatenate([[energy], momentum[1:] - pull * parent[1:]])
    return boosted


def string(
    beams: tuple[Floats, Floats], photon: Floats, eps: Floats, current: Floats, m: float
) -> Complexes:
    """Both diagrams of e⁺e⁻ → γV without couplings: V couples as ψ̄γψ to ``current``."""
    electron, positron = beams
    mass = m * np.eye(4)
    before, after = electron - photon, photon - positron
    first = slash(current) @ (slash(before) + mass) @ slash(eps)
    second = slash(eps) @ (slash(after) + mass) @ slash(current)
    first /= (square(before) - m**2)[:, None, None]
    second /= (square(after) - m**2)[:, None, None]
    total: Complexes = first + second
    return total


def squared(
    beams: tuple[Floats, Floats], photon: Floats, currents: list[Floats], m: float
) -> Floats:
    """Spin-averaged |M|² over e²g², summed over polarisations and ``currents``."""
    total = np.zeros(photon.shape[1])
    mass = m * np.eye(4)
    for eps in linear_polarisations(photon):
        for current in currents:
            middle = string(beams, photon, eps, current, m)
            conjugate = GAMMA[0] @ np.conj(np.swapaxes(middle, 1, 2)) @ GAMMA[0]
            trace = (slash(beams[1]) - mass) @ middle @ (slash(beams[0]) + mass)
            total += np.trace(trace @ conjugate, axis1=1, axis2=2).real / 4
    return total


def random_decays(n: int, seed: int, root: float = SQRT_S) -> Floats:
    """γ, and ω → γπ⁰ with all directions isotropic, in float64: shape (4, 3, n)."""
    rng = np.random.default_rng(seed)
    cos, phi = rng.uniform(-0.95, 0.95, (2, n)), rng.uniform(0, 2 * np.pi, (2, n))
    cos[1] = rng.uniform(-1, 1, n)
    unit = np.sqrt(1 - cos**2) * np.array([np.cos(phi), np.sin(phi)])
    direction = np.concatenate([unit, cos[None]])  # (3, 2, n)
    recoil = root / 2 * (1 - OMEGA_MASS**2 / root**2)
    omega = np.concatenate([np.full((1, n), root - recoil), -recoil * direction[:, 0]])
    k = (OMEGA_MASS**2 - PION_MASS**2) / (2 * OMEGA_MASS)
    rest = k * np.concatenate([np.ones((1, n)), direction[:, 1]])
    back = omega * np.array([1, -1, -1, -1])[:, None]
    photon = to_rest(back, rest)
    first = recoil * np.concatenate([np.ones((1, n)), direction[:, 0]])
    return np.stack([first, photon, omega - photon], axis=1)


def decay_correlation(electron: Floats, positron: Floats, momenta: Floats) -> Floats:
    """Distribution of photon 1 over its average, from the closed form."""
    omega = momenta[:, 1:].sum(axis=1)
    photon = to_rest(omega, momenta[:, 1])[1:]
    photon /= np.linalg.norm(photon, axis=0)
    top, bottom = np.zeros((2, photon.shape[1]))
    for beam in (electron, positron):
        seen = to_rest(omega, beam)
        cos = (seen[1:] * photon).sum(axis=0) / seen[0]
        top += seen[0] ** 2 * (1 + cos**2)
        bottom += seen[0] ** 2
    ratio: Floats = 0.75 * top / bottom
    return ratio


def traced_correlation(momenta: Floats) -> Floats:
    """Distribution of photon 1 over its average, from Dirac traces.

    ω → π⁰γ with polarisation e of its photon k is the current ε_{μναβ} e^ν k^α q^β;
    the average over decays is that over three spin states: Σ current currentᵀ of all
    directions is a multiple of their sum.
    """
    n = momenta.shape[2]
    beams = beam_pair(n, SQRT_S, 0.0)
    omega, photon = momenta[:, 1:].sum(axis=1), momenta[:, 1]
    currents = []
    for eps in linear_polarisations(photon):
        lower = np.einsum("mnab,ni,ai,bi->mi", EPSILON, eps, photon, omega)
        currents.append(METRIC[:, None] * lower)
    # Σ over polarisations of |current|² is 2 (kq)², shared by three directions
    norm = 2 * (METRIC @ (photon * omega)) ** 2 / 3
    matrix = squared(beams, momenta[:, 0], currents, 0.0)
    spins = spin_one(omega, OMEGA_MASS)
    average = squared(beams, momenta[:, 0], spins, 0.0) * norm
    ratio: Floats = matrix / average
    return ratio
