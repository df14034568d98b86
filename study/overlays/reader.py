"""Read the published curves: rows of ``data/<id>.csv`` together with their record."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from study.overlays.records import Quantity, Record, all_records

if TYPE_CHECKING:
    from collections.abc import Iterable

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Overlay:
    """One published curve in the plane of coupling and mass, rows in file order.

    Parameters
    ----------
    record : Record
        Provenance and drawing rules.
    mass_GeV, coupling_per_GeV : array of shape (n,)
        The rows of the file; read-only. Never sort a polygon.
    """

    record: Record
    mass_GeV: Array
    coupling_per_GeV: Array

    @property
    def is_data(self) -> NDArray[np.bool_]:
        """Mask of shape (n,): False for rows that only close a region."""
        return ~np.isin(self.coupling_per_GeV, self.record.closure_rows_per_GeV)

    def polygon(self) -> Array:
        """Return the vertices (mass, coupling) of a region, shape (n or n + 2, 2).

        Raises
        ------
        ValueError
            If the curve is a line.
        """
        if self.record.closure is None:
            message = f"overlay {self.record.id!r} is a line, not a polygon"
            raise ValueError(message)
        rows = np.column_stack([self.mass_GeV, self.coupling_per_GeV])
        if self.record.closure == "listed":
            return rows
        top = self.coupling_per_GeV.max()
        ends = [[self.mass_GeV[-1], top], [self.mass_GeV[0], top]]
        return np.vstack([rows, ends])

    def interpolate(self, mass_GeV: ArrayLike) -> Array:
        """Return the coupling [GeV⁻¹] at ``mass_GeV``, log-log, NaN outside.

        Raises
        ------
        ValueError
            If the masses of the curve do not increase (then see ``local_mean``).
        """
        if np.any(np.diff(self.mass_GeV) <= 0.0):
            message = (
                f"overlay {self.record.id!r} is not a function of mass; "
                "use local_mean instead of interpolate"
            )
            raise ValueError(message)
        logs = np.interp(
            np.log(np.asarray(mass_GeV, float)),
            np.log(self.mass_GeV),
            np.log(self.coupling_per_GeV),
            left=np.nan,
            right=np.nan,
        )
        return np.asarray(np.exp(logs))

    def local_mean(self, mass_GeV: ArrayLike, *, half_width: float = 0.06) -> Array:
        """Return the geometric mean of the data rows near each mass.

        For jagged observed limits, where a value at one mass means little.

        Parameters
        ----------
        mass_GeV : array_like
            Masses [GeV], any shape.
        half_width : float
            Rows count up to this distance in ln m; default 0.06.

        Returns
        -------
        array
            Couplings [GeV⁻¹], shape of ``mass_GeV``; NaN where no row is near.
        """
        mass = np.asarray(mass_GeV, float)
        rows = self.mass_GeV[self.is_data]
        logs = np.log(self.coupling_per_GeV[self.is_data])
        near = np.abs(np.log(rows / mass[..., None])) <= half_width
        count = near.sum(axis=-1)
        mean = (near * logs).sum(axis=-1) / np.maximum(count, 1)
        return np.asarray(np.where(count > 0, np.exp(mean), np.nan))


@dataclass(frozen=True, slots=True)
class CrossSectionOverlay:
    """A published cross-section limit, rows in file order.

    Parameters
    ----------
    record : Record
        Provenance.
    mass_low_GeV, mass_high_GeV, sigma_pb : array of shape (n,)
        Edges of the digitiser's bins and the limit [pb]; read-only.
    """

    record: Record
    mass_low_GeV: Array
    mass_high_GeV: Array
    sigma_pb: Array


def names(quantity: Quantity = "coupling") -> tuple[str, ...]:
    """Return the identifiers of all curves that bound ``quantity``."""
    return tuple(
        curve for curve, item in all_records().items() if item.quantity == quantity
    )


def record(curve: str) -> Record:
    """Return the provenance record of a curve of either quantity.

    Raises
    ------
    ValueError
        If ``curve`` is unknown; the message lists the allowed names.
    """
    try:
        return all_records()[curve]
    except KeyError:
        message = f"unknown overlay {curve!r}; allowed are {sorted(all_records())}"
        raise ValueError(message) from None


def _columns(curve: str, quantity: Quantity) -> tuple[Record, Array]:
    item = record(curve)
    if item.quantity != quantity:
        message = (
            f"overlay {curve!r} bounds a {item.quantity}, not a {quantity}; "
            f"allowed are {sorted(names(quantity))}"
        )
        raise ValueError(message)
    path = files(__package__).joinpath("data", f"{curve}.csv")
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line and not line.startswith("#")][1:]
    columns = np.ascontiguousarray(np.loadtxt(rows, delimiter=",", ndmin=2).T)
    columns.flags.writeable = False
    return item, columns


def load(curve: str) -> Overlay:
    """Return one published coupling curve.

    Parameters
    ----------
    curve : str
        One of ``names()``.

    Raises
    ------
    ValueError
        If ``curve`` is unknown or bounds a cross section.
    """
    item, (mass, coupling) = _columns(curve, "coupling")
    return Overlay(item, mass, coupling)


def load_cross_section(curve: str) -> CrossSectionOverlay:
    """Return one published cross-section limit; see ``names("cross-section")``.

    Raises
    ------
    ValueError
        If ``curve`` is unknown or bounds a coupling.
    """
    item, (low, high, sigma) = _columns(curve, "cross-section")
    return CrossSectionOverlay(item, low, high, sigma)


def bibliography(curves: Iterable[str]) -> tuple[str, ...]:
    """Return one line per curve: label, papers, source, and what is remembered.

    Raises
    ------
    ValueError
        If a curve is unknown.
    """
    return tuple(_citation(record(curve)) for curve in curves)


def _citation(item: Record) -> str:
    papers = ", ".join(item.references) or item.reference_note
    level = item.cl_note if item.cl is None else f"{100 * item.cl:g} % CL"
    line = f"{item.label}: {papers} ({level}; {item.coupling_assumption}); "
    line += f"data: {item.source}"
    if item.remembered:
        line += f" [from memory: {'; '.join(item.remembered)}]"
    return line
