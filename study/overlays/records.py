"""Provenance records of the published curves, read strictly from ``overlays.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Any, Literal, get_args

Kind = Literal["limit", "projection", "astrophysics"]
Quantity = Literal["coupling", "cross-section"]
Shape = Literal["line", "polygon", "bins"]
Closure = Literal["listed", "upwards"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Where one published curve comes from and how it has to be drawn.

    Parameters
    ----------
    id : str
        Name of the curve and of its file.
    label : str
        Short name for a figure.
    kind, quantity, shape : str
        What the curve is, what it bounds, and how its rows connect.
    coupling_assumption : str
        Which couplings of the ALP the authors switched on.
    references : tuple of str
        Papers; empty only with a ``reference_note``.
    source, licence : str
        Who digitised or computed the rows, and the licence of that file.
    remembered : tuple of str
        Parts of this record that were quoted from memory.
    notes : str
        Conversions, cuts and warnings.
    cl : float or None
        Confidence level; None only with a ``cl_note``.
    luminosity_invfb : float or None
        Integrated luminosity [fb⁻¹] where it applies and is known.
    closure : str or None
        For polygons: ``"listed"`` joins the last row to the first, ``"upwards"``
        lifts both ends to the largest coupling of the file first.
    closure_rows_per_GeV : tuple of float
        Rows at exactly these couplings [GeV⁻¹] close a region and are not data.
    preliminary : bool
        True if the digitisation is only indicative.
    """

    id: str
    label: str
    kind: Kind
    quantity: Quantity
    shape: Shape
    coupling_assumption: str
    references: tuple[str, ...]
    source: str
    licence: str
    remembered: tuple[str, ...]
    notes: str
    cl: float | None = None
    cl_note: str = ""
    reference_note: str = ""
    luminosity_invfb: float | None = None
    closure: Closure | None = None
    closure_rows_per_GeV: tuple[float, ...] = ()
    preliminary: bool = False

    def __post_init__(self) -> None:
        """Refuse an incomplete or contradictory record.

        Raises
        ------
        ValueError
            One line naming the record, the field and what is allowed.
        """
        _check_choices(self)
        if (self.cl is None) == (self.cl_note == ""):
            _refuse(self.id, "cl", "give either a level or a cl_note")
        if self.cl is not None and not 0.0 < self.cl < 1.0:
            _refuse(self.id, "cl", "must lie between 0 and 1")
        if bool(self.references) == bool(self.reference_note):
            _refuse(self.id, "references", "give papers or a reference_note")
        if (self.shape == "polygon") != (self.closure is not None):
            _refuse(self.id, "closure", "needed for polygons, and only for them")
        for name in ("label", "coupling_assumption", "source", "licence"):
            if not getattr(self, name).strip():
                _refuse(self.id, name, "must not be empty")


def _refuse(curve: str, field: str, rule: str) -> None:
    message = f"overlays.toml [{curve}] {field}: {rule}"
    raise ValueError(message)


def _check_choices(item: Record) -> None:
    choices = (
        ("kind", get_args(Kind)),
        ("quantity", get_args(Quantity)),
        ("shape", get_args(Shape)),
        ("closure", (None, *get_args(Closure))),
    )
    for name, allowed in choices:
        if getattr(item, name) not in allowed:
            _refuse(item.id, name, f"allowed are {allowed}")


def parse(curve: str, table: dict[str, Any]) -> Record:
    """Return the record of one TOML table.

    Parameters
    ----------
    curve : str
        Identifier, the name of the table.
    table : dict
        Its keys and values.

    Raises
    ------
    ValueError
        On an unknown or missing key, or a value that is not allowed.
    """
    known = {field.name for field in fields(Record)} - {"id"}
    if unknown := sorted(table.keys() - known):
        _refuse(curve, unknown[0], f"unknown key; allowed are {sorted(known)}")
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in table.items()
    }
    try:
        return Record(id=curve, **values)
    except TypeError as error:
        message = f"overlays.toml [{curve}]: {error}"
        raise ValueError(message) from error


@cache
def all_records() -> dict[str, Record]:
    """Return every record of the index, in file order."""
    text = files(__package__).joinpath("overlays.toml").read_text(encoding="utf-8")
    return {curve: parse(curve, table) for curve, table in tomllib.loads(text).items()}
