"""Efficiency of trigger lines against the ALP mass.

Denominators are events with three photons in the acceptance.
"""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detector.trigger_lines import HltLine, L1Line
from study.figures.limits import MASS_LABEL
from study.figures.style import (
    MASS_TICKS_GEV,
    NOMINAL_SQRT_S_GEV,
    PALETTE,
    context,
    new_figure,
    plain_ticks,
    sqrt_s_text,
    stamp,
)
from study.figures.tables import Array, Table, require
from study.names import SHOWER, TRIGGER_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


L1_LINES: Final = ("lml0", "lml1", "lml12", "hie", "c3", "bha3d", "gg")
"""First-level lines that are drawn unless others are asked for."""
HLT_LINES: Final = tuple(str(line) for line in HltLine)
VETOES: Final = frozenset({L1Line.BHA3D, HltLine.GG2CLST, HltLine.EE2CLST})
"""Lines that others must not fire: dashed."""
SIMPLE_LABELS: Final = {"2017": "2017", "2017-coarse": "2017, coarse"}
"""The simple triggers of arXiv:1709.00009: black."""
MODEL_LABELS: Final = {SHOWER: "shower model", "separation": "merging rule"}
_MARKERS: Final = "os^vDP"
_POINTS: Final = ("mass_GeV", *TRIGGER_COLUMNS[4:7])
_WHERE: Final = "the trigger table"
_TOP: Final = 1.06


def mass_axis(axes: Axes, mass_GeV: Array) -> None:
    """Make x a logarithmic axis of the ALP mass, just wider than the masses."""
    axes.set_xscale("log")
    axes.set_xlim(0.88 * mass_GeV.min(), 1.14 * mass_GeV.max())
    plain_ticks(axes.xaxis, MASS_TICKS_GEV)
    axes.set_xlabel(MASS_LABEL)


def draw_curve(
    axes: Axes, points: Sequence[Array], name: str, look: dict[str, Any]
) -> None:
    """Draw x, y, lower and upper ends of the bars of y, each of shape (n,).

    The line is named; its ``look`` must have ``lw``, which the markers follow.
    """
    x, y, lower, upper = points
    bars = np.maximum([y - lower, upper - y], 0.0)
    size = 1.5 + look["lw"]
    line, *_ = axes.errorbar(x, y, yerr=bars, ms=size, elinewidth=0.8, **look)
    line.set_gid(name)


def trigger_figure(
    table: Table,
    *,
    model: str,
    l1_lines: Sequence[str] = L1_LINES,
    hlt_lines: Sequence[str] = HLT_LINES,
    sqrt_s_GeV: float = NOMINAL_SQRT_S_GEV,
) -> Figure:
    """Draw trigger efficiencies against mass: first level above, high level below.

    The simple triggers of the table are drawn with the first level, in black. Bars are
    68.3 % intervals of the simulation; every curve is continued to its name.

    Parameters
    ----------
    table : structured array
        Rows of the trigger table.
    model : str
        Cluster model, one of those in the table.
    l1_lines, hlt_lines : sequence of str
        Lines to draw; the table must have them.
    sqrt_s_GeV : float
        CM energy [GeV] that is quoted; defaults to that of the nominal beams.

    Raises
    ------
    ValueError
        One line: a column, the model or a line is missing.
    """
    require(table, TRIGGER_COLUMNS, _WHERE)
    rows = table[table["model"] == model]
    if rows.size == 0:
        has = list(dict.fromkeys(table["model"].tolist()))
        message = f"{_WHERE} has no rows with model={model!r}; it has {has}"
        raise ValueError(message)
    simple = dict.fromkeys(rows["line"][rows["level"] == "simple"].tolist())
    kinds = [("l1", line) for line in l1_lines]
    kinds += [("simple", line) for line in simple]
    with context():
        figure = new_figure(7.4, 7.2)
        upper, lower = figure.subplots(2, 1, sharex=True)
        mass_axis(lower, rows["mass_GeV"])
        _draw(upper, rows, kinds)
        _draw(lower, rows, [("hlt", line) for line in hlt_lines])
        upper.set_ylabel("first level")
        lower.set_ylabel("high level")
        upper.set_xlabel("")
        figure.supylabel(
            "share of events with three photons in the acceptance", fontsize=13.0
        )
        text = f"{MODEL_LABELS.get(model, model)}, {sqrt_s_text(sqrt_s_GeV)}"
        stamp(upper, text)
    return figure


def _draw(axes: Axes, rows: Table, kinds: Sequence[tuple[str, str]]) -> None:
    """Draw lines (level, name) and name them at their right ends."""
    axes.set_ylim(0.0, _TOP)
    ends, width = [], 0.9 + 0.2 * len(kinds)
    for (level, line), look in zip(kinds, _looks(kinds), strict=False):
        curve = np.sort(_of_line(rows, level, line), order="mass_GeV")
        points = tuple(curve[name] for name in _POINTS)
        draw_curve(axes, points, f"{level} {line}", look | {"lw": width})
        ends.append((points[0][-1], points[1][-1]))
        width -= 0.2
    _name_ends(axes, kinds, np.array(ends).reshape(-1, 2))


def _of_line(rows: Table, level: str, line: str) -> Table:
    found = rows[(rows["level"] == level) & (rows["line"] == line)]
    if found.size == 0:
        has = list(dict.fromkeys(rows["line"][rows["level"] == level].tolist()))
        message = (
            f"{_WHERE} has no rows with level={level!r}, line={line!r}; it has {has}"
        )
        raise ValueError(message)
    return np.asarray(found)


def _looks(kinds: Sequence[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    """Yield colour, dashes and marker of every line."""
    tints, markers, black = cycle(PALETTE), cycle(_MARKERS), cycle(("-", ":"))
    for i, (level, line) in enumerate(kinds):
        dashes = "--" if line in VETOES else "-" if i < len(PALETTE) else "-."
        look = (next(tints), dashes, next(markers))
        if level == "simple":
            look = ("black", next(black), "none")
        yield dict(zip(("color", "linestyle", "marker"), look, strict=True))


def _name_ends(axes: Axes, kinds: Sequence[tuple[str, str]], ends: Array) -> None:
    """Continue curves from their last points (x, y) to names right of the panel."""
    low, high = axes.get_xlim()
    step, name = (low * (high / low) ** share for share in (1.03, 1.09))
    heights = spread(ends[:, 1], 0.062 * _TOP, 0.02, _TOP - 0.04)
    looks = _looks(kinds)
    for (_, line), (x, y), height, look in zip(
        kinds, ends, heights, looks, strict=True
    ):
        axes.plot(
            [x, step, name],
            [y, height, height],
            color=look["color"],
            linestyle=look["linestyle"],
            lw=1.0,
            clip_on=False,
        )
        label = SIMPLE_LABELS.get(line, line) + (" (veto)" if line in VETOES else "")
        axes.text(
            name,
            height,
            f" {label}",
            color=look["color"],
            fontsize=9.0,
            va="center",
            gid="line name",
        )


def spread(values: Array, gap: float, low: float, high: float) -> Array:
    """Return positions near ``values`` in [low, high] that are a ``gap`` apart or more.

    Their order is that of the values; a gap too large for the range is made smaller.
    """
    order = np.argsort(values, kind="stable")
    steps = np.arange(values.size)
    gap = min(gap, (high - low) / max(values.size - 1, 1))
    room = np.clip(values[order] - gap * steps, low, high - gap * (values.size - 1))
    placed = np.empty(values.size)
    placed[order] = _isotonic(room) + gap * steps
    return placed


def _isotonic(values: Array) -> Array:
    """Return the non-decreasing numbers that are nearest, by pooling neighbours."""
    blocks: list[tuple[float, int]] = []
    for value in values.tolist():
        total, count = value, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / count:
            total, count = total + blocks[-1][0], count + blocks[-1][1]
            blocks.pop()
        blocks.append((total, count))
    return np.repeat([t / n for t, n in blocks], [int(n) for _, n in blocks])
