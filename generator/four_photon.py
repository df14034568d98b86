"""Sampler of e⁺e⁻ → γγγγ at tree level, with soft and collinear poles mapped out.

Photons 1 and 2 are drawn with dE/E, photons 1, 2 and 3 flat in rapidity and azimuth; the
masslessness of photon 4 fixes E₃. The weight divides |M|² by the density averaged over
all twelve assignments of the photons to these roles, which is allowed since the process
is symmetric. With x = 2E*/√s, pᵢ = xᵢ² sin²θᵢ and sᵢⱼ the squared masses over s/4

    density = C/12 · Σ_{i<j} sᵢⱼ (pᵢ + pⱼ) / (p₁p₂p₃p₄),
    C = 8 (2π)⁵ / ((s/4)² ln²(1/x_min) Δη³),

which has the poles of |M|²: inside a phase space the weight varies by a factor two. The
range of rapidities sways with the azimuth as lab cones do, Δη = Δη₀(1 + κ cosφ) = Δη₀ w,
which puts wᵢpᵢ in the place of pᵢ.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from generator.adaptive import Adaptive
from generator.compiled import kernel
from generator.constants import GEV2_PB
from generator.frames import Flat, Momenta
from generator.pdg import PHOTON
from generator.simd import LANES, exp2, f4, log, sincos_turns
from generator.spinors import GROUP, Floats, helicity_squares

if TYPE_CHECKING:
    from generator.columns import Column
    from generator.initial_state import Collisions

_0, _1, _2, _4, _H = f4(0), f4(1), f4(2), f4(4), f4(0.5)
_LOG2E = f4(np.log2(np.e))
_TINY = f4(1e-9)
_BEAMS: Final = np.array([[1.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, -1.0]])
"""Reference momenta of the polarisations."""


@kernel
def _generate(
    u: Flat,
    azimuth: Flat,
    root: Flat,
    rapidity: Flat,
    mapping: Flat,
    e: Flat,
    x: Flat,
    y: Flat,
    z: Flat,
    weight: Column,
) -> None:
    """Fill a block; ``mapping`` = (√s/2, log2 x_min, weight, η low, span, their sways).

    Rapidities are in units of ln 2/2; at azimuth φ the range starts at low + sway·cosφ
    and is span·(1 + sway·cosφ) wide. The weight lacks the sum of |A|² over helicities. It
    is 0 if photon 3 or 4 is out of the ranges, and where E₃ has no solution; there, all
    momenta are 0.
    """
    half_sqrt_s, octaves_min, constant = mapping[0], mapping[1], mapping[2]
    eta_low, eta_span, sway_low, sway = mapping[3], mapping[4], mapping[5], mapping[6]
    for i in range(LANES):
        # the softest photon and the angles, as seen from the hard frame
        lean = rapidity[i] * _LOG2E
        log2_min = min(octaves_min - abs(lean) - _LOG2E * log(root[i]), _0)
        eta_from = eta_low - _2 * lean
        x1 = exp2(log2_min * (_1 - u[i]))
        x2 = exp2(log2_min * (_1 - u[LANES + i]))
        turn = azimuth[i]
        sin_phi1, cos_phi1 = sincos_turns(turn)
        sin_phi2, cos_phi2 = sincos_turns(turn + u[5 * LANES + i])
        sin_phi3, cos_phi3 = sincos_turns(turn + u[6 * LANES + i])
        w1, w2, w3 = _1 + sway * cos_phi1, _1 + sway * cos_phi2, _1 + sway * cos_phi3
        t1 = exp2(eta_from + sway_low * cos_phi1 + eta_span * w1 * u[2 * LANES + i])
        t2 = exp2(eta_from + sway_low * cos_phi2 + eta_span * w2 * u[3 * LANES + i])
        t3 = exp2(eta_from + sway_low * cos_phi3 + eta_span * w3 * u[4 * LANES + i])
        # t = e^{2η}: cosθ = (t − 1)/(t + 1), sin²θ = 4t/(t + 1)²
        r1, r2, r3 = _1 / (t1 + _1), _1 / (t2 + _1), _1 / (t3 + _1)
        z1, z2, z3 = (t1 - _1) * r1, (t2 - _1) * r2, (t3 - _1) * r3
        s1, s2 = _2 * np.sqrt(t1) * r1, _2 * np.sqrt(t2) * r2
        s3 = _2 * np.sqrt(t3) * r3
        ax, ay, bx, by = s1 * cos_phi1, s1 * sin_phi1, s2 * cos_phi2, s2 * sin_phi2
        cx, cy = s3 * cos_phi3, s3 * sin_phi3
        m12 = _2 * x1 * x2 * (_1 - (ax * bx + ay * by + z1 * z2))
        m34 = _4 * (_1 - x1 - x2) + m12
        opening = _2 - x1 * (_1 - ax * cx - ay * cy - z1 * z3)
        opening -= x2 * (_1 - bx * cx - by * cy - z2 * z3)
        x3 = _H * max(m34, _0) / max(opening, _TINY)
        m13 = _2 * x1 * x3 * (_1 - (ax * cx + ay * cy + z1 * z3))
        m23 = _2 * x2 * x3 * (_1 - (bx * cx + by * cy + z2 * z3))
        m24, m14 = _4 * (_1 - x1 - x3) + m13, _4 * (_1 - x2 - x3) + m23
        x4 = _2 - x1 - x2 - x3
        dx, dy = -x1 * ax - x2 * bx - x3 * cx, -x1 * ay - x2 * by - x3 * cy
        dz = -x1 * z1 - x2 * z2 - x3 * z3
        q1, q2, q3 = x1 * s1, x2 * s2, x3 * s3
        up, down = x4 + dz, x4 - dz
        cos_phi4 = dx / np.sqrt(max(dx * dx + dy * dy, _TINY))
        w4 = _1 + sway * cos_phi4
        g1, g2, g3 = w1 * q1 * q1, w2 * q2 * q2, w3 * q3 * q3
        g4 = w4 * max(up * down, _TINY)
        roles = m34 * (g3 + g4) + m24 * (g2 + g4) + m14 * (g1 + g4)
        roles += m12 * (g1 + g2) + m13 * (g1 + g3) + m23 * (g2 + g3)
        rate = constant / (root[i] * root[i]) * log2_min * log2_min
        t4_low = exp2(eta_from + sway_low * cos_phi4)
        t4_high = t4_low * exp2(eta_span * w4)
        possible = m34 > _0
        x_min = exp2(log2_min)
        sampled = (x3 > x_min) & (x4 > x_min) & (up > t4_low * down)
        sampled = sampled & possible & (up < t4_high * down)
        weight[i] = rate * (g1 * g2 * g3 * g4) / roles if sampled else _0
        k = half_sqrt_s * root[i] if possible else _0
        k1, k2, k3 = k * x1, k * x2, k * x3
        e[i], x[i], y[i], z[i] = k1, k1 * ax, k1 * ay, k1 * z1
        j = LANES + i
        e[j], x[j], y[j], z[j] = k2, k2 * bx, k2 * by, k2 * z2
        j = 2 * LANES + i
        e[j], x[j], y[j], z[j] = k3, k3 * cx, k3 * cy, k3 * z3
        j = 3 * LANES + i
        e[j], x[j], y[j], z[j] = k * x4, k * dx, k * dy, k * dz


@kernel
def apply_matrix_element(
    half_sqrt_s: float,
    references: Floats,
    root: Flat,
    x: Flat,
    y: Flat,
    z: Flat,
    weight: Column,
) -> None:
    """Multiply weights that are not 0 with Σ|A|² over the helicities of the photons."""
    slots = x.size // LANES
    photons = np.empty((slots, 4, GROUP))
    squares = np.empty((1 << slots, GROUP))
    lanes = np.zeros(GROUP, np.int64)
    filled = 0
    for i in range(LANES):
        if weight[i] != 0.0:
            lanes[filled] = i
            filled += 1
        if filled < GROUP and (filled == 0 or i + 1 < LANES):
            continue
        for slot in range(slots):
            for w in range(GROUP):
                j = slot * LANES + lanes[w]
                unit = 1.0 / (half_sqrt_s * root[lanes[w]])
                px, py, pz = unit * x[j], unit * y[j], unit * z[j]
                photons[slot, 0, w] = np.sqrt(px * px + py * py + pz * pz)
                photons[slot, 1, w] = px
                photons[slot, 2, w], photons[slot, 3, w] = py, pz
        helicity_squares(photons, references, squares)
        for w in range(filled):
            weight[lanes[w]] *= squares[:, w].sum()
        filled = 0


@dataclass(frozen=True)
class FourPhoton(Adaptive):
    """Sampler of e⁺e⁻ → γγγγ in a region of phase space; see `Adaptive`.

    With ``extra_energy_cms_min_GeV`` in the phase space, that is the bound of the
    softest photon.
    """

    name: ClassVar[str] = "aaaa"
    slots: ClassVar[int] = 4
    pdg: ClassVar[tuple[int, ...]] = (PHOTON,) * 4
    parents: ClassVar[tuple[int, ...]] = (0,) * 4
    adapted: ClassVar[int] = 7

    @cached_property
    def _mapping(self) -> Flat:
        # (s/4)² times the density, without log2² x_min, which depends on the event
        density = 8.0 * (2.0 * np.pi) ** 5 / (np.log(2.0) ** 2 * self._span**3) / 12.0
        # |M|² without the sum over helicities, in units of (s/4)⁻²
        squared = (4.0 * np.pi * self.alpha) ** 4 / 2.0
        # dσ = |M|² dΦ₄ / (2s · 4!)
        weight = squared / density / (48.0 * self.beams.s_GeV2) * GEV2_PB
        softest = self.phase_space.extra_fraction_min(self.beams)
        return self._soft_and_wide(softest, weight)

    def _generate(
        self, u: Flat, free: Flat, collisions: Collisions
    ) -> tuple[Momenta, Column]:
        momenta, weight = Momenta.empty(4), np.empty(LANES)
        root, three = collisions.root, (momenta.x, momenta.y, momenta.z)
        to_fill = (momenta.e, *three, weight)
        _generate(u, free, root, collisions.rapidity, self._mapping, *to_fill)
        half = self.beams.sqrt_s_GeV / 2.0
        apply_matrix_element(half, _BEAMS, root, *three, weight)
        return momenta, weight
