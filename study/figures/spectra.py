"""Spectra of m²(γγ) and recoil energy: signal, background and the mass window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import hist
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from generator.constants import INVFB_TO_INVPB
from study.figures.style import (
    AMBER,
    BLUE,
    GREEN,
    NOMINAL_SQRT_S_GEV,
    ORANGE,
    PURPLE,
    SELECTION_LABELS,
    SKY,
    context,
    luminosity_text,
    new_figure,
    sqrt_s_text,
    stamp,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from study.figures.tables import Array

Observable = Literal["m2", "recoil"]
Spectrum: TypeAlias = "hist.Hist[Any]"
"""A histogram of one axis."""

AXIS_LABELS: Final[Mapping[Observable, tuple[str, str]]] = {
    "m2": (r"$m^2_{\gamma\gamma}$ [GeV$^2$]", r"GeV$^2$"),
    "recoil": (r"recoil energy $E^*_\gamma$ [GeV]", "GeV"),
}

WINDOW: Final = "#d9d9d9"

BACKGROUND_LINES: Final[Mapping[str, tuple[str, str, Any]]] = {
    "aaa": (r"$\gamma\gamma\gamma$", GREEN, (0, (6, 1.5))),
    "aaaa": (r"$\gamma\gamma\gamma\gamma$", SKY, (0, (3, 1.2))),
    "aa": (r"$\gamma\gamma$ + beam background", AMBER, (0, (5, 1.2, 1, 1.2))),
    "eea": (r"$e^+e^-\gamma$", PURPLE, (0, (1, 1))),
    "mesons": (r"meson + $\gamma$", "#555555", (0, (2, 2))),
}
"""Label, colour and dashes of the backgrounds, where there are several."""

_PART_WIDTH = 1.0
_BINS_ACROSS_WINDOW = 9
_WINDOWS_SHOWN = 4.0


@dataclass(frozen=True, slots=True)
class Panel:
    """One mass: backgrounds, signal and window in one observable.

    Parameters
    ----------
    mass_GeV : float
        ALP mass [GeV].
    backgrounds : mapping
        Name of a process (`BACKGROUND_LINES`) to its cross section per bin [pb], after
        all cuts but the window; a hist.Hist of one axis, the same for all. A storage
        with variances shows the Monte Carlo error.
    signal : hist.Hist
        The same of the signal.
    low, high : float
        Mass window, in GeV² (m2) or GeV (recoil).
    """

    mass_GeV: float
    backgrounds: Mapping[str, Spectrum]
    signal: Spectrum
    low: float
    high: float

    @property
    def background(self) -> Spectrum:
        """Sum of the backgrounds."""
        first, *others = self.backgrounds.values()
        return sum(others, start=first)

    @property
    def view(self) -> tuple[float, float]:
        """Interval shown: the window and some widths on either side."""
        margin = _WINDOWS_SHOWN * (self.high - self.low) / 2.0
        start = float(self.background.axes[0].edges[0])
        return max(self.low - margin, start), self.high + margin

    @property
    def bin_width(self) -> float:
        """Least width of the bins drawn: a fixed fraction of the window."""
        return (self.high - self.low) / _BINS_ACROSS_WINDOW


def rebinned(histogram: Spectrum, width: float, low: float, high: float) -> Spectrum:
    """Return a histogram cut to [low, high] with bins of at least ``width``.

    Bins are merged, never split, so contents are kept exactly; the first and the last
    one may reach beyond the interval, and the last one may be narrower.
    """
    edges = np.asarray(histogram.axes[0].edges)
    n = len(edges) - 1
    first = int(np.clip(np.searchsorted(edges, low, "right") - 1, 0, n - 1))
    last = int(np.clip(np.searchsorted(edges, high, "left"), first + 1, n))
    starts = [first]
    for i in range(first + 1, last):
        if edges[i] - edges[starts[-1]] >= width * (1.0 - 1e-9):
            starts.append(i)
    groups = np.diff([*starts, last]).tolist()
    cut: Any = histogram[first:last]
    merged: Spectrum = cut[:: hist.rebin(groups=groups)]
    return merged


def spectra_figure(
    panels: Sequence[Panel],
    *,
    observable: Observable,
    selection: str,
    coupling_per_GeV: float,
    luminosity_invfb: float,
    sqrt_s_GeV: float = NOMINAL_SQRT_S_GEV,
) -> Figure:
    """Draw signal and background spectra, a panel per mass, windows shaded.

    Parameters
    ----------
    panels : sequence of Panel
        One to four masses.
    observable : {"m2", "recoil"}
        Axis of all panels.
    selection : str
        Selection the events passed.
    coupling_per_GeV : float
        Coupling [GeV⁻¹] at which the signal of the panels is normalised.
    luminosity_invfb : float
        Luminosity [fb⁻¹] of the event numbers.
    sqrt_s_GeV : float
        CM energy [GeV] that is quoted; defaults to that of the nominal beams.

    Raises
    ------
    ValueError
        If there is no panel.
    """
    if not panels:
        message = f"no mass to draw {observable} spectra of the {selection} selection"
        raise ValueError(message)
    with context():
        columns = min(len(panels), 2)
        rows = -(-len(panels) // columns)
        figure = new_figure(max(4.1 * columns, 6.0), 3.1 * rows + 0.5)
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes, panel in zip(grid.flat, panels, strict=False):
            _draw(axes, panel, luminosity_invfb)
            _dress(axes, panel, observable, selection)
        for axes in grid.flat[len(panels) :]:
            axes.set_visible(False)
        text = f"{sqrt_s_text(sqrt_s_GeV)}, {luminosity_text(luminosity_invfb)}"
        stamp(grid[0, 0], text, right_axes=grid[0, -1])
        _legend(figure, coupling_per_GeV, list(panels[0].backgrounds))
    return figure


def _draw(axes: Axes, panel: Panel, luminosity_invfb: float) -> None:
    low, high = panel.view
    background = _Density.of(panel.background, panel, luminosity_invfb)
    signal = _Density.of(panel.signal, panel, luminosity_invfb)
    axes.axvspan(panel.low, panel.high, color=WINDOW, lw=0.0, gid="window", zorder=0.5)
    axes.stairs(
        background.events, background.edges, color=BLUE, fill=True, alpha=0.2, lw=0.0
    )
    for density, colour, gid in (
        (background, BLUE, "background"),
        (signal, ORANGE, "signal"),
    ):
        axes.stairs(
            density.events + density.error,
            density.edges,
            baseline=np.maximum(density.events - density.error, 0.0),
            color=colour,
            fill=True,
            alpha=0.4,
            lw=0.0,
            gid=f"{gid} error",
        )
        axes.stairs(
            density.events,
            density.edges,
            baseline=None,
            color=colour,
            lw=1.2,
            gid=gid,
        )
    _draw_parts(axes, panel, luminosity_invfb)
    axes.set_yscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(_height_range(background.events, signal.events))


def _draw_parts(axes: Axes, panel: Panel, luminosity_invfb: float) -> None:
    """Draw each of several backgrounds as a thin line."""
    if len(panel.backgrounds) == 1:
        return
    for name, histogram in panel.backgrounds.items():
        _, colour, dashes = BACKGROUND_LINES[name]
        part = _Density.of(histogram, panel, luminosity_invfb)
        axes.stairs(
            part.events,
            part.edges,
            baseline=None,
            color=colour,
            ls=dashes,
            lw=_PART_WIDTH,
            gid=name,
        )


@dataclass(frozen=True, slots=True)
class _Density:
    """Events per unit of the axis with their Monte Carlo error, and bin edges."""

    events: Array
    error: Array
    edges: Array

    @classmethod
    def of(
        cls, histogram_pb: Spectrum, panel: Panel, luminosity_invfb: float
    ) -> _Density:
        merged = rebinned(histogram_pb, panel.bin_width, *panel.view)
        edges = np.asarray(merged.axes[0].edges)
        per_unit = INVFB_TO_INVPB * luminosity_invfb / np.diff(edges)
        weighted = merged.storage_type is hist.storage.Weight
        variances = merged.variances() if weighted else None
        error = np.zeros(len(edges) - 1) if variances is None else np.sqrt(variances)
        return cls(np.asarray(merged.values()) * per_unit, error * per_unit, edges)


def _height_range(background: Array, signal: Array) -> tuple[float, float]:
    """Return limits of a logarithmic axis that show both spectra, at most 7 decades."""
    top = max(background.max(), signal.max())
    if top <= 0.0:
        return 0.1, 1.0
    peaks = [peak for peak in (background.max(), signal.max()) if peak > 0.0]
    return max(0.03 * min(peaks), 1e-7 * top), 8.0 * top


def _dress(axes: Axes, panel: Panel, observable: Observable, selection: str) -> None:
    label, unit = AXIS_LABELS[observable]
    axes.set(xlabel=label, ylabel=f"events / {unit}")
    name = SELECTION_LABELS.get(selection, selection)
    for x, side, text in (
        (0.04, "left", name),
        (0.96, "right", rf"$m_a = {panel.mass_GeV:.3g}$ GeV"),
    ):
        axes.text(x, 0.95, text, transform=axes.transAxes, ha=side, va="top")


def _legend(figure: Figure, coupling_per_GeV: float, processes: Sequence[str]) -> None:
    coupling = rf"$g_{{a\gamma\gamma}} = {_scientific(coupling_per_GeV)}$ GeV$^{{-1}}$"
    several = len(processes) > 1
    name, *_ = BACKGROUND_LINES[processes[0]]
    total = "all backgrounds" if several else rf"$e^+e^-\to$ {name}"
    entries: dict[str, Artist] = {
        total: Patch(facecolor=(BLUE, 0.2), edgecolor=BLUE, lw=1.2),
        f"signal, {coupling}": Line2D([], [], color=ORANGE, lw=1.2),
        "mass window": Patch(facecolor=WINDOW),
        "MC error": Patch(facecolor=("black", 0.4)),
    }
    for label, colour, dashes in (BACKGROUND_LINES[p] for p in processes if several):
        entries[label] = Line2D([], [], color=colour, ls=dashes, lw=_PART_WIDTH)
    figure.legend(
        list(entries.values()), list(entries), loc="outside lower center", ncols=4
    )


def _scientific(value: float) -> str:
    mantissa, exponent = f"{value:.0e}".split("e")
    power = rf"10^{{{int(exponent)}}}"
    return power if mantissa == "1" else rf"{mantissa}\times {power}"
