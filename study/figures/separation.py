"""What becomes of the two photons of an ALP: resolved, merged into one cluster, lost.

The column ``events`` of the tables is the number of events that a share is of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.lines import Line2D

from study.efficiencies import clopper_pearson
from study.figures.style import (
    NOMINAL_SQRT_S_GEV,
    colour,
    context,
    new_figure,
    sqrt_s_text,
    stamp,
)
from study.figures.tables import Array, Table, require
from study.figures.trigger import draw_curve, mass_axis
from study.names import OPENING_COLUMNS, OUTCOMES, SEPARATION_COLUMNS, SHOWER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REGION_LABELS: Final = {
    "forward": "forward endcap",
    "barrel": "barrel",
    "backward": "backward endcap",
}
"""Parts of the calorimeter, in the order of the panels."""
OPENING_LABEL: Final = "true opening angle [crystal widths]"
_WHERE: Final = {"mass_GeV": "the separation table", "opening_low": "the opening table"}
_COLUMNS: Final = {"mass_GeV": SEPARATION_COLUMNS, "opening_low": OPENING_COLUMNS}


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to make clusters, and how it is drawn."""

    rule: str
    crystals: float
    label: str
    tint: str
    width: float

    @property
    def name(self) -> str:
        """Its name within the names of artists."""
        return self.rule if self.rule == SHOWER else f"{self.rule} {self.crystals:g}"

    def of(self, rows: Table) -> Table:
        """Return its rows."""
        same = (rows["rule"] == self.rule) & (rows["crystals"] == self.crystals)
        return np.asarray(rows[same])

    def key(self, half_GeV: float | None = None) -> Line2D:
        """Return its line for a legend, with the mass at which half is resolved."""
        half = "" if half_GeV is None else f", half at {half_GeV:#.2g} GeV"
        return Line2D([], [], color=self.tint, lw=self.width, label=self.label + half)


def variants(rows: Table) -> list[Variant]:
    """Return the merging rules of a table in colour, then the crystal-level model."""
    pairs = set(zip(rows["rule"].tolist(), rows["crystals"].tolist(), strict=True))
    several = len({rule for rule, _ in pairs} - {SHOWER}) > 1
    found = []
    for i, (rule, n) in enumerate(sorted(pairs, key=lambda p: (p[0] == SHOWER, *p))):
        label = f"{n:g} crystal{'s' if n > 1 else ''}{f', {rule}' if several else ''}"
        look = ("shower model", "black") if rule == SHOWER else (label, colour(i))
        found.append(Variant(rule, n, *look, 1.0 + 0.4 * (len(pairs) - 1 - i)))
    return found


def half_mass_GeV(mass_GeV: Array, resolved: Array, merged: Array) -> float | None:
    """Return the mass above which most of the pairs that are seen are resolved.

    Between masses, resolved/(resolved + merged) is taken as linear in log m. If it rises
    through 1/2 more than once, the highest mass counts.

    Parameters
    ----------
    mass_GeV, resolved, merged : arrays of shape (n,)
        Masses [GeV] in any order with the shares (or numbers) of events; masses without
        a pair that is seen are left out.

    Returns
    -------
    float or None
        None if the ratio never rises through 1/2.
    """
    seen = resolved + merged
    order = np.argsort(mass_GeV, kind="stable")
    order = order[seen[order] > 0.0]
    half = _half(np.log(mass_GeV[order]), resolved[order] / seen[order])
    return None if half is None else float(np.exp(half))


def _half(x: Array, ratio: Array) -> float | None:
    """Return where a ratio rises through 1/2 for the last time, by straight lines."""
    rises = np.flatnonzero((ratio[:-1] < 0.5) & (ratio[1:] >= 0.5))
    if rises.size == 0:
        return None
    span = slice(rises[-1], rises[-1] + 2)
    return float(np.interp(0.5, ratio[span], x[span]))


def _in_region(table: Table, key: str, region: str) -> Table:
    require(table, _COLUMNS[key], _WHERE[key])
    rows = table[table["region"] == region]
    if rows.size == 0:
        has = list(dict.fromkeys(table["region"].tolist()))
        message = f"{_WHERE[key]} has no rows with region={region!r}; it has {has}"
        raise ValueError(message)
    return np.asarray(rows)


def _outcomes(rows: Table, key: str) -> dict[str, Table]:
    """Return rows by outcome, with the same increasing ``key`` of which there are events."""
    parts = {name: rows[rows["outcome"] == name] for name in OUTCOMES}
    parts = {name: np.sort(part, order=key) for name, part in parts.items()}
    keys = [part[key] for part in parts.values()]
    if not all(np.array_equal(np.unique(rows[key]), values) for values in keys):
        rule, n, region = (rows[c][0].item() for c in ("rule", "crystals", "region"))
        message = (
            f"{_WHERE[key]} needs every outcome once per {key}, unlike "
            f"rule={rule!r}, crystals={n:g}, region={region!r}"
        )
        raise ValueError(message)
    known = np.all([part["events"] > 0 for part in parts.values()], axis=0)
    return {name: part[known] for name, part in parts.items()}


def outcomes_figure(
    table: Table, *, region: str = "all", sqrt_s_GeV: float = NOMINAL_SQRT_S_GEV
) -> Figure:
    """Draw the shares of events with resolved, merged and lost photons against mass.

    Bars are 68.3 % intervals of the simulation. A tick on a curve of resolved photons is
    at its `half_mass_GeV`. Where curves agree, the wide one borders the other.

    Parameters
    ----------
    table : structured array
        Rows of the separation table.
    region : str
        Where the more energetic photon of the ALP goes; default anywhere.
    sqrt_s_GeV : float
        CM energy [GeV] that is quoted; defaults to that of the nominal beams.

    Raises
    ------
    ValueError
        One line: a column, the region or an outcome is missing.
    """
    rows = _in_region(table, "mass_GeV", region)
    keys = []
    with context():
        figure = new_figure(6.6, 7.0)
        grid = {"height_ratios": (2.4, 1.0, 1.0)}
        panels = figure.subplots(len(OUTCOMES), 1, sharex=True, gridspec_kw=grid)
        for variant in variants(rows):
            parts = _outcomes(variant.of(rows), "mass_GeV")
            for axes, (name, part) in zip(panels, parts.items(), strict=True):
                x, interval = (
                    part["mass_GeV"],
                    [part["share_lower"], part["share_upper"]],
                )
                _curve(axes, x, part["share"], np.array(interval), variant, name)
            keys.append(variant.key(_mark_half(panels[0], parts, variant)))
        for axes, outcome in zip(panels, OUTCOMES, strict=True):
            axes.set_ylabel(outcome)
            axes.set_ylim(0.0, max(1.15 * axes.dataLim.y1, 1e-3))
        figure.supylabel("share of signal events", fontsize=13.0)
        mass_axis(panels[-1], rows["mass_GeV"])
        _headroom(panels[0], 0.11 + 0.07 * ((len(keys) + 1) // 2))
        place = "" if region == "all" else f"; {REGION_LABELS.get(region, region)}"
        panels[0].legend(
            handles=keys,
            loc="upper left",
            ncols=2,
            title=f"half: as many pairs resolved as merged{place}",
            alignment="left",
        )
        stamp(panels[0], sqrt_s_text(sqrt_s_GeV))
    return figure


def _curve(
    axes: Axes, x: Array, y: Array, interval: Array, variant: Variant, name: str
) -> None:
    points = x, y, *interval
    look = {"color": variant.tint, "lw": variant.width, "marker": "o"}
    draw_curve(axes, points, f"{name} {variant.name}", look)


def _mark_half(axes: Axes, parts: dict[str, Table], variant: Variant) -> float | None:
    """Put a tick on the curve of resolved pairs at its half mass, and return that."""
    mass, resolved = parts["resolved"]["mass_GeV"], parts["resolved"]["share"]
    half = half_mass_GeV(mass, resolved, parts["merged"]["share"])
    if half is not None:
        share = np.interp(np.log(half), np.log(mass), resolved)
        mark = axes.plot(half, share, "|", ms=16.0, mew=1.4, color=variant.tint)[0]
        mark.set_gid(f"half {variant.name}")
    return half


def _headroom(axes: Axes, share: float) -> None:
    """Leave a share of the height above 1 for a legend."""
    axes.set_ylim(0.0, 1.03 / (1.0 - share))
    axes.set_yticks(np.linspace(0.0, 1.0, 6))
    axes.set_yticks(np.linspace(0.0, 1.0, 21), minor=True)


def regions_figure(table: Table, *, sqrt_s_GeV: float = NOMINAL_SQRT_S_GEV) -> Figure:
    """Draw resolved/(resolved + merged) against mass in three parts of the calorimeter.

    Parameters and errors as of `outcomes_figure`; over the curves: `half_mass_GeV`.
    """
    return _ratios(table, "mass_GeV", sqrt_s_GeV)


def opening_figure(table: Table, *, sqrt_s_GeV: float = NOMINAL_SQRT_S_GEV) -> Figure:
    """Draw resolved/(resolved + merged) against the true opening angle in crystals.

    Of the opening table, else as `regions_figure`. Points are at the centres of bins;
    over the curves: where they rise through 1/2. Bins without an end are left out.
    """
    return _ratios(table, "opening_low", sqrt_s_GeV)


def _ratios(table: Table, key: str, sqrt_s_GeV: float) -> Figure:
    regions = {name: _in_region(table, key, name) for name in REGION_LABELS}
    kinds = variants(table)
    with context():
        figure = new_figure(9.6, 4.3)
        panels = figure.subplots(1, len(regions), sharex=True, sharey=True)
        for axes, (region, rows) in zip(panels, regions.items(), strict=True):
            axes.axhline(0.5, color="black", lw=0.7, ls=":")
            halves = [_ratio(axes, rows, variant, key, region) for variant in kinds]
            unit = "GeV" if key == "mass_GeV" else "crystals"
            _halves(axes, kinds, halves, f"{REGION_LABELS[region]}: half at [{unit}]")
            if key == "mass_GeV":
                mass_axis(axes, table[key])
            else:
                axes.set_xlim(left=0.0)
                axes.set_xlabel(OPENING_LABEL)
        _headroom(panels[0], 0.17)
        panels[0].set_ylabel("resolved / (resolved + merged)")
        stamp(panels[0], sqrt_s_text(sqrt_s_GeV), right_axes=panels[-1])
        keys = [variant.key() for variant in kinds]
        figure.legend(handles=keys, loc="outside lower center", ncols=len(keys))
    return figure


def _ratio(
    axes: Axes, rows: Table, variant: Variant, key: str, name: str
) -> float | None:
    """Draw the ratio of a variant and return where it rises through 1/2."""
    parts = _outcomes(variant.of(rows), key)
    x, part = parts["resolved"][key], parts["resolved"]
    if key == "opening_low":
        x = 0.5 * (x + part["opening_high"])
    seen = part["share"] + parts["merged"]["share"]
    some = (seen > 0.0) & np.isfinite(x)
    x, part, seen = x[some], part[some], seen[some]
    ratio, trials = part["share"] / seen, part["events"] * seen
    interval = clopper_pearson(ratio * trials, trials)
    _curve(axes, x, ratio, interval, variant, name)
    if key == "opening_low":
        return _half(x, ratio)
    return half_mass_GeV(x, ratio, 1.0 - ratio)


def _halves(
    axes: Axes, kinds: list[Variant], halves: list[float | None], title: str
) -> None:
    """Write over the curves, in their colours, where they rise through 1/2."""
    values = ["\N{EN DASH}" if half is None else f"{half:#.2g}" for half in halves]
    axes.legend(
        handles=[
            Line2D([], [], color=variant.tint, ls="none", label=value)
            for variant, value in zip(kinds, values, strict=True)
        ],
        loc="upper left",
        ncols=len(kinds),
        title=title,
        alignment="left",
        handlelength=0.0,
        handletextpad=0.0,
        columnspacing=1.2,
        labelcolor="linecolor",
    )
