"""Vectorised bisection."""

from __future__ import annotations

import numpy as np

from fit.roots import bisect


def test_roots_of_very_different_size() -> None:
    roots = np.array([1e-30, 1e-3, 1.0, 1e9])
    found = bisect(lambda x: x < roots, np.zeros(4), np.full(4, 1e10))
    np.testing.assert_allclose(found, roots, rtol=1e-15)


def test_lower_end_where_nothing_is_below() -> None:
    found = bisect(np.zeros_like, np.array([0.0, 2.0]), np.array([1.0, 3.0]))
    np.testing.assert_array_equal(found, [0.0, 2.0])
