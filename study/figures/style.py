"""Look of the figures: one rc context, one palette, common labels, and ``save``.

Nothing here touches global matplotlib settings: figures are made without pyplot and
inside ``context()``; ``save`` enters it again because fonts are resolved on drawing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FixedLocator,
    FormatStrFormatter,
    MaxNLocator,
    NullFormatter,
    NullLocator,
)

from generator.beams import Beams

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

STYLE: Final[Mapping[str, Any]] = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 11.0,
    "axes.labelsize": 13.0,
    "axes.linewidth": 0.8,
    "axes.unicode_minus": True,
    "legend.fontsize": 9.0,
    "legend.frameon": False,
    "legend.handlelength": 2.2,
    "lines.linewidth": 1.4,
    "patch.linewidth": 0.6,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.minor.visible": True,
    "ytick.minor.visible": True,
    "hatch.linewidth": 0.5,
    "pdf.fonttype": 42,
    "savefig.dpi": 200,
    "figure.dpi": 100,
}
"""Settings of every figure; the fonts are shipped with matplotlib."""

# rc_context does not restore the backend, so it must never be set there
_NOT_A_MATTER_OF_STYLE: Final = ("backend", "backend_fallback", "interactive")

BLUE, ORANGE, GREEN, PURPLE, SKY, AMBER = PALETTE = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#E69F00",
)
"""Colours told apart by every eye: M. Okabe and K. Ito, Color Universal Design."""

DISCLAIMER: Final = "alpenglow \N{EN DASH} toy study, not a Belle II result"
"""Stands on every figure."""

NOMINAL_SQRT_S_GEV: Final = Beams().sqrt_s_GeV
"""CM energy of the nominal beams [GeV], for tables that come without a config."""

SELECTION_LABELS: Final[Mapping[str, str]] = {
    "low": "low-mass selection",
    "high": "high-mass selection",
}

METHOD_LABELS: Final[Mapping[str, str]] = {
    "cls-exact": r"CL$_s$ (exact)",
    "cls-asymptotic": r"CL$_s$ (asymptotic)",
    "cls-toys": r"CL$_s$ (toys)",
    "clsb-exact": r"CL$_{s+b}$ (exact)",
    "clsb-asymptotic": r"CL$_{s+b}$ (asymptotic)",
}


def context() -> AbstractContextManager[None]:
    """Return the rc context in which figures are made and saved."""
    settings: dict[Any, Any] = {
        key: value
        for key, value in mpl.rcParamsDefault.items()
        if key not in _NOT_A_MATTER_OF_STYLE
    }
    return mpl.rc_context(settings | dict(STYLE))


def colour(index: int) -> str:
    """Return a colour of the palette, starting again after the last one."""
    return PALETTE[index % len(PALETTE)]


def new_figure(width_inch: float, height_inch: float) -> Figure:
    """Return an empty figure with an Agg canvas, unknown to pyplot."""
    figure = Figure(figsize=(width_inch, height_inch), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def luminosity_text(luminosity_invfb: float) -> str:
    """Return a luminosity in the customary unit: pb⁻¹, fb⁻¹ or ab⁻¹."""
    for scale, unit in ((1e-3, "ab"), (1.0, "fb"), (1e3, "pb")):
        if luminosity_invfb * scale >= 1.0 or unit == "pb":
            break
    return rf"{luminosity_invfb * scale:g} {unit}$^{{-1}}$"


def luminosities_text(luminosities_invfb: Sequence[float]) -> str:
    """Return several luminosities as one phrase."""
    return " and ".join(luminosity_text(value) for value in luminosities_invfb)


def confidence_text(cl: float, method: str) -> str:
    """Return confidence level and method, e.g. “90% CL, CLs (exact)”."""
    return f"{100.0 * cl:g}% CL, {METHOD_LABELS.get(method, method)}"


def sqrt_s_text(sqrt_s_GeV: float) -> str:
    """Return the CM energy [GeV] as it stands on figures."""
    return rf"$\sqrt{{s}} = {sqrt_s_GeV:.2f}$ GeV"


def plain_ticks(axis: Axis, ticks: Sequence[float]) -> None:
    """Label a logarithmic axis of one or two decades at ``ticks``, as plain numbers.

    An axis so short that it holds fewer than two of them gets round numbers instead.
    Call it after the limits are set.
    """
    low, high = axis.get_view_interval()
    if sum(low <= tick <= high for tick in ticks) >= 2:
        axis.set_major_locator(FixedLocator(list(ticks)))
    else:
        axis.set_major_locator(MaxNLocator(4, prune="both"))
        axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FormatStrFormatter("%g"))
    axis.set_minor_formatter(NullFormatter())


MASS_TICKS_GEV: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def stamp(axes: Axes, right: str, *, right_axes: Axes | None = None) -> None:
    """Write the disclaimer above ``axes`` on the left and ``right`` on the right.

    With several columns of panels, ``right_axes`` is the last one of the top row.
    """
    axes.set_title(DISCLAIMER, loc="left", fontsize=10.0, style="italic")
    (right_axes or axes).set_title(right, loc="right", fontsize=10.0)


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write ``name.pdf`` and ``name.png`` (200 dpi) into ``folder``.

    The bytes depend on the figure alone (no dates, no software version), and a file
    appears only when it is complete.

    Parameters
    ----------
    figure : Figure
        What to write.
    folder : Path
        Made if missing.
    name : str
        File name without suffix.

    Returns
    -------
    list of Path
        The PNG and the PDF.
    """
    folder.mkdir(parents=True, exist_ok=True)
    metadata: dict[str, dict[str, Any]] = {
        "png": {"Software": None},
        "pdf": {"CreationDate": None, "Creator": "alpenglow", "Producer": None},
    }
    written = []
    for suffix, entries in metadata.items():
        path = folder / f"{name}.{suffix}"
        partial = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with context():
                figure.savefig(partial, format=suffix, metadata=entries)
            figure.set_layout_engine("none")  # once is enough, and half of the time
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        written.append(path)
    return written
