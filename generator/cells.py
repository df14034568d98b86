"""Adaptive cells: boxes of the unit hypercube, visited as often as their weights ask.

A binary tree of boxes is grown on a pilot sample: whichever box gains most is split where
and along which direction it gains most. For the boxes c of volume V the smallest
Σw² that a sample of given size can have is reached when box c is visited with

    p_c ∝ √(V_c ∫_c w² du),

and a split is worth √(VS) − √(V₁S₁) − √(V₂S₂), with S the integral of w² over a box.

References
----------
.. [1] G. P. Lepage, J. Comput. Phys. 27 (1978) 192, eq. 10 (the optimal p).
.. [2] S. Jadach, Comput. Phys. Commun. 130 (2000) 244 (cells instead of a grid).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from generator.compiled import kernel
from generator.random import LaneState, lanes
from generator.simd import LANES, f4, i4
from generator.units import uniform

if TYPE_CHECKING:
    from collections.abc import Callable

    from generator.columns import Column

Flat = NDArray[np.float32]
PILOT_BLOCKS: Final = 256
_PILOT_SEED: Final = 20171709
N_BOXES: Final = 512
N_ROWS: Final = 4096
_CUTS: Final = 8
"""A box may be split at every eighth of its width."""
_FEWEST: Final = 200
"""Pilot points that a box must be able to hold: fewer do not show what is in it."""
_EVERYWHERE: Final = 0.02
"""Share of the events spread evenly: no box is without, whatever the pilot saw."""


@kernel
def _best_split(
    u: Flat,
    squares: NDArray[np.float64],
    order: NDArray[np.int64],
    first: int,
    last: int,
    low: NDArray[np.float64],
    width: NDArray[np.float64],
    volume: float,
    sums: NDArray[np.float64],
    best: NDArray[np.float64],
) -> None:
    """Find the split of a box that gains most; ``best`` = (gain, direction, cut)."""
    n_points, n_dims = squares.size, low.size
    best[:] = 0.0
    for k in range(n_dims):
        sums[:] = 0.0
        for i in range(first, last):
            j = order[i]
            place = int((u[k * n_points + j] - low[k]) / width[k] * _CUTS)
            sums[min(max(place, 0), _CUTS - 1)] += squares[j]
        total, below = sums.sum(), 0.0
        for cut in range(1, _CUTS):
            below += sums[cut - 1]
            share = volume * cut / _CUTS
            if min(share, volume - share) * n_points < _FEWEST:
                continue
            parts = np.sqrt(share * below)
            parts += np.sqrt((volume - share) * max(total - below, 0.0))
            gain = np.sqrt(volume * total) - parts
            if gain > best[0]:
                best[0], best[1], best[2] = gain, k, cut


@kernel
def _partition(
    u: Flat,
    n_points: int,
    order: NDArray[np.int64],
    first: int,
    last: int,
    direction: int,
    edge: float,
) -> int:
    """Bring the points of a box below ``edge`` to the front; return where they end."""
    middle = first
    for i in range(first, last):
        j = order[i]
        if u[direction * n_points + j] < edge:
            order[i], order[middle] = order[middle], j
            middle += 1
    return middle


@kernel
def _grow(
    u: Flat,
    squares: NDArray[np.float64],
    order: NDArray[np.int64],
    low: NDArray[np.float64],
    width: NDArray[np.float64],
    bounds: NDArray[np.int64],
    split: NDArray[np.float64],
) -> int:
    """Split the box that gains most while that gains and there is room; return how many."""
    n_boxes, n_dims = low.shape
    sums = np.empty(_CUTS)
    _best_split(
        u, squares, order, 0, squares.size, low[0], width[0], 1.0, sums, split[0]
    )  # fmt: skip
    for new in range(1, n_boxes):
        old = 0
        for box in range(new):
            if split[box, 0] > split[old, 0]:
                old = box
        if split[old, 0] <= 0.0:
            return new
        k, share = int(split[old, 1]), split[old, 2] / _CUTS
        low[new], width[new] = low[old], width[old]
        low[new, k] += share * width[old, k]
        width[new, k] *= 1.0 - share
        width[old, k] *= share
        first, last = bounds[old]
        middle = _partition(u, squares.size, order, first, last, k, low[new, k])
        bounds[new, 0], bounds[new, 1] = middle, last
        bounds[old, 1] = middle
        for box in (old, new):
            volume = 1.0
            for d in range(n_dims):
                volume *= width[box, d]
            start, stop = bounds[box]
            _best_split(
                u, squares, order, start, stop, low[box], width[box], volume, sums,
                split[box],
            )  # fmt: skip
    return int(n_boxes)


@kernel
def _place(u: Flat, low: Flat, width: Flat, factor: Flat, jacobian: Flat) -> None:
    """Move the first columns of ``u`` into boxes that its last column chooses."""
    n_rows = factor.size
    n_dims = low.size // n_rows
    last = u.size - LANES
    for i in range(LANES):
        jacobian[i] = factor[i4(u[last + i] * f4(n_rows))]
    for k in range(n_dims):
        for i in range(LANES):
            row = k * n_rows + i4(u[last + i] * f4(n_rows))
            u[k * LANES + i] = low[row] + width[row] * u[k * LANES + i]


@dataclass(frozen=True)
class Cells:
    """Boxes of the first dimensions of a hypercube, in rows of equal probability.

    A box that is visited often fills many rows. Flat columns: ``low`` and ``width`` have
    dimensions·rows numbers, ``factor`` (volume × rows / rows of the box) has one a row.
    """

    low: Flat
    width: Flat
    factor: Flat

    def draw(self, state: LaneState, dimensions: int) -> tuple[Flat, Flat]:
        """Return points (dimensions·LANES) and their jacobians (LANES).

        Dimensions beyond the boxes' own are uniform.
        """
        u = uniform(state, dimensions + 1)
        jacobian = np.empty(LANES, np.float32)
        _place(u, self.low, self.width, self.factor, jacobian)
        return u[: dimensions * LANES], jacobian


@cache
def _whole() -> Flat:
    one = np.ones(LANES, np.float32)
    one.flags.writeable = False
    return one


@dataclass(frozen=True)
class Uniform:
    """The whole hypercube, evenly: what `Cells` are without a pilot sample."""

    def draw(self, state: LaneState, dimensions: int) -> tuple[Flat, Flat]:
        """Return points (dimensions·LANES) and jacobians of 1 (read-only)."""
        return uniform(state, dimensions), _whole()


Source = Uniform | Cells


def adapt(weigh: Callable[[Flat], Column], dimensions: int, adapted: int) -> Source:
    """Return cells for a sampler, from a pilot sample with a fixed seed.

    Parameters
    ----------
    weigh : callable
        Maps points (dimensions·LANES) to weights (LANES).
    dimensions, adapted : int
        Of the hypercube; of these, how many have cells.
    """
    state = lanes(np.random.SeedSequence(_PILOT_SEED))
    points = np.empty((adapted, PILOT_BLOCKS, LANES), np.float32)
    weights = np.empty((PILOT_BLOCKS, LANES))
    for block in range(PILOT_BLOCKS):
        u, _ = Uniform().draw(state, dimensions)
        points[:, block] = u.reshape(dimensions, LANES)[:adapted]
        weights[block] = weigh(u)
    if not weights.any():
        return Uniform()
    return grow(points.reshape(adapted, -1), weights.ravel(), N_BOXES, N_ROWS)


def grow(u: Flat, weight: Column, n_boxes: int, n_rows: int) -> Cells:
    """Adapt boxes to the weights of a pilot sample.

    Parameters
    ----------
    u : array of shape (dimensions, points)
        Uniform points.
    weight : array of shape (points,)
        What a sampler that maps ``u`` to events weighs them with.
    n_boxes, n_rows : int
        Boxes, and rows of the table that they fill.
    """
    n_dims, n_points = u.shape
    squares = weight**2 / np.mean(weight**2) / n_points
    low, width = np.zeros((n_boxes, n_dims)), np.ones((n_boxes, n_dims))
    bounds = np.zeros((n_boxes, 2), np.int64)
    bounds[0] = 0, n_points
    order, splits = np.arange(n_points), np.zeros((n_boxes, 3))
    found = _grow(u.ravel(), squares, order, low, width, bounds, splits)
    low, width, bounds = low[:found], width[:found], bounds[:found]
    volume = width.prod(axis=1)
    inside = np.array([squares[order[a:b]].sum() for a, b in bounds])
    wish = np.sqrt(volume * inside)
    wish = (1.0 - _EVERYWHERE) * wish / wish.sum() + _EVERYWHERE * volume
    rows = _shares(wish, n_rows)
    box = np.repeat(np.arange(found), rows)
    factor = (volume * n_rows / rows)[box]
    columns = (low[box].T.ravel(), width[box].T.ravel(), factor)
    return Cells(*(np.ascontiguousarray(c, np.float32) for c in columns))


def _shares(wish: Column, n_rows: int) -> NDArray[np.int64]:
    """Return whole numbers of rows, at least one each, that follow ``wish``."""
    rows = np.maximum(np.floor(wish * n_rows).astype(np.int64), 1)
    while (missing := n_rows - int(rows.sum())) != 0:
        short = wish * n_rows / rows * np.sign(missing)
        order = np.argsort(-short, kind="stable")
        order = order if missing > 0 else order[rows[order] > 1]
        rows[order[: abs(missing)]] += np.sign(missing)
    return rows
