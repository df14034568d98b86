"""The numbers of the README's validation section: ``python -m tests.validation``.

With a results folder as argument it also compares its limits with the published ones.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.integrate import quad

from detector.geometry import belle2
from generator import alp
from generator.beams import Beams
from generator.phase_space import PhaseSpace
from generator.processes import stream
from generator.sampling import cross_section
from generator.tables import read_table
from generator.three_photon import ThreePhoton
from study import overlays
from tests.reference import three_photon as reference

if TYPE_CHECKING:
    from numpy.typing import NDArray

EVENTS = 20_000_000
FLAT_EVENTS = 20_000_000
FLAT_CHUNK = 1_000_000
FLAT_MASSES = {"low": (0.3, 4.0), "high": (3.0, 8.5)}
"""Masses [GeV] where the paper calls the efficiency of a selection flat."""
REGIONS = (
    ("17-150 deg lab, E* > 0.25 GeV", (17.0, 150.0), 0.25, 0.0, 97.6),
    ("37.3-123.7 deg lab, E_lab > 0.65 GeV", (37.3, 123.7), 0.0, 0.65, 14.2),
    ("37.3-123.7 deg lab, E_lab > 1.0 GeV", (37.3, 123.7), 0.0, 1.0, 10.5),
)
"""(name, angles [deg], E* [GeV], E_lab [GeV], cross section noted before [pb])."""


def _flat(
    angles: tuple[float, float], e_cms: float, e_lab: float
) -> tuple[float, float]:
    """Return the cross section and error [pb] from uniform phase space."""
    region = reference.Region(*angles, e_cms, e_lab)
    rng = np.random.default_rng(7)
    parts = np.array(
        [
            reference.flat(rng.random((5, FLAT_CHUNK)), region).cross_section(
                FLAT_CHUNK
            )
            for _ in range(FLAT_EVENTS // FLAT_CHUNK)
        ]
    )
    return float(parts[:, 0].mean()), float(np.hypot.reduce(parts[:, 1]) / len(parts))


def cross_sections() -> None:
    """Print e+e- -> γγγ against the independent flat sampler."""
    print("e+e- -> γγγ [pb]: sampler; independent flat phase space; pull; noted")
    for name, angles, e_cms, e_lab, noted in REGIONS:
        sampler = ThreePhoton(PhaseSpace(angles, e_cms, e_lab))
        ours = cross_section(sampler, stream("aaa", 1), EVENTS)
        flat, error = _flat(angles, e_cms, e_lab)
        pull = (ours.sum_pb - flat) / np.hypot(ours.error_pb, error)
        share = ours.effective_events / EVENTS
        print(
            f"  {name:<38}{ours.sum_pb:9.4f} +- {ours.error_pb:.4f}"
            f"{flat:10.4f} +- {error:.4f}{pull:+7.2f}{noted:8.1f}"
            f"   effective share {share:.2f}"
        )


def signal_formula() -> None:
    """Print the integrated signal formula against quadrature."""
    s = Beams().s_GeV2
    print("signal cross section at g = 1e-3/GeV [pb]: formula, quadrature, ratio - 1")
    for mass in (0.1, 1.0, 3.0, 6.0, 9.0):
        formula = float(alp.production_cross_section_pb(mass, 1e-3, s))
        numeric = quad(
            alp.differential_cross_section_pb, -1.0, 1.0, args=(mass, 1e-3, s)
        )[0]
        print(
            f"  {mass:4g} GeV{formula:12.6f}{numeric:12.6f}{formula / numeric - 1:+.1e}"
        )


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


def main() -> None:
    """Print everything."""
    geometry()
    signal_formula()
    cross_sections()
    for name in sys.argv[1:]:
        published(Path(name))
        efficiencies(Path(name))


if __name__ == "__main__":
    main()
