"""float32 functions of the kernels against numpy in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from generator import simd
from generator.compiled import kernel
from tests.compare import FALSE_ALARM, flatness

if TYPE_CHECKING:
    from collections.abc import Callable

Singles = NDArray[np.float32]


@kernel
def _sincos_turns(x: Singles, sin: Singles, cos: Singles) -> None:
    for i in range(x.size):
        sin[i], cos[i] = simd.sincos_turns(x[i])


@kernel
def _sincos(x: Singles, sin: Singles, cos: Singles) -> None:
    for i in range(x.size):
        sin[i], cos[i] = simd.sincos(x[i])


@kernel
def _atan2(y: Singles, x: Singles, out: Singles, azimuth: Singles) -> None:
    for i in range(x.size):
        out[i], azimuth[i] = simd.atan2(y[i], x[i]), simd.azimuth(y[i], x[i])


@kernel
def _log(x: Singles, out: Singles) -> None:
    for i in range(x.size):
        out[i] = simd.log(x[i])


@kernel
def _exp2(x: Singles, out: Singles) -> None:
    for i in range(x.size):
        out[i] = simd.exp2(x[i])


@kernel
def _wrap(x: Singles, out: Singles) -> None:
    for i in range(x.size):
        out[i] = simd.wrap_azimuth(x[i])


@kernel
def _normals(u: Singles, v: Singles, first: Singles, second: Singles) -> None:
    for i in range(u.size):
        first[i], second[i] = simd.normals(u[i], v[i])


def single(*values: float) -> Singles:
    return np.array(values, np.float32)


def call(function: Callable[..., None], *columns: Singles) -> Singles:
    """Return the first output of a test kernel of one or two inputs."""
    out = [np.empty_like(columns[0]) for _ in range(4 - len(columns))]
    function(*columns, *out[: 2 if function in (_atan2, _normals) else 1])
    return out[0]


def sine_and_cosine(
    function: Callable[[Singles, Singles, Singles], None], x: Singles
) -> tuple[Singles, Singles]:
    sin, cos = np.empty_like(x), np.empty_like(x)
    function(x, sin, cos)
    return sin, cos


def test_sine_and_cosine_of_turns() -> None:
    x = np.linspace(-3, 3, 1_000_001, dtype=np.float32)
    sin, cos = sine_and_cosine(_sincos_turns, x)
    angle = 2 * np.pi * x.astype(float)
    assert np.abs(sin - np.sin(angle)).max() < 3e-7
    assert np.abs(cos - np.cos(angle)).max() < 3e-7
    assert np.abs(sin.astype(float) ** 2 + cos.astype(float) ** 2 - 1).max() < 6e-7


def test_quarter_turns_are_exact() -> None:
    x = single(-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1, 2)
    sin, cos = sine_and_cosine(_sincos_turns, x)
    np.testing.assert_array_equal(sin, [0, 1, 0, -1, 0, 1, 0, -1, 0, 0])
    np.testing.assert_array_equal(cos, [1, 0, -1, 0, 1, 0, -1, 0, 1, 1])


def test_small_angles_keep_their_relative_precision() -> None:
    x = np.geomspace(1e-30, 1e-2, 1000).astype(np.float32)
    sin, cos = sine_and_cosine(_sincos, x)
    np.testing.assert_allclose(sin, np.sin(x.astype(float)), rtol=4e-7)
    np.testing.assert_allclose(cos, np.cos(x.astype(float)), atol=3e-7)


def test_sine_and_cosine_of_angles() -> None:
    x = np.linspace(-2 * np.pi, 2 * np.pi, 200_001).astype(np.float32)
    sin, cos = sine_and_cosine(_sincos, x)
    # the rounding of 2π turns to float32 enters as well
    assert np.abs(sin - np.sin(x.astype(float))).max() < 8e-7
    assert np.abs(cos - np.cos(x.astype(float))).max() < 8e-7


@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1.0, 1e6, 1e30])
def test_atan2_all_around(scale: float) -> None:
    angle = np.linspace(-np.pi, np.pi, 200_001)[1:]
    y = (scale * np.sin(angle)).astype(np.float32)
    x = (scale * np.cos(angle)).astype(np.float32)
    found = call(_atan2, y, x)
    expected = np.arctan2(y.astype(float), x.astype(float))
    assert np.abs(found - expected).max() < 4e-7


def test_atan2_on_the_axes() -> None:
    y, x = single(0, 1, 0, -1, 0, 1, 1e-30), single(1, 0, -1, 0, 0, 1, -1)
    expected = np.pi * np.array([0, 0.5, 1, -0.5, 0, 0.25, 1])
    np.testing.assert_allclose(call(_atan2, y, x), expected, atol=1e-7)
    # an infinite distance to the side, and tiny numbers without underflow
    lengths = call(_atan2, single(1e-38, 3e38), single(1e-38, 1e-38))
    np.testing.assert_allclose(lengths, [np.pi / 4, np.pi / 2], atol=1e-7)


def test_azimuth_is_below_two_pi() -> None:
    y = single(-1e-30, -1e-9, -1e-7, -0.0, 0, -1, -1)
    x = single(1, 1, 1, 1, -1, 0, -1e-30)
    out, azimuth = np.empty_like(x), np.empty_like(x)
    _atan2(y, x, out, azimuth)
    assert azimuth.min() >= 0
    assert np.all(azimuth.astype(float) < 2 * np.pi)
    expected = np.remainder(np.arctan2(y.astype(float), x.astype(float)), 2 * np.pi)
    turn = np.remainder(azimuth - expected + 3, 2 * np.pi) - 3
    assert np.abs(turn).max() < 5e-7


def test_wrap_azimuth() -> None:
    x = np.linspace(-2 * np.pi + 1e-5, 4 * np.pi - 1e-5, 100_001).astype(np.float32)
    found = call(_wrap, x)
    assert found.min() >= 0
    assert np.all(found.astype(float) < 2 * np.pi)
    turn = np.remainder(found.astype(float) - x + 3, 2 * np.pi) - 3
    assert np.abs(turn).max() < 2e-6
    edges = call(_wrap, single(-1e-20, 0, float(simd.TWO_PI)))
    np.testing.assert_array_equal(edges, 0)


def test_log() -> None:
    x = np.geomspace(1.2e-38, 3e38, 1_000_001).astype(np.float32)
    expected = np.log(x.astype(float))
    error = np.abs(call(_log, x) - expected)
    assert np.all(error < 2e-7 * np.maximum(np.abs(expected), 1))
    near_one = np.linspace(0.7, 1.42, 100_001, dtype=np.float32)
    near_one = near_one[near_one != 1]
    np.testing.assert_allclose(
        call(_log, near_one), np.log(near_one.astype(float)), rtol=6e-7
    )
    assert call(_log, single(1))[0] == 0


def test_exp2() -> None:
    x = np.linspace(-125.9, 126.9, 1_000_001, dtype=np.float32)
    np.testing.assert_allclose(call(_exp2, x), np.exp2(x.astype(float)), rtol=4e-7)
    whole = np.arange(-126, 127, dtype=np.float32)
    np.testing.assert_array_equal(call(_exp2, whole), np.exp2(whole.astype(float)))


def test_normals() -> None:
    """Three χ² tests at 1e-4, with two controls that must fail."""
    rng = np.random.default_rng(4)
    u, v = rng.random((2, 400_000), np.float32) * np.float32(0.999999) + np.float32(
        5e-7
    )
    first, second = np.empty_like(u), np.empty_like(u)
    _normals(u, v, first, second)
    for numbers in (first, second, (first + second) / np.sqrt(2)):
        assert flatness(stats.norm.cdf(numbers)) > FALSE_ALARM
    assert flatness(stats.norm.cdf(1.02 * first)) < FALSE_ALARM
    assert flatness(stats.norm.cdf((first + 0.2 * second) / 1)) < FALSE_ALARM


def test_normals_of_extreme_uniforms() -> None:
    tiny = 2.0**-24
    values = call(_normals, single(tiny, 1 - tiny, 0.5), single(tiny, 0.25, 1 - tiny))
    assert np.isfinite(values).all()
    assert values[0] == pytest.approx(np.sqrt(-2 * np.log(tiny)), rel=1e-6)
