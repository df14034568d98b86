"""Somebody else's events: names, raggedness, blocks, refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

from generator.beams import Beams
from generator.files import EventWriter
from generator.ingest import (
    ALIASES,
    event_weights,
    lane_blocks,
    padded,
    photons,
    read_root,
)
from generator.sampling import Stream, blocks
from generator.signal import Exponential, Signal
from generator.simd import LANES

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

RAGGED = {
    "E": [[1.0, 2.0], [], [3.0, 4.0, 5.0, 6.0]],
    "theta": [[0.5, 1.0], [], [1.5, 2.0, 2.5, 0.4]],
    "phi": [[-0.5, 7.0], [], [0.1, 0.2, 0.3, 6.0]],
}


def events(names: tuple[str, str, str] = ("E", "theta", "phi")) -> ak.Array:
    columns = zip(names, RAGGED.values(), strict=True)
    return ak.zip({name: ak.Array(values) for name, values in columns}, depth_limit=1)


@pytest.mark.parametrize(
    "names",
    [
        ("E", "theta", "phi"),
        ("E_lab", "theta_lab", "phi_lab"),
        ("clusterE", "clusterTheta", "clusterPhi"),
    ],
)
def test_columns_under_any_of_their_names(names: tuple[str, str, str]) -> None:
    energy, theta, phi = padded(events(names))
    np.testing.assert_array_equal(energy, [[1, 0, 3], [2, 0, 4], [0, 0, 5], [0, 0, 6]])
    assert theta[:, 2].tolist() == RAGGED["theta"][2]
    assert phi[:2, 0] == pytest.approx([2 * np.pi - 0.5, 7.0 - 2 * np.pi])
    assert all(column.flags.c_contiguous for column in (energy, theta))


def test_every_alias_is_understood() -> None:
    for alias in ALIASES["E"]:
        assert padded(events((alias, "theta", "phi")))[0].shape == (4, 3)


def test_records_of_photons_are_understood_as_well() -> None:
    listed = ak.zip({name: ak.Array(values) for name, values in RAGGED.items()})
    for first, second in zip(padded(listed), padded(events()), strict=True):
        np.testing.assert_array_equal(first, second)


def test_few_photons_still_fill_three_slots() -> None:
    one = ak.Array([{"E": [1.0], "theta": [1.0], "phi": [1.0]}])
    assert padded(one)[0].tolist() == [[1.0], [0.0], [0.0]]


def test_a_missing_column_is_named() -> None:
    message = "no column for theta: need one of theta, theta_lab, clusterTheta; found E"
    with pytest.raises(ValueError, match=message):
        padded(ak.Array([{"E": [1.0]}]))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(bad: float) -> None:
    one = ak.Array([{"E": [1.0], "theta": [bad], "phi": [1.0]}])
    with pytest.raises(ValueError, match="column theta holds numbers that are not fin"):
        padded(one)


def test_weights_come_from_the_caller_the_column_or_are_equal() -> None:
    plain = events()
    weighted = ak.with_field(plain, ak.Array([1.0, 2.0, 4.0]), "weight_pb")
    (equal,), (column,) = photons(plain), photons(weighted)
    (own,) = photons(weighted, np.array([7.0, 8.0, 9.0]))
    assert equal.weight_pb[:3] == pytest.approx([1 / 3] * 3)
    assert column.weight_pb[:4].tolist() == [1.0, 2.0, 4.0, 0.0]
    assert own.weight_pb[:4].tolist() == [7.0, 8.0, 9.0, 0.0]
    assert equal.n_prompt == 4
    assert equal.vertex_cm is None


@given(st.integers(0, 2 * LANES + 3))
def test_blocks_hold_everything_once(n_events: int) -> None:
    flat = np.arange(1, n_events + 1, dtype=np.float64)
    deep = np.stack([flat, -flat])
    found = list(lane_blocks([deep, flat]))
    assert all(block[0].shape == (2, LANES) for block, _ in found)
    assert all(not block[1][count:].any() for block, count in found)
    joined = [block[1][:count] for block, count in found]
    np.testing.assert_array_equal(np.concatenate([*joined, []]), flat)
    for block, count in found:
        np.testing.assert_array_equal(block[0][1, :count], -block[1][:count])


def test_no_events_no_blocks() -> None:
    assert list(photons(events()[:0])) == []


def test_files_with_basf2_names(tmp_path: Path) -> None:
    path = tmp_path / "ntuple.root"
    with uproot.recreate(path) as file:
        names = ("clusterE", "clusterTheta", "clusterPhi")
        columns = zip(names, RAGGED.values(), strict=True)
        content = {name: ak.Array(values) for name, values in columns}
        file.mktree("ntuple", dict.fromkeys(content, "var * float64"))
        file["ntuple"].extend(content)
    for first, second in zip(
        padded(read_root(path, "ntuple")), padded(events()), strict=True
    ):
        np.testing.assert_array_equal(first, second)
    with pytest.raises(ValueError, match=r"no tree 'events'; found ntuple"):
        read_root(path)


def test_a_file_without_anything(tmp_path: Path) -> None:
    path = tmp_path / "empty.root"
    uproot.recreate(path).close()
    with pytest.raises(
        ValueError, match=r"empty\.root: no tree 'events'; found nothing"
    ):
        read_root(path)


def one_event(**columns: list[list[float]]) -> ak.Array:
    return ak.zip({k: ak.Array(v) for k, v in columns.items()}, depth_limit=1)


@pytest.mark.parametrize(
    ("energy", "theta", "message"),
    [
        (1.0, 57.3, "theta holds 57.3: need radians"),
        (1.0, -0.1, "theta holds -0.1: need radians"),
        (-1.0, 1.0, "E holds a negative energy"),
    ],
)
def test_wrong_units_are_refused(energy: float, theta: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        padded(one_event(E=[[energy]], theta=[[theta]], phi=[[0.0]]))


def test_a_row_per_photon_is_refused() -> None:
    flat = ak.zip({name: np.ones(4) for name in ("E", "theta", "phi")})
    with pytest.raises(ValueError, match="one list per event"):
        padded(flat)


@pytest.mark.parametrize("weights", [np.ones(3), np.array([1.0, np.nan])])
def test_weights_are_one_finite_number_per_event(
    weights: NDArray[np.float64],
) -> None:
    events = one_event(E=[[1.0], []], theta=[[1.0], []], phi=[[0.0], []])
    with pytest.raises(ValueError, match="weight_pb"):
        event_weights(events, weights)


def test_the_decay_vertex_survives_a_file(tmp_path: Path) -> None:
    sampler = Signal(0.3, decay=Exponential(1.0))
    block, _ = next(blocks(sampler, Stream(1, 1), 500))
    writer = EventWriter(tmp_path / "s.root", Beams(), {})
    writer.add(block)
    writer.close()
    (again,) = photons(read_root(tmp_path / "s.root"))
    assert again.n_prompt == 1
    assert again.vertex_cm is not None
    assert block.vertex_cm is not None
    np.testing.assert_array_equal(again.vertex_cm[:, :500], block.vertex_cm[:, :500])


def test_half_a_vertex_is_refused() -> None:
    events = one_event(E=[[1.0]], theta=[[1.0]], phi=[[0.0]])
    events = ak.with_field(events, np.ones(1), "decay_x_cm")
    with pytest.raises(ValueError, match="a decay vertex needs"):
        next(photons(events))


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in their number"):
        padded(one_event(E=[[1.0, 2.0]], theta=[[1.0]], phi=[[0.0]]))


def test_sampling_weights_of_basf2_share_one_picobarn() -> None:
    """They are inverse sampling rates; a column of weights in pb comes before them."""
    sampled = ak.with_field(events(), ak.Array([1.0, 1.0, 2.0]), "__weight__")
    assert event_weights(sampled, None).tolist() == [0.25, 0.25, 0.5]
    weighted = ak.with_field(sampled, ak.Array([7.0, 8.0, 9.0]), "weight_pb")
    assert event_weights(weighted, None).tolist() == [7.0, 8.0, 9.0]
    empty = ak.with_field(events(), ak.Array([0.0, 0.0, 0.0]), "__weight__")
    with pytest.raises(ValueError, match="__weight__ sums to 0: need a positive"):
        event_weights(empty, None)
    assert event_weights(sampled[:0], None).size == 0


def with_mothers(*mothers: list[int]) -> ak.Array:
    columns = {
        name: ak.Array([[1.0] * len(m) for m in mothers])
        for name in ("E", "theta", "phi")
    }
    vertex = {f"decay_{axis}_cm": np.ones(len(mothers)) for axis in "xyz"}
    every = {**columns, "genMotherPDG": ak.Array(mothers), **vertex}
    return ak.zip(every, depth_limit=1)


@pytest.mark.parametrize(
    ("mothers", "n_prompt"),
    [([0, 5, 5], 1), ([0, 0, 5, 5], 2), ([5, 5, 5], 0), ([0, 0, 0], 3)],
)
def test_photons_with_a_mother_come_from_the_vertex(
    mothers: list[int], n_prompt: int
) -> None:
    (block,) = photons(with_mothers(mothers, mothers))
    assert block.n_prompt == n_prompt


@pytest.mark.parametrize("second", [[5, 0, 5], [0, 0, 5]])
def test_photons_with_a_mother_come_last(second: list[int]) -> None:
    with pytest.raises(ValueError, match="genMotherPDG: photons without mother must"):
        next(photons(with_mothers([0, 5, 5], second)))
