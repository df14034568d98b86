"""From the tables of a results folder to the arrays the figures are drawn from."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from generator.tables import read_table
from study.names import QUANTILES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Array = NDArray[np.float64]
Table = NDArray[Any]


@dataclass(frozen=True, slots=True)
class LimitCurve:
    """Expected coupling limit of the better selection against mass.

    Parameters
    ----------
    luminosity_invfb : float
        Integrated luminosity [fb⁻¹].
    mass_GeV : array of shape (n,)
        Masses [GeV], increasing.
    coupling_per_GeV : array of shape (n, 5)
        Limits [GeV⁻¹] at −2, −1, 0, +1, +2 σ; inf where there is no sensitivity.
    median_mc_error_per_GeV : array of shape (n,)
        Monte Carlo error of the median [GeV⁻¹].
    selection : array of str, shape (n,)
        Selection that is better at each mass.
    """

    luminosity_invfb: float
    mass_GeV: Array
    coupling_per_GeV: Array
    median_mc_error_per_GeV: Array
    selection: NDArray[np.str_]

    @property
    def median(self) -> Array:
        """Median limit [GeV⁻¹], shape (n,); NaN where there is no sensitivity."""
        values = self.coupling_per_GeV[:, 2]
        return np.where(np.isfinite(values), values, np.nan)

    @property
    def switches(self) -> NDArray[np.bool_]:
        """Mask of shape (n,): another selection than at the previous mass is best."""
        previous = np.r_[self.selection[:1], self.selection[:-1]]
        known = (self.selection != "") & (previous != "")
        return np.asarray((self.selection != previous) & known, bool)


TEXT_COLUMNS: Final = frozenset(
    {
        "selection",
        "observable",
        "method",
        "rule",
        "stage",
        "region",
        "outcome",
        "model",
        "level",
        "line",
    }
)
"""Columns of words; every other one is of numbers."""


def require(table: Table, columns: Sequence[str], where: str) -> None:
    """Refuse a table that lacks one of ``columns`` or has the wrong things in it.

    Raises
    ------
    ValueError
        One line: which table, and what is missing or wrong.
    """
    present = table.dtype.names or ()
    if missing := [name for name in columns if name not in present]:
        message = f"{where} lacks the columns {', '.join(missing)}"
        raise ValueError(message)
    for name in columns:
        kinds, wanted = ("U", "words") if name in TEXT_COLUMNS else ("if", "numbers")
        if table.dtype[name].kind not in kinds:
            message = f"{where}: column {name} must hold {wanted} only"
            raise ValueError(message)


def read_columns(path: Path, columns: Sequence[str]) -> Table:
    """Return the rows of a CSV file that must have ``columns``, shape (n,), n > 0.

    Raises
    ------
    ValueError
        One line with the path: not readable, not a table, no rows, or as `require`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # numpy only warns of an empty table
            table = read_table(path)
    except UserWarning:
        table = np.empty(0)
    except (OSError, ValueError) as error:
        message = f"cannot read {path}: {_reason(error)}"
        raise ValueError(message) from None
    if table.size == 0:
        message = f"{path} has no rows"
        raise ValueError(message)
    require(table, columns, str(path))
    if "mass_GeV" in (table.dtype.names or ()) and not np.all(table["mass_GeV"] > 0.0):
        message = f"{path}: column mass_GeV must hold positive masses only"
        raise ValueError(message)
    return table


def _reason(error: OSError | ValueError) -> str:
    """Return one line: numpy's first complaint stands on its second line."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    lines = str(error).splitlines() or ["not a table"]
    return lines[min(1, len(lines) - 1)].strip()


LIMIT_COLUMNS: Final = (
    "mass_GeV",
    "selection",
    "luminosity_invfb",
    "cl",
    "method",
    *(f"g_per_GeV_{name}" for name in QUANTILES),
    "g_per_GeV_median_mc_error",
    "best",
)


def statistics_of(table: Table) -> list[tuple[float, str]]:
    """Return the (confidence level, method) pairs of a limit table, in its order."""
    require(table, LIMIT_COLUMNS, "the limit table")
    pairs = zip(table["cl"].tolist(), table["method"].tolist(), strict=True)
    return list(dict.fromkeys(pairs))


def limit_curves(table: Table, *, cl: float, method: str) -> list[LimitCurve]:
    """Return one curve per luminosity, increasing, from the ``best`` rows.

    Parameters
    ----------
    table : structured array
        Rows of ``limits.csv``.
    cl, method : float, str
        Which limits; see ``statistics_of``.

    Raises
    ------
    ValueError
        If columns are missing or no row has that level and method.
    """
    require(table, LIMIT_COLUMNS, "the limit table")
    rows = table[np.isclose(table["cl"], cl) & (table["method"] == method)]
    if rows.size == 0:
        message = (
            f"the limit table has no rows with cl={cl:g}, method={method!r}; "
            f"it has {statistics_of(table)}"
        )
        raise ValueError(message)
    luminosities = np.unique(rows["luminosity_invfb"])
    return [_curve(rows[rows["luminosity_invfb"] == value]) for value in luminosities]


def _curve(rows: Table) -> LimitCurve:
    best = rows[rows["best"] == 1]
    best = best[np.argsort(best["mass_GeV"], kind="stable")]
    masses = np.unique(rows["mass_GeV"])
    bands = np.full((masses.size, len(QUANTILES)), np.inf)
    error = np.full(masses.size, np.nan)
    selection = np.full(masses.size, "", dtype=rows["selection"].dtype)
    place = np.searchsorted(masses, best["mass_GeV"])
    bands[place] = np.column_stack([best[f"g_per_GeV_{name}"] for name in QUANTILES])
    error[place] = best["g_per_GeV_median_mc_error"]
    selection[place] = best["selection"]
    return LimitCurve(
        luminosity_invfb=float(rows["luminosity_invfb"][0]),
        mass_GeV=masses.astype(float),
        coupling_per_GeV=bands,
        median_mc_error_per_GeV=error,
        selection=selection,
    )
