"""One event crystal by crystal, to be looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detector.cells import WIDTH, cells
from detector.clustering import find_clusters
from detector.event import COLUMNS, CORE, FOUND, HIT, N_FOUND, N_HIT, add_shower, event
from detector.shower_integrals import TILE
from detector.shower_patch import PATCH, STRIDE, Patches, share
from generator.simd import LANES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detector.crystals import Hits
    from detector.shower import ShowerModel
    from generator.random import LaneState


@dataclass(frozen=True, slots=True)
class EventPicture:
    """Crystals and clusters of one event."""

    cell: NDArray[np.int64]
    """Numbers of the crystals that are hit, (n,); see `detector.cells`."""
    energy_GeV: NDArray[np.float64]
    """Their energies, noise included [GeV]."""
    cluster: NDArray[np.int64]
    """Cluster with the largest share of each, −1 for none; by its central crystal."""
    core: NDArray[np.int64]
    """Central crystal of every cluster, (m,)."""
    cluster_theta: NDArray[np.float64]
    """Polar angles of the clusters [rad]."""
    cluster_phi: NDArray[np.float64]
    """Their azimuths [rad]."""
    photon_energy_GeV: NDArray[np.float64]
    """Energies of the photons that hit a crystal, (p,) [GeV]."""
    photon_theta: NDArray[np.float64]
    """Where they hit, seen from the IP [rad]."""
    photon_phi: NDArray[np.float64]
    """Azimuth of that [rad]."""


def draw_event(
    model: ShowerModel, hits: Hits, state: LaneState, lane: int
) -> EventPicture:
    """Do again what `ShowerModel.cluster` does to one event of a block, and keep it all.

    Parameters
    ----------
    model : ShowerModel
        Crystal-level detector.
    hits : Hits
        Photons of the block at the crystals.
    state : LaneState
        Generator lanes as they were before the block was clustered; advanced.
    lane : int
        Which event.
    """
    deposit, first = model.deposits(hits, state), lane // TILE * TILE
    patches, crystals = Patches.empty(hits.slots), cells()
    noise = model.noise_GeV
    share(hits, deposit, first, patches, state, fluctuate=noise is not None)
    ev = event(crystals.table.size // WIDTH)
    here = deposit[lane::LANES] > 0.0
    for slot in np.flatnonzero(here):
        add_shower(
            ev.energy,
            ev.label,
            ev.lists,
            ev.counts,
            noise or 0.0,
            slot * PATCH * STRIDE + lane - first,
            STRIDE,
            PATCH,
            patches.scale[slot * TILE + lane - first],
            patches.energy,
            patches.noise,
            patches.cell,
        )
    hit = ev.lists[HIT : HIT + ev.counts[N_HIT]].astype(np.int32)
    owners = np.empty(hit.size, np.int32)
    # every crystal that is hit asks for its owner, as a photon would
    find_clusters(crystals.table, crystals.near, crystals.around, *ev, hit, owners)
    n = int(ev.counts[N_FOUND])
    core = ev.lists[CORE : CORE + n].astype(np.int64)
    found = ev.columns[FOUND : FOUND + n * COLUMNS].reshape(n, COLUMNS)
    photons = [c[lane::LANES][here] for c in (hits.energy, hits.theta, hits.phi)]
    energy, theta, phi = (c.astype(float) for c in photons)
    return EventPicture(
        cell=hit.astype(np.int64),
        energy_GeV=ev.energy[hit].astype(float),
        cluster=np.where(owners >= 0, core[owners], -1),
        core=core,
        cluster_theta=found[:, 1].astype(float),
        cluster_phi=np.mod(found[:, 2].astype(float), 2.0 * np.pi),
        photon_energy_GeV=energy,
        photon_theta=theta,
        photon_phi=phi,
    )
