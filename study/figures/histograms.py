"""From ``windows.csv`` and ``histograms.root`` to the panels of the spectra."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_args

import numpy as np
import uproot

from generator.processes import BACKGROUNDS
from study.figures.spectra import Observable, Panel, Spectrum
from study.figures.three_photon_mass import MassPanel
from study.names import mass_label

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from study.figures.tables import Array, Table

WINDOW_COLUMNS: Final = (
    "mass_GeV",
    "selection",
    "crystals",
    "observable",
    "low",
    "high",
)

MAX_PANELS: Final = 4


def own_windows(windows: Table, crystals: int, rule: str) -> Table:
    """Return the windows of the detector's own clusters, those of the spectra.

    Raises
    ------
    ValueError
        If there are none.
    """
    own: Table = windows[(windows["crystals"] == crystals) & (windows["rule"] == rule)]
    if own.size == 0:
        found = np.unique(windows["crystals"]).tolist()
        message = (
            f"windows.csv has none for detector.merge_crystals = {crystals} and rule "
            f"{rule}, only for {found}"
        )
        raise ValueError(message)
    return own


def panels_of(
    path: Path, windows: Table, cross_section_pb: Callable[[float], float]
) -> dict[tuple[str, Observable], list[Panel]]:
    """Return the panels per selection and observable, those without windows left out.

    Parameters
    ----------
    path : Path
        ``histograms.root``.
    windows : structured array
        Rows of ``windows.csv`` for the separation of the histograms.
    cross_section_pb : callable
        Signal cross section [pb] at a mass [GeV].

    Raises
    ------
    ValueError
        If the file cannot be read or lacks a histogram.
    """
    panels: dict[tuple[str, Observable], list[Panel]] = {}
    with _opened(path) as file:
        for selection in dict.fromkeys(windows["selection"].tolist()):
            for observable in get_args(Observable):
                here = windows["selection"] == selection
                rows = windows[here & (windows["observable"] == observable)]
                rows = rows[np.argsort(rows["mass_GeV"], kind="stable")]
                chosen = rows[representative(rows["mass_GeV"])]
                if chosen.size:
                    panels[selection, observable] = [
                        _panel(file, row, cross_section_pb) for row in chosen
                    ]
    return panels


def representative(
    masses_GeV: Array | Sequence[float], most: int = MAX_PANELS
) -> list[int]:
    """Return indices of up to ``most`` masses, evenly spread in ln m inside the range.

    Where the masses do not allow that, they are evenly spread in number.
    """
    n = len(masses_GeV)
    if n <= most:
        return list(range(n))
    logs = np.log(masses_GeV)
    fractions = (np.arange(most) + 0.5) / most
    targets = logs[0] + fractions * (logs[-1] - logs[0])
    nearest = np.unique(abs(logs[:, None] - targets).argmin(axis=0))
    if nearest.size < most:
        nearest = (fractions * n).astype(int)
    return [int(i) for i in nearest]


def _panel(file: Any, row: Any, cross_section_pb: Callable[[float], float]) -> Panel:
    mass, where = float(row["mass_GeV"]), f"{row['selection']}/{row['observable']}"
    share = _histogram(file, f"signal/{mass_label(mass)}/{where}")
    return Panel(
        mass_GeV=mass,
        backgrounds=_backgrounds(file, where),
        signal=share * cross_section_pb(mass),
        low=float(row["low"]),
        high=float(row["high"]),
    )


def _backgrounds(file: Any, where: str) -> dict[str, Spectrum]:
    """Return the spectra of the backgrounds in the file; mesons are one of them."""
    found = [name for name in BACKGROUNDS if f"background/{name}" in file] or ["aaa"]
    result: dict[str, Spectrum] = {}
    for process in found:
        histogram = _histogram(file, f"background/{process}/{where}")
        kind = "mesons" if process.endswith("gamma") else process
        result[kind] = result[kind] + histogram if kind in result else histogram
    return result


def mass_panels(born: Path, radiated: Path) -> list[MassPanel]:
    """Return M(γγγ) of signal at up to three masses and of γγγ in two scans.

    Parameters
    ----------
    born, radiated : Path
        ``histograms.root`` of the scans without and with radiation.

    Raises
    ------
    ValueError
        If a file cannot be read or lacks a histogram.
    """
    with _opened(born) as first, _opened(radiated) as second:

        def panel(label: str, folder: str) -> MassPanel:
            key = f"{folder}/three_photon_mass"
            return MassPanel(label, _histogram(first, key), _histogram(second, key))

        masses = [
            float(name.split("/")[0].removeprefix("m"))
            for name in first["signal"].keys(recursive=False, cycle=False)
        ]
        chosen = [sorted(masses)[k] for k in representative(sorted(masses), 3)]
        panels = [
            panel(rf"$m_a = {mass:.3g}$ GeV", f"signal/{mass_label(mass)}")
            for mass in chosen
        ]
        if "background/aaa" in first:
            panels.append(panel(r"$e^+e^-\to\gamma\gamma\gamma$", "background/aaa"))
    return panels


def _opened(path: Path) -> Any:
    try:
        return uproot.open(path)
    except Exception as error:  # its errors have no common base
        message = f"cannot read {path}: not a readable ROOT file"
        raise ValueError(message) from error


def _histogram(file: Any, key: str) -> Spectrum:
    try:
        histogram: Spectrum = file[key].to_hist()
    except KeyError:
        message = f"{file.file_path} has no {key!r}"
        raise ValueError(message) from None
    except Exception as error:  # its errors have no common base
        message = f"cannot read {key} in {file.file_path}: damaged or no histogram"
        raise ValueError(message) from error
    return histogram
