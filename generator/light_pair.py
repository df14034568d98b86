"""Sampler of e⁺e⁻ → γγγ aimed at the mass of the lightest pair.

Windows of light ALPs hold a few events in a thousand. Here the recoil photon is photon 0,
the lightest pair is made of photons 1 and 2, and its mass is drawn first, even in
ln(m² + m₀²) between two bounds. Then follow the recoil photon's rapidity, with a density
that grows towards the beams as |M|² does, and the decay of the pair, with the soft poles
of both photons mapped out: with x = (a ± b·cosθ)/2

    g(cosθ) ∝ 1/(a + b cosθ)² + 1/(a − b cosθ)²

Ranges of masses that touch add up to the whole process.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Final

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

KNEE_GEV: Final = 0.05
"""m₀: the density is flat in m² below, where no detector tells masses apart."""
STEEPNESS: Final = f4(1.6)
"""Rapidities are drawn from cosh(κη), near the cosh²η of |M|² sin²θ."""
_0, _H, _1, _2 = f4(0), f4(0.5), f4(1), f4(2)
_LOG2E = f4(np.log2(np.e))
_TINY = f4(1e-9)
_shape = device(three_photon_shape)


@device
def _sinh(x: f4) -> f4:
    grow = exp2(_LOG2E * x)
    return _H * (grow - _1 / grow)


@kernel
def _generate(
    u: Flat,
    free: Flat,
    root: Flat,
    rapidity: Flat,
    mapping: Flat,
    e: Flat,
    x: Flat,
    y: Flat,
    z: Flat,
    weight: Column,
) -> None:
    """Fill a block; ``mapping`` = (√s/2, x_min, weight, η low, high, m² + m₀² low, log2
    of high over low, m₀², largest cosθ), masses in units of s.
    """  # noqa: D205
    half_sqrt_s, x_least, constant = mapping[0], mapping[1], mapping[2]
    eta_low, eta_high = mapping[3], mapping[4]
    m2_low, octaves, knee, most = mapping[5], mapping[6], mapping[7], mapping[8]
    for i in range(LANES):
        s_hat = root[i] * root[i]
        lifted = m2_low * exp2(octaves * free[LANES + i])
        mu = min((lifted - knee) / s_hat, f4(0.999))
        a, b = _1 + mu, _1 - mu
        # the recoil photon, in the range seen from the hard frame
        low = _sinh(STEEPNESS * (eta_low - rapidity[i]))
        span = _sinh(STEEPNESS * (eta_high - rapidity[i])) - low
        v = low + span * u[i]
        slope = np.sqrt(v * v + _1)
        grow = exp2(log(abs(v) + slope) / STEEPNESS * _LOG2E)
        cos0 = (grow - _1 / grow) / (grow + _1 / grow)
        cos0 = -cos0 if v < _0 else cos0
        sin0 = _2 / (grow + _1 / grow)
        # the decay of the pair, in its frame, as far as both photons are hard enough
        x_min = x_least * exp2(-_LOG2E * abs(rapidity[i])) / root[i]
        c_max = max(min(most, (a - _2 * x_min) / b), f4(1e-3))
        rest = a * a - b * b * c_max * c_max
        v_max = _2 * b * c_max / rest
        q = v_max * (_2 * u[LANES + i] - _1)
        bc = q * a * a / (np.sqrt(_1 + q * q * a * a) + _1)
        cos_d = bc / b
        sin_d = np.sqrt(max(_1 - cos_d * cos_d, _0))
        plus, minus = _1 / (a + bc), _1 / (a - bc)
        peaks = plus * plus + minus * minus
        sin_t, cos_t = sincos_turns(u[2 * LANES + i])
        sin_p, cos_p = sincos_turns(free[i])
        transverse = np.sqrt(mu) * sin_d
        along_theta, along_phi = transverse * cos_t, transverse * sin_t
        nx, ny, nz = sin0 * cos_p, sin0 * sin_p, cos0
        tx = along_theta * cos0 * cos_p - along_phi * sin_p
        ty = along_theta * cos0 * sin_p + along_phi * cos_p
        tz = -along_theta * sin0
        x0, x1, x2 = b, _H * (a + bc), _H * (a - bc)
        l1, l2 = -_H * (b + a * cos_d), -_H * (b - a * cos_d)
        x_1, y_1, z_1 = l1 * nx + tx, l1 * ny + ty, l1 * nz + tz
        x_2, y_2, z_2 = l2 * nx - tx, l2 * ny - ty, l2 * nz - tz
        matrix = _shape(
            b * (_1 - nz), b * (_1 + nz),
            max(x1 - z_1, _TINY), max(x1 + z_1, _TINY),
            max(x2 - z_2, _TINY), max(x2 + z_2, _TINY),
        )  # fmt: skip
        # m²₀₁ = ŝ(1 − x₂): the pair is the lightest if photon 0 is the hardest
        lightest = np.int32(b >= x1) & np.int32(b >= x2)
        # dΦ₃ ∝ dm² (1 − μ) dcosθ₀ dcosθ_d: their densities, one by one
        jacobian = lifted * octaves * b / s_hat
        jacobian *= sin0 * sin0 * span / (STEEPNESS * slope)
        jacobian *= _2 * v_max / (b * peaks)
        found = constant * matrix * jacobian / s_hat
        weight[i] = found if lightest != np.int32(0) else _0
        k = half_sqrt_s * root[i]
        e[i], x[i], y[i], z[i] = k * x0, k * b * nx, k * b * ny, k * b * nz
        j = LANES + i
        e[j], x[j], y[j], z[j] = k * x1, k * x_1, k * y_1, k * z_1
        j = 2 * LANES + i
        e[j], x[j], y[j], z[j] = k * x2, k * x_2, k * y_2, k * z_2


@dataclass(frozen=True, kw_only=True)
class LightPair(Adaptive):
    """Sampler of e⁺e⁻ → γγγ with the lightest pair in a range of masses.

    Parameters
    ----------
    pair_mass_GeV : tuple of two floats
        Range of the mass of the lightest pair [GeV].
    helicity_max : float
        Largest cos of that pair's helicity angle (absolute value, in the frame of the
        hard process): a selection that cuts on it needs no more, with room for the
        resolution. 1 leaves it free.
    phase_space, beams, alpha, initial, refined
        See `Adaptive`.

    Raises
    ------
    ValueError
        If the range of masses is empty or above √s, the helicity is not in (0, 1], or a
        beam line is inside the phase space.
    """

    pair_mass_GeV: tuple[float, float]
    helicity_max: float = 1.0

    name: ClassVar[str] = "aaa"
    slots: ClassVar[int] = 3
    pdg: ClassVar[tuple[int, ...]] = (PHOTON,) * 3
    parents: ClassVar[tuple[int, ...]] = (0,) * 3
    adapted: ClassVar[int] = 3
    free: ClassVar[int] = 2
    hard_share: ClassVar[float] = 0.5
    """dσ/dm² ∝ 1/ŝ² at a given mass: collisions at low ŝ make a tenth of the light
    pairs, with large weights if they are drawn rarely."""

    def __post_init__(self) -> None:
        """Refuse ranges that hold nothing."""
        super().__post_init__()
        low, high = self.pair_mass_GeV
        if not 0.0 <= low < high <= self.beams.sqrt_s_GeV:
            msg = (
                f"pair_mass_GeV = {self.pair_mass_GeV}: need 0 <= low < high <= "
                f"sqrt(s) = {self.beams.sqrt_s_GeV:.4g} GeV"
            )
            raise ValueError(msg)
        if not 0.0 < self.helicity_max <= 1.0:
            msg = f"helicity_max = {self.helicity_max:g}: need a number in (0, 1]"
            raise ValueError(msg)

    @cached_property
    def _mapping(self) -> Flat:
        s = self.beams.s_GeV2
        low, high = self.phase_space.rapidities_cms(self.beams)
        knee = KNEE_GEV**2 / s
        m2_low, m2_high = (mass**2 / s + knee for mass in self.pair_mass_GeV)
        octaves = np.log2(m2_high / m2_low)
        # dΦ₃ = dm²/2π · (1 − μ)/8π dΩ₀/4π · 1/8π dΩ_d/4π, both azimuths integrated, and
        # three choices of the recoil photon
        squared = three_photon_constant(s, alpha=self.alpha)
        volume = s * np.log(2.0) / (2.0 * np.pi) / (8.0 * np.pi) ** 2 / 4.0
        weight = 3.0 * squared * volume / (2.0 * s * 6.0) * GEV2_PB
        numbers = [
            self.beams.sqrt_s_GeV / 2.0,
            self.phase_space.fraction_min(self.beams),
            weight,
            low,
            high,
            m2_low,
            octaves,
            knee,
            self.helicity_max,
        ]
        return np.array(numbers, dtype=np.float32)

    def _generate(
        self, u: Flat, free: Flat, collisions: Collisions
    ) -> tuple[Momenta, Column]:
        momenta, weight = Momenta.empty(3), np.empty(LANES)
        frame = (collisions.root, collisions.rapidity)
        _generate(u, free, *frame, self._mapping, *momenta.columns, weight)
        return momenta, weight
