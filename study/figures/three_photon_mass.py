"""Three-photon mass with and without radiation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from study.figures.radiation import STUDIES, key_line
from study.figures.spectra import rebinned
from study.figures.style import (
    NOMINAL_SQRT_S_GEV,
    context,
    new_figure,
    sqrt_s_text,
    stamp,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from study.figures.spectra import Spectrum

_BIN_GEV: Final = 0.06
_MASS_RANGE: Final = (0.55, 1.12)
"""Of M(γγγ), over √s."""


@dataclass(frozen=True, slots=True)
class MassPanel:
    """M(γγγ) of one sample, without and with radiation, in cross section per bin."""

    label: str
    born: Spectrum
    radiated: Spectrum


def three_photon_mass_figure(
    panels: Sequence[MassPanel], *, sqrt_s_GeV: float = NOMINAL_SQRT_S_GEV
) -> Figure:
    """Draw M(γγγ) of events with three photons in the acceptance, a panel per sample.

    Both spectra are divided by the content of the one without radiation. Bands are
    Monte Carlo errors.

    Parameters
    ----------
    panels : sequence of MassPanel
        One to four samples.
    sqrt_s_GeV : float
        CM energy [GeV] that is quoted; defaults to that of the nominal beams.

    Raises
    ------
    ValueError
        If there is no panel.
    """
    if not panels:
        message = "no sample to draw spectra of the three-photon mass"
        raise ValueError(message)
    with context():
        columns = min(len(panels), 2)
        rows = -(-len(panels) // columns)
        figure = new_figure(max(4.1 * columns, 6.0), 2.9 * rows + 0.5)
        grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        view = (_MASS_RANGE[0] * sqrt_s_GeV, _MASS_RANGE[1] * sqrt_s_GeV)
        for axes, panel in zip(grid.flat, panels, strict=False):
            _draw_mass(axes, panel, view)
            axes.axvline(sqrt_s_GeV, color="black", lw=0.7, ls=":")
            axes.text(0.04, 0.95, panel.label, transform=axes.transAxes, va="top")
        for axes in grid.flat[len(panels) :]:
            axes.set_visible(False)
        for axes in grid[-1]:
            axes.set_xlabel(r"$M_{\gamma\gamma\gamma}$ [GeV]")
        for axes in grid[:, 0]:
            axes.set_ylabel(r"$(1/N_0)\,dN/dM$ [GeV$^{-1}$]")
        grid[0, 0].set(xlim=view, ylim=(3e-4, 30.0), yscale="log")
        stamp(grid[0, 0], sqrt_s_text(sqrt_s_GeV), right_axes=grid[0, -1])
        keys = [key_line(label, tint) for tint, label in STUDIES.values()]
        keys.append(key_line(r"$\sqrt{s}$", "black", ":"))
        figure.legend(
            handles=keys,
            loc="outside lower center",
            ncols=3,
            title=r"$N_0$: events without radiation, three photons in the acceptance",
        )
    return figure


def _draw_mass(axes: Axes, panel: MassPanel, view: tuple[float, float]) -> None:
    norm = float(np.sum(panel.born.values()))
    if norm <= 0.0:
        return
    for study, (tint, _) in STUDIES.items():
        merged = rebinned(getattr(panel, study), _BIN_GEV, *view)
        edges = np.asarray(merged.axes[0].edges)
        density = np.asarray(merged.values()) / (norm * np.diff(edges))
        variances = merged.variances()
        error = np.zeros_like(density) if variances is None else np.sqrt(variances)
        error = error / (norm * np.diff(edges))
        axes.stairs(
            density + error,
            edges,
            baseline=np.maximum(density - error, 0.0),
            color=tint,
            fill=True,
            alpha=0.3,
            lw=0.0,
        )
        axes.stairs(density, edges, baseline=None, color=tint, lw=1.2, gid=study)
