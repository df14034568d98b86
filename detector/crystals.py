"""Which crystal a photon hits: from its vertex to the front face, then (ring, column).

The reconstructed direction is that of the front-face hit seen from the IP: the ECL does
not point, so photons of a displaced decay look closer together than they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from detector.geometry import (
    BACKWARD_FACE_CM,
    BARREL_RADIUS_CM,
    BINS_PER_RAD,
    FORWARD_FACE_CM,
    Geometry,
)
from generator.compiled import kernel
from generator.random import LaneState, draw, load, store
from generator.simd import LANES, atan2, azimuth, f4, i4, sincos

if TYPE_CHECKING:
    from generator.columns import Column, Photons

_0, _1, _H, _BINS = f4(0), f4(1), f4(0.5), f4(BINS_PER_RAD)
_R2: Final = f4(BARREL_RADIUS_CM**2)
_FORWARD, _BACKWARD = f4(FORWARD_FACE_CM), f4(BACKWARD_FACE_CM)
_FAR = f4(1e9)


Flat = NDArray[np.float32]
"""Working column inside the detector, shape (slots·LANES,): slot after slot."""


@dataclass(frozen=True, slots=True)
class Hits:
    """Photons of a block at the crystals."""

    slots: int
    """Photon slots per event."""
    energy: Flat
    """Deposited energy [GeV]; 0 for a photon that is absent or lost."""
    theta: Flat
    """Polar angle of the hit seen from the IP [rad]."""
    phi: Flat
    """Azimuth of the hit [rad]."""
    ring: Flat
    """Ring, −1 where there is no crystal."""
    row: Flat
    """Where the hit is in θ, in crystals: the ring plus the fraction of it crossed."""
    phi_crystal: Flat
    """Azimuth of the crystal's centre [rad]."""
    pitch: Flat
    """Azimuthal width of the crystal [rad]."""


@kernel
def _to_front_face(
    first: int, n_slots: int, vertex: Column, energy: Column, theta: Column, phi: Column
) -> None:
    """Replace directions of slots ≥ ``first`` by those of the hits; lose the rest."""
    for slot in range(first, n_slots):
        for i in range(LANES):
            j = slot * LANES + i
            x, y, z = f4(vertex[i]), f4(vertex[LANES + i]), f4(vertex[2 * LANES + i])
            st, ct = sincos(f4(theta[j]))
            sp, cp = sincos(f4(phi[j]))
            ux, uy = st * cp, st * sp
            # cylinder: |r + t u| = R; planes: z + t ct = face
            a = max(st * st, f4(1e-12))
            b = x * ux + y * uy
            c = x * x + y * y - _R2
            to_barrel = (np.sqrt(max(b * b - a * c, _0)) - b) / a
            face = _FORWARD if ct > _0 else _BACKWARD
            to_plane = (face - z) / ct if abs(ct) > f4(1e-9) else _FAR
            t = min(to_barrel, to_plane)
            inside = (c < _0) & (z < _FORWARD) & (z > _BACKWARD)
            hx, hy, hz = x + t * ux, y + t * uy, z + t * ct
            theta[j] = atan2(np.sqrt(hx * hx + hy * hy), hz)
            phi[j] = azimuth(hy, hx)
            energy[j] = f4(energy[j]) if inside else _0


@kernel
def _lookup(
    lookup: Flat,
    pitches: Flat,
    starts: Flat,
    widths: Flat,
    theta: Column,
    ring: Flat,
    row: Flat,
    pitch: Flat,
) -> None:
    """Look up the ring and its sizes: the one scalar loop (it gathers)."""
    for j in range(theta.size):
        angle = f4(theta[j])
        bin3 = i4(3) * i4(angle * _BINS)
        above = angle >= lookup[bin3 + i4(1)]
        found = lookup[bin3 + i4(2)] if above else lookup[bin3]
        k = i4(found) + i4(1)
        ring[j] = found
        row[j] = found + (angle - starts[k]) / widths[k]
        pitch[j] = pitches[k]


@kernel
def _deposit(
    state: LaneState,
    efficiency: float,
    energy: Column,
    theta: Column,
    phi: Column,
    ring: Flat,
    pitch: Flat,
    energy_out: Flat,
    theta_out: Flat,
    phi_out: Flat,
    centre_out: Flat,
) -> None:
    """Deposit energy in crystals; what misses them or is inefficient deposits 0."""
    for slot in range(energy.size // LANES):
        for i in range(LANES):
            j = slot * LANES + i
            u, words = draw(load(state, i))
            store(state, i, words)
            e, angle = f4(energy[j]), f4(phi[j])
            e = e if u < f4(efficiency) else _0
            energy_out[j] = e if ring[j] >= _0 else _0
            theta_out[j] = f4(theta[j])
            phi_out[j] = angle
            centre_out[j] = (np.floor(angle / pitch[j]) + _H) * pitch[j]


def hit(
    photons: Photons, geometry: Geometry, photon_efficiency: float, state: LaneState
) -> Hits:
    """Return where the photons of a block hit the crystals.

    Parameters
    ----------
    photons : Photons
        True photons.
    geometry : Geometry
        Rings of the calorimeter.
    photon_efficiency : float
        Chance that a photon on a crystal is seen at all.
    state : LaneState
        Generator lanes, advanced in place.
    """
    energy, theta, phi = photons.energy, photons.theta, photons.phi
    slots = energy.shape[0]
    if photons.vertex_cm is not None:
        energy, theta, phi = energy.copy(), theta.copy(), phi.copy()
        vertex = photons.vertex_cm.reshape(-1)
        columns = energy.reshape(-1), theta.reshape(-1), phi.reshape(-1)
        _to_front_face(photons.n_prompt, slots, vertex, *columns)
    columns = energy.reshape(-1), theta.reshape(-1), phi.reshape(-1)
    ring, row, pitch, deposit, theta_hit, phi_hit, centre = (
        np.empty(slots * LANES, np.float32) for _ in range(7)
    )
    sizes = (geometry.pitches, geometry.starts, geometry.widths)
    _lookup(geometry.lookup, *sizes, columns[1], ring, row, pitch)
    hits = (deposit, theta_hit, phi_hit, centre)
    _deposit(state, photon_efficiency, *columns, ring, pitch, *hits)
    return Hits(slots, deposit, theta_hit, phi_hit, ring, row, centre, pitch)
