"""Signal efficiency against the ALP mass for several crystal separations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.lines import Line2D

from study.figures.limits import MASS_LABEL
from study.figures.style import (
    MASS_TICKS_GEV,
    NOMINAL_SQRT_S_GEV,
    SELECTION_LABELS,
    colour,
    context,
    new_figure,
    plain_ticks,
    sqrt_s_text,
    stamp,
)
from study.figures.tables import Array, Table, require
from study.names import EFFICIENCY_COLUMNS, SHOWER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

Dashes = tuple[float, tuple[float, ...]]


_SOLID: Final[Dashes] = (0.0, ())
_DOTTED: Final[Dashes] = (0.0, (1.0, 1.5))
LINES: Final[dict[str, Dashes]] = {"low": _SOLID, "high": (0.0, (7.0, 2.5))}
"""Dashes per selection, lengths in points."""

_FEW_MASSES = 20


def rules_of(table: Table) -> list[str]:
    """Return the merging rules of an efficiency table, in its order.

    The crystal-level model is drawn beside them, and alone where there are none.

    Raises
    ------
    ValueError
        If a column is missing.
    """
    require(table, EFFICIENCY_COLUMNS, "the efficiency table")
    found = list(dict.fromkeys(table["rule"].tolist()))
    return [rule for rule in found if rule != SHOWER] or found


def efficiency_figure(
    table: Table,
    *,
    rule: str,
    stage: str = "window",
    sqrt_s_GeV: float = NOMINAL_SQRT_S_GEV,
) -> Figure:
    """Draw efficiency against mass per crystal separation and selection.

    The counterpart of figure 6 of arXiv:1709.00009. Bars are binomial errors of the
    simulation. An efficiency does not depend on the luminosity, so none is quoted.
    Where separations agree, the smaller one shows as the border of the larger.

    Parameters
    ----------
    table : structured array
        Rows of ``efficiency.csv``.
    rule : str
        Merging rule, one of ``rules_of(table)``.
    stage : str
        Stage of the cut flow; default ``window``, after all cuts.
    sqrt_s_GeV : float
        CM energy [GeV] that is quoted; defaults to that of the nominal beams.

    Raises
    ------
    ValueError
        If columns are missing or no row has that rule and stage.
    """
    allowed = rules_of(table)
    beside = (table["rule"] == rule) | (table["rule"] == SHOWER)
    rows = table[beside & (table["stage"] == stage)]
    if rows.size == 0 or not np.any(rows["rule"] == rule):
        stages = list(dict.fromkeys(table["stage"].tolist()))
        message = (
            f"the efficiency table has no rows with rule={rule!r}, stage={stage!r}; "
            f"it has rules {allowed} and stages {stages}"
        )
        raise ValueError(message)
    with context():
        figure = new_figure(6.6, 4.6)
        axes = figure.add_subplot()
        separated = rows[rows["rule"] != SHOWER]
        crystals = np.unique(separated["crystals"]).tolist()
        selections = list(dict.fromkeys(rows["selection"].tolist()))
        for i, separation in enumerate(crystals):
            apart = separated[separated["crystals"] == separation]
            width = _width(i, len(crystals))
            for selection in selections:
                _draw(axes, apart[apart["selection"] == selection], colour(i), width)
        showers = rows[rows["rule"] == SHOWER]
        for selection in selections:
            _draw(axes, showers[showers["selection"] == selection], "black", 1.0)
        _dress(axes, rows, stage)
        stamp(axes, sqrt_s_text(sqrt_s_GeV))
        _legends(axes, crystals, selections, rule, shower=showers.size > 0)
    return figure


def _width(index: int, count: int) -> float:
    """Return line widths that fall from the first curve, drawn below, to the last."""
    return 1.0 + 1.2 * (count - 1 - index)


def _dashes(selection: str, width: float) -> Dashes:
    """Return dashes of the same length [points] for every line width."""
    offset, lengths = LINES.get(selection, _DOTTED)
    return offset, tuple(length / width for length in lengths)


def _draw(axes: Axes, rows: Table, tint: str, width: float) -> None:
    rows = rows[np.argsort(rows["mass_GeV"], kind="stable")]
    rows = rows[supported(rows["efficiency"])]
    if rows.size == 0:
        return
    selection = str(rows["selection"][0])
    line, *_ = axes.errorbar(
        rows["mass_GeV"],
        rows["efficiency"],
        yerr=rows["efficiency_error"],
        color=tint,
        linestyle=_dashes(selection, width),
        dash_capstyle="butt",
        marker="o" if rows.size <= _FEW_MASSES else "none",
        ms=2.0 + width,
        lw=width,
        elinewidth=0.8,
    )
    name = SHOWER if rows["rule"][0] == SHOWER else rows["crystals"][0]
    line.set_gid(f"{selection} {name}")


def supported(efficiency: Array) -> NDArray[np.bool_]:
    """Return a mask of shape (n,): positive, or zero beside a positive neighbour.

    The other zeros would only paint the axis.
    """
    positive = np.asarray(efficiency > 0.0)
    keep = positive.copy()
    keep[1:] |= positive[:-1]
    keep[:-1] |= positive[1:]
    return keep


def _dress(axes: Axes, rows: Table, stage: str) -> None:
    top = float(np.max(rows["efficiency"] + rows["efficiency_error"]))
    axes.set_xscale("log")
    axes.set_xlim(0.88 * rows["mass_GeV"].min(), 1.14 * rows["mass_GeV"].max())
    plain_ticks(axes.xaxis, MASS_TICKS_GEV)
    axes.set_ylim(0.0, 1.35 * top if top > 0.0 else 1.0)
    after = "after all cuts" if stage == "window" else f"after {stage}"
    axes.set(xlabel=MASS_LABEL, ylabel=f"signal efficiency {after}")


def _legends(
    axes: Axes,
    crystals: Sequence[int],
    selections: Sequence[str],
    rule: str,
    *,
    shower: bool,
) -> None:
    separations = [
        Line2D(
            [],
            [],
            color=colour(i),
            lw=_width(i, len(crystals)),
            label=f"{n} crystal{'s' if n > 1 else ''}",
        )
        for i, n in enumerate(crystals)
    ]
    if shower:
        separations.append(Line2D([], [], color="black", lw=1.0, label="shower model"))
    kinds = [
        Line2D(
            [],
            [],
            color="black",
            lw=1.4,
            linestyle=_dashes(name, 1.4),
            label=SELECTION_LABELS.get(name, name),
        )
        for name in selections
    ]
    title = f"separation, {rule} rule"
    first = axes.legend(
        handles=separations, loc="upper left", title=title, alignment="left"
    )
    axes.add_artist(first)
    axes.legend(handles=kinds, loc="upper right")
