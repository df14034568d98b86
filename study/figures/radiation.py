"""What radiation off the beams does to efficiencies and limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from study.figures.efficiency import LINES
from study.figures.limits import MASS_LABEL, colours_of
from study.figures.style import (
    BLUE,
    GREEN,
    MASS_TICKS_GEV,
    NOMINAL_SQRT_S_GEV,
    ORANGE,
    SELECTION_LABELS,
    confidence_text,
    context,
    luminosities_text,
    luminosity_text,
    new_figure,
    plain_ticks,
    sqrt_s_text,
    stamp,
)
from study.figures.tables import Array, Table, require
from study.names import RADIATION_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


STUDIES: Final = {
    "born": (BLUE, "without radiation"),
    "radiated": (ORANGE, "with radiation"),
}
"""Colour and name of the two scans."""
MARKERS: Final = {"m2": "o", "recoil": "s"}
OBSERVABLE_LABELS: Final = {
    "m2": r"window in $m^2_{\gamma\gamma}$",
    "recoil": "window in the recoil energy",
}
_SIGNAL_ALONE: Final = "#8c8c8c"
COMPARABLE: Final = 0.02
"""Efficiency from which on ratios are drawn: below, they compare two edges."""


def _curves(rows: Table) -> Iterator[tuple[str, str, Table]]:
    """Yield (selection, observable, rows by mass): a line ends where windows change."""
    for selection in _distinct(rows, "selection"):
        some = rows[rows["selection"] == selection]
        for observable in _distinct(some, "observable"):
            curve = some[some["observable"] == observable]
            yield selection, observable, np.sort(curve, order="mass_GeV")


def _distinct(rows: Table, column: str) -> list[str]:
    return list(dict.fromkeys(rows[column].tolist()))


def _signal_ratio(rows: Table) -> tuple[Array, Array]:
    """Return signal in the window with radiation over that without, and its error."""
    ratio = rows["sigma_ratio"] * rows["efficiency_radiated"] / rows["efficiency_born"]
    terms = [
        rows[f"{name}_error"] / rows[name]
        for name in ("sigma_ratio", "efficiency_radiated", "efficiency_born")
    ]
    return ratio, ratio * np.sqrt(sum(term**2 for term in terms))


def radiation_efficiency_figure(
    table: Table, *, sqrt_s_GeV: float = NOMINAL_SQRT_S_GEV
) -> Figure:
    """Draw efficiencies with and without radiation, and below what is left of signal.

    Ratios are drawn where at least ``COMPARABLE`` of the signal is selected.

    Parameters
    ----------
    table : structured array
        Rows of ``radiation.csv``.
    sqrt_s_GeV : float
        CM energy [GeV] that is quoted; defaults to that of the nominal beams.

    Raises
    ------
    ValueError
        If columns are missing.
    """
    require(table, RADIATION_COLUMNS, "the radiation table")
    one_each = np.unique(table[["mass_GeV", "selection"]], return_index=True)[1]
    rows = table[np.sort(one_each)]
    with context():
        figure = new_figure(6.6, 6.0)
        grid = {"height_ratios": (1.7, 1.0)}
        upper, lower = figure.subplots(2, 1, sharex=True, gridspec_kw=grid)
        seen = rows[(rows["efficiency_born"] > 0) & (rows["efficiency_radiated"] > 0)]
        for selection, observable, curve in _curves(seen):
            kind = (selection, observable)
            for study, (tint, _) in STUDIES.items():
                values, errors = (
                    curve[f"efficiency_{study}{end}"] for end in ("", "_error")
                )
                _points(upper, curve, values, errors, tint, kind, study)
            kept = curve[curve["efficiency_born"] >= COMPARABLE]
            _points(lower, kept, *_signal_ratio(kept), "black", kind, "signal")
        masses, first = np.unique(rows["mass_GeV"], return_index=True)
        total = rows["sigma_ratio"][first]
        lower.plot(masses, total, color=GREEN, ls=":", lw=1.6, gid="sigma ratio")
        _dress_efficiency(upper, lower, rows, sqrt_s_GeV)
    return figure


def _points(
    axes: Axes,
    rows: Table,
    values: Array,
    errors: Array,
    tint: str,
    kind: tuple[str, str],
    name: str,
    width: float = 1.2,
) -> None:
    selection, observable = kind
    line, *_ = axes.errorbar(
        rows["mass_GeV"],
        values,
        yerr=errors,
        color=tint,
        linestyle=LINES.get(selection, ":"),
        marker=MARKERS.get(observable, "D"),
        ms=1.7 + width,
        lw=width,
        elinewidth=0.8,
    )
    line.set_gid(f"{selection} {observable} {name}")


def _mass_axis(axes: Axes, masses: Array) -> None:
    axes.set_xscale("log")
    axes.set_xlim(0.88 * masses.min(), 1.14 * masses.max())
    plain_ticks(axes.xaxis, MASS_TICKS_GEV)
    axes.set_xlabel(MASS_LABEL)


def key_line(label: str, colour: str, style: object = "-") -> Line2D:
    """Return a line for a legend."""
    return Line2D([], [], color=colour, lw=1.4, linestyle=style, label=label)  # type: ignore[arg-type]


def _kind_keys(rows: Table) -> list[Line2D]:
    """Explain dashes, and markers where windows are in different observables."""
    keys = [
        key_line(SELECTION_LABELS.get(name, name), "black", LINES.get(name, ":"))
        for name in _distinct(rows, "selection")
    ]
    observables = _distinct(rows, "observable")
    for name in observables if len(observables) > 1 else ():
        key = key_line(OBSERVABLE_LABELS.get(name, name), "black", "none")
        key.set(marker=MARKERS.get(name, "D"), markersize=3.5)
        keys.append(key)
    return keys


def _dress_efficiency(upper: Axes, lower: Axes, rows: Table, sqrt_s_GeV: float) -> None:
    top = max(rows["efficiency_born"].max(), rows["efficiency_radiated"].max())
    upper.set_ylim(0.0, 1.65 * top if top > 0.0 else 1.0)
    upper.set_ylabel("signal efficiency after all cuts")
    keys = [key_line(label, tint) for tint, label in STUDIES.values()]
    first = upper.legend(handles=keys, loc="upper left")
    upper.add_artist(first)
    upper.legend(handles=_kind_keys(rows), loc="upper right")
    stamp(upper, sqrt_s_text(sqrt_s_GeV))
    lower.axhline(1.0, color="black", lw=0.7, ls=":")
    lower.set_ylabel("with / without radiation", fontsize=11.0)
    low, high = lower.get_ylim()
    lower.set_ylim(low - 0.35 * (high - low), high)
    lower.yaxis.set_major_locator(MaxNLocator(5, prune="upper"))
    keys = [
        key_line("signal in the window", "black"),
        key_line("cross section", GREEN, ":"),
    ]
    lower.legend(handles=keys, loc="lower left", ncols=2)
    _mass_axis(lower, rows["mass_GeV"])


def radiation_limits_figure(
    table: Table,
    *,
    cl: float,
    method: str,
    sqrt_s_GeV: float = NOMINAL_SQRT_S_GEV,
) -> Figure:
    """Draw the ratio of the coupling limits with and without radiation.

    Bars are Monte Carlo errors. Grey lines are what the change of the signal alone would
    do to a prompt ALP, (signal ratio)^(−1/2): the rest is background and lifetime. Masses
    of which less than ``COMPARABLE`` of the signal is selected are left out.

    Parameters
    ----------
    table : structured array
        Rows of ``radiation.csv``.
    cl, method : float, str
        Which limits of the table.
    sqrt_s_GeV : float
        CM energy [GeV] that is quoted; defaults to that of the nominal beams.

    Raises
    ------
    ValueError
        If columns are missing or no row matches.
    """
    require(table, RADIATION_COLUMNS, "the radiation table")
    rows = table[np.isclose(table["cl"], cl) & (table["method"] == method)]
    if rows.size == 0:
        message = f"the radiation table has no rows with cl={cl:g}, method={method!r}"
        raise ValueError(message)
    found = np.isfinite(rows["g_ratio"]) & (rows["efficiency_born"] >= COMPARABLE)
    seen = rows[found]
    luminosities = np.unique(rows["luminosity_invfb"]).tolist()
    tints = colours_of(luminosities)
    with context():
        figure = new_figure(6.6, 4.4)
        axes = figure.add_subplot()
        for selection, observable, curve in _curves(seen):
            kind = (selection, observable)
            for k, luminosity in enumerate(luminosities):
                some = curve[curve["luminosity_invfb"] == luminosity]
                values, errors = some["g_ratio"], some["g_ratio_mc_error"]
                width = 1.0 + 1.2 * (len(luminosities) - 1 - k)
                name = f"{luminosity:g}"
                _points(
                    axes, some, values, errors, tints[luminosity], kind, name, width
                )
            some = curve[curve["luminosity_invfb"] == luminosities[0]]
            axes.plot(
                some["mass_GeV"],
                _signal_ratio(some)[0] ** -0.5,
                color=_SIGNAL_ALONE,
                linestyle=LINES.get(selection, ":"),
                zorder=1.5,
                gid=f"{selection} {observable} signal alone",
            )
        axes.axhline(1.0, color="black", lw=0.7, ls=":")
        axes.set_ylabel(r"$g_{a\gamma\gamma}$ limit, with / without radiation")
        _mass_axis(axes, rows["mass_GeV"])
        low, high = axes.get_ylim()
        axes.set_ylim(low, high + 0.75 * (high - low))
        text = f"{sqrt_s_text(sqrt_s_GeV)}, {luminosities_text(luminosities)}"
        stamp(axes, text)
        keys = [
            key_line(luminosity_text(value), tints[value]) for value in luminosities
        ]
        keys.append(key_line("from the change of the signal alone", _SIGNAL_ALONE))
        title = f"median expected, {confidence_text(cl, method)}"
        first = axes.legend(
            handles=keys, loc="upper left", title=title, alignment="left"
        )
        axes.add_artist(first)
        axes.legend(handles=_kind_keys(seen), loc="upper right")
    return figure
