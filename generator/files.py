"""Events in ROOT files: ragged particles with their truth, config and seed inside.

A TTree or an RNTuple ``events``, one entry per event. Columns have our names or those of
basf2's ntuples, where ``useCMSFrame(E)`` becomes ``useCMSFrame__boE__bc`` since ROOT
takes no brackets; there azimuths are in (−π, π]. What basf2 has no variable for keeps
our name. Units stand in the text ``columns`` beside the events.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import awkward as ak
import numpy as np
import uproot

from generator.beams import transform

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from generator.beams import Beams
    from generator.columns import Column, Photons
    from generator.sampling import Sampler

TREE: Final = "events"


class Names(StrEnum):
    """How columns are named."""

    OURS = "ours"
    BASF2 = "basf2"


_BASF2: Final = {
    "E_cms": "useCMSFrame__boE__bc",
    "theta_cms": "useCMSFrame__botheta__bc",
    "phi_cms": "useCMSFrame__bophi__bc",
    "E_lab": "clusterE",
    "theta_lab": "clusterTheta",
    "phi_lab": "clusterPhi",
}
_COUNTERS: Final = {Names.OURS: "nphoton", Names.BASF2: "__ncandidates__"}

_CMS: Final = "in the CM frame, z along the electron beam"
_LAB: Final = "in the lab, z along the bisector of the beams"
MEANINGS: Final = {
    "weight_pb": "cross section the event stands for [pb]; all together: the process's",
    "E_cms": f"energy of each particle [GeV] {_CMS}",
    "theta_cms": f"polar angle [rad] {_CMS}",
    "phi_cms": f"azimuth [rad] {_CMS}",
    "E_lab": f"energy [GeV] {_LAB}",
    "theta_lab": f"polar angle [rad] {_LAB}",
    "phi_lab": f"azimuth [rad] {_LAB}",
    "mcPDG": "PDG number of each particle",
    "genMotherPDG": "PDG number of what it comes from; 0: the collision itself",
    "decay_x_cm": "decay vertex in the lab [cm], of the particles with a mother",
    "decay_y_cm": "decay vertex in the lab [cm]",
    "decay_z_cm": "decay vertex in the lab [cm]",
    "proper_length_cm": "c times the proper time of the decay [cm]",
    "__weight__": "weight_pb",
    "__experiment__": "0",
    "__run__": "0",
    "__event__": "number of the event, from 1",
}
"""What the columns hold, by our names."""


def branches(
    photons: Photons,
    beams: Beams,
    *,
    source: Sampler | None = None,
    names: Names = Names.OURS,
    first_event: int = 1,
) -> dict[str, Any]:
    """Return the branches of a block of events.

    Particles are ragged records ``photon``: E, θ and φ in both frames [GeV, rad]. Signal
    events also carry the decay vertex [cm] and the proper decay length [cm].

    Parameters
    ----------
    photons : Photons
        The block.
    beams : Beams
        For the CM columns.
    source : Sampler, optional
        Tells the PDG numbers; they are left out without it.
    names : Names
        How to name the columns.
    first_event : int
        Number of the block's first event, where events are numbered.
    """
    n = photons.n_events
    lab = [c[:, :n].T for c in (photons.energy, photons.theta, photons.phi)]
    present = lab[0] > 0.0
    columns = dict(zip(_BASF2, (*transform(beams.lab_to_cms, *lab), *lab), strict=True))
    if names is Names.BASF2:
        columns = {_BASF2[name]: column for name, column in columns.items()}
        for name in (_BASF2["phi_cms"], _BASF2["phi_lab"]):
            phi = columns[name]
            columns[name] = np.where(phi > np.pi, phi - 2.0 * np.pi, phi)
    if source is not None:
        for name, numbers in (("mcPDG", source.pdg), ("genMotherPDG", source.parents)):
            columns[name] = np.broadcast_to(np.array(numbers, np.int32), present.shape)
    result = _per_event(photons, names, first_event)
    result["photon"] = _ragged(columns, present)
    return result


def _ragged(columns: dict[str, Column], present: NDArray[np.bool_]) -> ak.Array:
    counts = present.sum(axis=1)
    flat = {name: np.ascontiguousarray(c[present]) for name, c in columns.items()}
    return ak.zip({name: ak.unflatten(c, counts) for name, c in flat.items()})


def _per_event(photons: Photons, names: Names, first_event: int) -> dict[str, Any]:
    n = photons.n_events
    result: dict[str, Any] = {}
    if names is Names.BASF2:
        zeros = np.zeros(n, np.int32)
        result["__experiment__"], result["__run__"] = zeros, zeros
        result["__event__"] = np.arange(first_event, first_event + n, dtype=np.int32)
        result["__weight__"] = photons.weight_pb[:n]
    result["weight_pb"] = photons.weight_pb[:n]
    if photons.vertex_cm is not None and photons.proper_length_cm is not None:
        for name, column in zip("xyz", photons.vertex_cm, strict=True):
            result[f"decay_{name}_cm"] = column[:n]
        result["proper_length_cm"] = photons.proper_length_cm[:n]
    return result


def concatenate(blocks: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the columns of all blocks, block after block; every block has the same."""
    return {
        name: ak.concatenate([block[name] for block in blocks]) for name in blocks[0]
    }


class EventWriter:
    """Writes blocks of events to a TTree or RNTuple, ~10⁵ events at a time.

    Parameters
    ----------
    path : Path
        File to create.
    beams : Beams
        For the CM columns.
    header : dict
        Text stored beside the tree (configuration, seed, version), one object per key.
    source : Sampler, optional
        Tells the PDG numbers; they are left out without it.
    names : Names
        How to name the columns.
    rntuple : bool
        Write an RNTuple, which ROOT reads from version 6.34 on, instead of a TTree.
    """

    _BUFFER: Final = 64

    def __init__(
        self,
        path: Path,
        beams: Beams,
        header: dict[str, str],
        *,
        source: Sampler | None = None,
        names: Names = Names.OURS,
        rntuple: bool = False,
    ) -> None:
        self._file = uproot.recreate(path)
        for key, text in header.items():
            self._file[key] = text
        self._beams, self._source, self._names = beams, source, names
        self._rntuple = rntuple
        self._events: Any = None
        self._count = 0
        self._pending: list[dict[str, Any]] = []

    def add(self, photons: Photons) -> None:
        """Append a block."""
        self._pending.append(
            branches(
                photons,
                self._beams,
                source=self._source,
                names=self._names,
                first_event=self._count + 1,
            )
        )
        self._count += photons.n_events
        if len(self._pending) == self._BUFFER:
            self._flush()

    def _flush(self) -> None:
        if not self._pending:
            return
        joined = concatenate(self._pending)
        if self._rntuple:
            records = joined.pop("photon")
            joined |= {name: records[name] for name in ak.fields(records)}
        if self._events is None:
            self._open(joined)
        self._events.extend(ak.zip(joined, depth_limit=1) if self._rntuple else joined)
        self._pending.clear()

    def _open(self, joined: dict[str, ak.Array]) -> None:
        types = {name: array.type.content for name, array in joined.items()}
        found = [n for name, a in joined.items() for n in ak.fields(a) or [name]]
        ours = {theirs: name for name, theirs in _BASF2.items()}
        meanings = {name: MEANINGS[ours.get(name, name)] for name in found}
        self._file["columns"] = "\n".join(f"{n}: {m}" for n, m in meanings.items())
        title = "Events with their cross sections in pb; units: see columns"
        if self._rntuple:
            self._events = self._file.mkrntuple(TREE, types, title)
            return
        self._events = self._file.mktree(
            TREE,
            types,
            title,
            counter_name=lambda _: _COUNTERS[self._names],
            field_name=lambda _, field: field,
        )

    def close(self) -> None:
        """Write what is pending and close the file."""
        self._flush()
        self._file.close()
