"""Expected limits on g_aγγ against the ALP mass, over the published landscape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from study.figures.landscape import (
    COLLIDER,
    Entry,
    View,
    draw_indicative,
    draw_projections,
    draw_view,
    landscape_handles,
)
from study.figures.style import (
    NOMINAL_SQRT_S_GEV,
    colour,
    confidence_text,
    context,
    luminosities_text,
    luminosity_text,
    new_figure,
    sqrt_s_text,
    stamp,
)
from study.figures.tables import Array, LimitCurve, Table, limit_curves

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

MASS_LABEL = r"$m_a$ [GeV]"
COUPLING_LABEL = r"$g_{a\gamma\gamma}$ [GeV$^{-1}$]"

LIGHT: Final = 0.20
DARK: Final = 0.40
"""Opacity of the ±2σ and of the ±1σ band."""

_PUBLISHED_INVFB = (20.0, 50000.0)


def colours_of(luminosities_invfb: Iterable[float]) -> dict[float, str]:
    """Return a colour per luminosity; the two of arXiv:1709.00009 keep theirs."""
    others = sorted(set(luminosities_invfb) - set(_PUBLISHED_INVFB))
    keys = [*_PUBLISHED_INVFB, *others]
    return {key: colour(i) for i, key in enumerate(keys)}


def limits_figure(
    table: Table,
    *,
    cl: float,
    method: str,
    view: View = COLLIDER,
    sqrt_s_GeV: float = NOMINAL_SQRT_S_GEV,
) -> Figure:
    """Draw the expected limits of one confidence level and method.

    Median (line), ±1σ and ±2σ (bands) of the better selection at each mass, one colour
    per luminosity; the 2017 projections as broken lines; existing limits in grey.

    Parameters
    ----------
    table : structured array
        Rows of ``limits.csv``.
    cl, method : float, str
        Which limits of the table.
    view : View
        Window and published regions; defaults to the collider one.
    sqrt_s_GeV : float
        CM energy [GeV] that is quoted; defaults to that of the nominal beams.

    Raises
    ------
    ValueError
        If columns are missing or no row matches.
    """
    curves = limit_curves(table, cl=cl, method=method)
    with context():
        figure = new_figure(7.4, 5.9)
        axes = figure.add_subplot()
        draw_view(axes, view)
        colours = colours_of(curve.luminosity_invfb for curve in curves)
        for curve in curves:
            draw_limit(axes, curve, colours[curve.luminosity_invfb])
        draw_projections(axes, colours)
        draw_indicative(axes)
        axes.set(xlabel=MASS_LABEL, ylabel=COUPLING_LABEL)
        stamp(axes, stamp_text(curves, sqrt_s_GeV))
        entries = [
            *limit_handles(curves, colours),
            *landscape_handles(),
            *_colour_keys(curves, colours),
        ]
        axes.legend(
            [handle for handle, _ in entries],
            [label for _, label in entries],
            loc="lower right",
            title=confidence_text(cl, method),
            fontsize=8.5,
            alignment="left",
        )
    return figure


def _colour_keys(
    curves: Sequence[LimitCurve], colours: Mapping[float, str]
) -> list[Entry]:
    """Explain colours of projections whose luminosity none of our curves has."""
    ours = {curve.luminosity_invfb for curve in curves}
    return [
        (
            Line2D([], [], color=colours[value], lw=1.0),
            f"colour of projections, {luminosity_text(value)}",
        )
        for value in _PUBLISHED_INVFB
        if value not in ours
    ]


def stamp_text(curves: Sequence[LimitCurve], sqrt_s_GeV: float) -> str:
    """Return CM energy and luminosities as they stand above a limit figure."""
    luminosities = luminosities_text([c.luminosity_invfb for c in curves])
    return f"{sqrt_s_text(sqrt_s_GeV)}, {luminosities}"


def draw_limit(axes: Axes, curve: LimitCurve, tint: str) -> None:
    """Draw one median with its bands; gaps where there is no sensitivity.

    An infinite upper edge leaves through the top of the axes. A lower edge at zero
    (CLs+b after a downward fluctuation) cannot be shown on a logarithmic axis: there
    the ±2σ band ends at the −1σ edge. A tick on the median marks each mass from which
    another selection is the better one. A mass without neighbours, where neither lines
    nor bands show, is a point with its ±1σ and ±2σ as bars.
    """
    bands = visible_bands(curve.coupling_per_GeV)
    for edge, opacity in ((0, LIGHT), (1, DARK)):
        axes.fill_between(
            curve.mass_GeV,
            bands[:, edge],
            bands[:, 4 - edge],
            color=tint,
            alpha=opacity,
            linewidth=0.0,
            zorder=2.0 + 0.1 * edge,
        )
    lonely = isolated(curve.median)
    for edge, width in ((0, 1.0), (1, 3.0)):
        axes.vlines(
            curve.mass_GeV[lonely],
            bands[lonely, edge],
            bands[lonely, 4 - edge],
            color=tint,
            alpha=DARK,
            lw=width,
            zorder=2.0,
        )
    gid = f"{curve.luminosity_invfb:g}"
    axes.plot(
        curve.mass_GeV,
        curve.median,
        color=tint,
        marker="o",
        ms=3.0,
        markevery=np.flatnonzero(lonely).tolist(),
        zorder=3.0,
        gid=f"median {gid}",
    )
    axes.plot(
        curve.mass_GeV[curve.switches],
        curve.median[curve.switches],
        color=tint,
        linestyle="none",
        marker="|",
        ms=9.0,
        mew=1.2,
        zorder=3.1,
        gid=f"switch {gid}",
    )


def isolated(values: Array) -> NDArray[np.bool_]:
    """Return a mask of shape (n,): finite, with no finite neighbour on either side."""
    finite = np.isfinite(values)
    beside = np.zeros_like(finite)
    beside[1:] |= finite[:-1]
    beside[:-1] |= finite[1:]
    return np.asarray(finite & ~beside)


def limit_handles(
    curves: Sequence[LimitCurve], colours: Mapping[float, str]
) -> list[Entry]:
    """Return the legend entries of our curves: a line on its bands per luminosity."""
    entries: list[Entry] = []
    for curve in curves:
        tint = colours[curve.luminosity_invfb]
        outer = Patch(facecolor=tint, alpha=LIGHT, linewidth=0.0)
        inner = Line2D([], [], color=tint, alpha=DARK, lw=5.0, solid_capstyle="butt")
        line = Line2D([], [], color=tint)
        cut = np.any(curve.coupling_per_GeV[:, 0] == 0.0)
        bands = r"$\pm1\sigma$, $+2\sigma$" if cut else r"$\pm1\sigma$, $\pm2\sigma$"
        name = luminosity_text(curve.luminosity_invfb)
        entries.append(((outer, inner, line), f"expected, {name} (median, {bands})"))
    if any(curve.switches.any() for curve in curves):
        tick = Line2D([], [], color="#555555", ls="none", marker="|", ms=9.0, mew=1.2)
        entries.append((tick, "change of the better selection"))
    return entries


def visible_bands(coupling_per_GeV: Array) -> Array:
    """Return limits of shape (n, 5) that can be drawn on a logarithmic axis.

    Rows without a finite median become NaN; an infinite upper edge becomes 1e3 GeV⁻¹,
    far above every axis; a zero lower edge is replaced by the next edge.
    """
    bands = np.array(coupling_per_GeV, float)
    bands[~np.isfinite(bands[:, 2])] = np.nan
    bands[np.isinf(bands)] = 1e3
    for edge in (1, 0):
        bands[:, edge] = np.where(
            bands[:, edge] > 0.0, bands[:, edge], bands[:, edge + 1]
        )
    return bands
