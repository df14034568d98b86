"""One event crystal by crystal: the arrays that clustering works on.

They hold the whole calorimeter and are cleaned crystal by crystal, so that the work goes
with the crystals that are hit. Kernels take them one by one, and they are few: numba
counts a reference to every array that is taken out of a tuple, which would take more
time than the clustering.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from generator.compiled import kernel
from generator.simd import f4, i4

Flat = NDArray[np.float32]
Numbers = NDArray[np.uint32]
"""Numbers of crystals, unsigned: numba then need not ask whether an index is negative."""
Labels = NDArray[np.int32]

MOST_CRYSTALS: Final = 1024
"""Crystals that an event may hit."""
MOST_CLUSTERS: Final = 64
MAX_MAXIMA: Final = 10
"""A region with this many maxima is one shower."""
CLUSTER: Final = ("energy", "theta", "phi", "e1_e9", "e9_e21", "width_cm", "ring")
"""Columns of the clusters found."""
COLUMNS: Final = len(CLUSTER) + 1

UNSEEN, LOOSE = i4(-2), i4(-1)
"""Labels of crystals that are not hit, or in no region."""
_0 = f4(0)

# Sections of `Event.lists`,
HIT, MEMBERS, MAXIMA, CORE, SEEDS = (k * MOST_CRYSTALS for k in range(5))
# of `Event.columns`: crystals of a shower side by side (energy, that of the shower,
# polar angle, azimuth from a reference, along θ, circumference / 2π), then centroids of
# maxima (along θ, azimuth, circumference / 2π), the position of the shower at hand
# (energy, θ, azimuth), and the clusters;
WHOLE, PART, POLAR, TURN, ALONG, REACH_CM = (k * MOST_CRYSTALS for k in range(6))
CENTROID, WHERE = 6 * MOST_CRYSTALS, 6 * MOST_CRYSTALS + 3 * MAX_MAXIMA
FOUND: Final = WHERE + 3
# and `Event.counts`.
N_HIT, N_FOUND = 0, 1


class Event(NamedTuple):
    """Crystals and clusters of one event, and what finding them needs."""

    energy: Flat
    """Energy of every crystal [GeV], the blank of `Cells` included."""
    label: Labels
    """Region of every crystal; −1: in none, −2: not hit."""
    place: Numbers
    """Where a crystal stands in its region, if that is split."""
    free: Flat
    """Energy of the crystals that a region may still take [GeV], else 0."""
    lists: Numbers
    """Crystals: hit, of the regions, local maxima of one, centres of clusters,
    and those that may start a region."""
    columns: Flat
    """Work space and the clusters found, from ``FOUND`` on ``COLUMNS`` numbers each."""
    share: Flat
    """Share of the energy of a region's crystals that belongs to each maximum."""
    counts: Labels
    """Crystals hit, clusters found."""


def event(n_cells: int) -> Event:
    """Return an empty event; ``n_cells`` counts the blank."""
    return Event(
        energy=np.zeros(n_cells, np.float32),
        label=np.full(n_cells, UNSEEN, np.int32),
        place=np.zeros(n_cells, np.uint32),
        free=np.zeros(n_cells, np.float32),
        lists=np.zeros(5 * MOST_CRYSTALS + 1, np.uint32),
        columns=np.zeros(FOUND + MOST_CLUSTERS * COLUMNS, np.float32),
        share=np.zeros(MAX_MAXIMA * MOST_CRYSTALS, np.float32),
        counts=np.zeros(2, np.int32),
    )


@kernel
def add_shower(
    energy: Flat,
    label: Labels,
    lists: Numbers,
    counts: Labels,
    noise_GeV: float,
    first: int,
    step: int,
    n: int,
    scale: float,
    patch: Flat,
    noise: Flat,
    cell: NDArray[np.int32],
) -> None:
    """Add ``n`` crystals of a shower, ``step`` apart in the patch.

    A crystal that is hit for the first time gets its noise.
    """
    count = counts[N_HIT]
    for k in range(n):
        at = first + k * step
        c = cell[at]
        if c < 0:
            continue
        if label[c] == UNSEEN:
            if count == MOST_CRYSTALS:
                continue
            label[c] = LOOSE
            lists[HIT + count] = c
            count += 1
            energy[c] = f4(noise_GeV) * noise[at]
        energy[c] += f4(scale) * patch[at]
    counts[N_HIT] = count


@kernel
def clean(
    energy: Flat, label: Labels, free: Flat, lists: Numbers, counts: Labels
) -> None:
    """Empty an event."""
    for k in range(counts[N_HIT]):
        c = lists[HIT + k]
        energy[c] = free[c] = _0
        label[c] = UNSEEN
    counts[N_HIT] = counts[N_FOUND] = 0
