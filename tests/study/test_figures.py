"""Figures from synthetic tables: what is drawn, where names stand, what is written."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import hist
import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.path import Path as Outline

from study.figures import (
    COLLIDER,
    WIDE,
    Panel,
    draw_all,
    efficiency_figure,
    limits_figure,
    limits_vs_published,
    rebinned,
    save,
    spectra_figure,
)
from study.figures.efficiency import supported
from study.figures.limits import isolated, visible_bands
from study.figures.published import comparisons
from study.figures.style import DISCLAIMER, context, luminosity_text
from study.figures.tables import limit_curves, read_columns
from study.overlays import load
from tests.study import synthetic

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from matplotlib.figure import Figure
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox
    from numpy.typing import NDArray

    from study.figures import View
    from study.figures.tables import Table

EXACT: dict[str, Any] = {"cl": 0.9, "method": "clsb-exact"}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic.write_results(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def limits(tmp_path_factory: pytest.TempPathFactory) -> Table:
    path = tmp_path_factory.mktemp("limits") / "limits.csv"
    rows = "\n".join([synthetic.LIMIT_HEADER, *synthetic.limit_rows()])
    path.write_text(rows + "\n", encoding="utf-8")
    return read_columns(path, ["mass_GeV"])


@pytest.fixture(scope="module")
def efficiency(results: Path) -> Table:
    return read_columns(results / "efficiency.csv", ["mass_GeV"])


def _texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(mpl.text.Text))


def _by_gid(figure: Figure, gid: str) -> Any:
    found = [item for item in figure.findobj() if item.get_gid() == gid]
    assert found, gid
    return found[0]


def test_a_failed_save_leaves_nothing_behind(tmp_path: Path) -> None:
    with context():
        figure = mpl.figure.Figure(figsize=(1, 1))
    FigureCanvasAgg(figure)
    figure.text(0.5, 0.5, r"$\nonsense{$")
    with pytest.raises(ValueError, match="nonsense"):
        save(figure, tmp_path, "broken")
    assert list(tmp_path.iterdir()) == []


def test_global_settings_are_left_alone(efficiency: Table, tmp_path: Path) -> None:
    def settings() -> dict[str, Any]:
        return {key: dict.__getitem__(mpl.rcParams, key) for key in mpl.rcParams}

    before = settings()
    save(efficiency_figure(efficiency, rule="square"), tmp_path, "figure")
    assert settings() == before


def test_every_figure_carries_the_disclaimer_and_the_energy(
    limits: Table, efficiency: Table
) -> None:
    figures = [
        limits_figure(limits, **EXACT),
        limits_figure(limits, **EXACT, view=WIDE),
        limits_vs_published(limits, **EXACT),
        efficiency_figure(efficiency, rule="square"),
        _spectra(),
    ]
    for figure in figures:
        text = _texts(figure)
        assert DISCLAIMER in text
        assert "10.58" in text
    assert "20 fb" in _texts(figures[0])
    assert "50 ab" in _texts(figures[0])
    assert "20 fb" in _texts(figures[4])


@pytest.mark.parametrize(("cl", "method"), synthetic.STATISTICS)
def test_limit_figure_names_level_method_and_draws_each_luminosity(
    limits: Table, cl: float, method: str
) -> None:
    figure = limits_figure(limits, cl=cl, method=method)
    text = _texts(figure)
    assert f"{100 * cl:g}% CL" in text
    assert ("s+b" in text) == method.startswith("clsb")
    for luminosity in synthetic.LUMINOSITIES_INVFB:
        x, y = _by_gid(figure, f"median {luminosity:g}").get_data()
        i = int(np.searchsorted(x, 1.0))
        best = min(synthetic.median_coupling(x[i], s, luminosity) for s in _SELECTIONS)
        assert y[i] == pytest.approx(best)
    for end in ("20fb", "50ab"):
        for search in ("3gamma", "single_photon"):
            line = _by_gid(figure, f"belle2_2017_projection_{search}_{end}")
            assert line.get_linestyle() == "--"
    for region in COLLIDER.regions:
        vertices = load(region).polygon()
        drawn = _by_gid(figure, region).get_xy()
        np.testing.assert_array_equal(drawn[: len(vertices)], vertices)


_SELECTIONS = ("low", "high")


def test_infinite_limits_are_gaps_not_points(limits: Table) -> None:
    curve = limit_curves(limits, **EXACT)[0]
    blind = ~np.isfinite(curve.coupling_per_GeV[:, 2])
    assert 0 < blind.sum() < blind.size
    figure = limits_figure(limits, **EXACT)
    _, y = _by_gid(figure, "median 20").get_data()
    np.testing.assert_array_equal(np.isnan(y), blind)


def test_a_table_without_any_sensitivity_is_still_drawn(
    limits: Table, tmp_path: Path
) -> None:
    blind = limits.copy()
    for name in synthetic.SIGMAS:
        blind[f"g_per_GeV_{name}"] = np.inf
    blind["g_per_GeV_median_mc_error"] = np.inf
    assert len(save(limits_figure(blind, **EXACT), tmp_path, "blind")) == 2
    assert comparisons(blind, **EXACT) == []


def test_bands_fit_a_logarithmic_axis() -> None:
    inf, nan = np.inf, np.nan
    rows = np.array(
        [
            [1.0, 2.0, 3.0, 4.0, 5.0],
            [0.0, 2.0, 3.0, 4.0, inf],
            [0.0, 0.0, 3.0, inf, inf],
            [1.0, 2.0, inf, inf, inf],
        ]
    )
    expected = [
        [1.0, 2.0, 3.0, 4.0, 5.0],
        [2.0, 2.0, 3.0, 4.0, 1e3],
        [3.0, 3.0, 3.0, 1e3, 1e3],
        [nan, nan, nan, nan, nan],
    ]
    np.testing.assert_array_equal(visible_bands(rows), expected)


def test_curves_take_the_best_selection_and_mark_its_change(limits: Table) -> None:
    curve = limit_curves(limits, **EXACT)[0]
    both = np.array(
        [
            [synthetic.median_coupling(m, s, 20.0) for s in _SELECTIONS]
            for m in curve.mass_GeV
        ]
    )
    np.testing.assert_allclose(curve.coupling_per_GeV[:, 2], both.min(axis=1))
    change = np.flatnonzero(curve.switches)
    assert change.size == 1
    assert curve.selection[change[0] - 1] == "low"
    assert curve.selection[change[0]] == "high"


def test_ratio_to_published_is_ours_over_the_interpolated_curve(
    limits: Table,
) -> None:
    pairs = comparisons(limits, **EXACT)
    assert [pair.ours.luminosity_invfb for pair in pairs] == [20.0, 50000.0]
    figure = limits_vs_published(limits, **EXACT)
    x, ratio = _by_gid(figure, "ratio 20").get_data()
    i = int(np.searchsorted(x, 1.0))
    published = load("belle2_2017_projection_3gamma_20fb").interpolate(x[i])
    ours = min(synthetic.median_coupling(x[i], s, 20.0) for s in _SELECTIONS)
    assert ratio[i] == pytest.approx(ours / published)


def test_the_2020_limit_is_compared_at_its_luminosity_and_level(limits: Table) -> None:
    rows = limits[limits["cl"] == 0.95]
    rows = rows[rows["luminosity_invfb"] == 20.0].copy()
    rows["luminosity_invfb"] = 0.445
    (pair,) = comparisons(rows, cl=0.95, method="cls-asymptotic")
    assert pair.published.record.id == "belle2_2020_observed"
    text = _texts(limits_vs_published(rows, cl=0.95, method="cls-asymptotic"))
    assert "arXiv:2007.13071, observed, 445 pb" in text


def test_colours_of_projections_are_explained_when_ours_do_not(limits: Table) -> None:
    rows = limits[limits["luminosity_invfb"] == 20.0]
    text = _texts(limits_figure(rows, **EXACT))
    assert "colour of projections, 50 ab" in text
    assert "colour of projections, 20 fb" not in text


def test_nothing_published_at_that_level_is_an_error(limits: Table) -> None:
    with pytest.raises(ValueError, match=r"no published curve.*cl=0\.95.*available"):
        limits_vs_published(limits, cl=0.95, method="cls-asymptotic")


def _overlaps(boxes: Iterable[Bbox]) -> int:
    return sum(a.overlaps(b) for a, b in combinations(boxes, 2))


def _name_boxes(figure: Figure) -> tuple[list[Bbox], Bbox, Bbox]:
    """Return the boxes of region names, of the legend and of the axes [pixel]."""
    with context():
        figure.draw_without_rendering()
        names: list[Text] = figure.findobj(mpl.text.Text)
        boxes = [
            text.get_window_extent()
            for text in names
            if text.get_gid() == "region name"
        ]
        axes = figure.axes[0]
        legend = axes.get_legend()
        assert legend is not None
        return boxes, legend.get_window_extent(), axes.get_window_extent()


@pytest.mark.parametrize("view", [COLLIDER, WIDE], ids=["collider", "wide"])
def test_names_of_regions_do_not_collide(limits: Table, view: View) -> None:
    names, legend, axes = _name_boxes(limits_figure(limits, **EXACT, view=view))
    assert len(names) == len(view.spots)
    assert _overlaps([*names, legend]) == 0
    for box in names:
        assert axes.x0 < box.x0 < box.x1 < axes.x1
        assert axes.y0 < box.y0 < box.y1 < axes.y1
    assert _overlaps([*names, names[0]]) > 0  # negative control: one name twice


def test_legend_does_not_cover_our_curves_or_existing_limits(limits: Table) -> None:
    figure = limits_figure(limits, **EXACT)
    _, legend, _ = _name_boxes(figure)
    axes = figure.axes[0]
    corners = axes.transData.inverted().transform(legend.get_points())
    (left, _), (_, top) = corners
    for luminosity in synthetic.LUMINOSITIES_INVFB:
        x, y = _by_gid(figure, f"median {luminosity:g}").get_data()
        assert np.nanmin(y[x > left]) > top
    for region in COLLIDER.regions:
        mass, coupling = load(region).polygon().T
        assert not np.any((mass > left) & (coupling < top))


def test_gluex_is_left_out_because_it_is_hidden() -> None:
    shown = [Outline(np.log(load(curve).polygon())) for curve in COLLIDER.regions]

    def visible(curve: str) -> int:
        corners = np.log(load(curve).polygon())
        steps = np.linspace(0.0, 1.0, 20)[:, None, None]
        edge = (corners[:-1] * (1 - steps) + corners[1:] * steps).reshape(-1, 2)
        edge = edge[edge[:, 1] < np.log(COLLIDER.coupling_per_GeV[1])]
        hidden = np.any([region.contains_points(edge) for region in shown], axis=0)
        return int(np.count_nonzero(~hidden))

    assert visible("gluex") == 0
    assert visible("ship_projection_alpinist") > 0  # negative control


def test_efficiency_has_a_line_with_errors_per_separation_and_selection(
    efficiency: Table,
) -> None:
    figure = efficiency_figure(efficiency, rule="square")
    rows = efficiency[
        (efficiency["stage"] == "window")
        & (efficiency["crystals"] == 2)
        & (efficiency["selection"] == "low")
    ]
    x, y = _by_gid(figure, "low 2").get_data()
    drawn = np.isin(rows["mass_GeV"], x)
    assert np.all(rows["efficiency"][~drawn] == 0.0)
    assert 0 < np.count_nonzero(~drawn) < x.size
    np.testing.assert_array_equal(x, rows["mass_GeV"][drawn])
    np.testing.assert_array_equal(y, rows["efficiency"][drawn])
    assert len(figure.axes[0].containers) == 6
    text = _texts(figure)
    for entry in ("1 crystal", "2 crystals", "4 crystals", "low-mass", "high-mass"):
        assert entry in text


def _histogram(
    edges: NDArray[Any], values: NDArray[Any], variances: NDArray[Any]
) -> hist.Hist[hist.storage.Weight]:
    histogram = hist.Hist(
        hist.axis.Variable(edges, name="m2"), storage=hist.storage.Weight()
    )
    histogram.view().value, histogram.view().variance = values, variances
    return histogram


def _spectra() -> Figure:
    edges = np.linspace(0.0, 2.0, 201)
    centres = (edges[1:] + edges[:-1]) / 2.0
    signal = np.exp(-0.5 * ((centres - 1.0) / 0.04) ** 2)
    panel = Panel(
        mass_GeV=1.0,
        backgrounds={"aaa": _histogram(edges, np.full(200, 0.03), np.full(200, 1e-6))},
        signal=_histogram(edges, 1e-3 * signal, np.zeros(200)),
        low=0.88,
        high=1.06,
    )
    return spectra_figure(
        [panel],
        observable="m2",
        selection="low",
        coupling_per_GeV=1e-3,
        luminosity_invfb=20.0,
    )


def test_spectra_show_window_signal_and_background_as_events() -> None:
    figure = _spectra()
    window = _by_gid(figure, "window")
    assert window.get_x() == pytest.approx(0.88)
    assert window.get_x() + window.get_width() == pytest.approx(1.06)
    background = _by_gid(figure, "background").get_data()
    # 0.03 pb in 0.01 GeV^2 at 20 fb^-1
    np.testing.assert_allclose(background.values, 0.03 * 2e4 / 0.01)
    band = _by_gid(figure, "background error").get_data()
    merged = np.diff(background.edges) / 0.01
    error = np.sqrt(1e-6 * merged) * 2e4 / (0.01 * merged)
    np.testing.assert_allclose(band.values - background.values, error)
    np.testing.assert_allclose(background.values - band.baseline, error)
    signal = _by_gid(figure, "signal").get_data()
    bottom, top = figure.axes[0].get_ylim()
    assert bottom < signal.values.max() < top


def test_rebinning_keeps_contents_and_respects_the_width() -> None:
    rng = np.random.default_rng(20)
    edges = np.concatenate([[0.0], np.cumsum(rng.uniform(0.01, 0.3, 60))])
    values, variances = rng.uniform(0.0, 1.0, (2, 60))
    histogram = _histogram(edges, values, variances)
    merged = rebinned(histogram, 0.5, edges[0], edges[-1])
    assert merged.values().sum() == pytest.approx(values.sum())
    found = merged.variances()
    assert found is not None
    assert found.sum() == pytest.approx(variances.sum())
    assert np.all(np.diff(merged.axes[0].edges)[:-1] >= 0.5)
    assert set(merged.axes[0].edges) <= set(edges)
    part = rebinned(histogram, 0.0, edges[10], edges[20])
    np.testing.assert_array_equal(part.values(), values[10:20])
    beyond = rebinned(histogram, 0.5, edges[-1] + 1.0, edges[-1] + 2.0)
    assert beyond.values().size == 1


def test_no_panel_is_an_error() -> None:
    with pytest.raises(ValueError, match="no mass to draw m2 spectra"):
        spectra_figure(
            [],
            observable="m2",
            selection="low",
            coupling_per_GeV=1e-3,
            luminosity_invfb=20.0,
        )


def test_missing_columns_rows_and_histograms_are_named(
    limits: Table, efficiency: Table, results: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"lacks the columns cl, method"):
        limits_figure(limits[["mass_GeV", "selection", "luminosity_invfb"]], **EXACT)
    with pytest.raises(ValueError, match=r"no rows with cl=0\.99"):
        limits_figure(limits, cl=0.99, method="cls-exact")
    with pytest.raises(ValueError, match="no rows with rule='cross'"):
        efficiency_figure(efficiency, rule="cross")
    root = (results / "histograms.root").read_bytes()
    (tmp_path / "histograms.root").write_bytes(root)
    row = "7.777,low,2,square,m2,1.0,50.0,60.0,0.85"
    text = f"{synthetic.WINDOW_HEADER}\n{row}\n"
    (tmp_path / "windows.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"has no 'signal/m7\.777000/low/m2'"):
        draw_all(tmp_path)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.445, "445 pb"), (20.0, "20 fb"), (999.0, "999 fb"), (50000.0, "50 ab")],
)
def test_luminosities_are_written_in_the_customary_unit(
    value: float, text: str
) -> None:
    assert luminosity_text(value) == rf"{text}$^{{-1}}$"


def test_isolated_masses_are_points_with_bars(limits: Table) -> None:
    row = limits[np.isclose(limits["mass_GeV"], synthetic.MASSES_GEV[10])]
    figure = limits_figure(row, **EXACT)
    line = _by_gid(figure, "median 20")
    assert line.get_markevery() == [0]
    dense = _by_gid(limits_figure(limits, **EXACT), "median 20")
    assert dense.get_markevery() == []
    mask = isolated(np.array([1.0, np.nan, 2.0, 3.0, np.nan, 4.0]))
    assert mask.tolist() == [True, False, False, False, False, True]


def test_a_single_mass_still_has_ticks_and_a_comparison(limits: Table) -> None:
    row = limits[np.isclose(limits["mass_GeV"], synthetic.MASSES_GEV[10])]
    axis = limits_vs_published(row, **EXACT).axes[1].xaxis
    low, high = axis.get_view_interval()
    inside = [tick for tick in axis.get_majorticklocs() if low < tick < high]
    assert len(inside) >= 2


def test_masses_without_a_limit_are_marked_in_the_comparison(limits: Table) -> None:
    curve = limit_curves(limits, **EXACT)[0]
    figure = limits_vs_published(limits, **EXACT)
    x, _ = _by_gid(figure, "blind").get_data()
    np.testing.assert_array_equal(x, curve.mass_GeV[np.isnan(curve.median)])
    assert "no sensitivity" in _texts(figure)
    seen = limits[limits["mass_GeV"] > 0.5]
    assert "no sensitivity" not in _texts(limits_vs_published(seen, **EXACT))


def test_legend_of_the_comparison_is_clear_of_our_curves(limits: Table) -> None:
    figure = limits_vs_published(limits, **EXACT)
    _, legend, _ = _name_boxes(figure)
    axes = figure.axes[0]
    (left, bottom), (right, _) = axes.transData.inverted().transform(
        legend.get_points()
    )
    x, y = _by_gid(figure, "median 20").get_data()
    below = (x > left) & (x < right)
    assert below.any()
    assert y[below].max() < bottom
    assert np.nanmax(y) < axes.get_ylim()[1]


def test_zeros_away_from_the_curve_are_not_drawn() -> None:
    mask = supported(np.array([0.0, 0.0, 0.1, 0.2, 0.0, 0.0, 0.0]))
    assert mask.tolist() == [False, True, True, True, True, False, False]
