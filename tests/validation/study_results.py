"""Limits and efficiencies of a results folder against the published ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detector.geometry import belle2
from generator.tables import read_table
from study import overlays

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FLAT_MASSES = {"low": (0.3, 4.0), "high": (3.0, 8.5)}
"""Masses [GeV] where the paper calls the efficiency of a selection flat."""


def geometry() -> None:
    """Print what the crystals cover."""
    ecl = belle2()
    share = ecl.solid_angle_fraction()
    print(
        f"ECL: {ecl.n_rings} rings, {ecl.n_crystals.sum()} crystals, {share:.1%} of 4π"
    )


def _best(table: NDArray[Any], luminosity: float, cl: float, method: str) -> Any:
    chosen = (
        (table["luminosity_invfb"] == luminosity)
        & (table["cl"] == cl)
        & (table["method"] == method)
        & (table["best"] == 1)
    )
    return np.sort(table[chosen], order="mass_GeV")


def _below_the_edge(table: NDArray[Any], curve: overlays.Overlay) -> None:
    """Print where the ratio is lowest below 0.25 GeV, and how the background falls."""
    rows = _best(table, 20.0, 0.90, "clsb-exact")
    rows = rows[(rows["mass_GeV"] > 0.12) & (rows["mass_GeV"] < 0.26)]
    ratio = rows["g_per_GeV_median"] / curve.interpolate(rows["mass_GeV"])
    lowest = int(ratio.argmin())
    fall = rows["background_events"][-1] / rows["background_events"][lowest]
    print(
        f"below 0.25 GeV, 20/fb: ratio down to {ratio[lowest]:.3f} at "
        f"{rows['mass_GeV'][lowest]:g} GeV, background {fall:.1f} times less than at "
        f"{rows['mass_GeV'][-1]:g} GeV (fourth root {fall**0.25:.2f})"
    )


def published(folder: Path) -> None:
    """Print the limits of a results folder over the published 2017 projection."""
    table = read_table(folder / "limits.csv")
    curves = {
        20.0: overlays.load("belle2_2017_projection_3gamma_20fb"),
        50_000.0: overlays.load("belle2_2017_projection_3gamma_50ab"),
    }
    for method in ("clsb-exact", "cls-exact"):
        print(f"median 90 % CL coupling over published, {method}, 0.25 to 8.5 GeV")
        for luminosity, curve in curves.items():
            rows = _best(table, luminosity, 0.90, method)
            rows = rows[(rows["mass_GeV"] >= 0.25) & (rows["mass_GeV"] <= 8.5)]
            ratio = rows["g_per_GeV_median"] / curve.interpolate(rows["mass_GeV"])
            low, high = rows["mass_GeV"][[ratio.argmin(), ratio.argmax()]]
            print(
                f"  {luminosity:>7g}/fb: {ratio.min():.3f} (at {low:g} GeV) to "
                f"{ratio.max():.3f} (at {high:g} GeV), median {np.median(ratio):.3f}"
            )
    _below_the_edge(table, curves[20.0])
    few, many = (_best(table, lumi, 0.90, "clsb-exact") for lumi in curves)
    few = few[np.isin(few["mass_GeV"], many["mass_GeV"])]
    ratio = few["g_per_GeV_median"] / many["g_per_GeV_median"]
    prompt = few["mass_GeV"] > 1.0
    print(
        f"coupling 20/fb over 50/ab above 1 GeV: {ratio[prompt].min():.3f} to "
        f"{ratio[prompt].max():.3f}; 2500^(1/4) = {2500**0.25:.3f}"
    )


def _crossing(rows: NDArray[Any], share: float) -> str:
    """Return the mass where the efficiency climbs over a share of its plateau."""
    level = share * rows["efficiency"].max()
    below = np.flatnonzero(rows["efficiency"] < level)
    if not below.size:
        return f"below {rows['mass_GeV'][0]:g} GeV"
    step = rows[below[-1] : below[-1] + 2]
    return f"at {np.interp(level, step['efficiency'], step['mass_GeV']):.3f} GeV"


def efficiencies(folder: Path) -> None:
    """Print plateau efficiencies, the half-height masses, and what windows keep."""
    table = read_table(folder / "efficiency.csv")
    final = table[table["stage"] == "window"]
    own = np.unique(final["crystals"])
    for selection, (low, high) in FLAT_MASSES.items():
        rows = final[(final["selection"] == selection) & (final["crystals"] == 2)]
        flat = rows[(rows["mass_GeV"] >= low) & (rows["mass_GeV"] <= high)]
        value = flat["efficiency"]
        print(
            f"efficiency after all cuts, {selection}-mass selection, "
            f"{low:g} to {high:g} GeV: {value.min():.3f} to {value.max():.3f}"
        )
    for crystals in own:
        rows = final[(final["selection"] == "low") & (final["crystals"] == crystals)]
        rows = np.sort(rows[rows["mass_GeV"] < 1.0], order="mass_GeV")
        half, most = (_crossing(rows, share) for share in (0.5, 0.9))
        print(f"  {crystals} crystals: half height {half}, nine tenths {most}")
    windows = read_table(folder / "windows.csv")
    for selection, (low, high) in FLAT_MASSES.items():
        rows = windows[(windows["selection"] == selection) & (windows["crystals"] == 2)]
        flat = (rows["mass_GeV"] >= low) & (rows["mass_GeV"] <= high)
        values = rows["kept"][flat]
        print(
            f"share of selected signal in the window, {selection}: "
            f"{values.min():.3f} to {values.max():.3f} (a Gaussian: 0.932)"
        )
