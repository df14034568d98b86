"""Figure of the trigger lines: what is drawn, and that names do not collide."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pytest

from detector.trigger_lines import HltLine
from study.figures.style import DISCLAIMER, context, save
from study.figures.trigger import L1_LINES, VETOES, spread, trigger_figure
from study.names import SHOWER
from tests.study import synthetic_separation as synthetic
from tests.study.synthetic_separation import by_gid, texts

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

    from study.figures.tables import Table


@pytest.fixture(scope="module")
def table() -> Table:
    return synthetic.trigger_table()


def name_boxes(figure: Figure) -> list[Bbox]:
    with context():
        figure.draw_without_rendering()
        names = figure.findobj(mpl.text.Text)
        return [n.get_window_extent() for n in names if n.get_gid() == "line name"]


KINDS = [
    *(("l1", line) for line in L1_LINES),
    *(("simple", line) for line in ("2017", "2017-coarse")),
    *(("hlt", str(line)) for line in HltLine),
]


def test_every_line_has_its_curve_in_its_panel(table: Table) -> None:
    figure = trigger_figure(table, model=SHOWER)
    upper, lower = figure.axes
    for level, line in KINDS:
        curve = by_gid(figure, f"{level} {line}")
        assert curve.axes is (lower if level == "hlt" else upper)
        x, y = curve.get_data()
        np.testing.assert_array_equal(x, synthetic.MASSES_GEV)
        expected = [synthetic.trigger_efficiency(level, line, mass) for mass in x]
        np.testing.assert_allclose(y, expected)
        assert (curve.get_linestyle() == "--") == (line in VETOES)
        assert (curve.get_color() == "black") == (level == "simple")
    assert {str(line) for line in VETOES} == {"bha3d", "gg2clst", "ee2clst"}
    text = texts(figure)
    for entry in (
        DISCLAIMER,
        "10.58",
        "shower model",
        "three photons in the acceptance",
        "gg2clst (veto)",
        "2017, coarse",
    ):
        assert entry in text
    looks = {
        (c.get_color(), c.get_linestyle(), c.get_marker())
        for c in (by_gid(figure, f"{level} {line}") for level, line in KINDS[:9])
    }
    assert len(looks) == 9


def test_models_are_told_apart(table: Table) -> None:
    rows = table.copy()
    rows["efficiency"][rows["model"] == SHOWER] *= 0.5
    rows["efficiency_lower"][rows["model"] == SHOWER] *= 0.5
    own, other = (trigger_figure(rows, model=m) for m in (SHOWER, "separation"))
    half, whole = (by_gid(f, "l1 hie").get_ydata() for f in (own, other))
    np.testing.assert_allclose(half, 0.5 * whole)
    assert "merging rule" in texts(other)


def test_names_do_not_collide_and_are_beside_the_panels(table: Table) -> None:
    crowded = table.copy()
    crowded["efficiency"] = 0.97  # every curve ends at the same height
    for rows in (table, crowded):
        figure = trigger_figure(rows, model=SHOWER)
        boxes = name_boxes(figure)
        assert len(boxes) == len(KINDS)
        assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
        for axes in figure.axes:
            frame = axes.get_window_extent()
            assert not any(frame.overlaps(box) for box in boxes)
        width = figure.get_window_extent().x1
        assert all(box.x1 < width for box in boxes)


def test_lines_can_be_chosen(table: Table) -> None:
    figure = trigger_figure(
        table, model=SHOWER, l1_lines=("c4",), hlt_lines=("single_photon",)
    )
    drawn = {str(i.get_gid()) for i in figure.findobj() if i.get_gid()}
    curves = {"l1 c4", "hlt single_photon", "simple 2017", "simple 2017-coarse"}
    assert drawn == curves | {"line name"}
    assert len(name_boxes(figure)) == 4


def test_no_line_and_one_mass_are_still_a_figure(tmp_path: Path) -> None:
    rows = synthetic.trigger_table([0.5])
    rows = rows[rows["level"] != "simple"]
    figure = trigger_figure(rows, model=SHOWER, l1_lines=(), hlt_lines=("gg2clst",))
    assert len(save(figure, tmp_path, "trigger")) == 2


def test_bad_tables_give_one_line(table: Table) -> None:
    names = [name for name in table.dtype.names or () if name != "level"]
    with pytest.raises(ValueError, match="trigger table lacks the columns level"):
        trigger_figure(table[names], model=SHOWER)
    with pytest.raises(ValueError, match=r"model='fast'; it has \['separation', 'sh"):
        trigger_figure(table, model="fast")
    with pytest.raises(ValueError, match="level='l1', line='lml99'; it has") as caught:
        trigger_figure(table, model=SHOWER, l1_lines=("lml99",))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.5], [0.5]),
        ([0.2, 0.8], [0.2, 0.8]),
        ([0.5, 0.5], [0.45, 0.55]),
        ([0.0, 0.0, 0.0], [0.0, 0.1, 0.2]),
        ([1.0, 0.9, 1.0], [0.9, 0.8, 1.0]),
        ([], []),
    ],
)
def test_names_are_spread(values: list[float], expected: list[float]) -> None:
    found = spread(np.array(values), 0.1, 0.0, 1.0)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_spread_names_keep_their_order_and_their_range() -> None:
    rng = np.random.default_rng(20)
    for n in range(1, 14):
        values = np.round(rng.uniform(-0.2, 1.2, n), 1)
        found = spread(values, 0.1, 0.0, 1.0)
        order = np.argsort(values, kind="stable")
        gap = min(0.1, 1.0 / max(n - 1, 1))
        assert np.all(np.diff(found[order]) > gap - 1e-9)
        assert found.min() > -1e-9
        assert found.max() < 1.0 + 1e-9
