"""Sampler of e⁺e⁻ → γγγ at tree level, with soft and collinear poles mapped out.

Photon 1 is drawn with dE/E and flat in rapidity, photon 2 flat in rapidity, both flat in
azimuth; the masslessness of photon 3 fixes E₂. The weight divides |M|² by the density
averaged over all six assignments of (1, 2) to the three photons, which is allowed since
the process is symmetric. With x = 2E*/√s and P = Π xᵢ² sin²θᵢ

    |M|²    = (16 e⁶/s) · 2 Σ xᵢ⁴ sin²θᵢ (1 + cos²θᵢ) / P
    density = C/6 · Σ xᵢ³ sin²θᵢ / P,   C = 512 π³ / (s ln(1/x_min) Δη²)

so every pole cancels and the weight varies by little more than a factor two.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from generator.beams import Beams
from generator.columns import Column, Photons, empty
from generator.compiled import device, kernel
from generator.constants import ALPHA_0, GEV2_PB
from generator.frames import Boost, lab_direction
from generator.phase_space import PhaseSpace
from generator.qed import three_photon_constant, three_photon_shape
from generator.random import LaneState, draw, load, store
from generator.simd import LANES, exp2, f4, sincos_turns

if TYPE_CHECKING:
    from numpy.typing import NDArray

_0, _H, _1, _2 = f4(0), f4(0.5), f4(1), f4(2)
_shape = device(three_photon_shape)


@device
def _accept(
    bounds: NDArray[np.float32], half_sqrt_s: f4, x: f4, energy: f4, theta: f4
) -> np.int32:
    return (
        np.int32(theta > bounds[0])
        & np.int32(theta < bounds[1])
        & np.int32(x * half_sqrt_s > bounds[2])
        & np.int32(energy > bounds[3])
    )


@kernel
def _generate(
    state: LaneState,
    mapping: NDArray[np.float32],
    bounds: NDArray[np.float32],
    boost: Boost,
    energy: Column,
    theta: Column,
    phi: Column,
    weight: Column,
) -> None:
    """Fill a block; ``mapping`` = (√s/2, x_min, log2 1/x_min, η·2/ln 2 low, span, w)."""
    half_sqrt_s, x_min, octaves = mapping[0], mapping[1], mapping[2]
    eta_low, eta_span, constant = mapping[3], mapping[4], mapping[5]
    for i in range(LANES):
        words = load(state, i)
        u, words = draw(words)
        x1 = x_min * exp2(octaves * u)
        u, words = draw(words)
        t1 = exp2(eta_low + eta_span * u)
        u, words = draw(words)
        t2 = exp2(eta_low + eta_span * u)
        u, words = draw(words)
        sin_phi1, cos_phi1 = sincos_turns(u)
        u, words = draw(words)
        sin_phi2, cos_phi2 = sincos_turns(u)
        store(state, i, words)
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
        d3, u3 = x3 - cz, x3 + cz
        p1, p2, p3 = d1 * u1, d2 * u2, max(d3 * u3, f4(1e-9))
        density = (x1 * p1 + x2 * p2 + x3 * p3) / (p1 * p2 * p3)
        k1, k2, k3 = half_sqrt_s * x1, half_sqrt_s * x2, half_sqrt_s
        e1, theta1, phi1 = lab_direction(boost, k1, k1 * ax, k1 * ay, k1 * z1)
        e2, theta2, phi2 = lab_direction(boost, k2, k2 * bx, k2 * by, k2 * z2)
        e3, theta3, phi3 = lab_direction(boost, k3 * x3, k3 * cx, k3 * cy, k3 * cz)
        keep = _accept(bounds, half_sqrt_s, x1, e1, theta1)
        keep &= _accept(bounds, half_sqrt_s, x2, e2, theta2)
        keep &= _accept(bounds, half_sqrt_s, x3, e3, theta3)
        matrix = _shape(d1, u1, d2, u2, d3, max(u3, f4(1e-9)))
        weight[i] = constant * matrix / density if keep != np.int32(0) else _0
        energy[i], theta[i], phi[i] = e1, theta1, phi1
        energy[LANES + i], theta[LANES + i], phi[LANES + i] = e2, theta2, phi2
        j = 2 * LANES + i
        energy[j], theta[j], phi[j] = e3, theta3, phi3


@dataclass(frozen=True)
class ThreePhoton:
    """Sampler of e⁺e⁻ → γγγ in a region of phase space.

    Parameters
    ----------
    phase_space : PhaseSpace
        What all three photons fulfil; outside it the weight is 0.
    beams : Beams
        Beam energies and crossing angle.
    alpha : float
        Fine-structure constant.

    Raises
    ------
    ValueError
        If a beam line is inside the phase space.
    """

    phase_space: PhaseSpace = field(default_factory=PhaseSpace)
    beams: Beams = field(default_factory=Beams)
    alpha: float = ALPHA_0

    name: ClassVar[str] = "aaa"
    slots: ClassVar[int] = 3

    def __post_init__(self) -> None:
        """Refuse a phase space of divergent cross section."""
        self.phase_space.rapidities_cms(self.beams)

    @cached_property
    def _mapping(self) -> NDArray[np.float32]:
        s = self.beams.s_GeV2
        x_min = self.phase_space.fraction_min(self.beams)
        low, high = self.phase_space.rapidities_cms(self.beams)
        span = high - low
        c = 512.0 * np.pi**3 / (s * np.log(1.0 / x_min) * span**2)
        squared = three_photon_constant(s, alpha=self.alpha)
        # dσ = |M|² dΦ₃ / (2s · 3!), over the density C/6 · Σ x³ sin²θ / P
        weight = squared / (2.0 * s * 6.0) / (c / 6.0) * GEV2_PB
        octaves = 2.0 / np.log(2.0)
        return np.array(
            [
                self.beams.sqrt_s_GeV / 2.0,
                x_min,
                np.log2(1.0 / x_min),
                low * octaves,
                span * octaves,
                weight,
            ],
            dtype=np.float32,
        )

    @cached_property
    def _bounds(self) -> NDArray[np.float32]:
        return self.phase_space.as_kernel()

    def block(self, state: LaneState, n_events: int, scale: float) -> Photons:
        """Return a block of ``n_events``; weights are cross section × ``scale``.

        Parameters
        ----------
        state : LaneState
            Generator lanes, advanced in place.
        n_events : int
            Lanes to use, at most LANES.
        scale : float
            1 / (events in the whole sample).
        """
        energy, theta, phi = (empty(3) for _ in range(3))
        weight = np.empty(LANES)
        columns = energy.reshape(-1), theta.reshape(-1), phi.reshape(-1)
        bounds, boost = self._bounds, self.beams.kernel_to_lab
        _generate(state, self._mapping, bounds, boost, *columns, weight)
        weight *= scale
        weight[n_events:] = 0.0
        return Photons(energy, theta, phi, weight, n_events, n_prompt=3)
