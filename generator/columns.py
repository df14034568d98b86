"""True photons of a block of events as plain columns, and as an awkward array."""

from __future__ import annotations

from dataclasses import dataclass

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from generator.simd import LANES

Column = NDArray[np.float64]


def empty(slots: int) -> Column:
    """Return an uninitialised column block, shape (slots, LANES)."""
    return np.empty((slots, LANES))


@dataclass(frozen=True, slots=True)
class Photons:
    """Photons of up to LANES events in the lab frame (structure of arrays).

    A lane beyond ``n_events`` is padding: it holds harmless numbers and no weight.
    """

    energy: Column
    """E [GeV], shape (slots, LANES); 0 where an event has no photon in that slot."""
    theta: Column
    """Polar angle [rad], shape (slots, LANES)."""
    phi: Column
    """Azimuth in [0, 2π) [rad], shape (slots, LANES)."""
    weight_pb: Column
    """Share of the cross section [pb], shape (LANES,): a sample sums to σ."""
    n_events: int
    """Lanes in use."""
    vertex_cm: Column | None = None
    """Decay vertex (x, y, z) [cm], shape (3, LANES); None if all photons are prompt."""
    n_prompt: int = 0
    """The first ``n_prompt`` slots come from the IP, the others from the vertex."""
    proper_length_cm: Column | None = None
    """Proper decay length of the parent, c·t [cm], shape (LANES,)."""
    largest_lost_pb: float = 0.0
    """Largest weight before the phase space cut all events of the block [pb]."""

    def as_awkward(self) -> ak.Array:
        """Return the events as a ragged awkward array with vector behaviour.

        See Also
        --------
        ragged : how the columns are shared instead of copied.
        """
        return ragged(self.energy, self.theta, self.phi, self.n_events)


def ragged(energy: Column, theta: Column, phi: Column, n_events: int) -> ak.Array:
    """View column blocks as events × photons, without copying E, θ or φ.

    An index into the flat columns, one entry per photon with E > 0, carries the
    raggedness. ``pt`` is added since vector needs a transverse coordinate.

    Parameters
    ----------
    energy, theta, phi : arrays of shape (slots, LANES)
        Column blocks [GeV, rad, rad].
    n_events : int
        Lanes in use.

    Returns
    -------
    ak.Array
        ``n_events * var * Momentum4D[E, theta, phi, pt]``.
    """
    import vector  # noqa: PLC0415  # slow to import, and only analysis wants it

    vector.register_awkward()
    present = energy[:, :n_events].T > 0.0
    event, slot = np.nonzero(present)
    offsets = np.concatenate([[0], np.cumsum(present.sum(axis=1))])
    flat = [np.ascontiguousarray(column).reshape(-1) for column in (energy, theta, phi)]
    record = ak.contents.RecordArray(
        [ak.contents.NumpyArray(c) for c in (*flat, flat[0] * np.sin(flat[1]))],
        ["E", "theta", "phi", "pt"],
        parameters={"__record__": "Momentum4D"},
    )
    content = ak.contents.IndexedArray(
        ak.index.Index64(slot * energy.shape[1] + event), record
    )
    return ak.Array(ak.contents.ListOffsetArray(ak.index.Index64(offsets), content))
