"""Bisection of many independent roots at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_MAX_HALVINGS = 200


def bisect(
    is_below: Callable[[NDArray[np.float64]], NDArray[np.bool_]],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the points where `is_below` turns from true to false.

    Parameters
    ----------
    is_below : callable
        Vectorised test, true below the root and false above it.
    low, high : ndarray
        Brackets of one shape; every row keeps its own.

    Returns
    -------
    ndarray
        Lower ends of the final brackets, a rounding error (relative to the root,
        however small it is) below it; `low` itself where `is_below` is never true.
    """
    for _ in range(_MAX_HALVINGS):
        middle = 0.5 * (low + high)
        below = is_below(middle)
        low, high = np.where(below, middle, low), np.where(below, high, middle)
        if np.all(high - low <= 2.0 * np.spacing(high)):
            break
    return low
