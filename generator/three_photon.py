"""Sampler of e⁺e⁻ → γγγ at tree level, with soft and collinear poles mapped out.

Photon 1 is drawn with dE/E and flat in rapidity, photon 2 flat in rapidity, both flat in
azimuth; the masslessness of photon 3 fixes E₂. The weight divides |M|² by the density
averaged over all six assignments of (1, 2) to the three photons, which is allowed since
the process is symmetric. With x = 2E*/√s and P = Π xᵢ² sin²θᵢ

    |M|²    = (16 e⁶/s) · 2 Σ xᵢ⁴ sin²θᵢ (1 + cos²θᵢ) / P
    density = C/6 · Σ xᵢ³ sin²θᵢ / P,   C = 512 π³ / (s ln(1/x_min) Δη²)

so every pole cancels and the weight varies by little more than a factor two. The range
of rapidities sways with the azimuth as lab cones do, Δη = Δη₀(1 + κ cosφ).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from generator.adaptive import Adaptive
from generator.compiled import device, kernel
from generator.constants import GEV2_PB
from generator.frames import Flat, Momenta
from generator.pdg import PHOTON
from generator.qed import three_photon_constant, three_photon_shape
from generator.simd import LANES, exp2, f4, log, sincos_turns

if TYPE_CHECKING:
    from generator.columns import Column
    from generator.initial_state import Collisions

_0, _H, _1, _2 = f4(0), f4(0.5), f4(1), f4(2)
_LOG2E = f4(np.log2(np.e))
_TINY = f4(1e-9)
_shape = device(three_photon_shape)


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
    and is span·(1 + sway·cosφ) wide.
    """
    half_sqrt_s, octaves_min, constant = mapping[0], mapping[1], mapping[2]
    eta_low, eta_span, sway_low, sway = mapping[3], mapping[4], mapping[5], mapping[6]
    for i in range(LANES):
        # the softest photon and the angles, as seen from the hard frame
        lean = rapidity[i] * _LOG2E
        log2_min = min(octaves_min - abs(lean) - _LOG2E * log(root[i]), _0)
        eta_from = eta_low - _2 * lean
        x1 = exp2(log2_min * (_1 - u[i]))
        turn = azimuth[i]
        sin_phi1, cos_phi1 = sincos_turns(turn)
        sin_phi2, cos_phi2 = sincos_turns(turn + u[3 * LANES + i])
        w1, w2 = _1 + sway * cos_phi1, _1 + sway * cos_phi2
        t1 = exp2(eta_from + sway_low * cos_phi1 + eta_span * w1 * u[LANES + i])
        t2 = exp2(eta_from + sway_low * cos_phi2 + eta_span * w2 * u[2 * LANES + i])
        # t = e^{2η}: cosθ = (t − 1)/(t + 1), sin²θ = 4t/(t + 1)²
        r1, r2 = _1 / (t1 + _1), _1 / (t2 + _1)
        z1, z2 = (t1 - _1) * r1, (t2 - _1) * r2
        s1, s2 = _2 * np.sqrt(t1) * r1, _2 * np.sqrt(t2) * r2
        ax, ay, bx, by = s1 * cos_phi1, s1 * sin_phi1, s2 * cos_phi2, s2 * sin_phi2
        cos12 = ax * bx + ay * by + z1 * z2
        x2 = (_1 - x1) / (_1 - _H * x1 * (_1 - cos12))
        x3 = _2 - x1 - x2
        cx, cy, cz = -x1 * ax - x2 * bx, -x1 * ay - x2 * by, -x1 * z1 - x2 * z2
        d1, u1 = x1 * (_1 - z1), x1 * (_1 + z1)
        d2, u2 = x2 * (_1 - z2), x2 * (_1 + z2)
        d3, u3 = x3 - cz, max(x3 + cz, _TINY)
        p1, p2, p3 = d1 * u1, d2 * u2, max(d3 * u3, _TINY)
        w3 = _1 + sway * cx / np.sqrt(max(cx * cx + cy * cy, _TINY))
        roles = x1 * p1 * w1 + x2 * p2 * w2 + x3 * p3 * w3
        density = roles / (p1 * p2 * p3 * w1 * w2 * w3)
        matrix = _shape(d1, u1, d2, u2, d3, u3)
        weight[i] = -log2_min * constant / (root[i] * root[i]) * matrix / density
        k = half_sqrt_s * root[i]
        k1, k2 = k * x1, k * x2
        e[i], x[i], y[i], z[i] = k1, k1 * ax, k1 * ay, k1 * z1
        j = LANES + i
        e[j], x[j], y[j], z[j] = k2, k2 * bx, k2 * by, k2 * z2
        j = 2 * LANES + i
        e[j], x[j], y[j], z[j] = k * x3, k * cx, k * cy, k * cz


@dataclass(frozen=True)
class ThreePhoton(Adaptive):
    """Sampler of e⁺e⁻ → γγγ in a region of phase space; see `Adaptive`."""

    name: ClassVar[str] = "aaa"
    slots: ClassVar[int] = 3
    pdg: ClassVar[tuple[int, ...]] = (PHOTON,) * 3
    parents: ClassVar[tuple[int, ...]] = (0,) * 3
    adapted: ClassVar[int] = 4

    @cached_property
    def _mapping(self) -> Flat:
        s = self.beams.s_GeV2
        # the density without 1/log2(1/x_min), which depends on the event
        c = 512.0 * np.pi**3 / (s * np.log(2.0) * self._span**2)
        squared = three_photon_constant(s, alpha=self.alpha)
        # dσ = |M|² dΦ₃ / (2s · 3!), over the density C/6 · Σ x³ sin²θ / P
        weight = squared / (2.0 * s * 6.0) / (c / 6.0) * GEV2_PB
        return self._soft_and_wide(self.phase_space.fraction_min(self.beams), weight)

    def _generate(
        self, u: Flat, free: Flat, collisions: Collisions
    ) -> tuple[Momenta, Column]:
        momenta, weight = Momenta.empty(3), np.empty(LANES)
        frame = (collisions.root, collisions.rapidity)
        _generate(u, free, *frame, self._mapping, *momenta.columns, weight)
        return momenta, weight
