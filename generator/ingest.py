"""Somebody else's events as the columns of this package.

Ragged awkward arrays, or ROOT files with the branches of `generator.files` or of a flat
basf2 ntuple, become the same column blocks that the samplers make.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import awkward as ak
import numpy as np

from generator.columns import Column, Photons
from generator.simd import LANES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import ArrayLike

ALIASES: Final = {
    "E": ("E", "E_lab", "clusterE", "energy"),
    "theta": ("theta", "theta_lab", "clusterTheta"),
    "phi": ("phi", "phi_lab", "clusterPhi"),
}
"""Names understood for the photon columns, ours first; basf2 calls them cluster…."""


VERTEX: Final = ("decay_x_cm", "decay_y_cm", "decay_z_cm")
"""Decay vertex [cm] of signal events."""


def _column(events: ak.Array, name: str) -> ak.Array:
    for alias in ALIASES[name]:
        if alias in ak.fields(events):
            column: ak.Array = events[alias]
            return column
    msg = (
        f"no column for {name}: need one of {', '.join(ALIASES[name])}; "
        f"found {', '.join(ak.fields(events)) or 'none'}"
    )
    raise ValueError(msg)


def padded(events: ak.Array) -> tuple[Column, Column, Column]:
    """Return (E, θ, φ) as rectangular columns, shape (slots, n), E = 0 where absent.

    Parameters
    ----------
    events : ak.Array
        ``n * var`` records, or a record of ragged columns, in the lab: E [GeV], θ and
        φ [rad] under any of the names in ``ALIASES``.

    Raises
    ------
    ValueError
        If a column is missing or not ragged, a number is not finite, an energy is
        negative, or an angle is not in radians.
    """
    columns = [_column(events, name) for name in ALIASES]
    if any(column.ndim != 2 for column in columns):
        msg = (
            "photon columns must be ragged: one list per event, not one row per photon"
        )
        raise ValueError(msg)
    if any(not ak.all(ak.num(c) == ak.num(columns[0])) for c in columns[1:]):
        msg = "E, theta and phi differ in their number of photons in some event"
        raise ValueError(msg)
    slots = max(3, int(ak.max(ak.num(columns[0]), initial=0, mask_identity=False)))
    arrays = []
    for name, column in zip(ALIASES, columns, strict=True):
        filled = ak.fill_none(ak.pad_none(column, slots, clip=True), 0.0)
        array = np.ascontiguousarray(ak.to_numpy(filled).T, dtype=np.float64)
        if not np.isfinite(array).all():
            msg = f"column {name} holds numbers that are not finite"
            raise ValueError(msg)
        arrays.append(array)
    energy, theta, phi = arrays
    if energy.min(initial=0.0) < 0.0:
        msg = f"column E holds a negative energy: {energy.min():g} GeV"
        raise ValueError(msg)
    if theta.min(initial=0.0) < 0.0 or theta.max(initial=0.0) > np.pi:
        worst = theta.max() if theta.max() > np.pi else theta.min()
        msg = f"column theta holds {worst:g}: need radians between 0 and pi"
        raise ValueError(msg)
    return energy, theta, np.mod(phi, 2.0 * np.pi)


def lane_blocks(columns: Sequence[Column]) -> Iterator[tuple[list[Column], int]]:
    """Cut columns of shape (..., n) into blocks of LANES events, zero-padded."""
    total = columns[0].shape[-1]
    for start in range(0, total, LANES):
        count = min(LANES, total - start)
        block = []
        for column in columns:
            padded_column = np.zeros((*column.shape[:-1], LANES), column.dtype)
            padded_column[..., :count] = column[..., start : start + count]
            block.append(padded_column)
        yield block, count


def photons(events: ak.Array, weight_pb: Column | None = None) -> Iterator[Photons]:
    """Yield true photons as blocks.

    With a decay vertex (``decay_x_cm`` …, as `generator.files` writes it) the first
    photon comes from the IP and the others from the vertex; without, all are prompt.

    Parameters
    ----------
    events : ak.Array
        See `padded`.
    weight_pb : array of shape (n,), optional
        Weights [pb]; taken from a ``weight_pb`` column if there is one, else 1/n.
    """
    columns = padded(events)
    weight = event_weights(events, weight_pb)
    found = [name for name in VERTEX if name in ak.fields(events)]
    vertex = np.array([per_event(n, events[n], len(events)) for n in found])
    if len(found) not in {0, 3}:
        msg = f"a decay vertex needs {', '.join(VERTEX)}; found {', '.join(found)}"
        raise ValueError(msg)
    every = [*columns, weight, *([vertex] if found else [])]
    for (energy, theta, phi, w, *decay), count in lane_blocks(every):
        yield Photons(
            energy=energy,
            theta=theta,
            phi=phi,
            weight_pb=w,
            n_events=count,
            vertex_cm=decay[0] if decay else None,
            n_prompt=1 if decay else energy.shape[0],
        )


def event_weights(events: ak.Array, weight_pb: Column | None) -> Column:
    """Return the weight of every event [pb], shape (n,).

    Raises
    ------
    ValueError
        If there is not one finite weight per event.
    """
    if weight_pb is not None:
        return per_event("weight_pb", weight_pb, len(events))
    if "weight_pb" in ak.fields(events) and events["weight_pb"].ndim == 1:
        column = ak.to_numpy(events["weight_pb"])
        return per_event("weight_pb", column, len(events))
    return np.full(len(events), 1.0 / max(len(events), 1))


def per_event(name: str, values: ArrayLike, n_events: int) -> Column:
    """Return one float64 per event, shape (n,).

    Raises
    ------
    ValueError
        If there are more or fewer values, or one is not finite.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (n_events,):
        msg = f"{name}: need one value per event ({n_events}), got shape {array.shape}"
        raise ValueError(msg)
    if not np.isfinite(array).all():
        msg = f"{name} holds numbers that are not finite"
        raise ValueError(msg)
    return array


def read_root(path: Path, tree: str = "events") -> ak.Array:
    """Read the photon columns, and ``weight_pb`` if there, of a TTree or RNTuple.

    Raises
    ------
    ValueError
        If the file has no such tree or the tree lacks a column.
    """
    import uproot  # noqa: PLC0415  # slow to import, only for files

    with uproot.open(path) as file:
        if tree not in file:
            found = ", ".join(file.keys(cycle=False)) or "nothing"
            msg = f"{path}: no tree {tree!r}; found {found}"
            raise ValueError(msg)
        source = file[tree]
        known = {alias for aliases in ALIASES.values() for alias in aliases}
        wanted = [key for key in source.keys() if key in {*known, *VERTEX, "weight_pb"}]  # noqa: SIM118
        arrays: dict[str, Any] = {key: source[key].array() for key in wanted}
    return ak.zip(arrays, depth_limit=1)
