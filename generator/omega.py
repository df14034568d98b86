"""Sampler of e⁺e⁻ → γω by radiative return, ω → π⁰γ, π⁰ → γγ: four photons.

Photon 0 is radiated off the beams, photon 1 comes from the ω, photons 2 and 3 from the
π⁰. The ω is so narrow that its mass is fixed: σ = 12π²Γ(ee)/(mŝ) · W, x = 1 − m²/ŝ,

    dW/dcosθ = (α/πx) [(2 − 2x + x²) sin²θ − x² sin⁴θ/2 − ε((1 − 2x) sin²θ − x² cos⁴θ)]
               / (sin²θ + ε cos²θ)²,    ε = 4mₑ²/ŝ.

The electron mass regulates the collinear peaks. With v = √(1 − ε), y = atanh(v cosθ)
turns sin²θ + ε cos²θ into 1/cosh²y, and dW/dy is smooth and flat over |y| < ln(√ŝ/mₑ).

Decay of the ω, electron mass neglected: in its rest frame the two beams have energies
E₁, E₂ and directions n₁, n₂, its spin density matrix is Σ Eᵢ²(1 − nᵢnᵢᵀ), and the
photon of ω → π⁰γ (vertex ε_{μναβ}) at angle χᵢ to beam i follows Σ Eᵢ²(1 + cos²χᵢ). So a
beam is chosen with probability Eᵢ²/(E₁² + E₂²), and then an angle from 1 + cos²χ. (The
electron mass changes this where photon 0 is collinear with a beam, in some 5 % of σ.)

References
----------
.. [1] G. Bonneau, F. Martin, Nucl. Phys. B27 (1971) 381: dW/dcosθ (remembered; the tests
   derive it from the amplitude with massive electrons).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from generator.beams import Beams
from generator.compiled import device, kernel
from generator.constants import ALPHA_0, ELECTRON_MASS_GEV, GEV2_PB
from generator.frames import Flat, Momenta, to_lab
from generator.initial_state import InitialState
from generator.mesons import MESONS
from generator.pdg import OMEGA, PHOTON, PI0
from generator.simd import LANES, exp2, f4, log, sincos_turns
from generator.units import uniform

if TYPE_CHECKING:
    from generator.columns import Column, Photons
    from generator.random import LaneState

MASS_GEV: Final = 0.78266
"""Of the ω (PDG; remembered)."""
ELECTRON_WIDTH_GEV: Final = 0.60e-6
"""Γ(ω → e⁺e⁻) (PDG; remembered). By convention it contains the vacuum polarisation."""
PI0_PHOTON_FRACTION: Final = 0.0835
"""Branching fraction of ω → π⁰γ (PDG; remembered)."""
ROOT_MIN: Final = 0.5
"""Smallest √(ŝ/s): photon 0 stays hard, whatever else is radiated."""

_CENTRAL: Final = f4(2.0)
"""|y| below this is where photons are seen: angles of 15 to 165 deg in the CM frame."""
_SHARE: Final = f4(0.75)
"""Of the events, with photon 0 in that range."""

_0, _H, _1, _2, _4 = f4(0), f4(0.5), f4(1), f4(2), f4(4)
_LOG2E = f4(np.log2(np.e))
_TINY = f4(1e-30)


@device
def _rapidity(u: f4, most: f4) -> tuple[f4, f4]:
    """Return y of photon 0 and 1/density: flat inside |y| < 2, flat outside."""
    central = u < _SHARE
    inner = (_2 / _SHARE * u - _1) * _CENTRAL
    outer = _2 / (_1 - _SHARE) * (u - _SHARE) - _1
    side = -_1 if outer < _0 else _1
    span = most - _CENTRAL
    y = inner if central else side * _CENTRAL + span * outer
    width = _CENTRAL / _SHARE if central else span / (_1 - _SHARE)
    return y, _2 * width


@device
def _radiator(x: f4, sin2: f4, cos2: f4, regulated: f4, eps: f4) -> f4:
    """Return x dW/dy over α/π; ``regulated`` = sin²θ + ε cos²θ."""
    mass_term = eps * ((_1 - _2 * x) * sin2 - x * x * cos2 * cos2)
    pole = (_2 - _2 * x + x * x) * sin2
    return (pole - _H * x * x * sin2 * sin2 - mass_term) / regulated


@device
def _one_plus_square(u: f4) -> f4:
    """Return cosχ distributed as 1 + cos²χ: the root of a cubic."""
    q = _4 * u - _2
    grow = exp2(_LOG2E / f4(3) * log(abs(q) + np.sqrt(q * q + _1)))
    cos = min(grow - _1 / grow, _1)
    return -cos if q < _0 else cos


@device
def _decay_photon(
    u_beam: f4, u_angle: f4, turn: f4, cos: f4, sin: f4, gamma: f4, speed: f4
) -> tuple[f4, f4, f4]:
    """Return the direction of photon 1 in the ω frame, in the basis of photon 0.

    The basis is (n, e_θ, e_φ) of photon 0 at angle θ; the ω has γ and βγ = ``speed``
    along −n.
    """
    # the beams, e(1; cosθ, −sinθ, 0) and opposite, seen by the ω
    along1, along2 = speed + gamma * cos, speed - gamma * cos
    square1, square2 = along1 * along1 + sin * sin, along2 * along2 + sin * sin
    first = u_beam * (square1 + square2) < square1
    norm = _1 / np.sqrt(square1 if first else square2)
    b_n = (along1 if first else along2) * norm
    b_t = (-sin if first else sin) * norm
    cos_chi = _one_plus_square(u_angle)
    sin_chi = np.sqrt(max(_1 - cos_chi * cos_chi, _0))
    sin_psi, cos_psi = sincos_turns(turn)
    in_plane = sin_chi * cos_psi
    d_n = cos_chi * b_n - in_plane * b_t
    d_t = cos_chi * b_t + in_plane * b_n
    return d_n, d_t, sin_chi * sin_psi


@device
def _pi0_photon(
    u: f4, turn: f4, e: f4, n: f4, t: f4, p: f4, mass: f4
) -> tuple[f4, f4, f4, f4]:
    """Return (E; n, θ, φ) of a photon of an isotropic decay of a π⁰ (e; n, t, p)."""
    side2 = t * t + p * p
    momentum, per_side = np.sqrt(n * n + side2), _1 / np.sqrt(max(side2, _TINY))
    # direction of flight (c; side·a, side·b), and two axes across it
    a, b, c = t * per_side, p * per_side, n / momentum
    side = np.sqrt(side2) / momentum
    cos = _2 * u - _1
    transverse = _H * mass * np.sqrt(max(_1 - cos * cos, _0))
    sin_b, cos_b = sincos_turns(turn)
    up, across = transverse * cos_b, transverse * sin_b
    along = _H * (momentum + e * cos)
    outward = along * side + up * c
    return (
        _H * (e + momentum * cos),
        along * c - up * side,
        outward * a - across * b,
        outward * b + across * a,
    )


@device
def _turned(
    n: f4, t: f4, p: f4, cos: f4, sin: f4, cos_phi: f4, sin_phi: f4
) -> tuple[f4, f4, f4]:
    """Return (x, y, z) from components along photon 0, e_θ and e_φ."""
    outward = n * sin + t * cos
    return (
        outward * cos_phi - p * sin_phi,
        outward * sin_phi + p * cos_phi,
        n * cos - t * sin,
    )


@kernel
def _generate(
    u: Flat,
    root: Flat,
    constants: Flat,
    e: Flat,
    x: Flat,
    y: Flat,
    z: Flat,
    weight: Column,
) -> None:
    """Fill a block; ``constants`` = (√s, least √ŝ, m, m_π, mₑ, weight)."""
    sqrt_s, least, mass = constants[0], constants[1], constants[2]
    mass_pi, mass_e, norm = constants[3], constants[4], constants[5]
    k_omega = _H * (mass - mass_pi * mass_pi / mass)
    for i in range(LANES):
        root_hat = max(sqrt_s * root[i], least)
        share, electron = mass / root_hat, mass_e / root_hat
        fraction, eps = (_1 - share) * (_1 + share), _4 * electron * electron
        # photon 0: with t = e^{2y}, 1/cosh²y = 4t/(1 + t)²
        rapidity, per_density = _rapidity(u[i], -log(electron))
        t = exp2(_2 * _LOG2E * rapidity)
        over = _1 / (t + _1)
        regulated, cos = _4 * t * over * over, (t - _1) * over
        sin2 = max(regulated - eps, _0)
        radiated = _radiator(fraction, sin2, cos * cos, regulated, eps)
        weight[i] = norm * per_density * radiated / (fraction * root_hat * root_hat)
        # ω → π⁰γ in the basis of photon 0, boosted along −n
        sin, recoil = np.sqrt(sin2), _H * root_hat * fraction
        gamma, speed = _H * (root_hat / mass + share), recoil / mass
        j, k, m = LANES + i, 2 * LANES + i, 3 * LANES + i
        d_n, d_t, d_p = _decay_photon(
            u[j], u[k], u[m], cos, sin, gamma, speed
        )  # fmt: skip
        e1, n1 = k_omega * (gamma - speed * d_n), k_omega * (gamma * d_n - speed)
        t1, p1 = k_omega * d_t, k_omega * d_p
        e_pi, n_pi = mass * gamma - e1, -recoil - n1
        e2, n2, t2, p2 = _pi0_photon(
            u[4 * LANES + i], u[5 * LANES + i], e_pi, n_pi, -t1, -p1, mass_pi
        )
        e3, n3, t3, p3 = e_pi - e2, n_pi - n2, -t1 - t2, -p1 - p2
        sin_phi, cos_phi = sincos_turns(u[6 * LANES + i])
        e[i], z[i] = recoil, recoil * cos
        x[i], y[i] = recoil * sin * cos_phi, recoil * sin * sin_phi
        e[j], e[k], e[m] = e1, e2, e3
        x[j], y[j], z[j] = _turned(n1, t1, p1, cos, sin, cos_phi, sin_phi)
        x[k], y[k], z[k] = _turned(n2, t2, p2, cos, sin, cos_phi, sin_phi)
        x[m], y[m], z[m] = _turned(n3, t3, p3, cos, sin, cos_phi, sin_phi)


def omega_cross_section_pb(s_GeV2: float) -> float:
    """Return σ(e⁺e⁻ → γω) over all angles, before the decay of the ω [pb].

    σ = 12π²Γ(ee)/(ms) · (2α/πx)(L − 1)(1 − x + x²/2), L = ln(s/mₑ²): the leading order
    in α, up to terms of mₑ²/s.

    Parameters
    ----------
    s_GeV2 : float
        Mandelstam s [GeV²].
    """
    x = 1.0 - MASS_GEV**2 / s_GeV2
    logarithm = np.log(s_GeV2 / ELECTRON_MASS_GEV**2)
    radiated = 2.0 * ALPHA_0 / (np.pi * x) * (logarithm - 1.0) * (1.0 - x + 0.5 * x**2)
    peak = 12.0 * np.pi**2 * ELECTRON_WIDTH_GEV / (MASS_GEV * s_GeV2)
    return float(peak * radiated * GEV2_PB)


@dataclass(frozen=True)
class OmegaPhoton:
    """Sampler of e⁺e⁻ → γω, ω → π⁰γ, π⁰ → γγ, photon 0 at any angle.

    Three quarters of the events have photon 0 at wide angles (weights correct for it);
    mostly it leaves along a beam, and the ω along the other.

    Radiation off the beams comes on top of photon 0, which then is counted twice where it
    is collinear with a beam itself; at wide angles it is the same factorisation as for
    the other processes. Collisions below `ROOT_MIN` have weight 0. Vacuum polarisation is
    not applied, since Γ(ω → e⁺e⁻) contains it.

    Parameters
    ----------
    beams : Beams
        Beam energies and crossing angle.
    initial : InitialState
        Radiation off the beams and the spread of their energies.

    Raises
    ------
    ValueError
        If the beams are too soft for a hard photon beside the ω.
    """

    beams: Beams = field(default_factory=Beams)
    initial: InitialState = field(default_factory=InitialState)

    name: ClassVar[str] = "omegagamma"
    slots: ClassVar[int] = 4
    pdg: ClassVar[tuple[int, ...]] = (PHOTON,) * 4
    parents: ClassVar[tuple[int, ...]] = (0, OMEGA, PI0, PI0)
    dimensions: ClassVar[int] = 7

    def __post_init__(self) -> None:
        """Refuse beams near the ω resonance, where photon 0 would be soft."""
        needed = MASS_GEV / ROOT_MIN
        if not self.beams.sqrt_s_GeV > needed:
            msg = (
                f"sqrt(s) = {self.beams.sqrt_s_GeV:.4g} GeV: "
                f"e+e- -> gamma omega needs more than {needed:.4g} GeV"
            )
            raise ValueError(msg)

    @cached_property
    def _constants(self) -> Flat:
        sqrt_s, pion = self.beams.sqrt_s_GeV, MESONS["pigamma"]
        decays = PI0_PHOTON_FRACTION * pion.two_photon_fraction
        peak = 12.0 * np.pi**2 * ELECTRON_WIDTH_GEV / MASS_GEV
        norm = peak * ALPHA_0 / np.pi * decays * GEV2_PB
        masses = [MASS_GEV, pion.mass_GeV, ELECTRON_MASS_GEV]
        return np.array([sqrt_s, ROOT_MIN * sqrt_s, *masses, norm], np.float32)

    def block(self, state: LaneState, n_events: int, scale: float) -> Photons:
        """Return a block of events; see `Sampler`."""
        collisions = self.initial.collide(state, self.beams, ROOT_MIN**2)
        u = uniform(state, self.dimensions)
        momenta, weight = Momenta.empty(4), np.empty(LANES)
        _generate(u, collisions.root, self._constants, *momenta.columns, weight)
        weight *= scale
        weight[collisions.root < ROOT_MIN] = 0.0
        return to_lab(momenta, weight, n_events, collisions, self.beams)
