"""Adaptive cells: exact partitions of the hypercube, unbiased, and worth their while."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.cells import N_ROWS, Cells, Uniform, _shares, adapt, grow
from generator.simd import LANES
from tests.compare import FALSE_ALARM, N_SIGMA, Floats, contingency, start

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIMENSIONS = 3


def peak(u: Floats) -> Floats:
    """A corner of the square that holds everything, independent of the third axis."""
    inside = (u[0] > 0.6) & (u[1] < 0.3)
    return np.where(inside, 1.0 + u[0], 0.0)


TRUTH = 0.3 * 0.4 * 1.8
"""∫ peak: 1 + u averages to 1.8 above 0.6."""


def as_columns(u: NDArray[np.float32]) -> Floats:
    return u.reshape(-1, LANES).astype(float)


@pytest.fixture(scope="module")
def cells() -> Cells:
    found = adapt(lambda u: peak(as_columns(u)), DIMENSIONS, 2)
    assert isinstance(found, Cells)
    return found


def drawn(source: Cells | Uniform, n_blocks: int, seed: int) -> tuple[Floats, Floats]:
    """Return points (dimensions, n) and jacobians (n,)."""
    state = start(seed)
    blocks = [source.draw(state, DIMENSIONS) for _ in range(n_blocks)]
    points = np.concatenate([as_columns(u) for u, _ in blocks], axis=1)
    return points, np.concatenate([j for _, j in blocks]).astype(float)


def test_boxes_fill_the_hypercube_once(cells: Cells) -> None:
    """Rows of a box share it: each counts for volume/rows, and all add up to 1."""
    boxes, rows = np.unique(
        np.stack([*cells.low.reshape(2, -1), *cells.width.reshape(2, -1)]),
        axis=1,
        return_counts=True,
    )
    low, width = boxes[:2], boxes[2:]
    assert rows.sum() == N_ROWS
    assert width.prod(axis=0).sum() == pytest.approx(1.0, abs=1e-6)
    points = np.random.default_rng(1).random((2, 2000))
    inside = (points[:, None] >= low[..., None]) & (
        points[:, None] < (low + width)[..., None]
    )
    # edges are rounded to float32
    assert (inside.all(axis=0).sum(axis=0) == 1).mean() > 0.999


def test_unbiased_and_better(cells: Cells) -> None:
    """The integral within its error, at twelve times the effective events."""
    for source, least in ((Uniform(), 0.1), (cells, 0.85)):
        points, jacobian = drawn(source, 200, 2)
        weight = jacobian * peak(points)
        error = weight.std() / np.sqrt(weight.size)
        assert abs(weight.mean() - TRUTH) < N_SIGMA * error
        assert abs(weight.mean() - 0.97 * TRUTH) > N_SIGMA * error
        share = weight.sum() ** 2 / (weight**2).sum() / weight.size
        assert share > least
    assert least > 0.8


def test_nothing_is_left_out(cells: Cells) -> None:
    """Where the pilot saw nothing points are few, but their jacobians make up for it."""
    points, jacobian = drawn(cells, 400, 3)
    for low, high in ((0.0, 0.2), (0.3, 0.5), (0.9, 1.0)):
        chosen = (points[0] >= low) & (points[0] < high)
        share = jacobian * chosen
        error = share.std() / np.sqrt(share.size)
        assert 0 < chosen.mean() < 1
        assert abs(share.mean() - (high - low)) < N_SIGMA * error


def test_dimensions_without_cells_are_uniform(cells: Cells) -> None:
    points, _ = drawn(cells, 50, 4)
    even = np.random.default_rng(5).random((1, points.shape[1]))[0]
    assert contingency(points[2], even) > FALSE_ALARM
    assert contingency(points[0], even) < FALSE_ALARM


def test_the_same_pilot_gives_the_same_cells(cells: Cells) -> None:
    again = adapt(lambda u: peak(as_columns(u)), DIMENSIONS, 2)
    assert isinstance(again, Cells)
    np.testing.assert_array_equal(again.low, cells.low)
    np.testing.assert_array_equal(again.factor, cells.factor)


def test_no_cells_without_weights() -> None:
    assert adapt(lambda u: np.zeros(LANES), DIMENSIONS, 2) == Uniform()  # noqa: ARG005


def test_a_constant_stays_almost_even() -> None:
    u = np.random.default_rng(6).random((2, 50_000)).astype(np.float32)
    flat = grow(u, np.ones(50_000), 64, 256)
    assert 1.0 / np.mean(flat.factor**2) > 0.95


@given(
    wish=st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=40),
    spare=st.integers(0, 200),
)
@settings(max_examples=100, derandomize=True, deadline=None)
def test_rows_are_shared_out(wish: list[float], spare: int) -> None:
    """Every box has a row, none is lost, and the share follows the wish."""
    share = np.array(wish) / sum(wish)
    n_rows = len(wish) + spare
    rows = _shares(share, n_rows)
    assert rows.sum() == n_rows
    assert rows.min() >= 1
    assert (rows - 1 <= share * n_rows).all()
