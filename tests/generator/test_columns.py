"""Columns as ragged awkward arrays: shared memory, vector behaviour."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from generator.columns import empty
from generator.signal import Signal
from generator.simd import LANES
from tests.compare import photons_of, sample


def test_no_copy_of_the_columns() -> None:
    block = sample(Signal(1.0), 1, 1)[0]
    array = block.as_awkward()
    record = array.layout.content.content
    columns = {"E": block.energy, "theta": block.theta, "phi": block.phi}
    for name, column in columns.items():
        assert np.shares_memory(record.content(name).data, column), name
    block.energy[0, 5] = 42.0
    assert array.E[5, 0] == 42.0


def test_events_and_photons() -> None:
    block = Signal(1.0).block(np.arange(1, 4 * LANES + 1, dtype=np.uint32), 100, 1.0)
    array = block.as_awkward()
    assert len(array) == 100
    assert ak.all(ak.num(array) == 3)
    np.testing.assert_array_equal(array.E.to_numpy(), block.energy[:, :100].T)
    np.testing.assert_array_equal(array.phi.to_numpy(), block.phi[:, :100].T)


def test_absent_photons_leave_a_ragged_array() -> None:
    energy = np.array([[1.0, 0.0, 0.0], [2.0, 0.0, 5.0], [3.0, 4.0, 0.0]])
    block = photons_of(energy, np.full((3, 3), 1.0), np.full((3, 3), 0.5))
    assert block.as_awkward().E.to_list() == [[1.0, 2.0, 3.0], [4.0], [5.0]]


def test_no_photons_at_all() -> None:
    nothing = np.zeros((2, 4))
    array = photons_of(nothing, nothing, nothing).as_awkward()
    assert ak.num(array).to_list() == [0, 0, 0, 0]


@pytest.mark.parametrize("mass", [0.3, 2.0, 9.0])
def test_vector_behaviour(mass: float) -> None:
    array = sample(Signal(mass), 1, 2)[0].as_awkward()
    pair = array[:, 1] + array[:, 2]
    np.testing.assert_allclose(pair.mass.to_numpy(), mass, rtol=2e-3)
    assert np.abs(array.mass2.to_numpy()).max() < 1e-12
    np.testing.assert_allclose((array[:, 0] + pair).mass.to_numpy(), 10.579, atol=5e-4)
    np.testing.assert_allclose(array.theta.to_numpy(), array.theta.to_numpy())
    unit = array.pz / array.E
    np.testing.assert_allclose(unit.to_numpy(), np.cos(array["theta"].to_numpy()))


def test_empty_block_shape() -> None:
    assert empty(4).shape == (4, LANES)
    assert empty(4).dtype == np.float64
