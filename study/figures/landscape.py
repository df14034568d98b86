"""The published landscape behind our limits: grey regions named in place, lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import matplotlib.patheffects as effects
import numpy as np
from matplotlib.artist import Artist
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Polygon

from study.overlays import load

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

Entry = tuple[Artist | tuple[Artist, ...], str]
"""A legend handle with its label."""

GREY_EDGE: Final = "#a6a6a6"
GREY_FACE: Final = "#dcdcdc"
GREY_TEXT: Final = "#4a4a4a"


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a name stands: mass [GeV], coupling [GeV⁻¹], degrees, point it names."""

    text: str
    mass_GeV: float
    coupling_per_GeV: float
    rotation: float = 0.0
    tip: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class View:
    """A window on the plane, the regions drawn in it, and where their names stand."""

    mass_GeV: tuple[float, float]
    coupling_per_GeV: tuple[float, float]
    regions: tuple[str, ...]
    spots: tuple[Spot, ...]
    astrophysics: tuple[str, ...] = ()
    projections: tuple[str, ...] = ()


_COLLIDER_REGIONS: Final = (
    "miniboone",
    "beam_dumps_envelope",
    "faser",
    "na64",
    "babar_monophoton",
    "opal_2gamma_knapen",
    "lep_2gamma_3gamma_jaeckel_spannowsky",
    "atlas_pbpb",
    "cms_pbpb",
    "besiii_2022",
    "primex",
    "belle2_2020_observed",
)

COLLIDER: Final = View(
    mass_GeV=(0.01, 20.0),
    coupling_per_GeV=(4e-7, 2.5e-2),
    regions=_COLLIDER_REGIONS,
    spots=(
        Spot("LEP-I γγ", 0.055, 1.2e-2),
        Spot("LEP-II γγ", 0.06, 2.3e-3),
        Spot("Belle II 2020", 2.2, 6e-3),
        Spot("BESIII", 0.36, 2.3e-3, tip=(0.29, 6.3e-4)),
        Spot("PrimEx", 0.102, 1.8e-2, tip=(0.112, 8e-3)),
        Spot("Pb\N{EN DASH}Pb\n(ATLAS,\nCMS)", 14.5, 6e-4),
        Spot("BaBar 1γ", 0.0165, 3.0e-4),
        Spot("NA64", 0.088, 5.5e-4, tip=(0.0525, 4e-4)),
        Spot("FASER", 0.092, 2.6e-4, tip=(0.068, 1.4e-4)),
        Spot("beam dumps", 0.03, 2.5e-6),
    ),
)
"""What an e⁺e⁻ three-photon search competes with.

GlueX is left out: all of its region in this window lies behind the others.
"""

WIDE: Final = View(
    mass_GeV=(1e-3, 20.0),
    coupling_per_GeV=(1e-12, 0.3),
    regions=_COLLIDER_REGIONS,
    spots=(
        Spot("LEP", 0.06, 2e-2),
        Spot("Belle II 2020", 2.2, 2e-2),
        Spot("Pb\N{EN DASH}Pb", 14.0, 1.2e-3),
        Spot("BaBar 1γ", 0.0065, 6e-4),
        Spot("beam dumps", 0.02, 2.2e-6),
        Spot("SN1987A (energy loss)", 0.018, 8e-8),
        Spot("SN1987A (decay)", 0.03, 4e-10),
        Spot("BBN", 0.0095, 2e-11),
        Spot("SHiP", 1.0, 2e-7),
    ),
    astrophysics=(
        "sn1987a_decay",
        "sn1987a_neutrino_energy_loss",
        "bbn_10mev_reheating",
    ),
    projections=("ship_projection_alpinist",),
)
"""The plane as phenomenologists know it, with astrophysics."""


def draw_view(axes: Axes, view: View) -> None:
    """Set the log–log window and draw the regions of ``view`` with their names."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(view.mass_GeV)
    axes.set_ylim(view.coupling_per_GeV)
    for curve in view.astrophysics:
        _region(axes, curve, face="#f3f1e7", edge="#cfc9a8", zorder=0.5)
    for curve in view.regions:
        _region(axes, curve, face=GREY_FACE, edge=GREY_EDGE, zorder=1.0)
    for curve in view.projections:
        _outline(axes, curve)
    for spot in view.spots:
        _name(axes, spot)


def _region(axes: Axes, curve: str, *, face: str, edge: str, zorder: float) -> None:
    patch = Polygon(
        load(curve).polygon(),
        closed=True,
        facecolor=face,
        edgecolor=edge,
        linewidth=0.5,
        zorder=zorder,
        gid=curve,
    )
    axes.add_patch(patch)


def _outline(axes: Axes, curve: str) -> None:
    mass, coupling = load(curve).polygon().T
    axes.plot(mass, coupling, ":", color=GREY_EDGE, lw=0.9, zorder=1.5, gid=curve)


def _name(axes: Axes, spot: Spot) -> None:
    start = (spot.mass_GeV, spot.coupling_per_GeV)
    if spot.tip is not None:
        mass, coupling = zip(start, spot.tip, strict=True)
        axes.plot(mass, coupling, color=GREY_TEXT, lw=0.5, zorder=3.9)
    text = axes.text(
        spot.mass_GeV,
        spot.coupling_per_GeV,
        spot.text,
        rotation=spot.rotation,
        color=GREY_TEXT,
        fontsize=8.0,
        ha="center",
        va="center",
        zorder=4.0,
        gid="region name",
    )
    text.set_path_effects([effects.withStroke(linewidth=2.0, foreground="white")])


PROJECTION_DASHES: Final[Mapping[str, tuple[int, tuple[float, ...]]]] = {
    "3gamma": (0, (5, 2)),
    "single_photon": (0, (6, 2, 1, 2)),
}
"""Dashes of the three-photon and the single-photon projections of arXiv:1709.00009."""


def draw_projections(axes: Axes, colours: Mapping[float, str]) -> None:
    """Draw the 2017 projections as lines in the colour of their luminosity.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    colours : mapping
        Colour by luminosity [fb⁻¹]; 20 and 50000 must be among them.
    """
    for search, dashes in PROJECTION_DASHES.items():
        for end, luminosity in (("20fb", 20.0), ("50ab", 50000.0)):
            curve = load(f"belle2_2017_projection_{search}_{end}")
            axes.plot(
                curve.mass_GeV,
                curve.coupling_per_GeV,
                linestyle=dashes,
                color=colours[luminosity],
                lw=1.0,
                zorder=2.6,
                gid=curve.record.id,
            )


INDICATIVE_DASHES: Final = (0, (1, 1.2))
INDICATIVE_COLOUR: Final = "#333333"
WIDEST_STEP: Final = 1.2
"""Neighbouring points of that curve farther apart in mass are not joined."""


def draw_indicative(axes: Axes) -> None:
    """Draw the 2026 observed limit: an automatic digitisation, so only dotted.

    The line is interrupted where the file has no points (masses around the η).
    """
    curve = load("belle2_2026_observed_preliminary_digitisation")
    gaps = np.flatnonzero(curve.mass_GeV[1:] > WIDEST_STEP * curve.mass_GeV[:-1]) + 1
    axes.plot(
        np.insert(curve.mass_GeV, gaps, np.nan),
        np.insert(curve.coupling_per_GeV, gaps, np.nan),
        linestyle=INDICATIVE_DASHES,
        color=INDICATIVE_COLOUR,
        lw=0.8,
        zorder=2.4,
        gid=curve.record.id,
    )


def landscape_handles() -> list[Entry]:
    """Return the legend entries of the published lines."""
    names = {"3gamma": "three photons", "single_photon": "one photon"}
    entries: list[Entry] = [
        (
            Line2D([], [], color="#555555", lw=1.0, linestyle=dashes),
            f"projection, arXiv:1709.00009, {names[search]}, 90% CL",
        )
        for search, dashes in PROJECTION_DASHES.items()
    ]
    dots = Line2D([], [], color=INDICATIVE_COLOUR, lw=0.8, linestyle=INDICATIVE_DASHES)
    grey = Patch(facecolor=GREY_FACE, edgecolor=GREY_EDGE, lw=0.5)
    return [
        *entries,
        (dots, "Belle II 2026, 95% CL, luminosity unknown (indicative)"),
        (grey, "existing limits, CL as published"),
    ]
