"""Our expected limits next to the published ones of the same luminosity and level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.lines import Line2D

from study.figures.limits import (
    COUPLING_LABEL,
    MASS_LABEL,
    colours_of,
    draw_limit,
    limit_handles,
    stamp_text,
)
from study.figures.style import (
    MASS_TICKS_GEV,
    NOMINAL_SQRT_S_GEV,
    confidence_text,
    context,
    luminosity_text,
    new_figure,
    plain_ticks,
    stamp,
)
from study.figures.tables import Array, LimitCurve, Table, limit_curves
from study.overlays import Overlay, Record, load

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from study.figures.landscape import Entry

COMPARED: Final = (
    "belle2_2017_projection_3gamma_20fb",
    "belle2_2017_projection_3gamma_50ab",
    "belle2_2020_observed",
)
"""Published curves with a stated luminosity and confidence level."""

_LEGEND_WIDTH: Final = 0.6
_LEGEND_HEIGHT: Final = 0.40
"""Share of the upper panel that its legend takes, with some air."""

RATIO_TICKS: Final = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One of our curves and the published one it can be compared with."""

    ours: LimitCurve
    published: Overlay

    @property
    def published_per_GeV(self) -> Array:
        """Published coupling at our masses [GeV⁻¹], NaN outside its range.

        A jagged observed limit is averaged over ±6 % in mass.
        """
        if self.published.record.shape == "line":
            return self.published.interpolate(self.ours.mass_GeV)
        return self.published.local_mean(self.ours.mass_GeV)

    @property
    def ratio(self) -> Array:
        """Ours over published, shape (n,); NaN where either is missing."""
        return self.ours.median / self.published_per_GeV

    @property
    def ratio_mc_error(self) -> Array:
        """Monte Carlo error of ``ratio`` from our side, shape (n,)."""
        return self.ours.median_mc_error_per_GeV / self.published_per_GeV


def comparisons(table: Table, *, cl: float, method: str) -> list[Comparison]:
    """Return the pairs that share luminosity and confidence level, possibly none.

    Raises
    ------
    ValueError
        If columns are missing or no row has that level and method.
    """
    curves = limit_curves(table, cl=cl, method=method)
    return [
        Comparison(ours, published)
        for ours in curves
        for published in map(load, COMPARED)
        if _same(published.record.luminosity_invfb, ours.luminosity_invfb)
        and _same(published.record.cl, cl)
        and np.isfinite(ours.median).any()
    ]


def _same(published: float | None, ours: float) -> bool:
    return published is not None and bool(np.isclose(published, ours))


def limits_vs_published(
    table: Table,
    *,
    cl: float,
    method: str,
    sqrt_s_GeV: float = NOMINAL_SQRT_S_GEV,
) -> Figure:
    """Draw our limits and the published ones, and below their ratio.

    Parameters
    ----------
    table : structured array
        Rows of ``limits.csv``.
    cl, method : float, str
        Which limits of the table.
    sqrt_s_GeV : float
        CM energy [GeV] that is quoted; defaults to that of the nominal beams.

    Raises
    ------
    ValueError
        If nothing published has the luminosities and the level of the table.
    """
    pairs = comparisons(table, cl=cl, method=method)
    if not pairs:
        message = (
            f"no published curve to compare with at cl={cl:g}; "
            f"available are {_available()}"
        )
        raise ValueError(message)
    with context():
        figure = new_figure(6.6, 6.0)
        grid = {"height_ratios": (2.4, 1.0)}
        upper, lower = figure.subplots(2, 1, sharex=True, gridspec_kw=grid)
        colours = colours_of(pair.ours.luminosity_invfb for pair in pairs)
        for pair in pairs:
            colour = colours[pair.ours.luminosity_invfb]
            draw_limit(upper, pair.ours, colour)
            _draw_published(upper, pair, colour)
            _draw_ratio(lower, pair, colour)
        _dress_upper(upper, pairs, sqrt_s_GeV)
        _dress_lower(lower, pairs)
        entries = limit_handles([pair.ours for pair in pairs], colours)
        entries += _published_entries(pairs, colours)
        entries += _draw_blind(upper, pairs)
        upper.legend(
            [handle for handle, _ in entries],
            [label for _, label in entries],
            loc="upper center",
            title=confidence_text(cl, method),
            fontsize=8.5,
        )
    return figure


def _available() -> list[str]:
    records = (load(curve).record for curve in COMPARED)
    return [f"{item.luminosity_invfb:g} fb^-1 at cl={item.cl:g}" for item in records]


def _published_style(item: Record, colour: str) -> Line2D:
    projected = item.kind == "projection"
    return Line2D(
        [],
        [],
        linestyle=(0, (5, 2)) if projected else "-",
        color=colour if projected else "#666666",
        lw=1.1 if projected else 0.7,
    )


def _draw_published(axes: Axes, pair: Comparison, colour: str) -> None:
    curve = pair.published
    line = _published_style(curve.record, colour)
    line.set_data(curve.mass_GeV[curve.is_data], curve.coupling_per_GeV[curve.is_data])
    line.set(zorder=2.8, gid=curve.record.id)
    axes.add_line(line)


def _published_entries(
    pairs: list[Comparison], colours: Mapping[float, str]
) -> list[Entry]:
    entries: list[Entry] = []
    for pair in pairs:
        item, luminosity = pair.published.record, pair.ours.luminosity_invfb
        verb = "projected" if item.kind == "projection" else "observed"
        text = f"{item.references[0]}, {verb}, {luminosity_text(luminosity)}"
        entries.append((_published_style(item, colours[luminosity]), text))
    return entries


def _draw_blind(axes: Axes, pairs: list[Comparison]) -> list[Entry]:
    """Mark, at the top, the masses at which some curve has no limit."""
    masses = [pair.ours.mass_GeV[np.isnan(pair.ours.median)] for pair in pairs]
    blind = np.unique(np.concatenate(masses))
    if blind.size == 0:
        return []
    (marks,) = axes.plot(
        blind,
        np.full(blind.size, 0.975),
        transform=axes.get_xaxis_transform(),
        linestyle="none",
        marker="^",
        ms=4.0,
        mfc="white",
        mec="#555555",
        mew=0.8,
        gid="blind",
    )
    return [(marks, "no sensitivity at this mass")]


def _draw_ratio(axes: Axes, pair: Comparison, colour: str) -> None:
    axes.errorbar(
        pair.ours.mass_GeV,
        pair.ratio,
        yerr=pair.ratio_mc_error,
        color=colour,
        marker="o",
        ms=2.5,
        lw=1.0,
        elinewidth=0.8,
        zorder=3.0,
        gid=f"ratio {pair.ours.luminosity_invfb:g}",
    )


def _dress_upper(axes: Axes, pairs: list[Comparison], sqrt_s_GeV: float) -> None:
    axes.set(xscale="log", yscale="log", ylabel=COUPLING_LABEL)
    masses = np.concatenate([pair.ours.mass_GeV for pair in pairs])
    axes.set_xlim(0.85 * masses.min(), 1.15 * masses.max())
    axes.set_ylim(_height_range(axes, pairs))
    stamp(axes, stamp_text([pair.ours for pair in pairs], sqrt_s_GeV))


def _height_range(axes: Axes, pairs: list[Comparison]) -> tuple[float, float]:
    """Return limits of the coupling that leave room for the legend, top centre."""
    masses = np.concatenate([pair.ours.mass_GeV for pair in pairs])
    median = np.concatenate([pair.ours.median for pair in pairs])
    upper = np.concatenate([pair.ours.coupling_per_GeV[:, 4] for pair in pairs])
    bottom = 0.4 * np.nanmin(median)
    left, right = np.log(axes.get_xlim())
    across = (np.log(masses) - left) / (right - left)
    below = (abs(across - 0.5) < _LEGEND_WIDTH / 2.0) & np.isfinite(upper)
    highest = max(upper[below].max(), bottom) if below.any() else bottom
    clear = bottom * (highest / bottom) ** (1.0 / (1.0 - _LEGEND_HEIGHT))
    return bottom, max(clear, 2.0 * np.nanmax(median))


def _dress_lower(axes: Axes, pairs: list[Comparison]) -> None:
    axes.axhline(1.0, color="black", lw=0.7, ls=":")
    axes.set(xlabel=MASS_LABEL, yscale="log")
    axes.set_ylabel("ratio to published\n(bars: MC error)", fontsize=10.0)
    ratios = np.concatenate([pair.ratio for pair in pairs])
    ratios = ratios[np.isfinite(ratios)]
    low, high = (ratios.min(), ratios.max()) if ratios.size else (1.0, 1.0)
    axes.set_ylim(min(0.45, 0.8 * low), max(2.2, 1.25 * high))
    plain_ticks(axes.yaxis, RATIO_TICKS)
    plain_ticks(axes.xaxis, MASS_TICKS_GEV)
