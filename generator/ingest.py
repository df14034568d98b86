"""Somebody else's events as the columns of this package.

Ragged awkward arrays, or ROOT files with the branches of `generator.files` or of basf2's
event-based trees, become the same column blocks that the samplers make.
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
MOTHER: Final = "genMotherPDG"
"""PDG number of what each photon comes from, 0 for the collision."""
_PER_EVENT: Final = (*VERTEX, "weight_pb", "__weight__")


def _column(events: ak.Array, name: str) -> ak.Array:
    for alias in ALIASES[name]:
        if alias in ak.fields(events):
            column: ak.Array = events[alias]
            return column
    raise _no_column(name, ak.fields(events))


def _no_column(name: str, found: Sequence[str]) -> ValueError:
    return ValueError(
        f"no column for {name}: need one of {', '.join(ALIASES[name])}; "
        f"found {', '.join(found) or 'none'}"
    )


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

    With a decay vertex (``decay_x_cm`` …, as `generator.files` writes it) the photons
    that have a mother (``genMotherPDG``) come from there, without that column all but
    the first; the others come from the IP. Without vertex, all are prompt.

    Parameters
    ----------
    events : ak.Array
        See `padded`.
    weight_pb : array of shape (n,), optional
        Weights [pb]; see `event_weights`.
    """
    columns = padded(events)
    weight = event_weights(events, weight_pb)
    found = [name for name in VERTEX if name in ak.fields(events)]
    vertex = np.array([per_event(n, events[n], len(events)) for n in found])
    if len(found) not in {0, 3}:
        msg = f"a decay vertex needs {', '.join(VERTEX)}; found {', '.join(found)}"
        raise ValueError(msg)
    every = [*columns, weight, *([vertex] if found else [])]
    n_prompt = _n_prompt(events) if found else columns[0].shape[0]
    for (energy, theta, phi, w, *decay), count in lane_blocks(every):
        yield Photons(
            energy=energy,
            theta=theta,
            phi=phi,
            weight_pb=w,
            n_events=count,
            vertex_cm=decay[0] if decay else None,
            n_prompt=n_prompt,
        )


def _n_prompt(events: ak.Array) -> int:
    """Return how many photons of every event come from the IP, the first ones."""
    if MOTHER not in ak.fields(events) or len(events) == 0:
        return 1
    prompt = events[MOTHER] == 0
    number = ak.to_numpy(ak.sum(prompt, axis=1))
    first = ak.to_numpy(ak.sum(prompt & (ak.local_index(prompt) < number), axis=1))
    if np.ptp(number) != 0 or not np.array_equal(first, number):
        msg = f"{MOTHER}: photons without mother must come first, as many in each event"
        raise ValueError(msg)
    return int(number[0])


def event_weights(events: ak.Array, weight_pb: Column | None) -> Column:
    """Return the weight of every event [pb], shape (n,).

    Those given, or those of a column ``weight_pb``. Without them events share 1 pb, in
    proportion to basf2's ``__weight__`` (inverse sampling rates) where it is.

    Raises
    ------
    ValueError
        If there is not one finite weight per event, or all sampling weights are 0.
    """
    if weight_pb is not None:
        return per_event("weight_pb", weight_pb, len(events))
    if "weight_pb" in ak.fields(events) and events["weight_pb"].ndim == 1:
        column = ak.to_numpy(events["weight_pb"])
        return per_event("weight_pb", column, len(events))
    if "__weight__" not in ak.fields(events):
        return np.full(len(events), 1.0 / max(len(events), 1))
    sampled = per_event("__weight__", events["__weight__"], len(events))
    total = float(sampled.sum())
    if sampled.size > 0 and not total > 0.0:
        msg = f"__weight__ sums to {total:g}: need a positive number"
        raise ValueError(msg)
    return np.asarray(sampled / total)


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
    """Read the photon columns of a TTree or RNTuple, weights and decays if there.

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
        known |= {*_PER_EVENT, MOTHER}
        wanted = [key for key in source.keys() if key in known]  # noqa: SIM118
        if not wanted:
            first = next(iter(ALIASES))
            raise _no_column(first, source.keys())
        arrays: dict[str, Any] = {key: source[key].array() for key in wanted}
    return ak.zip(arrays, depth_limit=1)
