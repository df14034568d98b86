"""Spectra: hist objects with the tally's sums, and the ROOT file made of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import pytest
import uproot

from generator.beams import Beams
from selection.candidates import Stage
from selection.tally import N_MASS_BINS, N_RECOIL_BINS, N_TOTAL_BINS
from study.histograms import (
    mass_histogram,
    recoil_histogram,
    spectra,
    total_histogram,
    write_histograms,
)
from study.names import mass_label
from tests.study.engineered import point, sums
from tests.study.small import MASSES_GEV

if TYPE_CHECKING:
    from pathlib import Path

    from study.sums import SignalPoint, Sums


@runtime_checkable
class Plottable(Protocol):
    """The part of the UHI protocol ``PlottableHistogram`` that plots need."""

    @property
    def axes(self) -> object: ...
    @property
    def kind(self) -> object: ...
    def values(self) -> object: ...
    def variances(self) -> object: ...
    def counts(self) -> object: ...


def filled() -> Sums:
    rng = np.random.default_rng(1)
    return replace(
        sums((1.0, 0.8, 0.7, 0.6, 0.5, 0.4)),
        m2_low=rng.random((2, N_MASS_BINS)),
        m2_high=rng.random((2, N_MASS_BINS)),
        recoil=rng.random((2, N_RECOIL_BINS)),
        total=rng.random((2, N_TOTAL_BINS)),
    )


def test_axes_are_even_in_mass_and_in_energy() -> None:
    item = filled()
    edges = mass_histogram(item.m2_low, "x").axes[0].edges
    np.testing.assert_allclose(np.diff(np.sqrt(edges)), 0.005, rtol=1e-9)
    assert np.sqrt(edges[-1]) == pytest.approx(12.0)
    edges = recoil_histogram(item.recoil, "x").axes[0].edges
    np.testing.assert_allclose(np.diff(edges), 0.005, rtol=1e-9)
    assert edges[-1] == pytest.approx(6.0)
    edges = total_histogram(item.total, "x").axes[0].edges
    np.testing.assert_allclose(np.diff(edges), 0.01, rtol=1e-9)
    assert edges[-1] == pytest.approx(15.0)


def test_histograms_hold_the_sums_and_follow_uhi() -> None:
    item = filled()
    found = spectra(item, "background/aaa")
    assert list(found) == [
        "background/aaa/low/m2",
        "background/aaa/high/m2",
        "background/aaa/high/recoil",
        "background/aaa/three_photon_mass",
    ]
    wanted = (item.m2_low, item.m2_high, item.recoil, item.total)
    for histogram, (values, variances) in zip(found.values(), wanted, strict=True):
        assert isinstance(histogram, Plottable)
        np.testing.assert_array_equal(histogram.values(), values)
        np.testing.assert_array_equal(histogram.variances(), variances)
        assert histogram.axes[0].label.endswith(("[GeV$^2$]", "[GeV]"))
        assert histogram.sum(flow=True).value == pytest.approx(values.sum())


def test_the_file_gives_them_back(tmp_path: Path) -> None:
    path, item = tmp_path / "h.root", filled()
    write_histograms(path, [point(0.5)], {"aaa": item})
    with uproot.open(path) as file:
        for name, histogram in spectra(item, "background/aaa").items():
            again = file[name]
            assert again.classname == "TH1D"
            np.testing.assert_array_equal(again.values(), histogram.values())
            np.testing.assert_allclose(again.variances(), histogram.variances())
            np.testing.assert_allclose(
                again.axis().edges(), histogram.axes[0].edges, rtol=1e-12
            )
        assert "signal/m0.500000/low/m2" in file


def test_spectra_of_a_scan_hold_the_selected_events(
    scanned: Path, points: dict[float, SignalPoint]
) -> None:
    """One entry per event in the low selection, three in the high one."""
    with uproot.open(scanned / "histograms.root") as file:
        for mass in MASSES_GEV:
            low, high = points[mass].separated[0].sums.passed[:, 0, -1]
            folder = file[f"signal/{mass_label(mass)}"]
            assert folder["low/m2"].values().sum() == pytest.approx(low)
            assert folder["high/m2"].values().sum() == pytest.approx(3.0 * high)
            assert folder["high/recoil"].values().sum() == pytest.approx(3.0 * high)


def test_three_photons_have_the_mass_of_the_collision(
    scanned: Path, points: dict[float, SignalPoint]
) -> None:
    """One entry per event in the acceptance; the leakage of showers shifts the mean."""
    sqrt_s = Beams().sqrt_s_GeV
    with uproot.open(scanned / "histograms.root") as file:
        for mass in MASSES_GEV:
            spectrum = file[f"signal/{mass_label(mass)}/three_photon_mass"]
            passed = points[mass].separated[0].sums.passed[0, 0, Stage.ACCEPTANCE]
            assert spectrum.values().sum() == pytest.approx(passed)
            values, centres = spectrum.values(), spectrum.axis().centers()
            mean = values @ centres / values.sum()
            spread = (values @ (centres - mean) ** 2 / values.sum()) ** 0.5
            assert abs(mean - sqrt_s) < 0.05
            assert 0.05 < spread < 0.25
