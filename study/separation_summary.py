"""Tables that `alpenglow separation` prints: half points, and trigger lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from rich.console import Group
from rich.table import Table as RichTable

from study.figures.separation import half_mass_GeV
from study.figures.tables import read_columns
from study.names import (
    EFFICIENCY_COLUMNS,
    SEPARATION_COLUMNS,
    SHOWER,
    TRIGGER_COLUMNS,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from study.figures.tables import Table

SHOWN_LINES: Final = (
    ("simple", "2017"),
    ("simple", "2017-coarse"),
    ("l1", "lml0"),
    ("l1", "lml1"),
    ("l1", "lml12"),
    ("l1", "hie"),
    ("l1", "c3"),
    ("l1", "bha3d"),
    ("hlt", "gg2clst"),
    ("hlt", "neutral_barrel"),
    ("hlt", "gg_barrel_loose"),
)
"""Trigger lines that matter for this signal."""
MOST_MASSES: Final = 6


def separation_summary(folder: Path) -> Group:
    """Return the tables of a folder of `alpenglow separation`."""
    shares = read_columns(folder / "separation.csv", SEPARATION_COLUMNS)
    lines = read_columns(folder / "trigger.csv", TRIGGER_COLUMNS)
    efficiencies = read_columns(folder / "efficiency.csv", EFFICIENCY_COLUMNS)
    masses = _few(np.unique(shares["mass_GeV"]))
    return Group(
        _shares(shares, efficiencies, masses),
        *(_lines(lines, model, masses) for model in np.unique(lines["model"])),
    )


def _few(masses: NDArray[np.float64]) -> list[float]:
    """Return at most ``MOST_MASSES`` masses, evenly chosen."""
    count = min(masses.size, MOST_MASSES)
    chosen = np.unique(np.linspace(0, masses.size - 1, count).round().astype(int))
    return [float(mass) for mass in masses[chosen]]


def half_plateau_GeV(
    mass_GeV: NDArray[np.float64], efficiency: NDArray[np.float64]
) -> float | None:
    """Return where an efficiency first rises through half of its largest value [GeV].

    Linear in ln m between masses, which ascend; None if it does not rise through it.
    """
    half = 0.5 * efficiency.max(initial=0.0)
    rises = np.flatnonzero((efficiency[1:] >= half) & (efficiency[:-1] < half))
    if rises.size == 0:
        return None
    k = rises[0]
    log = np.interp(half, efficiency[k : k + 2], np.log(mass_GeV[k : k + 2]))
    return float(np.exp(log))


def _headed(
    title: str, first: str, masses: list[float], last: tuple[str, ...] = ()
) -> RichTable:
    table = RichTable(title=title)
    table.add_column(first, no_wrap=True)
    for mass in masses:
        table.add_column(f"{mass:.3g} GeV", justify="right", no_wrap=True)
    for name in last:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _shares(table: Table, efficiencies: Table, masses: list[float]) -> RichTable:
    last = ("half pairs", "half efficiency")
    result = _headed("resolved / merged / lost [%]", "clusters", masses, last)
    everywhere = table[table["region"] == "all"]
    for rule, crystals in dict.fromkeys(
        zip(table["rule"].tolist(), table["crystals"].tolist(), strict=True)
    ):
        rows = everywhere[
            (everywhere["rule"] == rule) & (everywhere["crystals"] == crystals)
        ]
        by = {
            outcome: rows[rows["outcome"] == outcome]
            for outcome in ("resolved", "merged", "lost")
        }
        cells = [
            " / ".join(
                f"{100.0 * _at(part, mass, 'share'):.0f}" for part in by.values()
            )
            for mass in masses
        ]
        half = half_mass_GeV(
            by["resolved"]["mass_GeV"], by["resolved"]["share"], by["merged"]["share"]
        )
        selected = efficiencies[
            (efficiencies["rule"] == rule)
            & (efficiencies["crystals"] == crystals)
            & (efficiencies["selection"] == "low")
            & (efficiencies["stage"] == "window")
        ]
        edge = half_plateau_GeV(selected["mass_GeV"], selected["efficiency"])
        plural = "" if crystals == 1 else "s"
        name = f"{rule}, {crystals:g} crystal{plural}"
        halves = ("-" if x is None else f"{x:.3f} GeV" for x in (half, edge))
        result.add_row("shower model" if rule == SHOWER else name, *cells, *halves)
    result.caption = (
        "half pairs: as many resolved as merged; half efficiency: half of the largest "
        "after all cuts, low-mass selection"
    )
    return result


def _at(rows: Table, mass: float, column: str) -> float:
    return float(rows[rows["mass_GeV"] == mass][column][0])


def _lines(table: Table, model: str, masses: list[float]) -> RichTable:
    title = f"trigger efficiency [%], {model} model, three photons in the acceptance"
    result = _headed(title, "line", masses)
    for level, line in SHOWN_LINES:
        rows = table[
            (table["model"] == model)
            & (table["level"] == level)
            & (table["line"] == line)
        ]
        cells = [f"{100.0 * _at(rows, mass, 'efficiency'):.1f}" for mass in masses]
        result.add_row(f"{level} {line}", *cells)
    return result
