"""Draw every figure that the files of a results folder allow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from generator.alp import production_cross_section_pb
from study.config import Config
from study.figures.efficiency import efficiency_figure, rules_of
from study.figures.histograms import (
    WINDOW_COLUMNS,
    mass_panels,
    own_windows,
    panels_of,
)
from study.figures.landscape import WIDE
from study.figures.limits import limits_figure
from study.figures.published import comparisons, limits_vs_published
from study.figures.radiation import (
    radiation_efficiency_figure,
    radiation_limits_figure,
)
from study.figures.separation import (
    opening_figure,
    outcomes_figure,
    regions_figure,
)
from study.figures.spectra import spectra_figure
from study.figures.style import save
from study.figures.tables import LIMIT_COLUMNS, read_columns, statistics_of
from study.figures.three_photon_mass import three_photon_mass_figure
from study.figures.trigger import trigger_figure
from study.load import parse, read_file
from study.names import (
    EFFICIENCY_COLUMNS,
    OPENING_COLUMNS,
    RADIATION_COLUMNS,
    SEPARATION_COLUMNS,
    TRIGGER_COLUMNS,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Named = tuple[str, "Figure"]
Draw = Callable[[Path, Config], Iterator[Named]]

MASS_SPECTRA: Final = ("born/histograms.root", "radiated/histograms.root")
"""Files of the two scans that a comparison draws from."""
SIGNAL_COUPLING_PER_GEV: Final = 1e-3
"""Coupling [GeV⁻¹] of the signal in the spectra."""


def draw_all(folder: Path) -> list[Path]:
    """Draw everything a results folder has files for, into ``folder/figures``.

    ``limits.csv`` gives the limits and their comparison with published ones,
    ``efficiency.csv`` the efficiencies, ``histograms.root`` with ``windows.csv`` the
    spectra, ``radiation.csv`` what radiation changes, ``separation.csv``,
    ``opening.csv`` and ``trigger.csv`` what becomes of photon pairs. Beams and clusters
    are those of ``config.toml``, if there is one.

    Parameters
    ----------
    folder : Path
        A results folder.

    Returns
    -------
    list of Path
        The files written, a PNG and a PDF per figure.

    Raises
    ------
    FileNotFoundError
        If there is no such folder or it has none of those files.
    ValueError
        One line: a file that cannot be read or lacks a column or a histogram, or a
        figure that cannot be written.
    """
    if not folder.is_dir():
        kind = "not a folder" if folder.exists() else "no such folder"
        message = f"{folder}: {kind}; expected a results folder"
        raise FileNotFoundError(message)
    try:
        drawable = _drawable(folder)
        config = _config(folder)
        return [
            path
            for draw in drawable
            for name, figure in draw(folder, config)
            for path in save(figure, folder / "figures", name)
        ]
    except FileNotFoundError:
        raise
    except OSError as error:
        message = f"{error.filename or folder}: {error.strerror or error}"
        raise ValueError(message) from None


def _drawable(folder: Path) -> list[Draw]:
    """Return what the folder has the files for, or say which files it should have."""
    sources: dict[tuple[str, ...], Draw] = {
        ("limits.csv",): _limits,
        ("efficiency.csv",): _efficiencies,
        ("histograms.root", "windows.csv"): _spectra,
        ("radiation.csv", *MASS_SPECTRA): _radiation,
        ("separation.csv",): _separation,
        ("opening.csv",): _openings,
        ("trigger.csv",): _triggers,
    }
    found = [
        draw
        for files, draw in sources.items()
        if all((folder / name).exists() for name in files)
    ]
    if not found:
        wanted = " or ".join(" with ".join(files) for files in sources)
        message = f"nothing to draw in {folder}: needs {wanted}"
        raise FileNotFoundError(message)
    return found


def _config(folder: Path) -> Config:
    """Return the configuration of the folder; without one, the defaults."""
    path = folder / "config.toml"
    if not path.exists():
        return Config()
    data = read_file(path)
    data.pop("kind", None)
    return parse(data, str(path))


def _limits(folder: Path, config: Config) -> Iterator[Named]:
    table = read_columns(folder / "limits.csv", LIMIT_COLUMNS)
    sqrt_s = config.beams.build().sqrt_s_GeV
    pairs = statistics_of(table)
    for cl, method in pairs:
        name = f"{method}_{100.0 * cl:g}cl"
        figure = limits_figure(table, cl=cl, method=method, sqrt_s_GeV=sqrt_s)
        yield f"limits_{name}", figure
        if comparisons(table, cl=cl, method=method):
            figure = limits_vs_published(table, cl=cl, method=method, sqrt_s_GeV=sqrt_s)
            yield f"limits_vs_published_{name}", figure
    cl, method = pairs[0]
    figure = limits_figure(table, cl=cl, method=method, view=WIDE, sqrt_s_GeV=sqrt_s)
    yield "limits_overview", figure


def _efficiencies(folder: Path, config: Config) -> Iterator[Named]:
    table = read_columns(folder / "efficiency.csv", EFFICIENCY_COLUMNS)
    sqrt_s = config.beams.build().sqrt_s_GeV
    rules = rules_of(table)
    for rule in rules:
        name = "efficiency" if len(rules) == 1 else f"efficiency_{rule}"
        yield name, efficiency_figure(table, rule=rule, sqrt_s_GeV=sqrt_s)


def _separation(folder: Path, config: Config) -> Iterator[Named]:
    table = read_columns(folder / "separation.csv", SEPARATION_COLUMNS)
    sqrt_s = config.beams.build().sqrt_s_GeV
    yield "separation", outcomes_figure(table, sqrt_s_GeV=sqrt_s)
    yield "separation_regions", regions_figure(table, sqrt_s_GeV=sqrt_s)


def _openings(folder: Path, config: Config) -> Iterator[Named]:
    table = read_columns(folder / "opening.csv", OPENING_COLUMNS)
    sqrt_s = config.beams.build().sqrt_s_GeV
    yield "separation_opening", opening_figure(table, sqrt_s_GeV=sqrt_s)


def _triggers(folder: Path, config: Config) -> Iterator[Named]:
    table = read_columns(folder / "trigger.csv", TRIGGER_COLUMNS)
    sqrt_s = config.beams.build().sqrt_s_GeV
    for model in dict.fromkeys(table["model"].tolist()):
        figure = trigger_figure(table, model=model, sqrt_s_GeV=sqrt_s)
        yield f"trigger_{model}", figure


def _spectra(folder: Path, config: Config) -> Iterator[Named]:
    lines = (folder / "windows.csv").read_text("utf-8").splitlines()
    if len(lines) == 1:  # no selection keeps any signal: nothing to show
        return
    windows = read_columns(folder / "windows.csv", WINDOW_COLUMNS)
    own = config.own
    windows = own_windows(windows, own.crystals, own.rule(config.detector.merge_rule))
    beams = config.beams.build()

    def cross_section_pb(mass_GeV: float) -> float:
        coupling = SIGNAL_COUPLING_PER_GEV
        return float(production_cross_section_pb(mass_GeV, coupling, beams.s_GeV2))

    panels = panels_of(folder / "histograms.root", windows, cross_section_pb)
    for (selection, observable), some in panels.items():
        figure = spectra_figure(
            some,
            observable=observable,
            selection=selection,
            coupling_per_GeV=SIGNAL_COUPLING_PER_GEV,
            luminosity_invfb=min(config.limits.luminosities_invfb),
            sqrt_s_GeV=beams.sqrt_s_GeV,
        )
        yield f"spectra_{selection}_{observable}", figure


def _radiation(folder: Path, config: Config) -> Iterator[Named]:
    table = read_columns(folder / "radiation.csv", RADIATION_COLUMNS)
    sqrt_s = config.beams.build().sqrt_s_GeV
    figure = radiation_efficiency_figure(table, sqrt_s_GeV=sqrt_s)
    yield "radiation_efficiency", figure
    pairs = zip(table["cl"].tolist(), table["method"].tolist(), strict=True)
    for cl, method in dict.fromkeys(pairs):
        name = f"radiation_limits_{method}_{100.0 * cl:g}cl"
        yield (
            name,
            radiation_limits_figure(table, cl=cl, method=method, sqrt_s_GeV=sqrt_s),
        )
    panels = mass_panels(*(folder / name for name in MASS_SPECTRA))
    yield "three_photon_mass", three_photon_mass_figure(panels, sqrt_s_GeV=sqrt_s)
