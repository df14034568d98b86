"""Event display: crystals where they are, borders of clusters, zooms, all events."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pytest

from detector.cells import cells
from detector.geometry import belle2
from study.figures.display import (
    MOST_ZOOMS,
    NEAR_DEG,
    SEEN_MEV,
    display_figure,
    near,
    outline,
    rectangles,
    windows,
)
from study.figures.style import DISCLAIMER, context, save
from tests.study.synthetic_separation import (
    crystal,
    drawn,
    event,
    made_up,
    merged_pair,
    texts,
)

if TYPE_CHECKING:
    from pathlib import Path

    from detector.picture import EventPicture

FORWARD, BARREL = 5, 40
"""Rings of 96 and 144 crystals."""
LANES = (*range(7), 20, 31, 77, 2047)
"""Events of all kinds."""


def length(pieces: Any) -> float:
    return float(np.abs(np.diff(pieces, axis=1)).sum())


# where crystals are


def test_crystals_are_rectangles_of_their_own_size() -> None:
    geometry = belle2()
    cell = np.arange(cells().first[-1])
    corners = rectangles(cell)
    assert corners.shape == (8736, 4, 2)
    ring = np.repeat(np.arange(69), geometry.n_crystals)
    width, height = np.ptp(corners, axis=1).T
    np.testing.assert_allclose(width, 360.0 / geometry.n_crystals[ring])
    low, high = np.degrees(geometry.deep_theta)
    np.testing.assert_allclose(height, (high - low)[ring])
    assert corners[..., 0].min() == pytest.approx(0.0, abs=1e-9)
    assert corners[..., 0].max() == pytest.approx(360.0)
    middle = corners.mean(axis=1)
    table = cells().columns[:, :-1]
    np.testing.assert_allclose(middle[:, 1], np.degrees(table[0]), atol=1e-3)
    np.testing.assert_allclose(middle[:, 0], np.degrees(table[1]), atol=1e-3)


def test_crystals_are_moved_next_to_where_one_looks() -> None:
    last, first = crystal(BARREL, 143), crystal(BARREL, 0)
    corners = rectangles(np.array([last, first]), 0.0)
    np.testing.assert_allclose(corners[0, :2, 0], [-2.5, 0.0], atol=1e-9)
    np.testing.assert_allclose(corners[1, :2, 0], [0.0, 2.5], atol=1e-9)
    assert near(np.array([359.0, 10.0]), 5.0).tolist() == [-1.0, 10.0]


# borders


@pytest.mark.parametrize("rings", [[0], [FORWARD], [BARREL], [68], [12, 13], [58, 59]])
def test_crystals_that_do_not_touch_have_all_their_edges(rings: list[int]) -> None:
    cell = np.array([crystal(ring, 0) for ring in rings])  # pairs are beside a gap
    width, height = np.ptp(rectangles(cell), axis=1).T
    assert length(outline(cell)) == pytest.approx(2.0 * (width + height).sum())


def test_neighbours_have_no_border_in_between() -> None:
    cell = np.array([crystal(BARREL, 7), crystal(BARREL, 8)])
    width, height = np.ptp(rectangles(cell)[0], axis=0)
    pieces = outline(cell)
    assert length(pieces) == pytest.approx(4.0 * width + 2.0 * height)
    upright = pieces[np.ptp(pieces[..., 0], axis=1) < 1e-9][:, 0, 0]
    np.testing.assert_allclose(sorted(upright), [17.5, 22.5])
    stacked = np.array([crystal(BARREL, 7), crystal(BARREL + 1, 7)])
    heights = np.ptp(rectangles(stacked), axis=1)[:, 1]
    assert length(outline(stacked)) == pytest.approx(2.0 * (width + heights.sum()))


def test_a_border_goes_around_phi_0() -> None:
    cell = np.array([crystal(BARREL, 143), crystal(BARREL, 0)])
    whole = outline(cell)
    upright = whole[np.ptp(whole[..., 0], axis=1) < 1e-9][:, 0, 0]
    np.testing.assert_allclose(sorted(upright), [2.5, 357.5])
    moved = outline(cell, 0.0)
    np.testing.assert_allclose([moved[..., 0].min(), moved[..., 0].max()], [-2.5, 2.5])
    ring = np.arange(crystal(BARREL, 0), crystal(BARREL + 1, 0))
    assert length(outline(ring)) == pytest.approx(720.0)


def test_rings_of_different_numbers_touch_where_they_have_edges_in_common() -> None:
    assert belle2().n_crystals[[1, 2]].tolist() == [48, 64]
    cell = np.array([crystal(1, 0), crystal(2, 0)])
    (wide, _), heights = np.ptp(rectangles(cell), axis=1).T
    # the narrow one lies within the wide one
    assert length(outline(cell)) == pytest.approx(2.0 * (wide + heights.sum()))


# zooms


def test_photons_that_are_close_share_a_zoom_that_shows_them_all() -> None:
    pair = [(2.0, 60.0, 355.0), (3.0, 64.0, 4.0)]
    picture = made_up([(6.0, 110.0, 180.0), *pair])
    single, double = windows(picture)
    assert (single.theta, single.phi) == pytest.approx((110.0, 180.0))
    assert (double.theta, double.phi) == pytest.approx((62.0, 359.5))
    for _, theta, phi in pair:
        assert abs(theta - double.theta) < double.half_theta - 4.0
        off = abs(float(near(np.array([phi]), double.phi)[0]) - double.phi)
        assert off < double.half_phi - 4.0
    assert double.half_phi == pytest.approx(
        double.half_theta / np.sin(np.radians(double.theta))
    )


def test_a_chain_of_close_photons_is_one_group() -> None:
    step = 0.9 * NEAR_DEG
    chain = [(1.0, 90.0, 10.0 + k * step) for k in (0, 1, 2)]
    assert len(windows(made_up(chain))) == 1
    assert len(windows(made_up([chain[0], chain[2]]))) == 2


def test_zooms_are_the_groups_with_most_energy() -> None:
    photons = [(1.0 + k, 90.0, 60.0 * k) for k in range(6)]
    picture = made_up(photons)
    assert [window.phi for window in windows(picture)] == pytest.approx(
        [300.0, 240.0, 180.0, 120.0, 60.0, 0.0]
    )
    figure = display_figure(picture, "six photons")
    letters = [text.get_text() for text in drawn(figure, "letter")]
    assert letters == ["A", "B", "C", "D"]
    assert len(letters) == MOST_ZOOMS
    assert "6.00 GeV" in texts(figure)
    assert "1.00 GeV" not in texts(figure)


# the figure


@pytest.fixture(scope="module")
def merged() -> EventPicture:
    return merged_pair()


def test_the_whole_calorimeter_is_drawn_with_its_parts(merged: EventPicture) -> None:
    figure = display_figure(merged, "merged")
    axes = figure.axes[0]
    assert axes.get_xlim() == (0.0, 360.0)
    low, high = axes.get_ylim()
    edges = np.degrees(belle2().deep_theta)
    assert low < edges.min()
    assert edges.max() < high
    text = texts(figure)
    for entry in (DISCLAIMER, "merged", "energy of a crystal [MeV]", "true photon"):
        assert entry in text
    for part in ("forward\nendcap", "barrel", "backward\nendcap"):
        assert part in text
    spans = [p for p in axes.patches if p.get_gid() is None and p.get_fill()]
    assert len(spans) == 3
    borders = sorted(float(v) for p in spans for v in p.get_extents().intervaly)
    drawn_at = axes.transData.inverted().transform([(0.0, b) for b in borders])[:, 1]
    gaps = edges[[1, 0, 1, 0], [12, 13, 58, 59]]
    np.testing.assert_allclose(drawn_at[1:-1], gaps)


def test_crystals_have_the_colour_of_their_energy(merged: EventPicture) -> None:
    figure = display_figure(merged, "merged")
    overview, *zooms = drawn(figure, "crystals")
    assert len(zooms) == 2
    for shapes in (overview, *zooms):
        np.testing.assert_allclose(shapes.get_array(), 1e3 * merged.energy_GeV)
        assert shapes.norm.vmin == SEEN_MEV
        assert shapes.norm.vmax == pytest.approx(100.0)
    corners = np.array([path.vertices[:4] for path in overview.get_paths()])
    np.testing.assert_allclose(corners, rectangles(merged.cell))
    faint = made_up([], [[crystal(BARREL, 36), crystal(BARREL, 37)]])
    faint.energy_GeV[:] = [0.2, -1e-4]
    shown = drawn(display_figure(faint, "faint"), "crystals")
    assert [shapes.get_array().tolist() for shapes in shown] == [[200.0]] * 2


def test_clusters_have_their_own_border_and_position(merged: EventPicture) -> None:
    figure = display_figure(merged, "merged")
    tints = []
    for i, core in enumerate(merged.core):
        overview, *zooms = drawn(figure, f"cluster {i}")
        assert len(zooms) == 2
        cell = merged.cell[merged.cluster == core]
        expected = outline(cell)
        np.testing.assert_allclose(np.array(overview.get_segments()), expected)
        mark, *_ = drawn(figure, f"cluster position {i}")
        assert mark.get_marker() == "+"
        x, y = mark.get_data()
        np.testing.assert_allclose(x, np.degrees(merged.cluster_phi[[i]]))
        np.testing.assert_allclose(y, np.degrees(merged.cluster_theta[[i]]))
        (tint,) = {mpl.colors.to_hex(c) for c in overview.get_color()}
        assert mpl.colors.to_hex(mark.get_color()) == tint
        tints.append(tint)
    assert len(set(tints)) == 2


def test_photons_of_a_merged_pair_are_seen_one_by_one(merged: EventPicture) -> None:
    figure = display_figure(merged, "merged")
    marks = drawn(figure, "photon")
    assert all(mark.get_marker() == "x" for mark in marks)
    where = [[359.0, 86.0], [1.0, 89.0], [39.0, 20.5]]
    np.testing.assert_allclose(marks[0].get_xydata(), where)
    (pair,) = (m for m in marks[1:] if abs(m.axes.get_xlim()[0] - 350.0) < 5.0)
    np.testing.assert_allclose(pair.get_xdata()[:2], [359.0, 361.0])  # side by side
    with context():
        figure.draw_without_rendering()
        labels = [t for t in drawn(figure, "photon energy") if t.axes is pair.axes]
        boxes = [label.get_window_extent() for label in labels]
    assert {label.get_text() for label in labels} == {"3.00 GeV", "50 MeV"}
    assert not boxes[0].overlaps(boxes[1])
    frame = pair.axes.get_window_extent()
    points = pair.axes.transData.transform(pair.get_xydata())[:2]
    for box in boxes:
        assert frame.x0 < box.x0 < box.x1 < frame.x1
        assert frame.y0 < box.y0 < box.y1 < frame.y1
        assert not box.count_contains(points)
    ticks = [label.get_text() for label in pair.axes.get_xticklabels()]
    assert all(0.0 <= float(tick) < 360.0 for tick in ticks if tick)


def test_a_zoom_shows_crystals_as_they_are(merged: EventPicture) -> None:
    figure = display_figure(merged, "merged")
    with context():
        figure.draw_without_rendering()
    for axes in figure.axes[1:3]:
        (grid,) = (g for g in drawn(figure, "grid") if g.axes is axes)
        frame = axes.get_window_extent()
        assert frame.width == pytest.approx(frame.height)
        corners = np.array([path.vertices[:4] for path in grid.get_paths()])
        pixels = axes.transData.transform(corners.reshape(-1, 2)).reshape(-1, 4, 2)
        width, height = np.ptp(pixels, axis=1).T
        middle = np.abs(corners.mean(axis=1)[:, 1] - np.mean(axes.get_ylim())) < 2.0
        assert 0.6 < np.median(width[middle] / height[middle]) < 1.8
        assert height.min() > 8.0  # big enough to be told apart


@pytest.mark.parametrize("photons", [[], [(1.0, 90.0, 10.0)]])
def test_an_event_without_crystals_says_so(
    photons: list[tuple[float, float, float]], tmp_path: Path
) -> None:
    figure = display_figure(made_up(photons), "nothing")
    assert "no crystal is hit" in texts(figure)
    assert len(drawn(figure, "letter")) == len(photons)
    assert len(save(figure, tmp_path, "nothing")) == 2


@pytest.mark.parametrize("mass_GeV", [0.2, 1.0])
@pytest.mark.parametrize("lane", LANES)
def test_any_event_can_be_drawn(mass_GeV: float, lane: int) -> None:
    picture = event(mass_GeV, lane)
    figure = display_figure(picture, f"event {lane}")
    with context():
        figure.draw_without_rendering()  # a warning of the layout would be an error
    assert ("no crystal is hit" in texts(figure)) == (picture.cell.size == 0)
    found = windows(picture)
    assert len(drawn(figure, "letter")) == min(len(found), MOST_ZOOMS)
    frames = [a.get_window_extent() for a in figure.axes if a.get_title(loc="left")]
    assert len(frames) == 1 + min(len(found), MOST_ZOOMS)
    assert not any(a.overlaps(b) for a, b in combinations(frames, 2))
    assert frames[0].width > 0.6 * figure.bbox.width
    assert all(drawn(figure, f"cluster {k}") for k in range(picture.core.size))


def test_the_events_of_the_smoke_test_are_of_all_kinds() -> None:
    pictures = [event(mass, lane) for mass in (0.2, 1.0) for lane in LANES]
    assert {len(windows(picture)) for picture in pictures} == {0, 1, 2, 3}
    assert {picture.cell.size > 0 for picture in pictures} == {False, True}


def test_pictures_are_the_same_every_time(tmp_path: Path) -> None:
    once, again = (
        save(display_figure(event(0.2, 1), "x"), tmp_path, name) for name in "ab"
    )
    assert [p.read_bytes() for p in once] == [p.read_bytes() for p in again]
