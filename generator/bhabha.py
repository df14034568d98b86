"""Sampler of e⁺e⁻ → e⁺e⁻γ at tree level: a photon and two electrons as clusters.

The electron mass is neglected, to the order of mₑ²/(E²θ²), 1e-4 at 1 GeV and 3 deg: all
three keep away from the beams (by the phase space) and from each other (by
`RadiativeBhabha.min_opening_deg`).

Five channels share the events; the weight divides |M|² by the sum of their densities, so
the shares matter for its variance only. With x = 2E*/√ŝ and v = 1 − cosθ they are

    0, 1  photon dx/x and flat in rapidity; electron (0) or positron (1) as in the
          t-channel, dv/v² around its own beam
    2, 3  the same with the photon dv/v around the electron (2) or positron (3)
    4     γ* → e⁺e⁻: pair mass squared dm²/m², isotropic decay, photon flat in rapidity.

In 0 to 3 the masslessness of the third particle fixes the energy of the second.
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
from generator.pdg import ELECTRON, PHOTON, POSITRON
from generator.qed import radiative_bhabha_constant, radiative_bhabha_shape
from generator.running import alpha_ratio
from generator.simd import LANES

if TYPE_CHECKING:
    from generator.columns import Column
    from generator.initial_state import Collisions

SHARES: Final = (0.10, 0.14, 0.38, 0.33, 0.05)
"""Share of the events in each channel, near the least Σw² of 17 to 150 deg."""

Vector = tuple[float, float, float]
Ranges = tuple[float, float, float, float]
"""(x_min, η low, η high, v_min) as seen from the hard frame."""

_TWO_PI: Final = 2.0 * np.pi
_SHARE_0, _SHARE_1, _SHARE_2, _SHARE_3, _SHARE_4 = SHARES
_END_0, _END_1, _END_2, _END_3 = (float(end) for end in np.cumsum(SHARES)[:4])
_shape = device(radiative_bhabha_shape)


@device
def _about(cos: float, phi: float, along: float, across: float, turn: float) -> Vector:
    """Return the vector with components along and across the direction (θ, φ)."""
    sin = np.sqrt(max(1.0 - cos * cos, 0.0))
    sin_phi, cos_phi = np.sin(phi), np.cos(phi)
    to_theta, to_phi = across * np.cos(turn), across * np.sin(turn)
    radial = along * sin + to_theta * cos
    x = radial * cos_phi - to_phi * sin_phi
    y = radial * sin_phi + to_phi * cos_phi
    return x, y, along * cos - to_theta * sin


@device
def _lightest(asymmetry: float, x_min: float, v_min: float) -> float:
    """Return a lower bound on m²/ŝ = x₂x₃v/2 of a pair that decays at cosθ* given."""
    product = max(1.0 - asymmetry * asymmetry, 4.0 * x_min * (1.0 - x_min))
    return product * v_min / 8.0


@device
def _from_lepton(
    positive: bool, around: bool, u: Flat, i: int, azimuth: float, ranges: Ranges
) -> tuple[float, Vector, float, Vector]:
    """Return x and momentum of the photon and of one lepton, channels 0 to 3."""
    x_min, low, high, v_min = ranges
    x1 = x_min ** (1.0 - u[i])
    # 1/(1 ∓ cosθ) = (1 + e^{±2η})/2 is uniform
    sign = -1.0 if positive else 1.0
    first, last = np.exp(2.0 * sign * low), np.exp(2.0 * sign * high)
    t = first + (last - first) * u[2 * LANES + i]
    cos, phi = sign * (t - 1.0) / (t + 1.0), _TWO_PI * azimuth
    turn = _TWO_PI * u[4 * LANES + i]
    if around:
        v = v_min * (2.0 / v_min) ** u[3 * LANES + i]
        k = _about(cos, phi, 1.0 - v, np.sqrt(v * (2.0 - v)), turn)
    else:
        eta = low + (high - low) * u[3 * LANES + i]
        k = _about(np.tanh(eta), phi + turn, 1.0, 0.0, 0.0)
    q = _about(cos, phi, 1.0, 0.0, 0.0)
    v = 1.0 - (k[0] * q[0] + k[1] * q[1] + k[2] * q[2])
    x2 = (1.0 - x1) / (1.0 - 0.5 * x1 * v)
    photon = (x1 * k[0], x1 * k[1], x1 * k[2])
    return x1, photon, x2, (x2 * q[0], x2 * q[1], x2 * q[2])


@device
def _from_pair(
    u: Flat, i: int, azimuth: float, ranges: Ranges
) -> tuple[float, Vector, float, Vector]:
    """Return x and momentum of the photon and of the electron, channel 4."""
    x_min, low, high, v_min = ranges
    asymmetry = 2.0 * u[2 * LANES + i] - 1.0
    mass2 = _lightest(asymmetry, x_min, v_min) ** u[i]
    x1 = 1.0 - mass2
    cos = np.tanh(low + (high - low) * u[3 * LANES + i])
    phi = _TWO_PI * azimuth
    # the decay in the frame of the pair, boosted against the photon
    across = np.sqrt(mass2 * (1.0 - asymmetry * asymmetry))
    along = 0.5 * (x1 + (1.0 + mass2) * asymmetry)
    electron = _about(cos, phi, -along, across, _TWO_PI * u[4 * LANES + i])
    x2 = 0.5 * (1.0 + mass2 + x1 * asymmetry)
    return x1, _about(cos, phi, x1, 0.0, 0.0), x2, electron


@device
def _event(
    u: Flat, i: int, azimuth: float, ranges: Ranges
) -> tuple[float, Vector, float, Vector, float, Vector]:
    """Return x and momentum [√ŝ/2] of photon, electron and positron."""
    channel = u[LANES + i]
    positive = (_END_0 < channel <= _END_1) or (_END_2 < channel <= _END_3)
    if channel <= _END_3:
        x1, k, x, q = _from_lepton(positive, channel > _END_1, u, i, azimuth, ranges)
    else:
        x1, k, x, q = _from_pair(u, i, azimuth, ranges)
    other = 2.0 - x1 - x
    r = (-k[0] - q[0], -k[1] - q[1], -k[2] - q[2])
    if positive:
        return x1, k, other, r, x, q
    return x1, k, x, q, other, r


@device
def _density(
    x1: float, x2: float, x3: float, pole1: float, d2: float, u3: float, ranges: Ranges
) -> float:
    """Return the density in phase space × ŝ/512π³, over all channels.

    ``pole1`` is x₁² sin²θ₁. With D = 1 − x₁(1 − cosθ₁ℓ)/2 and D·x_ℓ = 1 − x₁

        dΦ₃ = ŝ x₁x_ℓ/(64 (2π)⁵ D) dx₁ dΩ₁ dΩ_ℓ
            = ŝ x₁/128π³ dy dΩ₁/4π dΩ*/4π for the pair of mass squared y·ŝ.
    """
    x_min, low, high, v_min = ranges
    y1, y2, y3 = 1.0 - x1, 1.0 - x2, 1.0 - x3
    t_low, t_high = np.exp(2.0 * low), np.exp(2.0 * high)
    electron = 1.0 / ((t_high - t_low) * d2 * d2)
    positron = 1.0 / ((1.0 / t_low - 1.0 / t_high) * u3 * u3)
    beam = 1.0 / ((high - low) * pole1)
    wide = 2.0 * beam * (_SHARE_0 * electron + _SHARE_1 * positron)
    narrow = _SHARE_2 * electron * x2 / y3 + _SHARE_3 * positron * x3 / y2
    narrow /= np.log(2.0 / v_min) * x1
    bound = _lightest((x2 - x3) / x1, x_min, v_min)
    pair = 0.5 * _SHARE_4 * beam * x1 / (-np.log(bound) * y1)
    return float((wide + narrow) * y1 / -np.log(x_min) + pair)


@kernel
def _generate(
    u: Flat,
    free: Flat,
    root: Flat,
    rapidity: Flat,
    cosh: Flat,
    sinh: Flat,
    mapping: Column,
    e: Flat,
    x: Flat,
    y: Flat,
    z: Flat,
    virtuality: Column,
    weight: Column,
) -> None:
    """Fill a block; ``mapping`` = (√s/2, x_min, η low, η high, v_min, weight).

    Weights are 0 where two particles are too close. ``virtuality`` is √(tt′) [GeV²].
    """
    v_cut = mapping[4]
    for i in range(LANES):
        # the phase space and the least opening angle, as seen from the hard frame
        lean, half = np.float64(rapidity[i]), mapping[0] * root[i]
        soft = np.exp(-abs(lean))
        x_min = min(mapping[1] * soft / root[i], 0.999)
        ranges = (x_min, mapping[2] - lean, mapping[3] - lean, v_cut * soft * soft)
        x1, p1, x2, p2, x3, p3 = _event(u, i, free[i], ranges)
        y1, y2, y3 = 1.0 - x1, 1.0 - x2, 1.0 - x3
        d1, d2, d3 = x1 - p1[2], x2 - p2[2], x3 - p3[2]
        u1, u2, u3 = x1 + p1[2], x2 + p2[2], x3 + p3[2]
        # energies in the nominal CM frame; the product of two momenta is 2y
        e1 = cosh[i] * x1 + sinh[i] * p1[2]
        e2 = cosh[i] * x2 + sinh[i] * p2[2]
        e3 = cosh[i] * x3 + sinh[i] * p3[2]
        closest = min(y1 / (e2 * e3), y2 / (e1 * e3), y3 / (e1 * e2))
        matrix = _shape(d1, u1, y1, d2, u2, y2, d3, u3, y3)
        ratio = matrix / _density(x1, x2, x3, d1 * u1, d2, u3, ranges)
        weight[i] = mapping[5] / (half * half) * ratio if 2.0 * closest > v_cut else 0.0
        virtuality[i] = 2.0 * half * half * np.sqrt(max(d2 * u3, 0.0))
        e[i], x[i], y[i], z[i] = half * x1, half * p1[0], half * p1[1], half * p1[2]
        j = LANES + i
        e[j], x[j], y[j], z[j] = half * x2, half * p2[0], half * p2[1], half * p2[2]
        j = 2 * LANES + i
        e[j], x[j], y[j], z[j] = half * x3, half * p3[0], half * p3[1], half * p3[2]


@dataclass(frozen=True, kw_only=True)
class RadiativeBhabha(Adaptive):
    """Sampler of e⁺e⁻ → e⁺e⁻γ where both tracks are lost.

    Every electron inside the phase space is inside the tracking volume, and each track
    is lost on its own: weights are cross section × ``track_loss``².

    Parameters
    ----------
    phase_space, beams, alpha, initial, refined
        See `Adaptive`; photon and electrons share the phase space.
    track_loss : float
        Chance that the track of an electron is not found.
    min_opening_deg : float
        Smallest angle between any two of the three in the CM frame [deg]: closer ones
        are one cluster, and without electron mass the cross section diverges for a
        photon along an electron as for a pair e⁺e⁻ of no mass.
    running_alpha : bool
        Whether vacuum polarisation dresses the exchanged photon: |M|² × (α(q²)/α)² at
        q² = −√(tt′), the t-channel's. A leading approximation: the s-channel, a small
        part of the cross section, has its own q².

    Raises
    ------
    ValueError
        If a beam line is inside the phase space, or a number is out of its range.
    """

    track_loss: float = 0.01
    min_opening_deg: float = 3.0
    running_alpha: bool = False

    name: ClassVar[str] = "eea"
    slots: ClassVar[int] = 3
    pdg: ClassVar[tuple[int, ...]] = (PHOTON, ELECTRON, POSITRON)
    parents: ClassVar[tuple[int, ...]] = (0,) * 3
    adapted: ClassVar[int] = 5

    def __post_init__(self) -> None:
        """Refuse divergent cross sections and chances that are none."""
        super().__post_init__()
        if not 0.0 <= self.track_loss <= 1.0:
            msg = f"track_loss = {self.track_loss:g}: need a probability, 0 to 1"
            raise ValueError(msg)
        if not 0.0 < self.min_opening_deg < 120.0:
            msg = (
                f"min_opening_deg = {self.min_opening_deg:g}: need a number in (0, 120)"
            )
            raise ValueError(msg)

    @cached_property
    def _mapping(self) -> Column:
        s, space = self.beams.s_GeV2, self.phase_space
        # dσ = |M|² dΦ₃/(2ŝ) over the density 512π³/ŝ · `_density`; half² is ŝ/4
        squared = s * radiative_bhabha_constant(s, alpha=self.alpha)
        weight = squared / (2.0 * 512.0 * np.pi**3) / 4.0 * GEV2_PB * self.track_loss**2
        opening = 1.0 - np.cos(np.radians(self.min_opening_deg))
        half, x_min = self.beams.sqrt_s_GeV / 2.0, space.fraction_min(self.beams)
        numbers = [half, x_min, *space.rapidities_cms(self.beams), opening, weight]
        return np.array(numbers)

    def _generate(
        self, u: Flat, free: Flat, collisions: Collisions
    ) -> tuple[Momenta, Column]:
        momenta, (weight, virtuality) = Momenta.empty(3), np.empty((2, LANES))
        moved = (collisions.root, collisions.rapidity, collisions.cosh, collisions.sinh)
        _generate(u, free, *moved, self._mapping, *momenta.columns, virtuality, weight)
        if self.running_alpha:
            weight *= alpha_ratio(-virtuality) ** 2
        return momenta, weight
