"""Figures of a study: arrays and tables in, matplotlib figures out, ``save`` to disk.

Importing this package imports matplotlib; the command line does so only on demand.
"""

from __future__ import annotations

from study.figures.display import display_figure
from study.figures.efficiency import efficiency_figure
from study.figures.folder import draw_all
from study.figures.landscape import COLLIDER, WIDE, View
from study.figures.limits import limits_figure
from study.figures.published import limits_vs_published
from study.figures.radiation import (
    radiation_efficiency_figure,
    radiation_limits_figure,
)
from study.figures.separation import (
    half_mass_GeV,
    opening_figure,
    outcomes_figure,
    regions_figure,
)
from study.figures.spectra import Panel, rebinned, spectra_figure
from study.figures.style import save
from study.figures.three_photon_mass import MassPanel, three_photon_mass_figure
from study.figures.trigger import trigger_figure

__all__ = [
    "COLLIDER",
    "WIDE",
    "MassPanel",
    "Panel",
    "View",
    "display_figure",
    "draw_all",
    "efficiency_figure",
    "half_mass_GeV",
    "limits_figure",
    "limits_vs_published",
    "opening_figure",
    "outcomes_figure",
    "radiation_efficiency_figure",
    "radiation_limits_figure",
    "rebinned",
    "regions_figure",
    "save",
    "spectra_figure",
    "three_photon_mass_figure",
    "trigger_figure",
]
