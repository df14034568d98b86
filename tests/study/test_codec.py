"""Point files hold everything: what goes in comes out."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from study.codec import (
    decode_signal,
    decode_sums,
    decode_windows,
    encode_signal,
    encode_sums,
    encode_windows,
)
from tests.study.engineered import low_window, point, sums

if TYPE_CHECKING:
    from study.sums import SignalPoint


def assert_same(first: Any, second: Any) -> None:
    """Compare dataclasses that hold arrays, field by field."""
    assert type(first) is type(second)
    for item in fields(first):
        one, two = getattr(first, item.name), getattr(second, item.name)
        if isinstance(one, np.ndarray):
            np.testing.assert_array_equal(one, two)
            assert one.dtype == two.dtype
        elif isinstance(one, tuple) and one and hasattr(one[0], "sums"):
            for a, b in zip(one, two, strict=True):
                assert_same(a, b)
        elif hasattr(one, "m2_low"):
            assert_same(one, two)
        else:
            assert one == two


@pytest.mark.parametrize("item", [point(), point(window=False)])
def test_made_points_come_back(item: SignalPoint) -> None:
    assert_same(decode_signal(encode_signal(item)), item)


def test_measured_points_come_back(points: dict[float, SignalPoint]) -> None:
    for item in points.values():
        assert len(item.separated) == 3
        assert_same(decode_signal(encode_signal(item)), item)


def test_sums_come_back() -> None:
    item = sums((1.0, 0.5, 0.4, 0.3, 0.2, 0.1), (0.05, 0.0))
    assert_same(decode_sums(encode_sums(item)), item)


def test_no_windows_and_some() -> None:
    windows = (low_window(0.3), low_window(2.0))
    for chosen in (windows, ()):
        assert decode_windows(**encode_windows(chosen)) == chosen
