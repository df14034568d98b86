"""Helicity amplitudes of e⁺e⁻ → nγ at tree level from two-component spinors.

A massless momentum is p₀ + p⃗·σ⃗ = λλ†, and a right-handed electron line reads

    A = λ₂† Ẽₙ Pₙ₋₁ Ẽₙ₋₁ … P₁ Ẽ₁ λ₁,   P_S = (p₁ − k_S)/(p₁ − k_S)²,

with M̃ the adjugate of M. The polarisation of a photon k with reference momentum q is
E = √2 ab†/⟨ab⟩ and Ẽ = √2 b⊥a⊥ᵀ/⟨ab⟩, where (a, b) = (q, k) for helicity + and (k, q)
for −. All n! orders of the photons are summed by a recursion over what S the electron
has emitted so far: J(S) = P_S Σ_{i∈S} Ẽᵢ J(S∖i). Four photons of 16 helicities take 216
vertices instead of 24 × 16 diagrams. Left-handed electrons follow by parity.

Momenta are in units of half the collision energy, the electron along +z.

References
----------
.. [1] R. Kleiss, W. J. Stirling, Nucl. Phys. B262 (1985) 235: e⁺e⁻ → nγ with spinors.
.. [2] F. A. Berends, W. T. Giele, Nucl. Phys. B306 (1988) 759: the recursion.

(Both remembered: the tests derive the amplitudes again from Dirac matrices.)
"""

from __future__ import annotations

from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from generator.compiled import device, kernel

Floats = NDArray[np.float64]
GROUP: Final = 64
"""Events that share the bookkeeping of the recursion: SIMD loops run over them."""


@device
def spinor(e: float, x: float, y: float, z: float) -> tuple[complex, complex]:
    """Return λ of a massless momentum, λλ† = p₀ + p⃗·σ⃗; its phase is arbitrary.

    Of its components the larger one is chosen real: no direction loses digits.
    """
    larger = sqrt(e + abs(z))
    other = complex(x, y) / larger
    if z > 0.0:
        return complex(larger, 0.0), other
    return other.conjugate(), complex(larger, 0.0)


@device
def product(a1: complex, a2: complex, b1: complex, b2: complex) -> complex:
    """Return the spinor product ⟨ab⟩ = a₁b₂ − a₂b₁; |⟨ab⟩|² = 2 p_a·p_b."""
    return a1 * b2 - a2 * b1


@kernel
def _polarisations(
    photons: Floats, references: Floats, bra: Floats, ket: Floats
) -> None:
    """Fill a⊥/⟨ab⟩ and b⊥ of every photon and helicity (0: +, 1: −), without √2."""
    for i in range(photons.shape[0]):
        for h in range(2):
            q = references[h]
            q1, q2 = spinor(q[0], q[1], q[2], q[3])
            for w in range(GROUP):
                k1, k2 = spinor(
                    photons[i, 0, w],
                    photons[i, 1, w],
                    photons[i, 2, w],
                    photons[i, 3, w],
                )
                a1, a2, b1, b2 = (q1, q2, k1, k2) if h == 0 else (k1, k2, q1, q2)
                norm = 1.0 / product(a1, a2, b1, b2)
                first, second = a2 * norm, -a1 * norm
                bra[i, h, 0, w], bra[i, h, 1, w] = first.real, first.imag
                bra[i, h, 2, w], bra[i, h, 3, w] = second.real, second.imag
                ket[i, h, 0, w], ket[i, h, 1, w] = b2.real, -b2.imag
                ket[i, h, 2, w], ket[i, h, 3, w] = -b1.real, b1.imag


@kernel
def _propagators(photons: Floats, matrix: Floats) -> None:
    """Fill P_S of every set S of emitted photons but all: (P₁₁, P₂₂, Re P₁₂, Im P₁₂)."""
    for w in range(GROUP):
        matrix[0, 0, w] = 2.0
        matrix[0, 1, w] = matrix[0, 2, w] = matrix[0, 3, w] = 0.0
    n_sets = 1 << photons.shape[0]
    for emitted in range(1, n_sets - 1):
        last = 0
        while emitted >> (last + 1):
            last += 1
        before = emitted - (1 << last)
        for w in range(GROUP):
            e, z = photons[last, 0, w], photons[last, 3, w]
            matrix[emitted, 0, w] = matrix[before, 0, w] - (e + z)
            matrix[emitted, 1, w] = matrix[before, 1, w] - (e - z)
            matrix[emitted, 2, w] = matrix[before, 2, w] - photons[last, 1, w]
            matrix[emitted, 3, w] = matrix[before, 3, w] + photons[last, 2, w]
    for emitted in range(1, n_sets - 1):
        for w in range(GROUP):
            p11, p22 = matrix[emitted, 0, w], matrix[emitted, 1, w]
            re, im = matrix[emitted, 2, w], matrix[emitted, 3, w]
            inverse = 1.0 / (p11 * p22 - re * re - im * im)
            matrix[emitted, 0, w], matrix[emitted, 1, w] = p11 * inverse, p22 * inverse
            matrix[emitted, 2, w], matrix[emitted, 3, w] = re * inverse, im * inverse


@kernel
def _emit(bra: Floats, ket: Floats, before: Floats, current: Floats) -> None:
    """Add Ẽ J to a current: the electron emits one more photon."""
    for w in range(GROUP):
        first = complex(bra[0, w], bra[1, w]) * complex(before[0, w], before[1, w])
        second = complex(bra[2, w], bra[3, w]) * complex(before[2, w], before[3, w])
        coupling = first + second
        upper = coupling * complex(ket[0, w], ket[1, w])
        lower = coupling * complex(ket[2, w], ket[3, w])
        current[0, w] += upper.real
        current[1, w] += upper.imag
        current[2, w] += lower.real
        current[3, w] += lower.imag


@kernel
def _propagate(matrix: Floats, current: Floats) -> None:
    """Multiply a current with a propagator."""
    for w in range(GROUP):
        off_diagonal = complex(matrix[2, w], matrix[3, w])
        upper = complex(current[0, w], current[1, w])
        lower = complex(current[2, w], current[3, w])
        first = matrix[0, w] * upper + off_diagonal * lower
        second = off_diagonal.conjugate() * upper + matrix[1, w] * lower
        current[0, w], current[1, w] = first.real, first.imag
        current[2, w], current[3, w] = second.real, second.imag


@kernel
def helicity_squares(photons: Floats, references: Floats, squares: Floats) -> None:
    """Fill |A|² of a right-handed electron without couplings, for all helicities.

    The spin-averaged |M|² is e²ⁿ/2 times their sum, in units of (2/√s)²ⁿ⁻⁴.

    Parameters
    ----------
    photons : array of shape (n, 4, GROUP)
        Massless (E, x, y, z) in units of √s/2 that add up to (2, 0, 0, 0).
    references : array of shape (2, 4)
        Reference momenta for helicity + and −; any massless ones give the same.
    squares : array of shape (2ⁿ, GROUP)
        Filled; bit i of the row is set where photon i has helicity −.
    """
    n = photons.shape[0]
    bra, ket = np.empty((n, 2, 4, GROUP)), np.empty((n, 2, 4, GROUP))
    _polarisations(photons, references, bra, ket)
    matrix = np.empty((1 << n, 4, GROUP))
    _propagators(photons, matrix)
    # the digits of a state in base 3: not emitted, helicity +, helicity −
    current = np.zeros((3**n, 4, GROUP))
    current[0, 0] = sqrt(2.0)
    for state in range(1, 3**n):
        emitted, helicities, place = 0, 0, 1
        for i in range(n):
            digit = (state // place) % 3
            if digit > 0:
                emitted |= 1 << i
                helicities |= (digit - 1) << i
                before = current[state - digit * place]
                _emit(bra[i, digit - 1], ket[i, digit - 1], before, current[state])
            place *= 3
        if emitted + 1 < 1 << n:
            _propagate(matrix[emitted], current[state])
            continue
        # λ₂† = (0, √2), and √2 of every photon
        for w in range(GROUP):
            re, im = current[state, 2, w], current[state, 3, w]
            squares[helicities, w] = 2.0 ** (n + 1) * (re * re + im * im)
