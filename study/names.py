"""Names that files share: columns of the tables, and how a mass is written."""

from __future__ import annotations

from typing import Final

QUANTILES: Final = ("minus2", "minus1", "median", "plus1", "plus2")
"""Quantiles of an expected limit as they end the column names."""

LIMIT_COLUMNS: Final = (
    "mass_GeV",
    "selection",
    "observable",
    "luminosity_invfb",
    "cl",
    "method",
    "signal_efficiency",
    "signal_efficiency_error",
    "radiative_factor",
    "radiative_factor_error",
    "background_events",
    "background_events_error",
    *(f"events_{name}" for name in QUANTILES),
    *(f"sigma_pb_{name}" for name in QUANTILES),
    *(f"g_per_GeV_{name}" for name in QUANTILES),
    "g_per_GeV_median_mc_error",
    "limited_by",
    "best",
)
EFFICIENCY_COLUMNS: Final = (
    "mass_GeV",
    "selection",
    "crystals",
    "rule",
    "stage",
    "efficiency",
    "efficiency_error",
)
CUTFLOW_COLUMNS: Final = (
    "process",
    "mass_GeV",
    "selection",
    "stage",
    "sigma_pb",
    "effective_events",
    "efficiency",
    "efficiency_lower",
    "efficiency_upper",
)
WINDOW_COLUMNS: Final = (
    "mass_GeV",
    "selection",
    "crystals",
    "rule",
    "observable",
    "sigma",
    "low",
    "high",
    "kept",
)
SHOWER: Final = "shower"
"""Stands for the crystal-level model among merging rules; its ``crystals`` are 0."""
OUTCOMES: Final = ("resolved", "merged", "lost")
"""What becomes of the two photons of an ALP."""
SEPARATION_COLUMNS: Final = (
    "mass_GeV",
    "rule",
    "crystals",
    "region",
    "outcome",
    "share",
    "share_lower",
    "share_upper",
    "events",
)
OPENING_COLUMNS: Final = (
    "rule",
    "crystals",
    "region",
    "opening_low",
    "opening_high",
    "outcome",
    "share",
    "share_lower",
    "share_upper",
    "events",
)
TRIGGER_COLUMNS: Final = (
    "mass_GeV",
    "model",
    "level",
    "line",
    "efficiency",
    "efficiency_lower",
    "efficiency_upper",
    "events",
)
RADIATION_COLUMNS: Final = (
    "mass_GeV",
    "selection",
    "observable",
    "luminosity_invfb",
    "cl",
    "method",
    "sigma_ratio",
    "sigma_ratio_error",
    *(
        f"{quantity}_{study}{error}"
        for quantity in ("efficiency", "background_pb")
        for study in ("born", "radiated")
        for error in ("", "_error")
    ),
    "g_per_GeV_born",
    "g_per_GeV_radiated",
    "g_ratio",
    "g_ratio_mc_error",
)


def mass_label(mass_GeV: float) -> str:
    """Return the mass to the keV, the precision in which masses are told apart."""
    return f"m{mass_GeV:.6f}"
