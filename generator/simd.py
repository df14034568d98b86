"""Branch-free float32 elementary functions that LLVM turns into SIMD code.

numba calls libm for sin, log or arctan2, and a loop that calls libm does not vectorise.
These are Chebyshev-fitted polynomials in float32, accurate to a few 1e-7 (tested against
numpy); an ECL measures directions to 1e-3 rad. Every constant is a float32: a bare
Python float would silently promote the whole loop to float64.
"""

from __future__ import annotations

from math import sqrt
from typing import Final

import numpy as np

from generator.compiled import device

LANES: Final = 2048
"""Events in a block: its columns stay in the L2 cache.

Kernels loop over exactly this many lanes (a constant trip count vectorises best), so
every column of a block is that long.
"""

f4 = np.float32
i4 = np.int32

TWO_PI: Final = f4(2.0 * np.pi)
TURNS_PER_RAD: Final = f4(0.5 / np.pi)
_0, _H, _1, _2, _4 = f4(0.0), f4(0.5), f4(1.0), f4(2.0), f4(4.0)
_PI, _HALF_PI, _SQRT2, _LN2 = f4(np.pi), f4(np.pi / 2), f4(np.sqrt(2)), f4(np.log(2))
# sin(πr/2)/r and cos(πr/2) as polynomials in r², |r| ≤ 1/2
_S0, _S1, _S2 = f4(1.570796327), f4(-0.6459640961), f4(0.07969258274)
_S3, _S4 = f4(-0.004681266368), f4(0.0001582065256)
_C0, _C1, _C2 = f4(1.0), f4(-1.233700541), f4(0.2536692038)
_C3, _C4 = f4(-0.02086007041), f4(0.000903629884)
# atan(x)/x in x², 0 ≤ x ≤ 1
_A0, _A1, _A2 = f4(0.9999999842), f4(-0.3333306678), f4(0.1999248358)
_A3, _A4, _A5 = f4(-0.1420257051), f4(0.106367541), f4(-0.07495445443)
_A6, _A7, _A8 = f4(0.04258760747), f4(-0.01600503051), f4(0.0028340643)
# log(1 + f)/f, √½ − 1 ≤ f ≤ √2 − 1
_L0, _L1, _L2 = f4(1.0), f4(-0.4999998829), f4(0.3333332402)
_L3, _L4, _L5 = f4(-0.2500158512), f4(0.2000207167), f4(-0.166091265)
_L6, _L7, _L8 = f4(0.1418007872), f4(-0.132408427), f4(0.1291417032)
_L9 = f4(-0.07638592424)
# 2^x, |x| ≤ 1/2
_E1, _E2, _E3 = f4(0.6931472067), f4(0.2402265121), f4(0.05550327214)
_E4, _E5, _E6 = f4(0.009618025603), f4(0.001340043217), f4(0.0001546973198)
_BITS_1, _MANTISSA, _SHIFT = i4(0x3F800000), i4(0x007FFFFF), i4(23)
_BIAS = i4(127)


@device
def sincos_turns(turns: f4) -> tuple[f4, f4]:
    """Return sin and cos of 2π·turns; |turns| up to a few."""
    quadrants = _4 * turns
    nearest = np.floor(quadrants + _H)
    r = quadrants - nearest
    q = i4(nearest)
    t = r * r
    sin = r * (_S0 + t * (_S1 + t * (_S2 + t * (_S3 + t * _S4))))
    cos = _C0 + t * (_C1 + t * (_C2 + t * (_C3 + t * _C4)))
    swapped = (q & i4(1)) != i4(0)
    s = cos if swapped else sin
    c = sin if swapped else cos
    s = -s if (q & i4(2)) != i4(0) else s
    c = -c if ((q + i4(1)) & i4(2)) != i4(0) else c
    return s, c


@device
def sincos(angle: f4) -> tuple[f4, f4]:
    """Return sin and cos of an angle [rad], a few turns at most."""
    return sincos_turns(angle * TURNS_PER_RAD)


@device
def _atan_unit(ratio: f4) -> f4:
    """Return the arctangent of a number in [0, 1]."""
    t = ratio * ratio
    high = _A4 + t * (_A5 + t * (_A6 + t * (_A7 + t * _A8)))
    return ratio * (_A0 + t * (_A1 + t * (_A2 + t * (_A3 + t * high))))


@device
def atan(x: f4) -> f4:
    """Return the arctangent [rad]."""
    ax = abs(x)
    angle = _atan_unit(min(ax, _1) / max(ax, _1))
    angle = _HALF_PI - angle if ax > _1 else angle
    return -angle if x < _0 else angle


@device
def atan2(y: f4, x: f4) -> f4:
    """Return the angle of (x, y) in (−π, π] [rad]."""
    ay, ax = abs(y), abs(x)
    larger = max(ay, ax)
    smaller = min(ay, ax)
    angle = _atan_unit(smaller / (larger if larger > _0 else _1))
    angle = _HALF_PI - angle if ay > ax else angle
    angle = _PI - angle if x < _0 else angle
    return -angle if y < _0 else angle


@device
def azimuth(y: f4, x: f4) -> f4:
    """Return the azimuth of (x, y) in [0, 2π) [rad]."""
    return wrap_azimuth(atan2(y, x))


@device
def wrap_azimuth(angle: f4) -> f4:
    """Bring an angle in [−2π, 4π) to [0, 2π) [rad]."""
    angle = angle + TWO_PI if angle < _0 else angle
    return angle - TWO_PI if angle >= TWO_PI else angle


@device
def log(x: f4) -> f4:
    """Return the natural logarithm of a normal positive number."""
    bits = np.float32(x).view(np.int32)
    mantissa = np.int32((bits & _MANTISSA) | _BITS_1).view(np.float32)
    above = mantissa > _SQRT2
    f = (_H * mantissa if above else mantissa) - _1
    exponent = f4(i4((bits >> _SHIFT) - _BIAS)) + (_1 if above else _0)
    high = _L5 + f * (_L6 + f * (_L7 + f * (_L8 + f * _L9)))
    return exponent * _LN2 + f * (
        _L0 + f * (_L1 + f * (_L2 + f * (_L3 + f * (_L4 + f * high))))
    )


@device
def exp2(x: f4) -> f4:
    """Return 2^x for −126 < x < 127."""
    nearest = np.floor(x + _H)
    r = x - nearest
    poly = _1 + r * (_E1 + r * (_E2 + r * (_E3 + r * (_E4 + r * (_E5 + r * _E6)))))
    return f4(poly * np.int32((i4(nearest) + _BIAS) << _SHIFT).view(np.float32))


@device
def normals(u: f4, v: f4) -> tuple[f4, f4]:
    """Return two standard normal numbers from two uniform ones in (0, 1).

    References
    ----------
    .. [1] G. E. P. Box, M. E. Muller, Ann. Math. Statist. 29 (1958) 610.
    """
    radius = f4(sqrt(-_2 * log(u)))
    sin, cos = sincos_turns(v)
    return radius * cos, radius * sin
