"""Figures of radiation from made-up tables: what is drawn, and that it can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import hist
import matplotlib as mpl
import numpy as np
import pytest
import uproot

from study.figures import (
    MassPanel,
    draw_all,
    radiation_efficiency_figure,
    radiation_limits_figure,
    three_photon_mass_figure,
)
from study.figures.histograms import mass_panels
from study.figures.spectra import BACKGROUND_LINES, Panel, spectra_figure
from study.figures.style import DISCLAIMER
from study.figures.tables import read_columns
from study.names import RADIATION_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from study.figures.tables import Table

MASSES = (0.2, 0.5, 1.0, 3.0, 5.0, 8.0, 9.0)
BORN, RADIATED = 0.5, 0.44


def rows() -> Iterator[dict[str, object]]:
    """Yield the comparison of limits; the low selection is blind above 6 GeV."""
    for mass in MASSES:
        for selection in ("low", "high"):
            blind = mass > 6.0 if selection == "low" else mass < 2.0
            for luminosity in (20.0, 50_000.0):
                yield {
                    "mass_GeV": mass,
                    "selection": selection,
                    "observable": "recoil" if mass > 6.85 and not blind else "m2",
                    "luminosity_invfb": luminosity,
                    "cl": 0.9,
                    "method": "cls-exact",
                    "sigma_ratio": 1.0 - 0.02 * mass,
                    "sigma_ratio_error": 0.001,
                    "efficiency_born": 0.0 if blind else BORN,
                    "efficiency_born_error": 0.002,
                    "efficiency_radiated": 0.0 if blind else RADIATED,
                    "efficiency_radiated_error": 0.003,
                    "background_pb_born": np.nan if blind else 1.0,
                    "background_pb_born_error": np.nan if blind else 0.1,
                    "background_pb_radiated": np.nan if blind else 1.2,
                    "background_pb_radiated_error": np.nan if blind else 0.1,
                    "g_per_GeV_born": np.inf if blind else 1e-3,
                    "g_per_GeV_radiated": np.inf if blind else 1.1e-3,
                    "g_ratio": np.nan if blind else 1.1,
                    "g_ratio_mc_error": np.nan if blind else 0.01,
                }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("radiation")
    lines = [",".join(RADIATION_COLUMNS)]
    lines += [",".join(str(row[name]) for name in RADIATION_COLUMNS) for row in rows()]
    (path / "radiation.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for study, shift in (("born", 0.0), ("radiated", 0.3)):
        (path / study).mkdir()
        with uproot.recreate(path / study / "histograms.root") as file:
            for mass in MASSES:
                spectrum = peak(10.58 - shift)
                file[f"signal/m{mass:.6f}/three_photon_mass"] = spectrum
            file["background/aaa/three_photon_mass"] = peak(10.58 - shift)
    return path


@pytest.fixture(scope="module")
def table(folder: Path) -> Table:
    return read_columns(folder / "radiation.csv", RADIATION_COLUMNS)


def peak(centre: float, height: float = 100.0) -> hist.Hist[hist.storage.Weight]:
    result = hist.Hist(
        hist.axis.Regular(1500, 0.0, 15.0, name="mass"), storage=hist.storage.Weight()
    )
    values = height * np.exp(-0.5 * ((result.axes[0].centers - centre) / 0.13) ** 2)
    result.view().value, result.view().variance = values, values
    return result


def texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(mpl.text.Text))


def by_gid(figure: Figure, gid: str) -> Any:
    found = [item for item in figure.findobj() if item.get_gid() == gid]
    assert found, gid
    return found[0]


def clear_of_legends(figure: Figure, gids: list[str]) -> bool:
    """Whether no point of these lines lies inside a legend of its panel."""
    figure.canvas.draw()
    for gid in gids:
        line = by_gid(figure, gid)
        points = line.axes.transData.transform(line.get_xydata())
        for legend in line.axes.findobj(mpl.legend.Legend):
            if legend.get_window_extent().count_contains(points):
                return False
    return True


EFFICIENCIES = [
    f"{kind} {study}"
    for kind in ("low m2", "high m2", "high recoil")
    for study in ("born", "radiated")
]


def test_efficiencies_with_and_without(table: Table) -> None:
    figure = radiation_efficiency_figure(table)
    for gid in EFFICIENCIES:
        y = by_gid(figure, gid).get_ydata()
        assert set(y) == {BORN if gid.endswith("born") else RADIATED}
    x, y = by_gid(figure, "high recoil signal").get_data()
    assert x.tolist() == [8.0, 9.0]
    np.testing.assert_allclose(y, (1.0 - 0.02 * x) * RADIATED / BORN)
    x, y = by_gid(figure, "sigma ratio").get_data()
    assert x.tolist() == list(MASSES)
    np.testing.assert_allclose(y, 1.0 - 0.02 * x)
    text = texts(figure)
    for entry in (DISCLAIMER, "10.58", "without radiation", "recoil", "cross section"):
        assert entry in text
    assert clear_of_legends(figure, EFFICIENCIES)


def test_ratio_of_the_limits(table: Table) -> None:
    figure = radiation_limits_figure(table, cl=0.9, method="cls-exact")
    gids = [
        f"{kind} {luminosity}"
        for kind in ("low m2", "high m2", "high recoil")
        for luminosity in ("20", "50000")
    ]
    for gid in gids:
        np.testing.assert_allclose(by_gid(figure, gid).get_ydata(), 1.1)
    x, y = by_gid(figure, "low m2 signal alone").get_data()
    assert x.tolist() == [0.2, 0.5, 1.0, 3.0, 5.0]
    np.testing.assert_allclose(y, ((1.0 - 0.02 * x) * RADIATED / BORN) ** -0.5)
    text = texts(figure)
    for entry in (DISCLAIMER, "90% CL", "20 fb", "50 ab", "signal alone"):
        assert entry in text
    assert clear_of_legends(figure, gids)
    with pytest.raises(ValueError, match=r"no rows with cl=0\.95"):
        radiation_limits_figure(table, cl=0.95, method="cls-exact")


def test_no_limit_anywhere_is_still_a_figure(table: Table) -> None:
    blind = table.copy()
    blind["g_ratio"] = np.nan
    for name in ("efficiency_born", "efficiency_radiated"):
        blind[name] = 0.0
    assert radiation_limits_figure(blind, cl=0.9, method="cls-exact").axes
    assert radiation_efficiency_figure(blind).axes


def test_three_photon_masses_share_their_norm(folder: Path) -> None:
    files = [folder / study / "histograms.root" for study in ("born", "radiated")]
    panels = mass_panels(*files)
    assert [panel.label for panel in panels] == [
        r"$m_a = 0.5$ GeV",
        r"$m_a = 1$ GeV",
        r"$m_a = 5$ GeV",
        r"$e^+e^-\to\gamma\gamma\gamma$",
    ]
    figure = three_photon_mass_figure(panels)
    for study, centre in (("born", 10.58), ("radiated", 10.28)):
        drawn = by_gid(figure, study).get_data()
        area = drawn.values @ np.diff(drawn.edges)
        mean = drawn.values @ ((drawn.edges[1:] + drawn.edges[:-1]) / 2)
        assert area == pytest.approx(1.0, rel=1e-3)
        assert mean / drawn.values.sum() == pytest.approx(centre, abs=0.02)
    assert DISCLAIMER in texts(figure)
    weak = MassPanel("x", peak(10.58), peak(10.58, 50.0))
    drawn = by_gid(three_photon_mass_figure([weak]), "radiated").get_data()
    assert drawn.values @ np.diff(drawn.edges) == pytest.approx(0.5, rel=1e-3)


def test_empty_spectra_are_drawn_as_nothing() -> None:
    nothing = MassPanel("x", peak(10.58, 0.0), peak(10.58, 0.0))
    assert three_photon_mass_figure([nothing]).axes
    with pytest.raises(ValueError, match="no sample to draw"):
        three_photon_mass_figure([])


def test_a_folder_gives_all_figures(folder: Path) -> None:
    names = {path.name for path in draw_all(folder)}
    stems = (
        "radiation_efficiency",
        "radiation_limits_cls-exact_90cl",
        "three_photon_mass",
    )
    assert names == {f"{stem}.{end}" for stem in stems for end in ("pdf", "png")}


@pytest.mark.parametrize("damage", ["column", "histogram"])
def test_damaged_folders_give_one_line(
    folder: Path, tmp_path: Path, damage: str
) -> None:
    for study in ("born", "radiated"):
        (tmp_path / study).mkdir()
        source = folder / study / "histograms.root"
        (tmp_path / study / "histograms.root").write_bytes(source.read_bytes())
    text = (folder / "radiation.csv").read_text("utf-8")
    if damage == "column":
        text = text.replace("sigma_ratio,", "ratio,", 1)
        message = "lacks the columns sigma_ratio"
    else:
        with uproot.recreate(tmp_path / "born" / "histograms.root") as file:
            file["signal/m0.500000/other"] = peak(10.58)
        message = "has no 'signal/m0.500000/three_photon_mass'"
    (tmp_path / "radiation.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message) as caught:
        draw_all(tmp_path)
    assert "\n" not in str(caught.value)


# several backgrounds


def flat(height: float, edges: NDArray[np.float64]) -> Any:
    result = hist.Hist(hist.axis.Variable(edges), storage=hist.storage.Weight())
    values = np.full(edges.size - 1, height)
    result.view().value, result.view().variance = values, values**2
    return result


def several(backgrounds: dict[str, float]) -> Figure:
    edges = np.linspace(0.0, 2.0, 201)
    parts = {name: flat(height, edges) for name, height in backgrounds.items()}
    panel = Panel(1.0, parts, flat(1e-3, edges), 0.88, 1.06)
    return spectra_figure(
        [panel],
        observable="m2",
        selection="low",
        coupling_per_GeV=1e-3,
        luminosity_invfb=20.0,
    )


def test_backgrounds_add_up_and_are_named() -> None:
    figure = several({"aaa": 0.03, "eea": 0.01, "mesons": 0.002})
    total = by_gid(figure, "background").get_data().values
    np.testing.assert_allclose(total, 0.042 * 2e4 / 0.01)
    parts = [
        by_gid(figure, name).get_data().values for name in ("aaa", "eea", "mesons")
    ]
    np.testing.assert_allclose(np.sum(parts, axis=0), total)
    text = texts(figure)
    assert "all backgrounds" in text
    for name in ("aaa", "eea", "mesons"):
        assert BACKGROUND_LINES[name][0] in text
    assert BACKGROUND_LINES["aa"][0] not in text


def test_a_single_background_is_named_in_full() -> None:
    text = texts(several({"eea": 0.03}))
    assert r"$e^+e^-\to$ $e^+e^-\gamma$" in text
    assert "all backgrounds" not in text
