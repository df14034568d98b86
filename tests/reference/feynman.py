"""All n! diagrams of e+e- -> n photons from Dirac matrices.

An independent check of closed forms and spinor recursions: the amplitude is built
diagram by diagram with explicit polarisations, squared with a trace over the massless
spinors and summed. It is slow and exact, made for thousands of points.
"""

from __future__ import annotations

from itertools import permutations, product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .beams import ALPHA, Floats

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Complexes = NDArray[np.complex128]


def _dirac_matrices() -> Complexes:
    """Return gamma^mu in the Dirac representation, shape (4, 4, 4)."""
    pauli = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    gamma = np.zeros((4, 4, 4), dtype=np.complex128)
    gamma[0] = np.diag([1, 1, -1, -1])
    gamma[1:, :2, 2:] = pauli
    gamma[1:, 2:, :2] = -pauli
    return gamma


GAMMA = _dirac_matrices()
METRIC = np.array([1.0, -1.0, -1.0, -1.0])


def slash(vector: Floats | Complexes) -> Complexes:
    """Return gamma^mu v_mu, shape (n, 4, 4), of vectors of shape (4, n)."""
    slashed: Complexes = np.einsum("m,mn,mij->nij", METRIC, vector, GAMMA)
    return slashed


def square(vector: Floats) -> Floats:
    """Return the Minkowski square, shape (n,)."""
    value: Floats = METRIC @ vector**2
    return value


def linear_polarisations(momentum: Floats) -> list[Floats]:
    """Return the two real transverse polarisations (4, n) of photons (4, n)."""
    _, px, py, pz = momentum
    theta, phi = np.arctan2(np.hypot(px, py), pz), np.arctan2(py, px)
    zero = np.zeros_like(px)
    in_plane = [np.cos(theta) * np.cos(phi), np.cos(theta) * np.sin(phi)]
    return [
        np.stack([zero, *in_plane, -np.sin(theta)]),
        np.stack([zero, -np.sin(phi), np.cos(phi), zero]),
    ]


def amplitude_matrix(
    electron: Floats,
    photons: Floats,
    polarisations: Sequence[Floats | Complexes],
    orders: Iterable[tuple[int, ...]] | None = None,
) -> Complexes:
    """Return the string of Dirac matrices between v-bar and u, without e^n.

    Parameters
    ----------
    electron
        Incoming four-momentum, shape (4, n), GeV.
    photons
        Outgoing four-momenta, shape (4, photons, n), GeV.
    polarisations
        One vector of shape (4, n) for each photon.
    orders
        In which order the electron emits them; all orders by default.
    """
    every = permutations(range(photons.shape[1]))
    total = np.zeros((electron.shape[1], 4, 4), dtype=np.complex128)
    for first, *others in every if orders is None else orders:
        momentum = electron - photons[:, first]
        diagram = slash(polarisations[first])
        for photon in others:
            propagator = slash(momentum) / square(momentum)[:, None, None]
            diagram = slash(polarisations[photon]) @ propagator @ diagram
            momentum = momentum - photons[:, photon]
        total += diagram
    return total


def squared_string(electron: Floats, positron: Floats, string: Complexes) -> Floats:
    """Return Tr[p2 Gamma p1 Gamma-bar]/4, the spin average, shape (n,)."""
    conjugate = GAMMA[0] @ np.conj(np.swapaxes(string, 1, 2)) @ GAMMA[0]
    matrix = slash(positron) @ string @ slash(electron) @ conjugate
    value: Floats = np.trace(matrix, axis1=1, axis2=2).real / 4
    return value


def matrix_element_squared(
    electron: Floats, positron: Floats, photons: Floats
) -> Floats:
    """Return the spin-averaged |M|^2 summed over polarisations, in GeV^(4 - 2 n)."""
    n_photons = photons.shape[1]
    states = [linear_polarisations(photons[:, i]) for i in range(n_photons)]
    e_squared = 4 * np.pi * ALPHA
    total = np.zeros(electron.shape[1])
    for chosen in product(*states):
        string = amplitude_matrix(electron, photons, chosen)
        total += squared_string(electron, positron, string)
    return np.asarray(e_squared**n_photons * total)
