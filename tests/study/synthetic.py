"""A small results folder made of formulas, for the tests of the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import hist
import numpy as np
import uproot

from study.names import mass_label

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


MASSES_GEV = np.geomspace(0.12, 9.6, 24)
LUMINOSITIES_INVFB = (20.0, 50000.0)
STATISTICS = ((0.9, "clsb-exact"), (0.95, "cls-asymptotic"))
SIGMAS = {"minus2": -2, "minus1": -1, "median": 0, "plus1": 1, "plus2": 2}

LIMIT_HEADER = (
    "mass_GeV,selection,observable,luminosity_invfb,cl,method,signal_efficiency,"
    "signal_efficiency_error,background_events,background_events_error,"
    + ",".join(f"events_{name}" for name in SIGMAS)
    + ","
    + ",".join(f"sigma_pb_{name}" for name in SIGMAS)
    + ","
    + ",".join(f"g_per_GeV_{name}" for name in SIGMAS)
    + ",g_per_GeV_median_mc_error,limited_by,best"
)


def median_coupling(mass: float, selection: str, luminosity_invfb: float) -> float:
    """Return a limit [GeV⁻¹] with the shape of the real one; inf where merged."""
    if selection == "low":
        efficiency = 0.4 * np.clip((mass - 0.13) / 0.1, 0.0, 1.0) * (mass < 6.0)
    else:
        efficiency = 0.5 * np.clip((mass - 1.5) / 1.5, 0.0, 1.0)
    if efficiency <= 0.0:
        return float("inf")
    density = 0.5 * mass if selection == "low" else 2.0 + 0.3 * mass
    signal = 1.2816 * np.sqrt(max(density, 0.1) * 1000.0 * luminosity_invfb)
    unit = 1.18e5 * (1.0 - (mass / 10.58) ** 2) ** 3 * 1000.0 * luminosity_invfb
    return float(np.sqrt(signal / (efficiency * unit)))


def _numbers(median: float, method: str) -> list[float]:
    if not np.isfinite(median):
        return [float("inf")] * 5
    steps = np.array([-2, -1, 0, 1, 2])
    g = median * np.sqrt(np.clip(1.0 + steps / 1.7, 0.0, None))
    if method.startswith("cls-"):
        g = median * 1.17 ** steps.astype(float)
    return [float(value) for value in g]


def limit_rows(
    statistics: Sequence[tuple[float, str]] = STATISTICS,
) -> Iterator[str]:
    """Yield the rows of ``limits.csv``."""
    for mass in MASSES_GEV:
        for luminosity in LUMINOSITIES_INVFB:
            g = {s: median_coupling(mass, s, luminosity) for s in ("low", "high")}
            best = min(g, key=lambda name: g[name])
            for cl, method in statistics:
                for selection, median in g.items():
                    couplings = _numbers(median, method)
                    fields: list[object] = [mass, selection]
                    fields += ["m2", luminosity, cl, method, 0.4, 0.001, 1e4, 10.0]
                    fields += [1.0] * 10 + couplings + [0.01 * median]
                    fields += ["statistics", int(selection == best)]
                    yield ",".join(str(field) for field in fields)


def efficiency_rows(rules: Sequence[str] = ("square",)) -> Iterator[str]:
    """Yield the rows of ``efficiency.csv``."""
    for rule in rules:
        for mass in MASSES_GEV:
            for crystals in (1, 2, 4):
                edge = 1.0 - np.exp(-((mass / (0.1 * crystals)) ** 4))
                for selection, top in (("low", 0.38), ("high", 0.53)):
                    turn = float(mass < 6.0) if selection == "low" else float(mass > 2)
                    for stage, factor in (("generated", 1.0), ("window", top * turn)):
                        value = factor * (edge if stage == "window" else 1.0)
                        error = np.sqrt(value * (1.0 - value) / 2e4)
                        fields = (mass, selection, crystals, rule, stage, value, error)
                        yield ",".join(str(field) for field in fields)


def _resolution(mass: float, observable: str) -> float:
    return 0.04 * mass**1.6 if observable == "m2" else 0.08


def _centre(mass: float, observable: str) -> float:
    return mass**2 if observable == "m2" else (10.58**2 - mass**2) / (2 * 10.58)


WINDOW_HEADER = "mass_GeV,selection,crystals,rule,observable,sigma,low,high,kept"


def window_rows() -> Iterator[str]:
    """Yield the rows of ``windows.csv``: of 2 crystals, and wrong ones of 1 crystal."""
    for mass in MASSES_GEV:
        kinds = [("low", "m2")] if mass < 6.0 else []
        kinds += [("high", "m2")] if 1.5 < mass < 6.85 else []
        kinds += [("high", "recoil")] if mass >= 6.85 else []
        for selection, observable in kinds:
            sigma = _resolution(mass, observable)
            centre = _centre(mass, observable)
            low, high = centre - 3.0 * sigma, centre + 1.5 * sigma
            yield f"{mass},{selection},1,square,{observable},{sigma},{low / 2},{high / 2},0.8"
            yield f"{mass},{selection},2,square,{observable},{sigma},{low},{high},0.85"


def write_histograms(path: Path) -> None:
    """Write ``histograms.root`` with Gaussian signals on falling backgrounds."""
    edges = {
        "m2": np.concatenate([[0.0], np.geomspace(1e-3, 112.0, 800)]),
        "recoil": np.linspace(0.2, 5.4, 1041),
    }
    kinds = (("low", "m2"), ("high", "m2"), ("high", "recoil"))
    with uproot.recreate(path) as file:
        for selection, observable in kinds:
            x = edges[observable]
            centres, widths = (x[1:] + x[:-1]) / 2, np.diff(x)
            shape = np.exp(-centres / 20.0) if observable == "m2" else 1.0 + 0 * centres
            density = 3.0 * shape * widths
            background = hist.Hist(
                hist.axis.Variable(x, name=observable), storage=hist.storage.Weight()
            )
            background.view().value = density
            background.view().variance = 1e-3 * density
            file[f"background/aaa/{selection}/{observable}"] = background
            for mass in MASSES_GEV:
                pull = (centres - _centre(mass, observable)) / _resolution(
                    mass, observable
                )
                peak = np.exp(-0.5 * pull**2) * widths
                peak *= 0.4 / max(peak.sum(), 1e-300)
                file[f"signal/{mass_label(mass)}/{selection}/{observable}"] = (peak, x)


def write_results(folder: Path) -> Path:
    """Write a complete synthetic results folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "limits.csv": (LIMIT_HEADER, limit_rows(STATISTICS[:1])),
        "efficiency.csv": (
            "mass_GeV,selection,crystals,rule,stage,efficiency,efficiency_error",
            efficiency_rows(),
        ),
        "windows.csv": (WINDOW_HEADER, window_rows()),
    }
    for name, (header, rows) in tables.items():
        text = "\n".join([header, *rows]) + "\n"
        (folder / name).write_text(text, encoding="utf-8")
    write_histograms(folder / "histograms.root")
    return folder
