"""What a finished scan says on the terminal: the best median limits at a few masses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from generator.tables import read_table

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

TRUSTED: Final = 0.2
"""Relative error of the expected background, from the simulation, that is still fine."""
_LINES = 8


def summary(folder: Path) -> str:
    """Return a few lines: median coupling limits [GeV⁻¹] per luminosity and mass."""
    table = read_table(folder / "limits.csv")
    first = table[(table["cl"] == table["cl"][0]) & (table["best"] == 1)]
    first = first[first["method"] == table["method"][0]]
    head = f"{table['method'][0]}, {100.0 * table['cl'][0]:g} % CL, median g [1/GeV]"
    luminosities = np.unique(table["luminosity_invfb"])
    labels = "".join(f"{value:>14g}/fb" for value in luminosities)
    masses = np.unique(first["mass_GeV"])
    chosen = np.linspace(0, max(masses.size - 1, 0), _LINES).astype(int)
    shown = masses[np.unique(chosen)] if masses.size else masses
    lines = [_line(first, mass, luminosities) for mass in shown]
    if not lines:
        lines = ["no mass has any sensitivity: see limited_by in limits.csv"]
    if shown.size < masses.size:
        lines.append(f"({masses.size - shown.size} more masses in limits.csv)")
    lines += _warning(first)
    return "\n".join(
        [head, f"{'mass [GeV]':>12}{labels}", *lines, f"results in {folder}"]
    )


def _warning(best: NDArray[Any]) -> list[str]:
    """Name the masses whose background rests on too few simulated events."""
    known = best["background_events_error"] < TRUSTED * best["background_events"]
    masses = np.unique(best["mass_GeV"][~known])
    if not masses.size:
        return []
    names = ", ".join(f"{mass:g}" for mass in masses)
    return [
        (
            f"background known to worse than {TRUSTED:.0%} at {names} GeV: "
            "those limits need more events.background or events.light_pairs"
        )
    ]


def _line(table: NDArray[Any], mass: float, luminosities: NDArray[np.float64]) -> str:
    cells = []
    for luminosity in luminosities:
        row = table[
            (table["mass_GeV"] == mass) & (table["luminosity_invfb"] == luminosity)
        ]
        cells.append(
            f"{row['g_per_GeV_median'][0]:>17.3e}" if row.size else f"{'-':>17}"
        )
    return f"{mass:>12g}" + "".join(cells)
