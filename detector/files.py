"""Clusters in ROOT files: ragged clusters, their shapes, and trigger bits.

A TTree ``events``, one entry per event. Columns have our names or basf2's, as in
`generator.files`; what basf2 has no variable for keeps our name. What the bits of ``l1``
and ``hlt`` stand for is in the texts of those names beside the tree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

import awkward as ak
import numpy as np
import uproot

from detector.trigger_lines import HltLine, L1Line
from generator.files import TREE, Names, concatenate

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from detector.simulate import Clusters

_COLUMNS: Final = {
    Names.OURS: {
        "E": "E_lab",
        "theta": "theta_lab",
        "phi": "phi_lab",
        "e1_e9": "e1_e9",
        "e9_e21": "e9_e21",
        "width_cm": "width_cm",
        "time_ns": "time_ns",
    },
    Names.BASF2: {
        "E": "clusterE",
        "theta": "clusterTheta",
        "phi": "clusterPhi",
        "e1_e9": "clusterE1E9",
        "e9_e21": "clusterE9E21",
        "width_cm": "width_cm",
        "time_ns": "clusterTiming",
    },
}
_COUNTERS: Final = {Names.OURS: "ncluster", Names.BASF2: "__ncandidates__"}
MEANINGS: Final = {
    "E": "energy in the lab [GeV]",
    "theta": "polar angle in the lab [rad]",
    "phi": "azimuth in the lab [rad]",
    "e1_e9": "central crystal over the 3x3 around it",
    "e9_e21": "3x3 over the 21 crystals of the cluster",
    "width_cm": "root of the mean square distance from the centroid, by energy [cm]",
    "time_ns": "time after the collision [ns]",
}


def columns(clusters: Clusters, names: Names = Names.OURS) -> dict[str, Any]:
    """Return the branches of a block: clusters, weight, trigger decision and bits."""
    n = clusters.n_events
    found: dict[str, Any] = {
        "E": clusters.energy,
        "theta": clusters.theta,
        "phi": clusters.phi,
    }
    if clusters.shapes is not None:
        for name in ("e1_e9", "e9_e21", "width_cm"):
            found[name] = getattr(clusters.shapes, name)
    if clusters.time_ns is not None:
        found["time_ns"] = clusters.time_ns
    present = clusters.energy[:, :n].T > 0.0
    counts, ragged = present.sum(axis=1), {}
    for name, column in found.items():
        values = column[:, :n].T[present].astype(np.float64)
        if name == "phi" and names is Names.BASF2:
            values = np.where(values > np.pi, values - 2.0 * np.pi, values)
        ragged[_COLUMNS[names][name]] = ak.unflatten(values, counts)
    result: dict[str, Any] = {"cluster": ak.zip(ragged)}
    result["weight_pb"] = clusters.weight_pb[:n]
    result["triggered"] = clusters.triggered[:n]
    for name, bits in (("l1", clusters.l1), ("hlt", clusters.hlt)):
        if bits is not None:
            result[name] = bits[:n]
    return result


def refuse_clusters(path: Path) -> None:
    """Refuse a file that this module wrote where true photons are asked for.

    Raises
    ------
    ValueError
        If the events of the file have a trigger decision.
    """
    with uproot.open(path) as file:
        if TREE in file and "triggered" in file[TREE].keys():  # noqa: SIM118
            msg = f"{path}: holds clusters, not true photons"
            raise ValueError(msg)


class ClusterWriter:
    """Writes blocks of clusters to a TTree, ~10⁵ events at a time.

    Parameters
    ----------
    path : Path
        File to create.
    header : dict
        Text stored beside the tree, one object per key.
    names : Names
        How to name the columns.
    """

    _BUFFER: Final = 64

    def __init__(
        self, path: Path, header: dict[str, str], names: Names = Names.OURS
    ) -> None:
        self._file, self._names = uproot.recreate(path), names
        texts = {
            "columns": {_COLUMNS[names][k]: text for k, text in MEANINGS.items()},
            "l1_bits": {f"{n} {x}": x.description for n, x in enumerate(L1Line)},
            "hlt_bits": {f"{n} {x}": x.description for n, x in enumerate(HltLine)},
        }
        for name, lines in texts.items():
            self._file[name] = "\n".join(f"{k}: {text}" for k, text in lines.items())
        for key, text in header.items():
            self._file[key] = text
        self._tree: Any = None
        self._pending: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write what is pending, unless something failed, and close the file."""
        if kind is None:
            self._flush()
        self._file.close()

    def add(self, clusters: Clusters) -> None:
        """Append a block."""
        self._pending.append(columns(clusters, self._names))
        if len(self._pending) == self._BUFFER:
            self._flush()

    def _flush(self) -> None:
        if not self._pending:
            return
        joined = concatenate(self._pending)
        if self._tree is None:
            types = {name: array.type.content for name, array in joined.items()}
            self._tree = self._file.mktree(
                TREE,
                types,
                "Reconstructed clusters; units: see columns",
                counter_name=lambda _: _COUNTERS[self._names],
                field_name=lambda _, field: field,
            )
        self._tree.extend(joined)
        self._pending.clear()
