"""One event in the calorimeter unrolled: crystals, clusters and true photons.

Crystals lie where the IP sees them at the depth at which they share showers.
"""

from __future__ import annotations

from string import ascii_uppercase
from typing import TYPE_CHECKING, Final, NamedTuple

import matplotlib.patheffects as effects
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import LogNorm
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.path import Path
from matplotlib.ticker import FuncFormatter, MaxNLocator

from detector.cells import cells
from detector.geometry import Region, belle2
from study.figures.style import colour, context, new_figure, stamp

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from detector.picture import EventPicture
    from study.figures.tables import Array

SEEN_MEV: Final = 0.5
"""Where the colours begin; crystals with less energy are left blank [MeV]."""
NEAR_DEG: Final = 25.0
"""Photons and clusters closer than this are shown in one zoom [deg]."""
MOST_ZOOMS: Final = 4
"""Most zooms in a figure."""
PHI_LABEL: Final = "azimuth [deg]"
THETA_LABEL: Final = "polar angle [deg]"
REGIONS: Final = ("forward endcap", "barrel", "backward endcap")
MARKS: Final = {"photon": ("x", 5.5, 1.4), "cluster": ("+", 17.0, 2.0)}
"""Marker, its size and the width of its lines [points]."""
_LEAST_HALF_DEG: Final = 9.5
_MARGIN_DEG: Final = 7.0
_MAP: Final = "YlGnBu"
_GRID: Final = "#b8b8b8"
_HALO: Final = [effects.withStroke(linewidth=2.5, foreground="white")]


class Window(NamedTuple):
    """A part of the calorimeter, as wide on the sphere as it is high [deg]."""

    phi: float
    theta: float
    half_theta: float

    @property
    def half_phi(self) -> float:
        """Half of its width in azimuth."""
        return min(self.half_theta / float(np.sin(np.radians(self.theta))), 180.0)


def near(phi_deg: Array, around_deg: float) -> Array:
    """Return azimuths moved by whole turns to within half a turn of another [deg]."""
    return around_deg - 180.0 + np.mod(phi_deg - around_deg + 180.0, 360.0)


def rectangles(cell: NDArray[np.int64], around_deg: float = 180.0) -> Array:
    """Return the corners (φ, θ) of crystals, (n, 4, 2) [deg], centres as of `near`."""
    geometry, first = belle2(), cells().first
    ring = np.searchsorted(first, cell, side="right") - 1
    low, high = np.degrees(geometry.deep_theta[:, ring])
    pitch = 360.0 / geometry.n_crystals[ring]
    x = near((cell - first[ring] + 0.5) * pitch, around_deg)
    left, right = x - 0.5 * pitch, x + 0.5 * pitch
    corners = [[left, low], [right, low], [right, high], [left, high]]
    return np.moveaxis(np.array(corners), -1, 0)


def outline(cell: NDArray[np.int64], around_deg: float = 180.0) -> Array:
    """Return the border of a set of crystals in pieces from (φ, θ) to (φ, θ) [deg].

    Shape (n, 2, 2). Rings may have different numbers of crystals, so pieces are as long
    as these have in common. Across the gaps between regions crystals do not touch.
    """
    geometry, first = belle2(), cells().first
    steps = int(np.lcm.reduce(geometry.n_crystals))
    ring = np.searchsorted(first, cell, side="right") - 1
    share = steps // geometry.n_crystals[ring]
    covered = np.zeros((geometry.n_rings + 2, steps), bool)  # a blank ring at both ends
    for r, start, n in zip(ring, (cell - first[ring]) * share, share, strict=True):
        covered[r + 1, start : start + n] = True
    low, high = geometry.deep_theta
    joined = np.concatenate([[False], low[1:] == high[:-1], [False]])[:, None]
    inside, half = covered[1:-1], 180.0 / steps
    sides = (
        (~(covered[:-2] & joined[:-1]), (-half, half), (low, low)),
        (~(covered[2:] & joined[1:]), (-half, half), (high, high)),
        (~np.roll(inside, 1, axis=1), (-half, -half), (low, high)),
        (~np.roll(inside, -1, axis=1), (half, half), (low, high)),
    )
    pieces = []
    for open_side, shifts, ends in sides:
        r, k = np.nonzero(inside & open_side)
        x = near((2.0 * k.astype(float) + 1.0) * half, around_deg)
        points = zip(shifts, ends, strict=True)
        pieces.append([[x + dx, np.degrees(theta[r])] for dx, theta in points])
    return np.moveaxis(np.concatenate(pieces, axis=-1), -1, 0)


def windows(picture: EventPicture) -> list[Window]:
    """Return a window around every group of photons and clusters, by falling energy."""
    theta = np.concatenate([picture.photon_theta, picture.cluster_theta])
    phi = np.concatenate([picture.photon_phi, picture.cluster_phi])
    energy = np.concatenate([picture.photon_energy_GeV, _cluster_energies(picture)])
    if theta.size == 0:
        return []
    flat = np.sin(theta)
    unit = np.stack([flat * np.cos(phi), flat * np.sin(phi), np.cos(theta)], axis=1)
    joined = unit @ unit.T > np.cos(np.radians(NEAR_DEG))
    for _ in range(theta.size):  # neighbours of neighbours
        joined = joined @ joined
    groups = np.unique(joined, axis=0)
    groups = groups[np.argsort(-(groups @ energy), kind="stable")]
    return [_window(np.degrees(phi[g]), np.degrees(theta[g])) for g in groups]


def _cluster_energies(picture: EventPicture) -> Array:
    """Return the energies of the crystals of every cluster added up [GeV]."""
    member = picture.cluster[None, :] == picture.core[:, None]
    return np.asarray(member @ picture.energy_GeV)


def _window(phi: Array, theta: Array) -> Window:
    near_first = near(phi, phi[0])
    x, y = (0.5 * (v.min() + v.max()) for v in (near_first, theta))
    wide = np.abs(near_first - x).max() * np.sin(np.radians(y))
    half = max(wide, np.abs(theta - y).max()) + _MARGIN_DEG
    return Window(float(x % 360.0), float(y), max(float(half), _LEAST_HALF_DEG))


def display_figure(picture: EventPicture, title: str) -> Figure:
    """Draw an event: the whole calorimeter, and below zooms of what is in it.

    There is a zoom of every group of photons and clusters that are closer than
    ``NEAR_DEG``, of at most ``MOST_ZOOMS`` of them, those with most energy.

    Parameters
    ----------
    picture : EventPicture
        From `detector.picture.draw_event`; nothing need be in it.
    title : str
        Stands above on the right.
    """
    found = windows(picture)[:MOST_ZOOMS]
    norm = LogNorm(SEEN_MEV, max(1e3 * picture.energy_GeV.max(initial=0.0), 10.0))
    ratios = (1.25, 1.0) if found else (1.0,)
    with context():
        figure = new_figure(8.8, 7.2 if found else 4.2)
        parts = figure.subfigures(len(ratios), 1, squeeze=False, height_ratios=ratios)
        upper, lower = parts[0, 0], parts[-1, 0]
        axes = upper.add_subplot()
        _overview(axes, picture, norm)
        panels = lower.subplots(1, len(found), squeeze=False)[0] if found else []
        for letter, window, panel in zip(ascii_uppercase, found, panels, strict=False):
            _frame(axes, window, letter)
            _zoom(panel, picture, window, norm)
            panel.set_title(letter, loc="left", fontsize=10.0)
            panel.set_ylabel(THETA_LABEL if letter == "A" else "")
        stamp(axes, title)
        bar = upper.colorbar(ScalarMappable(norm, _MAP), ax=axes, format="%g")
        bar.set_label("energy of a crystal [MeV]")
        lower.legend(handles=_keys(), loc="outside lower center", ncols=3)
    return figure


def _overview(axes: Axes, picture: EventPicture, norm: LogNorm) -> None:
    geometry, names = belle2(), axes.secondary_yaxis("right")
    middles = []
    for region in Region:
        low, high = np.degrees(geometry.deep_theta[:, geometry.region == region])
        axes.axhspan(low[0], high[-1], color="#f1f1f1", lw=0.0, zorder=0.0)
        middles.append(0.5 * (low[0] + high[-1]))
    names.set_yticks(middles, [text.replace(" ", "\n") for text in REGIONS])
    names.tick_params(length=0.0, which="both", labelsize=9.0)
    _paint(axes, picture, 180.0, norm, 0.7)
    axes.set(xlim=(0.0, 360.0), ylim=(9.0, 158.0), xlabel=PHI_LABEL, ylabel=THETA_LABEL)
    axes.set_xticks(np.arange(0.0, 361.0, 45.0))
    axes.set_yticks(np.arange(30.0, 151.0, 30.0))
    axes.tick_params(right=False, which="both")
    if picture.cell.size == 0:
        axes.text(180.0, 80.0, "no crystal is hit", ha="center", va="center", size=13.0)


def _paint(
    axes: Axes, picture: EventPicture, around_deg: float, norm: LogNorm, scale: float
) -> None:
    """Draw crystals, borders of clusters and positions."""
    energy = 1e3 * picture.energy_GeV
    seen = energy >= SEEN_MEV
    shapes = rectangles(picture.cell[seen], around_deg)
    filled = PolyCollection(list(shapes), array=energy[seen], norm=norm, cmap=_MAP)
    filled.set(edgecolor=_GRID, linewidth=0.3 * scale, gid="crystals")
    axes.add_collection(filled)
    for i, k in enumerate(np.argsort(-_cluster_energies(picture), kind="stable")):
        cell = picture.cell[picture.cluster == picture.core[k]]
        border = LineCollection(list(outline(cell, around_deg)), capstyle="projecting")
        border.set(color=colour(i), linewidth=4.4 * scale, gid=f"cluster {i}")
        axes.add_collection(border)
        # only the inner half of the line, for borders that clusters share
        inner = [Path([*c, c[0]], closed=True) for c in rectangles(cell, around_deg)]
        border.set_clip_path(Path.make_compound_path(*inner), axes.transData)
    _positions(axes, picture, around_deg, scale)


def _positions(
    axes: Axes, picture: EventPicture, around_deg: float, scale: float
) -> None:
    """Mark clusters in the colours of their borders, and over them true photons."""
    kinds = []
    for i, k in enumerate(np.argsort(-_cluster_energies(picture), kind="stable")):
        phi, theta = picture.cluster_phi[[k]], picture.cluster_theta[[k]]
        kinds.append((f"cluster position {i}", phi, theta, colour(i)))
    kinds.append(("photon", picture.photon_phi, picture.photon_theta, "black"))
    for name, phi, theta, tint in kinds:
        marker, size, width = MARKS[name.split()[0]]
        halo = effects.withStroke(linewidth=width * scale + 1.6, foreground="white")
        axes.plot(
            near(np.degrees(phi), around_deg),
            np.degrees(theta),
            marker,
            color=tint,
            ms=size * scale,
            mew=width * scale,
            path_effects=[halo],
            gid=name,
        )


def _frame(axes: Axes, window: Window, letter: str) -> None:
    """Show in the overview where a zoom is."""
    left, low = window.phi - window.half_phi, window.theta - window.half_theta
    width, height = 2.0 * window.half_phi, 2.0 * window.half_theta
    for turn in (-360.0, 0.0, 360.0):
        frame = Rectangle((left + turn, low), width, height, fill=False, ls=":", lw=0.8)
        axes.add_patch(frame)
    x, above = max(left, 0.0) + 1.0, low + height < 147.0
    y = low + height + 1.0 if above else low - 1.0
    axes.text(x, y, letter, va="bottom" if above else "top", gid="letter", size=10.0)


def _zoom(axes: Axes, picture: EventPicture, window: Window, norm: LogNorm) -> None:
    shapes = rectangles(np.arange(cells().first[-1]), window.phi)
    centre = np.array([window.phi, window.theta])
    half = np.array([window.half_phi, window.half_theta])
    shown = np.all(abs(shapes - centre).min(axis=1) < half, axis=1)
    grid = PolyCollection(list(shapes[shown]), fc="none", ec=_GRID, lw=0.4, gid="grid")
    axes.add_collection(grid)
    _paint(axes, picture, window.phi, norm, 1.0)
    _energies(axes, picture, window)
    (left, low), (right, high) = centre - half, centre + half
    axes.set(xlim=(left, right), ylim=(low, high), xlabel=PHI_LABEL)
    axes.set_box_aspect(1.0)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x % 360.0:g}"))
    axes.yaxis.set_major_locator(MaxNLocator(5))


def _energies(axes: Axes, picture: EventPicture, window: Window) -> None:
    """Write the energies of photons above or below them, away from each other."""
    x = near(np.degrees(picture.photon_phi), window.phi)
    y = np.degrees(picture.photon_theta)
    inside = abs(x - window.phi) < window.half_phi
    inside &= abs(y - window.theta) < window.half_theta
    order = [k for k in np.argsort(y, kind="stable") if inside[k]]
    for rank, k in enumerate(order):
        energy, up = picture.photon_energy_GeV[k], 2 * rank + 1 >= len(order)
        axes.annotate(
            f"{energy:.2f} GeV" if energy >= 0.1 else f"{1e3 * energy:.0f} MeV",
            (x[k], y[k]),
            (0.0, 9.0 if up else -9.0),
            textcoords="offset points",
            ha="center",
            va="bottom" if up else "top",
            fontsize=9.0,
            path_effects=_HALO,
            gid="photon energy",
        )


def _keys() -> list[Line2D | Patch]:
    keys = [Line2D([], [], ls="none", color=tint) for tint in ("black", colour(0))]
    for key, name in zip(keys, MARKS, strict=True):
        marker, size, width = MARKS[name]
        key.set(marker=marker, markersize=size, markeredgewidth=width)
        key.set_label("true photon" if name == "photon" else "cluster")
    return [*keys, Patch(fill=False, ec=colour(0), lw=2.2, label="its crystals")]
