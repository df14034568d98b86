"""Spectra as hist objects and in ``histograms.root``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import hist
import numpy as np
import uproot

from selection.tally import (
    MASS_BINS_PER_GEV,
    N_MASS_BINS,
    N_RECOIL_BINS,
    N_TOTAL_BINS,
    RECOIL_BINS_PER_GEV,
    TOTAL_BINS_PER_GEV,
)
from study.names import mass_label

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from study.sums import SignalPoint, Sums

Histogram = hist.Hist[hist.storage.Weight]


def mass_histogram(sums: NDArray[np.float64], label: str) -> Histogram:
    """Return a weighted m² histogram from (Σw, Σw²) in bins of 5 MeV in mass."""
    edges = (np.arange(N_MASS_BINS + 1) / MASS_BINS_PER_GEV) ** 2
    axis = hist.axis.Variable(edges, name="m2", label=r"$m^2_{\gamma\gamma}$ [GeV$^2$]")
    return _filled(axis, sums, label)


def recoil_histogram(sums: NDArray[np.float64], label: str) -> Histogram:
    """Return a weighted recoil-energy histogram from (Σw, Σw²)."""
    top = N_RECOIL_BINS / RECOIL_BINS_PER_GEV
    axis = hist.axis.Regular(
        N_RECOIL_BINS, 0.0, top, name="recoil", label=r"$E^*_\gamma$ [GeV]"
    )
    return _filled(axis, sums, label)


def total_histogram(sums: NDArray[np.float64], label: str) -> Histogram:
    """Return a weighted M(γγγ) histogram from (Σw, Σw²)."""
    top = N_TOTAL_BINS / TOTAL_BINS_PER_GEV
    axis = hist.axis.Regular(
        N_TOTAL_BINS, 0.0, top, name="mass", label=r"$M_{\gamma\gamma\gamma}$ [GeV]"
    )
    return _filled(axis, sums, label)


def _filled(
    axis: hist.axis.AxisProtocol, sums: NDArray[np.float64], label: str
) -> Histogram:
    result = hist.Hist(axis, storage=hist.storage.Weight(), label=label)
    view = result.view()
    view.value, view.variance = sums
    return result


def spectra(sums: Sums, folder: str) -> dict[str, Histogram]:
    """Return the spectra of a sample by their path in the file."""
    return {
        f"{folder}/low/m2": mass_histogram(sums.m2_low, folder),
        f"{folder}/high/m2": mass_histogram(sums.m2_high, folder),
        f"{folder}/high/recoil": recoil_histogram(sums.recoil, folder),
        f"{folder}/three_photon_mass": total_histogram(sums.total, folder),
    }


def write_histograms(
    path: Path, points: list[SignalPoint], backgrounds: Mapping[str, Sums]
) -> None:
    """Write the spectra of all samples as TH1D: pb per bin.

    The signal is normalised to a Born cross section of 1 pb, so without radiation it is
    the share of the events.
    """
    with uproot.recreate(path) as file:
        for process, sums in backgrounds.items():
            for name, histogram in spectra(sums, f"background/{process}").items():
                file[name] = histogram
        for point in points:
            folder = f"signal/{mass_label(point.mass_GeV)}"
            for name, histogram in spectra(point.separated[0].sums, folder).items():
                file[name] = histogram
