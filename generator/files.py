"""Events in ROOT files: a TTree ``events`` with ragged photons, config and seed inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import awkward as ak
import numpy as np
import uproot

from generator.beams import transform

if TYPE_CHECKING:
    from pathlib import Path

    from generator.beams import Beams
    from generator.columns import Photons

TREE: Final = "events"
_PER_PHOTON: Final = (
    "E_cms",
    "theta_cms",
    "phi_cms",
    "E_lab",
    "theta_lab",
    "phi_lab",
)


def branches(photons: Photons, beams: Beams) -> dict[str, Any]:
    """Return the branches of a block of events.

    Photons are ragged: ``E``, ``theta`` and ``phi`` in both frames [GeV, rad]. Signal
    events also carry the decay vertex [cm] and the proper decay length [cm].
    """
    n = photons.n_events
    lab = [c[:, :n].T for c in (photons.energy, photons.theta, photons.phi)]
    values = (*transform(beams.lab_to_cms, *lab), *lab)
    counts = (lab[0] > 0.0).sum(axis=1)
    present = lab[0] > 0.0
    photon = {
        name: ak.unflatten(np.ascontiguousarray(value[present]), counts)
        for name, value in zip(_PER_PHOTON, values, strict=True)
    }
    result: dict[str, Any] = {
        "weight_pb": photons.weight_pb[:n],
        "photon": ak.zip(photon),
    }
    if photons.vertex_cm is not None and photons.proper_length_cm is not None:
        for name, column in zip("xyz", photons.vertex_cm, strict=True):
            result[f"decay_{name}_cm"] = column[:n]
        result["proper_length_cm"] = photons.proper_length_cm[:n]
    return result


class EventWriter:
    """Writes blocks of events to a TTree, as one basket per ~10⁵ events.

    Parameters
    ----------
    path : Path
        File to create.
    beams : Beams
        For the CM columns.
    header : dict
        Text stored beside the tree (configuration, seed, version), one object per key.
    """

    _BUFFER: Final = 64

    def __init__(self, path: Path, beams: Beams, header: dict[str, str]) -> None:
        self._file = uproot.recreate(path)
        for key, text in header.items():
            self._file[key] = text
        self._beams = beams
        self._tree: Any = None
        self._pending: list[dict[str, Any]] = []

    def add(self, photons: Photons) -> None:
        """Append a block."""
        self._pending.append(branches(photons, self._beams))
        if len(self._pending) == self._BUFFER:
            self._flush()

    def _flush(self) -> None:
        if not self._pending:
            return
        joined = {
            name: ak.concatenate([block[name] for block in self._pending])
            for name in self._pending[0]
        }
        if self._tree is None:
            types = {name: array.type.content for name, array in joined.items()}
            self._tree = self._file.mktree(
                TREE, types, field_name=lambda _, field: field
            )
        self._tree.extend(joined)
        self._pending.clear()

    def close(self) -> None:
        """Write what is pending and close the file."""
        self._flush()
        self._file.close()
