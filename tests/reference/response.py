"""Energy and angle resolution of the calorimeter, by region and background level.

The numbers are the photon error parametrisation of basf2
(ecl/modules/eclCovarianceMatrix/src/ECLCovarianceMatrixModule.cc):
sigma = A/E + B/sqrt(E) + C/E^(1/4) + D above a cut energy, constant below it, in %
for sigma_E/E and in mrad for both angles.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .beams import Floats, Ints


class Background(IntEnum):
    """Beam-background level."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2


# region (forward, barrel, backward) x quantity (E, theta, phi), each a row of
# A, B, C, D, E cut, value below the cut
_LOW = [
    [
        (-0.0912, 1.918, -2.822, 3.031, 0.022, 4.49),
        (-0.1104, 0.7536, 2.637, -0.607, 0.029, 6.40),
        (-0.3593, 2.018, 7.263, -1.934, 0.039, 15.4),
    ],
    [
        (-0.0473, 1.020, -0.705, 1.771, 0.022, 4.67),
        (-0.2211, 2.199, 1.508, 0.360, 0.031, 9.31),
        (-0.2184, 0.649, 7.190, -3.100, 0.038, 10.8),
    ],
    [
        (-0.1067, 2.382, -4.113, 4.141, 0.022, 4.67),
        (-0.2958, 3.377, -0.284, 1.481, 0.032, 10.4),
        (-0.0534, -1.725, 12.863, -4.212, 0.022, 15.1),
    ],
]
_MEDIUM = [
    [
        (-0.0726, 3.469, -5.441, 4.120, 0.022, 10.1),
        (-0.2073, 2.686, -0.905, 0.961, 0.027, 7.40),
        (-0.1783, 1.392, 6.975, -1.280, 0.022, 18.1),
    ],
    [
        (0.0470, 1.820, -2.137, 2.376, 0.022, 11.2),
        (-0.1266, 1.819, 1.851, 0.301, 0.022, 11.6),
        (-0.1415, 0.488, 7.301, -3.136, 0.022, 12.7),
    ],
    [
        (-0.2044, 6.430, -10.867, 7.041, 0.022, 12.9),
        (-0.2525, 4.188, -2.048, 2.385, 0.022, 13.8),
        (0.0869, -1.934, 12.811, -4.038, 0.022, 20.1),
    ],
]
_HIGH = [
    [
        (-0.2399, 6.950, -10.409, 5.924, 0.022, 14.8),
        (-0.1609, 2.353, -0.108, 0.565, 0.022, 8.84),
        (-0.3446, 3.808, 4.087, -0.465, 0.022, 20.2),
    ],
    [
        (-0.2671, 7.618, -11.034, 5.920, 0.022, 16.5),
        (-0.3166, 4.947, -3.122, 2.303, 0.022, 13.2),
        (-0.3238, 3.609, 2.485, -1.255, 0.025, 14.9),
    ],
    [
        (-0.3162, 11.521, -18.363, 9.894, 0.022, 25.5),
        (-0.4202, 7.089, -5.883, 3.616, 0.022, 17.0),
        (-0.4396, 5.742, 1.767, -0.041, 0.022, 23.3),
    ],
]
PARAMETERS: Floats = np.array([_LOW, _MEDIUM, _HIGH])
_TO_FRACTION_OR_RAD = (1e-2, 1e-3, 1e-3)


def resolution(
    energy: Floats, region: Ints, level: Background
) -> tuple[Floats, Floats, Floats]:
    """Return sigma_E/E, sigma_theta (rad) and sigma_phi (rad).

    Parameters
    ----------
    energy
        Laboratory energy in GeV, above zero.
    region
        0 forward, 1 barrel, 2 backward, same shape as `energy`.
    level
        Beam-background level.
    """
    root = np.sqrt(energy)
    powers = (1 / energy, 1 / root, 1 / np.sqrt(root))
    widths = []
    for quantity, unit in enumerate(_TO_FRACTION_OR_RAD):
        table = PARAMETERS[level, :, quantity]
        a, b, c, d, cut, below = (column.take(region) for column in table.T)
        curve = a * powers[0] + b * powers[1] + c * powers[2] + d
        widths.append(unit * np.where(energy > cut, curve, below))
    return widths[0], widths[1], widths[2]


def novosibirsk(deviation: Floats, tail: float) -> Floats:
    """Return the Novosibirsk function, its factor N left out.

    As basf2 fits it to photon energies (ecl/calibration/src/eclLeakageAlgorithm.cc).

    Parameters
    ----------
    deviation
        (x - peak)/sigma, where sigma is FWHM/2.355.
    tail
        Tail parameter eta above zero; the tail is at low x.
    """
    root = np.sqrt(np.log(4.0))
    t = -np.arcsinh(tail * root) / root
    argument = 1 + t * deviation * np.sinh(t * root) / (t * root)
    logarithm = np.log(np.where(argument > 0, argument, 1.0))
    value = np.exp(-(logarithm**2 / t**2 + t**2) / 2)
    return np.asarray(np.where(argument > 0, value, 0.0))


def novosibirsk_cdf(deviation: Floats, tail: float) -> Floats:
    """Return the integral of the Novosibirsk function up to `deviation`, normalised.

    Trapezia: equal steps near the peak, equal factors in the tail.
    """
    far = -np.geomspace(20.0, 1e7, 200_001)[::-1]
    near = np.linspace(-20.0, 1 / tail, 400_001)[1:]
    grid = np.concatenate([far, near])
    value = novosibirsk(grid, tail)
    steps = np.diff(grid) * (value[1:] + value[:-1]) / 2
    below = np.concatenate([[0.0], np.cumsum(steps)])
    return np.asarray(np.interp(deviation, grid, below / below[-1]))
