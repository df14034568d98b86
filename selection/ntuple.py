"""Somebody else's reconstructed clusters, through the same cuts as the toy's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detector.simulate import Clusters
from generator.ingest import event_weights, lane_blocks, padded, per_event

if TYPE_CHECKING:
    from collections.abc import Iterator

    import awkward as ak
    from numpy.typing import NDArray

    from generator.columns import Column


def clusters(
    events: ak.Array,
    *,
    weight_pb: Column | None = None,
    triggered: NDArray[np.bool_] | None = None,
) -> Iterator[Clusters]:
    """Yield reconstructed clusters as the blocks that `selection.candidates` takes.

    Parameters
    ----------
    events : ak.Array
        Ragged clusters in the lab: E [GeV], θ and φ [rad], with our names or basf2's
        (see `generator.ingest.ALIASES`).
    weight_pb : array of shape (n,), optional
        Weights [pb]; from a ``weight_pb`` column if there is one, else 1/n.
    triggered : array of shape (n,), optional
        Trigger decision; every event passed if it is missing.

    Raises
    ------
    ValueError
        If a column is missing or not ragged, a number is not finite, an energy is
        negative, an angle is not in radians, or there is not one value per event.
    """
    columns = padded(events)
    weight = event_weights(events, weight_pb)
    every = np.ones(len(events))
    passed = (
        every if triggered is None else per_event("triggered", triggered, len(events))
    )
    for block, count in lane_blocks([*columns, weight, passed]):
        energy, theta, phi, w, trigger = block
        yield Clusters(energy, theta, phi, trigger > 0.0, w, count)
