"""The same scan without and with radiation off the beams, side by side.

Both are ordinary results folders, ``born`` and ``radiated``, in the same windows: σ is
measured without radiation. Their samples are independent, so errors add in quadrature.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from generator.constants import INVFB_TO_INVPB
from generator.tables import read_table
from study.names import RADIATION_COLUMNS
from study.scan import run_scan
from study.store import ResultsFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np

    from study.config import Config

STUDIES: Final = {"born": False, "radiated": True}
"""Folder of each scan, and whether it has radiation."""


def with_radiation(config: Config, radiation: bool) -> Config:
    """Return the study with radiation switched on or off."""
    generator = config.generator.model_copy(update={"radiation": radiation})
    return config.model_copy(update={"generator": generator})


def run_radiation(config: Config, out: Path, *, jobs: int = 1) -> ResultsFolder:
    """Run the scan twice and write ``radiation.csv``.

    Parameters
    ----------
    config : Config
        The study; its ``generator.radiation`` does not matter.
    out : Path
        Folder that gets the results folders ``born`` and ``radiated``; finished parts
        of the same study are not computed again.
    jobs : int
        Worker processes. Results do not depend on it.

    Raises
    ------
    InputError
        If a folder holds another study, cannot be written, or has a corrupt point.
    """
    folder = ResultsFolder(out, with_radiation(config, False), "radiation")
    for name, radiation in STUDIES.items():
        run_scan(with_radiation(config, radiation), out / name, jobs=jobs)
    crystals = config.detector.merge_crystals
    rows = comparison_rows(out / "born", out / "radiated", crystals)
    folder.write_table("radiation.csv", RADIATION_COLUMNS, rows)
    return folder


def comparison_rows(
    born: Path, radiated: Path, crystals: int
) -> Iterator[tuple[object, ...]]:
    """Yield a row per limit of two results folders with the same choices of limits.

    Parameters
    ----------
    born, radiated : Path
        Results folders.
    crystals : int
        Separation of the limits, for the efficiency after all cuts of prompt decays.
    """
    studies = [_Study(born, crystals), _Study(radiated, crystals)]
    for first, second in zip(*(study.limits for study in studies), strict=True):
        efficiencies = [
            study.efficiency(row)
            for study, row in zip(studies, (first, second), strict=True)
        ]
        yield (
            *(first[name].item() for name in RADIATION_COLUMNS[:6]),
            *_ratio(
                second["radiative_factor"],
                first["radiative_factor"],
                second["radiative_factor_error"],
                first["radiative_factor_error"],
            ),
            *efficiencies[0],
            *efficiencies[1],
            *_background_pb(first),
            *_background_pb(second),
            float(first["g_per_GeV_median"]),
            float(second["g_per_GeV_median"]),
            *_ratio(
                second["g_per_GeV_median"],
                first["g_per_GeV_median"],
                second["g_per_GeV_median_mc_error"],
                first["g_per_GeV_median_mc_error"],
            ),
        )


class _Study:
    """Tables of a results folder."""

    def __init__(self, folder: Path, crystals: int) -> None:
        self.limits = read_table(folder / "limits.csv")
        rows = read_table(folder / "efficiency.csv")
        rows = rows[(rows["stage"] == "window") & (rows["crystals"] == crystals)]
        self._efficiency = {
            (float(row["mass_GeV"]), str(row["selection"])): (
                float(row["efficiency"]),
                float(row["efficiency_error"]),
            )
            for row in rows
        }

    def efficiency(self, row: np.void) -> tuple[float, float]:
        """Return efficiency and error at the mass and selection of a limit."""
        return self._efficiency[float(row["mass_GeV"]), str(row["selection"])]


def _background_pb(row: np.void) -> tuple[float, float]:
    exposure = float(row["luminosity_invfb"]) * INVFB_TO_INVPB
    events, error = row["background_events"], row["background_events_error"]
    return float(events) / exposure, float(error) / exposure


def _ratio(
    above: Any, below: Any, above_error: Any, below_error: Any
) -> tuple[float, float]:
    """Return a ratio and the error of independent numbers; NaN unless both are finite."""
    if not (math.isfinite(above) and math.isfinite(below) and below > 0.0):
        return math.nan, math.nan
    ratio = float(above / below)
    error = math.hypot(float(above_error / below), ratio * float(below_error / below))
    return ratio, error
