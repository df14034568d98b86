"""Figures of resolved and merged photons: what is drawn, and that it can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pytest

from study.efficiencies import clopper_pearson
from study.figures.separation import (
    half_mass_GeV,
    opening_figure,
    outcomes_figure,
    regions_figure,
    variants,
)
from study.figures.style import DISCLAIMER, context, save
from study.names import OUTCOMES, SHOWER
from tests.study import synthetic_separation as synthetic
from tests.study.synthetic_separation import by_gid, texts

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

    from study.figures.tables import Table

NAMES = ("square 1", "square 2", "square 4", SHOWER)
REGIONS = ("forward", "barrel", "backward")


@pytest.fixture(scope="module")
def table() -> Table:
    return synthetic.separation_table()


@pytest.fixture(scope="module")
def openings() -> Table:
    return synthetic.opening_table()


def bars(line: Any) -> Any:
    """Return the lower and upper ends of the bars of a line, (2, n)."""
    (container,) = (c for c in line.axes.containers if c.lines[0] is line)
    return np.array([s[:, 1] for s in container.lines[2][0].get_segments()]).T


def clear_of_legends(figure: Figure) -> bool:
    """Whether no point of a curve lies inside a legend."""
    with context():
        figure.draw_without_rendering()
    legends = figure.findobj(mpl.legend.Legend)
    assert legends
    boxes = [legend.get_window_extent() for legend in legends]
    return not any(
        box.count_contains(axes.transData.transform(curve.get_xydata()))
        for box in boxes
        for axes in figure.axes
        for curve in axes.get_lines()
        if curve.get_gid()
    )


# the half mass


@pytest.mark.parametrize("edge", [0.1, 0.21, 0.45])
def test_half_mass_of_a_smooth_edge(edge: float) -> None:
    mass = np.geomspace(0.05, 10.0, 60)
    resolved = 0.8 * np.array([synthetic.turn_on(m, edge) for m in mass])
    half = half_mass_GeV(mass, resolved, 0.8 - resolved)
    assert half == pytest.approx(edge, rel=2e-3)


def test_half_mass_is_linear_in_the_logarithm_of_the_mass() -> None:
    mass = np.array([4.0, 0.1, 1.0])  # in any order
    resolved, merged = np.array([8.0, 0.0, 2.0]), np.array([2.0, 9.0, 8.0])
    # from a ratio of 0.2 at 1 GeV to 0.8 at 4 GeV: half way in the logarithm
    assert half_mass_GeV(mass, resolved, merged) == pytest.approx(2.0)
    assert half_mass_GeV(mass, 1e-3 * resolved, 1e-3 * merged) == pytest.approx(2.0)


def test_half_mass_takes_the_last_rise_and_skips_masses_without_pairs() -> None:
    mass = np.array([1.0, 2.0, 3.0, 4.0, 8.0, 9.0])
    ratio = np.array([0.4, 0.6, 0.3, 0.25, 0.75, 0.9])
    found = half_mass_GeV(mass, ratio, 1.0 - ratio)
    assert found == pytest.approx(np.sqrt(4.0 * 8.0))
    seen = np.array([1.0, 1.0, 1.0, 1.0, 0.0, 1.0])
    found = half_mass_GeV(mass, ratio * seen, (1.0 - ratio) * seen)
    assert found is not None
    assert found == pytest.approx(4.0 * (9.0 / 4.0) ** (0.25 / 0.65))


@pytest.mark.parametrize("ratio", [[0.1, 0.2, 0.49], [0.5, 0.8, 0.9], [0.9, 0.6, 0.1]])
def test_without_a_rise_there_is_no_half_mass(ratio: list[float]) -> None:
    mass, resolved = np.array([1.0, 2.0, 3.0]), np.array(ratio)
    assert half_mass_GeV(mass, resolved, 1.0 - resolved) is None
    nothing = np.zeros(3)
    assert half_mass_GeV(mass, nothing, nothing) is None
    just = np.array([0.1, 0.2, 0.5])  # negative control
    assert half_mass_GeV(mass, just, 1.0 - just) == pytest.approx(3.0)


# outcomes


@pytest.mark.parametrize("region", ["all", "forward"])
def test_every_variant_has_a_curve_with_bars_in_every_panel(
    table: Table, region: str
) -> None:
    figure = outcomes_figure(table, region=region)
    for panel, outcome in zip(figure.axes, OUTCOMES, strict=True):
        assert panel.get_ylabel() == outcome
        for name in NAMES:
            rule, _, n = name.partition(" ")
            rows = table[
                (table["region"] == region)
                & (table["outcome"] == outcome)
                & (table["rule"] == rule)
                & (table["crystals"] == int(n or 0))
            ]
            line = by_gid(figure, f"{outcome} {name}")
            assert line.axes is panel
            x, y = line.get_data()
            np.testing.assert_array_equal(x, rows["mass_GeV"])
            np.testing.assert_array_equal(y, rows["share"])
            ends = np.stack([rows["share_lower"], rows["share_upper"]])
            np.testing.assert_allclose(bars(line), ends, atol=1e-12)
    assert ("forward endcap" in texts(figure)) == (region == "forward")


def test_the_panel_of_resolved_pairs_is_the_largest(table: Table) -> None:
    figure = outcomes_figure(table)
    with context():
        figure.draw_without_rendering()
    heights = [axes.get_position().height for axes in figure.axes]
    assert heights[0] > 1.8 * max(heights[1:])
    for axes in figure.axes:
        assert axes.get_xscale() == "log"
        assert axes.get_xlim() == figure.axes[0].get_xlim()
        assert axes.get_ylim()[0] == 0.0
    assert clear_of_legends(figure)
    figure.axes[0].set_ylim(0.0, 1.0)
    assert not clear_of_legends(figure)  # negative control


def test_half_masses_are_marked_on_the_curves_and_in_the_legend(table: Table) -> None:
    figure = outcomes_figure(table)
    edges = dict(zip(NAMES, (0.1, 0.21, 0.45, 0.16), strict=True))
    for name, edge in edges.items():
        mark, curve = by_gid(figure, f"half {name}"), by_gid(figure, f"resolved {name}")
        x, y = (float(values[0]) for values in mark.get_data())
        assert x == pytest.approx(edge, rel=0.02)
        assert y == pytest.approx(0.5 * max(curve.get_ydata()), rel=0.05)
        assert mark.get_color() == curve.get_color()
    text = texts(figure)
    for entry in (
        "1 crystal, half at 0.10 GeV",
        "2 crystals, half at 0.21 GeV",
        "4 crystals, half at 0.45 GeV",
        "shower model, half at 0.16 GeV",
        DISCLAIMER,
        "10.58",
        "share of signal events",
    ):
        assert entry in text
    assert by_gid(figure, f"resolved {SHOWER}").get_color() == "black"


def test_no_half_mass_no_mark(table: Table) -> None:
    heavy = table[table["mass_GeV"] > 1.0]
    figure = outcomes_figure(heavy)
    assert not [i for i in figure.findobj() if str(i.get_gid()).startswith("half")]
    assert "half at" not in texts(figure)
    assert "4 crystals" in texts(figure)


def test_several_rules_are_told_apart(table: Table) -> None:
    other = table[table["rule"] == "square"].copy()
    other["rule"] = "cross"
    both = np.concatenate([table, other])
    labels = [variant.label for variant in variants(both)]
    assert labels == [
        *(f"{n}, cross" for n in ("1 crystal", "2 crystals", "4 crystals")),
        *(f"{n}, square" for n in ("1 crystal", "2 crystals", "4 crystals")),
        "shower model",
    ]
    assert len({variant.tint for variant in variants(both)}) == 7
    figure = outcomes_figure(both)
    assert by_gid(figure, "resolved cross 2").get_color() != (
        by_gid(figure, "resolved square 2").get_color()
    )
    assert clear_of_legends(figure)


def test_one_mass_and_one_variant_are_still_a_figure(tmp_path: Path) -> None:
    table = synthetic.separation_table([0.3])
    table = table[table["rule"] == SHOWER]
    assert len(save(outcomes_figure(table), tmp_path, "outcomes")) == 2
    assert len(save(regions_figure(table), tmp_path, "regions")) == 2


# ratios


def test_a_panel_for_every_region_with_its_own_half_masses(table: Table) -> None:
    figure = regions_figure(table)
    assert len(figure.axes) == 3
    for panel, region in zip(figure.axes, REGIONS, strict=True):
        for name, edge in zip(NAMES, (0.1, 0.21, 0.45, 0.16), strict=True):
            line = by_gid(figure, f"{region} {name}")
            assert line.axes is panel
            x, y = line.get_data()
            moved = edge * synthetic.REGIONS[region]
            expected = np.array([synthetic.turn_on(mass, moved) for mass in x])
            np.testing.assert_allclose(y, expected)
            trials = synthetic.EVENTS * (0.87 if name == SHOWER else 0.89)
            ends = clopper_pearson(expected * trials, trials)
            np.testing.assert_allclose(bars(line), ends, atol=1e-9)
        legend = panel.get_legend()
        assert legend is not None
        shown = [text.get_text() for text in legend.get_texts()]
        assert float(shown[1]) == pytest.approx(
            0.21 * synthetic.REGIONS[region], rel=0.05
        )
        assert (
            legend.get_title()
            .get_text()
            .startswith(
                {"forward": "forward endcap", "backward": "backward endcap"}.get(
                    region, region
                )
            )
        )
    assert "resolved / (resolved + merged)" in texts(figure)
    assert DISCLAIMER in texts(figure)
    assert clear_of_legends(figure)


def test_opening_angles_stand_at_the_centres_of_their_bins(openings: Table) -> None:
    figure = opening_figure(openings)
    centres = 0.5 * (synthetic.WIDTHS[1:] + synthetic.WIDTHS[:-1])
    for region in REGIONS:
        for name, n in zip(NAMES, (1, 2, 4, None), strict=True):
            x, y = by_gid(figure, f"{region} {name}").get_data()
            np.testing.assert_allclose(x, centres[1:])  # the first bin has no events
            edge = 1.7 if n is None else 1.1 * n
            expected = [synthetic.turn_on(value, edge) for value in x]
            np.testing.assert_allclose(y, expected)
    text = texts(figure)
    assert "crystal widths" in text
    for value in ("1.1", "2.2", "4.4", "1.7"):
        assert value in text
    assert figure.axes[0].get_xlim()[0] == 0.0
    assert clear_of_legends(figure)


def test_bins_without_an_end_and_without_pairs_are_left_out(openings: Table) -> None:
    rows = openings.copy()
    rows["opening_high"][rows["opening_high"] == 8.0] = np.inf
    blind = rows["opening_low"] == 1.0
    rows["share"][blind] = rows["outcome"][blind] == "lost"
    x, _ = by_gid(opening_figure(rows), "barrel square 2").get_data()
    centres = 0.5 * (synthetic.WIDTHS[1:] + synthetic.WIDTHS[:-1])
    np.testing.assert_allclose(x, [*centres[1:2], *centres[3:-1]])


def test_a_ratio_that_never_rises_has_a_dash(table: Table) -> None:
    heavy = table[table["mass_GeV"] > 1.0]
    legend = regions_figure(heavy).axes[0].get_legend()
    assert legend is not None
    assert {t.get_text() for t in legend.get_texts()} == {"\N{EN DASH}"}


# tables that cannot be drawn


def test_bad_tables_give_one_line(table: Table, openings: Table) -> None:
    names = table.dtype.names or ()
    with pytest.raises(ValueError, match="separation table lacks the columns share_l"):
        outcomes_figure(table[[name for name in names if name != "share_lower"]])
    with pytest.raises(ValueError, match="opening table lacks the columns opening_low"):
        opening_figure(table)
    with pytest.raises(ValueError, match=r"no rows with region='top'; it has \['all'"):
        outcomes_figure(table, region="top")
    with pytest.raises(ValueError, match=r"no rows with region='barrel'; it has"):
        opening_figure(openings[openings["region"] != "barrel"])
    halved = table[~((table["outcome"] == "merged") & (table["mass_GeV"] > 1.0))]
    with pytest.raises(ValueError, match=r"every outcome once per mass_GeV.*'square'"):
        outcomes_figure(halved)
    with pytest.raises(ValueError, match="every outcome once per mass_GeV") as caught:
        regions_figure(np.concatenate([table, table]))
    assert "\n" not in str(caught.value)
    words = table.astype([(n, "U9" if n == "share" else table.dtype[n]) for n in names])
    with pytest.raises(ValueError, match="column share must hold numbers only"):
        outcomes_figure(words)
